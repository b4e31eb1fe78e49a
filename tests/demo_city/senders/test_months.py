"""Months of a year: they join at New Year, add up to the year's figures, and each figure goes its own way."""

from __future__ import annotations

import numpy as np
import pytest

from demo_city.senders.months import persons_in, persons_until
from demo_city.senders.statistics import statistics_monthly
from demo_city.senders.statistics_months import cumulative
from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints
from demo_city.world.figures import STATISTICS
from demo_city.world.population import ABSENT

MONTHS = range(1, 13)


def stays(city: City, least: int) -> Ints:
    """Sites with the same firm in 2024 and 2025 and at least so many insured persons in December 2024."""
    q = city.population
    same = (q.firm[2024] == q.firm[2025]) & (q.status[2024] != ABSENT) & (q.status[2025] != ABSENT)
    return np.flatnonzero(same & (persons_in(city, "insured", 2024, 12) >= least))


def test_insured_persons_join_at_new_year(city: City) -> None:
    sites = stays(city, 100)
    assert len(sites) > 100
    december = persons_in(city, "insured", 2024, 12)[sites]
    change = np.abs(persons_in(city, "insured", 2025, 2)[sites] / december - 1)
    assert (change > 0.15).mean() < 0.02 and np.median(change) > 0.005


def test_months_of_insured_persons_average_to_the_year(city: City) -> None:
    months = np.array([persons_in(city, "insured", 2024, month) for month in MONTHS])
    assert (months >= 0).all()
    assert (months.sum(axis=0) == 12 * city.year(2024).insured).all()


def test_coverage_is_a_lasting_trait(city: City) -> None:
    above = np.intersect1d(city.above(2023), city.above(2024))
    covered = [city.year(y).insured[above] / city.year(y).employees[above] for y in (2023, 2024)]
    large = city.year(2024).employees[above] > 100
    assert covered[0].std() > 0.05
    assert np.abs(covered[1] / covered[0] - 1)[large].max() < 0.08


def test_average_employees_move_and_end_at_the_year(city: City) -> None:
    employees = city.year(2024).employees
    large = np.flatnonzero(employees > 100)
    average = np.array([persons_until(city, "employees", 2024, m)[large] / m for m in MONTHS])
    assert (average[-1] == employees[large]).all()
    assert 0.01 < np.std(average[0] / employees[large]) < 0.1


@pytest.fixture(scope="module")
def months(city: City) -> dict[str, Floats]:
    """Cumulative figures of 2024 by figure (month x firm above scale)."""
    found = [cumulative(city, 2024, month) for month in MONTHS]
    return {key: np.array([month[key] for month in found], dtype=float) for key in STATISTICS}


def test_cumulative_figures_rise_to_the_year(city: City, months: dict[str, Floats]) -> None:
    above = city.above(2024)
    for key, values in months.items():
        year = city.year(2024).money[key][above]
        assert (values[-1] == year).all()
        if key != "profit":
            assert (np.diff(values, axis=0)[:, year >= 0] >= 0).all()
    assert (months["value_added"] <= months["output"]).all()
    assert (months["new_product_output"] <= months["output"]).all()
    assert (months["rd_expense"] <= months["revenue"]).all()


def test_each_figure_has_its_own_curve(months: dict[str, Floats]) -> None:
    for key in set(STATISTICS) - {"output"}:
        some = months[key][-1] > 1000
        ratio = months[key][5, some] / months["output"][5, some]
        of_year = months[key][-1, some] / months["output"][-1, some]
        assert np.std(np.log(np.maximum(ratio / of_year, 0.01))) > 0.01


def test_some_profitable_firms_have_a_month_at_a_loss(months: dict[str, Floats]) -> None:
    profit = np.diff(months["profit"], axis=0, prepend=0)[:, months["profit"][-1] > 0]
    assert 0.05 < (profit < 0).any(axis=0).mean() < 0.3


def test_last_years_months_are_those_that_were_sent(city: City) -> None:
    sent, later = (statistics_monthly(city, year, 6).columns for year in (2024, 2025))
    before = {
        uscc: (output, added)
        for uscc, output, added in zip(
            *(sent[c].to_pylist() for c in ("uscc", "output_wan_yuan", "value_added_wan_yuan")), strict=True
        )
    }
    names = ("uscc", "output_last_year_wan_yuan", "value_added_last_year_wan_yuan")
    again = 0
    for uscc, output, added in zip(*(later[c].to_pylist() for c in names), strict=True):
        if uscc in before:
            assert (output, added) == before[uscc]
            again += 1
    assert again > 200
