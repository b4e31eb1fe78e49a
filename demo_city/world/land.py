"""The demo city's industrial parcels and their users (工业用地).

A parcel's area is built up from the holder's own use and the leased areas, so uses exceed a parcel only where a fault
is planted. Areas are integers in 0.01 mu, and a parcel's area is a multiple of 0.03 mu: exactly 20 square metres.
Here are the parcels as they are laid out; ``land_years`` has who holds and uses them in each year.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo_city.world.draws import Bools, Floats, Ints, shares_to_counts, stream
from demo_city.world.parameters import Parameters
from demo_city.world.population import LANDED, ROOMS, TENANT, Population

OWN_ONLY, LET_IN_PART, LET_WHOLLY = 0, 1, 2


@dataclass(frozen=True)
class Land:
    """Parcels by number, and the parcel and area of each tenant site, as laid out. Areas in 0.01 mu."""

    #: Site of the first holder, -1 for a village collective; and the village, -1 for a firm.
    holder: Ints
    village: Ints
    villages: int
    village_district: Ints
    district: Ints
    #: Development zone, -1 outside.
    zone: Ints
    #: ``OWN_ONLY``, ``LET_IN_PART`` or ``LET_WHOLLY``.
    kind: Ints
    #: Area that the holder uses, and area of the parcel.
    own_area: Ints
    area: Ints
    #: First year of the parcel in the register, year of its first land right, and year in which its works are ready.
    created: Ints
    acquired: Ints
    ready: Ints
    is_disputed: Bools
    has_certificate: Bools
    has_holder_code: Bools
    #: Supply mode: 0 granted, 1 allocated, 2 agreement, 3 collective.
    supply: Ints
    #: By site: the parcel on which it leases, -1 if none; the area that it uses there, without what it sublets; the
    #: subletting site, -1 if the holder lets.
    host: Ints
    leased_area: Ints
    sublets_from: Ints
    #: By site: the survey has only its share of the floor area, no land area.
    floor_share_only: Bools

    @property
    def parcels(self) -> int:
        return len(self.district)

    @property
    def is_bare(self) -> Bools:
        """Whether bare land was granted, on which the holder built its works."""
        bare: Bools = self.ready > self.created
        return bare


@dataclass(frozen=True)
class _Grants:
    """New parcels: holder's site, year of the land right, year in which the works are ready, area in 0.01 mu."""

    holder: Ints
    year: Ints
    ready: Ints
    area: Ints


def parcels(p: Parameters, population: Population, land_mu: Floats, zone: Ints) -> Land:
    """Lay out the parcels and assign the tenants to them; newly granted parcels come last.

    Args:
        zone: of each site; a parcel lies in its holder's, and a tenant leases in its own if it can.
    """
    rng = stream(population.seed, "parcels")
    holder, kind = _holdings(p, population, rng)
    village, villages, village_district = _villages(p, population, rng)
    grants = _grants(p, population, land_mu)
    held, granted = len(holder), len(grants.holder)
    first_grant = held + len(village)
    holder = np.concatenate([holder, np.full(len(village), -1), grants.holder])
    kind = np.concatenate([kind, np.full(len(village), LET_WHOLLY), np.full(granted, OWN_ONLY)])
    village = np.concatenate([np.full(held, -1), village, np.full(granted, -1)])
    district = np.where(holder >= 0, population.district[holder], village_district[village])
    laid_out = np.arange(len(holder)) < first_grant
    own = _own_areas(population, holder, (holder >= 0) & (kind != LET_WHOLLY) & laid_out, land_mu)
    own[first_grant:] = grants.area
    zone_of_parcel = np.where(holder >= 0, zone[holder], -1)
    host = _hosts(population, zone, district=district, zone_of_parcel=zone_of_parcel, kind=kind, rng=rng)
    leased = np.where(host >= 0, np.rint(land_mu * 100), 0).astype(np.int64)
    tenants = np.flatnonzero(host >= 0)
    leased_sum = np.bincount(host[tenants], weights=leased[tenants], minlength=len(district)).astype(np.int64)
    kind = np.where((leased_sum == 0) & (kind == LET_IN_PART), OWN_ONLY, kind)
    # A parcel that finds no tenant is idle. Holders leave up to 1 % of other parcels unused; wholly let ones are full.
    area = own + leased_sum + np.where((leased_sum == 0) & (own == 0), 300, 0)
    area = area + np.where(kind == LET_WHOLLY, 0, (area * 0.01 * rng.random(len(area))).astype(np.int64))
    gap = -area % 3
    area = area + gap
    own = own + np.where(own > 0, gap, 0)
    first_tenant = np.full(len(district), -1)
    first_tenant[host[tenants][::-1]] = tenants[::-1]
    filled = (own == 0) & (first_tenant >= 0)
    leased[first_tenant[filled]] += gap[filled]
    sublets = _sublets(host, leased, rng.random(len(tenants)) < p.land.sublet_share)
    share_only = np.zeros(population.sites, dtype=bool)
    share_only[tenants] = (kind[host[tenants]] == LET_IN_PART) & (
        rng.random(len(tenants)) < p.land.floor_share_only
    )
    created, acquired = _dates(p, population, holder, grants)
    supply = np.where(village >= 0, 3, rng.choice(3, len(district), p=[0.88, 0.03, 0.09]))
    supply[first_grant:] = 0
    disputed = laid_out & (rng.random(len(district)) < p.land.disputed_share)
    return Land(
        holder=holder,
        village=village,
        villages=villages,
        village_district=village_district,
        district=district,
        zone=zone_of_parcel,
        kind=kind,
        own_area=own,
        area=area,
        created=created,
        acquired=acquired,
        ready=np.concatenate([created[:first_grant], grants.ready]),
        is_disputed=disputed,
        has_certificate=~disputed | (rng.random(len(district)) < 0.5),
        has_holder_code=~disputed | (rng.random(len(district)) < 0.6),
        supply=supply,
        host=host,
        leased_area=leased,
        sublets_from=sublets,
        floor_share_only=share_only,
    )


