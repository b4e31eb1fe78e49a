"""Evidence from every published table down to the senders' files, compared with the files themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.evidence import ROWS_SHOWN, Archive, Evidence, conditions
from pipeline.registry import registry
from schemas.contract import contract, feed, feeds
from schemas.duckdb_types import with_years_as_text
from schemas.errors import RejectedError, UsageError
from tests.built_city import one_line
from tests.demo_city import sender_files
from warehouse.releases import open_release
from warehouse.settings import settings

FEEDS = {spec.name for spec in feeds().values()}
PUBLISHED = list(registry())
#: Feeds that must be reached from a row of the table; rows behind a district's sum are counted, not followed.
REACHED = {
    "core.consent": {"raw.ent_consent", "raw.gov_statistics_directory"},
    "core.consent_state": {"raw.ent_consent", "raw.gov_tax"},
    "core.enterprise": {"raw.gov_statistics_directory", "raw.gov_business_registry"},
    "core.enterprise_event": {"raw.gov_honour", "raw.gov_penalty"},
    "core.parcel": {"raw.gov_land_parcel", "raw.gov_land_survey"},
    "core.parcel_use": {"raw.gov_land_parcel", "raw.gov_land_survey"},
    "core.enterprise_year": {"raw.gov_tax", "raw.gov_electricity", "raw.gov_social_insurance"},
    "core.enterprise_month": {"raw.gov_statistics_monthly", "raw.gov_electricity"},
    "core.enterprise_identifier": {"raw.gov_business_registry", "raw.gov_electricity", "raw.gov_land_parcel"},
    "core.group_member": {"raw.gov_identity_change"},
    "core.identity_event": {"raw.gov_identity_change"},
    "core.identity_review": {"raw.gov_business_registry", "raw.gov_electricity", "raw.gov_land_parcel"},
    "core.succession": {"raw.gov_identity_change"},
    "core.building": {"raw.gov_building"},
    "core.park": {"raw.gov_park", "raw.gov_park_assessment"},
    "core.service_complex": {"raw.gov_service_complex"},
    "core.service_firm": {"raw.gov_service_annual"},
    "core.zone": {"raw.gov_zone"},
    "chain.trade": {"raw.ent_trade"},
    "chain.node_enterprise": {"raw.gov_statistics_directory"},
    "chain.local_supplier": {"raw.ent_trade", "raw.ent_product"},
    "chain.node_metrics": set(),
    "chain.node_metrics_month": set(),
    "chain.chain_metrics": set(),
    "chain.chain_metrics_month": set(),
    "chain.gap": set(),
    "chain.supply_flow": set(),
    "chain.target_progress": set(),
    "profile.enterprise_profile": {"raw.gov_statistics_directory", "raw.gov_tax"},
    "profile.enterprise_tag": {"raw.gov_statistics_directory", "raw.gov_tax"},
    "profile.comprehensive_score": {"raw.gov_statistics_directory", "raw.gov_tax"},
    "profile.enterprise_profile_month": {"raw.gov_statistics_directory", "raw.gov_tax"},
    "profile.enterprise_tag_month": {"raw.gov_statistics_directory", "raw.gov_tax"},
    "profile.comprehensive_score_month": {"raw.gov_statistics_directory", "raw.gov_tax"},
    "per_mu.population": {"raw.gov_statistics_directory", "raw.gov_land_survey"},
    "per_mu.adjustment": {"raw.gov_honour", "raw.gov_penalty"},
    "per_mu.baseline": set(),
    "per_mu.city_rank": {"raw.gov_tax", "raw.gov_statistics_directory"},
    "per_mu.land_review": {"raw.gov_statistics_directory", "raw.gov_land_survey"},
    "per_mu.unit": {"raw.gov_tax", "raw.gov_statistics_directory"},
    "per_mu.indicator_value": {"raw.gov_tax", "raw.gov_statistics_directory"},
    "per_mu.enterprise_grade": {"raw.gov_tax", "raw.gov_statistics_directory", "raw.gov_land_survey"},
    "per_mu.district_summary": set(),
    "per_mu.procedure": {"raw.gov_evaluation_step"},
    "per_mu.confirmation": {"raw.ent_confirmation", "raw.gov_evaluation_step"},
    "per_mu.objection": {"raw.ent_objection", "raw.gov_objection_decision", "raw.gov_evaluation_step"},
    "per_mu.object_baseline": set(),
    "per_mu.object_grade": {"raw.gov_land_parcel"},
    "per_mu.object_indicator_value": {"raw.gov_land_parcel"},
    "per_mu.object_unit": {"raw.gov_land_parcel"},
    "per_mu.group_score": {"raw.gov_identity_change", "raw.gov_tax"},
    "per_mu.parcel_figure": {"raw.gov_land_survey", "raw.gov_tax"},
    "bulletin.city_total": set(),
    "bulletin.district_total": set(),
    "bulletin.division_total": set(),
    "bulletin.grade_list": {"raw.gov_statistics_directory", "raw.gov_land_survey"},
    "resource.consequence": {"raw.gov_tax", "raw.gov_statistics_directory"},
    "resource.consequence_city": set(),
    "resource.consequence_district": set(),
    "resource.power_price_month": {"raw.gov_electricity", "raw.gov_statistics_directory"},
    "resource.low_efficiency": {"raw.gov_tax", "raw.gov_statistics_directory", "raw.gov_enterprise_visit"},
    "resource.lifted": {"raw.gov_tax", "raw.gov_statistics_directory"},
    "resource.low_efficiency_district": set(),
    "resource.land_potential": {"raw.gov_land_parcel", "raw.gov_building"},
    "resource.land_potential_district": set(),
    "resource.land_promise": {"raw.gov_land_contract", "raw.gov_tax"},
    "resource.carbon_code": {"raw.gov_energy", "raw.gov_electricity"},
    "resource.emission_ledger": {"raw.gov_emission_right"},
    "resource.emission_right": {"raw.gov_emission_right", "raw.gov_statistics_directory"},
    "resource.emission_transfer": {"raw.gov_emission_right_transfer"},
    "resource.energy_allocation": {"raw.gov_energy", "raw.gov_statistics_directory"},
    "resource.energy_ledger": {"raw.gov_energy_quota_transfer"},
    "resource.energy_quota": set(),
    "resource.energy_quota_district": set(),
    "resource.energy_transfer": {"raw.gov_energy_quota_transfer"},
}
#: Tables from the chain models in the repository; no sender's row is behind them.
FROM_MODELS = {"chain.node"}
#: Tables without a row in the built city: every firm's land carries it, no result was ever corrected, and its senders
#: publish no list of grades
#: (tests/portal/procedure/test_walk.py has one).
EMPTY = {"per_mu.land_review", "per_mu.publication", "resource.consequence_correction"}
#: Tables whose rows come from one of the feeds, not from all of them.
EITHER = {
    "core.enterprise_event", "per_mu.adjustment", "core.enterprise_identifier", "core.identity_review",
    "chain.local_supplier",
}  # fmt: skip
#: Which rows are explained, if not every row has a record of each feed behind it.
ROW = {
    # protection follows from registration and land, not from an event
    "per_mu.adjustment": "event_id IN (SELECT event_id FROM core.enterprise_event)",
    "per_mu.district_summary": "district_code IS NOT NULL",
    "per_mu.population": "land_area_mu > 0",
    "bulletin.grade_list": "eval_status_code = 'graded' AND list_code = 'above_scale'",
    "core.consent_state": "per_mu_consent_code = 'given'",
    "core.park": "park_kind_code = 'small_micro' AND points_safety IS NOT NULL",
    "per_mu.object_grade": "object_kind_code = 'parcel'",
    "per_mu.object_indicator_value": "object_kind_code = 'parcel'",
    "per_mu.object_unit": "object_kind_code = 'parcel' AND eval_status_code = 'graded'",
    "per_mu.parcel_figure": "tax_contribution_wan_yuan > 0",
    "resource.consequence": "measure_code = 'land_use_tax' AND base_amount > 0",
    "resource.low_efficiency": "listing_state_code = 'new' AND list_code = 'above_scale' AND visit_count > 0",
    "resource.land_promise": "promise_state_code IN ('met', 'missed')",
    "resource.carbon_code": "co2_t > 0",
    "resource.emission_ledger": "ledger_entry_kind_code = 'allocation' AND uscc IS NOT NULL",
    "resource.emission_right": "initial_t > 0",
    "resource.energy_allocation": "energy_tce > 0",
    "resource.energy_ledger": "ledger_entry_kind_code = 'transfer'",
    "per_mu.procedure": "decided_date IS NOT NULL",
    "per_mu.confirmation": "confirmation_state_code = 'confirmed'",
    "chain.node_metrics": "firm_count > 0",
    "chain.node_metrics_month": "firm_count > 0",
}


@pytest.fixture
def archive(built_home: Path) -> Iterator[Archive]:
    with Archive(open_release()) as opened:
        yield opened


def key_of(name: str, where: str = "true") -> dict[str, Any]:
    """The key of a row in the middle of a table."""
    key = ", ".join(contract(name).key)
    with duckdb.connect(str(open_release().file), read_only=True) as file:
        keys = file.execute(f"SELECT {key} FROM {name} WHERE {where} ORDER BY {key}").fetchall()
    assert keys, name
    [middle] = with_years_as_text([dict(zip(contract(name).key, keys[len(keys) // 2], strict=True))])
    return middle


def sent(found: Evidence) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Raw rows behind a row."""
    for evidence in found.walk():
        if evidence.table in FEEDS:
            yield from ((evidence.table, row) for row in evidence.rows)


