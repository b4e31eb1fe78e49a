"""How firmly a grade stands: the smallest shift of weights that lifts a firm, and what lifts the firms that are D."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from portal.queries.grade import grade_row, unit_row
from portal.queries.lift import GRADES, Lift, lift
from portal.queries.ranking import last_versions
from portal.queries.release import Query
from portal.queries.titles import Named
from schemas.errors import RejectedError, UsageError


@dataclass(frozen=True)
class WeightShift:
    """Points of weight that pass from one indicator to another, and the grade that the firm's unit then has."""

    from_indicator: Named
    to_indicator: Named
    points: Decimal
    grade: str


def weight_shifts(query: Query, uscc: str, year: str) -> tuple[str, list[WeightShift]]:
    """A firm's grade, and for each pair of indicators the smallest shift of weight to a better one, smallest first.

    Raises:
        UsageError: the firm has no grade in the year, or the best one.
        RejectedError: the release's rule and figures do not give its published grade.
    """
    from jobs.per_mu.steps.weights import shifts
    from jobs.per_mu.steps.what_if import ranked_list

    row = grade_row(query, uscc, year)
    if row is None:
        raise UsageError(f"{uscc} has no grade in {year}")
    unit = unit_row(query, row)
    grade = str(unit["final_grade"])
    if grade == GRADES[0]:
        raise UsageError(f"{uscc} has the best grade already")
    ranked = ranked_list(query.whole, unit)
    if ranked is None or not ranked.reproduces():
        raise RejectedError(
            f"the rule and figures of the release do not give the published grades of {uscc}'s list"
        )
    named = query.titles
    wanted = GRADES[GRADES.index(grade) - 1]
    return grade, [
        WeightShift(
            named("per_mu_indicator", shift.from_indicator),
            named("per_mu_indicator", shift.to_indicator),
            shift.points,
            shift.grade,
        )
        for shift in shifts(ranked, wanted)
    ]


@dataclass(frozen=True)
class AtBottom:
    """A unit that is D by the newest figures, and what would lift it."""

    uscc: str
    enterprise_name: str
    district: Named
    list: Named
    land_mu: Decimal | None
    #: Year, or the last month of a part year: then it is a pre-evaluation 年中预评价.
    figures_as_of: str
    lift: Lift


def at_bottom(query: Query, year: str, district: str, most: int) -> tuple[list[AtBottom], int]:
    """The units that are D in a year, those with the most land first, and the number of all.

    Args:
        most: units for which ways up are computed; each takes a second or so.
    """
    place = " AND g.district_code = ?" if district else ""
    rows = query(
        f"""SELECT g.uscc, g.enterprise_name, g.district_code, g.list_code, g.figures_as_of, p.land_area_mu
        FROM {last_versions(query, year)} g LEFT JOIN per_mu.population p ON p.uscc = g.uscc AND p.year = g.year
        WHERE g.final_grade = 'D' AND g.rank_in_list IS NOT NULL{place}
        ORDER BY p.land_area_mu DESC NULLS LAST, g.uscc""",
        *([district] if district else []),
    )
    found = []
    for row in rows[:most]:
        ways = lift(query, row["uscc"], year)
        if ways is not None:
            found.append(
                AtBottom(
                    row["uscc"],
                    row["enterprise_name"],
                    query.titles("district", row["district_code"]),
                    query.titles("per_mu_list", row["list_code"]),
                    row["land_area_mu"],
                    str(row["figures_as_of"]),
                    ways,
                )
            )
    return found, len(rows)
