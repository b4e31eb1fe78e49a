"""What follows from a firm's grade: amounts and treatments, their sources, and what corrections took back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from portal.access import views
from portal.card.sheet import Card
from portal.queries import efficiency, land, resource
from portal.queries.efficiency import Listed
from portal.queries.land import Promise
from portal.queries.release import Query
from portal.queries.resource import Consequence, Reversal, Surcharge
from portal.web.firm.parts import proof
from portal.web.frame import Frame
from schemas.contract import contract

#: Figure that a measure is applied to → title in both languages, unit.
BASES = {
    "tax_land_use_wan_yuan": ("土地使用税", "land-use tax", "万元"),
    "power_kwh": ("用电量", "electricity", "千瓦时"),
    "water_m3": ("用水量", "water", "立方米"),
    "emission_t": ("主要污染物", "pollutants", "吨"),
    "energy_tce": ("综合能耗", "energy", "吨标准煤"),
}


@dataclass(frozen=True)
class Line:
    """A measure with its base and rate in words, and the address of its evidence."""

    of: Consequence
    base: str
    base_unit: str
    rate: str
    proof: str


@dataclass(frozen=True)
class Follows:
    """All that the sheet says of consequences; ``is_unseen`` for an account that sees none."""

    lines: Sequence[Line]
    reversals: Sequence[Reversal]
    months: Sequence[Surcharge]
    listed: Listed | None
    promises: Sequence[Promise]
    is_unseen: bool
    #: Sum of the amounts: what the grade adds to the firm's yearly cost.
    total_wan_yuan: Decimal | None


def follows(frame: Frame, card: Card, query: Query) -> Follows | None:
    """What follows from the firm's grade of the card's year; ``None`` in a release without consequences."""
    asked = (query, card.uscc, card.year)
    found = resource.of_firm(*asked)
    if found is None:
        return None
    amounts = [one.amount_wan_yuan for one in found if one.amount_wan_yuan is not None]
    return Follows(
        lines=[_line(frame, card, one) for one in found],
        reversals=resource.reversals(*asked),
        months=resource.surcharges(*asked),
        listed=efficiency.of_firm(*asked),
        promises=land.promises_of_firm(*asked),
        is_unseen=not views.sees_rows(contract("resource.consequence"), frame.viewer.cut),
        total_wan_yuan=sum(amounts, Decimal(0)) if amounts else None,
    )


def _line(frame: Frame, card: Card, one: Consequence) -> Line:
    zh, en, unit = BASES.get(one.base_name or "", ("", "", ""))
    column = "amount_wan_yuan" if one.amount_wan_yuan is not None else "measure_code"
    return Line(
        of=one,
        base=frame.t(zh, en),
        base_unit=unit,
        rate=_rate(frame, one),
        proof=proof(frame, card, "resource.consequence", column, measure_code=one.measure.code),
    )


def _rate(frame: Frame, one: Consequence) -> str:
    if one.rate is None:
        return ""
    if one.base_name in ("tax_land_use_wan_yuan", "energy_tce"):
        return f"{100 * one.rate:+.0f}%" if one.rate else "0%"
    unit = {
        "power_kwh": frame.t("元/千瓦时", "yuan/kWh"),
        "water_m3": frame.t("元/立方米", "yuan/m³"),
        "emission_t": frame.t("元/吨", "yuan/t"),
    }[one.base_name or ""]
    return f"+{one.rate.normalize():f} {unit}"
