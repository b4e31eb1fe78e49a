"""可盘活用地与标准地 Land that could be freed, and promises of land contracts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.queries.efficiency import PAGE, named
from portal.queries.release import Query
from portal.queries.titles import Named


@dataclass(frozen=True)
class Land:
    """A district's land that could be freed (亩), by reason; reasons overlap."""

    district: Named
    parcels: int
    land_mu: Decimal
    unused_mu: Decimal
    late_mu: Decimal
    vacant_mu: Decimal
    under_used_mu: Decimal
    freed_mu: Decimal
    aim_mu: Decimal | None
    withdrawable: int


@dataclass(frozen=True)
class Parcel:
    """A parcel on which land could be freed."""

    parcel_id: str
    owner: str | None
    district: Named
    town: Named | None
    area_mu: Decimal
    freed_mu: Decimal
    reasons: tuple[Named, ...]
    tool: Named
    may_be_withdrawn: bool
    due: date | None


@dataclass(frozen=True)
class Promise:
    """A promise of a land contract that is missed or doubtful, or any promise of one firm."""

    contract: str
    parcel_id: str
    uscc: str
    district: Named
    indicator: Named
    promised: Decimal
    #: Missing where there is none, or where the firm does not consent to showing its statistics.
    actual: Decimal | None
    state: Named
    due: date
    since: str | None
    term: Named
    is_withheld: bool


# --- land ----------------------------------------------------------------------------------------------


def land(query: Query, year: str) -> list[Land]:
    """Land that could be freed by district."""
    rows = query("SELECT * FROM resource.land_potential_district WHERE year = ? ORDER BY district_code", year)
    return [
        Land(
            query.titles("district", r["district_code"]), r["potential_parcel_count"], r["land_total_mu"],
            r["unused_mu"], r["late_mu"], r["vacant_mu"], r["under_used_mu"], r["freed_mu"], r["aim_mu"],
            r["withdrawable_count"],
        )
        for r in rows
    ]  # fmt: skip


def parcels(query: Query, year: str) -> list[Parcel]:
    """The parcels on which most land could be freed."""
    rows = query(
        f"SELECT * FROM resource.land_potential WHERE year = ? ORDER BY freed_mu DESC, parcel_id LIMIT {PAGE}",
        year,
    )
    return [
        Parcel(
            r["parcel_id"], r["owner_uscc"], query.titles("district", r["district_code"]),
            query.titles.maybe("town", r["town_code"]), r["parcel_area_mu"], r["freed_mu"],
            named(query, "potential_reason", r["potential_reasons"]), query.titles("land_tool", r["land_tool_code"]),
            r["may_be_withdrawn"], r["completion_due_date"],
        )
        for r in rows
    ]  # fmt: skip


# --- contracts -----------------------------------------------------------------------------------------


def promise_counts(query: Query, year: str) -> list[tuple[Named, dict[str, int]]]:
    """Indicators with the numbers of contracts by state."""
    rows = query(
        """SELECT promise_indicator_code AS indicator, promise_state_code AS state, count(*) AS n
        FROM resource.land_promise WHERE year = ? GROUP BY ALL""",
        year,
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["indicator"], {})[row["state"]] = row["n"]
    return [
        (query.titles("promise_indicator", code), found[code])
        for code in (
            "investment", "tax_per_mu", "value_added_per_mu", "value_added_per_tce", "value_added_per_t",
            "productivity", "rd",
        )
        if code in found
    ]  # fmt: skip


def terms(query: Query, year: str) -> list[tuple[Named, int]]:
    """Numbers of land contracts by terms of supply: full or flexible term, lease before grant, divided grant."""
    rows = query(
        """SELECT land_term_code AS term, count(DISTINCT land_contract_code) AS n FROM resource.land_promise
        WHERE year = ? GROUP BY ALL ORDER BY n DESC, term""",
        year,
    )
    return [(query.titles("land_term", row["term"]), row["n"]) for row in rows]


def missed(query: Query, year: str) -> list[Promise]:
    """Promises that are missed or doubtful, those missed longest first."""
    rows = query(
        f"""SELECT * FROM resource.land_promise WHERE year = ? AND promise_state_code IN ('missed', 'doubtful')
        ORDER BY missed_since_year NULLS LAST, land_contract_code, promise_indicator_code LIMIT {2 * PAGE}""",
        year,
    )
    return [_promise(query, row) for row in rows]


def promises_of_firm(query: Query, uscc: str, year: str) -> list[Promise]:
    """All promises of a firm's land contracts."""
    if "resource.land_promise" not in query.tables:
        return []
    rows = query(
        """SELECT * FROM resource.land_promise WHERE uscc = ? AND year = ?
        ORDER BY land_contract_code, promise_indicator_code""",
        uscc, year,
    )  # fmt: skip
    return [_promise(query, row) for row in rows]


def _promise(query: Query, row: Mapping[str, Any]) -> Promise:
    titles = query.titles
    return Promise(
        contract=row["land_contract_code"],
        parcel_id=row["parcel_id"],
        uscc=row["uscc"],
        district=titles("district", row["district_code"]),
        indicator=titles("promise_indicator", row["promise_indicator_code"]),
        promised=row["promised_value"],
        actual=row["actual_value"],
        state=titles("promise_state", row["promise_state_code"]),
        due=row["production_due_date"],
        since=row["missed_since_year"],
        term=titles("land_term", row["land_term_code"]),
        is_withheld=bool(row.get("statistics_withheld")) and row["promise_state_code"] in ("met", "missed"),
    )
