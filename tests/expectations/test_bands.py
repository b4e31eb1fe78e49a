"""Bands: unit slips in a sender's file, shrinking feeds, coverage, and changes of published results."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from expectations.checks.unit_slips import TAX_COMPONENTS
from expectations.gate.run import run_gate
from expectations.gate.snapshot import Pin
from expectations.gate.suite import declared_suites
from tests.expectations.conftest import Judge
from tests.expectations.good_city import City, add_delivery, add_raw, code_of, write

Columns = dict[str, Any]
TAX = ("tax_vat_wan_yuan", "tax_income_wan_yuan")


def _failed(report: Any) -> set[str]:
    return {v.expectation for v in report.failures()}


# --- unit slips: a city whose figures spread like real ones -------------------------------------------


def spread_city(firms: int, years: tuple[str, ...], seed: int) -> Columns:
    """Lognormal figures, 8 % of firms above scale: revenue 6,200 or 250 万元 in the median, sigma 1.3.

    A firm keeps its size from year to year; its tax rate, staff and electricity spread by 0.6 to 1.0 around it.
    """
    draw = np.random.default_rng(seed)
    above = draw.random(firms) < 0.08
    size = np.where(above, np.log(6200), np.log(250)) + draw.normal(0, 1.3, firms)
    rate = np.log(0.03) + draw.normal(0, 0.9, firms)
    staff = size * 0.7 - np.where(above, 1.7, 2.1) + draw.normal(0, 0.6, firms)
    power = size * 0.8 + np.log(2000) + draw.normal(0, 1.0, firms)
    columns: dict[str, list[Any]] = {}
    for year in years:
        moved = size + draw.normal(0, 0.3, firms)
        revenue = np.exp(moved)
        tax = np.exp(moved + rate + draw.normal(0, 0.5, firms)) * np.where(draw.random(firms) < 0.03, 0, 1)
        statistics = [
            r * f if a else None
            for r, f, a in zip(revenue, draw.uniform(0.8, 1.2, firms), above, strict=True)
        ]
        # derived from revenue, so that no further random number is drawn
        water = revenue / 3 * 8
        values: dict[str, Any] = {
            "uscc": [code_of(n) for n in range(firms)],
            "year": [year] * firms,
            "is_above_scale": above,
            "tax_vat_wan_yuan": tax * 0.7,
            "tax_income_wan_yuan": tax * 0.3,
            "declared_revenue_wan_yuan": revenue,
            "power_kwh": np.exp(power + draw.normal(0, 0.3, firms)),
            "insured_count": np.maximum(1, np.exp(staff)).astype(int),
            "revenue_wan_yuan": statistics,
            "output_wan_yuan": statistics,
            "employees_average": [e if a else None for e, a in zip(np.exp(staff), above, strict=True)],
            "value_added_wan_yuan": statistics,
            "energy_tce": statistics,
            "water_m3": water,
            "land_area_mu": np.exp(draw.normal(1.7, 0.9, firms))
            if year == years[0]
            else columns["land_area_mu"][:firms],
        }
        for name, column in values.items():
            columns.setdefault(name, []).extend(list(column))
    return columns


def slip(
    columns: Columns, names: tuple[str, ...], factor: float, *, year: str, share: float = 0.03
) -> Columns:
    """The same city with one row in 1/share of a year in another unit."""
    step = round(1 / share)
    slipped = dict(columns)
    for name in names:
        slipped[name] = [
            value * factor if y == year and value is not None and n % step == 0 else value
            for n, (value, y) in enumerate(zip(columns[name], columns["year"], strict=True))
        ]
    return slipped


def slips_found(table: str, columns: Columns) -> dict[str, int]:
    """Unit-slip check that fails → number of firms that it names."""
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    rows = pa.table(columns)
    for name in TAX_COMPONENTS:
        if name not in columns:
            rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.float64()))
    connection.register("figures", rows)
    connection.execute("CREATE SCHEMA feeds")
    connection.execute(
        "CREATE TABLE feeds.current_delivery AS SELECT 'd' AS delivery_id, 'm' AS mapping_hash"
    )
    found = {}
    for check in declared_suites()[table].checks:
        if check.id.endswith("_slip"):
            sql = check.sql.replace("{table}", "figures")
            found[check.id] = connection.execute(f"SELECT count(*) FROM ({sql})").fetchall()[0][0]
    return {id_: number for id_, number in found.items() if number}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("firms", [540, 3000])
def test_spread_of_real_figures_is_no_slip(firms: int, seed: int) -> None:
    assert slips_found("core.enterprise_year", spread_city(firms, ("2021", "2022", "2023"), seed)) == {}


@pytest.mark.parametrize("firms", [540, 3000])
@pytest.mark.parametrize("factor", [1e-4, 1e4], ids=["too small", "too large"])
@pytest.mark.parametrize("years", [("2021", "2022", "2023"), ("2022", "2023"), ("2023",)], ids=len)
def test_three_percent_of_tax_rows_in_another_unit(years: tuple[str, ...], factor: float, firms: int) -> None:
    """Tax in 亿元 instead of 万元 in 3 % of a year's rows is found with three years of data, two, and one."""
    city = spread_city(firms, years, seed=7)
    rows = (*TAX, "declared_revenue_wan_yuan")
    assert slips_found("core.enterprise_year", slip(city, rows, factor, year="2023"))
    found = slips_found("core.enterprise_year", slip(city, TAX, factor, year="2023"))
    assert found["tax_to_revenue_slip"] >= 0.02 * firms
    if len(years) > 1:
        assert found["tax_unit_slip"] >= 0.025 * firms


