"""Registered claims settled by the ledger: collected, booked year by year in Python, and written down as a table.

A city has a few hundred claims a year. Whether an account can bear one depends on all before it, which a person can
read as a loop and no window expresses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import literal_table
from jobs.resource.steps.ledger import Claim, Kind, settle_years

#: Whole numbers of the ledger in a ton.
MILLIONTHS = 10**6
Register = dict[str, dict[int, list[Claim]]]
Openings = dict[str, dict[int, dict[str, int]]]


def refusals(register: DataFrame, openings: Iterable[DataFrame], kinds: Mapping[str, Kind]) -> DataFrame:
    """One row per year, pool and claim that its accounts cannot bear, with the reason.

    Args:
        register: ``year``, ``pool``, ``code``, ``kind``, ``giver_account``, ``taker_account``, ``amount``, ``first``
            and ``last`` of all years up to the last one to compute.
        openings: tables of ``year``, ``pool``, ``account`` and ``opening`` of these years; a later table
            replaces what an earlier one says of an account.
        kinds: kind in the register → kind of the ledger.
    """
    claims, opening = _claims(register, kinds), _openings(register, openings)
    refused = [
        (str(year), pool, code, reason)
        for pool, of_years in sorted(claims.items())
        for year, booked in settle_years(opening[pool], of_years).items()
        for code, reason in sorted(booked.refused.items())
    ]
    return literal_table(
        register.sparkSession, refused, "year string, pool string, code string, transfer_refusal_code string"
    )


def _claims(register: DataFrame, kinds: Mapping[str, Kind]) -> Register:
    found: Register = defaultdict(lambda: defaultdict(list))
    sides = ("giver_account", "taker_account")
    for row in register.select("year", "pool", "code", "kind", *sides, "amount", "first", "last").collect():
        kind = kinds.get(row["kind"], "sale")
        claim = Claim(
            row["code"],
            kind,
            row["giver_account"],
            row["taker_account"],
            _millionths(row["amount"]),
            row["first"],
            row["last"],
        )
        found[row["pool"]][int(row["year"])].append(claim)
    return found


def _openings(register: DataFrame, openings: Iterable[DataFrame]) -> Openings:
    """Openings of the accounts that the register names: the others of the city are many."""
    sides = (register.select(F.col(side).alias("account")) for side in ("giver_account", "taker_account"))
    named = F.broadcast(next(sides).unionByName(next(sides)).distinct())
    found: Openings = defaultdict(lambda: defaultdict(dict))
    for table in openings:
        concerned = table.join(named, "account", "left_semi").select("year", "pool", "account", "opening")
        for row in concerned.collect():
            found[row["pool"]][int(row["year"])][row["account"]] = _millionths(row["opening"])
    return found


def _millionths(amount: Decimal | None) -> int:
    """An amount in whole millionths; a missing one is nothing, and the ledger refuses it."""
    return int((amount or Decimal(0)) * MILLIONTHS)
