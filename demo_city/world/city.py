"""The complete city (示范城市): firms and villages with their land, products and figures, as the senders know them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from demo_city.cells import days_in_year, take
from demo_city.world.base_year import base_figures
from demo_city.world.draws import Bools, Floats, Ints, stream
from demo_city.world.figures import Base, Year
from demo_city.world.identity import credit_codes, names
from demo_city.world.land import Land, parcels, used_land
from demo_city.world.parameters import Parameters
from demo_city.world.population import ABOVE, ABSENT, NEW, Population, class_codes, populate
from demo_city.world.roles import Roles, draw_roles
from demo_city.world.towns import Places, draw_towns
from demo_city.world.years import year_figures

#: Former district codes in credit codes: successor -> (former code, share of the base year's firms).
_FORMER_IN_CODES = {"330212": (("330204", 0.04), ("330227", 0.01)), "330213": (("330283", 0.08),)}


@dataclass(frozen=True)
class Change:
    """A change of identity as the registry reports it; the share in 0.01 %."""

    kind: str
    before: str
    after: str
    day: np.datetime64
    reason: str
    group_code: str | None = None
    group_name: str | None = None
    share: int | None = None


@dataclass
class City:
    """All that the senders know of the city's firms, villages and land."""

    p: Parameters
    population: Population
    base: Base
    land: Land
    codes: pa.Array
    names: pa.Array
    classes: pa.Array
    registered: np.ndarray[tuple[int], np.dtype[np.datetime64]]
    villages: list[str]
    village_names: list[str]
    #: Development zone of each site, -1 outside.
    zone: Ints
    zone_codes: list[str]
    #: Functional zone that manages each site, -1 if none does.
    manager: Ints
    towns: Places
    #: Site of each meter account, and its share of the site's electricity.
    meter_site: Ints
    meter_share: Floats
    #: The firms' nodes in the value chains and their products.
    roles: Roles
    #: Firms that the registry reports again, by year.
    reported_again: dict[int, list[int]] = field(default_factory=dict)
    #: Changes of identity by the year in which the registry reports them.
    changes: dict[int, list[Change]] = field(default_factory=dict)
    #: Firms with another organisation code than the one in their credit code: first year of the report, and the code.
    organisation_codes: dict[int, tuple[int, str]] = field(default_factory=dict)
    years: dict[int, Year] = field(default_factory=dict)
    #: Output and value added of the year before, thousand yuan by site; 0 for a firm that did not exist then.
    before: dict[int, tuple[Ints, Ints]] = field(default_factory=dict)

    def year(self, year: int) -> Year:
        if year not in self.years:
            self.years[year] = year_figures(self.p, self.population, self.base, year)
        return self.years[year]

    def year_before(self, year: int) -> tuple[Ints, Ints]:
        """Output and value added of each site's firm in the year before, from revenue if it was below scale then."""
        if year not in self.before:
            q, figures = self.population, self.year(year - 1)
            same = (q.firm[year] == q.firm[year - 1]) & (q.status[year - 1] != ABSENT)
            above = q.status[year - 1] == ABOVE
            small = figures.declared / 1e5  # 0.01 yuan in thousand yuan
            rates = np.array([d.va_rate / 100 for d in self.p.divisions])[q.group]
            output = np.where(above, figures.money["output"], small)
            value_added = np.where(above, figures.money["value_added"], small * rates)
            self.before[year] = (
                np.where(same, np.rint(output), 0).astype(np.int64),
                np.where(same, np.rint(value_added), 0).astype(np.int64),
            )
        return self.before[year]

    def firms(self, sites: Ints, year: int) -> Ints:
        firms: Ints = self.population.firm[year][sites]
        return firms

    def uscc(self, sites: Ints, year: int) -> pa.Array:
        return take(self.codes, self.firms(sites, year))

    def name(self, sites: Ints, year: int) -> pa.Array:
        return take(self.names, self.firms(sites, year))

    def certificate(self, parcel: int) -> str:
        return f"浙（{self.land.acquired[parcel]}）宁波市不动产权第{parcel:07d}号"

    def above(self, year: int) -> Ints:
        return np.flatnonzero(self.population.status[year] == ABOVE)


def build_city(p: Parameters, seed: int, scale: float, last_year: int) -> City:
    """Draw the complete city up to ``last_year``."""
    population = populate(p, seed, scale, last_year)
    land_mu = used_land(p, population)
    base = base_figures(p, population, land_mu)
    land = parcels(p, population, land_mu)
    firms = len(population.firm_site)
    villages, village_names = _villages(p, land, firms, seed)
    zone, zone_codes = _zones(p, population, base)
    manager = _managers(p, population)
    word = population.group[population.firm_site]
    for number in range(len(p.landmarks)):
        word[population.giant[population.firm_site] == number] = len(p.divisions) + number
    meter_site, meter_share = _meters(population)
    classes = class_codes(p, population)
    return City(
        p=p,
        population=population,
        base=base,
        land=land,
        codes=_codes(p, population),
        names=names(
            ["宁波"] + [d.name[:-1] for d in p.districts],
            np.where(np.arange(firms) % 3 == 0, 0, population.district[population.firm_site] + 1),
            [d.word for d in p.divisions] + [m.name for m in p.landmarks],
            word,
            serial=np.arange(firms),
            seed=seed,
        ),
        classes=pa.array(classes),
        registered=_registered(p, population),
        villages=villages,
        village_names=village_names,
        zone=zone,
        zone_codes=zone_codes,
        manager=manager,
        towns=draw_towns(p, population, land, zone, manager),
        meter_site=meter_site,
        meter_share=meter_share,
        roles=draw_roles(p, population, base, classes),
    )


