"""Ways to the next grade that are enough: the smallest change of one figure, or of two, that reaches it.

The complete list is computed again with the change (``jobs/per_mu/steps/what_if.py``): the baselines that the unit's
own figures move, the caps, the quota's seats, ties and vetoes. All other figures stay as they are. An amount is rounded
up to four digits, so it is enough as shown, and at most a thousandth above the smallest one; the smallest amount named
is 0.0001 of its unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations

from jobs.per_mu.rules.models import indicator_definitions
from jobs.per_mu.steps.what_if import MILLION, RankedList

#: Figures in the denominator that a city does not ask a firm to lower: fewer jobs, less revenue.
NEVER_LOWERED = frozenset({"employees_average", "revenue_wan_yuan"})
#: A figure is raised to at most a hundred times itself or lowered to at most a hundredth.
MOST = 100
DIGITS = 4
#: Smallest step of an amount: 0.0001 of the unit, one yuan of 万元.
STEP = 100


@dataclass(frozen=True)
class Change:
    """A change of one figure, in the unit in which the indicators use it."""

    figure: str
    unit: str
    #: The figure today; ``by`` is negative where it is lowered.
    today: Decimal
    by: Decimal
    #: Share of today's figure, in percent with one digit; missing where that is not above zero.
    by_pct: Decimal | None
    #: Codes of the indicators that it moves.
    indicators: tuple[str, ...]


@dataclass(frozen=True)
class Lever:
    """A figure of the unit that may be raised or lowered; amounts in millionths."""

    figure: str
    unit: str
    today: int
    is_raised: bool
    most: int
    #: Amount that counts as the whole figure where a firm has none or a negative one: the baseline's.
    size: int
    indicators: tuple[str, ...]

    def after(self, amount: int) -> int:
        return self.today + amount if self.is_raised else self.today - amount

    def amount(self, times: Decimal) -> int:
        """The amount that makes the figure so many times as good."""
        share = times - 1 if self.is_raised else 1 - 1 / times
        return min(int(self.size * share), self.most)

    def times(self, amount: int) -> Decimal:
        """How many times as good an amount makes the figure."""
        size = Decimal(self.size)
        return (size + amount) / size if self.is_raised else size / (size - amount)


@dataclass(frozen=True)
class Bounds:
    """What the land of the unit's own firm can carry (``jobs/per_mu/rules/land_limits.yml``); beyond it, the firm would
    not be graded at all. The firm's own figures are in 亩 and 万元."""

    land: Decimal
    #: Land that the firm's staff needs at least.
    staff_land: Decimal
    tax: Decimal
    value_added: Decimal
    most_tax_per_mu: Decimal
    most_value_added_per_mu: Decimal

    def allows(self, by: Mapping[str, Decimal]) -> bool:
        """Whether the land still carries the firm after changes of figures."""
        none = Decimal(0)
        land = self.land + by.get("land_area_mu", none)
        tax = self.tax + by.get("tax_contribution", none)
        added = self.value_added + by.get("value_added_wan_yuan", none)
        return (
            land >= self.staff_land
            and land * self.most_tax_per_mu >= tax
            and land * self.most_value_added_per_mu >= added
        )

    def most(self, figure: str) -> Decimal | None:
        """The largest change of one figure that the land allows; ``None`` if it bounds no change of it."""
        if figure == "tax_contribution":
            return self.land * self.most_tax_per_mu - self.tax
        if figure == "value_added_wan_yuan":
            return self.land * self.most_value_added_per_mu - self.value_added
        if figure == "land_area_mu":
            needed = (
                self.staff_land, self.tax / self.most_tax_per_mu, self.value_added / self.most_value_added_per_mu
            )  # fmt: skip
            return self.land - max(needed)
        return None


Reaches = Callable[[Mapping[str, int]], bool]


def routes(
    ranked: RankedList, wanted: str, land_mu: Decimal | None, bounds: Bounds | None = None
) -> list[tuple[Change, ...]]:
    """The ways to a grade or a better one, the smallest first; each has one change, or all have two.

    Two figures are changed only if no single one is enough. Of all pairs, the one is named that needs the smallest
    common improvement, each figure then reduced as far as the other one allows.

    Args:
        land_mu: land of the unit's own firm; giving land back never moves it to another list.
        bounds: what this land can carry; ``None`` if the rule set does not bound it.
    """
    bounded = (_bounded(lever, bounds) for lever in _levers(ranked, land_mu))
    levers = [lever for lever in bounded if lever.most > 0]

    def reaches(figures: Mapping[str, int]) -> bool:
        if bounds:
            today = {name: ranked.figure(name) or 0 for name in figures}
            if not bounds.allows({n: Decimal(after - today[n]) / MILLION for n, after in figures.items()}):
                return False
        return ranked.grade(figures) <= wanted

    singles = [(lever, amount) for lever in levers if (amount := _smallest(lever, {}, reaches)) is not None]
    if singles:
        singles.sort(key=lambda found: found[0].times(found[1]))
        return [(_change(lever, amount),) for lever, amount in singles]
    pairs = [
        (times, pair) for pair in combinations(levers, 2) if (times := _common(pair, reaches)) is not None
    ]
    if not pairs:
        return []
    times, pair = min(pairs, key=lambda found: found[0])
    return [_reduced(pair, times, reaches)]


