"""A small city in which every suite passes: 60 firms, two districts, two years.

Firms come in threes: one above scale and one below scale, each on its own parcel, and a tenant on two mu
of the second firm's parcel. Firm 0 is exempt; firm 1's tax record of the last year is quarantined.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from expectations.gate.snapshot import Pin
from schemas.contract import Contract, Feed, contract, contracts, feeds
from schemas.credit_code import check_character

Row = dict[str, Any]
City = dict[str, list[Row]]

YEARS = ("2022", "2023")
DISTRICTS = ("330203", "330206")
FIRMS = 60
WEIGHTS = {
    "above_scale": {"I1": 60, "I2": 40},
    "below_scale_ge3": {"I1": 50, "I7": 50},
    "tenant": {"I1": 50, "I7": 50},
}
BASELINE = Decimal(100)
#: Feeds whose rows follow from the firms' figures.
FEEDS_OF_FIGURES = ("gov_tax", "gov_electricity", "gov_statistics_directory")
KNOWN_AT = datetime(2024, 5, 1, tzinfo=UTC)


def code_of(number: int) -> str:
    """A valid credit code."""
    first = f"91330203{number:09d}"
    return first + check_character(first)


def list_of(number: int) -> str:
    return tuple(WEIGHTS)[number % 3]


def district_of(number: int) -> str:
    return DISTRICTS[number // 3 % 2]


def town_of(number: int) -> str:
    return {"330203": "330203102", "330206": "330206002"}[district_of(number)]


def zone_of(number: int) -> str:
    return f"{district_of(number)}K01"


def parcel_of(number: int) -> str:
    return f"{district_of(number)}001GB{number:06d}"


def six(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.000001"), ROUND_HALF_UP)


def row_for(spec: Contract, **given: Any) -> Row:
    """A row of a table; required columns that are not given get a plain value of their type."""
    if "figures_as_of" in spec.column_names and "year" in given:
        given = {"figures_as_of": given["year"], **given}
    row = {c.name: given.get(c.name, _plain(c.type) if c.required else None) for c in spec.columns}
    if unknown := set(given) - set(row):
        raise AssertionError(f"{spec.name} has no columns {unknown}")
    if "row_id" in row and "row_id" not in given:
        row["row_id"] = hashlib.sha256("|".join(str(row[k]) for k in spec.key).encode()).hexdigest()[:32]
    return row


def _plain(kind: str) -> Any:
    if kind.startswith("decimal"):
        return Decimal(0)
    return {
        "string": "x", "int": 0, "bigint": 0, "boolean": False, "array<string>": [], "timestamp": KNOWN_AT,
        "date": date(2020, 1, 1),
    }[kind]  # fmt: skip


def good_city() -> City:
    """Rows of every table that the gate reads, in which every suite passes."""
    # imported here, because these modules import this one
    from tests.expectations.good_bulletin import add_bulletin
    from tests.expectations.good_chain import add_chains
    from tests.expectations.good_objects import add_objects
    from tests.expectations.good_procedure import add_procedure
    from tests.expectations.good_profile import add_profiles
    from tests.expectations.good_quotas import add_quotas
    from tests.expectations.good_resource import add_resources, add_visits

    city: City = defaultdict(list)
    for year in YEARS:
        _zones(city, year)
        for number in range(FIRMS):
            _core(city, year, number)
        _per_mu(city, year)
    city["per_mu.land_review"] = []  # every firm's land carries it
    add_procedure(city)
    _events(city)
    _identities(city)
    _consents(city)
    _months(city)
    add_objects(city)
    add_chains(city)
    add_profiles(city)
    add_bulletin(city)
    add_resources(city)
    add_quotas(city)
    _deliveries(city)
    add_visits(city)
    return dict(city)


def _add(city: City, table: str, **given: Any) -> Row:
    row = row_for(contract(table), **given)
    city[table].append(row)
    return row


def _land(number: int) -> tuple[Decimal, Decimal]:
    """Own use and leased, mu."""
    own, leased = Decimal(10 + number % 7), Decimal(0)
    if list_of(number) == "below_scale_ge3":
        own -= 2
    if list_of(number) == "tenant":
        own, leased = Decimal(0), Decimal(2)
    return own, leased


def _zones(city: City, year: str) -> None:
    for district in DISTRICTS:
        _add(
            city, "core.zone", zone_code=f"{district}K01", year=year, zone_name=f"{district}开发区",
            zone_name_en=f"Zone of {district}", level_code="national", district_code=district,
            planned_area_mu=Decimal(3000), leading_division_code="34", second_division_code="36",
        )  # fmt: skip


def _core(city: City, year: str, number: int) -> None:
    who = {"uscc": code_of(number), "year": year, "district_code": district_of(number)}
    above = list_of(number) == "above_scale"
    _add(
        city, "core.enterprise", **who, enterprise_name=f"宁波{number}号（合成）", is_above_scale=above,
        reported_district_code=who["district_code"], industry_code="3411", industry_division_code="34",
        directory_change_code="none", is_in_registry=True, is_uscc_valid=True, town_code=town_of(number),
        zone_code=zone_of(number),
    )  # fmt: skip
    own, leased = _land(number)
    quarantined = number == 1 and year == YEARS[-1]
    passed = int(year) - 2022  # no figure repeats that of the year before
    tax = Decimal(100 + 7 * number % 31) + passed
    figures = {
        "output_wan_yuan": tax * 20, "sales_output_wan_yuan": tax * 19, "value_added_wan_yuan": tax * 4,
        "revenue_wan_yuan": tax * 20, "employees_average": Decimal(50 + passed), "rd_expense_wan_yuan": tax / 2,
        "energy_tce": Decimal(300 + passed), "energy_calorific_tce": Decimal(150),
    }  # fmt: skip
    _add(
        city, "core.enterprise_year", **who, is_above_scale=above, land_area_mu=own + leased, land_own_mu=own,
        land_lease_mu=leased, **(figures if above else {}),
        **({} if quarantined else {"tax_vat_wan_yuan": tax, "declared_revenue_wan_yuan": tax * 20}),
        power_kwh=Decimal(400_000 + passed), insured_count=50 + passed, valid_from_date=date(int(year), 1, 1),
        valid_to_date=date(int(year), 12, 31), quarantined_feeds=["gov_tax"] if quarantined else [],
    )  # fmt: skip
    if list_of(number) != "tenant":
        area = own + (2 if list_of(number) == "below_scale_ge3" else 0)
        place = {
            "parcel_id": parcel_of(number), "year": year, "district_code": who["district_code"],
            "town_code": town_of(number),
        }  # fmt: skip
        _add(
            city, "core.parcel", **place, owner_uscc=who["uscc"], parcel_area_mu=area,
            supply_mode_code="granted", acquired_date=date(2010, 1, 1),
        )  # fmt: skip
        uses = [(number, "own", own)]
        if list_of(number) == "below_scale_ge3":
            uses.append((number + 1, "lease", Decimal(2)))
        for user, kind, used in uses:
            _add(
                city, "core.parcel_use", **place, uscc=code_of(user), use_type_code=kind,
                lessor_uscc=None if kind == "own" else who["uscc"], parcel_area_mu=area, used_area_mu=used,
            )  # fmt: skip


#: No list is ranked by groups of industries; every indicator is scored by the ratio to its baseline.
WHOLE_LIST = {"ranking_group": "all"}
RATIO = {"scoring_code": "ratio"}


def _per_mu(city: City, year: str) -> None:
    for district in DISTRICTS:
        rule_set = f"ningbo-test-{district}-{year}"
        for name, weights in WEIGHTS.items():
            for indicator in weights:
                _add(
                    city, "per_mu.baseline", year=year, district_code=district, list_code=name,
                    indicator_code=indicator, value=BASELINE, method_code="fixed", rule_set_id=rule_set,
                    giant_treatment_code="published", **RATIO, **WHOLE_LIST,
                )  # fmt: skip
            _list_of_district(city, year, district, name, rule_set)
    _city_ranks(city, year)


def _status(number: int, year: str) -> tuple[str, list[str]]:
    if number == 0:
        return "exempt", ["industry:44"]
    if number == 1 and year == YEARS[-1]:
        return "data_incomplete", ["quarantined:gov_tax"]
    return "graded", []


def _list_of_district(city: City, year: str, district: str, name: str, rule_set: str) -> None:
    members = [n for n in range(FIRMS) if list_of(n) == name and district_of(n) == district]
    rules = {"rule_set_id": rule_set, "rule_set_hash": "h"}
    place = {"year": year, "district_code": district, "list_code": name}
    totals: dict[int, Decimal] = {}
    for number in members:
        status, reasons = _status(number, year)
        code = code_of(number)
        _add(
            city, "per_mu.population", uscc=code, **place, **WHOLE_LIST, **rules, eval_status_code=status,
            status_reasons=reasons, evaluation_uscc=code, unit_role_code="own",
            land_area_mu=sum(_land(number), Decimal(0)), town_code=town_of(number),
        )  # fmt: skip
        if status == "graded":
            totals[number] = _indicators(city, number, place, rule_set)
    ranked = sorted(totals, key=lambda n: (-totals[n], code_of(n)))
    size = len(ranked)
    grades = "A" * int(size * 0.2) + "B" * int(size * 0.45)
    grades = (grades + "C" * size)[: size - int(size * 0.05)] + "D" * int(size * 0.05)
    for rank, number in enumerate(ranked, start=1):
        _add(
            city, "per_mu.enterprise_grade", uscc=code_of(number), **place, **WHOLE_LIST, **rules,
            evaluation_version=1, evaluation_uscc=code_of(number), indicator_score=totals[number],
            total_score=totals[number],
            initial_grade=grades[rank - 1], final_grade=grades[rank - 1], rank_in_list=rank, list_size=size,
            percentile_pct=round(Decimal(100 * (size - rank + 1)) / size, 4), status_code="initial",
            town_code=town_of(number), is_tie=sum(t == totals[number] for t in totals.values()) > 1,
        )  # fmt: skip
    _summary(city, place, members, grades)


def _figures(city: City, number: int, year: str) -> Row:
    index = YEARS.index(year) * FIRMS + number
    return city["core.enterprise_year"][index]


def _indicators(city: City, number: int, place: Row, rule_set: str) -> Decimal:
    year = _figures(city, number, place["year"])
    sides = {
        "I1": (year["tax_vat_wan_yuan"], year["land_area_mu"]),
        "I2": (year["value_added_wan_yuan"], year["land_area_mu"]),
        "I7": (year["tax_vat_wan_yuan"], year["power_kwh"] / 10000),
    }
    summed = {k: v for k, v in year.items() if k in contract("per_mu.unit").column_names and k not in place}
    tax = year["tax_vat_wan_yuan"]
    _add(
        city, "per_mu.unit",
        **{**summed, **place, **WHOLE_LIST, "uscc": code_of(number)}, member_count=1,
        tax_contribution_wan_yuan=tax, city_tax_contribution_wan_yuan=tax,
    )  # fmt: skip
    total = Decimal(0)
    for indicator, weight in WEIGHTS[place["list_code"]].items():
        numerator, denominator = sides[indicator]
        value = six(numerator / denominator)
        score = six(value / BASELINE * weight)
        total += score
        _add(
            city, "per_mu.indicator_value", uscc=code_of(number), **place, **WHOLE_LIST, **RATIO,
            indicator_code=indicator, numerator=numerator, denominator=denominator, value=value, baseline=BASELINE,
            weight=Decimal(weight), score=score, rule_set_id=rule_set,
        )  # fmt: skip
    return total


#: Every firm has land, and there are no giants.
_COUNTS_OF_FIRMS = (
    "landed_firm_count",
    "landed_firm_without_giants_count",
    "least_firm_without_giants_count",
)
_COUNTS_OF_REPORTING = (
    "value_added_firm_count", "value_added_firm_without_giants_count",
    "least_value_added_firm_without_giants_count",
)  # fmt: skip


def _summary(city: City, place: Row, members: list[int], grades: str) -> None:
    rows = [_figures(city, n, place["year"]) for n in members]
    land = sum((r["land_area_mu"] for r in rows), Decimal(0))
    tax = sum((r["tax_vat_wan_yuan"] or Decimal(0) for r in rows), Decimal(0))
    reported = [r["value_added_wan_yuan"] for r in rows if r["value_added_wan_yuan"] is not None]
    added = sum(reported) if reported else None
    added_per_mu = six(added / land) if added is not None and 2 * len(reported) >= len(rows) else None
    statuses = [_status(n, place["year"])[0] for n in members]
    counted = {f"{s}_count": statuses.count(s) for s in set(statuses)}
    _add(
        city, "per_mu.district_summary", **place, firm_count=len(members), **counted,
        **{f"grade_{g.lower()}_count": grades.count(g) for g in "ABCD"},
        **dict.fromkeys(_COUNTS_OF_FIRMS, len(members)), **dict.fromkeys(_COUNTS_OF_REPORTING, len(reported)),
        land_total_mu=land, land_without_giants_mu=land,
        tax_contribution_wan_yuan=tax, tax_contribution_without_giants_wan_yuan=tax,
        value_added_total_wan_yuan=added, value_added_without_giants_wan_yuan=added,
        tax_per_mu_wan_yuan=six(tax / land), tax_per_mu_without_giants_wan_yuan=six(tax / land),
        value_added_per_mu_wan_yuan=added_per_mu, value_added_per_mu_without_giants_wan_yuan=added_per_mu,
    )  # fmt: skip


def _city_ranks(city: City, year: str) -> None:
    for name in WEIGHTS:
        rows = [r for r in city["per_mu.enterprise_grade"] if r["year"] == year and r["list_code"] == name]
        ranked = sorted(rows, key=lambda r: (-r["total_score"], r["uscc"]))
        for rank, row in enumerate(ranked, start=1):
            _add(
                city, "per_mu.city_rank", uscc=row["uscc"], year=year, district_code=row["district_code"],
                list_code=name, total_score=row["total_score"], city_rank=rank, list_size=len(ranked),
                percentile_pct=Decimal(50), label_zh="测算", rule_set_id=f"ningbo-city-{year}",
            )  # fmt: skip


def _events(city: City) -> None:
    """A brand for firm 6 that gives no points, so that totals stay simple."""
    _add(
        city, "core.enterprise_event", event_id="E1", year="2023", uscc=code_of(6), event_kind_code="honour",
        event_code="brand", level_code="national", event_date=date(2023, 3, 1),
    )  # fmt: skip
    _add(
        city, "per_mu.adjustment", uscc=code_of(6), year="2023", adjustment_code="bonus:brand:national",
        event_id="E1", district_code=district_of(6), adjustment_kind_code="bonus", effect_code="none",
        rule_set_id="ningbo-test-330203-2023",
    )  # fmt: skip


def _identities(city: City) -> None:
    """Every firm has its organisation code; firms 50 and 51 claim one meter account; firm 52 is a group member."""
    for number in range(FIRMS):
        code = code_of(number)
        _add(
            city, "core.enterprise_identifier", identifier_kind_code="organisation_code", identifier=code[8:17],
            uscc=code, year=YEARS[0], source_feed="gov_business_registry",
        )  # fmt: skip
    for number in (50, 51):
        _add(
            city, "core.enterprise_identifier", identifier_kind_code="meter_account", identifier="3300000050",
            uscc=code_of(number), year=YEARS[1], source_feed="gov_electricity", is_disputed=True,
        )  # fmt: skip
    _add(
        city, "core.identity_review", identifier_kind_code="meter_account", identifier="3300000050", year=YEARS[1],
        review_reason_code="overlapping_use", claimants=[code_of(50), code_of(51)], source_feeds=["gov_electricity"],
    )  # fmt: skip
    _add(
        city, "core.identity_event", event_id="BG1", year=YEARS[1], identity_event_kind_code="merge",
        from_uscc=code_of(800), to_uscc=code_of(53), valid_from_date=date(2023, 5, 1),
    )  # fmt: skip
    _add(
        city, "core.identity_event", event_id="BG2", year=YEARS[1], identity_event_kind_code="rename",
        from_uscc=code_of(54), to_uscc=code_of(54), former_name="旧名", enterprise_name="新名",
    )  # fmt: skip
    _add(
        city, "core.succession", from_uscc=code_of(800), to_uscc=code_of(53), year=YEARS[1],
        identifier_kind_code="former_uscc", valid_from_date=date(2023, 5, 1),
    )  # fmt: skip
    _add(
        city, "core.group_member", group_code="JT1", uscc=code_of(52), year=YEARS[1], controller_uscc=code_of(53),
        holding_share_pct=Decimal(60), valid_from_date=date(2020, 1, 1),
    )  # fmt: skip


def _consents(city: City) -> None:
    """Firms above scale confirm their sheets in the next spring; firm 3 does not, firm 6 withdraws."""
    for year in YEARS:
        spring = date(int(year) + 1, 5, 1)
        for number in range(FIRMS):
            who, above = {"uscc": code_of(number), "year": year}, list_of(number) == "above_scale"
            _add(
                city, "core.consent_state", **who, district_code=district_of(number), is_in_statistics=above,
                per_mu_consent_code={3: "not_given", 6: "withdrawn"}.get(number, "given") if above else "not_needed",
                profile_consent_code="not_given" if above else "not_needed",
                chain_consent_code="not_given" if above else "not_needed",
            )  # fmt: skip
            ended = {"consent_end_date": date(int(year) + 1, 6, 1), "is_consent_withdrawn": True}
            if above and number != 3:
                _add(
                    city, "core.consent", **who, consent_purpose_code="per_mu_evaluation", consent_from_date=spring,
                    consent_kinds=["sheet"], given_uscc=who["uscc"],
                    **(ended if number == 6 else {}),
                )  # fmt: skip


def _months(city: City) -> None:
    """Firms above scale from February to May 2023: ten a month."""
    for number in range(0, FIRMS, 3):
        for month in range(2, 6):
            _add(
                city, "core.enterprise_month", uscc=code_of(number), month=f"2023-{month:02}", year="2023",
                district_code=district_of(number), months_covered=2 if month == 2 else 1,
                output_ytd_wan_yuan=Decimal(10 * month),
                output_month_wan_yuan=Decimal(20 if month == 2 else 10), employees_average=50,
            )  # fmt: skip


def _deliveries(city: City) -> None:
    """One delivery per feed and year; in the last year one tax and one directory record are quarantined."""
    sequence = 0
    for name in feeds():
        for year in YEARS:
            sequence += 1
            quarantined = int(name in ("gov_tax", "gov_statistics_directory") and year == YEARS[-1])
            add_delivery(
                city, name, year, sequence=sequence, records_in=FIRMS, records_quarantined=quarantined
            )
            if name not in FEEDS_OF_FIGURES:
                add_raw(city, name, year)
    for number, feed, reason in (
        (1, "gov_tax", "tax_vat_wan_yuan:type"),
        (2, "gov_statistics_directory", "industry_code:code"),
    ):
        _add(
            city, "quarantine.record", feed=feed, period=YEARS[-1], row_id=f"q{number}", mapping_hash="m",
            delivery_id=f"{feed}-{YEARS[-1]}", uscc=code_of(number), reasons=[reason],
        )  # fmt: skip
    _add(
        city, "quarantine.correction", correction_number=1, feed="gov_tax", period=YEARS[-1], row_id="q1",
        delivery_id=f"gov_tax-{YEARS[-1]}", heading="增值税", old_text="1.2亿", new_text="1,2亿",
        correction_reason="电话核实", corrected_by="张三",
    )  # fmt: skip
    next(r for r in city["raw.delivery"] if r["delivery_id"] == f"gov_tax-{YEARS[-1]}")["corrected_upto"] = 1
    for year in YEARS:
        for row in city["core.enterprise_year"]:
            if row["year"] == year and row["tax_vat_wan_yuan"] is not None:
                _add(
                    city, "raw.gov_tax", uscc=row["uscc"], period=year, delivery_id=f"gov_tax-{year}",
                    mapping_hash="m", tax_vat_wan_yuan=row["tax_vat_wan_yuan"],
                    declared_revenue_wan_yuan=row["declared_revenue_wan_yuan"],
                )  # fmt: skip
            if row["year"] == year and (row["uscc"], year) != (code_of(2), YEARS[-1]):
                _add(
                    city, "raw.gov_statistics_directory", uscc=row["uscc"], period=year, mapping_hash="m",
                    delivery_id=f"gov_statistics_directory-{year}", is_above_scale=row["is_above_scale"],
                )  # fmt: skip
            if row["year"] == year:
                _add(
                    city, "raw.gov_electricity", uscc=row["uscc"], period=year, mapping_hash="m",
                    delivery_id=f"gov_electricity-{year}", power_kwh=row["power_kwh"],
                )  # fmt: skip


def add_raw(city: City, feed: str, period: str, records: int = FIRMS, delivery_id: str = "") -> None:
    """Add the rows of a delivery, one per firm."""
    spec = contract(f"raw.{feed}")
    numbered = [c.name for c in spec.columns if c.name in spec.key and c.type == "string"]
    for number in range(records):
        given = dict.fromkeys(numbered, f"{period}-{number}")
        given |= {"uscc": code_of(number)} if "uscc" in spec.column_names else {}
        _add(
            city,
            spec.name,
            **{
                **given,
                "period": period,
                "mapping_hash": "m",
                "delivery_id": delivery_id or f"{feed}-{period}",
            },
        )


def add_delivery(city: City, feed: str, period: str, **given: Any) -> Row:
    row: Row = {"records_in": FIRMS, "records_quarantined": 0, "delivery_id": f"{feed}-{period}", **given}
    row = {"checksum": row["delivery_id"], **row}
    return _add(
        city, "raw.delivery", feed=feed, period=period, mapping_hash="m",
        records_raw=row["records_in"] - row["records_quarantined"], **row,
    )  # fmt: skip


# --- Delta ------------------------------------------------------------------------------------------


def write(rows: Iterable[Row], table: str, folder: Path, schema: pa.Schema | None = None) -> Pin:
    """Write a table's rows as version 0 of a Delta table."""
    data = pa.Table.from_pylist(list(rows), schema=schema or contract(table).arrow_schema())
    write_deltalake(str(folder), data)
    return Pin(table, str(folder), 0)


def write_city(city: Mapping[str, list[Row]], folder: Path) -> dict[str, Pin]:
    return {
        name: write(city.get(name, []), name, folder / name)
        for name, spec in contracts().items()
        if not isinstance(spec, Feed) or name in city
    }