def test_slips_in_other_figures() -> None:
    city = spread_city(2000, ("2021", "2022", "2023"), seed=3)
    for name, check in {
        "power_kwh": "power_unit_slip",
        "declared_revenue_wan_yuan": "declared_revenue_unit_slip",
        "land_area_mu": "land_unit_slip",
        "water_m3": "water_unit_slip",
    }.items():
        factor = 667 if name == "land_area_mu" else 1e-4  # m² for 亩
        assert check in slips_found("core.enterprise_year", slip(city, (name,), factor, year="2022"))
    for name in ("output_wan_yuan", "revenue_wan_yuan", "value_added_wan_yuan", "energy_tce"):
        found = slips_found("core.enterprise_year", slip(city, (name,), 1e4, year="2022", share=0.5))
        assert name.split("_")[0] in " ".join(found)


def test_employees_in_another_unit() -> None:
    city = spread_city(4000, ("2023",), seed=3)
    found = slips_found(
        "core.enterprise_year", slip(city, ("employees_average",), 1e-4, year="2023", share=0.2)
    )
    assert set(found) == {"output_to_employees_slip"}
    found = slips_found(
        "core.enterprise_year", slip(city, ("revenue_wan_yuan",), 1e-4, year="2023", share=0.2)
    )
    assert set(found) == {"statistics_to_tax_revenue_slip"}


def test_a_few_slips_are_a_firms_own_mistake() -> None:
    city = spread_city(540, ("2021", "2022", "2023"), seed=5)
    assert slips_found("core.enterprise_year", slip(city, TAX, 1e-4, year="2023", share=0.009)) == {}


def months(firms: int, seed: int) -> Columns:
    """Monthly tax of a year: income tax is due every quarter, single months spread by 0.8."""
    draw = np.random.default_rng(seed)
    size = draw.normal(2, 1.8, firms)
    columns: dict[str, list[Any]] = {}
    for month in range(1, 13):
        usual = np.exp(size + draw.normal(0, 0.8, firms))
        values: dict[str, Any] = {
            "uscc": [code_of(n) for n in range(firms)],
            "period": [f"2024-{month:02d}"] * firms,
            "year": [f"2024-{month:02d}"] * firms,
            "delivery_id": ["d"] * firms,
            "mapping_hash": ["m"] * firms,
            "tax_vat_wan_yuan": usual,
            "tax_income_wan_yuan": usual * (2 if month % 3 == 1 else 0),
            "declared_revenue_wan_yuan": usual * 30,
        }
        for name, column in values.items():
            columns.setdefault(name, []).extend(list(column))
    return columns


