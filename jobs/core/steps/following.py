"""Who stands behind a code in the end 承继: changes of identity followed to the last, day by day.

An absorbed firm, a code before the present one and a branch have a *successor*. Three rules make it safe to move rows:

* What is told in a year counts from that year on, never before, however long ago it happened: results of earlier
  years do not change by it.
* Successors are followed to the last (A into B, B into C), each step from its own day on.
* A code that two firms claim, and codes whose successors run in a circle, are in dispute from the year in which
  that is known. They have no successor then: their rows stay where the sender put them.

A city has some thousand changes at most. They are brought here and followed in Python, which a person can read; as
array functions of the engine they could be neither read nor planned in good time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

#: Kinds of change by which a code gets a successor, and what the code is then called among the identifiers.
SUCCEEDED = {"merge": "former_uscc", "succession": "former_uscc", "branch": "branch_code"}
#: Steps that are followed; what goes on longer is a case for review.
LONGEST = 16
NEVER = date(9999, 12, 31)


@dataclass(frozen=True, order=True)
class Claim:
    """A firm says that a code is its own now: when that was told, from which day on, who says so."""

    told: date
    since: date
    head: str
    #: In microseconds.
    known_at: int
    is_branch: bool


@dataclass(frozen=True)
class Step:
    """From a code to the first firm that claimed it, from one day on and before another one."""

    code: str
    head: str
    since: date
    told: date
    until: date


@dataclass(frozen=True)
class Span:
    """From which day on who stands behind a code."""

    since: date
    head: str


@dataclass(frozen=True)
class Followed:
    """A code with a successor: its claims as they were told, whose it is from when on, and when that is in doubt."""

    code: str
    kind: str
    claims: tuple[Claim, ...]
    #: Empty where it was never clear.
    spans: tuple[Span, ...]
    #: The day on which it comes into dispute, or ``NEVER``.
    until: date
    #: It stands in a circle itself.
    is_cycle: bool


def followed(events: DataFrame) -> list[Followed]:
    """Every code with a successor, in the order of the codes.

    Args:
        events: rows of core.identity_event of all years up to the last one that is made.
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
    """Every code with a successor, given who claims it."""
    ordered = {code: tuple(sorted(given)) for code, given in sorted(claims.items())}
    steps = {code: _step(code, given) for code, given in ordered.items()}
    return [_followed(given, _path(steps[code], steps), steps) for code, given in ordered.items()]


def _step(code: str, claims: tuple[Claim, ...]) -> Step:
    """To the firm that claimed the code first, until another one claims it as well."""
    first = claims[0]
    since = min(c.since for c in claims if c.head == first.head)
    until = next((c.told for c in claims if c.head != first.head), NEVER)
    return Step(code, first.head, since, first.told, until)


def _path(step: Step, steps: Mapping[str, Step]) -> list[Step]:
    """Steps from the code to its last successor, whatever their days; a circle is gone round once."""
    path = [step]
    while len(path) < LONGEST and (following := steps.get(path[-1].head)) and following not in path:
        path.append(following)
    return path


def _followed(claims: tuple[Claim, ...], path: list[Step], steps: Mapping[str, Step]) -> Followed:
    codes, last = [step.code for step in path], path[-1].head
    # a path that has not come to its end is held for a circle
    goes_on = len(path) == LONGEST and last in steps
    enters = codes.index(last) if last in codes else 0 if goes_on else None
    is_cycle = False
    if enters is not None:
        closes = max(step.told for step in path[enters:])
        # a circle of which a step was in dispute by then is none
        if all(step.until > closes for step in path[enters:]):
            path = [*path[:enters], *(replace(step, until=closes) for step in path[enters:])]
            is_cycle = enters == 0
    kind = SUCCEEDED["branch" if claims[0].is_branch else "merge"]
    return Followed(path[0].code, kind, claims, tuple(_spans(path)), path[0].until, is_cycle)


def _spans(path: list[Step]) -> list[Span]:
    """From which day on who is the last successor, while the code's own step holds."""
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
