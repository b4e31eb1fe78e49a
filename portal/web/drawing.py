"""Shapes that need no chart library: lines of a few years, shares beside each other, tiles of districts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from portal.web.numbers import Number, number

#: Width and height of the picture in which a line is drawn.
WIDTH, HEIGHT = 100, 24
#: Height of a line's picture as a share of the greatest value, at least.
LEAST_RANGE = 0.2
#: District code → column and row of its tile, roughly as the districts lie to each other.
TILES = {
    "330282": (1, 0),
    "330281": (0, 1),
    "330205": (1, 1),
    "330211": (2, 1),
    "330206": (3, 1),
    "330203": (1, 2),
    "330212": (2, 2),
    "330213": (1, 3),
    "330226": (1, 4),
    "330225": (2, 4),
}
#: Room of a letter, in per cent of the width.
LETTER_PCT = 3.3
#: Steps of the sequential scale, 0 to 6.
STEPS = 7


@dataclass(frozen=True)
class Share:
    """A part of a whole, in per cent of the width."""

    tone: str
    label: str
    start: float
    width: float

    @property
    def middle(self) -> float:
        return round(self.start + self.width / 2, 2)

    @property
    def has_room(self) -> bool:
        """Whether the label fits on a phone, and on a wall screen with its large letters."""
        return self.width > LETTER_PCT * len(self.label)


def shares(parts: Iterable[tuple[str, Number | None, str]]) -> list[Share]:
    """Parts (tone, value, label) beside each other; none if all are zero.

    >>> [(s.tone, s.start, s.width) for s in shares([("A", 1, "1"), ("B", 3, "3"), ("D", None, "")])]
    [('A', 0.0, 25.0), ('B', 25.0, 75.0)]
    """
    known = [(tone, float(value), label) for tone, value, label in parts if value]
    whole = sum(value for _, value, _ in known)
    found, start = [], 0.0
    for tone, value, label in known:
        width = 100 * value / whole
        found.append(Share(tone, label, round(start, 2), round(width, 2)))
        start += width
    return found


def lines(values: Sequence[Number | None]) -> list[str]:
    """Points of the lines through values without a gap.

    The height is the range of the values, and at least a fifth of the greatest: a small change looks small.

    >>> lines([0, 50, None, 100, 50]), lines([100, 90])
    (['0,24 25,12', '75,0 100,12'], ['0,6 100,18'])
    """
    known = [float(value) for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    lacking = max(LEAST_RANGE * max(abs(low), abs(high)) - (high - low), 0.0)
    low, high = low - lacking / 2, high + lacking / 2
    step = WIDTH / max(len(values) - 1, 1)
    found: list[list[str]] = [[]]
    for i, value in enumerate(values):
        if value is None:
            found.append([])
            continue
        y = HEIGHT - HEIGHT * (float(value) - low) / ((high - low) or 1)
        found[-1].append(f"{round(i * step, 1):g},{round(y, 1):g}")
    return [" ".join(points) for points in found if points]


def spoken(values: Iterable[Number | None]) -> str:
    """
    >>> spoken([1200, None])
    '1,200, —'
    """
    return ", ".join("—" if value is None else number(value) for value in values)


def steps(values: Sequence[Number | None]) -> Iterator[int | None]:
    """Each value's step on the sequential scale by its rank, so that one large value leaves the others apart; equal
    values have one step, and if all are equal, the middle one.

    >>> list(steps([0, 1, 100, None])), list(steps([5, 5]))
    ([0, 3, 6, None], [3, 3])
    """
    ranks = sorted({value for value in values if value is not None})
    for value in values:
        if value is None:
            yield None
        elif len(ranks) == 1:
            yield STEPS // 2
        else:
            yield (STEPS - 1) * ranks.index(value) // (len(ranks) - 1)
