"""The grade that a unit would have with other figures, with more points, or without its vetoes 假设测算.

Computes one ranked list again, without Spark and in whole numbers: all amounts are in millionths. The other units keep
their figures, but a figure of one unit moves baselines and the scores of missing values, and by them everyone's total;
a unit that takes a seat displaces another one. Rounding is that of ``jobs/columns/arithmetic.py``, grades are those of
``jobs/per_mu/enterprise_grade.py``; :meth:`RankedList.reproduces` compares both with what is published.

A change moves the totals of others by little. They are therefore kept sorted, and only those that the change could
move past the unit are computed again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any, Literal

from pydantic import ValidationError

from jobs.per_mu.rules.models import (
    BY_OTHERS,
    VALUE_ADDED,
    Indicator,
    IndicatorDefinition,
    ListCode,
    Quota,
    RuleSet,
    indicator_definitions,
)

Row = Mapping[str, Any]
Query = Callable[..., Sequence[Row]]

MILLION = 10**6
#: Limit of a quotient, as in ``jobs/columns/arithmetic.py``.
LARGEST = 10**12
#: Notes of missing values whose score is that of the list's other units, and of a value that its unit withholds.
BY_GROUP = ("group_average", "group_median", "group_empty", "zero_median", "zero_average")
WITHHELD = "withheld_zero"
#: Note of a loss, whose indicators have no points.
LOSS = "negative_zero"
#: The unit itself among the giants.
OWN = "own"
#: Among whom places are counted: all units, those without a veto, those that no veto puts into D.
AMONG = ("all", "unvetoed", "seated")
#: Grades with seats; C gets the rest.
SEATED: tuple[Literal["A", "B", "D"], ...] = ("A", "B", "D")


def millionths(amount: Decimal | None) -> int | None:
    """
    >>> millionths(Decimal("1.5")), millionths(None)
    (1500000, None)
    """
    return None if amount is None else int((amount * MILLION).to_integral_value(ROUND_HALF_UP))


def quotient(n: int, d: int, scale: int = 6, mode: str = "half_up") -> int:
    """``n / d`` in millionths, rounded once to ``scale`` digits.

    >>> quotient(2, 3), quotient(-2, 3, 2), quotient(2, 3, 2, "down")
    (666667, -670000, 660000)
    """
    n = max(-d * LARGEST, min(n, d * LARGEST))
    digits: int = 10**scale
    steps, rest = divmod(abs(n) * digits, d)
    if mode == "half_up" and 2 * rest >= d:
        steps += 1
    return (steps if n >= 0 else -steps) * (MILLION // digits)


@dataclass(frozen=True)
class Sides:
    """An indicator of a unit as published, in millionths of its units."""

    numerator: int | None
    denominator: int | None
    value: int | None
    score: int
    note: str | None

    @classmethod
    def of(cls, row: Row) -> Sides:
        return cls(row["numerator"], row["denominator"], row["value"], row["score"] or 0, row["note_code"])


@dataclass(frozen=True)
class Standard:
    """What a value is compared with, in millionths: the baseline, and the worst value where a range scores."""

    value: int | None
    worst: int | None = None


@dataclass(frozen=True)
class Entry:
    """A unit of the list as published. ``points`` are bonus less penalty, after caps.

    ``tax`` and ``value_added`` are the amounts that can make it a giant; they matter where giants are left out.
    """

    uscc: str
    sides: Mapping[str, Sides]
    total: int
    points: int
    #: Missing if the joint meeting changed it: what the rules gave is not published then.
    final_grade: str | None
    tax: int | None = None
    value_added: int | None = None
    direct_d: bool = False
    not_above_c: bool = False
    not_below_c: bool = False

    @property
    def tax_per_mu(self) -> int | None:
        return self.sides["I1"].value if "I1" in self.sides else None

    @property
    def is_vetoed(self) -> bool:
        return self.direct_d or self.not_above_c

    def is_among(self, among: str) -> bool:
        return {"all": True, "unvetoed": not self.is_vetoed, "seated": not self.direct_d}[among]

    @property
    def merit(self) -> tuple[int, bool, int]:
        """Total, then tax per mu, missing last: nothing else orders units."""
        return self.total, self.tax_per_mu is not None, self.tax_per_mu or 0


@dataclass(frozen=True)
class Scale:
    """One indicator of the list: its rule, and what the other units contribute to baseline and missing scores."""

    code: str
    rule: Indicator
    definition: IndicatorDefinition
    rules: RuleSet
    #: The other units that have a value, by code; their values, ascending, and the sums of their sides.
    known: Mapping[str, Sides]
    values: tuple[int, ...]
    numerators: int
    denominators: int
    #: Whether another unit has the list's typical score in place of a missing value.
    has_group: bool
    #: Largest score of another unit, without sign.
    top: int

    @cached_property
    def cap(self) -> int | None:
        ratio = self.rules.cap_ratio
        return None if ratio is None else millionths(ratio * self.rule.weight)

    @cached_property
    def floor(self) -> int | None:
        return millionths(self.rules.floor)

    @property
    def is_less(self) -> bool:
        """Whether less is better."""
        return self.definition.better == "less"

    @property
    def is_range(self) -> bool:
        return self.rule.scoring == "min_max"

    @property
    def leaves_giants_out(self) -> bool:
        return self.rule.baseline.method != "fixed" and self.rule.baseline.giants == "without"

    def baseline(self, own: Sides, giants: frozenset[str]) -> Standard:
        """The baseline with the unit's own figures; missing where not above zero, or where a range has no width.

        Giants are left out if the rule says so, unless nothing is left without them.
        """
        if self.rule.baseline.method == "fixed":
            return Standard(self._scaled(millionths(self.rule.baseline.value)))
        of_all = self._standard(own, frozenset())
        here = frozenset(g for g in giants if (own.value is not None if g == OWN else g in self.known))
        if not here or not self.leaves_giants_out:
            return of_all
        without = self._standard(own, here)
        return of_all if without.value is None else without

    def _standard(self, own: Sides, left_out: frozenset[str]) -> Standard:
        if not self.is_range:
            return Standard(self._scaled(self._computed(own, left_out)))
        ordered = self._without(own, left_out)
        if not ordered or ordered[0] == ordered[-1]:
            return Standard(None)
        return Standard(ordered[0], ordered[-1]) if self.is_less else Standard(ordered[-1], ordered[0])

    def _without(self, own: Sides, left_out: frozenset[str]) -> list[int]:
        """The values but those of the units left out, ascending."""
        ordered = list(self.values) if OWN in left_out else self._ordered(own)
        for uscc in left_out - {OWN}:
            del ordered[bisect_left(ordered, self.known[uscc].value or 0)]
        return ordered

    def _scaled(self, value: int | None) -> int | None:
        if value is None:
            return None
        scaled = quotient(value * (millionths(self.rule.baseline.factor) or 0), MILLION * MILLION)
        return scaled if scaled > 0 else None

    def _computed(self, own: Sides, left_out: frozenset[str]) -> int | None:
        out = [self.known[uscc] for uscc in left_out if uscc != OWN]
        mine = [own] if own.value is not None and OWN not in left_out else []
        if len(self.values) + len(mine) == len(out):
            return None
        if self.rule.baseline.method == "median":
            return _median(self._without(own, left_out))

        def total(of_others: int, name: str) -> int:
            added = sum(getattr(side, name) or 0 for side in mine)
            return of_others + added - sum(getattr(side, name) or 0 for side in out)

        if self.rule.baseline.method == "mean":
            count = len(self.values) + len(mine) - len(out)
            return quotient(total(sum(self.values), "value"), count * MILLION)
        return quotient(total(self.numerators, "numerator"), total(self.denominators, "denominator"))

    def _ordered(self, own: Sides) -> list[int]:
        ordered = list(self.values)
        if own.value is not None:
            insort(ordered, own.value)
        return ordered

    def is_loss(self, numerator: int | None, denominator: int | None = None) -> bool:
        """Whether a loss leaves the indicator without points, be its other figure known or not."""
        if self.rules.negative_value_added != "zero_score":
            return False
        is_divided = self.definition.numerator == VALUE_ADDED and numerator is not None and numerator < 0
        divides = self.definition.denominator == VALUE_ADDED and denominator is not None and denominator <= 0
        return is_divided or divides

    def score(self, value: int, standard: Standard) -> int:
        """Score of a value by the rule's formula, within cap and floor."""
        weight, rounding = millionths(self.rule.weight) or 0, self.rules.rounding
        # a value has the sign of its numerator
        if standard.value is None or self.is_loss(value):
            return 0
        share, of = self._share(value, standard.value, standard.worst or 0)
        plain = quotient(share * weight, of * MILLION, rounding.score_scale, rounding.mode)
        if self.cap is not None and plain > self.cap:
            return self.cap
        return plain if self.floor is None else max(plain, self.floor)

    def _share(self, value: int, best: int, worst: int) -> tuple[int, int]:
        """The share of the weight that a value earns, as a quotient."""
        if self.is_range:
            width, least = abs(best - worst), int(self.rule.least_share * 100)
            reached = min(width, max(0, worst - value if self.is_less else value - worst))
            return least * width + (100 - least) * reached, 100 * width
        return (max(2 * best - value, 0) if self.is_less else value), best

    def group_score(self, own: Sides, standard: Standard) -> int:
        """Score of a missing value by the list's other values: their mean or median score."""
        ordered = self._ordered(own)
        if not ordered:
            return 0
        rounding = self.rules.rounding
        if self.rule.missing == "group_average":
            points = sum(self.score(value, standard) for value in ordered)
            return quotient(points, len(ordered) * MILLION, rounding.score_scale, rounding.mode)
        # scores follow the order of the values, or its reverse: the middle scores are those of the middle values
        middle = [ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]]
        points = sum(self.score(value, standard) for value in middle)
        return quotient(points, 2 * MILLION, rounding.score_scale, rounding.mode)

    def withheld_score(self, own: Sides, standard: Standard) -> int:
        """Score of a value that is withheld: no points, and never more than the list's lowest score."""
        ordered = self._ordered(own)
        return min(self.score(ordered[-1 if self.is_less else 0], standard), 0) if ordered else 0


