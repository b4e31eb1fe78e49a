"""The smallest shift of weight between two indicators that moves a unit to a better grade 权重敏感性.

A bounded search: for each pair of indicators of the unit's list, points of weight pass from one to the other in steps
of 0.1, 20 points at most, while baselines stay as they are. A score is its value's share of the baseline times the
weight, so totals are straight lines in the shift and their crossings give the places at every step. What is found is
then computed again exactly, with rounding, caps and ties, and is named only if the complete list gives the better
grade.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice, permutations

from jobs.per_mu.rules.models import RuleSet
from jobs.per_mu.steps.what_if import AMONG, Entry, Moved, RankedList

STEP = Decimal("0.1")
MOST = Decimal(20)
#: Millionths of a point by which rounding may move a total: within them a prediction favours the unit.
SLACK = 8
#: Predicted steps that are computed exactly: rounding and ties can cost a step.
TRIES = 4


@dataclass(frozen=True)
class Shift:
    """Weight in points that passes from one indicator to another, and the grade that the unit then has."""

    from_indicator: str
    to_indicator: str
    points: Decimal
    grade: str


def with_weights(ranked: RankedList, weights: Mapping[str, Decimal]) -> RankedList:
    """The list with other weights of some indicators and the same baselines: scores and totals are exact."""
    rules = _rules(ranked, weights)
    moves = {code: _move(ranked, rules, code) for code in weights}

    def moved(entry: Entry) -> Entry:
        sides = {**entry.sides}
        total = entry.total
        for code, move in moves.items():
            old = sides[code]
            score = move.score_of(old)
            total += score - old.score
            sides[code] = replace(old, score=score)
        return replace(entry, sides=sides, total=total)

    return replace(ranked, rules=rules, own=moved(ranked.own), others=[moved(e) for e in ranked.others])


def _rules(ranked: RankedList, weights: Mapping[str, Decimal]) -> RuleSet:
    list_rules = ranked.rules.lists[ranked.list_code]
    indicators = {
        code: rule.model_copy(update={"weight": weights.get(code, rule.weight)})
        for code, rule in list_rules.indicators.items()
    }
    lists = {**ranked.rules.lists, ranked.list_code: list_rules.model_copy(update={"indicators": indicators})}
    return ranked.rules.model_copy(update={"lists": lists})


def _move(ranked: RankedList, rules: RuleSet, code: str) -> Moved:
    """An indicator with its weight in other rules and its published baseline."""
    rule = rules.lists[ranked.list_code].indicators[code]
    scale = replace(ranked.scales[code], rule=rule, rules=rules)
    baseline, own = ranked.published_baselines[code], ranked.own.sides[code]
    group, withheld = scale.group_score(own, baseline), scale.withheld_score(own, baseline)
    return Moved(scale, baseline, baseline, group, withheld, own)


def shifts(ranked: RankedList, wanted: str) -> list[Shift]:
    """For each pair of indicators the smallest shift that gives the unit a grade or a better one; smallest first."""
    found = [shift for pair in permutations(ranked.scales, 2) for shift in _of_pair(ranked, pair, wanted)]
    return sorted(found, key=lambda shift: (shift.points, shift.from_indicator, shift.to_indicator))


def _of_pair(ranked: RankedList, pair: tuple[str, str], wanted: str) -> Iterator[Shift]:
    """The pair's smallest shift, if it has one."""
    giver, taker = (ranked.rules.lists[ranked.list_code].indicators[code].weight for code in pair)
    most = min(MOST, giver - STEP)
    steps = int(most / STEP)
    if steps < 1:
        return
    for step in islice(_predicted(ranked, pair, steps, wanted), TRIES):
        points = step * STEP
        exact = with_weights(ranked, {pair[0]: giver - points, pair[1]: taker + points})
        grade = exact.grades()[0]
        if grade <= wanted:
            yield Shift(*pair, points, grade)
            return


def _predicted(ranked: RankedList, pair: tuple[str, str], steps: int, wanted: str) -> Iterator[int]:
    """Steps at which straight lines give the unit the grade, ascending."""
    slopes = _Slopes(ranked, pair, steps)
    own, rise = ranked.own.total, slopes.of(ranked.own)
    above = {among: [0] * (steps + 2) for among in AMONG}
    for other in ranked.others:
        ahead = (other.total - own - SLACK) * steps
        for begin, end in _above(ahead, slopes.of(other) - rise, steps):
            for among in AMONG:
                if other.is_among(among):
                    above[among][begin] += 1
                    above[among][end + 1] -= 1
    counts = dict.fromkeys(AMONG, 0)
    for step in range(steps + 1):
        for among in AMONG:
            counts[among] += above[among][step]
        if step and ranked.grade_at({among: counts[among] + 1 for among in AMONG}) <= wanted:
            yield step


def _above(ahead: int, gain: int, steps: int) -> Iterator[tuple[int, int]]:
    """First and last step at which another unit is above: it is ahead by ``ahead`` and gains ``gain`` a step.

    Both are in the same parts of a point.

    >>> [list(_above(*given, 10)) for given in ((5, 0), (5, -2), (-5, 2), (-5, 0), (0, 1))]
    [[(0, 10)], [(0, 2)], [(3, 10)], [], [(1, 10)]]
    """
    if gain == 0:
        if ahead > 0:
            yield 0, steps
    elif gain < 0:
        if ahead > 0:
            yield 0, min(steps, (ahead - 1) // -gain)
    else:
        begin = 0 if ahead > 0 else -ahead // gain + 1
        if begin <= steps:
            yield begin, steps


class _Slopes:
    """By how much a total changes over all steps, in millionths: its scores after the last step less those before."""

    def __init__(self, ranked: RankedList, pair: tuple[str, str], steps: int) -> None:
        weights = {c: ranked.rules.lists[ranked.list_code].indicators[c].weight for c in pair}
        shift = steps * STEP
        rules = _rules(ranked, {pair[0]: weights[pair[0]] - shift, pair[1]: weights[pair[1]] + shift})
        self._moves = {code: _move(ranked, rules, code) for code in pair}

    def of(self, entry: Entry) -> int:
        moves = self._moves.items()
        return sum(move.score_of(entry.sides[c]) - entry.sides[c].score for c, move in moves)
