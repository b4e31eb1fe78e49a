"""Every planted change of identity is recognised as the list says, and rows count for the right enterprise.

The list is outside the warehouse and no job reads it. These tests sum a code's rows from the feeds' tables, under the
codes with which they were sent.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingest.register.entries import deliveries
from schemas.contract import feed
from schemas.duckdb_types import with_years_as_text
from schemas.register import current_deliveries
from warehouse import duck, tables
from warehouse.releases import open_release

Case = dict[str, Any]
Row = dict[str, Any]


@pytest.fixture
def cases(built_home: Path) -> list[Case]:
    planted: list[Case] = json.loads((built_home / "truth" / "identities.json").read_text(encoding="utf-8"))
    return planted


class Platform:
    """The published tables, and what the feeds delivered under each code."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._fed: dict[str, list[Row]] = {}

    def rows(self, table: str, **where: str) -> list[Row]:
        conditions = " AND ".join(f"{name} = ?" for name in where) or "true"
        found = duck.fetch(
            self._connection, f"SELECT * FROM {table} WHERE {conditions}", list(where.values())
        )
        return with_years_as_text(found)

    def fed(
        self, name: str, uscc: str, column: str, *, since: str = "", upto: str = "9999"
    ) -> Decimal | None:
        """Sum of a code's rows in the periods from ``since`` to ``upto``; None if there are none."""
        if name not in self._fed:
            current = {d["delivery_id"] for d in current_deliveries(deliveries(), feed(name))}
            columns = [column, "uscc", "period", "delivery_id"]
            rows = tables.rows(f"raw.{name}", columns).to_pylist()
            self._fed[name] = [r for r in rows if r["delivery_id"] in current]
        values = [r[column] for r in self._fed[name] if r["uscc"] == uscc and since <= r["period"] <= upto]
        return sum(values, Decimal(0)) if values else None

    def figure(self, uscc: str, year: str, column: str) -> Decimal | None:
        [row] = self.rows("core.enterprise_year", uscc=uscc, year=year)
        value: Decimal | None = row[column]
        return value


@pytest.fixture
def platform(built_home: Path) -> Iterator[Platform]:
    with duck.connect(open_release().file, read_only=True) as connection:
        yield Platform(connection)


def of(cases: list[Case], kind: str) -> list[Case]:
    return [c for c in cases if c["case"] == kind]


def test_the_number_of_planted_cases_is_pinned(cases: list[Case]) -> None:
    assert Counter(c["case"] for c in cases) == {
        "absorption": 3, "split": 2, "branch": 4, "new_code": 3, "group": 2, "contradiction": 4,
    }  # fmt: skip


def test_every_change_is_an_event_with_reason_and_validity(cases: list[Case], platform: Platform) -> None:
    kinds = {"absorption": "merge", "split": "split", "branch": "branch", "new_code": "succession"}
    for case in (c for c in cases if c["case"] in kinds):
        [event] = platform.rows("core.identity_event", from_uscc=case["from"], to_uscc=case["to"])
        assert event["identity_event_kind_code"] == kinds[case["case"]], case
        assert (event["year"], str(event["valid_from_date"])) == (case["told"], case["date"]), case
        assert event["identity_reason"] and event["document_code"], case
    # the planted faults of the registry change two names
    assert len(platform.rows("core.identity_event", identity_event_kind_code="rename")) == 2


def test_codes_have_their_successors_and_chains_are_followed(cases: list[Case], platform: Platform) -> None:
    for case in (c for c in cases if c["case"] in ("absorption", "branch", "new_code")):
        kind = "branch_code" if case["case"] == "branch" else "former_uscc"
        rows = platform.rows("core.enterprise_identifier", identifier_kind_code=kind, identifier=case["from"])
        assert case["to"] in {r["uscc"] for r in rows}, case
        assert not any(r["is_disputed"] for r in rows), case
        moves = platform.rows("core.succession", from_uscc=case["from"])
        assert {(r["to_uscc"], r["valid_from_date"]) for r in moves} == {
            (r["uscc"], r["valid_from_date"]) for r in rows
        }
    [_, first, second] = of(cases, "absorption")
    assert first["to"] == second["from"]
    heads = platform.rows(
        "core.enterprise_identifier", identifier_kind_code="former_uscc", identifier=first["from"]
    )
    assert {(r["uscc"], r["year"], str(r["valid_from_date"])) for r in heads} == {
        (first["to"], first["told"], first["date"]),
        (second["to"], second["told"], second["date"]),
    }


def test_absorbed_firms_leave_the_directory_and_their_rows_count_for_their_successors(
    cases: list[Case], platform: Platform
) -> None:
    first, second, _ = of(cases, "absorption")
    for case in (first, second):
        years = {r["year"] for r in platform.rows("core.enterprise", uscc=case["from"])}
        assert years == {"2022"}, "absorbed in 2022: it keeps its own row of that year"
        # in 2023 the successor has what came under both codes; in 2022 the firm has its own row
        for name, column in (("gov_electricity", "power_kwh"), ("gov_tax", "tax_vat_wan_yuan")):
            before = platform.fed(name, case["from"], column, since="2023", upto="2023")
            own = platform.fed(name, case["to"], column, since="2023", upto="2023")
            assert own is not None
            assert platform.figure(case["to"], "2023", column) == own + (before or 0), case
            assert platform.figure(case["from"], "2022", column) == platform.fed(
                name, case["from"], column, upto="2022"
            )
        assert platform.fed("gov_electricity", case["from"], "power_kwh", since="2023", upto="2023")
    # the second firm's tax is still sent under the old code, the first firm's is not
    assert platform.fed("gov_tax", first["from"], "tax_vat_wan_yuan", since="2023") is None
    assert platform.fed("gov_tax", second["from"], "tax_vat_wan_yuan", since="2023") is not None