def _median(ordered: Sequence[int]) -> int:
    return quotient(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2], 2 * MILLION)


@dataclass(frozen=True)
class Moved:
    """An indicator after a change: baselines before and after, scores of missing values, the unit's own score."""

    scale: Scale
    before: Standard
    after: Standard
    group: int
    withheld: int
    own: Sides

    def score_of(self, other: Sides) -> int:
        if other.value is not None:
            return self.scale.score(other.value, self.after)
        if other.note == WITHHELD:
            return self.withheld
        return self.group if other.note in BY_GROUP else other.score

    def reach(self, before: Moved) -> int:
        """Most by which the change moves the score of another unit."""
        group = abs(self.group - before.group) if self.scale.has_group else 0
        group = max(group, abs(self.withheld - before.withheld))
        if self.before == self.after:
            return group
        old, new = self.before.value, self.after.value
        if self.scale.is_range or self.scale.is_less:
            return max(group, 2 * (millionths(self.scale.rule.weight) or 0))
        if not old or not new:
            return max(group, self.scale.top + abs(self.scale.score(LARGEST * MILLION, self.after)))
        # a capped or raised score moves less than in proportion; each of two roundings adds a step at most
        share = self.scale.top * abs(old - new) // new + 1
        step: int = 10 ** (6 - self.scale.rules.rounding.score_scale)
        return max(group, share + 2 * step)