def _holdings(p: Parameters, population: Population, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Holder and kind of the firms' parcels: first one parcel for each landed site, then the additional parcels."""
    landed = np.flatnonzero(population.tenure == LANDED)
    chances = p.land.extra_parcels
    extra = np.repeat(landed, rng.choice(len(chances), len(landed), p=chances))
    wholly = rng.random(len(extra)) < p.land.let_wholly_of_extra
    holder = np.concatenate([landed, extra])
    kind = np.where(rng.random(len(holder)) < p.land.let_in_part, LET_IN_PART, OWN_ONLY)
    kind[: len(landed)][population.giant[landed] >= 0] = OWN_ONLY
    late = population.status[p.base_year][holder] == 0
    kind[late] = OWN_ONLY
    kind[len(landed) :][wholly & ~late[len(landed) :]] = LET_WHOLLY
    return holder, kind


def _villages(p: Parameters, population: Population, rng: np.random.Generator) -> tuple[Ints, int, Ints]:
    """Village of each village parcel, number of villages, their districts; at least two parcels in each district."""
    landed = int((population.tenure == LANDED).sum())
    share = np.array([d.land for d in p.districts])
    counts = shares_to_counts(share, max(2 * len(share), round(p.land.village_share * landed)), minimum=2)
    villages = np.maximum(counts // 3, 1)
    start = np.cumsum(villages) - villages
    chosen = [start[d] + rng.integers(0, villages[d], counts[d]) for d in range(len(counts))]
    return np.concatenate(chosen), int(villages.sum()), np.repeat(np.arange(len(counts)), villages)


def _own_areas(population: Population, holder: Ints, used: Bools, land_mu: Floats) -> Ints:
    """Own use of each parcel by its holder, in 0.01 mu; the site's first parcel takes the rounding difference."""
    rng = stream(population.seed, "own-areas")
    sites = holder[used]
    weight = rng.uniform(0.2, 1.0, len(sites))
    first = np.zeros(len(sites), dtype=bool)
    first[np.unique(sites, return_index=True)[1]] = True
    weight[first] *= 2
    total = np.rint(land_mu * 100).astype(np.int64)
    part = weight / np.bincount(sites, weights=weight, minlength=population.sites)[sites]
    area = np.maximum((total[sites] * part).astype(np.int64), 3)
    given = np.bincount(sites, weights=area, minlength=population.sites).astype(np.int64)
    area[first] += np.maximum(total[sites[first]] - given[sites[first]], 0)
    own = np.zeros(len(holder), dtype=np.int64)
    own[used] = area
    return own


def _hosts(
    population: Population,
    zone: Ints,
    *,
    district: Ints,
    zone_of_parcel: Ints,
    kind: Ints,
    rng: np.random.Generator,
) -> Ints:
    """Parcel of each tenant, in its district and zone; every let parcel has a tenant if there are enough tenants.

    A tenant whose zone has no let parcel leases elsewhere in its district.
    """
    host = np.full(population.sites, -1)
    renting, let = population.tenure == TENANT, kind != OWN_ONLY

    def assign(tenants: Ints, parcels: Ints) -> None:
        weight = np.where(kind[parcels] == LET_WHOLLY, 2.0, 1.0)
        drawn = rng.choice(parcels, len(tenants), p=weight / weight.sum())
        once = min(len(parcels), len(tenants))
        drawn[:once] = rng.permutation(parcels)[:once]
        host[rng.permutation(tenants)] = drawn

    for d in range(int(district.max()) + 1):
        here, let_here = renting & (population.district == d), let & (district == d)
        for z in np.unique(zone[here]).tolist():
            parcels = np.flatnonzero(let_here & (zone_of_parcel == z))
            if len(parcels):
                assign(np.flatnonzero(here & (zone == z)), parcels)
        if (rest := np.flatnonzero(here & (host < 0))).size:
            assign(rest, np.flatnonzero(let_here))
    return host


def _sublets(host: Ints, leased: Ints, may: Bools) -> Ints:
    """By site: the largest tenant of its parcel, from whom it subleases; -1 if it does not.

    The largest tenant leases from the holder what it uses and what it sublets, and sublets no more than it uses.

    Args:
        may: of each tenant, by site, whether it seeks a sublease.
    """
    tenants = np.flatnonzero(host >= 0)
    order = np.lexsort((-leased[tenants], host[tenants]))
    seeks, tenants = may[order], tenants[order]
    parcel, begins = np.unique(host[tenants], return_index=True)
    main = tenants[begins][np.searchsorted(parcel, host[tenants])]
    seeks &= tenants != main
    area = np.where(seeks, leased[tenants], 0)
    reached = np.cumsum(area)
    before = (reached - area)[begins][np.searchsorted(parcel, host[tenants])]
    seeks &= reached - before <= leased[main]
    sublets = np.full(len(host), -1)
    sublets[tenants[seeks]] = main[seeks]
    return sublets


def _grants(p: Parameters, population: Population, land_mu: Floats) -> _Grants:
    """Land granted to growing firms that own land; its area is a share of the city's used land each year.

    In the base year no works are under construction, so that its land is that of the totals. The works that would be
    finished in the two years after it are bought ready-made instead.
    """
    rng = stream(population.seed, "grants")
    sites = np.flatnonzero(
        (population.tenure == LANDED) & (population.giant < 0) & (population.status[p.base_year] != 0)
    )
    # Every seventh grant goes to a firm below scale.
    weight = np.sqrt(land_mu[sites]) * np.where(sites < population.first_above, 1.0, 0.15)
    used = land_mu[(population.status[p.base_year] != 0) & (population.tenure != ROOMS)].sum()
    goal = p.land.granted_share * used
    years = np.arange(p.base_year - 1, max(population.status) + 1)
    count = max(1, round(goal / p.land.grant_mean))
    year = np.repeat(years, count)
    holder = rng.choice(sites, len(year), p=weight / weight.sum())
    area = np.clip(land_mu[holder] * rng.uniform(0.2, 0.8, len(year)), 4, 120)
    area *= goal / np.bincount(year - years[0], weights=area)[year - years[0]]
    ready = year + rng.choice([1, 2, 3], len(year), p=[0.15, 0.7, 0.15])
    ready = np.maximum(ready, p.base_year + 1)
    return _Grants(
        holder=holder,
        year=np.where(year > p.base_year, year, ready),
        ready=ready,
        area=np.rint(area * 100).astype(np.int64),
    )


def _dates(p: Parameters, population: Population, holder: Ints, grants: _Grants) -> tuple[Ints, Ints]:
    """First year of each parcel in the register, and year of its land right (earlier, unless newly granted)."""
    rng = stream(population.seed, "parcel-years")
    appears = np.full(population.sites, p.base_year)
    for year in range(p.base_year, max(population.status)):
        appears[population.status[year] == 0] = year + 1
    created = np.where(holder >= 0, appears[np.maximum(holder, 0)], p.base_year)
    older = rng.integers(1995, p.base_year - 2, len(holder))
    acquired = np.where(created > p.base_year, created, older)
    first_grant = len(holder) - len(grants.year)
    created[first_grant:] = acquired[first_grant:] = grants.year
    return created, acquired
