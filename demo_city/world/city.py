"""The complete city (示范城市): firms and villages with their land, products and figures, as the senders know them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from demo_city.cells import days_in_year, take
from demo_city.world.base_year import base_sizes
from demo_city.world.classes import class_codes, site_classes
from demo_city.world.directory import follow
from demo_city.world.draws import Floats, Ints, Whole, stream
from demo_city.world.figures import Base, Year
from demo_city.world.honours import Register
from demo_city.world.identity import credit_codes
from demo_city.world.land import Land, parcels
from demo_city.world.land_sizes import least_land, used_land
from demo_city.world.land_state import Change as LandChange
from demo_city.world.land_state import LandYear
from demo_city.world.land_years import land_years
from demo_city.world.moves import Moves, draw_moves
from demo_city.world.names import firm_names, village_names
from demo_city.world.parameters import Parameters
from demo_city.world.population import ABOVE, ABSENT, Population, draw_sites
from demo_city.world.roles import Roles, draw_roles
from demo_city.world.towns import Places, draw_towns
from demo_city.world.traits import base_figures
from demo_city.world.years import year_figures
from demo_city.world.zones import draw_zones

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
    #: Output of each site by year, 万元.
    output: dict[int, Floats]
    base: Base
    #: Parcels as they are laid out, their holders and users in each year, and all changes.
    land: Land
    land_years: dict[int, LandYear]
    land_changes: list[LandChange]
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
    moves: Moves
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
    #: Valid honours at the end of each year.
    honours: dict[int, Register] = field(default_factory=dict)
    #: Cumulative shares of a year's months, by kind of figure and year (see ``senders/months.py``).
    month_shares: dict[tuple[str, int], Floats] = field(default_factory=dict)
    #: Persons summed from January to each month, by kind of figure and year (see ``senders/months.py``).
    month_persons: dict[tuple[str, int], Whole] = field(default_factory=dict)
    #: Cumulative shares of the statistics' figures by year (see ``senders/statistics.py``).
    statistics_shares: dict[int, dict[str, Floats]] = field(default_factory=dict)
    #: Output and value added of the year before, thousand yuan by site; 0 for a firm that did not exist then.
    before: dict[int, tuple[Ints, Ints]] = field(default_factory=dict)

    def year(self, year: int) -> Year:
        if year not in self.years:
            self.years[year] = year_figures(self.p, self.population, self.base, self.output[year], year)
        return self.years[year]

    def year_before(self, year: int) -> tuple[Ints, Ints]:
        """Output and value added of each site's firm in the year before, whether or not it was above scale then."""
        if year not in self.before:
            q, figures = self.population, self.year(year - 1)
            same = (q.firm[year] == q.firm[year - 1]) & (q.status[year - 1] != ABSENT)
            above = q.status[year - 1] == ABOVE
            small = self.output[year - 1] * 10  # 万元 in thousand yuan
            output = np.where(above, figures.money["output"], small)
            value_added = np.where(above, figures.money["value_added"], small * self.base.va_rate)
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

    def zone_in(self, year: int) -> Ints:
        """Development zone of each site's firm in the year, -1 outside; a firm that has moved is in none."""
        return np.where(self.moves.away[year], -1, self.zone)

    def manager_in(self, year: int) -> Ints:
        """Functional zone that manages each site's firm in the year, -1 if none does."""
        return np.where(self.moves.away[year], -1, self.manager)

    def land_in(self, year: int) -> LandYear:
        """Holders and users of the parcels at the end of the year."""
        return self.land_years[year]

    def certificate(self, parcel: int, year: int) -> str:
        """Certificate of a parcel; each holder has one of its own."""
        return f"浙（{self.land_in(year).acquired[parcel]}）宁波市不动产权第{parcel:07d}号"

    def above(self, year: int) -> Ints:
        return np.flatnonzero(self.population.status[year] == ABOVE)


def build_city(p: Parameters, seed: int, scale: float, last_year: int | None = None) -> City:
    """Draw the complete city up to ``last_year``, or as its files have it, up to the last year of the parameters."""
    last_year = last_year or p.last_year
    population = draw_sites(p, seed, scale, last_year)
    sizes = base_sizes(p, population)
    output = follow(p, population, sizes, last_year)
    land_mu = used_land(p, population, sizes, output)
    works = site_classes(p, population, sizes)
    base = base_figures(p, population, sizes, land_mu, works)
    first_year = year_figures(p, population, base, output[p.base_year], p.base_year)
    zone, zone_codes = draw_zones(p, population, first_year, land_mu)
    land = parcels(p, population, land_mu, zone)
    serial = len(population.firm_site) + np.arange(land.villages)
    villages = credit_codes("N2", [d.code for d in p.districts], land.village_district, serial, seed)
    manager = _managers(p, population)
    meter_site, meter_share = _meters(population)
    towns = draw_towns(p, population, land, zone, manager)
    classes = class_codes(p, population, works)
    names, village_names = _names(p, population, land, firm_names(p, population, sizes, output, classes))
    registered = _registered(population)
    by_year, changes = land_years(
        p,
        population,
        land,
        places=towns,
        registered=registered.astype("datetime64[Y]").astype(np.int64) + 1970,
        least=least_land(p, population, sizes, output),
    )
    return City(
        p=p,
        population=population,
        output=output,
        base=base,
        land=land,
        land_years=by_year,
        land_changes=changes,
        codes=_codes(p, population),
        names=names,
        classes=pa.array(classes),
        registered=registered,
        villages=villages,
        village_names=village_names,
        zone=zone,
        zone_codes=zone_codes,
        manager=manager,
        towns=towns,
        moves=draw_moves(p, population, towns),
        meter_site=meter_site,
        meter_share=meter_share,
        roles=draw_roles(p, population, base, classes),
        years={p.base_year: first_year},
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


def _names(p: Parameters, population: Population, land: Land, own: pa.Array) -> tuple[pa.Array, list[str]]:
    """Names of all firms, and of the villages that hold parcels; collectives that operate as firms are villages."""
    names = own.to_pylist()
    collective = np.flatnonzero(population.collective[population.firm_site])
    district = np.append(land.village_district, population.district[population.firm_site[collective]])
    villages = village_names(p, district, population.seed)
    for firm, name in zip(collective.tolist(), villages[land.villages :], strict=True):
        names[firm] = name
    return pa.array(names), villages[: land.villages]


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


def _registered(population: Population) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    """Dates of registration, in the firms' founding years."""
    rng = stream(population.seed, "registered")
    return days_in_year(population.firm_founded, rng.random(len(population.firm_site)))