@cache
def _records(path: Path) -> dict[int, dict[str, str | None]]:
    """A landing file read by the tests' own reader: record number → heading → text."""
    return {record.row: record.cells for record in sender_files.read(path)[1]}


def as_sent(table: str, row: Mapping[str, Any]) -> bool:
    """Whether the evidence's record is the record of that number in the landing file."""
    path = settings().landing / table.removeprefix("raw.") / row["source_file"]
    cells = _records(path)[row["source_row"]]
    return {h: v for h, v in row["source_record"].items() if v} == {h: v for h, v in cells.items() if v}


# --- every table -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name not in FROM_MODELS | EMPTY])
def test_a_row_of_every_published_table_is_explained_down_to_the_files(archive: Archive, name: str) -> None:
    where = key_of(name, ROW.get(name, "true"))
    found = archive.explain(name, where)
    assert (found.table, found.total) == (name, 1)
    assert {k: found.rows[0][k] for k in where} == where
    assert found.behind, "the row has no evidence"
    rows = list(sent(found))
    reached = {table for table, _ in rows}
    if name in EITHER:
        assert reached & REACHED[name]
    else:
        assert reached >= REACHED[name]
    wrong = [(t, r["source_file"], r["source_row"]) for t, r in rows if not as_sent(t, r)]
    assert wrong == []


