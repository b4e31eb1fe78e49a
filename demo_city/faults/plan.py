"""What is planted (埋设的差错): changes of records, extra files, and the expected outcome of each.

Outcomes, by ``type``:

* ``quarantined``: the record is in quarantine with ``reason`` (column:rule);
* ``accepted``: the record is ingested; if ``table`` and ``column`` are given, that column holds ``value``;
* ``flag``: ``column`` of ``table`` holds ``value`` for the key;
* ``population``: the firm is in the population, with ``status`` if one is given;
* ``superseded``: the cell now has ``value`` (in the sender's unit), or the row is removed (``row_absent``);
* ``scaled``: the parcel's uses fit its area in ``table``, and one has the flag;
* ``duplicate``: the file is skipped because its bytes were ingested before;
* ``late``: the file arrives ``days`` after its deadline and is ingested.
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
    """A change of one record of a delivery, and its expected outcomes (none if it is part of another fault)."""

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
    """An extra file of a period: a copy of the regular file, or a corrected snapshot."""

    feed: str
    period: str
    suffix: str
    days_late: int
    edits: tuple[Edit, ...] = ()
    part: str = ""


@dataclass(frozen=True)
class Plan:
    """All faults planted in a city's files."""

    edits: tuple[Edit, ...]
    extras: tuple[Extra, ...]
    #: (feed, period, part) of each late file -> days after its deadline.
    late: dict[tuple[str, str, str], int]
    #: Sites of the firms with a planted fault.
    taken: frozenset[int] = frozenset()

    def edits_of(self, frame: Frame) -> list[Edit]:
        """Changes of a delivery's records."""
        delivery = (frame.feed, frame.period, frame.part)
        return [e for e in self.edits if (e.feed, e.period, e.part) == delivery]

    def extras_of(self, frame: Frame) -> list[Extra]:
        """Extra files of a delivery."""
        delivery = (frame.feed, frame.period, frame.part)
        return [e for e in self.extras if (e.feed, e.period, e.part) == delivery]


TOO_SMALL = "the demo city is too small for its planted faults: raise its scale"


def quarantined(reason: str) -> Outcome:
    """Outcome: the record is in quarantine with the reason."""
    return {"type": "quarantined", "reason": reason}


INCOMPLETE: Outcome = {"type": "population", "status": "data_incomplete"}
ACCEPTED: Outcome = {"type": "accepted"}
