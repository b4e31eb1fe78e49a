"""Policies and grants (惠企政策与兑现) of the demo city.

Policies and amounts are assumed, not facts. Irregularity for the platform to detect: one grant in 200 is paid twice in
a year under the same policy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from demo_city.cells import amounts, dates, days_in_year, take, words
from demo_city.frame import Frame
from demo_city.senders.awards import expected, register
from demo_city.world.city import City
from demo_city.world.draws import Ints, stream
from demo_city.world.population import ABOVE
from schemas.contract import feed


@dataclass(frozen=True)
class Policy:
    """A policy. It rewards ``honour``, or ``firms`` a year at scale 1; ``amount`` per firm in 万元."""

    title: str
    kind: str
    level: str
    department: str
    amount: float
    honour: str | None = None
    firms: int = 0
    first: int = 2018
    last: int | None = None
    #: The amount is the same for every firm and paid without application.
    is_direct: bool = False


_QUALITY, _FINANCE = "宁波市市场监督管理局", "宁波市地方金融监督管理局"

_ECONOMY, _SCIENCE, _TRADE = "宁波市经济和信息化局", "宁波市科学技术局", "宁波市商务局"

#: The catalogue: kinds of support that cities of the province give. Counts, amounts and dates are assumed.
POLICIES = (
    Policy("高新技术企业认定奖励", "award", "municipal", _SCIENCE, 20, honour="hightech_enterprise", is_direct=True),
    Policy("专精特新企业奖励", "award", "municipal", _ECONOMY, 50, honour="little_giant", is_direct=True),
    Policy("制造业单项冠军奖励", "award", "municipal", _ECONOMY, 200, honour="single_champion", is_direct=True),
    Policy("绿色工厂奖励", "award", "municipal", _ECONOMY, 50, honour="green_factory", is_direct=True),
    Policy("智能工厂、数字化车间奖励", "award", "municipal", _ECONOMY, 80, honour="smart_factory", is_direct=True),
    Policy("企业研发机构奖励", "award", "municipal", _SCIENCE, 30, honour="rd_body", is_direct=True),
    Policy("企业上市奖励", "award", "municipal", _FINANCE, 400, honour="listed"),
    Policy("政府质量奖奖励", "award", "municipal", _QUALITY, 100, honour="quality_award", is_direct=True),
    Policy("品牌建设奖励", "award", "municipal", _QUALITY, 10, honour="brand", last=2023),
    Policy("院士工作站补助", "subsidy", "provincial", _SCIENCE, 60, honour="academician_station"),
    Policy("技术改造项目补助", "subsidy", "municipal", _ECONOMY, 120, firms=420),
    Policy("企业研发投入后补助", "subsidy", "municipal", _SCIENCE, 35, firms=900, first=2019),
    Policy("首台（套）装备保险补偿", "insurance", "provincial", _ECONOMY, 60, firms=25),
    Policy("首次上规企业奖励", "award", "district", _ECONOMY, 10, firms=500, is_direct=True),
    Policy("企业上云补助", "subsidy", "municipal", _ECONOMY, 3, firms=350, last=2022),
    Policy("工业互联网平台补助", "subsidy", "municipal", _ECONOMY, 150, firms=12, first=2021),
    Policy("小微企业贷款贴息", "interest", "municipal", _FINANCE, 6, firms=600),
    Policy("节能改造项目补助", "subsidy", "municipal", _ECONOMY, 45, firms=60, first=2021),
    Policy("重大兼并重组补助", "subsidy", "municipal", _ECONOMY, 300, firms=4),
    Policy("国际市场开拓补助", "subsidy", "municipal", _TRADE, 8, firms=500),
)  # fmt: skip


def in_force(year: int) -> list[int]:
    """Numbers of the policies in force in the year."""
    return [n for n, p in enumerate(POLICIES) if p.first <= year and (p.last is None or year <= p.last)]


def _policy_code(number: int) -> str:
    return f"ZC{POLICIES[number].first % 100:02d}{number + 1:02d}"


def policy(city: City, year: int) -> Frame:
    """A row for each policy in force; budgets are 0.9 to 1.3 times the expected grants of the year."""
    contract = feed("gov_policy")
    rng = stream(city.population.seed, f"policies-{year}")
    numbers = in_force(year)
    chosen = [POLICIES[n] for n in numbers]
    firms = np.array([max(1.0, _expected(city, p, year) * city.population.scale) for p in chosen])
    amount = np.array([p.amount for p in chosen])
    budget = np.rint(firms * amount * rng.uniform(0.9, 1.3, len(chosen))).astype(np.int64)
    kinds, levels = ["award", "subsidy", "interest", "insurance"], ["provincial", "municipal", "district"]
    honours = list(dict.fromkeys(h.honour for h in city.p.honours))
    last = np.array([p.last or year for p in chosen])
    return Frame(
        contract,
        str(year),
        "",
        {
            "policy_code": pa.array([_policy_code(n) for n in numbers]),
            "policy_title": pa.array([p.title for p in chosen]),
            "policy_kind_code": words(
                contract, "policy_kind_code", kinds, np.array([kinds.index(p.kind) for p in chosen])
            ),
            "level_code": words(
                contract, "level_code", levels, np.array([levels.index(p.level) for p in chosen])
            ),
            "issuing_department": pa.array([p.department for p in chosen]),
            "document_code": pa.array(
                [f"甬企政示〔{p.first}〕{n + 1}号" for n, p in zip(numbers, chosen, strict=True)]
            ),
            "policy_from_date": dates(
                contract,
                "policy_from_date",
                days_in_year(np.array([p.first for p in chosen]), np.zeros(len(chosen))),
            ),
            "policy_to_date": dates(
                contract,
                "policy_to_date",
                days_in_year(last + 1, np.zeros(len(chosen))) - np.timedelta64(1, "D"),
                np.array([p.last is None for p in chosen]),
            ),
            "honour_code": words(
                contract,
                "honour_code",
                honours,
                np.array([honours.index(p.honour) if p.honour else -1 for p in chosen]),
            ),
            "budget_wan_yuan": amounts(contract, "budget_wan_yuan", budget, "万元", 0),
            "grant_cap_wan_yuan": amounts(
                contract,
                "grant_cap_wan_yuan",
                (amount * [1 if p.is_direct else 3 for p in chosen]).astype(np.int64),
                "万元",
                0,
            ),
            "is_without_application": words(
                contract,
                "is_without_application",
                ["false", "true"],
                np.array([int(p.is_direct) for p in chosen]),
            ),
        },
    )


def _expected(city: City, chosen: Policy, year: int) -> float:
    """Expected recipients of the year at scale 1; nine of ten firms with the honour claim the grant."""
    if not chosen.honour:
        return float(chosen.firms)
    awarded = [h for h in city.p.honours if h.honour == chosen.honour]
    return 0.9 * sum(expected(h, year, city.p.base_year) for h in awarded)


def grant(city: City, year: int) -> Frame:
    """A row for each grant: to nine of ten firms with a rewarded honour, and to firms drawn by size."""
    contract, q = feed("gov_grant"), city.population
    rng = stream(q.seed, f"grants-{year}")
    uscc, number = _recipients(city, year, rng)
    twice = rng.random(len(number)) < 0.005
    twice[len(twice) // 2] = True
    again = np.concatenate([np.arange(len(number)), np.flatnonzero(twice)])
    uscc, number = uscc.take(pa.array(again)), number[again]
    n = len(number)
    full = np.array([p.amount for p in POLICIES])[number]
    direct = np.array([p.is_direct for p in POLICIES])[number]
    # a fixed amount if paid without application, otherwise by the firm's expense, rounded to 100 yuan
    hundreds = np.rint(
        full * np.where(direct, 1.0, np.minimum(np.exp(0.6 * rng.standard_normal(n) - 0.2), 3.0)) * 100
    )
    day = days_in_year(np.full(n, year), 0.4 + 0.6 * rng.random(n))
    return Frame(
        contract,
        str(year),
        "",
        {
            "grant_code": pa.array([f"DX{year}{i + 1:06d}" for i in range(n)]),
            "policy_code": take([_policy_code(i) for i in range(len(POLICIES))], number),
            "收款单位": city.names.take(pa.compute.index_in(uscc, value_set=city.codes)),
            "uscc": uscc,
            "grant_wan_yuan": amounts(
                contract, "grant_wan_yuan", hundreds.astype(np.int64) * 10_000, "元", 2
            ),
            "paid_date": dates(contract, "paid_date", day),
            "document_code": pa.array([f"甬财示〔{year}〕{i + 1}号" for i in number.tolist()]),
        },
    )


def _recipients(city: City, year: int, rng: np.random.Generator) -> tuple[pa.Array, Ints]:
    """Credit code of each recipient, and the number of its policy."""
    q = city.population
    awards, honours = register(city, year).awarded_in(year), city.p.honours
    sites = np.flatnonzero(q.status[year] == ABOVE)
    codes, numbers = [], []
    for number in in_force(year):
        chosen = POLICIES[number]
        if chosen.honour:
            kinds = [n for n, h in enumerate(honours) if h.honour == chosen.honour]
            rows = np.unique(awards.firm[np.isin(awards.kind, kinds)])
            rows = rows[rng.random(len(rows)) < 0.9]
            codes.append(take(city.codes, rows))
        else:
            count = min(max(1, round(chosen.firms * q.scale)), len(sites))
            weight = np.sqrt(np.maximum(city.year(year).money["output"][sites], 1))
            rows = np.sort(rng.choice(sites, count, replace=False, p=weight / weight.sum()))
            codes.append(city.uscc(rows, year))
        numbers.append(np.full(len(rows), number))
    return pa.concat_arrays(codes), np.concatenate(numbers)
