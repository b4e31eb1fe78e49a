"""资源要素 Resources: what grades bring to districts and firms, and the rules that say so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal.queries.release import Query
from portal.queries.titles import Named

#: A release made before has no such tables.
NEEDS = ("resource.consequence", "resource.consequence_district")
RULES = "consequences"


@dataclass(frozen=True)
class Effect:
    """What a measure brings to the firms of a grade in a district, or in the city (``district`` is ``None``).

    Sums are missing where fewer than three firms are behind them.
    """

    district: Named | None
    measure: Named
    grade: str
    firms: int
    touched: int
    before_wan_yuan: Decimal | None
    amount_wan_yuan: Decimal | None
    after_wan_yuan: Decimal | None
    quota_change_tce: Decimal | None
    is_assumed: bool
    #: Whether the sums are missing because few firms are behind them, and not because the measure has no amount.
    is_few: bool


@dataclass(frozen=True)
class Step:
    """A step of a measure's rule: what a grade brings from a number of consecutive years in D on."""

    grade: str
    from_years: int
    rate: Decimal | None
    treatment: Named | None


@dataclass(frozen=True)
class Rule:
    """A measure of the rule document, in force for a span of days."""

    id: str
    measure: Named
    source: str
    valid_from: str
    valid_to: str | None
    base: str | None
    steps: tuple[Step, ...]
    is_assumed: bool
    #: Why what is assumed is assumed, in both languages.
    why: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Consequence:
    """What follows from a firm's grade by one measure."""

    measure: Named
    grade: str
    version: int
    years_in_d: int
    base_name: str | None
    base_amount: Decimal | None
    base_share: Decimal
    rate: Decimal | None
    amount_wan_yuan: Decimal | None
    quota_change_tce: Decimal | None
    treatment: Named | None
    note: Named | None
    executed_from: str
    is_month_assumed: bool
    source: str
    is_assumed: bool


@dataclass(frozen=True)
class Reversal:
    """What a correction took back of a measure of a firm's year."""

    measure: Named
    corrected_year: str
    corrected_version: int
    #: ``None`` if the firm was not graded before.
    grade_before: str | None
    grade_after: str | None
    before_wan_yuan: Decimal | None
    after_wan_yuan: Decimal | None
    difference_wan_yuan: Decimal
    settlement: Named


@dataclass(frozen=True)
class Surcharge:
    """The surcharge on electricity of a firm in a month, over its meter accounts."""

    month: str
    accounts: int
    power_kwh: Decimal
    step_yuan: Decimal
    surcharge_wan_yuan: Decimal
    difference_wan_yuan: Decimal


# --- totals --------------------------------------------------------------------------------------------


def measures(query: Query, year: str) -> list[Named]:
    """Measures of a year, in the order of their list."""
    rows = query("SELECT DISTINCT measure_code FROM resource.consequence_district WHERE year = ?", year)
    found = {row["measure_code"] for row in rows}
    return [query.titles("resource_measure", code) for code in MEASURES if code in found]


#: Measures in the order in which pages show them.
MEASURES = (
    "land_use_tax", "power_price", "water_price", "emission_fee", "energy_quota", "credit", "honours",
)  # fmt: skip


def of_districts(query: Query, year: str, measure: str) -> list[Effect]:
    """A measure's effects by district and grade."""
    rows = query(
        """SELECT * FROM resource.consequence_district WHERE year = ? AND measure_code = ?
        ORDER BY district_code, final_grade""",
        year, measure,
    )  # fmt: skip
    return [_effect(query, row) for row in rows]


def of_city(query: Query, year: str) -> list[Effect]:
    """All measures' effects in the city by grade; empty for who sees one district alone."""
    if "resource.consequence_city" not in query.tables:
        return []
    rows = query("SELECT * FROM resource.consequence_city WHERE year = ? ORDER BY final_grade", year)
    return sorted(
        (_effect(query, row) for row in rows), key=lambda one: (MEASURES.index(one.measure.code), one.grade)
    )


def _effect(query: Query, row: dict[str, Any]) -> Effect:
    is_amount = row["measure_code"] not in ("credit", "honours")
    is_missing = row["amount_wan_yuan"] is None and row["quota_change_tce"] is None
    return Effect(
        district=query.titles.maybe("district", row.get("district_code")),
        measure=query.titles("resource_measure", row["measure_code"]),
        grade=row["final_grade"],
        firms=row["firm_count"],
        touched=row["touched_firm_count"],
        before_wan_yuan=row["before_wan_yuan"],
        amount_wan_yuan=row["amount_wan_yuan"],
        after_wan_yuan=row["after_wan_yuan"],
        quota_change_tce=row["quota_change_tce"],
        is_assumed=row["is_assumed"],
        is_few=is_amount and is_missing,
    )