def test_groups_behind_a_sum_are_counted_and_not_followed(archive: Archive) -> None:
    found = archive.explain(
        "per_mu.district_summary", key_of("per_mu.district_summary", "list_code = 'tenant'")
    )
    grades = next(e for e in found.behind if e.table == "per_mu.enterprise_grade")
    assert grades.total > 0 and len(grades.rows) == min(grades.total, ROWS_SHOWN)
    with duckdb.connect(str(open_release().file), read_only=True) as file:
        [(firms,)] = file.execute(
            "SELECT count(*) FROM per_mu.enterprise_grade WHERE year = ? AND district_code = ? AND list_code = ?",
            [found.rows[0][k] for k in ("year", "district_code", "list_code")],
        ).fetchall()
    assert grades.total == firms


@pytest.mark.parametrize("year", ["2022", "2024"])
def test_a_grade_is_explained_by_the_records_behind_its_figures(archive: Archive, year: str) -> None:
    """A year that is reported annually has one record per feed, one that is reported monthly a record per month."""
    where = key_of("per_mu.enterprise_grade", f"year = '{year}' AND list_code = 'above_scale'")
    found = archive.explain("per_mu.enterprise_grade", where)
    rows = list(sent(found))
    assert {Path(row["source_file"]).suffix for _, row in rows} >= {".csv", ".jsonl"}
    assert all(as_sent(table, row) for table, row in rows)
    tax = {row["source_file"] for table, row in rows if table == "raw.gov_tax"}
    months = [f"tax_{year}-{m:02d}.csv" for m in range(1, 13)]
    assert tax == ({"tax_2022.csv"} if year == "2022" else set(months))
    # the firm's own figure is the sum of the records': 元 in the files, 万元 in the table
    yearly = next(e for e in found.walk() if e.table == "core.enterprise_year")
    shown = {
        (row["source_file"], row["source_row"]): row
        for table, row in rows
        if table == "raw.gov_tax" and row["uscc"] == yearly.rows[0]["uscc"]
    }
    paid = sum(row["tax_vat_wan_yuan"] for row in shown.values())
    assert yearly.rows[0]["tax_vat_wan_yuan"] == paid
    in_yuan = sum(float(row["source_record"]["增值税"]) for row in shown.values())
    assert abs(in_yuan / 10_000 - float(paid)) < 0.01


