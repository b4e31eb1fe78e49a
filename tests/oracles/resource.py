"""What follows from grades a second time, in plain Python, by applying corrections one after another.

Source: the rules as jobs/resource/rules/consequences.yml states them, and docs/concepts/resource.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

YUAN = 10_000
SIX = Decimal("0.000001")
MONEY = {"tax_land_use_wan_yuan": 1, "power_kwh": YUAN, "water_m3": YUAN, "emission_t": YUAN}


@dataclass(frozen=True)
class Result:
    """One version of a firm's grade of a year; without a grade the version leaves the firm out."""

    uscc: str
    year: int
    version: int
    grade: str | None
    district: str


@dataclass(frozen=True)
class Rate:
    """What one measure brings in a span of days, by grade and number of years in D."""

    id: str
    measure: str
    districts: frozenset[str]
    first: date
    last: date
    base: str | None
    own_use_only: bool
    #: (grade, from years in D) → rate, or treatment.
    steps: Mapping[tuple[str, int], Decimal | str]


@dataclass(frozen=True)
class Figures:
    amounts: Mapping[str, Decimal | None]
    own_mu: Decimal | None
    let_mu: Decimal | None


@dataclass(frozen=True)
class Effect:
    measure: str
    rule: str
    years_in_d: int
    amount: Decimal | None
    quota: Decimal | None
    treatment: str | None


def rounded(value: Fraction | Decimal) -> Decimal:
    """Six digits, half away from zero."""
    exact = Fraction(value)
    sign = -1 if exact < 0 else 1
    steps = (abs(exact) * 10**6 * 2 + 1) // 2
    return (sign * Decimal(int(steps)) * SIX).quantize(SIX, ROUND_HALF_UP)


def years_in_d(grades: Mapping[int, str], year: int, gap_interrupts: bool) -> int:
    """Years in D up to the year, back to the first other grade; a missing year is passed over or ends the count."""
    count = 0
    for one in range(year, min(grades) - 1, -1):
        if one not in grades:
            if gap_interrupts:
                break
            continue
        if grades[one] != "D":
            break
        count += 1
    return count


def effect_of(rate: Rate, grade: str, years: int, figures: Figures | None) -> Effect | None:
    """What a measure brings; nothing if it does not name the grade."""
    named = [
        (start, step) for (of, start), step in rate.steps.items() if of == grade and start <= max(years, 1)
    ]
    if not named:
        return None
    _, step = max(named, key=lambda one: one[0])
    if isinstance(step, str):
        return Effect(rate.measure, rate.id, years, None, None, step)
    base = figures.amounts.get(rate.base or "") if figures else None
    if base is None or figures is None:
        return Effect(rate.measure, rate.id, years, None, None, None)
    share = Decimal(1)
    let, own = figures.let_mu or Decimal(0), figures.own_mu or Decimal(0)
    if rate.own_use_only and let > 0:
        share = rounded(Fraction(own) / Fraction(own + let))
    product = rounded(Fraction(rounded(Fraction(base) * Fraction(share))) * Fraction(step))
    if rate.base in MONEY:
        amount = rounded(Fraction(product) / MONEY[rate.base or ""])
        return Effect(rate.measure, rate.id, years, amount, None, None)
    return Effect(rate.measure, rate.id, years, None, product, None)


class Histories:
    """Grades by firm, with those of the codes that it had before."""

    def __init__(self, results: Sequence[Result], former: Iterable[tuple[str, str, int]]) -> None:
        self.results = results
        self.by_firm: dict[str, list[Result]] = {}
        for one in results:
            self.by_firm.setdefault(one.uscc, []).append(one)
        self.known = {uscc: list(of) for uscc, of in self.by_firm.items()}
        for code, successor, since in former:
            own = self.by_firm.get(successor, [])
            if own and min(one.year for one in own) >= since:
                before = [one for one in self.by_firm.get(code, []) if one.year < since]
                self.known[successor] = self.known[successor] + before

    def corrections(self, uscc: str) -> list[tuple[int, int]]:
        return sorted({(one.year, one.version) for one in self.known[uscc] if one.version > 1})

    def grades(self, uscc: str, applied: Sequence[tuple[int, int]]) -> dict[int, str]:
        """Grades after the corrections."""
        found = {one.year: one.grade for one in self.known[uscc] if one.version == 1}
        for year, version in applied:
            for one in self.known[uscc]:
                if (one.year, one.version) == (year, version):
                    found[year] = one.grade
        return {year: grade for year, grade in found.items() if grade}


def effects(
    histories: Histories,
    uscc: str,
    year: int,
    applied: Sequence[tuple[int, int]],
    rates: Sequence[Rate],
    figures: Mapping[tuple[str, int], Figures],
    month: int,
    gap_interrupts: bool,
) -> dict[str, Effect]:
    """Measure → what follows for a firm's year after the corrections."""
    grades = histories.grades(uscc, applied)
    if year not in grades:
        return {}
    district = next(one.district for one in histories.by_firm[uscc] if one.year == year)
    years = years_in_d(grades, year, gap_interrupts)
    day = date(year + 1, month, 1)
    found = {}
    for rate in rates:
        if district in rate.districts and rate.first <= day <= rate.last:
            effect = effect_of(rate, grades[year], years, figures.get((uscc, year)))
            if effect:
                found[rate.measure] = effect
    return found


def reversals(
    histories: Histories,
    uscc: str,
    year: int,
    rates: Sequence[Rate],
    figures: Mapping[tuple[str, int], Figures],
    month: int,
    gap_interrupts: bool,
) -> dict[tuple[str, int, int], tuple[Decimal, Decimal]]:
    """(measure, corrected year, version) → what is to be paid or given back: 万元, tce; zero for a treatment."""
    found: dict[tuple[str, int, int], tuple[Decimal, Decimal]] = {}
    order = [one for one in histories.corrections(uscc) if one[0] <= year]
    nothing = Effect("", "", 0, None, None, None)
    for number, (of, version) in enumerate(order):
        then, now = (
            effects(histories, uscc, year, order[:upto], rates, figures, month, gap_interrupts)
            for upto in (number, number + 1)
        )
        for measure in {*then, *now}:
            a, b = then.get(measure, nothing), now.get(measure, nothing)
            money = (b.amount or Decimal(0)) - (a.amount or Decimal(0))
            quota = (b.quota or Decimal(0)) - (a.quota or Decimal(0))
            if money or quota or a.treatment != b.treatment:
                found[measure, of, version] = (money, quota)
    return found


def evaluation_year(month: str, execution_month: int) -> int:
    """The last year whose results hold in a month, if each holds from the same month of the next year on."""
    year, of = int(month[:4]), int(month[5:])
    return year - 1 if of >= execution_month else year - 2
