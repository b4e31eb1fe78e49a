"""Discharge permits compared with emissions."""

from __future__ import annotations

import numpy as np

from demo_city.senders.discharge_permit import discharge_permit
from demo_city.world.city import City
from tests.demo_city.senders.test_places import rows
from tests.demo_city.sent_city import Sent


def test_firms_that_report_emissions_have_a_permit_with_amounts(sent: Sent) -> None:
    permits = {c["许可证/单位信用代码"]: c for c in rows(sent, "discharge_permit_2022.xlsx")}
    reporting = {c["企业/信用代码"] for c in rows(sent, "emission_2022.xlsx")}
    amount = "年许可排放量/化学需氧量"
    assert reporting == {code for code, c in permits.items() if c[amount] is not None}
    assert {c["许可证/管理类别"] for code, c in permits.items() if code not in reporting} == {"登记管理"}
    assert all(str(c["有效期/自"]) < str(c["有效期/至"]) for c in permits.values())


def test_few_permits_are_too_small_or_expired(city: City) -> None:
    cells = discharge_permit(city, 2022).columns
    site_of = {u: s for s, u in enumerate(city.uscc(np.arange(city.population.sites), 2022).to_pylist()) if u}
    cod = city.year(2022).emissions["cod"]  # grams
    too_small, with_amounts = 0, 0
    for uscc, tons in zip(cells["uscc"].to_pylist(), cells["cod_permitted_t"].to_pylist(), strict=True):
        if tons is not None:
            with_amounts += 1
            too_small += tons * 10**6 < int(cod[site_of[uscc]])
    assert 1 <= too_small < 0.1 * with_amounts
    expired = sum(end < "2023-01-01" for end in cells["permit_to_date"].to_pylist())
    assert 1 <= expired < 0.06 * len(cells["uscc"])
