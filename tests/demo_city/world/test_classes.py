"""Industry classes of the firms: shares within a division, large firms, all seeds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from demo_city.world.base_year import base_sizes
from demo_city.world.city import City
from demo_city.world.classes import class_codes, class_weights, site_classes
from demo_city.world.directory import follow
from demo_city.world.parameters import parameters
from demo_city.world.population import draw_sites
from schemas.contract import code_list
from tests.demo_city.sent_city import at_scale

#: Classes that only a division's largest firms have.
WHOLE_CARS = {"3611", "3612"}


def shares(city: City, prefix: str) -> dict[str, float]:
    """Share of each class among the firms of a division or group."""
    counted = Counter(code for code in city.classes.to_pylist() if code.startswith(prefix))
    return {code: n / counted.total() for code, n in counted.items()}


def test_weights_cover_every_class_of_every_group() -> None:
    p, data = parameters(), class_weights()
    for division in p.divisions:
        weights = data.of(division)
        assert sum(weights.values()) == pytest.approx(1000)
        impossible = {code for code, weight in weights.items() if weight == 0}
        assert impossible <= set(data.never), division.group
    known = set(code_list("industry_class"))
    assert len(known) == 666 and "3741" in known
    assert {c for local in data.local.values() for c in local} <= known
    assert {c for leaders in data.leaders.values() for c in leaders.classes} <= known


def test_classes_have_the_shares_that_ningbo_is_known_for() -> None:
    city = at_scale(1.0)
    assert shares(city, "36")["3670"] > 0.9
    machinery, special = shares(city, "34"), shares(city, "35")
    assert max(machinery, key=machinery.__getitem__) in ("3482", "3484", "3489")
    assert special["3525"] > 0.35 and special["3525"] + special["3523"] > 0.5
    knitted = shares(city, "18")
    assert knitted["1829"] + knitted["1821"] > 0.5
    assert sum(shares(city, "24")[code] for code in ("2411", "2412")) > 0.45
    # every group that a chain needs exists, and nearly every possible class
    assert len(set(city.classes.to_pylist())) > 560


@pytest.mark.parametrize("seed", range(1, 21))
def test_whole_cars_come_from_a_few_large_firms_of_two_districts(seed: int) -> None:
    p = parameters()
    for scale in (0.02, 0.1):
        q = draw_sites(p, seed, scale, 2021)
        sizes = base_sizes(p, q)
        follow(p, q, sizes, 2021)
        classes = np.array(class_codes(p, q, site_classes(p, q, sizes)))
        makers = np.isin(classes, list(WHOLE_CARS))
        sites = np.unique(q.firm_site[makers])
        assert 1 <= len(sites) <= 2
        assert {p.districts[d].code for d in q.district[sites]} <= {"330282", "330206"}
        assert (sites < q.first_above).all()


def test_giants_have_classes_of_their_size() -> None:
    city, p = at_scale(1.0), parameters()
    q, classes = city.population, np.array(city.classes.to_pylist())
    of_giant = {
        number: classes[q.firm[2020][q.giant == number]].item() for number in range(2 + len(p.giants))
    }
    assert (of_giant[0], of_giant[1]) == ("1620", "2511")
    large = {n: code for n, code in of_giant.items() if n > 1 and p.giants[n - 2][2] >= 150}
    # motor cars, basic chemicals, copper and steel, refining, household appliances
    assert set(large.values()) <= {"3611", "3612", "2614", "2651", "2653", "3251", "3120", "2511", "3854"}
    assert sum(code in WHOLE_CARS for code in classes) == 4
    assert {of_giant[n + 2] for n, (_, group, _) in enumerate(p.giants) if group == "44"} == {"4411"}


def test_large_works_have_no_kitchen_table_firms() -> None:
    city, data = at_scale(1.0), class_weights()
    q, codes = city.population, np.array(city.classes.to_pylist())
    for year in (2020, 2024):
        here = q.in_year(year)
        of, figures = codes[q.firm[year][here]], city.year(year)
        heavy = np.isin(of, list(data.large)) & (q.giant[here] < 0)
        assert heavy.sum() > 50
        assert figures.insured[here][heavy].min() > 3
        heaviest = np.isin(of, data.least_output[10])
        assert 1 <= heaviest.sum() <= 4
        assert figures.money["output"][here][heaviest].min() > 300_000  # 千元: 3 亿


def test_wind_and_sun_are_small_and_burn_nothing() -> None:
    city = at_scale(1.0)
    above = city.above(2020)
    of = np.array(city.classes.to_pylist())[city.population.firm[2020][above]]
    figures, farms = city.year(2020), np.isin(of, ["4415", "4416"])
    sites = above[farms]
    assert 1 <= len(sites) <= 12 and figures.money["output"][sites].max() <= 100_000  # 千元: 1 亿
    assert np.allclose(figures.energy[sites] / 100, figures.power[sites] * 0.30 / 1000, atol=0.02)
    assert not city.base.has_permit[sites].any() and not (of == "4413").any()
