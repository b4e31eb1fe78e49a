"""Dates of listings and penalties: in their year, after the firm's registration, without a day on which many fall."""

from __future__ import annotations

import numpy as np
import pytest

from demo_city.frame import Frame
from demo_city.senders.event_days import Days, drawn_days, open_days
from demo_city.senders.marks import listings
from demo_city.senders.penalty import penalised, penalty
from demo_city.world.city import City, build_city
from demo_city.world.draws import Ints
from demo_city.world.parameters import parameters
from tests.demo_city.sent_city import at_scale


def days_of(city: City, frame: Frame) -> tuple[Ints, Days]:
    """Firm and day of each event."""
    firms = {code: firm for firm, code in enumerate(city.codes.to_pylist())}
    codes, days = frame.columns["uscc"].to_pylist(), frame.columns["event_date"].to_pylist()
    return np.array([firms[code] for code in codes]), np.array(days, dtype="datetime64[D]")


def test_days_are_open_from_the_registration_on() -> None:
    city = at_scale(0.005)
    firm = np.arange(len(city.codes))
    possible = open_days(city, firm, 2020, 30)
    first, last = (drawn_days(2020, possible, np.full(len(firm), draw)) for draw in (1 - 1e-9, 0.0))
    old = city.registered < np.datetime64("2019-12-01")
    # 2020 is a leap year
    assert (possible[old] == 366).all() and (first[old] == np.datetime64("2020-01-01")).all()
    young = ~old & (possible > 0)
    assert young.any() and (first[young] == city.registered[young] + 30).all()
    assert (last[young] == np.datetime64("2020-12-31")).all()
    unborn = city.registered > np.datetime64("2020-12-31")
    assert unborn.any() and (possible[unborn] == 0).all()


@pytest.mark.parametrize(("seed", "scale"), [(2020, 1.0), (1, 0.1), (2, 0.005)])
def test_no_firm_is_listed_or_penalised_before_it_works(seed: int, scale: float) -> None:
    city = build_city(parameters(), seed, scale, 2024)
    for year in range(2020, 2025):
        firm, day = days_of(city, penalty(city, year))
        assert (day >= city.registered[firm] + 30).all()
        assert (day.astype("datetime64[Y]") == np.datetime64(str(year), "Y")).all()
        assert (city.firms(penalised(city, year)[0], year) == firm).all()
    for year, (firm, _, _, start, end) in zip(range(2017, 2025), listings(city, 2024), strict=True):
        assert len(firm) and (start >= city.registered[firm] + 90).all() and (end > start).all()
        assert (start.astype("datetime64[Y]") == np.datetime64(str(year), "Y")).all()
        # a clip would put dozens on the year's last day
        assert np.unique(start, return_counts=True)[1].max() <= 12
