"""Taxes, pay, persons and electricity of single firms: nothing that a firm could not owe, pay or hold."""

from __future__ import annotations

import numpy as np
import pytest

from demo_city.world.city import City
from demo_city.world.draws import Bools, Floats
from demo_city.world.figures import TAXES
from demo_city.world.parameters import parameters
from demo_city.world.population import ABOVE, BELOW, in_groups
from demo_city.world.taxes import MOST_INCOME, MOST_OFFSET, MOST_VAT
from tests.demo_city.sent_city import at_scale

YEARS = (2020, 2021, 2024)
#: Rounding of taxes to the fen and of figures to 千元, 万元.
CENT = 0.11


@pytest.fixture
def large() -> City:
    return at_scale(0.3)


def money(city: City, year: int, key: str) -> Floats:
    return city.year(year).money[key] / 10


def tax(city: City, year: int, key: str) -> Floats:
    return city.year(year).taxes[key] / 1e6


def total(city: City, year: int) -> Floats:
    total: Floats = np.sum([tax(city, year, key) for key in TAXES], axis=0)
    return total


def above(city: City, year: int) -> Bools:
    is_above: Bools = city.population.status[year] == ABOVE
    return is_above


@pytest.mark.parametrize("year", YEARS)
def test_no_tax_is_above_what_the_law_allows(large: City, year: int) -> None:
    firms = above(large, year)
    for key, limit, whole in (
        ("vat", MOST_VAT, "value_added"),
        ("export_offset", MOST_OFFSET, "export_value"),
        ("income", MOST_INCOME, "profit"),
    ):
        most = limit * np.maximum(money(large, year, whole), 0)
        assert (tax(large, year, key)[firms] <= most[firms] + CENT).all(), key
    assert (large.year(year).taxes["surcharge"] >= 0).all()
    below = large.population.status[year] == BELOW
    assert not large.year(year).taxes["export_offset"][below].any()


@pytest.mark.parametrize("year", (2021, 2022))
def test_refunds_last_and_go_to_small_exporters_and_firms_at_a_loss(large: City, year: int) -> None:
    q, refunds = large.population, {}
    for y in (year - 1, year):
        refunds[y] = (total(large, y) <= 0) & above(large, y)
        assert 0.02 < refunds[y].sum() / above(large, y).sum() < 0.04
        assert (total(large, y)[refunds[y]] < -0.1).all()  # a real amount, not a rest of rounding
        has_reason = (money(large, y, "export_value") > 0) | (money(large, y, "profit") < 0)
        assert has_reason[refunds[y]].all()
        assert (money(large, y, "output")[refunds[y]] < 20_000).all()
    stays = refunds[year - 1] & above(large, year) & (q.firm[year] == q.firm[year - 1])
    assert 0.65 < refunds[year][stays].mean() < 0.95


@pytest.mark.parametrize("year", (2021, 2022))
def test_firms_below_scale_without_tax_are_dormant_for_years(large: City, year: int) -> None:
    q, none = large.population, {}
    for y in (year - 1, year):
        none[y] = (total(large, y) == 0) & (q.status[y] == BELOW)
        assert 0.015 < none[y].sum() / (q.status[y] == BELOW).sum() < 0.04
        assert (large.output[y] * large.base.turnover)[none[y]].max() < 60
    stays = none[year - 1] & (q.status[year] == BELOW) & (q.firm[year] == q.firm[year - 1])
    assert none[year][stays].mean() > 0.65


@pytest.mark.parametrize("year", YEARS)
def test_value_added_pays_profit_tax_and_persons(large: City, year: int) -> None:
    firms, q = above(large, year), large.population
    persons = large.year(year).employees
    paid = money(large, year, "value_added") - money(large, year, "profit")
    paid = (paid - money(large, year, "tax_paid_stat")) / np.maximum(persons, 1)
    assert (paid[firms] < 5).mean() < 0.002
    assert (paid[firms & (q.giant >= 0)] > 6).all()
    landmarks = (q.giant >= 0) & (q.giant < len(large.p.landmarks))
    for key in ("land_use", "property", "income"):
        assert (tax(large, year, key)[landmarks] > 0).all()


@pytest.mark.parametrize("year", YEARS)
def test_output_per_person_fits_the_kind_of_industry(large: City, year: int) -> None:
    p, q = parameters(), large.population
    productivity = p.grown("value_added", year) / p.grown("employees", year)
    persons, output = large.year(year).employees, money(large, year, "output")
    for limits in p.output_per_person:
        here = above(large, year) & in_groups(p, q, limits.groups) & (q.giant < 0) & (persons > 20)
        made = output[here] / persons[here] / productivity
        assert made.max() < limits.most * 1.1
        assert made.min() > limits.least * 0.9


@pytest.mark.parametrize("year", YEARS)
def test_electricity_follows_output(large: City, year: int) -> None:
    p, q = parameters(), large.population
    power, output = large.year(year).power, money(large, year, "output")
    # at this scale later years add few firms to a division, and the works of those that rise differ more
    most = 0.8 if year < 2024 else 0.9
    for group in ("33", "34", "36", "38"):
        here = above(large, year) & in_groups(p, q, (group,))
        assert 0.45 < np.log(power[here] / output[here]).std() < most
    cost, value_added = power * 0.65 / 10_000, money(large, year, "value_added")
    light = above(large, year) & ~in_groups(p, q, ("25", "26", "30", "31", "32", "44"))
    normal = light & (value_added > 0.1 * output)
    assert (cost[normal] <= 0.25 * value_added[normal]).all()
