"""Oracle of the weight search: every shift in steps of a tenth, computed with fractions from the rule's text.

A score is value / baseline x weight, at most the weight times the cap and at least the floor 0, rounded half up to
six digits. Units are ordered by total, then by tax per mu; those equal in both get the worse grade. Places of A, B and
D are shares of the list's units, rounded down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor

Values = Mapping[str, Fraction]


def rounded(amount: Fraction) -> Fraction:
    return Fraction(floor(amount * 10**6 + Fraction(1, 2)), 10**6)


def score(value: Fraction, baseline: Fraction, weight: Fraction, cap: Fraction) -> Fraction:
    return max(min(rounded(value / baseline * weight), cap * weight), Fraction(0))


def grades(
    units: Sequence[Values], baselines: Values, weights: Values, cap: Fraction, shares: Values, tax: str
) -> list[str]:
    totals = [
        (sum(score(unit[code], baselines[code], weights[code], cap) for code in weights), unit[tax])
        for unit in units
    ]
    size = len(units)
    a, b, d = (floor(size * shares[grade]) for grade in "ABD")
    found = []
    for merit in totals:
        worst_place = sum(other >= merit for other in totals)
        found.append(
            "D"
            if worst_place > size - d
            else "A"
            if worst_place <= a
            else "B"
            if worst_place <= a + b
            else "C"
        )
    return found


def smallest_shift(
    units: Sequence[Values],
    baselines: Values,
    weights: Values,
    cap: Fraction,
    shares: Values,
    tax: str,
    pair: tuple[str, str],
    wanted: str,
) -> tuple[Fraction, str] | None:
    """Of the first unit: the smallest shift from one indicator to the other that gives it the grade or a better one."""
    giver, taker = pair
    for step in range(1, 201):
        shift = Fraction(step, 10)
        if weights[giver] - shift < Fraction(1, 10):
            return None
        moved = {**weights, giver: weights[giver] - shift, taker: weights[taker] + shift}
        grade = grades(units, baselines, moved, cap, shares, tax)[0]
        if grade <= wanted:
            return shift, grade
    return None
