"""Consents in force, day by day in plain Python, from the text of the rules.

1. A confirmed sheet covers its year's figures. An authorisation covers the figures of the year before its first day and
   of all years up to its last day.
2. A consent begins on the day stated, but not before the day on which it was given; its last day is included.
3. A withdrawal ends all consents given by its day, from the day stated on, but not before the day of the withdrawal.
4. A consent under a former code is that of the enterprise with the new code, from the year in which the change is
   reported and in force by its end. A code that was absorbed, that is a branch, or that two firms claim leads nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tests.oracles.identity import FOLLOWED, Change, disputes

#: Consents without an end are counted up to here.
HORIZON = date(2031, 1, 1)


@dataclass(frozen=True)
class Record:
    """A consent or withdrawal as delivered; ``year`` is the evaluation year."""

    number: str
    uscc: str
    purpose: str
    kind: str
    year: int
    given: date
    first: date
    last: date | None

    @property
    def begins(self) -> date:
        return max(self.first, self.given)

    def covers(self, year: int) -> bool:
        if self.kind == "sheet":
            return self.year == year
        return self.begins.year - 1 <= year and (self.last is None or year <= self.last.year)

    def days(self) -> set[date]:
        """All days of the consent, as if nobody withdrew it."""
        end = HORIZON if self.last is None else self.last + timedelta(days=1)
        return set(_days(self.begins, end))


def _days(first: date, end: date) -> Iterator[date]:
    while first < end:
        yield first
        first += timedelta(days=1)


def person(changes: Iterable[Change], code: str, year: int) -> str:
    """The present code, at the end of the year, of the legal person that had a code."""
    known = [c for c in changes if c.kind in FOLLOWED and c.told <= year]
    same = [
        c
        for c in known
        if min((o.told for o in known if o.before == c.before and o.kind == "succession"), default=9999)
        <= min((o.told for o in known if o.before == c.before and o.kind != "succession"), default=9999)
    ]
    disputed = disputes(same, year)
    while code not in disputed:
        steps = {c.after for c in same if c.before == code and c.day <= date(year, 12, 31)}
        if not steps:
            break
        (code,) = steps
    return code


@dataclass(frozen=True)
class Validity:
    first: date
    #: First day without the consent; None if there is none.
    end: date | None
    is_withdrawn: bool
    kinds: tuple[str, ...]
    given_uscc: str


def validities(
    records: Sequence[Record], changes: Sequence[Change], uscc: str, year: int, purpose: str
) -> list[Validity]:
    """Uninterrupted validities of an enterprise's consents to a purpose, for the statistics of a year."""
    own = [r for r in records if r.purpose == purpose and person(changes, r.uscc, year) == uscc]
    withdrawals = [r for r in own if r.kind == "withdrawal"]
    held: dict[date, list[Record]] = {}
    for record in own:
        if record.kind == "withdrawal" or not record.covers(year):
            continue
        for day in record.days():
            if not any(w.given >= record.given and day >= w.begins for w in withdrawals):
                held.setdefault(day, []).append(record)
    found: list[Validity] = []
    run: list[date] = []
    for day in sorted(held):
        run.append(day)
        following = day + timedelta(days=1)
        if following not in held:
            found.append(_validity(run, held, withdrawals, following))
            run = []
    return found


def _validity(
    run: list[date], held: dict[date, list[Record]], withdrawals: list[Record], end: date
) -> Validity:
    of_run = {r for day in run for r in held[day]}
    earliest = min(of_run, key=lambda r: (r.begins, _stop(r, withdrawals), r.number))
    return Validity(
        run[0],
        None if end == HORIZON else end,
        any(w.given >= r.given and w.begins == end for r in held[run[-1]] for w in withdrawals),
        tuple(sorted({r.kind for r in of_run})),
        earliest.uscc,
    )


def _stop(record: Record, withdrawals: list[Record]) -> date:
    end = HORIZON if record.last is None else record.last + timedelta(days=1)
    return min([end, *(w.begins for w in withdrawals if w.given >= record.given)])
