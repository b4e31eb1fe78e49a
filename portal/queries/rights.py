"""排污权、碳效码 Rights and carbon codes of firms, and what a firm's own sheet says of its quota."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.queries.quotas import CARBON, MOST, RIGHTS
from portal.queries.release import Query
from portal.queries.titles import Named


@dataclass(frozen=True)
class Right:
    """A firm's right of a pollutant."""

    uscc: str
    name: str | None
    pollutant: Named
    state: Named
    initial_t: Decimal | None
    moved_t: Decimal | None
    pledged_t: Decimal | None
    held_t: Decimal | None
    discharged_t: Decimal | None
    balance_t: Decimal | None
    ends: date | None
    fee_wan_yuan: Decimal | None


@dataclass(frozen=True)
class Carbon:
    """A firm's carbon code beside its industry; what rests on statistics is missing without consent."""

    uscc: str
    name: str | None
    industry: Named | None
    co2_t: Decimal | None
    intensity: Decimal | None
    level: Named | None
    industry_intensity: Decimal | None
    efficiency: Decimal | None
    efficiency_level: int | None
    notes: tuple[Named, ...]


@dataclass(frozen=True)
class Energy:
    """A firm's own energy quota."""

    state: Named | None
    standard: Decimal | None
    quota_tce: Decimal | None
    cut_tce: Decimal | None
    traded_tce: Decimal
    energy_tce: Decimal | None
    balance_tce: Decimal | None
    energy_class: Named | None


def rights(query: Query, year: str, district: str, uscc: str = "") -> list[Right]:
    """Rights of firms, the largest shortage in percent of the right first."""
    rows = query(
        f"""SELECT r.*, e.enterprise_name FROM resource.emission_right r
        LEFT JOIN core.enterprise e ON e.uscc = r.uscc AND e.year = r.year
        WHERE r.year = ? AND (? = '' OR r.district_code = ?) AND (? = '' OR r.uscc = ?)
        ORDER BY right_balance_t / greatest(held_t, 0.001) NULLS LAST, r.uscc, r.pollutant_code LIMIT {MOST}""",
        year, district, district, uscc, uscc,
    )  # fmt: skip
    return [
        Right(
            uscc=r["uscc"], name=r["enterprise_name"], pollutant=query.titles("pollutant", r["pollutant_code"]),
            state=query.titles("right_state", r["right_state_code"]), initial_t=r["initial_t"],
            moved_t=None if r["held_t"] is None else r["held_t"] - r["initial_t"], pledged_t=r["pledged_t"],
            held_t=r["held_t"], discharged_t=r["discharged_t"], balance_t=r["right_balance_t"],
            ends=r["right_to_date"], fee_wan_yuan=r["yearly_fee_wan_yuan"],
        )
        for r in rows
    ]  # fmt: skip


def carbon(query: Query, year: str, district: str, uscc: str = "") -> list[Carbon]:
    """Carbon codes of firms, the worst beside their industry first."""
    rows = query(
        f"""SELECT c.*, e.enterprise_name FROM resource.carbon_code c
        LEFT JOIN core.enterprise e ON e.uscc = c.uscc AND e.year = c.year
        WHERE c.year = ? AND (? = '' OR c.district_code = ?) AND (? = '' OR c.uscc = ?)
        ORDER BY carbon_efficiency DESC NULLS LAST, c.uscc LIMIT {MOST}""",
        year, district, district, uscc, uscc,
    )  # fmt: skip
    return [
        Carbon(
            uscc=r["uscc"], name=r["enterprise_name"],
            industry=query.titles.maybe("industry_division", r["industry_division_code"]), co2_t=r["co2_t"],
            intensity=r["carbon_intensity"], level=query.titles.maybe("carbon_level", r["carbon_level_code"]),
            industry_intensity=r["industry_carbon_intensity"], efficiency=r["carbon_efficiency"],
            efficiency_level=r["carbon_efficiency_level"],
            notes=tuple(query.titles("carbon_note", note) for note in r["carbon_notes"] or ()),
        )
        for r in rows
    ]  # fmt: skip


@dataclass(frozen=True)
class OfFirm:
    """What a firm's own sheet says of quotas, rights and carbon."""

    energy: Energy | None
    rights: list[Right]
    carbon: Carbon | None


def of_firm(query: Query, uscc: str, year: str) -> OfFirm | None:
    """Quota, rights and carbon code of a firm; ``None`` if the release or the reader has none of it."""
    if not {RIGHTS, CARBON} <= query.tables:
        return None
    codes = carbon(query, year, "", uscc)
    found = OfFirm(energy_of(query, uscc, year), rights(query, year, "", uscc), codes[0] if codes else None)
    return found if found.energy or found.rights or found.carbon else None


def energy_of(query: Query, uscc: str, year: str) -> Energy | None:
    """A firm's energy quota with its booked trades; ``None`` if it has none in the year."""
    if "resource.energy_allocation" not in query.tables:
        return None
    found = query("SELECT * FROM resource.energy_allocation WHERE uscc = ? AND year = ?", uscc, year)
    if not found:
        return None
    lines = query(
        "SELECT sum(amount_tce) AS traded FROM resource.energy_ledger WHERE uscc = ? AND year = ?", uscc, year
    )
    row, traded = found[0], lines[0]["traded"] or Decimal(0)
    own, used = row["quota_tce"], row["energy_tce"]
    return Energy(
        state=query.titles.maybe("energy_allocation_state", row["energy_allocation_state_code"]),
        standard=row["energy_standard"],
        quota_tce=own,
        cut_tce=row["cut_tce"],
        traded_tce=traded,
        energy_tce=used,
        balance_tce=None if own is None or used is None else own + traded - used,
        energy_class=query.titles.maybe("energy_class", row["energy_class_code"]),
    )
