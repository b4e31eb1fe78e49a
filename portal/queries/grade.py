"""An enterprise's status in the per-mu evaluation of a year, and its grade with the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from portal.queries.release import Query, Row, row_of_firm, rows_of_firm
from portal.queries.titles import Named

_STATUS_KINDS = {
    "missing": ("缺", "missing"), "zero": ("为零", "zero"), "quarantined": ("隔离", "quarantined"),
}  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """The firm's status in the evaluation of the year, graded or not."""

    list: Named
    status: Named
    reasons: tuple[Named, ...]
    protected_until: date | None
    role: Named
    unit_uscc: str
    unit_name: str | None
    rule_set_id: str | None
    rule_set_title: Named | None

    @property
    def is_own(self) -> bool:
        return self.role.code == "own"


@dataclass(frozen=True)
class Grade:
    """The grade of the year. Rank and percentile are those of the evaluation unit. The percentile is the share of its
    list that ranks at or below it, itself included. City rank and percentile are estimates (测算)."""

    initial: Named
    final: Named
    status: Named
    #: Last month of the figures, if they cover only part of the year: the grade is then a pre-evaluation.
    part_year_to: str | None
    reasons: tuple[Named, ...]
    #: Withheld from a reader who may not see the unit's statistics, as is the indicator score.
    total_score: Decimal | None
    indicator_score: Decimal | None
    bonus_points: Decimal
    penalty_points: Decimal
    rank: int | None
    list_size: int
    percentile_pct: Decimal | None
    is_tie: bool
    city_rank: int | None
    city_size: int | None
    city_percentile_pct: Decimal | None


# --- standing ------------------------------------------------------------------------------------------


def standing(query: Query, uscc: str, year: str) -> Standing | None:
    """The firm's status; ``None`` if it is not in the population of the evaluation."""
    row, titles = row_of_firm(query, "per_mu.population", uscc, year), query.titles
    if row is None:
        return None
    unit = row_of_firm(query, "core.enterprise", row["evaluation_uscc"], year)
    rules = query("SELECT title_zh, title_en FROM release.rule_set WHERE rule_set_id = ?", row["rule_set_id"])
    return Standing(
        list=titles("per_mu_list", row["list_code"]),
        status=titles("eval_status", row["eval_status_code"]),
        reasons=tuple(_status_reason(query, row, code) for code in row["status_reasons"]),
        protected_until=row["protected_until_date"],
        role=titles("unit_role", row["unit_role_code"]),
        unit_uscc=row["evaluation_uscc"],
        unit_name=unit["enterprise_name"] if unit else None,
        rule_set_id=row["rule_set_id"],
        rule_set_title=Named(row["rule_set_id"], rules[0]["title_zh"], rules[0]["title_en"])
        if rules
        else None,
    )


def _status_reason(query: Query, row: Row, code: str) -> Named:
    """A reason of ``status_reasons`` in words."""
    kind, _, rest = code.partition(":")
    if kind == "land_too_small":
        zh, en = _land_review(query, row, rest)
        return Named(code, f"{query.titles('status_reason', code).zh}{zh}", f"land too small{en}")
    if kind == "registration":
        return _with_detail(code, ("登记状态", "registration"), query.titles("registration_status", rest))
    if kind == "industry":
        list_name = "industry_division" if len(rest) == 2 else "industry_class"
        industry = query.titles(list_name, rest)
        return _with_detail(code, ("免评行业", "exempt industry"), industry, f" {rest}")
    if kind in _STATUS_KINDS:
        zh, en = _whom_to_ask(rest)
        told = _with_detail(code, _STATUS_KINDS[kind], query.dictionary.figure_or_feed(rest))
        return Named(code, told.zh + zh, told.en + en)
    return query.titles("status_reason", code).in_line


def _with_detail(code: str, kind: tuple[str, str], detail: Named, more: str = "") -> Named:
    return Named(code, f"{kind[0]}：{detail.zh}{more}", f"{kind[1]}: {detail.en}{more}")


