"""Paths of firms over the years: growth, rises and falls, foundings and closings, states, and limits of shares."""

from __future__ import annotations

import numpy as np
import pytest

from demo_city.aims.totals import compare_with_plan
from demo_city.senders.land import land_uses
from demo_city.world.city import City, build_city
from demo_city.world.draws import Bools, Floats
from demo_city.world.figures import TAXES
from demo_city.world.parameters import parameters
from demo_city.world.population import ABOVE, BELOW, DROPPED, LANDED, NEW, UPGRADED, in_groups
from demo_city.world.shares import fitted
from tests.demo_city.sent_city import at_scale

YEARS = range(2021, 2025)


@pytest.fixture
def large() -> City:
    """A third of the city; cached by scale."""
    return at_scale(0.3)


def revenue(city: City, year: int) -> Floats:
    """Revenue of each site on its path, 万元."""
    return city.output[year] * city.base.turnover


def stays(city: City, year: int) -> Bools:
    """Sites whose firm is above scale in the year and in the year before."""
    q = city.population
    same: Bools = (
        (q.status[year] == ABOVE) & (q.status[year - 1] == ABOVE) & (q.firm[year] == q.firm[year - 1])
    )
    return same


def test_firms_rise_from_near_the_threshold(large: City) -> None:
    for year in YEARS:
        rose = large.population.change[year] == UPGRADED
        before, after = revenue(large, year - 1)[rose], revenue(large, year)[rose]
        assert rose.sum() == 210  # 700 x 0.3
        assert (before > 1000).all() and (before < 2000).all() and np.quantile(before, 0.05) > 1100
        assert (after >= 2000).all() and np.quantile(after, 0.95) < 2800
        assert (after / before).min() > 1.149 and np.quantile(after / before, 0.95) <= 1.81
        figures = large.year(year).money["revenue"][rose] / 10
        assert figures == pytest.approx(after, rel=0.05)


def test_firms_fall_from_little_above_the_threshold_and_keep_their_path(large: City) -> None:
    q = large.population
    for year in YEARS:
        fell = (q.change[year - 1] == DROPPED) & (q.status[year - 1] == ABOVE)
        assert (q.status[year][fell] == BELOW).all()
        after, last = revenue(large, year)[fell], revenue(large, year - 1)[fell]
        assert (after < 2000).all() and np.median(after) > 1500
        assert np.quantile(last, 0.9) < 2600 and np.mean(last < 2000) == pytest.approx(0.6, abs=0.12)
        if year > 2021:
            earlier = revenue(large, year - 2)[fell]
            assert (earlier >= 1999).all() and np.quantile(earlier, 0.9) < 3500


def test_revenue_keeps_to_its_side_of_the_threshold(large: City) -> None:
    q = large.population
    for year in (2020, *YEARS):
        assert revenue(large, year)[q.status[year] == BELOW].max() < 2000
        low = large.year(year).money["revenue"][q.status[year] == ABOVE] < 20_000  # 千元
        assert 0.02 < low.mean() < 0.04


def test_figures_of_the_year_before_follow_the_path(large: City) -> None:
    rose = large.population.change[2024] == UPGRADED
    output, value_added = large.year_before(2024)
    assert np.array_equal(output[rose], np.rint(large.output[2023][rose] * 10))
    declared = large.year(2023).declared[rose] / 1e6
    assert declared == pytest.approx(output[rose] / 10 * large.base.turnover[rose], rel=0.031)
    assert ((value_added[rose] > 0) & (value_added[rose] < output[rose])).all()


def test_growth_differs_between_firms(large: City) -> None:
    for year in YEARS:
        same = stays(large, year)
        money = large.year(year).money["revenue"][same] / large.year(year - 1).money["revenue"][same]
        growth = np.log(money)
        assert 0.17 < growth.std() < 0.26
        assert ((growth - growth.mean()) ** 4).mean() / growth.var() ** 2 > 4  # a normal distribution has 3
        assert (growth > 0.6).any() and (growth < -0.6).any()
        # the raking does not move all firms: the median firm grows about as the city
        city = np.log(large.p.grown("value_added", year) / large.p.grown("value_added", year - 1))
        assert abs(np.median(growth) - city) < 0.06


def test_firms_are_founded_every_year_and_the_young_close_more_often(large: City) -> None:
    q = large.population
    founded = np.bincount(large.registered.astype("datetime64[Y]").astype(np.int64) + 1970)
    usual = founded[2021:2025].mean()
    assert founded[2019:2025] == pytest.approx(usual, rel=0.15)
    assert (np.diff([founded[y : y + 5].sum() for y in range(1990, 2020, 5)]) > 0).all()
    # the oldest firms are spread over decades: no year has a pile of them
    assert founded[:1950].sum() == 0 and 0 < founded[:1970].sum() < founded[1970:1980].sum()
    assert (founded[1975:1992] < 1.5 * founded[1976:1993]).all()
    new = (q.change[2020] == NEW) & (q.status[2020] == BELOW)
    assert (q.firm_founded[q.firm[2020][new]] == 2020).all() and new.sum() > 0.05 * 30_000
    for year in YEARS:
        before = np.flatnonzero(q.status[year - 1] == BELOW)
        closed = q.firm[year][before] != q.firm[year - 1][before]
        age = year - 1 - q.firm_founded[q.firm[year - 1][before]]
        assert closed.mean() == pytest.approx(0.05, abs=0.005)
        assert closed[age < 3].mean() > 1.6 * closed[age >= 3].mean()
        assert closed[q.size[before] < 0].mean() > 1.2 * closed[q.size[before] > 0].mean()


