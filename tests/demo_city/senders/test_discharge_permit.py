"""Discharge permits compared with emissions."""

from __future__ import annotations

import csv

import numpy as np

from demo_city.senders.discharge_permit import discharge_permit, register, withholders
from demo_city.truth import WITHHELD
from demo_city.world.city import City
from demo_city.world.figures import KEY, REGISTERED, SIMPLIFIED
from demo_city.world.permits import by_prefix, permit_rules
from tests.demo_city.senders.test_places import rows
from tests.demo_city.sent_city import Sent


def withheld_reports(sent: Sent) -> list[list[str]]:
    """Year, credit code and permit of the planted withholders."""
    with (sent.truth / WITHHELD).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def test_a_few_holders_withhold_their_report_in_every_year(sent: Sent, city: City) -> None:
    planted = withheld_reports(sent)
    assert {year for year, _, _ in planted} == {str(year) for year in sent.spec.years}
    for year, uscc, permit in planted:
        of = {c["许可证/编号"]: c for c in rows(sent, f"discharge_permit_{year}.xlsx")}[permit]
        assert of["许可证/单位信用代码"] == uscc and of["许可证/管理类别"] != "登记管理"
        # held all year, so that the year's report is due
        assert str(of["有效期/自"]) < f"{year}-01-01" and str(of["有效期/至"]) > f"{year}-12-31"
        assert uscc not in {c["企业/信用代码"] for c in rows(sent, f"emission_{year}.xlsx")}
    silent, everyone = len(withholders(city, 2022).site), int((register(city, 2022).kind < 2).sum())
    assert silent == round(0.03 * everyone) > 0


def test_firms_that_report_emissions_have_a_permit_with_amounts(sent: Sent) -> None:
    permits = {c["许可证/单位信用代码"]: c for c in rows(sent, "discharge_permit_2022.xlsx")}
    reporting = {c["企业/信用代码"] for c in rows(sent, "emission_2022.xlsx")}
    withheld = {uscc for year, uscc, _ in withheld_reports(sent) if year == "2022"}
    amount = "年许可排放量/化学需氧量"
    assert reporting | withheld == {code for code, c in permits.items() if c[amount] is not None}
    silent = permits.keys() - reporting - withheld
    assert {permits[code]["许可证/管理类别"] for code in silent} == {"登记管理"}
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


def test_class_of_permit_follows_industry_size_and_emissions(city: City) -> None:
    q, figures = city.population, city.year(2020)
    above = city.above(2020)
    works = np.array(city.classes.to_pylist())[q.firm[2020][above]]
    permit = city.base.permit[above]
    dirty = by_prefix(dict.fromkeys(permit_rules().dirty.classes, 1.0), works, 0.0) > 0
    assert dirty.sum() > 20 and set(permit[dirty].tolist()) == {KEY, SIMPLIFIED}
    large = dirty & (figures.money["output"][above] > 110_000)  # 千元: 1.1 亿
    assert large.any() and (permit[large] == KEY).all()
    air = figures.emissions["so2"][above] + figures.emissions["nox"][above]
    assert (permit[np.argsort(-air)[:3]] == KEY).all()
    assert works[np.argmax(air)] in ("2511", "4411", "4412")
    light = np.char.startswith(works, "34") | np.char.startswith(works, "39")
    assert (permit[light] == KEY).mean() < 0.1 < (permit[light] == REGISTERED).mean()