def _whom_to_ask(what: str) -> tuple[str, str]:
    from jobs.per_mu.steps.reasons import feeds_of, owners_of
    from schemas.contract import contracts

    feeds = [feed for feed in feeds_of(what) if f"raw.{feed}" in contracts()]
    return (f"（问{owners_of(*feeds)}）", f" (ask {owners_of(*feeds)})") if feeds else ("", "")


def _land_review(query: Query, row: Row, measure: str) -> tuple[str, str]:
    """The figures of the land survey's work list behind a reason, in Chinese and English."""
    rows = query(
        "SELECT * FROM per_mu.land_review WHERE uscc = ? AND year = ? AND land_measure_code = ?",
        row["uscc"], row["year"], measure,
    )  # fmt: skip
    unit_zh, unit_en = ("人", "people") if measure == "staff" else ("万元", "10⁴ CNY")
    figures = [
        (
            f"{r['carried_amount'].normalize():,f}",
            f"{r['land_area_mu'].normalize():f} < {r['least_land_mu']:.4f}",
        )
        for r in rows
    ]
    return (
        "".join(f" {carried} {unit_zh}，{land} 亩（待土地调查核实）" for carried, land in figures),
        "".join(f": {carried} {unit_en}, {land} mu (a land survey will tell)" for carried, land in figures),
    )


# --- grade ---------------------------------------------------------------------------------------------


def grade(query: Query, uscc: str, year: str) -> Grade | None:
    """The firm's grade in the latest version of the evaluation; ``None`` if it has none."""
    row = grade_row(query, uscc, year)
    if row is None:
        return None
    titles, unit = query.titles, unit_row(query, row)
    city = row_of_firm(query, "per_mu.city_rank", row["evaluation_uscc"], year) or {}
    rank, size = unit["rank_in_list"], unit["list_size"]
    return Grade(
        initial=titles("grade", row["initial_grade"]),
        final=titles("grade", row["final_grade"]),
        status=titles("grade_status", row["status_code"]),
        part_year_to=part_year(row),
        reasons=tuple(titles("grade_reason", code).in_line for code in row["grade_reasons"]),
        total_score=row["total_score"],
        indicator_score=row["indicator_score"],
        bonus_points=row["bonus_points"],
        penalty_points=row["penalty_points"],
        rank=rank,
        list_size=size,
        percentile_pct=_pct(size - rank + 1, size) if rank and size else None,
        is_tie=row["is_tie"],
        city_rank=city.get("city_rank"),
        city_size=city.get("list_size"),
        city_percentile_pct=city.get("percentile_pct"),
    )


def part_year(row: Row) -> str | None:
    """The last month of a row's figures if they cover only part of its year; releases before had no such column.

    >>> part_year({"year": "2024", "figures_as_of": "2024-06"}), part_year({"year": "2024"})
    ('2024-06', None)
    """
    as_of: str = row.get("figures_as_of") or row["year"]
    return as_of if as_of != row["year"] else None


def grade_row(query: Query, uscc: str, year: str) -> Row | None:
    """The firm's row in the latest version of the evaluation; ``None`` if it has none."""
    rows = rows_of_firm(query, "per_mu.enterprise_grade", uscc, year)
    return max(rows, key=lambda row: int(row["evaluation_version"]), default=None)


def unit_row(query: Query, row: Row) -> Row:
    """The row of the evaluation unit, which has the rank: a firm that inherits its grade has no rank of its own."""
    return row if row["rank_in_list"] else grade_row(query, row["evaluation_uscc"], row["year"]) or row


def _pct(part: int, whole: int) -> Decimal:
    """A share in percent, one digit, rounded half up.

    >>> _pct(1, 8)
    Decimal('12.5')
    """
    return (Decimal(100 * part) / whole).quantize(Decimal("0.1"), ROUND_HALF_UP)
