"""The demo city's senders (数据源): each function builds one feed's cells for one period."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa

from demo_city.delivery import Frame, amounts, dates, days_in_year, decimals, take, words
from demo_city.world.chains import Roles, draw_roles
from demo_city.world.draws import Bools, Floats, Ints, cumulative_shares, stream
from demo_city.world.figures import STATISTICS, TAXES, Base, Year, base_figures, year_figures
from demo_city.world.identity import credit_codes, names, registration_numbers
from demo_city.world.land import Land, parcels, used_land
from demo_city.world.parameters import Parameters
from demo_city.world.population import (
    ABOVE,
    ABSENT,
    CHANGES,
    NEW,
    Population,
    class_codes,
    populate,
)
from schemas.contract import Contract, code_list, feed

#: From this year on the monthly feeds come by month.
FIRST_MONTHLY_YEAR = 2024
#: Former district codes that credit codes still carry: successor -> (code, share of older firms).
_FORMER_IN_CODES = {"330212": (("330204", 0.04), ("330227", 0.01)), "330213": (("330283", 0.08),)}


@dataclass(frozen=True)
class Change:
    """A change of identity as the registry tells of it; the share in 0.01 %."""

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
    """Everything that the senders know."""

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
    zone: Ints
    zone_codes: list[str]
    manager: Ints
    meter_site: Ints
    meter_share: Floats
    #: What the firms make: their nodes in the value chains and their products.
    roles: Roles
    #: Firms that the registry reports again in a year though nothing changed.
    reported_again: dict[int, list[int]] = field(default_factory=dict)
    #: Changes of identity by the year in which the registry tells of them.
    changes: dict[int, list[Change]] = field(default_factory=dict)
    #: Firms whose organisation code is not that within their credit code: from which year on the registry says so.
    organisation_codes: dict[int, tuple[int, str]] = field(default_factory=dict)
    years: dict[int, Year] = field(default_factory=dict)
    #: Output and value added of the year before, thousand yuan by site; 0 where the firm had none.
    before: dict[int, tuple[Ints, Ints]] = field(default_factory=dict)

    def year(self, year: int) -> Year:
        if year not in self.years:
            self.years[year] = year_figures(self.p, self.population, self.base, year)
        return self.years[year]

    def year_before(self, year: int) -> tuple[Ints, Ints]:
        """What each site's firm had in the year before: firms below scale then say what their books say."""
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
        found: Ints = self.population.firm[year][sites]
        return found

    def uscc(self, sites: Ints, year: int) -> pa.Array:
        return take(self.codes, self.firms(sites, year))

    def name(self, sites: Ints, year: int) -> pa.Array:
        return take(self.names, self.firms(sites, year))

    def certificate(self, parcel: int) -> str:
        return f"浙（{self.land.acquired[parcel]}）宁波市不动产权第{parcel:07d}号"

    def above(self, year: int) -> Ints:
        return np.flatnonzero(self.population.status[year] == ABOVE)


def build_city(p: Parameters, seed: int, scale: float, last_year: int) -> City:
    """Draw the whole city up to ``last_year``."""
    population = populate(p, seed, scale, last_year)
    land_mu = used_land(p, population)
    base = base_figures(p, population, land_mu)
    land = parcels(p, population, land_mu)
    firms = len(population.firm_site)
    villages, village_names = _villages(p, land, firms, seed)
    zone, zone_codes = _zones(p, population, base)
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
        manager=_managers(p, population),
        meter_site=meter_site,
        meter_share=meter_share,
        roles=draw_roles(p, population, base, classes),
    )