@pytest.mark.parametrize("factor", [1e-4, 1e4], ids=["too small", "too large"])
def test_slip_in_one_month(factor: float) -> None:
    """A year's sum hides a month that is too small; the monthly rows show it."""
    feed = months(800, seed=1)
    assert slips_found("raw.gov_tax", feed) == {}
    found = slips_found("raw.gov_tax", slip(feed, TAX, factor, year="2024-05"))
    assert set(found) == {"tax_unit_slip"}
    found = slips_found("raw.gov_tax", slip(feed, ("declared_revenue_wan_yuan",), factor, year="2024-05"))
    assert set(found) == {"declared_revenue_unit_slip"}


def test_slipped_tax_file_blocks_publication(city: City, judge: Judge) -> None:
    """Through the gate: 10 % of the small city's rows, because five firms may always err."""
    for table, period in (("core.enterprise_year", "year"), ("raw.gov_tax", "period")):
        rows = [r for r in city[table] if r[period] == "2023" and r["tax_vat_wan_yuan"] is not None]
        for row in rows[:6]:
            row["tax_vat_wan_yuan"] = row["tax_vat_wan_yuan"] / 10_000
    for row in city["raw.gov_electricity"][1:13:2]:
        row["power_kwh"] = row["power_kwh"] / 10_000
    tables = ("core.enterprise_year", "raw.gov_tax", "raw.gov_electricity")
    report = judge(*tables)
    assert not report.passed
    named = {(v.table, v.expectation) for v in report.failures()}
    assert {
        ("core.enterprise_year", "tax_unit_slip"),
        ("core.enterprise_year", "tax_to_revenue_slip"),
    } <= named
    assert {("raw.gov_tax", "tax_unit_slip"), ("raw.gov_electricity", "power_unit_slip")} <= named


# --- plausible figures that are not the firms' own ------------------------------------------------------


def years_of(firms: int, seed: int) -> Columns:
    """A spread city of three years in five districts, as core.enterprise_year and per_mu.unit have it."""
    city = spread_city(firms, ("2021", "2022", "2023"), seed)
    rows = len(city["year"])
    draw = np.random.default_rng(seed)
    for name in ("insured_count", "employees_average"):  # numbers of persons change too
        moved = draw.normal(1, 0.1, rows)
        city[name] = [n and max(1, round(n * m)) for n, m in zip(city[name], moved, strict=True)]
    missing = ("emission_t", "rd_expense_wan_yuan")
    return {
        **city,
        **{name: [None] * rows for name in missing},
        **{name: [None] * rows for name in TAX_COMPONENTS if name not in city},
        "tax_contribution_wan_yuan": city["tax_vat_wan_yuan"],
        "district_code": [f"33020{n % 5}" for n in range(rows)],
        "list_code": ["above_scale" if above else "tenant" for above in city["is_above_scale"]],
    }


def against_year_before(
    columns: Columns, table: str = "core.enterprise_year"
) -> dict[str, list[tuple[Any, ...]]]:
    """Checks against the year before that report rows: check → rows."""
    suite = declared_suites()[table]
    connection = duckdb.connect()
    connection.register("figures", pa.table(columns))
    connection.execute(f"CREATE TABLE summary AS {suite.summary.replace('{table}', 'figures')}")
    found = {
        check.id: connection.execute(check.sql.replace("{summary}", "summary")).fetchall()
        for check in suite.checks
        if "{summary}" in check.sql
    }
    assert len(found) >= 2
    return {id_: rows for id_, rows in found.items() if rows}


def edited(columns: Columns, name: str, edit: Any, year: str = "2022") -> Columns:
    """The city with a year's figures of one column changed by ``edit(figures, index)``."""
    rows = [n for n, y in enumerate(columns["year"]) if y == year]
    figures = [columns[name][n] for n in rows]
    changed = list(columns[name])
    for index, row in enumerate(rows):
        changed[row] = edit(figures, index)
    return {**columns, name: changed}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("firms", [100, 540, 3000])
def test_a_city_that_moves_as_cities_do_raises_no_warning(firms: int, seed: int) -> None:
    assert against_year_before(years_of(firms, seed)) == {}
    assert against_year_before(years_of(firms, seed), "per_mu.unit") == {}