@dataclass
class RankedList:
    """One ranked list as published, seen from one of its units."""

    rules: RuleSet
    list_code: ListCode
    own: Entry
    others: Sequence[Entry]
    #: Exempt and protected firms, which may count in the quota's base.
    exempt: int = 0
    protected: int = 0
    published_baselines: Mapping[str, Standard] = field(default_factory=dict)
    #: Exact seats of A, B and D of the district's lists before this one, whose fractions pass to it.
    passed: tuple[Decimal, Decimal, Decimal] = (Decimal(0), Decimal(0), Decimal(0))

    # --- what the other units contribute -------------------------------------------------------------

    @cached_property
    def scales(self) -> dict[str, Scale]:
        rules = self.rules.lists[self.list_code].indicators
        return {code: self._scale(code, rule) for code, rule in rules.items()}

    def _scale(self, code: str, rule: Indicator) -> Scale:
        sides = [other.sides[code] for other in self.others]
        by_uscc = {other.uscc: s for other in self.others if (s := other.sides[code]).value is not None}
        known = list(by_uscc.values())
        return Scale(
            code=code,
            rule=rule,
            definition=indicator_definitions()[code],
            rules=self.rules,
            known=by_uscc,
            values=tuple(sorted(s.value for s in known if s.value is not None)),
            numerators=sum(s.numerator or 0 for s in known),
            denominators=sum(s.denominator or 0 for s in known),
            has_group=any(s.note in BY_GROUP for s in sides),
            top=max((abs(s.score) for s in sides), default=0),
        )

    @cached_property
    def _sorted(self) -> list[Entry]:
        return sorted(self.others, key=lambda other: other.total)

    @cached_property
    def _totals(self) -> list[int]:
        return [other.total for other in self._sorted]

    @cached_property
    def _from(self) -> dict[str, list[int]]:
        """By group: for each position of the sorted units, how many from there on belong to the group."""
        found = {}
        for among in AMONG:
            counts = [0]
            for other in reversed(self._sorted):
                counts.append(counts[-1] + other.is_among(among))
            found[among] = counts[::-1]
        return found

    @cached_property
    def _put_into_d(self) -> int:
        """Number of units that a veto puts into D, the unit itself not counted."""
        return sum(map(self._is_put_into_d, self.others))

    def _is_put_into_d(self, entry: Entry) -> bool:
        return entry.direct_d and (self.rules.protection.veto_overrides or not entry.not_below_c)

    @cached_property
    def _unchanged(self) -> dict[str, Moved]:
        """Every indicator as published."""
        return {code: self._moved(code, self.own.sides[code], self._published_giants) for code in self.scales}

    # --- giants --------------------------------------------------------------------------------------

    @cached_property
    def _published_giants(self) -> frozenset[str]:
        return self._giants(self.own.tax, self.own.value_added)

    @cached_property
    def _amounts(self) -> list[list[tuple[int, str]]]:
        """Tax contributions and values added of the other units that report them, ascending."""
        return [
            sorted((amount, e.uscc) for e in self.others if (amount := getattr(e, name)) is not None)
            for name in ("tax", "value_added")
        ]

    @cached_property
    def _sums(self) -> list[int]:
        return [sum(amount for amount, _ in amounts if amount > 0) for amounts in self._amounts]

    def _giants(self, *own: int | None) -> frozenset[str]:
        """Units that dominate the list by its sums and medians, if the unit itself had these amounts."""
        if not any(scale.leaves_giants_out for scale in self.scales.values()):
            return frozenset()
        found: set[str] = set()
        for amounts, total, mine in zip(self._amounts, self._sums, own, strict=True):
            ordered = [*amounts]
            if mine is not None:
                insort(ordered, (mine, OWN))
            rules = self.rules
            needed = (len(self.others) + 1) * rules.giant_reporting_share
            if len(ordered) < rules.giant_from_units or len(ordered) < needed:
                continue
            by_share = (total + max(mine or 0, 0)) * (millionths(rules.giant_share) or 0)
            by_median = _median([amount for amount, _ in ordered]) * (
                millionths(rules.giant_times_median) or 0
            )
            for amount, uscc in reversed(ordered):
                if amount <= 0 or amount * MILLION < max(by_share, by_median):
                    break
                found.add(uscc)
        return frozenset(found)

    # --- questions -----------------------------------------------------------------------------------

    def reproduces(self) -> bool:
        """Whether this module computes what is published: every baseline, score, total and grade of the list."""
        unchanged = list(self._unchanged.values())
        entries = [self.own, *self.others]
        return (
            all(move.before == self.published_baselines[move.scale.code] for move in unchanged)
            and all(
                move.score_of(entry.sides[move.scale.code]) == entry.sides[move.scale.code].score
                for move in unchanged
                for entry in entries
            )
            and all(sum(s.score for s in e.sides.values()) + e.points == e.total for e in entries)
            and all(
                entry.final_grade in (None, grade)
                for grade, entry in zip(self.grades(), entries, strict=True)
            )
        )

    def grades(self) -> list[str]:
        """Every unit's grade with the totals as they are, the unit's own first."""
        entries = [self.own, *self.others]
        merits = {a: sorted(e.merit for e in entries if e.is_among(a)) for a in AMONG}
        totals = {a: [total for total, *_ in of_group] for a, of_group in merits.items()}
        edge = self._quota.edge
        to_d, seated = sum(map(self._is_put_into_d, entries)), len(totals["seated"])

        def place(entry: Entry, among: str) -> int:
            given = totals[among]
            if edge == "all_in":
                return len(given) - bisect_right(given, entry.total) + 1
            if edge == "all_out":
                return len(given) - bisect_left(given, entry.total)
            return len(given) - bisect_left(merits[among], entry.merit)

        return [
            self._grade(
                entry,
                {among: place(entry, among) for among in AMONG},
                to_d - self._is_put_into_d(entry),
                seated - (not entry.direct_d),
            )
            for entry in entries
        ]

    def figure(self, name: str) -> int | None:
        """A figure of the unit, in millionths of the unit of :meth:`divisor`."""
        divisor = self.divisor(name)
        for scale in self.scales.values():
            sides, definition = self.own.sides[scale.code], scale.definition
            if definition.numerator == name and sides.numerator is not None:
                return sides.numerator // divisor
            if definition.denominator == name and sides.denominator is not None:
                return sides.denominator * definition.denominator_divisor // divisor
        return None

    def divisor(self, figure: str) -> int:
        """By how much the list's indicators divide a figure: they may use it in kWh and in 万kWh."""
        definitions = (scale.definition for scale in self.scales.values())
        return max((d.denominator_divisor for d in definitions if d.denominator == figure), default=1)

    def using(self, figure: str) -> list[Scale]:
        """The indicators that use a figure and have a value."""
        return [
            scale
            for scale in self.scales.values()
            if figure in (scale.definition.numerator, scale.definition.denominator)
            and self.own.sides[scale.code].value is not None
        ]

    def grade(
        self, figures: Mapping[str, int] | None = None, *, points: int = 0, is_vetoed: bool = True
    ) -> str:
        """The unit's final grade with other figures and more points, in millionths; or without its vetoes."""
        moves = self._moves(figures or {})
        total = self.own.total + points
        tax = self.own.tax_per_mu
        for move in moves:
            total += move.own.score - self.own.sides[move.scale.code].score
            if move.scale.code == "I1":
                tax = move.own.value
        own = self.own if is_vetoed else _without_vetoes(self.own)
        places = self._places(moves, total, tax)
        return self._grade(own, places, self._put_into_d, self._from["seated"][0])

    def grade_at(self, places: Mapping[str, int]) -> str:
        """The unit's final grade at places in its list, by group of ``AMONG``, the unit itself counted."""
        return self._grade(self.own, places, self._put_into_d, self._from["seated"][0])

    # --- one computation -----------------------------------------------------------------------------

    def _moves(self, figures: Mapping[str, int]) -> list[Moved]:
        """The indicators that a change of figures moves: those that use them, and those whose giants change."""
        moves = []
        tax = figures.get("tax_contribution", self.own.tax)
        giants = self._giants(tax, figures.get("value_added_wan_yuan", self.own.value_added))
        others_change = giants != self._published_giants
        for scale in self.scales.values():
            given, old = scale.definition, self.own.sides[scale.code]
            n, d = old.numerator, old.denominator
            if given.numerator in figures:
                n = figures[given.numerator] * self.divisor(given.numerator)
            if given.denominator in figures:
                d = figures[given.denominator] * self.divisor(given.denominator) // given.denominator_divisor
            if (n, d) != (old.numerator, old.denominator) or (others_change and scale.leaves_giants_out):
                value = None
                if old.note == WITHHELD:
                    pass
                elif n is not None and d is not None and d > 0:
                    value = quotient(n, d, self.rules.rounding.value_scale, self.rules.rounding.mode)
                moves.append(self._moved(scale.code, Sides(n, d, value, old.score, old.note), giants))
        return moves

    def _moved(self, code: str, own: Sides, giants: frozenset[str]) -> Moved:
        scale = self.scales[code]
        before = scale.baseline(self.own.sides[code], self._published_giants)
        after = scale.baseline(own, giants)
        withheld = scale.withheld_score(own, after)
        needs_group = scale.has_group or own.value is None
        group = scale.group_score(own, after) if needs_group else 0
        score = own.score
        if own.value is not None:
            score = scale.score(own.value, after)
        elif own.note == WITHHELD:
            score = withheld
        elif own.note in BY_GROUP or (own.note == LOSS and scale.rule.missing in BY_OTHERS):
            score = 0 if scale.is_loss(own.numerator, own.denominator) else group
        sides = Sides(own.numerator, own.denominator, own.value, score, own.note)
        return Moved(scale, before, after, group, withheld, sides)

    def _places(self, moves: Sequence[Moved], total: int, tax: int | None) -> dict[str, int]:
        """The place that decides at the quotas' edges, by group; the unit itself is counted in each."""
        reach = sum(move.reach(self._unchanged[move.scale.code]) for move in moves)
        low, high = bisect_left(self._totals, total - reach), bisect_right(self._totals, total + reach)
        places = {}

        def total_of(other: Entry) -> int:
            sides = ((move, other.sides[move.scale.code]) for move in moves)
            return other.total + sum(move.score_of(own) - own.score for move, own in sides)

        near = [(other, total_of(other)) for other in self._sorted[low:high]]
        for among in AMONG:
            above = self._from[among][high]
            for other, its_total in near:
                if other.is_among(among):
                    above += {
                        "all_in": its_total > total,
                        "all_out": its_total >= total,
                        "tie_break": its_total > total
                        or (its_total == total and _is_not_below(other.tax_per_mu, tax)),
                    }[self._quota.edge]
            places[among] = above + 1
        return places

    def _grade(self, unit: Entry, places: Mapping[str, int], to_d: int, seated: int) -> str:
        """The final grade of a unit by its places.

        Args:
            to_d: other units that a veto puts into D.
            seated: other units that no veto puts directly into D.
        """
        quota, overrides = self._quota, self.rules.protection.veto_overrides
        a, b, d = self._seats

        def by_rank(place: int, is_at_bottom: bool) -> str:
            return "D" if is_at_bottom else "A" if place <= a else "B" if place <= a + b else "C"

        ranked = by_rank(places["all"], places["all"] > len(self.others) + 1 - d)
        if quota.refill_vetoed and not unit.direct_d:
            left = max(d - (to_d if quota.vetoed_count_in_d else 0), 0)
            is_at_bottom = places["seated"] > seated + 1 - left
            if not unit.is_vetoed:
                ranked = by_rank(places["unvetoed"], is_at_bottom)
            elif is_at_bottom:
                ranked = "D"
            elif ranked == "D":
                ranked = "C"
        vetoed = "D" if unit.direct_d else "C" if unit.not_above_c and ranked in "AB" else ranked
        is_saved = unit.not_below_c and vetoed == "D" and not (unit.direct_d and overrides)
        return "C" if is_saved else vetoed

    @cached_property
    def _quota(self) -> Quota:
        return self.rules.quota_of(self.list_code)

    @cached_property
    def _seats(self) -> tuple[int, int, int]:
        """Seats of A, B and D."""
        quota = self._quota
        base = len(self.others) + 1
        base += quota.count_exempt * self.exempt + quota.count_protected * self.protected
        a, b, d = (
            _seats(before + base * quota.shares[g], quota.rounding[g]) - _seats(before, quota.rounding[g])
            for g, before in zip(SEATED, self.passed, strict=True)
        )
        return a, b, d