def _codes(p: Parameters, population: Population) -> pa.Array:
    """All firms' credit codes; some carry a former district's code, two collectives' begin with N2."""
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
    """Development zone of each site, -1 outside; large firms are likelier inside.

    The noise is chosen so that the zones have their printed share of firms and of value added.
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
    rng = stream(population.seed, "managers")
    draw = rng.random(population.sites)
    found = np.full(population.sites, -1)
    reached = np.zeros(len(p.districts))
    for number, zone in enumerate(p.managing_zones):
        d = next(i for i, district in enumerate(p.districts) if district.code == zone.district)
        found[(population.district == d) & (draw >= reached[d]) & (draw < reached[d] + zone.share)] = number
        reached[d] += zone.share
    return found


def _meters(population: Population) -> tuple[Ints, Floats]:
    """Site of every meter account, and its share of the site's electricity."""
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
    """Days of registration: firms of the base year are mostly old, others register as they appear."""
    rng = stream(population.seed, "registered")
    firms = len(population.firm_site)
    start = p.base_year - 2 - np.minimum(rng.exponential(9, firms), 32).astype(np.int64)
    year = np.where(population.firm_born == p.base_year, start, population.firm_born)
    year[population.giant[population.firm_site] >= 0] -= 12
    fresh = population.change[p.base_year][population.firm_site] == NEW
    year[fresh & (population.firm_born == p.base_year)] = p.base_year
    return days_in_year(year, rng.random(firms))


# --- feeds -----------------------------------------------------------------------------------------


def _frame(contract: Contract, period: str, columns: dict[str, pa.Array], part: str = "") -> Frame:
    return Frame(contract, period, part, columns)


def business_registry(city: City, year: int, complete: bool) -> Frame:
    """All firms so far (complete), or those that are new, gone or changed in the year."""
    contract, q = feed("gov_business_registry"), city.population
    rng = stream(q.seed, f"registry-{year}")
    gone_year = np.full(len(q.firm_site), 9999)
    years = [y for y in sorted(q.firm) if y <= year]
    for before, after in pairwise(years):
        replaced = (q.firm[before] >= 0) & (q.firm[before] != q.firm[after])
        gone_year[q.firm[before][replaced]] = after
    known = q.firm_born <= year
    told = known & ((q.firm_born == year) | (gone_year == year) | (rng.random(len(known)) < 0.003))
    told[city.reported_again.get(year, [])] = True
    firms = np.flatnonzero(known if complete else told & known)
    sites = q.firm_site[firms]
    status = np.where(gone_year[firms] <= year, 1, 0)
    capital = np.rint(50 * np.exp(0.9 * stream(q.seed, "capital").standard_normal(len(known))))[firms]
    capital = np.where(sites < q.first_above, capital * 30, capital).astype(np.int64)
    streets = pa.array([f"宁波市{d.name}示范路" for d in city.p.districts])
    address = pa.compute.binary_join_element_wise(
        take(streets, q.district[sites]), pa.array(firms % 997 + 1).cast(pa.string()), "号", ""
    )
    n = len(firms)
    # credit codes came on 1 October 2015: firms registered before have the numbers and codes of old as well
    old = city.registered[firms] < np.datetime64("2015-10-01")
    uscc = take(city.codes, firms)
    number = registration_numbers([d.code for d in city.p.districts], q.district[sites], firms)
    organisation = pa.compute.if_else(
        pa.array(old), pa.compute.utf8_slice_codeunits(uscc, 8, 17), None
    ).to_pylist()
    place = {int(firm): row for row, firm in enumerate(firms)} if city.organisation_codes else {}
    for firm, (since, code) in city.organisation_codes.items():
        if year >= since and firm in place:
            organisation[place[firm]] = code
    return _frame(
        contract,
        str(year),
        {
            "uscc": uscc,
            "registration_number": pa.compute.if_else(pa.array(old), number, None),
            "organisation_code": pa.array(organisation, pa.string()),
            "enterprise_name": take(city.names, firms),
            "former_name": pa.nulls(n, pa.string()),
            "registered_date": dates(contract, "registered_date", city.registered[firms]),
            "registration_status_code": words(
                contract, "registration_status_code", ["active", "cancelled"], status
            ),
            "registered_capital_wan_yuan": amounts(
                contract, "registered_capital_wan_yuan", capital, "万元", 0
            ),
            "industry_code": take(city.classes, firms),
            "industry_edition": take(["2017"], np.zeros(n, dtype=np.int64)),
            "reported_district_code": take([d.code for d in city.p.districts], q.district[sites]),
            "registered_address": address,
        },
    )


