"""Land (自然资源和规划局、亩均办): parcels with their holders, and the survey of their users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo_city.cells import amounts, dates, days_in_year, decimals, take, words
from demo_city.frame import Frame
from demo_city.world.city import City
from demo_city.world.draws import Ints, stream
from demo_city.world.population import ABSENT
from schemas.contract import feed


def parcel_codes(city: City) -> pa.Array:
    """Parcel codes (宗地代码): district, cadastral area, GB, serial number."""
    land = city.land
    district = take([d.code for d in city.p.districts], land.district)
    number = np.arange(land.parcels)
    area = pc.utf8_lpad(pa.array(number % 37 + 1).cast(pa.string()), 3, "0")
    serial = pc.utf8_lpad(pa.array(number + 1).cast(pa.string()), 6, "0")
    return pc.binary_join_element_wise(district, area, "GB", serial, "")


def holder_codes(city: City, which: Ints, year: int) -> pa.Array:
    """Credit codes of the holders of parcels: the firm on the holder's site, or the village."""
    everyone = pa.concat_arrays([city.codes, pa.array(city.villages)])
    holder, village = city.land_in(year).holder[which], city.land.village[which]
    firms = np.where(holder >= 0, city.population.firm[year][np.maximum(holder, 0)], 0)
    return take(everyone, np.where(holder >= 0, firms, len(city.codes) + village))


