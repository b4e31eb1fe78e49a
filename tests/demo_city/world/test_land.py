"""Land of the city's firms: its size, its room for persons and output, and its changes from year to year."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from demo_city.senders.land import land_uses
from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints
from demo_city.world.figures import TAXES
from demo_city.world.land_sizes import FLOOR_PER_LAND
from demo_city.world.population import ABOVE, BELOW
from jobs.per_mu.rules.land_limits import land_limits
from tests.demo_city.sent_city import at_scale

YEARS = range(2020, 2025)


def used(city: City, year: int) -> Floats:
    """Land in mu that each site uses."""
    uses = land_uses(city, year)
    return np.bincount(uses.site, weights=uses.area, minlength=city.population.sites) / 100


def staff(city: City, year: int) -> Ints:
    figures = city.year(year)
    return np.where(city.population.status[year] == ABOVE, figures.employees, figures.insured)


# --- sizes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("year", [2020, 2024])
def test_land_follows_the_persons_at_work(year: int) -> None:
    city = at_scale(1.0)
    land, persons = used(city, year), staff(city, year)
    for status, correlation in ((ABOVE, 0.65), (BELOW, 0.49)):
        at = (city.population.status[year] == status) & (land > 0) & (persons > 0)
        found = np.corrcoef(np.log(land[at]), np.log(persons[at]))[0, 1]
        assert found == pytest.approx(correlation, abs=0.04)


def test_distribution_of_land() -> None:
    city = at_scale(1.0)
    land, q = used(city, 2020), city.population
    above = land[city.above(2020)]
    assert np.median(above) == pytest.approx(12.5, rel=0.15)
    assert np.log(above).std() == pytest.approx(1.25, abs=0.1)
    assert (above < 1).mean() < 0.01
    owners = (q.status[2020] == BELOW) & (q.tenure == 0)
    assert land[owners & (land > 3)].mean() == pytest.approx(8.6, rel=0.03)
    assert land[owners].max() < 65


@pytest.mark.parametrize("year", YEARS)
def test_land_carries_persons_value_added_and_tax(year: int) -> None:
    """No works is near the limits of what is physically possible; they are the platform's own."""
    city = at_scale(1.0)
    limits = {d: (float(m2), float(added), float(tax)) for d, m2, added, tax in land_limits().rows()}
    least_m2, most_added, most_tax = np.array([limits[f"{d.codes[0]:02d}"] for d in city.p.divisions]).T
    figures, group, land = city.year(year), city.population.group, used(city, year)
    at = land > 0
    crowd = staff(city, year) * least_m2[group] * 3 / 2000
    added = np.where(city.population.status[year] == ABOVE, figures.money["value_added"] / 10, 0)
    tax = np.sum([figures.taxes[key] for key in TAXES], axis=0) / 1e6
    load = np.max([crowd / np.maximum(land, 0.01), added / most_added[group] / np.maximum(land, 0.01),
                   tax / most_tax[group] / np.maximum(land, 0.01)], axis=0)  # fmt: skip
    assert load[at].max() < 0.5


def test_every_site_has_a_floor_for_its_persons() -> None:
    city = at_scale(1.0)
    for year in YEARS:
        uses, now = land_uses(city, year), city.land_in(year)
        floor = np.bincount(
            uses.site, weights=uses.area * now.floor_per_land[uses.parcel], minlength=city.population.sites
        )
        at = (floor > 0) & (staff(city, year) > 0)
        assert (floor[at] / staff(city, year)[at]).min() > 5  # square metres a person


def test_districts_have_their_land() -> None:
    city = at_scale(1.0)
    land, above = used(city, 2020), city.above(2020)
    here = np.bincount(city.population.district[above], weights=land[above])
    assert here / 1000 == pytest.approx([d.land for d in city.p.districts], rel=0.004)


