"""The enterprise behind a code, computed day by day in plain Python from the text of the rules.

1. Absorptions, changes of code and branches give a code a successor from their day on.
2. A change counts from the year in which it is reported.
3. A code that two firms claim, and codes that lead to each other in a circle, are in dispute from the year in which
   that is known, permanently: they have no successor.
4. A chain of successors is followed to its end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

FOLLOWED = ("merge", "succession", "branch")


@dataclass(frozen=True)
class Change:
    """A code and its successor, from which day on, reported in which year."""

    kind: str
    before: str
    after: str
    day: date
    told: int


def disputes(changes: Iterable[Change], year: int) -> dict[str, int]:
    """Codes in dispute by a year → first year of the dispute."""
    counted = [c for c in changes if c.kind in FOLLOWED and c.told <= year]
    found: dict[str, int] = {}
    for now in sorted({c.told for c in counted}):
        heads: dict[str, set[str]] = defaultdict(set)
        for change in counted:
            if change.told <= now:
                heads[change.before].add(change.after)
        for code, claimed in heads.items():
            if len(claimed) > 1:
                found.setdefault(code, now)
        after = {code: next(iter(claimed)) for code, claimed in heads.items() if code not in found}
        for code, next_one in after.items():
            seen, at = [code], next_one
            while at in after and at not in seen:
                seen.append(at)
                at = after[at]
            if at == code:
                for member in seen:
                    found.setdefault(member, now)
    return found


def behind(changes: Iterable[Change], code: str, day: date) -> str:
    """The enterprise for which a row under the code counts; the row's period begins on the day."""
    changes = list(changes)
    disputed = disputes(changes, day.year)
    while code not in disputed:
        steps = {
            c.after
            for c in changes
            if c.kind in FOLLOWED and c.before == code and c.told <= day.year and c.day <= day
        }
        if not steps:
            break
        (code,) = steps
    return code


@dataclass(frozen=True)
class Claim:
    """A source assigns an identifier to a firm in a period."""

    kind: str
    identifier: str
    uscc: str
    period: str


LASTING = ("registration_number", "organisation_code")


def identifiers(claims: Iterable[Claim]) -> set[tuple[str, str, str, str, bool]]:
    """All expected rows: kind, identifier, firm, year, and whether the identifier is in dispute."""
    by_identifier: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        by_identifier[claim.kind, claim.identifier].append(claim)
    rows = set()
    for (kind, identifier), mine in by_identifier.items():
        of_one = _lasting if kind in LASTING else _changing
        rows |= {(kind, identifier, uscc, year, disputed) for uscc, year, disputed in of_one(mine)}
    return rows


def _lasting(claims: list[Claim]) -> set[tuple[str, str, bool]]:
    """The first claimant has the identifier; a later claimant puts it in dispute with all earlier ones."""
    first: dict[str, str] = {}
    for claim in sorted(claims, key=lambda c: c.period):
        first.setdefault(claim.uscc, claim.period[:4])
    rows: set[tuple[str, str, bool]] = set()
    for year in sorted(set(first.values())):
        known = [uscc for uscc, since in first.items() if since <= year]
        rows |= {(uscc, year, len(known) > 1) for uscc in known if len(known) > 1 or first[uscc] == year}
    return rows


def _changing(claims: list[Claim]) -> set[tuple[str, str, bool]]:
    """The last firm to use the identifier has it; firms whose periods overlap within a year are in dispute."""
    rows: set[tuple[str, str, bool]] = set()
    owner = None
    for year in sorted({c.period[:4] for c in claims}):
        stretches: dict[str, list[str]] = defaultdict(list)
        for claim in claims:
            if claim.period[:4] == year:
                stretches[claim.uscc].append(claim.period)
        bounds = {uscc: (min(periods), max(periods)) for uscc, periods in stretches.items()}
        contradicted = any(
            a != b and bounds[a][0] <= bounds[b][1] and bounds[b][0] <= bounds[a][1]
            for a in bounds
            for b in bounds
        )
        order = sorted(bounds, key=lambda uscc: (bounds[uscc][0], uscc))
        if contradicted:
            rows |= {(uscc, year, True) for uscc in order}
        else:
            for uscc in order:
                if uscc != owner:
                    rows.add((uscc, year, False))
                owner = uscc
        owner = order[-1]
    return rows