def test_every_format_is_reached_and_shown_as_it_was_sent(archive: Archive) -> None:
    """CSV in UTF-8 and GB18030, JSON lines, and Excel with merged headings."""
    seen: dict[tuple[str, str], int] = {}
    for name in ("core.enterprise_year", "core.enterprise_event"):
        where = "energy_tce > 0 AND emission_t > 0" if name == "core.enterprise_year" else "true"
        for table, row in sent(archive.explain(name, key_of(name, where))):
            source = feed(table).source
            assert as_sent(table, row)
            kind = (source.format, source.encoding)
            seen[kind] = seen.get(kind, 0) + 1
    assert {kind[0] for kind in seen} == {"csv", "jsonl", "excel"}
    assert {"gb18030", "utf-8"} <= {encoding for form, encoding in seen if form == "csv"}


def test_a_quarantined_record_is_shown_with_its_reasons(archive: Archive) -> None:
    """A firm whose record was quarantined: the record, its reasons, and the line that was sent."""
    with duckdb.connect(str(open_release().file), read_only=True) as file:
        firm = file.execute(
            "SELECT uscc, year FROM core.enterprise_year "
            "WHERE list_contains(quarantined_feeds, 'gov_tax') ORDER BY ALL"
        ).fetchone()
    assert firm is not None
    found = archive.explain("core.enterprise_year", {"uscc": firm[0], "year": firm[1]})
    quarantined = [row for e in found.walk() if e.table == "quarantine.record" for row in e.rows]
    tax = [row for row in quarantined if row["feed"] == "gov_tax"]
    assert tax and all(row["reasons"] for row in tax)
    assert all(as_sent("raw.gov_tax", row) for row in tax)


def test_superseded_records_are_no_evidence(archive: Archive) -> None:
    """The city corrects a file of energy: only the correction's records are behind a figure of that period."""
    where = key_of("core.enterprise_year", "year = '2023' AND energy_tce > 0")
    files = [
        row["source_file"]
        for t, row in sent(archive.explain("core.enterprise_year", where))
        if t == "raw.gov_energy"
    ]
    assert files == ["energy_2023_corrected.jsonl"]


