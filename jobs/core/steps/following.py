"""The last successor of a code 承继: changes of identity, followed to the end and day by day.

An absorbed firm, a former code and a branch have a *successor*. Three rules make it safe to move rows:

* A change counts from the year in which it is reported, however long ago it happened, so results of earlier years do
  not change.
* Successors are followed to the last (A into B, B into C), each step from its own day on.
* A code that two firms claim, and codes whose successors form a cycle, are in dispute from the year in which this is
  known. They then have no successor: their rows stay where the sender put them.

A city has a few thousand changes at most. They are collected and followed in Python, which a person can read; as array
functions of the engine they would be unreadable and slow to plan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

#: Kind of change that gives a code a successor → kind of the code among the identifiers.
SUCCEEDED = {"merge": "former_uscc", "succession": "former_uscc", "branch": "branch_code"}
#: Most steps that are followed; a longer path goes to review.
LONGEST = 16
NEVER = date(9999, 12, 31)


@dataclass(frozen=True, order=True)
class Claim:
    """A firm takes over a code: first day of the year of the report, day from which it counts, and the firm."""

    told: date
    since: date
    head: str
    #: When the platform received it, in microseconds.
    known_at: int
    is_branch: bool


@dataclass(frozen=True)
class Step:
    """From a code to the first firm that claimed it, from ``since`` on and before ``until``."""

    code: str
    head: str
    since: date
    told: date
    until: date


@dataclass(frozen=True)
class Span:
    """The firm behind a code from a day on."""

    since: date
    head: str


@dataclass(frozen=True)
class Followed:
    """A code with a successor: its claims in order, the firms behind it by day, and the start of a dispute."""

    code: str
    kind: str
    claims: tuple[Claim, ...]
    #: Empty if the code was in dispute from the start.
    spans: tuple[Span, ...]
    #: Day on which the dispute starts, or ``NEVER``.
    until: date
    #: The code is itself in a cycle.
    is_cycle: bool


def followed(events: DataFrame) -> list[Followed]:
    """Every code with a successor, in the order of the codes.

    Args:
        events: rows of core.identity_event of all years up to the last one to compute.
    """
    rows = (
        events.where(F.col("identity_event_kind_code").isin(list(SUCCEEDED)))
        .select(
            F.col("from_uscc").alias("code"), "year", "valid_from_date", "to_uscc",
            F.unix_micros("known_at").alias("known_at"), F.col("identity_event_kind_code").alias("kind"),
        )
        .collect()
    )  # fmt: skip
    claims: dict[str, list[Claim]] = defaultdict(list)
    for row in rows:
        told = date(int(row["year"]), 1, 1)
        since = max(row["valid_from_date"] or told, told)
        claims[row["code"]].append(
            Claim(told, since, row["to_uscc"], row["known_at"], row["kind"] == "branch")
        )
    return follow(claims)


def follow(claims: Mapping[str, Iterable[Claim]]) -> list[Followed]:
    """Every code with a successor, given its claims."""
    ordered = {code: tuple(sorted(given)) for code, given in sorted(claims.items())}
    steps = {code: _step(code, given) for code, given in ordered.items()}
    return [_followed(given, _path(steps[code], steps), steps) for code, given in ordered.items()]


def _step(code: str, claims: tuple[Claim, ...]) -> Step:
    """The step to the firm that claimed the code first, until another firm claims it as well."""
    first = claims[0]
    since = min(c.since for c in claims if c.head == first.head)
    until = next((c.told for c in claims if c.head != first.head), NEVER)
    return Step(code, first.head, since, first.told, until)


def _path(step: Step, steps: Mapping[str, Step]) -> list[Step]:
    """Steps from the code to its last successor, whatever their days; a cycle is followed once."""
    path = [step]
    while len(path) < LONGEST and (following := steps.get(path[-1].head)) and following not in path:
        path.append(following)
    return path


def _followed(claims: tuple[Claim, ...], path: list[Step], steps: Mapping[str, Step]) -> Followed:
    codes, last = [step.code for step in path], path[-1].head
    # a path longer than ``LONGEST`` counts as a cycle
    goes_on = len(path) == LONGEST and last in steps
    enters = codes.index(last) if last in codes else 0 if goes_on else None
    is_cycle = False
    if enters is not None:
        closes = max(step.told for step in path[enters:])
        # a cycle that closes only after one of its steps came into dispute is none
        if all(step.until > closes for step in path[enters:]):
            path = [*path[:enters], *(replace(step, until=closes) for step in path[enters:])]
            is_cycle = enters == 0
    kind = SUCCEEDED["branch" if claims[0].is_branch else "merge"]
    return Followed(path[0].code, kind, claims, tuple(_spans(path)), path[0].until, is_cycle)


def _spans(path: list[Step]) -> list[Span]:
    """The last successor by day, while the code's own step holds."""
    first = path[0]
    days = sorted({day for step in path for day in (step.since, step.until)})
    spans: list[Span] = []
    for day in days:
        if first.since <= day < first.until:
            head = first.head
            for step in path:
                if not step.since <= day < step.until:
                    break
                head = step.head
            if not spans or spans[-1].head != head:
                spans.append(Span(day, head))
    return spans