def points_missing(ranked: RankedList, wanted: str) -> Decimal | None:
    """The fewest points, to a millionth, that reach a grade; ``None`` if no number of points does."""
    highest = max((other.total for other in ranked.others), default=0)
    most = max(highest - ranked.own.total, 0) + MILLION
    if ranked.grade(points=most) > wanted:
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if ranked.grade(points=middle) <= wanted else (middle, high)
    return Decimal(high) / MILLION


# --- figures that may change -----------------------------------------------------------------------------


def _levers(ranked: RankedList, land_mu: Decimal | None) -> Iterator[Lever]:
    definitions = indicator_definitions()
    raised: dict[str, str] = {}
    lowered: dict[str, str] = {}
    for code in sorted(ranked.scales, key=lambda c: definitions[c].denominator_divisor):
        d = definitions[code]
        top, bottom = (raised, lowered) if d.better == "more" else (lowered, raised)
        # a figure is in the unit of the indicator that divides it most, which comes last
        top.setdefault(d.numerator, d.numerator_unit)
        bottom[d.denominator] = d.denominator_unit
    for figure, unit in raised.items():
        today, used = ranked.figure(figure), ranked.using(figure)
        if today is None or not used:
            continue
        size = max(today, 0) or max(_at_baseline(ranked, scale.code) for scale in used)
        if size:
            yield Lever(figure, unit, today, True, MOST * size, size, tuple(s.code for s in used))
    for figure, unit in lowered.items():
        today, used = ranked.figure(figure), ranked.using(figure)
        if figure in NEVER_LOWERED or figure in raised or not today or today < 0 or not used:
            continue
        most = today - today // MOST
        if figure == "land_area_mu":
            most = min(most, _land_to_spare(ranked, land_mu))
        if most > 0:
            yield Lever(figure, unit, today, False, most, today, tuple(s.code for s in used))


def _bounded(lever: Lever, bounds: Bounds | None) -> Lever:
    most = bounds.most(lever.figure) if bounds else None
    return lever if most is None else replace(lever, most=min(lever.most, int(most * MILLION)))


def _at_baseline(ranked: RankedList, code: str) -> int:
    """The numerator with which the unit's indicator would be at its baseline."""
    baseline, denominator = ranked.published_baselines[code].value, ranked.own.sides[code].denominator
    return max(baseline or 0, 0) * (denominator or 0) // MILLION


def _land_to_spare(ranked: RankedList, land_mu: Decimal | None) -> int:
    """Land that the firm can give back and still be evaluated in its list and by itself."""
    land, tenants = land_mu or Decimal(0), ranked.rules.tenants
    keeps = land / MOST
    if ranked.list_code == "below_scale_ge3":
        keeps = max(keeps, ranked.rules.large_land_mu)
    scale = "above_scale" if ranked.list_code == "above_scale" else "below_scale"
    apart = tenants.apart_from_land_mu
    if tenants.mode != "separate" and scale in tenants.applies_to and apart is not None and land >= apart:
        keeps = max(keeps, apart)
    return int((land - keeps) * MILLION)


# --- the smallest change ---------------------------------------------------------------------------------


def _smallest(lever: Lever, others: Mapping[str, int], reaches: Reaches) -> int | None:
    """The smallest amount that is enough beside the other changes, rounded up to four digits."""

    def is_enough(amount: int) -> bool:
        return reaches({**others, lever.figure: lever.after(amount)})

    low, high = 0, max(lever.size // 1000, 1)
    while not is_enough(min(high, lever.most)):
        if high >= lever.most:
            return None
        low, high = high, 2 * high
    high = min(high, lever.most)
    while high - low > max(high // 10 ** (DIGITS + 1), 1):
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    shown = _rounded_up(high)
    return shown if shown <= lever.most and is_enough(shown) else high


def _rounded_up(amount: int) -> int:
    """
    >>> _rounded_up(1_234_567), _rounded_up(1_234)
    (1235000, 1300)
    """
    step = int(max(10 ** (len(str(amount)) - DIGITS), STEP))
    return -(-amount // step) * step


def _common(pair: tuple[Lever, Lever], reaches: Reaches) -> Decimal | None:
    """How many times as good both figures must become together; ``None`` if a hundred times is not enough."""

    def is_enough(times: Decimal) -> bool:
        return reaches({lever.figure: lever.after(lever.amount(times)) for lever in pair})

    low, high = Decimal(1), Decimal("1.01")
    while not is_enough(high):
        if high >= MOST:
            return None
        low, high = high, min(1 + 2 * (high - 1), Decimal(MOST))
    while high - low > (high - 1) / 1000:
        middle = (low + high) / 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _reduced(pair: tuple[Lever, Lever], times: Decimal, reaches: Reaches) -> tuple[Change, ...]:
    """Both changes, each as small as the other one allows."""
    amounts = [lever.amount(times) for lever in pair]
    for place in (0, 1, 0):
        other = pair[1 - place]
        beside = {other.figure: other.after(amounts[1 - place])}
        amounts[place] = _smallest(pair[place], beside, reaches) or amounts[place]
    return tuple(_change(lever, amount) for lever, amount in zip(pair, amounts, strict=True))


def _change(lever: Lever, amount: int) -> Change:
    by = Decimal(amount if lever.is_raised else -amount) / MILLION
    today = Decimal(lever.today) / MILLION
    pct = (by * 100 / today).quantize(Decimal("0.1")) if today > 0 else None
    return Change(lever.figure, lever.unit, today, by, pct, lever.indicators)
