"""The city or a district at a glance 总览: sums by year and district, and grades by district.

Sums come from per_mu.district_summary, which the reader may see where at least three firms are behind them. Land and
tax of a list are seen or withheld together, so their ratio is always that of the same firms; ``withheld_lists`` says
how many lists are left out. Few firms below scale report value added, so its sum is that of the lists above scale. No
sum is made of single firms' figures, which a reader may see in part only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from portal.queries.release import Query
from portal.queries.titles import Named


@dataclass(frozen=True)
class Totals:
    """Sums of evaluated firms of a year. Amounts in 万元, land in 亩; the ratios are those of the sums."""

    year: str
    firms: int
    graded: int
    grade_a: int
    grade_b: int
    grade_c: int
    grade_d: int
    exempt: int
    protected: int
    data_incomplete: int
    out_of_scope: int
    land_mu: Decimal | None
    tax_wan_yuan: Decimal | None
    value_added_wan_yuan: Decimal | None
    tax_per_mu_wan_yuan: Decimal | None
    value_added_per_mu_wan_yuan: Decimal | None
    #: Lists with fewer than three firms that have land: their firms count, their land and tax do not.
    withheld_lists: int
    #: Last month of the figures if they cover only part of the year.
    part_year_to: str | None


@dataclass(frozen=True)
class District:
    """A district's sums of a year."""

    district: Named
    totals: Totals


@dataclass(frozen=True)
class Change:
    """A figure of the latest year beside the year before, with its years as a line."""

    value: Decimal | None
    change_pct: Decimal | None
    years: tuple[str, ...]
    line: tuple[Decimal | None, ...]


_SUMS = """
    sum(firm_count)::BIGINT AS firms, sum(graded_count)::BIGINT AS graded,
    sum(grade_a_count)::BIGINT AS grade_a, sum(grade_b_count)::BIGINT AS grade_b,
    sum(grade_c_count)::BIGINT AS grade_c, sum(grade_d_count)::BIGINT AS grade_d,
    sum(exempt_count)::BIGINT AS exempt, sum(protected_count)::BIGINT AS protected,
    sum(data_incomplete_count)::BIGINT AS data_incomplete, sum(out_of_scope_count)::BIGINT AS out_of_scope,
    sum(land_total_mu) FILTER (is_shown)::DECIMAL(24, 6) AS land_mu,
    sum(tax_contribution_wan_yuan) FILTER (is_shown)::DECIMAL(24, 6) AS tax_wan_yuan,
    sum(value_added_total_wan_yuan) FILTER (list_code = 'above_scale')::DECIMAL(24, 6) AS value_added_wan_yuan,
    round(tax_wan_yuan / nullif(land_mu, 0), 6)::DECIMAL(24, 6) AS tax_per_mu_wan_yuan,
    round(value_added_wan_yuan / nullif(sum(land_total_mu) FILTER (list_code = 'above_scale'
        AND value_added_total_wan_yuan IS NOT NULL), 0), 6)::DECIMAL(24, 6) AS value_added_per_mu_wan_yuan,
    count(*) FILTER (NOT is_shown AND firm_count > 0)::BIGINT AS withheld_lists,
    nullif(min(figures_as_of), min(year)::VARCHAR) AS part_year_to"""

_ROWS = """(SELECT *, land_total_mu IS NOT NULL AND tax_contribution_wan_yuan IS NOT NULL AS is_shown
    FROM per_mu.district_summary
    WHERE list_contains($1, list_code) OR len($1) = 0)"""


def years(query: Query) -> list[str]:
    """Years with an evaluation, the latest first."""
    return [r["year"] for r in query("SELECT DISTINCT year FROM per_mu.district_summary ORDER BY year DESC")]


def by_year(query: Query, lists: Sequence[str] = ()) -> list[Totals]:
    """The sums of all districts that the reader sees, by year; of the named lists only, if any is named."""
    rows = query(f"SELECT year, {_SUMS} FROM {_ROWS} GROUP BY year ORDER BY year", list(lists))
    return [Totals(**row) for row in rows]


def by_district(query: Query, year: str, lists: Sequence[str] = ()) -> list[District]:
    """The districts' sums of a year, by district code."""
    rows = query(
        f"""SELECT district_code, year, {_SUMS} FROM {_ROWS} WHERE year = $2
        GROUP BY district_code, year ORDER BY district_code""",
        list(lists), year,
    )  # fmt: skip
    return [District(query.titles("district", row.pop("district_code")), Totals(**row)) for row in rows]


def change(totals: Sequence[Totals], figure: str) -> Change:
    """A figure of the latest of the years beside the year before."""
    line = tuple(getattr(one, figure) for one in totals)
    value, before = (line[-1] if line else None), (line[-2] if len(line) > 1 else None)
    return Change(value, growth(value, before), tuple(one.year for one in totals), line)


def growth(value: Decimal | int | None, before: Decimal | int | None) -> Decimal | None:
    """Growth in percent with one digit; ``None`` without a positive base.

    >>> growth(Decimal(110), Decimal(100)), growth(Decimal(1), None)
    (Decimal('10.0'), None)
    """
    if value is None or not before or before < 0:
        return None
    return (Decimal(value - before) * 100 / before).quantize(Decimal("0.1"))
