"""Services (发改委、商务局): enterprises above scale (规上服务业) with their premises, and complexes (服务综合体).

Numbers at scale 1: about 4,200 firms and 36 complexes. The shares of divisions and all amounts are assumed. Firms of
finance and real estate are sent too, because the sender's directory has them; the evaluation leaves them out.

Irregularities for the platform to detect: 1.5 % of the firms have no floor area, and 0.5 % give it in mu; 0.4 % have no
tax; some industrial firms of the directory are reported once more as services; one complex in 15 has not counted the
floor in use, and one in 20 counts more of it than it has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from demo_city.cells import amounts, dates, days_in_year, decimals, take, words
from demo_city.frame import Frame
from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints, shares_to_counts, stream
from demo_city.world.identity import credit_codes
from demo_city.world.names import SYNTHETIC, styles
from schemas.contract import feed

FIRMS, COMPLEXES = 4_200, 36
#: Division → share of firms, revenue per person (万元 a year), floor area per person (m²), trade in the name. All A.
_DIVISIONS: dict[str, tuple[float, float, float, str]] = {
    "54": (0.09, 60, 30, "运输"), "58": (0.10, 220, 14, "货运代理"), "59": (0.05, 70, 120, "仓储"),
    "64": (0.05, 110, 13, "网络"), "65": (0.15, 60, 13, "软件"), "66": (0.02, 300, 20, "融资担保"),
    "69": (0.01, 260, 18, "金融信息"), "70": (0.07, 40, 16, "置业"), "71": (0.04, 120, 20, "租赁"),
    "72": (0.20, 45, 12, "商务"), "73": (0.02, 50, 22, "研究"), "74": (0.11, 55, 15, "技术"),
    "75": (0.03, 60, 15, "科技推广"), "80": (0.02, 15, 18, "家庭服务"), "81": (0.01, 40, 25, "维修"),
    "83": (0.01, 25, 30, "培训"), "88": (0.01, 30, 25, "文化艺术"), "90": (0.01, 35, 40, "娱乐"),
}  # fmt: skip
#: Growth of revenue against the base year, by years passed. A
_GROWTH = 1.045
#: Serial numbers of the firms' credit codes: beyond those of industry and villages.
_FIRST_SERIAL = 20_000_000


@dataclass(frozen=True)
class Services:
    """Service firms by number, and complexes. Money in 万元, floor in m²."""

    codes: pa.Array
    names: pa.Array
    district: Ints
    division: list[str]
    #: First and last year in the directory.
    first: Ints
    last: Ints
    revenue: Floats
    persons: Floats
    floor: Ints
    #: Own land in 0.01 mu, 0 for tenants; complex of a tenant, -1 for none.
    land: Ints
    complex: Ints
    complex_district: Ints
    complex_codes: list[str]
    complex_floor: Ints


def services(city: City) -> Services:
    """Draw the firms and complexes of all years."""
    p, q = city.p, city.population
    rng = stream(q.seed, "services")
    n = max(60, round(FIRMS * q.scale))
    weight = [float(d.firms) for d in p.districts]
    district = np.repeat(np.arange(len(weight)), shares_to_counts(weight, n, minimum=2))
    kinds = list(_DIVISIONS)
    share = np.array([_DIVISIONS[k][0] for k in kinds])
    kind = rng.choice(len(kinds), n, p=share / share.sum())
    revenue = np.maximum(1_000, np.exp(rng.normal(np.log(3_600), 1.05, n)))
    persons = (
        revenue / np.array([_DIVISIONS[k][1] for k in kinds])[kind] * np.exp(0.3 * rng.standard_normal(n))
    )
    persons = np.maximum(persons, 8)
    floor = np.rint(persons * np.array([_DIVISIONS[k][2] for k in kinds])[kind] * rng.uniform(0.6, 1.7, n))
    has_land = rng.random(n) < np.where(np.isin(kind, [kinds.index("59"), kinds.index("54")]), 0.5, 0.09)
    land = np.where(has_land, np.maximum(floor / rng.uniform(0.8, 2.2, n) * 0.15, 20), 0).astype(np.int64)
    complexes = max(len(weight), round(COMPLEXES * q.scale))
    counts = shares_to_counts(weight, complexes, minimum=1)
    at = np.repeat(np.arange(len(weight)), counts)
    first_here = (np.cumsum(counts) - counts)[district]
    inside = (rng.random(n) < 0.35) & ~has_land
    complex_ = np.where(inside, first_here + (rng.random(n) * counts[district]).astype(np.int64), -1)
    first = np.where(rng.random(n) < 0.8, 0, p.base_year + rng.integers(0, 6, n))
    last = np.where(rng.random(n) < 0.85, 9999, p.base_year + rng.integers(1, 9, n))
    used = np.bincount(complex_[inside], weights=floor[inside], minlength=complexes)
    return Services(
        codes=_codes(city, district, n),
        names=_names(city, district, [_DIVISIONS[kinds[k]][3] for k in kind.tolist()]),
        district=district,
        division=[kinds[k] for k in kind.tolist()],
        first=first,
        last=np.maximum(last, first),
        revenue=revenue,
        persons=persons,
        floor=np.maximum(floor, 20).astype(np.int64),
        land=land,
        complex=complex_,
        complex_district=at,
        complex_codes=[f"{p.districts[d].code}S{k + 1:03d}" for k, d in enumerate(at.tolist())],
        complex_floor=np.rint(np.maximum(used * rng.uniform(1.3, 3.0, complexes), 6_000)).astype(np.int64),
    )


def _codes(city: City, district: Ints, n: int) -> pa.Array:
    """Credit codes; one firm in 700, and at least one, is an industrial firm of the directory."""
    areas = [d.code for d in city.p.districts]
    codes = credit_codes("91", areas, district, _FIRST_SERIAL + np.arange(n), city.population.seed)
    industrial = city.above(city.p.base_year)
    for number, place in enumerate(range(5, n, 700)):
        codes[place] = city.codes[int(city.firms(industrial, city.p.base_year)[number])].as_py()
    return pa.array(codes)


def _names(city: City, district: Ints, trades: list[str]) -> pa.Array:
    places = [f"宁波{d.name[:-1]}" for d in city.p.districts]
    style = styles(np.arange(len(trades)) + 7_000)
    numbered = pa.array([f"{trade}有限公司{SYNTHETIC}" for trade in trades])
    return pc.binary_join_element_wise(take(places, district), style, numbered, "")


def _in_year(all_: Services, year: int) -> Ints:
    return np.flatnonzero((all_.first <= year) & (year <= all_.last))


def _amount(all_: Services, city: City, year: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Revenue, value added, tax (万元) and persons of all firms in the year."""
    rng = stream(city.population.seed, f"services-{year}")
    n = len(all_.division)
    drift = np.exp(0.12 * rng.standard_normal(n)) * _GROWTH ** (year - city.p.base_year)
    revenue = all_.revenue * drift
    value_added = revenue * np.clip(rng.normal(0.34, 0.13, n), -0.15, 0.8)
    tax = np.maximum(revenue * np.clip(rng.normal(0.042, 0.022, n), 0.0005, None), 0)
    persons = np.maximum(all_.persons * np.exp(0.06 * rng.standard_normal(n)), 3)
    return revenue, value_added, tax, persons