def test_giants_have_the_land_of_their_industry() -> None:
    city = at_scale(1.0)
    land, output = used(city, 2020), city.year(2020).money["output"] / 1e5
    group = np.array([d.group for d in city.p.divisions])[city.population.group]
    giant = (city.population.giant >= 0) & (output > 99)
    assert land[giant & (group == "26")].min() > 1000 and land[giant & (group == "31")].min() > 2500
    assert land[giant & (group == "25")].max() == pytest.approx(4500, rel=0.01)
    assert land[giant & (group == "32")].max() < 600


# --- zones -----------------------------------------------------------------------------------------------


# at 0.02 there are some 170 firms above scale, and the largest ones have more than a hundredth of the value added each
@pytest.mark.parametrize(("scale", "tolerance"), [(1.0, 0.3), (0.1, 0.3), (0.02, 1.2)])
def test_zones_have_the_printed_shares(scale: float, tolerance: float) -> None:
    city = at_scale(scale)
    figures, above = city.year(2020), city.above(2020)
    inside = city.zone[above] >= 0
    amounts = {
        "firms": np.ones(len(above)),
        "value added": figures.money["value_added"][above],
        "tax": np.sum([figures.taxes[key][above] for key in TAXES], axis=0),
        "land": used(city, 2020)[above],
    }
    share = {name: 100 * float(values[inside].sum() / values.sum()) for name, values in amounts.items()}
    # land: 200,140 of 274,400 mu
    printed = {"firms": 55.8, "value added": 81.8, "tax": 75.1, "land": 72.9}
    assert share == pytest.approx(printed, abs=tolerance)


def test_the_cigarette_works_is_outside_and_the_refinery_inside_the_zones(city: City) -> None:
    at = [int(np.flatnonzero(city.population.giant == number)[0]) for number in (0, 1)]
    assert (city.zone[at] >= 0).tolist() == [False, True]


@pytest.mark.parametrize("year", [2020, 2024])
def test_a_tenant_that_sublets_keeps_at_least_half_of_its_lease(year: int) -> None:
    city = at_scale(1.0)
    uses = land_uses(city, year)
    subtenants = np.flatnonzero(uses.kind == 2)
    assert len(subtenants) > 100
    rows = dict(zip(uses.site[uses.kind == 1].tolist(), np.flatnonzero(uses.kind == 1).tolist(), strict=True))
    leases = np.array([rows[site] for site in uses.lessor[subtenants].tolist()])
    assert (uses.parcel[leases] == uses.parcel[subtenants]).all()
    assert (uses.area[leases] >= uses.sublet[leases]).all()
    assert uses.sublet.sum() == uses.area[subtenants].sum()
    assert (np.bincount(uses.parcel, weights=uses.area, minlength=city.land.parcels) <= city.land.area).all()


def test_tenants_lease_in_their_zone() -> None:
    city = at_scale(0.1)
    for year in YEARS:
        host = city.land_in(year).host
        tenants = np.flatnonzero(host >= 0)
        assert (city.zone[tenants] == city.land.zone[host[tenants]]).mean() > 0.98


# --- years -----------------------------------------------------------------------------------------------


def test_used_land_grows_by_about_one_percent_a_year() -> None:
    city = at_scale(1.0)
    total = [int(land_uses(city, year).area.sum()) for year in YEARS]
    growth = [100 * (b / a - 1) for a, b in pairwise(total)]
    assert all(0.7 < percent < 1.3 for percent in growth)


def test_two_to_four_percent_of_the_parcels_change_in_a_year() -> None:
    city = at_scale(1.0)
    own = Counter(c.year for c in city.land_changes if c.kind in ("granted", "finished", "sold", "rebuilt"))
    parcels = {year: int(city.land_in(year).exists.sum()) for year in YEARS}
    assert sorted(own) == list(range(2021, city.p.last_year + 1))
    assert all(0.02 < own[year] / parcels[year] < 0.04 for year in YEARS if year in own)


