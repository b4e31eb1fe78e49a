"""What is planted (埋设的差错): changes of records, further files, and what must come of each.

Outcomes, by ``type``:

* ``quarantined``: the record lies in quarantine with ``reason`` (column:rule);
* ``accepted``: the record is taken in; where ``table`` and ``column`` are named it shows ``value`` there;
* ``flag``: ``column`` of ``table`` holds ``value`` for the key;
* ``population``: the firm is in the population, with ``status`` where one is named;
* ``superseded``: the cell now has ``value`` (in the sender's unit), or the row is gone (``row_absent``);
* ``scaled``: the parcel's uses are scaled to its area in ``table``;
* ``duplicate``: the file is skipped, its bytes were taken in before;
* ``late``: the file comes ``days`` after the time its contract allows, and is taken in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from demo_city.frame import Frame

Change = str | None | Callable[[str], str]
Outcome = dict[str, Any]


@dataclass(frozen=True)
class Edit:
    """A change of one record of a delivery, and what must come of it (no outcome: part of another fault)."""

    kind: str
    feed: str
    period: str
    where: dict[str, str]
    change: dict[str, Change] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    part: str = ""
    drop: bool = False


@dataclass(frozen=True)
class Extra:
    """A further file of a period: a copy of the regular one, or a corrected snapshot."""

    feed: str
    period: str
    suffix: str
    days_late: int
    edits: tuple[Edit, ...] = ()
    part: str = ""


@dataclass(frozen=True)
class Plan:
    """All that is planted in a city's files."""

    edits: tuple[Edit, ...]
    extras: tuple[Extra, ...]
    #: (feed, period, part) of files sent late.
    late: dict[tuple[str, str, str], int]
    #: Sites that faults concern.
    taken: frozenset[int] = frozenset()

    def edits_of(self, frame: Frame) -> list[Edit]:
        """Changes of a delivery's records."""
        place = (frame.feed, frame.period, frame.part)
        return [e for e in self.edits if (e.feed, e.period, e.part) == place]

    def extras_of(self, frame: Frame) -> list[Extra]:
        """Further files of a delivery."""
        place = (frame.feed, frame.period, frame.part)
        return [e for e in self.extras if (e.feed, e.period, e.part) == place]


TOO_SMALL = "the demo city is too small for its planted faults: raise its scale"


def quarantined(reason: str) -> Outcome:
    """The record lies in quarantine with the reason."""
    return {"type": "quarantined", "reason": reason}


INCOMPLETE: Outcome = {"type": "population", "status": "data_incomplete"}
ACCEPTED: Outcome = {"type": "accepted"}