@pytest.mark.parametrize(
    ("factor", "found"),
    [(1.3, set()), (2, {"district_totals"}), (10, {"district_totals", "district_totals_wide"})],
)
def test_a_districts_sum_that_jumps(factor: float, found: set[str]) -> None:
    """Double tax warns, tenfold tax blocks; a good year does neither."""
    city = years_of(3000, 1)
    for name in TAX:
        city = edited(city, name, lambda tax, n: tax[n] * (factor if n % 5 == 1 else 1))
    failing = against_year_before(city)
    assert found <= set(failing) <= found | ({"scale_totals", "order_kept"} if found else set())
    assert all(
        row[:3] in {("tax", y, "district_code=330201") for y in ("2022", "2023")}
        for row in failing.get("district_totals", [])
    )


def test_a_lists_sum_that_jumps() -> None:
    city = years_of(3000, 1)
    tenfold = [
        v * (10 if y == "2023" and not a else 1)
        for v, y, a in zip(city["power_kwh"], city["year"], city["is_above_scale"], strict=True)
    ]
    failing = against_year_before({**city, "power_kwh": tenfold}, "per_mu.unit")
    assert set(failing) == {"list_totals", "list_totals_wide"}
    assert [row[:3] for rows in failing.values() for row in rows] == [
        ("power", "2023", "list_code=tenant")
    ] * 2
    assert {"scale_totals", "scale_totals_wide"} <= set(against_year_before({**city, "power_kwh": tenfold}))


def test_one_large_firm_moves_its_district_and_is_no_fault() -> None:
    """A firm larger than its district may stop for a year; tenfold figures of the whole district still block."""
    city = years_of(500, 3)
    for year, times in (("2021", 10), ("2022", 0), ("2023", 2)):
        city = edited(
            city, "power_kwh", lambda kwh, n, t=times: t * sum(kwh[0::5]) if n == 0 else kwh[n], year
        )
    assert against_year_before(city) == {}
    failing = against_year_before(
        edited(city, "power_kwh", lambda kwh, n: kwh[n] * (1 if n % 5 else 10), "2023")
    )
    assert {row[2] for row in failing["district_totals_wide"]} >= {"district_code=330200"}


@pytest.mark.parametrize(
    "name", ["power_kwh", "declared_revenue_wan_yuan", "revenue_wan_yuan", "insured_count"]
)
def test_figures_of_the_next_firm_block(name: str) -> None:
    """Each firm has the next firm's figure; firms above scale are next to each other, as in a sender's file."""
    city = years_of(3000, 2)
    firms = [n for n, y in enumerate(city["year"]) if y == "2022"]
    order = sorted(range(len(firms)), key=lambda n: not city["is_above_scale"][firms[n]])
    following = dict(zip(order, order[1:] + order[:1], strict=True))
    failing = against_year_before(edited(city, name, lambda figures, n: figures[following[n]]))
    assert {"order_kept", "order_kept_wide"} <= set(failing)
    assert {row[1] for row in failing["order_kept_wide"]} == {"2022", "2023"}


def test_two_fifths_of_the_figures_mixed_up_are_reported() -> None:
    """Two firms in five have the figure of the firm two lines on, so part of the order is left."""
    city = years_of(3000, 2)
    mixed = edited(city, "power_kwh", lambda kwh, n: kwh[(n + 2) % len(kwh)] if n % 5 < 2 else kwh[n])
    failing = against_year_before(mixed)
    assert "order_kept" in failing and "order_kept_wide" not in {
        id_ for id_, rows in failing.items() if any(row[2] == "is_above_scale=false" for row in rows)
    }


@pytest.mark.parametrize(
    ("share", "found"),
    [(0.1, set()), (0.35, {"figures_new"}), (1.0, {"figures_new", "figures_new_wide"})],
)
@pytest.mark.parametrize("name", ["output_wan_yuan", "insured_count"])
def test_figures_of_the_year_before_once_more(name: str, share: float, found: set[str]) -> None:
    city = years_of(3000, 4)
    size = len(city["year"]) // 3
    again = edited(city, name, lambda figures, n: city[name][n] if n % 100 < 100 * share else figures[n])
    assert len(again["year"]) == 3 * size
    failing = against_year_before(again)
    assert set(failing) == found
    assert {row[1] for rows in failing.values() for row in rows} <= {"2022"}


