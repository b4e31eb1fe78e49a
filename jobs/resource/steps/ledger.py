"""台账 A ledger of yearly rights: which claims an account can bear, and the double entries of those.

A pool is the rights of one kind in one year: energy of 2023, or COD of 2023. Each account begins with what was
allotted to it; sales, leases and pledges then move rights. Every movement is two lines that sum to zero, and no part of
an account ever falls below zero. The rules:

* A right can be given only once: what is pledged, leased from others or not there cannot be sold, let or pledged.
* A lease comes back on the day after its last day, a pledge is free on the day after its last day. A sale for a term
  holds to the end of the year of its last day.
* On one day what comes back or becomes free is booked first, then claims in the order of their register numbers. So
  the order in which they were delivered means nothing.
* A claim that is refused in its first year never takes effect; a row that a later register corrects is a new claim. One
  that was accepted, and is not covered in a later year because less was allotted, is refused for that year.

Amounts are whole numbers (millionths of a ton), so that sums are exact. Nothing here knows an engine.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from schemas.places import CITY

Kind = Literal["sale", "lease", "pledge"]
Part = Literal["own", "leased_in", "pledged"]
#: What an entry is.
ALLOCATION, TRANSFER, LEASE, RETURN = "allocation", "transfer", "lease", "lease_return"
PLEDGE, RELEASE = "pledge", "pledge_release"
ENTRIES = (ALLOCATION, TRANSFER, LEASE, RETURN, PLEDGE, RELEASE)
#: Why a claim is refused: the codes that :func:`refusal` gives.
REASONS = (
    "not_positive", "ends_before_begins", "to_itself", "giver_without_account", "taker_without_account", "pledged",
    "leased", "above_balance",
)  # fmt: skip
#: The office that allots rights; its line is the other side of each allotment.
OFFICE = CITY


@dataclass(frozen=True)
class Claim:
    """A registered sale, lease or pledge; the taker of a pledge is the creditor, who has no account."""

    code: str
    kind: Kind
    giver: str
    taker: str
    amount: int
    first: date
    #: Last day; a sale, lease or pledge without one is open.
    last: date | None = None


@dataclass(frozen=True, order=True)
class Entry:
    """One of the two lines of a movement."""

    day: date
    code: str
    kind: str
    account: str
    part: str
    amount: int
    other: str


@dataclass
class Account:
    """What an account holds, by part."""

    own: int = 0
    leased_in: int = 0
    pledged: int = 0

    @property
    def held(self) -> int:
        """Rights that it may use: pledged rights stay usable until the creditor takes them."""
        return self.own + self.leased_in + self.pledged

    def add(self, part: str, change: int) -> None:
        """Change one part."""
        self.own += change if part == "own" else 0
        self.leased_in += change if part == "leased_in" else 0
        self.pledged += change if part == "pledged" else 0


@dataclass
class Pool:
    """The accounts of a pool after the year, its entries, and why claims were refused."""

    accounts: dict[str, Account] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    #: Code of a claim → reason.
    refused: dict[str, str] = field(default_factory=dict)


def refusal(claim: Claim, accounts: Mapping[str, Account]) -> str | None:
    """Why the accounts cannot bear a claim; missing if they can."""
    giver = accounts.get(claim.giver)
    faults = {
        "not_positive": claim.amount <= 0,
        "ends_before_begins": claim.last is not None and claim.last < claim.first,
        "to_itself": claim.giver == claim.taker,
        "giver_without_account": giver is None,
        "taker_without_account": claim.kind != "pledge" and claim.taker not in accounts,
    }
    formal = next((reason for reason, holds in faults.items() if holds), None)
    return formal if formal or giver is None else _uncovered(claim.amount, giver)


def _uncovered(amount: int, giver: Account) -> str | None:
    if amount <= giver.own:
        return None
    if amount <= giver.own + giver.pledged:
        return "pledged"
    return "leased" if amount <= giver.held else "above_balance"


def settle(year: int, opening: Mapping[str, int], claims: Iterable[Claim]) -> Pool:
    """Book a year: allotments on 1 January, then all claims that are in force on some day of it.

    Args:
        opening: rights allotted to each account; an account without a right of its own has zero.
    """
    begin, end = date(year, 1, 1), date(year, 12, 31)
    pool = Pool({account: Account() for account in sorted(opening)})
    for account, amount in sorted(opening.items()):
        if amount:
            _move(pool, begin, "", ALLOCATION, (OFFICE, "own"), (account, "own"), amount)
    by_code = {one.code: one for one in claims if in_force(one, year)}
    # on a day ends (0) come before beginnings (1), then the order of register numbers
    events = [(max(one.first, begin), 1, code) for code, one in by_code.items()]
    heapq.heapify(events)
    while events:
        day, begins, code = heapq.heappop(events)
        claim = by_code[code]
        if not begins:
            _end(pool, claim, day)
        elif reason := refusal(claim, pool.accounts):
            pool.refused[code] = reason
        else:
            _begin(pool, claim, day)
            if claim.kind != "sale" and claim.last is not None and claim.last < end:
                heapq.heappush(events, (claim.last + timedelta(1), 0, code))
    pool.entries.sort()
    return pool


def settle_years(
    openings: Mapping[int, Mapping[str, int]], claims: Mapping[int, Iterable[Claim]]
) -> dict[int, Pool]:
    """Book years one after the other; a claim refused in its first year stays refused until its row is corrected.

    Args:
        claims: the register of each year; years without any account are booked too, and refuse every claim.
    """
    pools: dict[int, Pool] = {}
    judged: set[Claim] = set()
    never: dict[Claim, str] = {}
    for year in sorted({*openings, *claims}):
        given = {one for one in claims.get(year, ()) if in_force(one, year)}
        pool = settle(year, openings.get(year, {}), given - set(never))
        first = {
            one: pool.refused[one.code] for one in given - judged - set(never) if one.code in pool.refused
        }
        pool.refused |= {one.code: reason for one, reason in never.items() if one in given}
        never |= first
        judged |= given
        pools[year] = pool
    return pools


def in_force(claim: Claim, year: int) -> bool:
    """Whether a claim concerns a year; one that ends before it begins concerns the year in which it begins."""
    last = claim.last if claim.last is None or claim.last >= claim.first else claim.first
    return claim.first.year <= year and (last is None or last.year >= year)


def _begin(pool: Pool, claim: Claim, day: date) -> None:
    giver, taker = (claim.giver, "own"), (claim.taker, "own")
    if claim.kind == "sale":
        _move(pool, day, claim.code, TRANSFER, giver, taker, claim.amount)
    elif claim.kind == "lease":
        _move(pool, day, claim.code, LEASE, giver, (claim.taker, "leased_in"), claim.amount)
    else:
        _move(pool, day, claim.code, PLEDGE, giver, (claim.giver, "pledged"), claim.amount)


def _end(pool: Pool, claim: Claim, day: date) -> None:
    if claim.kind == "lease":
        _move(pool, day, claim.code, RETURN, (claim.taker, "leased_in"), (claim.giver, "own"), claim.amount)
    else:
        _move(pool, day, claim.code, RELEASE, (claim.giver, "pledged"), (claim.giver, "own"), claim.amount)


def _move(
    pool: Pool, day: date, code: str, kind: str, source: tuple[str, str], target: tuple[str, str], amount: int
) -> None:
    """Two lines that sum to zero."""
    for (account, part), other, change in ((source, target[0], -amount), (target, source[0], amount)):
        pool.entries.append(Entry(day, code, kind, account, part, change, other))
        if account in pool.accounts:
            pool.accounts[account].add(part, change)