def statistics_directory(city: City, year: int) -> Frame:
    contract, q = feed("gov_statistics_directory"), city.population
    sites = q.in_year(year)
    firms = city.firms(sites, year)
    n = len(sites)
    return _frame(
        contract,
        str(year),
        {
            "uscc": take(city.codes, firms),
            "enterprise_name": take(city.names, firms),
            "reported_district_code": take([d.code for d in city.p.districts], q.district[sites]),
            "industry_code": take(city.classes, firms),
            "industry_edition": take(["2017"], np.zeros(n, dtype=np.int64)),
            "is_above_scale": words(
                contract,
                "is_above_scale",
                ["false", "true"],
                (q.status[year][sites] == ABOVE).astype(np.int64),
            ),
            "directory_change_code": words(contract, "directory_change_code", CHANGES, q.change[year][sites]),
            "zone_code": take(city.zone_codes, city.zone[sites]),
            "managing_zone_code": words(
                contract,
                "managing_zone_code",
                [z.code for z in city.p.managing_zones],
                city.manager[sites],
            ),
            "序号": decimals(np.arange(1, n + 1), 0),
        },
    )


_TAX_COLUMNS = {key: f"tax_{key}_wan_yuan" for key in TAXES}
#: Share of the year's income tax, and of land and property tax, paid by the end of each month.
_QUARTERLY = (0.22, 0.22, 0.22, 0.42, 0.55, 0.55, 0.78, 0.78, 0.78, 1.0, 1.0, 1.0)
_HALF_YEARLY = (0, 0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1.0)


def between(total: Ints, before: Floats | float, after: Floats | float) -> Ints:
    """What falls between two shares of the year; all months add up to the total exactly."""
    part: Ints = np.rint(total * after).astype(np.int64) - np.rint(total * before).astype(np.int64)
    return part


def period_of(year: int, month: int | None) -> str:
    return f"{year}-{month:02d}" if month else str(year)


def reached(city: City, kind: str, year: int, month: int) -> tuple[Floats, Floats]:
    """Each site's share of the year reached before and after the month."""
    rng = stream(city.population.seed, f"months-{kind}-{year}")
    shares = cumulative_shares(rng, city.population.sites, 12, 0.2)
    before = shares[:, month - 2] if month > 1 else np.zeros(city.population.sites)
    return before, shares[:, month - 1]


def tax(city: City, year: int, month: int | None = None) -> Frame:
    contract, q, figures = feed("gov_tax"), city.population, city.year(year)
    sites = q.in_year(year)
    columns = {"uscc": city.uscc(sites, year), "纳税人名称": city.name(sites, year)}
    offices = [f"国家税务总局宁波市{d.name}税务局" for d in city.p.districts]
    columns["主管税务机关"] = take(offices, q.district[sites])
    before, after = reached(city, "tax", year, month) if month else (np.zeros(q.sites), np.ones(q.sites))
    steps: dict[str, tuple[float, ...]] = {
        "income": _QUARTERLY,
        "land_use": _HALF_YEARLY,
        "property": _HALF_YEARLY,
    }
    for key, column in _TAX_COLUMNS.items():
        if month and key in steps:
            values = between(figures.taxes[key], (0.0, *steps[key])[month - 1], steps[key][month - 1])
        else:
            values = between(figures.taxes[key], before, after)
        columns[column] = amounts(contract, column, values[sites], "元", 2)
    declared = between(figures.declared, before, after)[sites]
    columns["declared_revenue_wan_yuan"] = amounts(contract, "declared_revenue_wan_yuan", declared, "元", 2)
    return _frame(contract, period_of(year, month), columns)