def service_annual(city: City, year: int) -> Frame:
    """A row for each service firm in the sender's directory of the year."""
    contract, every = feed("gov_service_annual"), services(city)
    at = _in_year(every, year)
    revenue, value_added, tax, persons = (amount[at] for amount in _amount(every, city, year))
    draw = stream(city.population.seed, f"service-faults-{year}").random((3, len(at)))
    in_mu = draw[0] > 0.995
    # 0.01 m²; a slip states mu: 1 mu = 2000/3 m²
    floor = np.where(in_mu, every.floor[at] * 100 * 3 // 2000, every.floor[at] * 100)
    closing = every.last[at] == year
    return Frame(
        contract,
        str(year),
        "",
        {
            "uscc": every.codes.take(pa.array(at)),
            "enterprise_name": every.names.take(pa.array(at)),
            "reported_district_code": take([d.code for d in city.p.districts], every.district[at]),
            "service_division_code": pa.array([every.division[k] for k in at.tolist()]),
            "registration_status_code": words(
                contract, "registration_status_code", ["active", "cancelled"], closing.astype(np.int64)
            ),
            "complex_code": take(every.complex_codes, every.complex[at]),
            "land_area_mu": amounts(contract, "land_area_mu", every.land[at], "亩", 2),
            "floor_area_m2": amounts(contract, "floor_area_m2", floor, "平方米", 2, blank=draw[0] < 0.015),
            "tax_contribution_wan_yuan": _money(contract, "tax_contribution_wan_yuan", tax, draw[1] < 0.004),
            "service_value_added_wan_yuan": _money(contract, "service_value_added_wan_yuan", value_added),
            "revenue_wan_yuan": _money(contract, "revenue_wan_yuan", revenue),
            "employees_average": amounts(
                contract, "employees_average", np.rint(persons).astype(np.int64), "人", 0
            ),
        },
    )  # fmt: skip


def _money(
    contract: object, column: str, values: Floats, blank: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """Amounts of 万元 with two digits."""
    return amounts(contract, column, np.rint(values * 100).astype(np.int64), "万元", 2, blank=blank)  # type: ignore[arg-type]


def service_complex(city: City, year: int) -> Frame:
    """A row for each complex that has opened: the firms above scale in it are a part of its residents."""
    contract, every = feed("gov_service_complex"), services(city)
    n = len(every.complex_codes)
    rng = stream(city.population.seed, "service-complexes")
    opened = city.p.base_year - 6 + rng.integers(0, 10, n)
    opened[0] = city.p.base_year - 6
    day, small, local = rng.random(n), rng.uniform(1.3, 2.6, n), rng.uniform(0.45, 0.97, n)
    at = np.flatnonzero(opened <= year)
    inside = _in_year(every, year)
    inside = inside[every.complex[inside] >= 0]
    revenue, _, tax, _ = _amount(every, city, year)
    by_complex = [
        np.bincount(every.complex[inside], weights=w, minlength=n)[at]
        for w in (np.ones(len(inside)), revenue[inside], tax[inside], every.floor[inside].astype(np.float64))
    ]
    firms, their_revenue, their_tax, their_floor = by_complex
    yearly = stream(city.population.seed, f"service-complexes-{year}").random((2, len(at)))
    residents = np.rint(firms * 6 * small[at] + 4).astype(np.int64)
    floor = every.complex_floor[at]
    # small firms use about as much floor as those above scale, as far as there is room
    occupied = np.minimum(their_floor * small[at] + floor * 0.15 * yearly[0], floor * 0.985)
    occupied = np.where(yearly[1] > 0.95, floor * 1.08, occupied)
    return Frame(
        contract,
        str(year),
        "",
        {
            "complex_code": take(every.complex_codes, at),
            "complex_name": pa.array(
                [
                    f"{city.p.districts[d].name}示范{k + 1}号服务综合体{SYNTHETIC}"
                    for k, d in zip(at.tolist(), every.complex_district[at].tolist(), strict=True)
                ]
            ),
            "reported_district_code": take([d.code for d in city.p.districts], every.complex_district[at]),
            "land_area_mu": amounts(contract, "land_area_mu", (floor * 0.15 / 3.2).astype(np.int64), "亩", 2),
            "building_area_m2": amounts(contract, "building_area_m2", floor, "平方米", 0),
            "occupied_area_m2": amounts(
                contract, "occupied_area_m2", np.rint(occupied).astype(np.int64), "平方米", 0,
                blank=yearly[1] < 0.066,
            ),
            "resident_firm_count": decimals(residents, 0),
            "local_firm_count": decimals((residents * local[at]).astype(np.int64), 0),
            "tax_contribution_wan_yuan": _money(contract, "tax_contribution_wan_yuan", their_tax * small[at] + 20),
            "declared_revenue_wan_yuan": _money(
                contract, "declared_revenue_wan_yuan", their_revenue * small[at] + 500
            ),
            "opened_date": dates(contract, "opened_date", days_in_year(opened[at], day[at])),
        },
    )  # fmt: skip