def land_parcel(city: City, year: int) -> Frame:
    """A row for each parcel that exists in the year: certificate, holder, area and dates."""
    contract, land, now = feed("gov_land_parcel"), city.land, city.land_in(year)
    rng = stream(city.population.seed, "parcel-dates")
    draw, due = rng.random(land.parcels), rng.integers(18, 31, land.parcels)
    which = np.flatnonzero(now.exists)
    codes = parcel_codes(city).take(pa.array(which))
    acquired, holder = now.acquired[which], now.holder[which]
    # A firm has no land right before it is registered; both are in the same year at the earliest.
    firms = city.firms(np.maximum(holder, 0), year)
    registered = np.where(holder >= 0, city.registered[firms], np.datetime64("1990-01-01"))
    granted = np.maximum(days_in_year(acquired, draw[which]), registered)
    complete = granted + (due[which] * 30.44).astype("timedelta64[D]")
    titles = pc.binary_join_element_wise(
        "浙（",
        pa.array(acquired).cast(pa.string()),
        "）宁波市不动产权第",
        pa.array([f"{v:07d}" for v in which.tolist()]),
        "号",
        "",
    )
    owner = holder_codes(city, which, year)
    streets = [f"宁波市{d.name}示范工业区" for d in city.p.districts]
    return Frame(
        contract,
        str(year),
        "",
        {
            "parcel_id": codes,
            "certificate_code": pc.if_else(pa.array(land.has_certificate[which]), titles, None),
            "owner_uscc": pc.if_else(pa.array(land.has_holder_code[which]), owner, None),
            # 0.01 mu = 20/3 square metres; areas are multiples of 0.03 mu
            "parcel_area_mu": amounts(contract, "parcel_area_mu", land.area[which] // 3 * 2000, "平方米", 2),
            "reported_district_code": take([d.code for d in city.p.districts], land.district[which]),
            "reported_town": take(city.towns.names, city.towns.parcel[which]),
            "supply_mode_code": words(
                contract,
                "supply_mode_code",
                ["granted", "allocated", "agreement", "collective"],
                land.supply[which],
            ),
            "acquired_date": dates(
                contract, "acquired_date", granted, land.is_disputed[which] & (draw[which] < 0.3)
            ),
            "completion_due_date": dates(
                contract,
                "completion_due_date",
                complete,
                # who buys finished works has nothing to complete
                (land.village[which] >= 0) | now.is_transferred[which],
            ),
            "zone_code": take(city.zone_codes, land.zone[which]),
            "is_disputed": words(
                contract, "is_disputed", ["false", "true"], land.is_disputed[which].astype(np.int64)
            ),
            "坐落": take(streets, land.district[which]),
        },
    )


@dataclass(frozen=True)
class Uses:
    """Rows of the land survey: parcel, user's site, kind of use (0 own, 1 lease, 2 sublet), lessor's site, 0.01 mu.

    ``area`` is what the user uses itself, ``sublet`` what it leases besides and sublets. So the areas of a parcel's
    uses add up to at most its own.
    """

    parcel: Ints
    site: Ints
    kind: Ints
    lessor: Ints
    area: Ints
    sublet: Ints


def land_uses(city: City, year: int) -> Uses:
    """All uses of parcels in the year; the lessor is -1 if it is the parcel's holder."""
    land, now, q = city.land, city.land_in(year), city.population
    own = np.flatnonzero((now.own_area > 0) & (now.holder >= 0) & now.exists)
    own = own[q.status[year][now.holder[own]] != ABSENT]
    tenants = np.flatnonzero((now.host >= 0) & (q.status[year] != ABSENT))
    sublets_from = land.sublets_from[tenants]
    parcel = np.concatenate([own, now.host[tenants]])
    site = np.concatenate([now.holder[own], tenants])
    kind = np.concatenate([np.zeros(len(own), dtype=np.int64), np.where(sublets_from >= 0, 2, 1)])
    lessor = np.concatenate([np.full(len(own), -1), sublets_from])
    area = np.concatenate([now.own_area[own], now.leased_area[tenants]])
    leases = lessor >= 0
    sublet_by_site = np.bincount(lessor[leases], weights=area[leases], minlength=q.sites).astype(np.int64)
    sublet = np.where(kind == 1, sublet_by_site[site], 0)
    order = np.lexsort((kind, parcel))
    return Uses(parcel[order], site[order], kind[order], lessor[order], area[order], sublet[order])


def land_survey(city: City, year: int, district: int) -> Frame:
    """A row for each use of a parcel in a district: the user, its area, and whether it owns or leases.

    The area of a lease contains what the tenant sublets.
    """
    contract, land, q = feed("gov_land_survey"), city.land, city.population
    now = city.land_in(year)
    uses = land_uses(city, year)
    here = np.flatnonzero(land.district[uses.parcel] == district)
    parcel, site, kind, lessor = uses.parcel[here], uses.site[here], uses.kind[here], uses.lessor[here]
    area = uses.area[here] + uses.sublet[here]
    rented = kind > 0
    share_only = rented & land.floor_share_only[site]
    # Share of floor area in 0.01 %, rounded down so that rounding never over-allots a parcel.
    share = area * 10_000 // land.area[parcel]
    floor = area * now.floor_per_land[parcel]
    rng = stream(q.seed, f"leases-{year}-{district}")
    terms = stream(q.seed, "lease-terms").integers(0, 5, q.sites)[site]
    first = np.maximum(city.p.base_year - 1 - terms, now.leased_since[site])
    start = days_in_year(first, np.zeros(len(site)))
    # A firm leases from its registration at the earliest.
    start = np.maximum(start, city.registered[city.firms(site, year)])
    # Terms of five years, renewed while the tenant stays.
    last = first + ((year - first) // 5 + 1) * 5
    end = days_in_year(last, np.zeros(len(site))) - np.timedelta64(1, "D")
    open_ended = rng.random(len(site)) < 0.2
    holder = holder_codes(city, parcel, year)
    sublessor = take(city.codes, np.where(lessor >= 0, q.firm[year][np.maximum(lessor, 0)], -1))
    n = len(here)
    return Frame(
        contract,
        str(year),
        city.p.districts[district].pinyin,
        {
            "parcel_id": parcel_codes(city).take(pa.array(parcel)),
            "用地企业名称": city.name(site, year),
            "uscc": city.uscc(site, year),
            "use_type_code": words(contract, "use_type_code", ["own", "lease", "sublet"], kind),
            "lessor_uscc": pc.if_else(
                pa.array(kind == 0),
                pa.nulls(n, pa.string()),
                pc.if_else(pa.array(kind == 2), sublessor, holder),
            ),
            "reported_town": take(city.towns.names, city.towns.parcel[parcel]),
            "surveyed_area_mu": amounts(contract, "surveyed_area_mu", area, "亩", 2, blank=share_only),
            "floor_area_m2": decimals(floor, 0),
            "floor_share_pct": decimals(share, 2, ~share_only),
            "lease_from_date": dates(contract, "lease_from_date", start, ~rented),
            "lease_to_date": dates(contract, "lease_to_date", end, ~rented | open_ended),
        },
    )