@pytest.mark.parametrize(
    ("key", "share", "changing"),
    [("rd_expense", 0.71, 0.10), ("new_product_output", 0.75, 0.08), ("export_value", 0.45, 0.07)],
)
def test_states_change(large: City, key: str, share: float, changing: float) -> None:
    stopped = []
    for year in YEARS:
        same = stays(large, year)
        now, before = large.year(year).money[key][same] > 0, large.year(year - 1).money[key][same] > 0
        assert now.mean() == pytest.approx(share, abs=0.03)
        assert (now != before).mean() == pytest.approx(changing, abs=0.025)
        money = large.year(year - 1).money
        stopped.append((money[key] / np.maximum(money["output"], 1))[same][before & ~now])
    # a firm that stops had little at stake; fewer than a hundred stop in a year, so the years are taken together
    most = {"rd_expense": 0.03, "new_product_output": 0.5, "export_value": 0.3}[key]
    assert np.median(np.concatenate(stopped)) < most


def test_some_firms_leave_their_loss(large: City) -> None:
    for year in YEARS:
        same = stays(large, year)
        now, before = (
            large.year(year).money["profit"][same] < 0,
            large.year(year - 1).money["profit"][same] < 0,
        )
        assert 0.13 < now.mean() < 0.19
        assert 0.3 < (before & ~now).sum() / before.sum() < 0.5
        negative = large.year(year).money["value_added"][same] < 0
        assert negative.any() and now[negative].all()


@pytest.mark.parametrize(("scale", "seed"), [(0.005, 3), (0.005, 15), (0.02, 2), (0.1, 1), (0.3, 2020)])
def test_shares_stay_below_their_limits_and_totals_are_met(scale: float, seed: int) -> None:
    city = at_scale(scale) if seed == 2020 else build_city(parameters(), seed, scale, 2024)
    assert all(abs(c.difference_pct) < 0.1 for c in compare_with_plan(city)[:14])
    for year in (2020, *YEARS):
        money, above = city.year(year).money, city.above(year)
        m = {key: values[above] for key, values in money.items()}
        assert (m["new_product_output"] <= 0.95 * m["output"]).all()
        assert np.mean(m["new_product_output"] > 0.9 * m["output"]) < 0.06
        assert (m["export_value"] <= 0.98 * m["sales_output"]).all()
        assert (m["rd_expense"] < 0.15 * m["revenue"]).all()
        assert (m["value_added"] <= 0.85 * m["output"]).all()
        level = city.p.grown("value_added", year) * scale * 1e5
        for key in ("output", "value_added", "revenue", "rd_expense", "new_product_output", "export_value"):
            assert m[key].sum() == pytest.approx(city.p.total(key).value * level, rel=1e-4), key
        none = in_groups(city.p, city.population, ("44", "45-46", "10", "16"))
        assert not money["export_value"][none].any()


def test_tax_and_value_added_per_mu_stay_below_the_aims_of_2025(large: City) -> None:
    per_mu = {}
    for year in (2020, *YEARS):
        uses, above = land_uses(large, year), large.population.status[year] == ABOVE
        mu = uses.area[above[uses.site]].sum() / 100
        figures = large.year(year)
        tax = sum(figures.taxes[key][above].sum() for key in TAXES) / 1e6
        per_mu[year] = (tax / mu, figures.money["value_added"][above].sum() / 10 / mu)
    assert per_mu[2020] == pytest.approx((54.6, 147.3), rel=0.01)
    assert all(tax < 60 and value_added < 200 for tax, value_added in per_mu.values())
    assert per_mu[2024][1] > 180


def test_small_works_pay_little_tax_per_kilowatt_hour(city: City) -> None:
    figures, q = city.year(2020), city.population
    evaluated = (q.status[2020] == BELOW) & (q.tenure == LANDED) & (city.base.land_mu >= 3)
    tax = sum(figures.taxes[key][evaluated] for key in TAXES) / 100  # yuan
    assert np.median(tax / np.maximum(figures.power[evaluated], 1)) == pytest.approx(0.25, abs=0.05)
    whole = figures.power[q.status[2020] > 0].sum() / 1e8 / q.scale
    assert 630 < whole < 700  # 亿 kWh


def test_staff_follows_output(large: City) -> None:
    above = large.above(2020)
    figures = large.year(2020)
    logs = np.log(figures.employees[above]), np.log(figures.money["output"][above])
    assert np.corrcoef(*logs)[0, 1] == pytest.approx(0.75, abs=0.05)


def test_fitting_a_total_keeps_order_and_limits() -> None:
    odds = np.array([0.0, 0.1, 1.0, 50.0])
    amounts = fitted(odds, 0.95, np.full(4, 100.0), 200.0)
    assert amounts.sum() == pytest.approx(200)
    assert amounts[0] == 0 and (np.diff(amounts) > 0).all() and amounts.max() < 95
