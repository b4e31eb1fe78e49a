"""Contracts of standard land: who has one, in which unit the investment stands, and what firms promise."""

from __future__ import annotations

from decimal import Decimal

import pytest

from demo_city.senders.land_contracts import _PER_HECTARE, land_contract
from demo_city.world.city import City


@pytest.fixture(scope="module", params=[2020, 2024])
def rows(request: pytest.FixtureRequest, city: City) -> list[dict[str, object]]:
    frame = land_contract(city, request.param)
    found: list[dict[str, object]] = frame.table().to_pylist()
    assert len(found) == frame.rows
    return found


def test_a_contract_is_of_one_parcel_and_names_its_dates_in_order(rows: list[dict[str, object]]) -> None:
    assert len(rows) > 100
    assert len({row["合同编号"] for row in rows}) == len({row["宗地代码"] for row in rows}) == len(rows)
    for row in rows:
        signed, completed, producing = (
            tuple(int(part) for part in str(row[name]).split("/"))
            for name in ("签订日期", "约定竣工日期", "约定达产日期")
        )
        assert signed < completed < producing


def test_two_districts_state_the_investment_per_hectare_and_a_few_slip(rows: list[dict[str, object]]) -> None:
    slips = 0
    for row in rows:
        amount, per_hectare = Decimal(str(row["固定资产投资强度(万元)"])), row["投资强度面积单位"] == "公顷"
        assert not per_hectare or row["行政区"] in _PER_HECTARE
        per_mu = amount / 15 if per_hectare else amount
        if per_mu > 3000:
            slips += 1
            assert row["行政区"] in _PER_HECTARE and not per_hectare
        else:
            assert 200 <= per_mu <= 560
    stated = sum(row["行政区"] in _PER_HECTARE for row in rows)
    assert 0 < slips < stated / 5


def test_promises_lie_within_those_of_public_notices(rows: list[dict[str, object]]) -> None:
    bounds = {
        "亩均税收(万元/亩)": (8, 75), "亩均增加值(万元/亩)": (40, 260), "单位能耗增加值(万元/吨标准煤)": (1.1, 5.1),
        "单位排放增加值(万元/吨)": (1762, 10571), "全员劳动生产率(万元/人)": (12, 27), "研发经费占比(%)": (2, 3.8),
    }  # fmt: skip
    for name, (least, most) in bounds.items():
        given = [float(str(row[name])) for row in rows if row[name] is not None]
        assert given and least <= min(given) and max(given) <= most, name


def test_a_later_year_keeps_the_contracts_of_an_earlier_one(city: City) -> None:
    before, after = (
        {row["合同编号"]: row for row in land_contract(city, year).table().to_pylist()}
        for year in (2021, 2022)
    )
    kept = before.keys() & after.keys()
    assert len(kept) > 0.9 * len(before)
    changing = {"受让人代码"}
    assert all(
        {k: v for k, v in before[code].items() if k not in changing}
        == {k: v for k, v in after[code].items() if k not in changing}
        for code in kept
    )