def _is_not_below(tax: int | None, own: int | None) -> bool:
    """Whether a unit with an equal total is at or above the own one by tax per mu, missing last."""
    return own is None or (tax is not None and tax >= own)


def _without_vetoes(entry: Entry) -> Entry:
    return replace(entry, direct_d=False, not_above_c=False)


def _seats(exact: Decimal, rounding: str) -> int:
    floor = int(exact)
    return {
        "floor": floor,
        "ceil": floor + (exact > floor),
        "half_up": int(exact.to_integral_value(ROUND_HALF_UP)),
    }[rounding]


# --- reading a release -----------------------------------------------------------------------------------


def ranked_list(query: Query, unit: Row) -> RankedList | None:
    """The list of a unit's row of per_mu.enterprise_grade; ``None`` where its rule does not explain its results.

    A corrected result was decided by a person. The rule set of an old release may not be readable any more.
    """
    where: tuple[str, ...] = (unit["year"], unit["district_code"], unit["list_code"])
    of_list = "year = ? AND district_code = ? AND list_code = ?"
    ends: tuple[str, ...] = ("baseline",)
    if unit.get("ranking_group"):  # releases before there were groups lack the columns
        where, of_list, ends = (
            (*where, unit["ranking_group"]),
            f"{of_list} AND ranking_group = ?",
            (*ends, "worst_value"),
        )
    grades = query(
        f"""SELECT uscc, evaluation_version,
            CASE WHEN array_to_string(grade_reasons, ' ') NOT LIKE '%manual:%' THEN final_grade END AS final_grade,
            {_in_millionths("total_score", "bonus_points", "penalty_points")}
        FROM per_mu.enterprise_grade WHERE {of_list} AND rank_in_list IS NOT NULL""",
        *where,
    )  # fmt: skip
    if (
        len({row["evaluation_version"] for row in grades}) > 1
    ):  # a release of before had a row for each version
        return None
    values = query(
        f"""SELECT uscc, indicator_code, note_code,
            {_in_millionths("numerator", "denominator", "value", *ends, "score")}
        FROM per_mu.indicator_value WHERE {of_list}""",
        *where,
    )  # fmt: skip
    effects = query(
        "SELECT uscc, effect_code FROM per_mu.adjustment WHERE year = ? AND district_code = ?", *where[:2]
    )
    [left_out] = query(
        f"""SELECT count(*) FILTER (eval_status_code = 'exempt') AS exempt,
            count(*) FILTER (eval_status_code = 'protected') AS protected
        FROM per_mu.population WHERE {of_list}""",
        *where,
    )  # fmt: skip
    books = query("SELECT content FROM release.rule_set WHERE rule_set_id = ?", unit["rule_set_id"])
    try:
        rules = RuleSet.model_validate_json(books[0]["content"] if books else "")
    except ValidationError:  # the rule set of an old release may have another form
        return None
    needed = set(rules.lists[unit["list_code"]].indicators) if unit["list_code"] in rules.lists else set()
    known = {(row["uscc"], row["indicator_code"]) for row in values}
    if not needed or known != {(row["uscc"], code) for row in grades for code in needed}:
        return None
    amounts: Sequence[Row] = ()
    if any(i.baseline.giants == "without" for i in rules.lists[unit["list_code"]].indicators.values()):
        amounts = query(
            f"""SELECT uscc, {_in_millionths("tax_contribution_wan_yuan", "value_added_wan_yuan")} FROM per_mu.unit
            WHERE {of_list}""",
            *where,
        )  # fmt: skip
    passed = passed_seats(query, rules, unit) if rules.quota_of(unit["list_code"]).carry else None
    return from_rows(rules, unit, grades, values, effects, amounts, passed=passed, **left_out)


