"""用能权 Quotas: years and districts, quotas of districts and industries, ledgers, transfers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.queries.release import Query
from portal.queries.titles import Named
from schemas.contract import code_list

#: Tables of the page; a release made before has none of them.
RIGHTS, CARBON = "resource.emission_right", "resource.carbon_code"
#: Rows of a list of firms or transfers, and lines of a ledger; the API has all of them.
MOST, MOST_LINES = 50, 200


@dataclass(frozen=True)
class Quota:
    """The quota of a district, or of an industry in it; sums over few firms are missing."""

    district: Named
    industry: Named | None
    firms: int
    standard: Decimal | None
    weight_pct: Decimal | None
    quota_tce: Decimal | None
    cut_tce: Decimal | None
    traded_tce: Decimal | None
    energy_tce: Decimal | None
    balance_tce: Decimal | None
    completed_pct: Decimal | None
    state: Named | None
    warning: Named | None


@dataclass(frozen=True)
class Line:
    """A line of the ledger of a district."""

    day: date
    kind: Named
    account: str
    counter_account: str
    movement: str
    amount_tce: Decimal | None


@dataclass(frozen=True)
class Transfer:
    """A registered transfer of energy or of an emission right: booked, or refused with reason and article."""

    code: str
    kind: Named
    what: Named | None
    giver: str
    taker: str
    amount: Decimal
    price_yuan: Decimal | None
    first: date
    last: date | None
    state: Named
    refusal: Named | None
    article: tuple[str, str] | None


def years(query: Query) -> list[str]:
    """Years with rights or carbon codes, the latest first."""
    if not {RIGHTS, CARBON} <= query.tables:
        return []
    rows = query(
        f"SELECT DISTINCT year FROM {RIGHTS} UNION SELECT DISTINCT year FROM {CARBON} ORDER BY year DESC"
    )
    return [row["year"] for row in rows]


def districts(query: Query) -> list[Named]:
    """Districts with firms that the reader sees."""
    rows = query("SELECT DISTINCT district_code FROM resource.carbon_code ORDER BY district_code")
    return [query.titles("district", row["district_code"]) for row in rows]


# --- energy --------------------------------------------------------------------------------------------


def of_districts(query: Query, year: str) -> list[Quota]:
    """The districts' quotas, the largest shortage first."""
    rows = query(
        """SELECT *, received_tce - given_tce AS traded FROM resource.energy_quota_district
        WHERE year = ? ORDER BY balance_tce, district_code""",
        year,
    )
    return [
        Quota(
            district=query.titles("district", r["district_code"]), industry=None, firms=r["firm_count"],
            standard=r["energy_standard"], weight_pct=None, quota_tce=r["full_quota_tce"], cut_tce=r["cut_tce"],
            traded_tce=r["traded"], energy_tce=r["energy_tce"], balance_tce=r["balance_tce"],
            completed_pct=r["completed_pct"], state=query.titles.maybe("quota_state", r["quota_state_code"]),
            warning=query.titles.maybe("energy_warning", r["energy_warning_code"]),
        )
        for r in rows
    ]  # fmt: skip


def of_industries(query: Query, year: str, district: str) -> list[Quota]:
    """Quotas by industry, of one district or of all, the largest shortage first."""
    rows = query(
        f"""SELECT * FROM resource.energy_quota WHERE year = ? AND (? = '' OR district_code = ?)
        ORDER BY balance_tce NULLS LAST, district_code, industry_division_code LIMIT {MOST}""",
        year, district, district,
    )  # fmt: skip
    return [
        Quota(
            district=query.titles("district", r["district_code"]),
            industry=query.titles("industry_division", r["industry_division_code"]), firms=r["firm_count"],
            standard=r["energy_standard"], weight_pct=r["weight_pct"], quota_tce=r["full_quota_tce"],
            cut_tce=r["cut_tce"], traded_tce=None, energy_tce=r["energy_tce"], balance_tce=r["balance_tce"],
            completed_pct=None, state=query.titles.maybe("quota_state", r["quota_state_code"]), warning=None,
        )
        for r in rows
    ]  # fmt: skip


def ledger(query: Query, year: str, district: str) -> list[Line]:
    """The ledger of a district in a year, in order of booking."""
    rows = query(
        f"""SELECT * FROM resource.energy_ledger WHERE year = ? AND district_code = ?
        ORDER BY booked_date, ledger_movement = 'closing:' || district_code, ledger_movement, ledger_side
        LIMIT {MOST_LINES}""",
        year, district,
    )  # fmt: skip
    return [
        Line(
            r["booked_date"], query.titles("ledger_entry_kind", r["ledger_entry_kind_code"]), r["account"],
            r["counter_account"], r["ledger_movement"], r["amount_tce"],
        )
        for r in rows
    ]  # fmt: skip


def transfers(query: Query, year: str, district: str) -> list[Transfer]:
    """Transfers of energy quotas and emission rights of a year, the refused ones first; the district is on a side."""
    where = f"""WHERE year = ? AND (? = '' OR giver_district_code = ? OR taker_district_code = ?)
        ORDER BY transfer_state_code DESC, code LIMIT {MOST}"""
    energy = query(
        f"""SELECT *, quota_transfer_code AS code, energy_transfer_kind_code AS kind, transferred_tce AS amount
        FROM resource.energy_transfer {where}""",
        year, district, district, district,
    )  # fmt: skip
    emission = query(
        f"""SELECT *, right_transfer_code AS code, right_transfer_kind_code AS kind, transferred_t AS amount
        FROM resource.emission_transfer {where}""",
        year, district, district, district,
    )  # fmt: skip
    return [
        *(_transfer(query, row, "energy_transfer_kind") for row in energy),
        *(_transfer(query, row, "right_transfer_kind") for row in emission),
    ]


def _transfer(query: Query, row: dict[str, Any], kinds: str) -> Transfer:
    refusal = row["transfer_refusal_code"]
    article = code_list("transfer_refusal").get(refusal) if refusal else None
    return Transfer(
        code=row["code"],
        kind=query.titles(kinds, row["kind"]),
        what=query.titles.maybe("pollutant", row.get("pollutant_code")),
        giver=row["giver_account"],
        taker=row["taker_account"],
        amount=row["amount"],
        price_yuan=row["transfer_price_yuan"],
        first=row["transfer_from_date"],
        last=row["transfer_to_date"],
        state=query.titles("transfer_state", row["transfer_state_code"]),
        refusal=query.titles.maybe("transfer_refusal", refusal),
        article=(article["article"], article["article_en"]) if article else None,
    )
