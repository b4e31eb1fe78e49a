"""Contracts of standard land (标准地出让合同): what the holders of newly granted land promise after full production.

Every parcel that was granted to a firm from 2014 on has a contract. Promised values spread around those of public
notices (Beilun 甬土资告[2025]06004, Ninghai 2021, Wenling 2021); which firm promises what is drawn and does not follow
from what it achieves. All amounts are assumed.

Irregularities for the platform to detect: Beilun and Zhenhai state the investment intensity per hectare, and every
fifteenth of their contracts has the figure per hectare with the unit per mu; one contract in twenty promises no R&D.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo_city.cells import amounts, dates, days_in_year, decimals, words
from demo_city.frame import Frame
from demo_city.senders.land import holder_codes, parcel_codes
from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints, Whole, stream
from demo_city.world.parameters import classes_of
from schemas.contract import feed

#: First year of land rights with a contract of standard land. Assumed: the scheme began as a trial before 2018.
_FIRST_YEAR = 2014
#: Districts that state the investment intensity per hectare.
_PER_HECTARE = ("330206", "330211")
_TERMS = ("full_term", "flexible_term", "lease_first", "divided")
#: Column → least and greatest promise, in the units of the contract's columns times the power of ten of its digits.
_PROMISES = {
    "promised_tax_per_mu_wan_yuan": (8, 75),
    "promised_value_added_per_mu_wan_yuan": (40, 260),
    "promised_value_added_per_tce_wan_yuan": (1.1, 5.1),
    "promised_value_added_per_t_wan_yuan": (1_762, 10_571),
    "promised_productivity_wan_yuan": (12, 27),
}


def land_contract(city: City, year: int) -> Frame:
    """A row for each contract in force at the end of the year; the obligor is the parcel's present holder."""
    contract, land, now = feed("gov_land_contract"), city.land, city.land_in(year)
    rng = stream(city.population.seed, "land-contracts")
    draw = {
        name: rng.random(land.parcels) for name in (*_PROMISES, "level", "investment", "signed", "rd", "term")
    }
    slip = stream(city.population.seed, "land-contract-units").integers(0, 15, land.parcels)
    has_one = now.exists & (now.holder >= 0) & (land.supply == 0) & (now.acquired >= _FIRST_YEAR)
    at = np.flatnonzero(has_one & ~now.is_transferred)
    district = np.array([d.code for d in city.p.districts])[land.district[at]]
    signed = days_in_year(now.acquired[at], draw["signed"][at])
    months = np.where(draw["investment"][at] < 0.5, 24, 30)
    completion = signed + (months * 30.44).astype("timedelta64[D]")
    production = completion + np.timedelta64(365, "D")
    per_hectare = np.isin(district, _PER_HECTARE)
    is_slip = per_hectare & (slip[at] == 0)
    investment = np.rint(216 + 334 * draw["investment"][at]).astype(np.int64) * np.where(per_hectare, 15, 1)
    group = city.population.group[now.holder[at]]
    term = np.select([draw["term"][at] < share for share in (0.2, 0.26, 0.3)], [1, 2, 3], 0)
    columns: dict[str, pa.Array] = {
        "land_contract_code": _codes(district, now.acquired[at], at),
        "parcel_id": parcel_codes(city).take(pa.array(at)),
        "uscc": holder_codes(city, at, year),
        "reported_district_code": pa.array(district.tolist()),
        "industry_code": pa.array([classes_of(f"{city.p.divisions[g].codes[0]:02d}")[0] for g in group.tolist()]),
        "signed_date": dates(contract, "signed_date", signed),
        "completion_due_date": dates(contract, "completion_due_date", completion),
        "production_due_date": dates(contract, "production_due_date", production),
        "stated_investment_wan_yuan": decimals(investment, 0),
        "investment_area_code": words(
            contract, "investment_area_code", ("mu", "hectare"), (per_hectare & ~is_slip).astype(np.int64)
        ),
        "promised_rd_pct": decimals(_between(2.0, 3.8, draw["rd"][at]), 2, draw["rd"][at] > 0.95),
        "term_years": decimals(np.where(draw["term"][at] < 0.3, 20, 50), 0),
        "land_term_code": words(contract, "land_term_code", _TERMS, term),
    }  # fmt: skip
    for name, (least, most) in _PROMISES.items():
        # promises of one contract go together, and most are near the lower end
        level = (0.6 * draw["level"][at] + 0.4 * draw[name][at]) ** 2
        columns[name] = amounts(contract, name, _between(least, most, level), "", 2)
    return Frame(contract, str(year), "", columns)


def _between(least: float, most: float, draw: Floats) -> Ints:
    """Hundredths between two values."""
    hundredths: Ints = np.rint(100 * (least + (most - least) * draw)).astype(np.int64)
    return hundredths


def _codes(district: np.ndarray, acquired: Ints | Whole, at: Ints) -> pa.Array:
    """Contract numbers: district, year, A21 (grant), serial number."""
    return pc.binary_join_element_wise(
        pa.array(district.tolist()),
        pa.array(acquired.astype(str).tolist()),
        "A21",
        pa.array([f"{n + 1:05d}" for n in at.tolist()]),
        "",
    )