# --- volume and coverage -------------------------------------------------------------------------------


@pytest.mark.parametrize(("records", "blocks"), [(48, True), (57, False)])
def test_feed_that_shrinks_by_a_fifth_blocks(records: int, blocks: bool, city: City, judge: Judge) -> None:
    """48 records are a fifth fewer than the 60 of the year before; 57 are within the band of 90 %."""
    for row in city["raw.delivery"]:
        if row["delivery_id"] == "gov_energy-2023":
            row.update(records_in=records, records_raw=records)
    del city["raw.gov_energy"][60 + records :]
    changed = ("raw.delivery", "raw.gov_energy")
    assert _failed(judge(*changed, tables=["raw.delivery"])) == ({"volume_period"} if blocks else set())


@pytest.mark.parametrize(
    ("standing", "blocks"),
    [(None, {"volume_period", "volume_redelivery"}), ("restored", {"volume_period", "volume_redelivery"}),
     ("withdrawn", set()), ("held", set())],
)  # fmt: skip
def test_a_delivery_that_was_taken_back_is_not_judged(
    standing: str | None, blocks: set[str], city: City, judge: Judge
) -> None:
    """The year again with ten records; the last of its two entries in the register has its standing."""
    known_at = datetime(2024, 6, 1, tzinfo=UTC)
    given = {"delivery_id": "gov_energy-2023-again", "records_in": 10, "known_at": known_at}
    add_delivery(city, "gov_energy", "2023", **given, sequence=100)
    add_delivery(city, "gov_energy", "2023", **given, sequence=101, standing_code=standing)
    add_raw(city, "gov_energy", "2023", 10, "gov_energy-2023-again")
    assert _failed(judge("raw.delivery", "raw.gov_energy", tables=["raw.delivery"])) == blocks


def test_table_that_shrank_since_the_last_release(
    city: City, good_pins: Mapping[str, Pin], judge: Judge
) -> None:
    city["core.parcel"] = [r for n, r in enumerate(city["core.parcel"]) if n % 4]
    city["per_mu.city_rank"] = city["per_mu.city_rank"][60:]
    report = judge("core.parcel", "per_mu.city_rank", previous=good_pins)
    volume = {v.table: v for v in report.verdicts if v.expectation == "volume"}
    assert volume["core.parcel"].blocks
    assert volume["core.parcel"].failing_keys == ("year=2022|before=40|now=30", "year=2023|before=40|now=30")
    assert not volume["per_mu.city_rank"].success
    assert not volume["per_mu.city_rank"].blocks


BOTH = {"coverage_year", "coverage_year_warn"}


@pytest.mark.parametrize(("lost", "fails"), [(6, BOTH), (4, set())])
def test_coverage_against_the_year_before(lost: int, fails: set[str], city: City, judge: Judge) -> None:
    """Six of 40 firms below scale are 15 points; four firms are no loss of coverage, whatever the share."""
    rows = [r for r in city["core.enterprise_year"] if r["year"] == "2023" and not r["is_above_scale"]]
    for row in rows[:lost]:
        row["missing_feeds"] = ["gov_social_insurance"]
    report = judge("core.enterprise_year")
    assert {v.expectation for v in report.verdicts if not v.success} == fails


@pytest.mark.parametrize(("delivered", "fails"), [(("2022", "2023"), BOTH), (("2022",), set()), ((), BOTH)])
def test_a_feed_that_is_not_sent_yet_lowers_no_coverage_and_no_total(
    delivered: tuple[str, ...], fails: set[str], city: City, judge: Judge
) -> None:
    """No firm has energy in 2023: a fault if the feed came, or never came; none while it is still to come."""
    city["raw.delivery"] = [
        row for row in city["raw.delivery"] if row["feed"] != "gov_energy" or row["period"] in delivered
    ]
    for row in city["core.enterprise_year"]:
        if row["year"] == "2023":
            row |= {"energy_tce": None, "energy_calorific_tce": None}
            row["missing_feeds"] = ["gov_energy"] if row["is_above_scale"] else []
    report = judge("raw.delivery", "core.enterprise_year", tables=["core.enterprise_year"])
    assert {v.expectation for v in report.verdicts if not v.success} == fails


