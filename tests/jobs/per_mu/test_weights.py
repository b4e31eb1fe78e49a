"""Weights on trial: the search against an oracle that tries every shift."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jobs.per_mu.rules.reading import rule_book
from jobs.per_mu.steps.weights import shifts, with_weights
from jobs.per_mu.steps.what_if import MILLION, RankedList, from_rows
from tests.oracles import weights as oracle

LIST = "above_scale"
RULES = rule_book().for_("330282", "2024")
INDICATORS = RULES.lists[LIST].indicators
WEIGHTS = {code: Fraction(rule.weight) for code, rule in INDICATORS.items()}
CAP = Fraction(RULES.cap_ratio or 0)
SHARES: dict[str, Fraction] = {grade: Fraction(share) for grade, share in RULES.quota_of(LIST).shares.items()}
BASELINES = {code: Fraction(10 + n) for n, code in enumerate(INDICATORS)}


def ranked(units: list[dict[str, Fraction]]) -> RankedList:
    """The list of the first unit, with the scores and grades that the oracle gives."""
    grades = oracle.grades(units, BASELINES, WEIGHTS, CAP, SHARES, "I1")
    values: list[dict[str, Any]] = []
    totals = []
    for n, unit in enumerate(units):
        scores = {c: oracle.score(unit[c], BASELINES[c], WEIGHTS[c], CAP) for c in unit}
        totals.append(sum(scores.values()))
        values += [
            {
                "uscc": str(n), "indicator_code": code, "note_code": None, "numerator": int(value * MILLION),
                "denominator": MILLION, "value": int(value * MILLION), "score": int(scores[code] * MILLION),
                "baseline": int(BASELINES[code] * MILLION),
            }
            for code, value in unit.items()
        ]  # fmt: skip
    rows = [
        {
            "uscc": str(n),
            "final_grade": grade,
            "total_score": int(totals[n] * MILLION),
            "bonus_points": 0,
            "penalty_points": 0,
        }
        for n, grade in enumerate(grades)
    ]
    own = {"uscc": "0", "list_code": LIST}
    return from_rows(RULES, own, rows, values, [], [], exempt=0, protected=0)


@st.composite
def lists(draw: st.DrawFn) -> list[dict[str, Fraction]]:
    figure = st.integers(0, 4000).map(lambda n: Fraction(n, 100))
    unit = st.fixed_dictionaries(dict.fromkeys(INDICATORS, figure))
    return draw(st.lists(unit, min_size=6, max_size=9))


@settings(max_examples=15)
@given(lists(), st.permutations(list(INDICATORS)))
def test_the_smallest_shift_of_a_pair(units: list[dict[str, Fraction]], order: list[str]) -> None:
    built = ranked(units)
    grade = str(built.own.final_grade)
    assume(grade != "A")
    wanted = "ABCD"["ABCD".index(grade) - 1]
    pair = (order[0], order[1])
    expected = oracle.smallest_shift(units, BASELINES, WEIGHTS, CAP, SHARES, "I1", pair, wanted)
    found = {(s.from_indicator, s.to_indicator): (Fraction(s.points), s.grade) for s in shifts(built, wanted)}
    assert found.get(pair) == expected


@settings(max_examples=20)
@given(lists(), st.permutations(list(INDICATORS)), st.integers(1, 90))
def test_other_weights_give_the_grades_of_the_oracle(
    units: list[dict[str, Fraction]], order: list[str], tenths: int
) -> None:
    giver, taker, *_ = order
    shift = Fraction(tenths, 10)
    assume(WEIGHTS[giver] > shift)
    moved = {**WEIGHTS, giver: WEIGHTS[giver] - shift, taker: WEIGHTS[taker] + shift}
    changed = {
        code: INDICATORS[code].weight + sign * tenths * INDICATORS[code].weight.__class__("0.1")
        for code, sign in ((giver, -1), (taker, 1))
    }
    assert with_weights(ranked(units), changed).grades() == oracle.grades(
        units, BASELINES, moved, CAP, SHARES, "I1"
    )
