"""An enterprise's latest years: figures, ranks and grades."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from portal.queries.grade import latest_grades
from portal.queries.release import Query, Row, is_withheld, row_of_firm, rows_of_firm
from portal.queries.titles import Named

YEARS = 5


@dataclass(frozen=True)
class YearFigures:
    """A year of the firm. Tax is the sum of all components on record; tax per mu is the unit's evaluated figure."""

    year: str
    #: The year, or the last month of its figures if they cover only part of it.
    as_of: str
    output_wan_yuan: Decimal | None
    value_added_wan_yuan: Decimal | None
    tax_wan_yuan: Decimal | None
    tax_per_mu_wan_yuan: Decimal | None
    total_score: Decimal | None
    rank: int | None
    list_size: int | None
    grade: str | None
    status: Named | None
    #: Whether statistics of the year are withheld from the reader for want of consent.
    is_not_shown: bool = False


def history(query: Query, uscc: str, year: str) -> tuple[YearFigures, ...]:
    """At most :data:`YEARS` years up to the given one, the earliest first."""
    rows = [row for row in rows_of_firm(query, "core.enterprise_year", uscc) if row["year"] <= year]
    return tuple(_year(query, uscc, row) for row in rows[-YEARS:])


def _year(query: Query, uscc: str, figures: Row) -> YearFigures:
    year = figures["year"]
    population = row_of_firm(query, "per_mu.population", uscc, year) or {}
    unit = population.get("evaluation_uscc", uscc)
    own = latest_grades(query, uscc).get(year, {})
    return YearFigures(
        year=year,
        as_of=figures.get("figures_as_of") or year,
        output_wan_yuan=figures["output_wan_yuan"],
        value_added_wan_yuan=figures["value_added_wan_yuan"],
        tax_wan_yuan=_tax(figures),
        tax_per_mu_wan_yuan=_tax_per_mu(query, unit, year),
        total_score=own.get("total_score"),
        # a firm that inherits its grade has no rank of its own
        rank=latest_grades(query, unit).get(year, {}).get("rank_in_list") if own else None,
        list_size=own.get("list_size"),
        grade=own.get("final_grade"),
        status=query.titles.maybe("eval_status", population.get("eval_status_code")),
        is_not_shown=is_withheld(figures),
    )


def _tax(figures: Row) -> Decimal | None:
    """The sum of all components on record; ``None`` without any."""
    components = (
        amount
        for name, amount in figures.items()
        if name.startswith("tax_") and name != "tax_paid_stat_wan_yuan" and amount is not None
    )
    known = list(components)
    return sum(known, Decimal(0)) if known else None


def _tax_per_mu(query: Query, unit: str, year: str) -> Decimal | None:
    """The evaluated tax per mu in 万元."""
    rows = rows_of_firm(query, "per_mu.indicator_value", unit)
    return next((row["value"] for row in rows if row["year"] == year and row["indicator_code"] == "I1"), None)