def passed_seats(query: Query, rules: RuleSet, unit: Row) -> tuple[Decimal, Decimal, Decimal]:
    """Exact seats of the district's groups before that of a unit, in the order of the rule set's lists."""
    sizes = query(
        """SELECT list_code, ranking_group, count(*) FILTER (eval_status_code = 'exempt') AS exempt,
            count(*) FILTER (eval_status_code = 'protected') AS protected,
            count(*) FILTER (eval_status_code = 'graded' AND unit_role_code = 'own') AS units
        FROM per_mu.population WHERE year = ? AND district_code = ? GROUP BY ALL""",
        unit["year"], unit["district_code"],
    )  # fmt: skip
    order = {code: place for place, code in enumerate(rules.lists)}
    own = (order[unit["list_code"]], unit["ranking_group"])
    seats = [Decimal(0)] * len(SEATED)
    for row in sizes:
        if (
            row["list_code"] in order
            and (order[row["list_code"]], row["ranking_group"]) < own
            and row["units"]
        ):
            quota = rules.quota_of(row["list_code"])
            base = (
                row["units"] + quota.count_exempt * row["exempt"] + quota.count_protected * row["protected"]
            )
            seats = [s + base * quota.shares[g] for s, g in zip(seats, SEATED, strict=True)]
    a, b, d = seats
    return a, b, d


