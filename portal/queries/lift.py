"""What would raise an enterprise's grade: indicators below their baselines, ways that are enough, vetoes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from portal.queries.adjustments import Adjustment, adjustments_of
from portal.queries.grade import grade_row, unit_row
from portal.queries.ranking import last_versions
from portal.queries.release import Query, Row, row_of_firm, rows_of_firm
from portal.queries.routes import Bounds, Change, points_missing, routes
from portal.queries.titles import Named

if TYPE_CHECKING:
    from jobs.per_mu.rules.models import IndicatorDefinition, RuleSet
    from jobs.per_mu.steps.reasons import Owed

#: From the highest to the lowest.
GRADES = "ABCD"


@dataclass(frozen=True)
class Indicator:
    """An indicator of the unit. A value at the baseline scores the weight; ``points_missing`` is the shortfall."""

    indicator: Named
    value: Decimal | None
    #: Sides of the value, with their units: value = numerator ÷ denominator.
    numerator: Decimal | None
    denominator: Decimal | None
    numerator_unit: str
    denominator_unit: str
    baseline: Decimal | None
    unit: str
    weight: Decimal
    score: Decimal
    points_missing: Decimal
    note: Named | None
    #: The score of the value as the rule computes it, before cap and floor; empty without value or baseline.
    arithmetic: str = ""


@dataclass(frozen=True)
class Step:
    """A change of one figure on the way to the next grade, with the figure's title."""

    title: Named
    change: Change


@dataclass(frozen=True)
class Lift:
    """What would raise the grade.

    ``last_total`` is the lowest total of a unit that has the next grade by its rank alone or by refill. ``routes`` are
    changes that are enough, the smallest first: each of one figure, or one of two figures if no single one is enough.
    """

    indicators: tuple[Indicator, ...]
    next_grade: Named | None
    last_total: Decimal | None
    #: Fewest points that reach the next grade; missing if no number of points does.
    points_missing: Decimal | None
    routes: tuple[tuple[Step, ...], ...]
    #: Whether the release's rule and figures give the published grade; else no route is named. ``None`` if the list
    #: was not computed again.
    is_recomputed: bool | None
    #: Whether vetoes alone keep the firm from the next grade, and the grade that it would have without any.
    is_held_by_veto: bool
    without_veto: Named | None
    vetoes: tuple[Adjustment, ...]
    others: tuple[Adjustment, ...]
    #: Reports that the unit's firms owe and withhold.
    withheld: tuple[Owed, ...] = ()
    #: Whether the reader may not see the unit's figures, for want of its consent or because the unit is another firm:
    #: then no figure is named.
    is_not_shown: bool = False


def lift(query: Query, uscc: str, year: str, *, with_ways: bool = True) -> Lift | None:
    """What would raise the firm's grade; ``None`` if the firm has no grade.

    Args:
        with_ways: whether the list is computed again for points and routes, which takes twice as long as all else.
    """
    from jobs.per_mu.steps.what_if import ranked_list

    row = grade_row(query, uscc, year)
    if row is None:
        return None
    unit = unit_row(query, row)
    position = GRADES.index(row["final_grade"])
    following = GRADES[position - 1] if position else None
    adjustments = adjustments_of(query, row)
    vetoes = tuple(a for a in adjustments if a.kind == "veto")
    own_vetoes = {a.effect.code for a in vetoes if a.uscc == uscc}
    # a tenant does not see the row of the parcel's holder, with whom it is evaluated
    sees_unit = unit["uscc"] == row["evaluation_uscc"]
    is_shown = sees_unit and (unit["rank_in_list"] is None or unit["total_score"] is not None)
    # the ranking needs the whole list; its results name no other firm
    ranked = ranked_list(query.whole, unit) if is_shown and with_ways else None
    is_recomputed = (ranked is not None and ranked.reproduces()) if with_ways else None
    is_barred = following is not None and _is_barred(own_vetoes, following)
    missing, without = None, None
    found: Sequence[tuple[Change, ...]] = ()
    if ranked and is_recomputed:
        if following and not is_barred:
            missing = points_missing(ranked, following)
        if missing is not None and following:
            found = routes(
                ranked, following, _land(query, unit["uscc"], year), _bounds(query, ranked.rules, unit)
            )
        if vetoes:
            without = ranked.grade(is_vetoed=False)
    return Lift(
        indicators=_indicators(query, row["evaluation_uscc"], year) if is_shown else (),
        next_grade=query.titles.maybe("grade", following),
        last_total=_last_total(query.whole, row, following) if following and is_shown else None,
        points_missing=missing,
        routes=tuple(
            tuple(Step(_title(query, change.figure), change) for change in route) for route in found
        ),
        is_recomputed=is_recomputed,
        is_held_by_veto=is_barred
        or (bool(vetoes) and bool(is_recomputed) and following is not None and missing is None),
        without_veto=query.titles.maybe("grade", without),
        vetoes=vetoes,
        others=tuple(a for a in adjustments if a.kind != "veto"),
        withheld=tuple(_withheld(query, row["evaluation_uscc"], year)),
        is_not_shown=not is_shown,
    )


def _title(query: Query, figure: str) -> Named:
    column = "tax_contribution_wan_yuan" if figure == "tax_contribution" else figure
    return query.dictionary.column(column).title


def _is_barred(effects: set[str], grade: str) -> bool:
    """Whether vetoes of the firm itself keep it from a grade, whatever its parcel's holder has."""
    return "direct_d" in effects or ("not_above_c" in effects and grade in "AB")


