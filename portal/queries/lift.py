"""What would raise an enterprise's grade: indicators below their baselines, points to the next grade, vetoes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from portal.queries.grade import grade_row, unit_row
from portal.queries.release import Query, Row
from portal.queries.titles import Named

#: From the highest to the lowest.
GRADES = "ABCD"


@dataclass(frozen=True)
class Indicator:
    """An indicator of the unit. A value at the baseline scores the weight; ``points_missing`` is the shortfall."""

    indicator: Named
    value: Decimal | None
    baseline: Decimal | None
    unit: str
    weight: Decimal
    score: Decimal
    points_missing: Decimal
    note: Named | None


@dataclass(frozen=True)
class Adjustment:
    """A veto, a protection, or points."""

    uscc: str
    kind: str
    effect: Named
    points: Decimal
    reason: str
    document: str | None


@dataclass(frozen=True)
class Lift:
    """What would raise the grade. ``last_total`` is the lowest total of a unit that has the next grade by its rank
    alone or by refill; ``points_missing`` is that total less the firm's own. It is zero or negative if the firm has
    enough points and something else, such as a veto, limits its grade."""

    indicators: tuple[Indicator, ...]
    next_grade: Named | None
    last_total: Decimal | None
    points_missing: Decimal | None
    vetoes: tuple[Adjustment, ...]
    others: tuple[Adjustment, ...]
    #: Lines on reports that the unit's firms owe and withhold: what obliges them, and how to mend it.
    withheld: tuple[str, ...] = ()


def lift(query: Query, uscc: str, year: str) -> Lift | None:
    """What would raise the firm's grade; ``None`` if the firm has no grade."""
    row = grade_row(query, uscc, year)
    if row is None:
        return None
    position = GRADES.index(row["final_grade"])
    following = GRADES[position - 1] if position else None
    last = _last_total(query, row, following) if following else None
    adjustments = _adjustments(query, row)
    return Lift(
        indicators=_indicators(query, row["evaluation_uscc"], year),
        next_grade=query.titles.maybe("grade", following),
        last_total=last,
        points_missing=last - row["total_score"] if last is not None else None,
        vetoes=tuple(a for a in adjustments if a.kind == "veto"),
        others=tuple(a for a in adjustments if a.kind != "veto"),
        withheld=tuple(_withheld(query, row["evaluation_uscc"], year)),
    )


def _last_total(query: Query, row: Row, grade: str) -> Decimal | None:
    """The lowest total of the list's units that have the grade by their rank alone or by refill."""
    [lowest] = query(
        """SELECT min(total_score) AS total FROM (
            FROM per_mu.enterprise_grade WHERE year = $1 AND district_code = $2 AND list_code = $3
            QUALIFY evaluation_version = max(evaluation_version) OVER (PARTITION BY uscc))
        WHERE rank_in_list IS NOT NULL
            AND final_grade = $4 AND (initial_grade = $4 OR grade_reasons = ['refill'])""",
        row["year"], row["district_code"], unit_row(query, row)["list_code"], grade,
    )  # fmt: skip
    total: Decimal | None = lowest["total"]
    return total


def _indicators(query: Query, unit: str, year: str) -> tuple[Indicator, ...]:
    """The unit's indicators, the largest shortfall of points first."""
    from jobs.per_mu.rules.models import indicator_definitions

    definitions = indicator_definitions()
    rows = query(
        """SELECT *, greatest(weight - score, 0) AS points_missing FROM per_mu.indicator_value
        WHERE uscc = ? AND year = ? ORDER BY points_missing DESC, weight DESC, indicator_code""",
        unit, year,
    )  # fmt: skip
    return tuple(
        Indicator(
            indicator=query.titles("per_mu_indicator", row["indicator_code"]),
            value=row["value"],
            baseline=row["baseline"],
            unit=definitions[row["indicator_code"]].unit if row["indicator_code"] in definitions else "",
            weight=row["weight"],
            score=row["score"],
            points_missing=row["points_missing"],
            note=query.titles.maybe("indicator_note", row["note_code"]),
        )
        for row in rows
    )


def _withheld(query: Query, unit: str, year: str) -> Iterator[str]:
    """What the unit's firms owe and withhold, in words."""
    from jobs.per_mu.rules.models import indicator_definitions
    from jobs.per_mu.steps.reasons import told_duty

    rows = query(
        """SELECT indicator_code FROM per_mu.indicator_value
        WHERE uscc = ? AND year = ? AND note_code = 'withheld_zero' ORDER BY indicator_code""",
        unit, year,
    )  # fmt: skip
    if not rows:
        return
    firms = query(
        """SELECT y.* FROM core.enterprise_year y JOIN per_mu.population p USING (uscc, year)
        WHERE p.evaluation_uscc = ? AND y.year = ? AND p.unit_role_code IN ('own', 'merged') ORDER BY y.uscc""",
        unit, year,
    )  # fmt: skip
    for row in rows:
        definition = indicator_definitions().get(row["indicator_code"])
        if definition and definition.duty:
            yield from told_duty(definition.duty, firms)


def _adjustments(query: Query, row: Row) -> list[Adjustment]:
    """Vetoes, protections and points of the firm and, if it inherits its grade, of the parcel's holder."""
    rows = query(
        """SELECT * FROM per_mu.adjustment WHERE year = ? AND uscc IN (SELECT unnest(?))
        ORDER BY uscc <> ?, points, adjustment_code, event_id""",
        row["year"], [row["uscc"], row["evaluation_uscc"]], row["uscc"],
    )  # fmt: skip
    return [
        Adjustment(
            r["uscc"], r["adjustment_kind_code"], query.titles("adjustment_effect", r["effect_code"]),
            r["points"], r["reason_zh"], r["document_code"],
        )
        for r in rows
    ]  # fmt: skip
