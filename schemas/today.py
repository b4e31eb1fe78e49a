"""The day of a synthetic city (合成城市的今天), as a file beside the files that its senders sent.

The generator writes it, and the platform reads it: a home with a synthetic city is judged on the city's day.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

#: Name of the file in the landing folder.
FILE = ".synthetic_today.json"

#: Periods that a sender sends one after the other: the first and the last one, open if it goes on.
Span = tuple[str, str | None]
#: Feed → its spans, such as years and then months.
Calendars = Mapping[str, tuple[Span, ...]]


@dataclass(frozen=True)
class SyntheticDay:
    """The last day up to which a synthetic city's senders have sent their files."""

    day: date
    #: What the city's senders ever send: of some feeds they send only a sample, or years and later months.
    calendars: Calendars = field(default_factory=dict)

    def as_bytes(self) -> bytes:
        """The file's content."""
        content = {"today": self.day.isoformat(), "is_synthetic": True, "calendars": self.calendars}
        return (json.dumps(content) + "\n").encode()


def synthetic_day(landing: Path) -> SyntheticDay | None:
    """The day of the synthetic city in a landing folder; ``None`` if no such city is there, or its file is damaged."""
    try:
        found = json.loads((landing / FILE).read_bytes())
        calendars = {
            feed: tuple((first, last) for first, last in spans) for feed, spans in found["calendars"].items()
        }
        return SyntheticDay(date.fromisoformat(found["today"]), calendars)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