def _bounds(query: Query, rules: RuleSet, unit: Row) -> Bounds | None:
    """What the land of the unit's own firm can carry; ``None`` if its rule set grades any land."""
    books = query("SELECT content FROM release.rule_set WHERE rule_set_id = 'land-limits'")
    known = (unit["uscc"], unit["year"])
    firm, figures = (
        row_of_firm(query, "core.enterprise", *known),
        row_of_firm(query, "core.enterprise_year", *known),
    )
    if rules.impossible_land != "data_incomplete" or not books or firm is None or figures is None:
        return None
    from jobs.per_mu.rules.tax_columns import EXCLUDED_COLUMNS, TAX_COLUMNS

    none = Decimal(0)
    limits = json.loads(books[0]["content"], parse_float=Decimal)
    groups = [g for g in limits["groups"] if firm["industry_division_code"] in g["divisions"]]
    if not groups:
        return None
    [group] = groups
    area, ratio, shifts, added, tax = (
        Decimal(str(group[name]))
        for name in (
            "floor_m2_per_person", "plot_ratio", "shifts", "value_added_wan_yuan_per_mu", "tax_wan_yuan_per_mu",
        )
    )  # fmt: skip
    staff = figures["insured_count"] if figures["employees_average"] is None else figures["employees_average"]
    return Bounds(
        land=figures["land_area_mu"] or none,
        # three mu are 2000 square metres
        staff_land=(staff or none) * area / (ratio * shifts) * 3 / 2000,
        tax=sum((figures[TAX_COLUMNS[name]] or none for name in rules.tax_components), none)
        - sum((figures.get(EXCLUDED_COLUMNS[name]) or none for name in rules.tax_exclusions), none),
        value_added=figures["value_added_wan_yuan"] or none,
        most_tax_per_mu=tax,
        most_value_added_per_mu=added,
    )


def _land(query: Query, uscc: str, year: str) -> Decimal | None:
    row = row_of_firm(query, "per_mu.population", uscc, year)
    return row["land_area_mu"] if row else None


def _last_total(query: Query, row: Row, grade: str) -> Decimal | None:
    """The lowest total of the list's units that have the grade by their rank alone or by refill."""
    [lowest] = query(
        f"""SELECT min(total_score) AS total FROM {last_versions(query, row["year"])}
        WHERE district_code = $1 AND list_code = $2 AND rank_in_list IS NOT NULL
            AND final_grade = $3 AND (initial_grade = $3 OR grade_reasons = ['refill'])""",
        row["district_code"], unit_row(query, row)["list_code"], grade,
    )  # fmt: skip
    total: Decimal | None = lowest["total"]
    return total


def _indicators(query: Query, unit: str, year: str) -> tuple[Indicator, ...]:
    """The unit's indicators, the largest shortfall of points first."""
    from jobs.per_mu.rules.models import indicator_definitions

    definitions = indicator_definitions()
    values = _values(query, unit, year)
    rules = _least_shares(query, values)
    found = (
        Indicator(
            indicator=query.titles("per_mu_indicator", row["indicator_code"]),
            value=row["value"],
            numerator=row["numerator"],
            denominator=row["denominator"],
            numerator_unit=_units(definitions, row["indicator_code"])[0],
            denominator_unit=_units(definitions, row["indicator_code"])[1],
            baseline=row["baseline"],
            unit=_units(definitions, row["indicator_code"])[2],
            weight=row["weight"],
            score=row["score"],
            points_missing=Decimal(0)
            if row["score"] is None
            else max(row["weight"] - row["score"], Decimal(0)),
            note=query.titles.maybe("indicator_note", row["note_code"]),
            arithmetic=_arithmetic(row, rules),
        )
        for row in values
    )
    return tuple(sorted(found, key=lambda of: (-of.points_missing, -of.weight, of.indicator.code)))


def _least_shares(query: Query, values: Sequence[Row]) -> Mapping[str, Decimal]:
    """Least share of the weight by indicator, where minimum and maximum score."""
    if not any(str(row.get("scoring_code")).startswith("min_max") for row in values):
        return {}
    from jobs.per_mu.rules.models import RuleSet

    [book] = query("SELECT content FROM release.rule_set WHERE rule_set_id = ?", values[0]["rule_set_id"])
    indicators = RuleSet.model_validate_json(book["content"]).lists[values[0]["list_code"]].indicators
    return {code: indicator.least_share for code, indicator in indicators.items()}


def _arithmetic(row: Row, least_shares: Mapping[str, Decimal]) -> str:
    from jobs.per_mu.steps.formula import arithmetic

    if row["value"] is None or row["baseline"] is None:
        return ""
    return arithmetic(row, least_shares.get(row["indicator_code"], Decimal(0)))


def _values(query: Query, unit: str, year: str) -> list[Row]:
    """The unit's indicators in a year, by code."""
    rows = rows_of_firm(query, "per_mu.indicator_value", unit, year)
    return sorted(rows, key=lambda row: str(row["indicator_code"]))


def _units(definitions: Mapping[str, IndicatorDefinition], code: str) -> tuple[str, str, str]:
    """Units of numerator, denominator and value; empty for an indicator that only an old release has."""
    if code not in definitions:
        return "", "", ""
    definition = definitions[code]
    return definition.numerator_unit, definition.denominator_unit, definition.unit


def _withheld(query: Query, unit: str, year: str) -> Iterator[Owed]:
    """What the unit's firms owe and withhold."""
    from jobs.per_mu.rules.models import indicator_definitions
    from jobs.per_mu.steps.reasons import owed

    rows = [row for row in _values(query, unit, year) if row["note_code"] == "withheld_zero"]
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
            yield owed(definition.duty, firms)