# --- rules ---------------------------------------------------------------------------------------------


def rules(query: Query) -> list[Rule]:
    """The measures of the release's rule document."""
    found = query("SELECT content FROM release.rule_set WHERE rule_set_id = ?", RULES)
    if not found:
        return []
    given = json.loads(found[0]["content"])["measures"]
    return [_rule(query, one) for one in given]


def _rule(query: Query, one: dict[str, Any]) -> Rule:
    notes: Sequence[dict[str, str]] = one["assumptions"]
    return Rule(
        id=one["id"],
        measure=query.titles("resource_measure", one["measure"]),
        source=one["source"],
        valid_from=one["valid_from"],
        valid_to=one["valid_to"],
        base=one["base"],
        steps=tuple(
            Step(
                step["grade"],
                step["from_years_in_d"],
                None if step["rate"] is None else Decimal(step["rate"]),
                query.titles.maybe("resource_treatment", step["treatment"]),
            )
            for step in one["steps"]
        ),
        is_assumed=any(note["field"] in ("steps", "source") for note in notes),
        why=tuple((note["why_zh"], note["why"]) for note in notes),
    )


# --- a firm --------------------------------------------------------------------------------------------


def of_firm(query: Query, uscc: str, year: str) -> list[Consequence] | None:
    """What follows from a firm's grade of a year; ``None`` in a release without consequences."""
    if not set(NEEDS) <= query.tables:
        return None
    rows = query("SELECT * FROM resource.consequence WHERE uscc = ? AND year = ?", uscc, year)
    titles = query.titles
    return [
        Consequence(
            measure=titles("resource_measure", row["measure_code"]),
            grade=row["final_grade"],
            version=row["evaluation_version"],
            years_in_d=row["years_in_d_count"],
            base_name=row["base_name"],
            base_amount=row["base_amount"],
            base_share=row["base_share"],
            rate=row["rate"],
            amount_wan_yuan=row["amount_wan_yuan"],
            quota_change_tce=row["quota_change_tce"],
            treatment=titles.maybe("resource_treatment", row["treatment_code"]),
            note=titles.maybe("consequence_note", row["consequence_note_code"]),
            executed_from=row["executed_from_month"],
            is_month_assumed=row["is_month_assumed"],
            source=row["measure_source"],
            is_assumed=row["is_assumed"],
        )
        for row in sorted(rows, key=lambda row: MEASURES.index(row["measure_code"]))
    ]


def reversals(query: Query, uscc: str, year: str) -> list[Reversal]:
    """What corrections took back of a firm's year."""
    if "resource.consequence_correction" not in query.tables:
        return []
    rows = query(
        """SELECT * FROM resource.consequence_correction WHERE uscc = ? AND year = ?
        ORDER BY corrected_year, corrected_version, measure_code""",
        uscc, year,
    )  # fmt: skip
    return [
        Reversal(
            measure=query.titles("resource_measure", row["measure_code"]),
            corrected_year=row["corrected_year"],
            corrected_version=row["corrected_version"],
            grade_before=row["grade_before"],
            grade_after=row["final_grade"],
            before_wan_yuan=row["amount_before_wan_yuan"],
            after_wan_yuan=row["amount_after_wan_yuan"],
            difference_wan_yuan=row["difference_wan_yuan"],
            settlement=query.titles("settlement", row["settlement_code"]),
        )
        for row in rows
    ]


def surcharges(query: Query, uscc: str, year: str) -> list[Surcharge]:
    """Surcharges on electricity by month that rest on a firm's grade of a year."""
    if "resource.power_price_month" not in query.tables:
        return []
    rows = query(
        """SELECT month, count(*) AS accounts, sum(power_kwh) AS power_kwh, max(price_step_yuan) AS step,
            sum(surcharge_wan_yuan) AS surcharge, sum(difference_wan_yuan) AS difference
        FROM resource.power_price_month WHERE uscc = ? AND evaluation_year = ? GROUP BY month ORDER BY month""",
        uscc, year,
    )  # fmt: skip
    return [
        Surcharge(r["month"], r["accounts"], r["power_kwh"], r["step"], r["surcharge"], r["difference"])
        for r in rows
    ]
