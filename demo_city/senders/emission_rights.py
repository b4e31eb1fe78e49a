"""Emission rights (排污权) of the demo city: initial rights by pollutant, and the register of claims on them.

Every firm above scale with a key or simplified permit has initial rights for five years, 0.75 to 1.7 times what its
works discharged in the base year; those of 2021 are 8 % less than those of 2016. Each registered transfer, lease or
pledge takes 1 to 4 % of the giver's initial right, and both sides are above scale from then on, so that the ledger
balances. All amounts are assumed; prices are those of Lishui 2018 with a spread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from demo_city.cells import amounts, dates, days_in_year, decimals, words
from demo_city.frame import Frame
from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints, stream
from demo_city.world.figures import POLLUTANTS
from demo_city.world.population import ABOVE
from schemas.contract import feed

#: Claims a year at true scale, by kind.
_CLAIMS = {"transfer": 60, "lease": 40, "pledge": 60}
#: Fewest claims of a kind in a year: planted faults change two of each.
_FEWEST = 2
#: Yuan per ton and year.
_PRICES = {"cod": 4000, "nh3n": 4000, "so2": 1000, "nox": 1000}
#: First years of terms, and the part of the base year's amount that each allows.
_TERM, _TERMS = 5, {2016: 1.0, 2021: 0.92, 2026: 0.85}
#: Least right (kg) of which a part is given.
_LEAST = 200
#: Creditor of the pledges: no bank is named, the code is that of no firm.
BANK = "91330200BANK000000"


@dataclass(frozen=True)
class Claims:
    """Claims of the register, row by row; sites of the sides, -1 for a bank."""

    year: Ints
    number: Ints
    kind: Ints
    pollutant: Ints
    giver: Ints
    taker: Ints
    kilograms: Ints
    price: Ints
    start: np.ndarray[tuple[int], np.dtype[np.datetime64]]
    #: Not a time where open.
    end: np.ndarray[tuple[int], np.dtype[np.datetime64]]

    def codes(self) -> pa.Array:
        """Numbers in the register."""
        return pa.array(
            [f"PQ-{y}-{n:04d}" for y, n in zip(self.year.tolist(), self.number.tolist(), strict=True)]
        )

    def some(self, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Claims:
        return Claims(*(values[chosen] for values in vars(self).values()))


def rights_kg(city: City, year: int) -> dict[str, Ints]:
    """Initial right of each site by pollutant, kg a year; 0 without a permit with amounts."""
    n = city.population.sites
    level = _TERMS[max(first for first in _TERMS if first <= year)]
    found = {}
    for pollutant in POLLUTANTS:
        spread = stream(city.population.seed, f"right-{pollutant}").uniform(0.75, 1.7, n)
        tons = city.base.emissions[pollutant] * spread * level
        found[pollutant] = np.where(city.base.has_permit, np.ceil(tons * 1000), 0).astype(np.int64)
    return found


def emission_right(city: City, year: int) -> Frame:
    """A row for each firm above scale and pollutant of which it has an initial right."""
    contract, rights, above = feed("gov_emission_right"), rights_kg(city, year), city.above(year)
    first = max(one for one in _TERMS if one <= year)
    pairs = [(number, above[rights[name][above] > 0]) for number, name in enumerate(POLLUTANTS)]
    site = np.concatenate([sites for _, sites in pairs])
    which = np.concatenate([np.full(len(sites), number) for number, sites in pairs])
    kilograms = np.stack([rights[name] for name in POLLUTANTS])[which, site]
    n = len(site)
    return Frame(
        contract,
        str(year),
        "",
        {
            "uscc": city.uscc(site, year),
            "pollutant_code": words(contract, "pollutant_code", list(POLLUTANTS), which),
            "initial_t": amounts(contract, "initial_t", kilograms, "吨", 3),
            "right_from_date": dates(
                contract, "right_from_date", np.full(n, np.datetime64(f"{first}-01-01"))
            ),
            "right_to_date": dates(
                contract, "right_to_date", np.full(n, np.datetime64(f"{first + _TERM - 1}-12-31"))
            ),
            "document_code": pa.array([f"甬环权示〔{first}〕{one % 97 + 1}号" for one in site.tolist()]),
        },
    )


def claims_of(city: City, year: int) -> Claims:
    """Claims registered in a year."""
    q = city.population
    rng = stream(q.seed, f"emission-claims-{year}")
    later = [y for y in q.status if y >= year]
    lasts = np.all([(q.status[y] == ABOVE) & (q.firm[y] == q.firm[year]) for y in later], axis=0)
    held = np.stack([rights_kg(city, y)[name] for name in POLLUTANTS for y in later])
    held = held.reshape(len(POLLUTANTS), len(later), -1).min(axis=1)
    fits = np.flatnonzero(lasts & (held.max(axis=0) >= _LEAST))
    counts = [max(_FEWEST, round(n * q.scale)) for n in _CLAIMS.values()]
    kind = np.repeat(np.arange(len(_CLAIMS)), counts)
    n = len(kind)
    at = rng.integers(0, len(fits), n)
    giver = fits[at]
    taker = fits[(at + rng.integers(1, len(fits), n)) % len(fits)]
    pollutant = held[:, giver].argmax(axis=0)
    kilograms = np.ceil(held[pollutant, giver] * rng.uniform(0.01, 0.04, n)).astype(np.int64)
    start = days_in_year(np.full(n, year), rng.random(n) * 0.9)
    days: Floats = np.where(kind == 1, rng.uniform(60, 360, n), rng.uniform(360, 1080, n))
    end = start + days.astype(np.int64).astype("timedelta64[D]")
    end[kind == 0] = np.datetime64("NaT")
    spread = rng.uniform(0.9, 1.6, n)
    price = np.rint(np.array([_PRICES[name] for name in POLLUTANTS])[pollutant] * spread).astype(np.int64)
    return Claims(
        np.full(n, year), np.arange(1, n + 1), kind, pollutant, giver, np.where(kind == 2, -1, taker), kilograms,
        price, start, end,
    )  # fmt: skip


def emission_right_transfer(city: City, year: int) -> Frame:
    """A row for each claim in force on some day of the year."""
    contract = feed("gov_emission_right_transfer")
    all_years = [claims_of(city, one) for one in sorted(city.population.status) if one <= year]
    found = Claims(
        *(np.concatenate([getattr(one, name) for one in all_years]) for name in vars(all_years[0]))
    )
    found = found.some(np.isnat(found.end) | (found.end >= np.datetime64(f"{year}-01-01")))
    sides = {
        "giver_account": city.uscc(found.giver, year),
        "taker_account": pa.compute.if_else(
            pa.array(found.taker < 0), pa.scalar(BANK), city.uscc(np.maximum(found.taker, 0), year)
        ),
    }
    return Frame(
        contract,
        str(year),
        "",
        {
            "right_transfer_code": found.codes(),
            "right_transfer_kind_code": words(
                contract, "right_transfer_kind_code", list(_CLAIMS), found.kind
            ),
            "pollutant_code": words(contract, "pollutant_code", list(POLLUTANTS), found.pollutant),
            **sides,
            "transferred_t": amounts(contract, "transferred_t", found.kilograms, "吨", 3),
            "transfer_price_yuan": decimals(found.price, 0, found.kind == 2),
            "transfer_from_date": dates(contract, "transfer_from_date", found.start),
            "transfer_to_date": dates(contract, "transfer_to_date", found.end, np.isnat(found.end)),
            "document_code": pa.array(
                [
                    f"甬排权示〔{y}〕{n}号"
                    for y, n in zip(found.year.tolist(), found.number.tolist(), strict=True)
                ]
            ),
        },
    )
