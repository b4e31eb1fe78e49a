"""The demo city's register of emission rights balances: the ledger refuses none of its claims."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from demo_city.senders.emission_rights import emission_right, emission_right_transfer
from demo_city.senders.energy_transfers import energy_quota_transfer
from demo_city.world.city import City
from jobs.resource.steps.ledger import Claim, settle_years

KINDS: dict[str, Any] = {"转让": "sale", "租赁": "lease", "抵押": "pledge"}
YEARS = range(2021, 2025)


def day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def test_the_true_ledger_balances(city: City) -> None:
    openings: dict[str, dict[int, dict[str, int]]] = {}
    registers: dict[str, dict[int, list[Claim]]] = {}
    for year in YEARS:
        for row in emission_right(city, year).table().to_pylist():
            of_year = openings.setdefault(row["污染物"], {}).setdefault(year, {})
            of_year[row["统一社会信用代码"]] = int(row["初始排污权(吨/年)"] * 10**6)
        for row in emission_right_transfer(city, year).table().to_pylist():
            claim = Claim(
                row["登记编号"], KINDS[row["类型"]], row["出让方代码"], row["受让方或抵押权人代码"],
                int(row["数量(吨/年)"] * 10**6), date.fromisoformat(row["起始日期"]), day(row["终止或解除日期"]),
            )  # fmt: skip
            registers.setdefault(row["污染物"], {}).setdefault(year, []).append(claim)
    booked = 0
    for pollutant, of_years in registers.items():
        # every holder of a permit has an account of each pollutant, also without a right of it
        holders = {u for rights in openings.values() for u in rights.get(max(YEARS), {})}
        accounts = {y: {**dict.fromkeys(holders, 0), **openings.get(pollutant, {}).get(y, {})} for y in YEARS}
        for year, pool in settle_years(accounts, of_years).items():
            over = {reason for reason in pool.refused.values() if not reason.endswith("without_account")}
            assert over == set(), (pollutant, year, pool.refused)
            booked += len(of_years[year]) - len(pool.refused)
    assert booked > 20


def test_districts_and_firms_trade_energy(city: City) -> None:
    rows = energy_quota_transfer(city, 2023).table().to_pylist()
    givers = {len(row["出让方代码"]) for row in rows}
    assert givers == {6, 18} and len({row["登记编号"] for row in rows}) == len(rows)
    assert all(row["出让方代码"] != row["受让方代码"] for row in rows)
    assert all(row["起始日期"] <= row["终止日期"] for row in rows)
    assert np.all([row["交易量(吨标准煤/年)"] > 0 for row in rows])
