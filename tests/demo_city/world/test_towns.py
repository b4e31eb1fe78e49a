"""The demo city's towns (镇街): firms and parcels lie in their district, zones in one town, tenants where they rent."""

from __future__ import annotations

import numpy as np

from demo_city.world.city import City
from demo_city.world.parameters import parameters
from schemas.contract import code_list


def test_towns_of_the_parameters_are_in_their_district() -> None:
    p, towns = parameters(), code_list("town")
    assert {d.code: p.zones.per_district for d in p.districts} == {
        d: len(t) for d, t in p.towns.zones.items()
    }
    places = [(d, t) for d, codes in p.towns.zones.items() for t in codes]
    places += [(z.district, t) for z in p.managing_zones for t in z.towns]
    assert [t for d, t in places if towns[t]["district"] != d] == []
    assert set(p.towns.few_works) <= set(towns)


def test_firms_and_parcels_lie_in_their_district(city: City) -> None:
    of_town = np.array([code[:6] for code in city.towns.codes])
    districts = np.array([d.code for d in city.p.districts])
    assert (of_town[city.towns.site] == districts[city.population.district]).all()
    assert (of_town[city.towns.parcel] == districts[city.land.district]).all()


def test_a_firm_is_in_the_town_of_its_parcels(city: City) -> None:
    land, towns = city.land, city.towns
    held = land.holder >= 0
    assert (towns.site[land.holder[held]] == towns.parcel[held]).all()
    tenants = land.host >= 0
    assert tenants.any() and (towns.site[tenants] == towns.parcel[land.host[tenants]]).all()


def test_a_zone_lies_in_one_town_except_where_another_office_manages(city: City) -> None:
    own = (city.land.host < 0) & (city.manager < 0)
    for zone in range(len(city.zone_codes)):
        assert len(set(city.towns.site[own & (city.zone == zone)].tolist())) == 1


def test_few_works_are_in_inner_streets(city: City) -> None:
    few = [city.towns.codes.index(code) for code in city.p.towns.few_works]
    assert 0 < np.isin(city.towns.site, few).mean() < 0.03
