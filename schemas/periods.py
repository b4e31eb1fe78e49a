"""Periods: years, months and days, checked alike on every ingestion path.

A feed has the periods of its cadence: a monthly feed has months, a yearly and then monthly feed has both, an irregular
feed may have any. Periods in force must not overlap, because their figures would be added: a year and its months, a
month and its days.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from schemas.contract import Feed
from schemas.errors import RejectedError, UsageError

#: Patterns of a year, a month and a day by their length; a day must also exist in the calendar.
PATTERNS: Mapping[int, str] = {
    4: "(19|20)[0-9]{2}",
    7: "(19|20)[0-9]{2}-(0[1-9]|1[0-2])",
    10: "(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
}
#: Any of them, for forms that check patterns but no calendar.
PATTERN = f"^({'|'.join(PATTERNS.values())})$"
_EXAMPLES = {4: "a year like 2023", 7: "a month like 2024-03", 10: "a day like 2024-03-31"}


def is_period(text: str) -> bool:
    """
    >>> [is_period(t) for t in ("2024", "2024-02-29", "2024-02-30", "202403", "2024-3", "2024-13", "../../x")]
    [True, True, False, False, False, False, False]
    """
    if not re.fullmatch(PATTERNS.get(len(text), "(?!)"), text, re.ASCII):
        return False
    try:
        return len(text) < 10 or bool(date.fromisoformat(text))
    except ValueError:
        return False


def is_within(period: str, wanted: str | None) -> bool:
    """Whether a period is the wanted one or within it; any period is where none is wanted.

    >>> is_within("2024-03", "2024"), is_within("2024", "2024-03"), is_within("2024-03", None)
    (True, False, True)
    """
    return wanted is None or period == wanted or period.startswith(f"{wanted}-")


def touch(one: str, other: str) -> bool:
    """Whether two periods have days in common: they are equal, or one is within the other.

    >>> touch("2024", "2024-03"), touch("2024-03", "2024-03"), touch("2024-02", "2024-03")
    (True, True, False)
    """
    return is_within(one, other) or is_within(other, one)


def overlap(one: str, other: str) -> bool:
    """Whether two different periods have days in common: one is within the other.

    >>> overlap("2024", "2024-03"), overlap("2024-03-01", "2024-03"), overlap("2024-03", "2024-03")
    (True, True, False)
    """
    return one != other and touch(one, other)


# --- form and grain ----------------------------------------------------------------------------------


def lengths_of(spec: Feed) -> tuple[int, ...]:
    """Lengths of the names of a feed's periods, the longest last."""
    return spec.source.period_lengths


def fault_of(period: str, spec: Feed) -> str | None:
    """What is wrong with a period of a feed's delivery, as the end of a sentence; None for a valid one."""
    wanted = " or ".join(_EXAMPLES[length] for length in lengths_of(spec))
    if not is_period(period):
        return f"{period[:40]!r} is no period; {spec.table} wants {wanted}"
    if len(period) not in lengths_of(spec):
        return f"{period} does not suit {spec.table}, which comes {_cadence(spec)}: it wants {wanted}"
    return None


def _cadence(spec: Feed) -> str:
    return spec.source.cadence.replace("_then_", ", then ")


def check_asked(text: str | None) -> None:
    """Check a period that selects deliveries: a year, month or day of any feed.

    Raises:
        UsageError: it is not a period.
    """
    if text is not None and not is_period(text):
        raise UsageError(f"--period {text}: give a year, month or day, e.g. 2023, 2024-03 or 2024-03-31")


def check_named(period: str, spec: Feed) -> None:
    """Check the period that a user gives for a file.

    Raises:
        UsageError: it is not a period, or does not suit the feed.
    """
    check_asked(period)
    if fault := fault_of(period, spec):
        raise UsageError(f"--period {period}: {fault}")


def check_sent(period: str, spec: Feed, where: str) -> None:
    """Check the period that a sender gives for a file or for rows.

    Raises:
        RejectedError: it is not a period, or does not suit the feed.
    """
    if fault := fault_of(period, spec):
        raise RejectedError(f"{where}: period {fault}")


# --- overlaps ----------------------------------------------------------------------------------------

Row = Mapping[str, Any]


def overlapping(counting: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Pairs of a feed's deliveries in force of which the first one's period is within the second one's.

    Deliveries of different parts (分册) do not overlap, nor does a delivery without records.

    Args:
        counting: register rows of deliveries in force (``schemas.register.in_force``).
    """
    by_period: dict[str, list[Row]] = {}
    for row in counting:
        if row["records_in"]:
            by_period.setdefault(row["period"], []).append(row)
    return [
        (inner, outer)
        for period, rows in sorted(by_period.items())
        for wider in (period[:4], period[:7])
        if wider != period
        for inner in rows
        for outer in by_period.get(wider, ())
        if meet(inner, outer)
    ]


def meet(one: Row, other: Row) -> bool:
    """Whether two deliveries cover the same part of a feed; one without a part covers all parts."""
    parts = {one["part"] or "", other["part"] or ""}
    return len(parts) == 1 or "" in parts


def unsuitable(counting: Iterable[Row], spec: Feed) -> list[str]:
    """A line for each period of the deliveries in force that does not suit the feed."""
    odd = {row["period"]: row for row in counting if fault_of(row["period"], spec)}
    return [
        f"{spec.table}: period {fault_of(period, spec)} ({named(row)}); {remedy(row)}"
        for period, row in sorted(odd.items())
    ]


def counted_twice(counting: Sequence[Row], spec: Feed) -> list[str]:
    """A line for each pair of a feed's deliveries in force whose periods overlap."""
    return [
        f"{spec.table}: {inner['period']} ({named(inner)}) lies within {outer['period']} ({named(outer)}), and both "
        f"are in force; {remedy(inner)}"
        for inner, outer in overlapping(counting)
    ]


def remedy(row: Row) -> str:
    """What to do about a delivery, as the end of a message."""
    return f"run ./brain deliveries withdraw {row['delivery_id']} --reason TEXT"


def named(row: Row) -> str:
    """A delivery as a message names it."""
    return f"{row['source_file']}, delivery {row['delivery_id']}"
