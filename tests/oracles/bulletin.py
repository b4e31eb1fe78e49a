"""Published sums a second time, in plain Python, from exact figures of firms; and what an attacker works out of them.

Source: the rules as docs/concepts/what-a-figure-may-show.md states them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cache

ZERO = Decimal(0)
LEAST = {
    "output_wan_yuan": "0.01", "value_added_wan_yuan": "0.01", "revenue_wan_yuan": "0.01", "tax_total_wan_yuan": "0.01",
    "land_area_mu": "0.01", "energy_tce": "0.01", "employees_average": "10",
}  # fmt: skip
QUOTIENTS = {
    "tax_per_mu_wan_yuan": ("tax_total_wan_yuan", "land_area_mu"),
    "value_added_per_mu_wan_yuan": ("value_added_wan_yuan", "land_area_mu"),
}
#: Preferred numbers of a decade: R10; every second one ends a class, those between are what firms count as.
R10 = [Decimal(n) for n in ("1", "1.25", "1.6", "2", "2.5", "3.15", "4", "5", "6.3", "8", "10")]


@dataclass(frozen=True)
class Firm:
    """A firm in one release of one year; a figure that it has not reported is missing."""

    year: str
    uscc: str
    district: str
    division: str | None
    is_above: bool
    figures: Mapping[str, Decimal | None]


@dataclass
class Row:
    """A row of a published table."""

    firm_count: int = 0
    figures: dict[str, Decimal | None] = field(default_factory=dict)
    reasons: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Class:
    """A size class: from ``low`` up to, not including, ``high``."""

    low: Decimal
    high: Decimal
    middle: Decimal


@cache
def class_of(amount: Decimal, least: Decimal) -> Class | None:
    """The class of an amount without its sign; none for one below ``least``."""
    size = abs(amount)
    if size < least:
        return None
    for exponent in range(-6, 14):
        for i in (0, 2, 4, 6, 8):
            low, middle, high = (n.scaleb(exponent) for n in R10[i : i + 3])
            if low <= size < high:
                return Class(low, high, middle)
    raise AssertionError(amount)


def counted(amount: Decimal, least: Decimal) -> Decimal:
    found = class_of(amount, least)
    return (found.middle if amount > 0 else -found.middle) if found else ZERO


# --- what is published ---------------------------------------------------------------------------------------

Amounts = list[Decimal]


def unsafe(amounts: Iterable[Decimal], least: Decimal) -> str | None:
    """Why a sum of these amounts is not shown; they are judged by their classes."""
    classes = [c for a in amounts if (c := class_of(a, least))]
    if len(classes) < 3:
        return "few_firms"
    low = sorted(c.low for c in classes)
    return "dominated" if max(c.high for c in classes) > 4 * sum(low[:-1]) else None


def withheld(cells: Mapping[str | None, Amounts], least: Decimal) -> dict[str | None, str]:
    """Cell → why it is empty, for parts of a total. The cell None is never shown."""
    cells = {name: amounts for name, amounts in cells.items() if amounts}
    alone = {name: why for name, amounts in cells.items() if (why := unsafe(amounts, least))}
    others: set[str | None] = set()
    empty = set(alone) | ({None} & set(cells))
    together = [a for name in empty for a in cells[name]]
    if unsafe([a for amounts in cells.values() for a in amounts], least):
        others = set(cells)
    elif empty and unsafe(together, least):
        enough = [
            (sum((c.low for a in cells[name] if (c := class_of(a, least))), ZERO), str(name))
            for name in set(cells) - empty
            if not unsafe(together + cells[name], least)
        ]
        others = {min(enough)[1]} if enough else set(cells)
    return dict.fromkeys(others, "secondary") | dict.fromkeys(empty & {None}, "secondary") | alone


Table = dict[tuple[str, str | None, bool], Row]


def city(firms: Sequence[Firm]) -> Table:
    """Rows by year and scale."""

    def judge(cells: Mapping[str | None, Amounts], least: Decimal) -> dict[str | None, str]:
        return {name: why for name, amounts in cells.items() if amounts and (why := unsafe(amounts, least))}

    return _table(firms, lambda _: "city", judge)


def district(firms: Sequence[Firm]) -> Table:
    return _table(firms, lambda firm: firm.district, withheld)


def division(firms: Sequence[Firm]) -> Table:
    above = [firm for firm in firms if firm.is_above]
    return {key: row for key, row in _table(above, lambda firm: firm.division, withheld).items() if key[1]}


def _table(
    firms: Sequence[Firm],
    cell_of: Callable[[Firm], str | None],
    judge: Callable[[Mapping[str | None, Amounts], Decimal], dict[str | None, str]],
) -> Table:
    rows: Table = defaultdict(Row)
    amounts: dict[tuple[str, bool, str], dict[str | None, Amounts]] = defaultdict(lambda: defaultdict(list))
    for firm in firms:
        rows[firm.year, cell_of(firm), firm.is_above].firm_count += 1
        for name in LEAST:
            if (value := firm.figures.get(name)) is not None:
                amounts[firm.year, firm.is_above, name][cell_of(firm)].append(value)
    for (year, cell, is_above), row in rows.items():
        for name, text in LEAST.items():
            least = Decimal(text)
            cells = amounts[year, is_above, name]
            why = judge(cells, least).get(cell)
            if why:
                row.reasons.add(f"{why}:{name}")
            have = cells.get(cell)
            row.figures[name] = sum((counted(a, least) for a in have), ZERO) if have and not why else None
        for name, (one, other) in QUOTIENTS.items():
            row.figures[name] = _quotient(row.figures[one], row.figures[other]) if is_above else None
    return dict(rows)


def _quotient(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or not other or other < 0:
        return None
    millionths = Fraction(one) / Fraction(other) * 10**6
    whole, rest = divmod(abs(millionths.numerator), millionths.denominator)
    whole += 2 * rest >= millionths.denominator  # half away from zero
    return Decimal(whole if millionths > 0 else -whole).scaleb(-6)


# --- what an attacker works out ---------------------------------------------------------------------------------


def known_sums(equations: Sequence[Mapping[str, int]]) -> list[set[str]]:
    """Sets of unknowns whose sum follows from linear equations: rows of the reduced echelon form, in fractions."""
    names = sorted({name for equation in equations for name in equation})
    rows = [[Fraction(equation.get(name, 0)) for name in names] for equation in equations]
    done = 0
    for column in range(len(names)):
        pivot = next((r for r in range(done, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[done], rows[pivot] = rows[pivot], rows[done]
        rows[done] = [value / rows[done][column] for value in rows[done]]
        for r, row in enumerate(rows):
            if r != done and row[column]:
                rows[r] = [a - row[column] * b for a, b in zip(row, rows[done], strict=True)]
        done += 1
    found = [{n for n, value in zip(names, row, strict=True) if value} for row in rows]
    plain = [len({value for value in row if value}) == 1 for row in rows]
    return [unknowns for unknowns, is_plain in zip(found, plain, strict=True) if is_plain]


def shows_a_firm(amounts: Iterable[Decimal]) -> bool:
    """Whether one firm could be inferred from the exact sum of these amounts."""
    sizes = [abs(a) for a in amounts if a]
    return len(sizes) < 3 or max(sizes) > Decimal("0.8") * sum(sizes)
