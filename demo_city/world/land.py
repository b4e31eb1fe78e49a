"""The demo city's industrial parcels and their users (工业用地).

A parcel's area is built up from the holder's own use and the leased areas, so uses exceed a parcel only where a fault
is planted. Areas are integers in 0.01 mu, and a parcel's area is a multiple of 0.03 mu: exactly 20 square metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo_city.world.draws import Bools, Floats, Ints, scale_to, shares_to_counts, stream
from demo_city.world.parameters import Parameters
from demo_city.world.population import LANDED, TENANT, Population

OWN_ONLY, LET_IN_PART, LET_WHOLLY = 0, 1, 2


@dataclass(frozen=True)
class Land:
    """Parcels by number, and the parcel and area of each tenant site. Areas in 0.01 mu."""

    #: Site of the holder, -1 for a village collective; and the village, -1 for a firm.
    holder: Ints
    village: Ints
    villages: int
    village_district: Ints
    district: Ints
    #: ``OWN_ONLY``, ``LET_IN_PART`` or ``LET_WHOLLY``.
    kind: Ints
    #: Area that the holder uses, and area of the parcel.
    own_area: Ints
    area: Ints
    #: First year of the parcel, and year of the land right.
    created: Ints
    acquired: Ints
    in_construction: Bools
    is_disputed: Bools
    has_certificate: Bools
    has_holder_code: Bools
    #: Supply mode: 0 granted, 1 allocated, 2 agreement, 3 collective.
    supply: Ints
    #: By site: the parcel on which it leases, -1 if none; the leased area; the subletting site, -1 if the holder lets.
    host: Ints
    leased_area: Ints
    sublets_from: Ints
    #: By site: the survey has only its share of the floor area, no land area.
    floor_share_only: Bools

    @property
    def parcels(self) -> int:
        return len(self.district)


def used_land(p: Parameters, population: Population) -> Floats:
    """Land in mu that each site uses, own or leased; the base year's firms above scale have the districts' totals."""
    rng = stream(population.seed, "land")
    f, b, n, a = p.firm, p.below_scale, population.sites, population.first_above
    noise = rng.standard_normal(n)
    joint = 0.55 * population.size + np.sqrt(1 - 0.55**2) * noise
    land = np.clip(f.land_median * np.exp(f.land_sigma * joint), 0.6, 900)
    land[:a][population.tenure[:a] == TENANT] *= 0.6
    rate = np.array([d.va_rate for d in p.divisions]) / 100
    for number, (code, _, output) in enumerate(p.giants):
        at = population.giant == number + len(p.landmarks)
        largest = next(d.output for d in p.districts if d.code == code) * 0.25 * population.scale
        # assumes 300 万元 of value added per mu
        land[at] = np.clip(min(output, largest) * 10000 * rate[population.group[at]] / 300, 5, 3000)
    for number, landmark in enumerate(p.landmarks):
        land[population.giant == number] = landmark.land * population.scale
    share = np.array([d.land for d in p.districts])
    goals = share * (p.total("land").value * population.scale / share.sum())
    free = (population.giant < 0) & (np.arange(n) < a)
    for d, goal in enumerate(goals.tolist()):
        here = (population.district == d) & (np.arange(n) < a)
        land[here & free] = scale_to(land[here & free], max(goal - land[here & ~free].sum(), 0.05 * goal))
    small = np.arange(n) >= a
    counted = small & (population.status[p.base_year] != 0)
    large_share = b.landed_3mu / (b.landed_3mu + b.landed_small)
    draw = rng.random(n)
    large = small & (population.tenure == LANDED) & (draw < large_share)
    little = small & (population.tenure == LANDED) & (draw >= large_share)
    land[large] = np.maximum(5.5 * np.exp(0.8 * noise[large]), 3.05)
    land[little] = np.clip(1.7 * np.exp(0.35 * noise[little]), 0.5, 2.9)
    for group, total in ((large, b.landed_3mu_land), (little, b.landed_small_land)):
        now = counted & group
        if now.any():
            land[group] *= total * population.scale / land[now].sum()
    tenants = small & (population.tenure == TENANT)
    land[tenants] = np.clip(
        f.below_tenant_land_median * np.exp(f.below_tenant_land_sigma * joint[tenants]), 0.1, 8
    )
    rounded: Floats = np.maximum(np.round(land, 2), 0.1)
    return rounded


def parcels(p: Parameters, population: Population, land_mu: Floats) -> Land:
    """Lay out the parcels and assign the tenants to them."""
    rng = stream(population.seed, "parcels")
    holder, kind = _holdings(p, population, rng)
    village, villages, village_district = _villages(p, population, rng)
    held = len(holder)
    holder = np.concatenate([holder, np.full(len(village), -1)])
    kind = np.concatenate([kind, np.full(len(village), LET_WHOLLY)])
    district = np.concatenate([population.district[holder[:held]], village_district[village]])
    village = np.concatenate([np.full(held, -1), village])
    building, granted = _building(p, population, holder, kind)
    own = _own_areas(population, holder, (holder >= 0) & (kind != LET_WHOLLY) & ~building, land_mu)
    own[building] = np.rint(800 * np.exp(0.8 * rng.standard_normal(int(building.sum())))).astype(np.int64) + 3
    host = _hosts(population, district, kind, rng)
    leased = np.where(host >= 0, np.rint(land_mu * 100), 0).astype(np.int64)
    tenants = np.flatnonzero(host >= 0)
    leased_sum = np.bincount(host[tenants], weights=leased[tenants], minlength=len(district)).astype(np.int64)
    kind = np.where((leased_sum == 0) & (kind == LET_IN_PART), OWN_ONLY, kind)
    own = np.where((leased_sum == 0) & (own == 0), 300, own)
    # Holders leave up to 1 % of a parcel unused; wholly let parcels are fully used.
    area = own + leased_sum
    area = area + np.where(kind == LET_WHOLLY, 0, (area * 0.01 * rng.random(len(area))).astype(np.int64))
    gap = -area % 3
    area = area + gap
    own = own + np.where(own > 0, gap, 0)
    first_tenant = np.full(len(district), -1)
    first_tenant[host[tenants][::-1]] = tenants[::-1]
    filled = (own == 0) & (first_tenant >= 0)
    leased[first_tenant[filled]] += gap[filled]
    sublets = np.full(population.sites, -1)
    may = tenants[(first_tenant[host[tenants]] != tenants)]
    from_tenant = may[rng.random(len(may)) < p.land.sublet_share]
    sublets[from_tenant] = first_tenant[host[from_tenant]]
    share_only = np.zeros(population.sites, dtype=bool)
    share_only[tenants] = (kind[host[tenants]] == LET_IN_PART) & (
        rng.random(len(tenants)) < p.land.floor_share_only
    )
    created, acquired = _dates(p, population, holder, building, granted)
    disputed = rng.random(len(district)) < p.land.disputed_share
    return Land(
        holder=holder,
        village=village,
        villages=villages,
        village_district=village_district,
        district=district,
        kind=kind,
        own_area=own,
        area=area,
        created=created,
        acquired=acquired,
        in_construction=building,
        is_disputed=disputed,
        has_certificate=~disputed | (rng.random(len(district)) < 0.5),
        has_holder_code=~disputed | (rng.random(len(district)) < 0.6),
        supply=np.where(village >= 0, 3, rng.choice(3, len(district), p=[0.88, 0.03, 0.09])),
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


def _hosts(population: Population, district: Ints, kind: Ints, rng: np.random.Generator) -> Ints:
    """Parcel of each tenant, in its district; every let parcel has a tenant if there are enough tenants."""
    host = np.full(population.sites, -1)
    for d in range(int(district.max()) + 1):
        let = np.flatnonzero((district == d) & (kind != OWN_ONLY))
        tenants = np.flatnonzero((population.district == d) & (population.tenure == TENANT))
        tenants = rng.permutation(tenants)
        weight = np.where(kind[let] == LET_WHOLLY, 2.0, 1.0)
        drawn = rng.choice(let, len(tenants), p=weight / weight.sum())
        once = min(len(let), len(tenants))
        drawn[:once] = rng.permutation(let)[:once]
        host[tenants] = drawn
    return host


def _building(p: Parameters, population: Population, holder: Ints, kind: Ints) -> tuple[Bools, Ints]:
    """Parcels under construction and the year of their grant: additional parcels of the base year's firms."""
    rng = stream(population.seed, "construction")
    first = np.zeros(len(holder), dtype=bool)
    first[np.unique(holder, return_index=True)[1]] = True
    settled = population.status[p.base_year][np.maximum(holder, 0)] != 0
    may = (holder >= 0) & ~first & (kind == OWN_ONLY) & settled
    # Additional parcels in own use are about a fifth of all parcels.
    chosen = may & (rng.random(len(holder)) < 5 * p.land.construction_share)
    return chosen, rng.integers(p.base_year + 1, max(population.status) + 1, len(holder))


def _dates(
    p: Parameters, population: Population, holder: Ints, building: Bools, granted: Ints
) -> tuple[Ints, Ints]:
    """First year of each parcel, and year of its land right (earlier, unless newly granted)."""
    rng = stream(population.seed, "parcel-years")
    appears = np.full(population.sites, p.base_year)
    for year in range(p.base_year, max(population.status)):
        appears[population.status[year] == 0] = year + 1
    created = np.where(holder >= 0, appears[np.maximum(holder, 0)], p.base_year)
    created = np.where(building, granted, created)
    older = rng.integers(1995, p.base_year - 2, len(holder))
    return created, np.where(created > p.base_year, created, older)