def _codes(p: Parameters, population: Population) -> pa.Array:
    """Credit codes of all firms: some contain a former district's code; those of the two collectives begin with N2."""
    rng = stream(population.seed, "codes")
    firms = len(population.firm_site)
    areas = [d.code for d in p.districts]
    area = population.district[population.firm_site].copy()
    draw = rng.random(firms)
    for successor, formers in _FORMER_IN_CODES.items():
        here = (area == areas.index(successor)) & (population.firm_born == p.base_year)
        reached = 0.0
        for code, share in formers:
            areas.append(code)
            area[here & (draw >= reached) & (draw < reached + share)] = len(areas) - 1
            reached += share
    serial = np.arange(firms)
    codes = credit_codes("91", areas, area, serial, population.seed)
    collective = np.flatnonzero(population.collective[population.firm_site])
    district = population.district[population.firm_site[collective]]
    for firm, code in zip(
        collective.tolist(), credit_codes("N2", areas, district, collective, population.seed), strict=True
    ):
        codes[firm] = code
    return pa.array(codes)


def _villages(p: Parameters, land: Land, firms: int, seed: int) -> tuple[list[str], list[str]]:
    """Codes (N2…) and names of the village collectives that hold parcels."""
    serial = firms + np.arange(land.villages)
    codes = credit_codes("N2", [d.code for d in p.districts], land.village_district, serial, seed)
    titles = [
        f"{p.districts[d].name}示{v:04d}村股份经济合作社（合成）"
        for v, d in enumerate(land.village_district.tolist())
    ]
    return codes, titles


def _zones(p: Parameters, population: Population, base: Base) -> tuple[Ints, list[str]]:
    """Development zone of each site, -1 outside; large firms are likelier to be inside.

    A bisection finds the weight of the noise at which the zones have the printed shares of firms and value added.
    """
    rng = stream(population.seed, "zones")
    a, n, z = population.first_above, population.sites, p.zones
    value = np.maximum(base.money["value_added"][:a], 1.0)
    noise = rng.standard_normal(a)
    fixed = np.zeros(a)
    for number, landmark in enumerate(p.landmarks):
        fixed[population.giant[:a] == number] = 1e9 if landmark.in_zone else -1e9
    count = round(z.firm_share * a)
    low, high = 0.0, 30.0
    for _ in range(40):
        middle = (low + high) / 2
        inside: Bools = np.zeros(a, dtype=bool)
        inside[np.argsort(-(np.log(value) + middle * noise + fixed), kind="stable")[:count]] = True
        too_much = bool(value[inside].sum() > z.value_added_share * value.sum())
        low, high = (middle, high) if too_much else (low, middle)
    in_zone = np.concatenate([inside, rng.random(n - a) < 0.45])
    which = rng.integers(0, z.per_district, n)
    codes = [f"{d.code}K{k + 1:02d}" for d in p.districts for k in range(z.per_district)]
    return np.where(in_zone, population.district * z.per_district + which, -1), codes


def _managers(p: Parameters, population: Population) -> Ints:
    """Functional zone that manages each site, -1 if none does."""
    rng = stream(population.seed, "managers")
    draw = rng.random(population.sites)
    manager = np.full(population.sites, -1)
    reached = np.zeros(len(p.districts))
    for number, zone in enumerate(p.managing_zones):
        d = next(i for i, district in enumerate(p.districts) if district.code == zone.district)
        inside = (population.district == d) & (draw >= reached[d]) & (draw < reached[d] + zone.share)
        manager[inside] = number
        reached[d] += zone.share
    return manager


def _meters(population: Population) -> tuple[Ints, Floats]:
    """Site of each meter account, and its share of the site's electricity."""
    rng = stream(population.seed, "meters")
    count = np.ones(population.sites, dtype=np.int64)
    a = population.first_above
    count[:a] += rng.choice(4, a, p=[0.82, 0.12, 0.04, 0.02])
    count[population.giant >= 0] = 5
    site = np.repeat(np.arange(population.sites), count)
    weight = rng.uniform(0.2, 1.0, len(site))
    total = np.bincount(site, weights=weight)
    share: Floats = weight / total[site]
    return site, share


def _registered(p: Parameters, population: Population) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    """Dates of registration: most firms of the base year are old, later firms register in their first year."""
    rng = stream(population.seed, "registered")
    firms = len(population.firm_site)
    start = p.base_year - 2 - np.minimum(rng.exponential(9, firms), 32).astype(np.int64)
    year = np.where(population.firm_born == p.base_year, start, population.firm_born)
    year[population.giant[population.firm_site] >= 0] -= 12
    fresh = population.change[p.base_year][population.firm_site] == NEW
    year[fresh & (population.firm_born == p.base_year)] = p.base_year
    return days_in_year(year, rng.random(firms))