def test_coverage_against_the_last_release(city: City, good_pins: Mapping[str, Pin], judge: Judge) -> None:
    """The same loss in both years shows only against the last release."""
    for row in city["core.enterprise_year"]:
        if not row["is_above_scale"] and row["uscc"] < code_of(20):
            row["missing_feeds"] = ["gov_social_insurance"]
    assert _failed(judge("core.enterprise_year")) == set()
    assert _failed(judge("core.enterprise_year", previous=good_pins)) == {"coverage_release"}


def test_older_release_without_a_column(city: City, good_pins: Mapping[str, Pin], tmp_path: Path) -> None:
    """Columns may be added: a column that the last release lacks is NULL there."""
    from schemas.contract import contract

    schema = contract("core.enterprise_year").arrow_schema()
    fewer = schema.remove(schema.get_field_index("emission_t"))
    rows = [{k: v for k, v in r.items() if k != "emission_t"} for r in city["core.enterprise_year"]]
    previous = {
        **good_pins,
        "core.enterprise_year": write(rows, "core.enterprise_year", tmp_path / "old", fewer),
    }
    assert run_gate(good_pins, previous, tables=["core.enterprise_year"]).passed


# --- published results ----------------------------------------------------------------------------------


def test_a_published_grade_changes_only_as_a_new_version(
    city: City, judge: Judge, good_pins: Mapping[str, Pin]
) -> None:
    table = "per_mu.publication"
    assert _failed(judge(table, previous=good_pins)) == set()

    row = city[table][0]
    before = row["final_grade"]
    row["final_grade"] = row["computed_grade"] = "C" if before != "C" else "B"
    report = judge(table, previous=good_pins)
    assert _failed(report) == {"published_stays"}
    assert report.failures()[0].failing_keys == (f"uscc={row['uscc']}|year=2022|evaluation_version=1",)

    corrected = row | {"evaluation_version": 2, "procedure_reason": "更正", "row_id": "v2"}
    row.update(final_grade=before, is_in_force=False)
    city[table].append(corrected)
    assert _failed(judge(table, previous=good_pins)) == set()


@pytest.mark.parametrize(
    ("units", "times", "largest", "found"),
    [(40, 1, 1, False), (40, 4, 1, True), (40, 1, 1000, False), (20, 4, 1, False)],
    ids=["steady", "all fourfold", "the largest a thousandfold", "few units"],
)
def test_a_lists_level_that_jumps(units: int, times: int, largest: int, found: bool) -> None:
    place = {"district_code": "330203", "list_code": "tenant", "indicator_code": "I1"}
    rows = [
        {
            **place,
            "year": year,
            "value": (n + 1) * by * (most if n == units - 1 else 1),
        }
        for year, by, most in (("2022", 1, 1), ("2023", times, largest))
        for n in range(units)
    ]
    [check] = [c for c in declared_suites()["per_mu.indicator_value"].checks if c.id == "levels_steady"]
    connection = duckdb.connect()
    connection.register("figures", pa.Table.from_pylist(rows))
    listed = connection.execute(check.sql.replace("{table}", "figures")).fetchall()
    assert [row[:4] for row in listed] == ([(2023, *place.values())] if found else [])


def test_grades_that_jump_are_reported(city: City, judge: Judge) -> None:
    """The city twice, so that a year has a hundred grades; in the second year no firm has an A."""
    table = "per_mu.enterprise_grade"
    more = [
        r | {"uscc": code_of(500 + n), "row_id": f"m{n}", "rank_in_list": None}
        for n, r in enumerate(city[table])
    ]
    city[table] += more
    for row in city[table]:
        if row["year"] == "2023" and row["final_grade"] == "A":
            row.update(final_grade="B", grade_reasons=["refill"])
    report = judge(table)
    assert "grades_steady" in {v.expectation for v in report.warnings()}
    assert Decimal(len(more)) >= 100
