"""Ledgers balance to zero, no account falls below zero, and the order of delivery means nothing."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.resource.steps.ledger import OFFICE, REASONS, Account, Claim, Pool, refusal, settle, settle_years

YEARS = range(2021, 2025)
ACCOUNTS = [f"A{number:02d}" for number in range(40)]


def claims(chance: random.Random, count: int) -> list[Claim]:
    """Random sales, leases and pledges, a few of them impossible."""
    made = []
    for number in range(count):
        kind = chance.choice(["sale", "lease", "lease", "pledge"])
        first = date(2021, 1, 1) + timedelta(chance.randrange(4 * 365))
        last = first + timedelta(chance.randrange(-20, 700)) if kind != "sale" else None
        giver, taker = chance.choice([*ACCOUNTS, "Z"]), chance.choice([*ACCOUNTS, "Y"])
        amount = chance.choice([0, chance.randrange(400), chance.randrange(40), chance.randrange(40)])
        made.append(Claim(f"C{number:06d}", kind, giver, taker, amount, first, last))  # type: ignore[arg-type]
    return made


def openings(chance: random.Random) -> dict[int, dict[str, int]]:
    return {year: {one: chance.choice([0, chance.randrange(2000)]) for one in ACCOUNTS} for year in YEARS}


def check(pool: Pool, opening: dict[str, int]) -> None:
    """Each account at each entry: never below zero; every pair and the whole sum to zero."""
    assert sum(one.amount for one in pool.entries) == 0
    pairs: Counter[tuple[object, ...]] = Counter()
    running: Counter[tuple[str, str]] = Counter()
    for one in pool.entries:
        other = one.other if one.kind == "allocation" else ""
        pairs[
            one.day, one.code, one.kind, other if one.account == OFFICE else one.account if other else ""
        ] += one.amount
    assert not any(pairs.values())
    # the lines of a day are sorted by code, so the balance is judged at the end of each day
    by_day = sorted({one.day for one in pool.entries})
    for day in by_day:
        for one in pool.entries:
            if one.day == day:
                running[one.account, one.part] += one.amount
        assert min((v for (a, _), v in running.items() if a != OFFICE), default=0) >= 0
    for name, account in pool.accounts.items():
        assert min(account.own, account.leased_in, account.pledged) >= 0
        for part in ("own", "leased_in", "pledged"):
            assert running[name, part] == getattr(account, part)
    assert sum(account.held for account in pool.accounts.values()) == sum(opening.values())


def test_ten_thousand_movements_balance() -> None:
    chance = random.Random(19)
    opening, given_claims = openings(chance), claims(chance, 10_000)
    pools = settle_years(opening, dict.fromkeys(YEARS, given_claims))
    for year, pool in pools.items():
        check(pool, opening[year])
    reached = {reason for pool in pools.values() for reason in pool.refused.values()}
    assert reached == set(REASONS)
    booked = {entry.code for pool in pools.values() for entry in pool.entries}
    assert len(booked) > 1000


@settings(max_examples=30)
@given(st.integers())
def test_the_order_of_delivery_means_nothing(seed: int) -> None:
    chance = random.Random(seed)
    opening, given_claims = openings(chance), claims(chance, 150)
    # many on the same days
    same = [
        Claim(c.code, c.kind, c.giver, c.taker, c.amount, c.first.replace(day=1), c.last)
        for c in given_claims
    ]
    before = settle_years(opening, dict.fromkeys(YEARS, same))
    chance.shuffle(same)
    after = settle_years(
        {year: dict(reversed(of.items())) for year, of in opening.items()}, dict.fromkeys(YEARS, same)
    )
    for year in YEARS:
        check(before[year], opening[year])
        assert before[year].entries == after[year].entries
        assert before[year].refused == after[year].refused


# --- golden cases --------------------------------------------------------------------------------------


def day(month: int, number: int = 1, year: int = 2023) -> date:
    return date(year, month, number)


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        (Claim("1", "sale", "A", "B", 60, day(3)), None),
        (Claim("1", "sale", "A", "B", 61, day(3)), "pledged"),
        (Claim("1", "lease", "A", "B", 81, day(3)), "leased"),
        (Claim("1", "pledge", "A", "bank", 101, day(3)), "above_balance"),
        (Claim("1", "lease", "A", "B", 1, day(3), day(2)), "ends_before_begins"),
        (Claim("1", "sale", "A", "C", 1, day(3)), "taker_without_account"),
        (Claim("1", "sale", "C", "A", 1, day(3)), "giver_without_account"),
        (Claim("1", "sale", "A", "A", 1, day(3)), "to_itself"),
        (Claim("1", "sale", "A", "B", 0, day(3)), "not_positive"),
    ],
)
def test_what_an_account_cannot_give(claim: Claim, reason: str | None) -> None:
    # A holds 60 of its own, 20 pledged, 20 leased from others: 100
    assert refusal(claim, {"A": Account(60, 20, 20), "B": Account()}) == reason


def test_a_lease_comes_back_and_a_pledged_right_is_free_again() -> None:
    # A has 10: leases 6 to B from 1 February to 30 April, pledges 4 to 31 May; nothing is left to sell in March,
    # 6 are back on 1 May, and with the released 4 all 10 can be sold on 1 June
    pool = settle(
        2023,
        {"A": 10, "B": 0},
        [
            Claim("1", "lease", "A", "B", 6, day(2), day(4, 30)),
            Claim("2", "pledge", "A", "bank", 4, day(2), day(5, 31)),
            Claim("3", "sale", "A", "B", 1, day(3)),
            Claim("4", "sale", "A", "B", 7, day(5)),
            Claim("5", "sale", "A", "B", 10, day(6)),
        ],
    )
    assert pool.refused == {"3": "pledged", "4": "pledged"}
    assert (pool.accounts["A"].held, pool.accounts["B"].held) == (0, 10)


def test_a_claim_refused_in_its_first_year_never_takes_effect() -> None:
    # in 2023 A has only 5 of the 8 sold; in 2024 it has 9, but the sale was refused
    sale = Claim("1", "sale", "A", "B", 8, day(3))
    pools = settle_years({2023: {"A": 5, "B": 0}, 2024: {"A": 9, "B": 0}}, {2023: [sale], 2024: [sale]})
    assert [pool.refused for pool in pools.values()] == [{"1": "above_balance"}] * 2
    assert pools[2024].accounts["A"].held == 9


def test_a_sale_that_a_later_year_does_not_cover_is_refused_for_that_year() -> None:
    # 8 sold for good: covered by 9 in 2022, not by 5 in 2023, again by 10 in 2024
    sale = Claim("1", "sale", "A", "B", 8, day(3, year=2022))
    pools = settle_years(
        {y: {"A": n, "B": 0} for y, n in ((2022, 9), (2023, 5), (2024, 10))},
        {y: [sale] for y in (2022, 2023, 2024)},
    )
    assert [pool.refused for pool in pools.values()] == [{}, {"1": "above_balance"}, {}]
    assert [pool.accounts["B"].held for pool in pools.values()] == [8, 0, 8]