def meter_accounts(city: City, meters: Ints) -> pa.Array:
    """33 and eight digits, different for every meter: 61,803,399 shares no factor with 10^8."""
    return pa.array(33 * 10**8 + (meters * 61803399 + city.population.seed) % 10**8).cast(pa.string())


def electricity(city: City, year: int, month: int | None = None) -> Frame:
    contract, q = feed("gov_electricity"), city.population
    power = city.year(year).power
    meters = np.flatnonzero(q.status[year][city.meter_site] != ABSENT)
    sites = city.meter_site[meters]
    kwh = np.rint(power[sites] * city.meter_share[meters]).astype(np.int64)
    if month:
        before, after = reached(city, "power", year, month)
        kwh = between(kwh, before[sites], after[sites])
    return _frame(
        contract,
        period_of(year, month),
        {
            "meter_account_code": meter_accounts(city, meters),
            "户名": city.name(sites, year),
            "uscc": city.uscc(sites, year),
            "power_kwh": amounts(contract, "power_kwh", kwh, "万千瓦时", 4),
        },
    )


def social_insurance(city: City, year: int, month: int | None = None) -> Frame:
    contract, q = feed("gov_social_insurance"), city.population
    sites = q.in_year(year)
    insured = city.year(year).insured[sites]
    if month:
        rng = stream(q.seed, f"insured-{year}-{month}")
        insured = np.maximum(np.rint(insured * rng.uniform(0.96, 1.04, len(sites))), 0).astype(np.int64)
    return _frame(
        contract,
        period_of(year, month),
        {
            "uscc": city.uscc(sites, year),
            "单位编号": pa.array(30_000_000 + sites).cast(pa.string()),
            "insured_count": amounts(contract, "insured_count", insured, "人", 0),
        },
    )


def statistics_annual(city: City, year: int) -> Frame:
    return _statistics(city, feed("gov_statistics_annual"), year, None)


def statistics_monthly(city: City, year: int, month: int) -> Frame:
    """Cumulative from January, beside the same months of the year before."""
    contract, sites = feed("gov_statistics_monthly"), city.above(year)
    frame = _statistics(city, contract, year, month)
    share = reached(city, "statistics", year - 1, month)[1]
    output, value_added = city.year_before(year)
    for column, values in (
        ("output_last_year_wan_yuan", output),
        ("value_added_last_year_wan_yuan", value_added),
    ):
        told = np.rint(values * share)[sites].astype(np.int64)
        frame.columns[column] = amounts(contract, column, told, "千元", 0, blank=output[sites] == 0)
    return frame


def _statistics(city: City, contract: Contract, year: int, month: int | None) -> Frame:
    sites = city.above(year)
    figures = city.year(year)
    share = np.ones(city.population.sites) if month is None else reached(city, "statistics", year, month)[1]
    columns = {"uscc": city.uscc(sites, year), "单位详细名称": city.name(sites, year)}
    for key in STATISTICS:
        values = np.rint((figures.money[key] * share)[sites]).astype(np.int64)
        columns[f"{key}_wan_yuan"] = amounts(contract, f"{key}_wan_yuan", values, "千元", 0)
    columns["employees_average"] = amounts(contract, "employees_average", figures.employees[sites], "人", 0)
    if month:
        for key in ("output", "value_added"):
            columns[f"{key}_last_year_wan_yuan"] = pa.nulls(len(sites), pa.string())
    return _frame(contract, period_of(year, month), columns)


def energy(city: City, year: int) -> Frame:
    contract, sites, figures = feed("gov_energy"), city.above(year), city.year(year)
    return _frame(
        contract,
        str(year),
        {
            "uscc": city.uscc(sites, year),
            "energy_tce": amounts(contract, "energy_tce", figures.energy[sites], "吨标准煤", 2),
            "energy_calorific_tce": amounts(
                contract, "energy_calorific_tce", figures.calorific[sites], "吨标准煤", 2
            ),
            "单位": take(["吨标准煤"], np.zeros(len(sites), dtype=np.int64)),
        },
    )