def test_a_successor_that_is_absorbed_itself_hands_on_what_came_to_it(
    cases: list[Case], platform: Platform
) -> None:
    _, first, second = of(cases, "absorption")
    a, b, c = first["from"], first["to"], second["to"]

    def kwh(uscc: str, since: str, upto: str) -> Decimal:
        return platform.fed("gov_electricity", uscc, "power_kwh", since=since, upto=upto) or Decimal(0)

    # absorbed on 15 May 2024: B has its own and A's months up to May; C has its own, and both firms' from June on
    assert platform.figure(b, "2024", "power_kwh") == kwh(a, "2024-01", "2024-05") + kwh(
        b, "2024-01", "2024-05"
    )
    assert platform.figure(c, "2024", "power_kwh") == kwh(c, "2024-01", "2024-12") + sum(
        (kwh(x, "2024-06", "2024-12") for x in (a, b)), Decimal(0)
    )


def test_the_land_of_absorbed_firms_is_their_successors(cases: list[Case], platform: Platform) -> None:
    for case in of(cases, "absorption")[:2]:
        [before] = platform.rows("core.parcel", certificate_code=case["certificate"], year="2022")
        [after] = platform.rows("core.parcel", certificate_code=case["certificate"], year="2023")
        assert (before["owner_uscc"], after["owner_uscc"]) == (case["from"], case["to"])
        assert "holder_succeeded" in after["land_flags"] and "holder_succeeded" not in before["land_flags"]
        uses = platform.rows(
            "core.parcel_use", parcel_id=after["parcel_id"], year="2023", use_type_code="own"
        )
        assert [u["uscc"] for u in uses] == [case["to"]]
        # account and certificate are still in the old name, because the senders report them so
        for kind, identifier in (
            ("meter_account", case["meter_account"]),
            ("certificate", case["certificate"]),
        ):
            rows = platform.rows(
                "core.enterprise_identifier", identifier_kind_code=kind, identifier=identifier
            )
            assert {r["uscc"] for r in rows} == {case["from"]}


@pytest.mark.parametrize("year", ["2022", "2023", "2024"])
def test_branches_and_former_codes_count_for_the_enterprise(
    cases: list[Case], platform: Platform, year: str
) -> None:
    figures = {"gov_electricity": "power_kwh", "gov_tax": "tax_vat_wan_yuan"}
    for case in (c for c in cases if c["case"] in ("branch", "new_code")):
        for name, column in figures.items():
            bounds = {"since": year, "upto": f"{year}-12"}
            parts = [platform.fed(name, uscc, column, **bounds) for uscc in (case["from"], case["to"])]
            assert platform.figure(case["to"], year, column) == sum(p for p in parts if p is not None), case
        assert platform.fed("gov_electricity", case["from"], "power_kwh", **bounds) is not None
        [row] = platform.rows("core.enterprise_year", uscc=case["to"], year=year)
        assert row["missing_feeds"] == []
        assert platform.rows("core.enterprise", uscc=case["from"]) == []


def test_a_new_code_keeps_the_former_organisation_code(cases: list[Case], platform: Platform) -> None:
    for case in of(cases, "new_code"):
        rows = platform.rows(
            "core.enterprise_identifier",
            identifier_kind_code="organisation_code",
            identifier=case["organisation_code"],
        )
        assert [(r["uscc"], r["is_disputed"]) for r in rows] == [(case["to"], False)]


def test_groups_have_their_members(cases: list[Case], platform: Platform) -> None:
    for case in of(cases, "group"):
        rows = platform.rows("core.group_member", group_code=case["group_code"])
        assert {r["controller_uscc"] for r in rows} == {case["controller"]}
        assert {r["uscc"]: int(r["holding_share_pct"]) for r in rows} == case["members"]


def test_exactly_the_contradictions_are_under_review(cases: list[Case], platform: Platform) -> None:
    for case in of(cases, "contradiction"):
        rows = platform.rows(
            "core.identity_review", identifier_kind_code=case["kind"], identifier=case["identifier"]
        )
        assert case["told"] in {r["year"] for r in rows}, case
        assert {tuple(r["claimants"]) for r in rows} == {tuple(case["claimants"])}, case
        assert {r["review_reason_code"] for r in rows} == {case["reason"]}
    planted = {(c["kind"], c["identifier"]) for c in of(cases, "contradiction")}
    under_review = {
        (r["identifier_kind_code"], r["identifier"]) for r in platform.rows("core.identity_review")
    }
    assert under_review == planted


def test_in_dispute_rows_stay_where_the_sender_put_them(cases: list[Case], platform: Platform) -> None:
    by_kind = {c["kind"]: c for c in of(cases, "contradiction")}
    claimed = by_kind["former_uscc"]["identifier"]
    for uscc in (claimed, *by_kind["former_uscc"]["claimants"], *by_kind["meter_account"]["claimants"]):
        for year in ("2023", "2024"):
            own = platform.fed("gov_electricity", uscc, "power_kwh", since=year, upto=f"{year}-12")
            assert platform.figure(uscc, year, "power_kwh") == own, uscc
    # the disputed account names the second firm for three months
    [row] = [
        r for r in platform.rows("core.enterprise_identifier", identifier=by_kind["meter_account"]["identifier"])
        if not r["is_disputed"]
    ]  # fmt: skip
    assert row["year"] == "2022" and row["uscc"] in by_kind["meter_account"]["claimants"]