def test_uses_never_exceed_a_parcel_in_any_year(city: City) -> None:
    for year in YEARS:
        uses = land_uses(city, year)
        taken = np.bincount(uses.parcel, weights=uses.area, minlength=city.land.parcels)
        assert (taken <= city.land.area).all()
        key = np.stack([uses.parcel, uses.site, uses.kind])
        assert np.unique(key, axis=1).shape == key.shape


def test_sold_parcels_pass_to_firms_of_the_town_with_their_tenants(city: City) -> None:
    sold = [c for c in city.land_changes if c.kind == "sold"]
    assert len(sold) >= 4
    q = city.population
    for change in sold:
        before, after = city.land_in(change.year - 1), city.land_in(change.year)
        seller, buyer = before.holder[change.parcel], after.holder[change.parcel]
        assert seller != buyer and city.towns.site[seller] == city.towns.site[buyer]
        assert (change.before, change.after) == (
            q.firm[change.year][seller],
            q.firm[change.year][buyer],
        )
        assert after.acquired[change.parcel] == change.year
        assert city.certificate(change.parcel, change.year) != city.certificate(
            change.parcel, change.year - 1
        )


def test_a_holder_changes_only_by_a_recorded_change(city: City) -> None:
    firms = city.population.firm
    for year in YEARS[1:]:
        before, after = city.land_in(year - 1), city.land_in(year)
        both = before.exists & after.exists & (city.land.holder >= 0)
        differs = firms[year - 1][before.holder] != firms[year][after.holder]
        recorded = {
            c.parcel for c in city.land_changes if c.year == year and c.kind in ("sold", "taken_over")
        }
        assert set(np.flatnonzero(both & differs).tolist()) == recorded


def test_works_on_granted_land_are_ready_after_about_two_years(city: City) -> None:
    land = city.land
    bare = np.flatnonzero(land.is_bare & (land.created > 2020))
    assert len(bare) > 10
    assert (land.ready - land.created)[bare].mean() == pytest.approx(2, abs=0.4)
    for year in YEARS:
        uses = set(land_uses(city, year).parcel.tolist())
        exists = city.land_in(year).exists
        assert not uses & set(np.flatnonzero(exists & (land.ready > year)).tolist())
        assert set(np.flatnonzero(land.is_bare & (land.ready <= year)).tolist()) <= uses


def test_tenants_move_and_the_leases_of_those_who_stay_go_on(city: City) -> None:
    moved = 0
    for year in YEARS[1:]:
        before, after = city.land_in(year - 1), city.land_in(year)
        elsewhere = before.host != after.host
        moved += int(elsewhere.sum())
        assert (after.leased_since[elsewhere] == year).all()
        new = after.leased_since != before.leased_since
        firm = city.population.firm
        assert (elsewhere | (firm[year] != firm[year - 1]))[new].all()
        tenants = after.host >= 0
        assert (city.towns.site[tenants] == city.towns.parcel[after.host[tenants]]).all()
    assert moved > 0.02 * 4 * (city.land.host >= 0).sum()


def test_rebuilt_works_have_more_floor_for_good(city: City) -> None:
    first, last = city.land_in(2020), city.land_in(2024)
    assert (first.floor_per_land == FLOOR_PER_LAND).all()
    rebuilt = last.rebuilt > 0
    assert rebuilt.sum() >= 4
    assert (last.floor_per_land[rebuilt] >= 1.6 * FLOOR_PER_LAND).all()
    assert (last.floor_per_land[~rebuilt] == FLOOR_PER_LAND).all()


def test_nobody_has_a_land_right_before_the_registration(city: City) -> None:
    for year in YEARS:
        now = city.land_in(year)
        held = np.flatnonzero(now.exists & (now.holder >= 0))
        firm = city.firms(now.holder[held], year)
        assert (city.registered[firm].astype("datetime64[Y]").astype(int) + 1970 <= now.acquired[held]).all()