def emission(city: City, year: int) -> Frame:
    contract, figures = feed("gov_emission"), city.year(year)
    sites = city.above(year)
    sites = sites[city.base.has_permit[sites]]
    columns = {"uscc": city.uscc(sites, year), "企业/名称": city.name(sites, year)}
    for pollutant, unit in (("cod", "千克"), ("nh3n", "千克"), ("so2", "吨"), ("nox", "吨")):
        values = figures.emissions[pollutant][sites]
        columns[f"{pollutant}_t"] = amounts(contract, f"{pollutant}_t", values, unit, 3)
    return _frame(contract, str(year), columns)


# --- land ------------------------------------------------------------------------------------------


def parcel_codes(city: City) -> pa.Array:
    """宗地代码: district, cadastral area, GB, serial number."""
    land = city.land
    district = take([d.code for d in city.p.districts], land.district)
    number = np.arange(land.parcels)
    area = pa.array([f"{v:03d}" for v in (number % 37 + 1).tolist()])
    serial = pa.array([f"{v:06d}" for v in (number + 1).tolist()])
    return pa.compute.binary_join_element_wise(district, area, "GB", serial, "")


def holder_codes(city: City, which: Ints, year: int) -> pa.Array:
    """Credit codes of the holders of parcels: the firm on the holder's site, or the village."""
    everyone = pa.concat_arrays([city.codes, pa.array(city.villages)])
    holder, village = city.land.holder[which], city.land.village[which]
    firms = np.where(holder >= 0, city.population.firm[year][np.maximum(holder, 0)], 0)
    return take(everyone, np.where(holder >= 0, firms, len(city.codes) + village))