def _in_millionths(*columns: str) -> str:
    """SQL of amounts as whole millionths, which are read several times as fast as decimals.

    One beyond the range of BIGINT, nine trillion, is missing; then nothing that rests on it is reproduced.
    """
    return ", ".join(f"TRY_CAST({name} * {MILLION} AS BIGINT) AS {name}" for name in columns)


def from_rows(
    rules: RuleSet,
    unit: Row,
    grades: Sequence[Row],
    values: Sequence[Row],
    effects: Sequence[Row],
    amounts: Sequence[Row],
    *,
    exempt: int,
    protected: int,
    passed: tuple[Decimal, Decimal, Decimal] | None = None,
) -> RankedList:
    """The list of a unit from rows of grades, indicator values, adjustments and units; ``unit`` is its own grade.

    Amounts are in millionths, as :func:`_in_millionths` reads them.
    """
    sides: dict[str, dict[str, Sides]] = {}
    baselines: dict[str, Standard] = {}
    for row in values:
        sides.setdefault(row["uscc"], {})[row["indicator_code"]] = Sides.of(row)
        baselines[row["indicator_code"]] = Standard(row["baseline"], row.get("worst_value"))
    giant = {row["uscc"]: row for row in amounts}
    marks: dict[str, set[str]] = {}
    for row in effects:
        marks.setdefault(row["uscc"], set()).add(row["effect_code"])

    def entry(row: Row) -> Entry:
        mine = marks.get(row["uscc"], set())
        held = giant.get(row["uscc"], {})
        return Entry(
            uscc=row["uscc"],
            tax=held.get("tax_contribution_wan_yuan"),
            value_added=held.get("value_added_wan_yuan"),
            sides=sides[row["uscc"]],
            total=row["total_score"] or 0,
            final_grade=row["final_grade"],
            points=(row["bonus_points"] or 0) - (row["penalty_points"] or 0),
            **{effect: effect in mine for effect in ("direct_d", "not_above_c", "not_below_c")},
        )

    return RankedList(
        rules=rules,
        list_code=unit["list_code"],
        own=entry(next(row for row in grades if row["uscc"] == unit["uscc"])),
        others=[entry(row) for row in grades if row["uscc"] != unit["uscc"]],
        exempt=exempt,
        protected=protected,
        published_baselines=baselines,
        passed=passed or (Decimal(0), Decimal(0), Decimal(0)),
    )