def test_evidence_of_an_old_release_is_that_of_its_own_time(changed_copy: Path) -> None:
    """The changed city has newer raw rows; release 1 is explained by the rows that it was built from."""
    where = key_of("core.enterprise_year", "year = '2022' AND tax_vat_wan_yuan > 0")
    with Archive(open_release(1)) as archive:
        found = archive.explain("core.enterprise_year", where)
    assert [row["source_file"] for t, row in sent(found) if t == "raw.gov_tax"] == ["tax_2022.csv"]


# --- one clear line ----------------------------------------------------------------------------------


def test_a_release_with_years_and_months_in_one_table_is_explained(built_copy: Path) -> None:
    """Until months had tables of their own, a column ``period`` named either; each table of today finds its rows."""
    release = open_release()
    together = ("chain.node_metrics", "profile.enterprise_profile", "profile.enterprise_tag")
    keys = {name: key_of(name, ROW.get(name, "true")) for n in together for name in (n, f"{n}_month")}
    keys["chain.supply_flow"] = key_of("chain.supply_flow")
    with duckdb.connect(str(release.file)) as file:
        for name in together:
            years = f"SELECT * EXCLUDE (year), year::VARCHAR AS year, year::VARCHAR AS period FROM {name}"
            months = (
                f"SELECT * EXCLUDE (month, year), year::VARCHAR AS year, month AS period FROM {name}_month"
            )
            file.execute(f"CREATE TABLE {name}_old AS {years} UNION ALL BY NAME {months}")
            file.execute(f"DROP TABLE {name}; DROP TABLE {name}_month")
            file.execute(f"ALTER TABLE {name}_old RENAME TO {name.split('.')[1]}")
        file.execute("ALTER TABLE chain.supply_flow RENAME COLUMN month TO period")
    with Archive(release) as old:
        for name, key in keys.items():
            found = old.explain(name, key)
            assert (found.total, len(found.rows)) == (1, 1), name
            assert {c: str(found.rows[0][c]) for c in key} == {c: str(v) for c, v in key.items()}
            assert found.behind, name


def test_what_cannot_be_explained_gives_an_error_of_one_line(archive: Archive) -> None:
    with pytest.raises(UsageError) as error:
        archive.explain("per_mu.nothing", {"year": "2022"})
    assert one_line(error.value).startswith("unknown table per_mu.nothing; ")
    with pytest.raises(UsageError) as error:
        archive.explain("raw.gov_tax", {"period": "2022"})
    assert one_line(error.value) == (
        "raw.gov_tax is not published (./brain publish adds new tables; feeds are never published); "
        f"published: {', '.join(sorted(PUBLISHED))}"
    )
    with pytest.raises(UsageError) as error:
        archive.explain("per_mu.baseline", {"colour": "red"})
    assert one_line(error.value).startswith("per_mu.baseline has no column colour; it has ")
    with pytest.raises(RejectedError) as missing:
        archive.explain("per_mu.enterprise_grade", {"uscc": "nobody", "year": "2022"})
    assert (
        one_line(missing.value)
        == "release 1 has no row of per_mu.enterprise_grade with uscc=nobody year=2022"
    )


def test_a_value_that_cannot_be_compared_gives_an_error_of_one_line(archive: Archive) -> None:
    with pytest.raises(RejectedError) as error:
        archive.explain("core.parcel", {"parcel_area_mu": "large"})
    assert one_line(error.value).startswith("core.parcel: ")


def test_a_year_matches_its_months_and_a_month_its_year() -> None:
    assert conditions(contract("raw.gov_tax"), {"period": "2024"}) == (["left(period, 4) = ?"], ["2024"])
    assert conditions(contract("raw.gov_tax"), {"period": "2024-03"}) == (["period = ?"], ["2024-03"])
    assert conditions(contract("core.enterprise_year"), {"uscc": "x", "year": "2024-03"}) == (
        ["uscc = ?", "year = ?"],
        ["x", "2024"],
    )
