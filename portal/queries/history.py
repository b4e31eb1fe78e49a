"""An enterprise's latest years: figures, ranks and grades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal.access.views import WITHHELD
from portal.queries.release import Query, Row, is_withheld, one_of
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
    rows = query("SELECT year, evaluation_uscc, eval_status_code FROM per_mu.population WHERE uscc = ?", uscc)
    population = {row["year"]: row for row in rows}
    units = [*dict.fromkeys([uscc, *(row["evaluation_uscc"] for row in rows)])]
    grades, per_mu = _grades(query, units), _tax_per_mu(query, units)
    return tuple(
        _year(query, uscc, row, population.get(row["year"], {}), grades, per_mu)
        for row in _figures(query, uscc, year)
    )


def _figures(query: Query, uscc: str, year: str) -> list[dict[str, Any]]:
    columns = query.columns("core.enterprise_year")
    taxes = [c for c in columns if c.startswith("tax_") and c != "tax_paid_stat_wan_yuan"]
    as_of = "figures_as_of" if "figures_as_of" in columns else "year"
    withheld = WITHHELD if WITHHELD in columns else "false"
    total = " + ".join(f"coalesce({c}, 0)" for c in taxes)
    rows = query(
        f"""SELECT year, {as_of} AS as_of, output_wan_yuan, value_added_wan_yuan,
            CASE WHEN coalesce({", ".join(taxes)}) IS NOT NULL THEN {total} END AS tax, {withheld} AS {WITHHELD}
        FROM core.enterprise_year WHERE uscc = ? ORDER BY year""",
        uscc,
    )  # fmt: skip
    return [row for row in rows if row["year"] <= year][-YEARS:]


def _grades(query: Query, units: list[str]) -> dict[tuple[str, str], Row]:
    """Firm and year → the row of the latest version of the evaluation."""
    rows = query(
        f"""SELECT uscc, year, total_score, rank_in_list, list_size, final_grade FROM per_mu.enterprise_grade
        WHERE {one_of("uscc", units)} ORDER BY evaluation_version"""
    )
    return {(row["uscc"], row["year"]): row for row in rows}


def _tax_per_mu(query: Query, units: list[str]) -> dict[tuple[str, str], Decimal]:
    """Firm and year → the evaluated tax per mu in 万元."""
    rows = query(
        f"""SELECT uscc, year, value FROM per_mu.indicator_value
        WHERE indicator_code = 'I1' AND {one_of("uscc", units)}"""
    )
    return {(row["uscc"], row["year"]): row["value"] for row in rows}


def _year(
    query: Query,
    uscc: str,
    figures: Row,
    population: Row,
    grades: Mapping[tuple[str, str], Row],
    per_mu: Mapping[tuple[str, str], Decimal],
) -> YearFigures:
    year, unit = figures["year"], population.get("evaluation_uscc", uscc)
    own: Row = grades.get((uscc, year), {})
    return YearFigures(
        year=year,
        as_of=figures["as_of"] or year,
        output_wan_yuan=figures["output_wan_yuan"],
        value_added_wan_yuan=figures["value_added_wan_yuan"],
        tax_wan_yuan=figures["tax"],
        tax_per_mu_wan_yuan=per_mu.get((unit, year)),
        total_score=own.get("total_score"),
        # a firm that inherits its grade has no rank of its own
        rank=grades.get((unit, year), {}).get("rank_in_list") if own else None,
        list_size=own.get("list_size"),
        grade=own.get("final_grade"),
        status=query.titles.maybe("eval_status", population.get("eval_status_code")),
        is_not_shown=is_withheld(figures),
    )
