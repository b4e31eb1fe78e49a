"""The comparison as text: cells for the terminal, and the tables of ``docs/concepts/demo-city.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from demo_city.aims.aims import Group, Interval
from demo_city.aims.comparison import Outcome

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "demo-city.md"
#: Lines of the page between which the tables stand.
BEGIN, END = "<!-- begin: python -m demo_city.aims -->", "<!-- end: python -m demo_city.aims -->"

Compared = Sequence[tuple[Group, Sequence[Outcome]]]


def number(value: float, digits: int) -> str:
    """A number with its decimal places, thousands separated; never a negative zero.

    >>> number(1464493.0, 0), number(-0.001, 2)
    ('1,464,493', '0.00')
    """
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text


def interval(limits: Interval | None, digits: int) -> str:
    """An interval; a single point is one number, and a missing interval is empty.

    >>> interval((12, 20), 0), interval((5, 5), 1), interval((None, 1), 0), interval((4, None), 0), interval(None, 0)
    ('12 to 20', '5.0', '≤ 1', '≥ 4', '')
    """
    if limits is None:
        return ""
    low, high = limits
    if low is None or high is None:
        return (
            ""
            if low is high
            else f"≥ {number(low, digits)}"
            if low is not None
            else f"≤ {number(high or 0, digits)}"
        )
    return number(low, digits) if low == high else f"{number(low, digits)} to {number(high, digits)}"


def cells(outcome: Outcome) -> dict[str, str]:
    """An outcome under the headings of the table."""
    aim = outcome.aim
    first, last = aim.years
    return {
        "指标 Indicator": f"{aim.title.zh} {aim.title.en}",
        "单位 Unit": aim.unit,
        "年 Year": str(first) if first == last else f"{first} to {last}",
        "目标 Aimed": interval(aim.aim, aim.digits),
        "建成 Built": " · ".join(number(value, aim.digits) for value in outcome.values),
        "界限 Bound": interval(outcome.bound, aim.digits),
        "是否达到 Kept": verdict(outcome),
        "来源 Source": f"{aim.source.mark} {aim.source.text}".strip(),
    }


def verdict(outcome: Outcome) -> str:
    """Whether the bound is kept; empty without a bound."""
    return "" if outcome.bound is None else "否 no" if outcome.missed else "是 yes"


def summary(compared: Compared) -> str:
    """Numbers of aims and of those that are missed."""
    judged = [outcome for _, outcomes in compared for outcome in outcomes if outcome.bound]
    kept = sum(not outcome.missed for outcome in judged)
    return f"{kept} of {len(judged)} aims are kept"


def tables(compared: Compared) -> str:
    """The comparison as Markdown, one table for each group."""
    lines = [f"{summary(compared)}.", ""]
    for group, outcomes in compared:
        rows = [cells(outcome) for outcome in outcomes]
        lines += [f"### {group.title.zh} {group.title.en}", ""]
        lines += [_row(list(rows[0])), _row(["---"] * len(rows[0]))]
        lines += [*(_row(list(row.values())) for row in rows), ""]
    return "\n".join(lines)


def _row(values: list[str]) -> str:
    return f"| {' | '.join(values)} |"


def page(text: str, compared: Compared) -> str:
    """The page with its tables replaced; what is written around them stays."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{tables(compared)}\n{END}{after}"
