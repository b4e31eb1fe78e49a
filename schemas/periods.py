"""Periods: years, months and days, judged alike at every way in.

A feed has the periods of its cadence: what comes monthly has months, what comes yearly and then monthly has both, and
an irregular feed may have any. No two of them that count may overlap, for their figures would be added: a year beside
its months, a month beside its days.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from schemas.contract import Feed
from schemas.errors import RejectedError, UsageError

#: A year, a month and a day as texts, by their length; of a day the calendar has to be asked as well.
PATTERNS: Mapping[int, str] = {
    4: "(19|20)[0-9]{2}",
    7: "(19|20)[0-9]{2}-(0[1-9]|1[0-2])",
    10: "(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
}
#: Any of them, for forms that know patterns and no calendar.
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
    """Whether a period lies in the wanted one, or is it; every period does where none is wanted.

    >>> is_within("2024-03", "2024"), is_within("2024", "2024-03"), is_within("2024-03", None)
    (True, False, True)
    """
    return wanted is None or period == wanted or period.startswith(f"{wanted}-")


def touch(one: str, other: str) -> bool:
    """Whether two periods have days in common: they are the same, or one lies within the other.

    >>> touch("2024", "2024-03"), touch("2024-03", "2024-03"), touch("2024-02", "2024-03")
    (True, True, False)
    """
    return is_within(one, other) or is_within(other, one)


def overlap(one: str, other: str) -> bool:
    """Whether one of two periods lies within the other without being it.

    >>> overlap("2024", "2024-03"), overlap("2024-03-01", "2024-03"), overlap("2024-03", "2024-03")
    (True, True, False)
    """
    return one != other and touch(one, other)


# --- form and grain ----------------------------------------------------------------------------------


def lengths_of(spec: Feed) -> tuple[int, ...]:
    """Lengths of the names of a feed's periods, longest last."""
    return spec.source.period_lengths


def fault_of(period: str, spec: Feed) -> str | None:
    """What is wrong with a period of a feed's delivery, as the rest of a sentence; None where nothing is."""
    wanted = " or ".join(_EXAMPLES[length] for length in lengths_of(spec))
    if not is_period(period):
        return f"{period[:40]!r} is no period; {spec.table} wants {wanted}"
    if len(period) not in lengths_of(spec):
        return f"{period} does not suit {spec.table}, which comes {_cadence(spec)}: it wants {wanted}"
    return None


def _cadence(spec: Feed) -> str:
    return spec.source.cadence.replace("_then_", ", then ")


def check_asked(text: str | None) -> None:
    """A period by which somebody chooses among deliveries: a year, month or day of any feed.

    Raises:
        UsageError: it is none.
    """
    if text is not None and not is_period(text):
        raise UsageError(f"--period {text}: give a year, month or day, e.g. 2023, 2024-03 or 2024-03-31")


def check_named(period: str, spec: Feed) -> None:
    """A period that somebody says a file is of.

    Raises:
        UsageError: it is none, or none of the feed's.
    """
    check_asked(period)
    if fault := fault_of(period, spec):
        raise UsageError(f"--period {period}: {fault}")


def check_sent(period: str, spec: Feed, where: str) -> None:
    """A period that a sender says a file or rows are of.

    Raises:
        RejectedError: it is none, or none of the feed's.
    """
    if fault := fault_of(period, spec):
        raise RejectedError(f"{where}: period {fault}")


# --- overlaps ----------------------------------------------------------------------------------------

Row = Mapping[str, Any]


def overlapping(counting: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Pairs of a feed's deliveries that count although the first one's period lies within the second one's.

    Those of different parts (分册) do not meet, and neither does one without records.

    Args:
        counting: rows of the register that count (``schemas.register.in_force``).
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
    """Whether two deliveries speak of the same part of a feed; one without a part speaks of all."""
    parts = {one["part"] or "", other["part"] or ""}
    return len(parts) == 1 or "" in parts


def unsuitable(counting: Iterable[Row], spec: Feed) -> list[str]:
    """A line for each period among a feed's deliveries that count which is none of the feed's."""
    odd = {row["period"]: row for row in counting if fault_of(row["period"], spec)}
    return [
        f"{spec.table}: period {fault_of(period, spec)} ({named(row)}); {remedy(row)}"
        for period, row in sorted(odd.items())
    ]


def counted_twice(counting: Sequence[Row], spec: Feed) -> list[str]:
    """A line for each two of a feed's deliveries that count although their periods overlap."""
    return [
        f"{spec.table}: {inner['period']} ({named(inner)}) lies within {outer['period']} ({named(outer)}), and both "
        f"count; {remedy(inner)}"
        for inner, outer in overlapping(counting)
    ]


def remedy(row: Row) -> str:
    """How a person gets a delivery out of the way."""
    return f"take one back: ./brain deliveries withdraw {row['delivery_id']} --reason TEXT"


def named(row: Row) -> str:
    """A delivery as a message names it."""
    return f"{row['source_file']}, delivery {row['delivery_id']}"