def land_parcel(city: City, year: int) -> Frame:
    contract, land = feed("gov_land_parcel"), city.land
    rng = stream(city.population.seed, "parcel-dates")
    draw, due = rng.random(land.parcels), rng.integers(18, 31, land.parcels)
    which = np.flatnonzero(land.created <= year)
    codes = parcel_codes(city).take(pa.array(which))
    granted = days_in_year(land.acquired, draw)[which]
    complete = granted + (due[which] * 30.44).astype("timedelta64[D]")
    sites = np.maximum(land.holder[which], 0)
    zone = np.where(land.holder[which] >= 0, city.zone[sites], -1)
    titles = pa.compute.binary_join_element_wise(
        "浙（",
        pa.array(land.acquired[which]).cast(pa.string()),
        "）宁波市不动产权第",
        pa.array([f"{v:07d}" for v in which.tolist()]),
        "号",
        "",
    )
    owner = holder_codes(city, which, year)
    streets = [f"宁波市{d.name}示范工业区" for d in city.p.districts]
    return _frame(
        contract,
        str(year),
        {
            "parcel_id": codes,
            "certificate_code": pa.compute.if_else(pa.array(land.has_certificate[which]), titles, None),
            "owner_uscc": pa.compute.if_else(pa.array(land.has_holder_code[which]), owner, None),
            # 0.01 mu = 20/3 square metres; areas are multiples of 0.03 mu
            "parcel_area_mu": amounts(contract, "parcel_area_mu", land.area[which] // 3 * 2000, "平方米", 2),
            "reported_district_code": take([d.code for d in city.p.districts], land.district[which]),
            "supply_mode_code": words(
                contract,
                "supply_mode_code",
                ["granted", "allocated", "agreement", "collective"],
                land.supply[which],
            ),
            "acquired_date": dates(
                contract, "acquired_date", granted, land.is_disputed[which] & (draw[which] < 0.3)
            ),
            "completion_due_date": dates(contract, "completion_due_date", complete, land.village[which] >= 0),
            "zone_code": take(city.zone_codes, zone),
            "is_disputed": words(
                contract, "is_disputed", ["false", "true"], land.is_disputed[which].astype(np.int64)
            ),
            "坐落": take(streets, land.district[which]),
        },
    )


@dataclass(frozen=True)
class Uses:
    """Rows of the land survey: parcel, user's site, kind of use (0 own, 1 lease, 2 sublet), lessor's site."""

    parcel: Ints
    site: Ints
    kind: Ints
    lessor: Ints
    area: Ints


def land_uses(city: City, year: int) -> Uses:
    """All uses of parcels in the year; lessor is a site, or -1 for the parcel's holder."""
    land, q = city.land, city.population
    own = np.flatnonzero((land.own_area > 0) & (land.holder >= 0) & (land.created <= year))
    own = own[q.status[year][land.holder[own]] != ABSENT]
    tenants = np.flatnonzero((land.host >= 0) & (q.status[year] != ABSENT))
    sublet = land.sublets_from[tenants]
    parcel = np.concatenate([own, land.host[tenants]])
    site = np.concatenate([land.holder[own], tenants])
    kind = np.concatenate([np.zeros(len(own), dtype=np.int64), np.where(sublet >= 0, 2, 1)])
    lessor = np.concatenate([np.full(len(own), -1), sublet])
    area = np.concatenate([land.own_area[own], land.leased_area[tenants]])
    order = np.lexsort((kind, parcel))
    return Uses(parcel[order], site[order], kind[order], lessor[order], area[order])


def land_survey(city: City, year: int, district: int) -> Frame:
    contract, land, q = feed("gov_land_survey"), city.land, city.population
    uses = land_uses(city, year)
    here = np.flatnonzero(land.district[uses.parcel] == district)
    parcel, site, kind, area = uses.parcel[here], uses.site[here], uses.kind[here], uses.area[here]
    lessor = uses.lessor[here]
    rented = kind > 0
    share_only = rented & land.floor_share_only[site]
    # Share of floor area in 0.01 %, rounded down so that a parcel is never over-allotted by rounding.
    share = area * 10_000 // land.area[parcel]
    # Floor area at a plot ratio of 1.2: 0.01 mu = 6.67 square metres of land.
    floor = area * 8
    rng = stream(q.seed, f"leases-{year}-{district}")
    terms = stream(q.seed, "lease-terms").integers(0, 5, q.sites)[site]
    first = np.maximum(city.p.base_year - 1 - terms, q.firm_born[q.firm[year][site]] - 1)
    start = days_in_year(first, np.zeros(len(site)))
    # Terms of five years, renewed while the tenant stays.
    last = first + ((year - first) // 5 + 1) * 5
    end = days_in_year(last, np.zeros(len(site))) - np.timedelta64(1, "D")
    open_ended = rng.random(len(site)) < 0.2
    holder = holder_codes(city, parcel, year)
    subtenant = take(city.codes, np.where(lessor >= 0, q.firm[year][np.maximum(lessor, 0)], -1))
    n = len(here)
    return _frame(
        contract,
        str(year),
        {
            "parcel_id": parcel_codes(city).take(pa.array(parcel)),
            "用地企业名称": city.name(site, year),
            "镇街": take([f"示范{k + 1}镇" for k in range(9)], parcel % 9),
            "uscc": city.uscc(site, year),
            "use_type_code": words(contract, "use_type_code", ["own", "lease", "sublet"], kind),
            "lessor_uscc": pa.compute.if_else(
                pa.array(kind == 0),
                pa.nulls(n, pa.string()),
                pa.compute.if_else(pa.array(kind == 2), subtenant, holder),
            ),
            "surveyed_area_mu": amounts(contract, "surveyed_area_mu", area, "亩", 2, blank=share_only),
            "floor_area_m2": decimals(floor, 0),
            "floor_share_pct": decimals(share, 2, ~share_only),
            "lease_from_date": dates(contract, "lease_from_date", start, ~rented),
            "lease_to_date": dates(contract, "lease_to_date", end, ~rented | open_ended),
        },
        city.p.districts[district].pinyin,
    )


# --- honours and penalties ---------------------------------------------------------------------------


def honour(city: City, year: int) -> Frame:
    contract, q = feed("gov_honour"), city.population
    rng = stream(q.seed, f"honours-{year}")
    sites = q.in_year(year)
    above = q.status[year][sites] == ABOVE
    rd = np.where(above, city.year(year).money["rd_expense"][sites], 0)
    kinds = list(city.p.honours)
    chosen, kind = [], []
    for number, name in enumerate(kinds):
        count = max(1, round(city.p.honours[name] * q.scale))
        weight = np.where(above, 1.0 + np.sqrt(rd), 0.01 if name == "hightech_enterprise" else 0.001)
        if name == "listed":
            weight = weight**1.5
        count = min(count, int((weight > 0).sum()))
        keys = np.log(weight) + rng.gumbel(size=len(sites))
        picked = np.sort(sites[np.argsort(-keys, kind="stable")[:count]])
        chosen.append(picked)
        kind.append(np.full(len(picked), number))
    site, which = np.concatenate(chosen), np.concatenate(kind)
    levels = {"hightech_enterprise": 0, "listed": 0, "single_champion": 0}
    fixed = np.array([levels.get(k, -1) for k in kinds])[which]
    level = np.where(fixed >= 0, fixed, rng.choice(3, len(site), p=[0.2, 0.35, 0.45]))
    days = days_in_year(np.full(len(site), year), rng.random(len(site)))
    until = days + np.timedelta64(3 * 365, "D")
    number_of = [f"RY-{year}-{i + 1:05d}" for i in range(len(site))]
    documents = [f"甬经信示〔{year}〕{i % 60 + 1}号" for i in range(len(site))]
    return _frame(
        contract,
        str(year),
        {
            "event_id": pa.array(number_of),
            "uscc": city.uscc(site, year),
            "企业/名称": city.name(site, year),
            "honour_code": words(contract, "honour_code", kinds, which),
            "level_code": words(contract, "level_code", list(code_list("level")), level),
            "event_date": dates(contract, "event_date", days),
            "valid_until_date": dates(
                contract,
                "valid_until_date",
                until,
                np.isin(which, [kinds.index("listed"), kinds.index("brand")]),
            ),
            "document_code": pa.array(documents),
        },
    )


def penalty(city: City, year: int) -> Frame:
    contract, q = feed("gov_penalty"), city.population
    rng = stream(q.seed, f"penalties-{year}")
    sites = q.in_year(year)
    ordinary = sites[(q.giant[sites] < 0) & ~q.tail[sites]]
    above = q.status[year][ordinary] == ABOVE
    kinds = list(city.p.penalties)
    counts = [max(1, round(city.p.penalties[k] * q.scale)) for k in kinds]
    which = np.repeat(np.arange(len(kinds)), counts)
    weight = np.where(above, 4.0, 1.0)
    site = rng.choice(ordinary, len(which), p=weight / weight.sum())
    # Grave cases mostly concern firms that are graded.
    grave = (which != kinds.index("minor_fine")) & (rng.random(len(which)) < 0.5)
    site[grave] = rng.choice(ordinary[above], int(grave.sum()))
    accident = (which == kinds.index("safety_fatal")).astype(np.int64)
    days = days_in_year(np.full(len(site), year), rng.random(len(site)))
    return _frame(
        contract,
        str(year),
        {
            "event_id": pa.array([f"CF-{year}-{i + 1:05d}" for i in range(len(site))]),
            "uscc": city.uscc(site, year),
            "event_kind_code": words(contract, "event_kind_code", ["penalty", "accident"], accident),
            "penalty_code": words(contract, "penalty_code", kinds, which),
            "event_date": dates(contract, "event_date", days),
            "document_code": pa.array([f"甬罚示〔{year}〕{i + 1}号" for i in range(len(site))]),
        },
    )
