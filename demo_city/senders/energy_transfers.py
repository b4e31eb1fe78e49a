"""Trades and leases of energy quotas (用能权交易) of the demo city, between firms and between districts.

A firm gives 1 to 3 % of what its industry needs for the firm's value added of the year before, a district 10 to 30 % of
a twentieth of that of its firms, so that the ledger balances. Each row is for one year. Amounts and prices are assumed.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import amounts, dates, days_in_year, decimals, words
from demo_city.frame import Frame
from demo_city.world.city import City
from demo_city.world.draws import Floats, stream
from demo_city.world.population import ABOVE
from schemas.contract import feed

_KINDS = ("increment", "existing", "lease")
#: Trades of firms a year at true scale, by kind, and of districts.
_FIRMS, _DISTRICTS = (40, 30, 30), 3
#: Fewest of each kind: planted faults change some.
_FEWEST = 2


def needed(city: City, year: int) -> Floats:
    """Energy (tce) that each site's industry needs for the firm's value added of the year before; 0 if it had none."""
    q, before = city.population, city.year(year - 1)
    lasts = (q.status[year - 1] == ABOVE) & (q.status[year] == ABOVE) & (q.firm[year] == q.firm[year - 1])
    gained = np.maximum(before.money["value_added"], 0) / 10
    energy = before.energy / 100
    groups = np.arange(len(city.p.divisions))
    counted = q.status[year - 1] == ABOVE
    of_group = [np.flatnonzero(counted & (q.group == g)) for g in groups]
    intensity = np.array([energy[s].sum() / max(gained[s].sum(), 1.0) if len(s) else 0.0 for s in of_group])
    # groups of several divisions have standards of their own by division
    single = np.array([len(d.codes) == 1 for d in city.p.divisions])
    return np.where(lasts & single[q.group], gained * intensity[q.group], 0.0)


def energy_quota_transfer(city: City, year: int) -> Frame:
    """A row for each trade or lease that is in force in the year."""
    contract, q = feed("gov_energy_quota_transfer"), city.population
    rng, need = stream(q.seed, f"energy-transfers-{year}"), needed(city, year)
    fits = np.flatnonzero(need > 100)
    counts = [max(_FEWEST, round(n * q.scale)) for n in _FIRMS]
    n = sum(counts)
    at = rng.permutation(np.resize(rng.permutation(len(fits)), n))
    giver, taker = fits[at], fits[(at + rng.integers(1, len(fits), n)) % len(fits)]
    hundredths = np.ceil(need[giver] * rng.uniform(1, 3, n)).astype(np.int64)
    districts = [d.code for d in city.p.districts]
    of_district = np.array([need[q.district == number].sum() for number in range(len(districts))])
    rich = rng.choice(np.flatnonzero(of_district > 0), _DISTRICTS, replace=False)
    poor = (rich + rng.integers(1, len(districts), _DISTRICTS)) % len(districts)
    by_district = np.ceil(of_district[rich] * 5 * rng.uniform(0.1, 0.3, _DISTRICTS)).astype(np.int64)
    kind = np.concatenate([np.repeat(np.arange(3), counts), np.full(_DISTRICTS, 1)])
    total = n + _DISTRICTS
    start = days_in_year(np.full(total, year), rng.random(total) * 0.7)
    last = np.datetime64(f"{year}-12-31")
    end = np.full(total, last)
    returned = (kind == 2) & (rng.random(total) < 0.5)
    end[returned] = np.minimum(start[returned] + np.timedelta64(90, "D"), last)
    numbers = range(1, total + 1)
    return Frame(
        contract,
        str(year),
        "",
        {
            "quota_transfer_code": pa.array([f"YN-{year}-{one:04d}" for one in numbers]),
            "energy_transfer_kind_code": words(contract, "energy_transfer_kind_code", _KINDS, kind),
            "giver_account": _accounts(city, year, giver, [districts[one] for one in rich]),
            "taker_account": _accounts(city, year, taker, [districts[one] for one in poor]),
            "transferred_tce": amounts(
                contract, "transferred_tce", np.concatenate([hundredths, by_district]), "吨标准煤", 2
            ),
            "transfer_price_yuan": decimals(rng.integers(150, 400, total), 0),
            "transfer_from_date": dates(contract, "transfer_from_date", start),
            "transfer_to_date": dates(contract, "transfer_to_date", end),
            "document_code": pa.array([f"甬能示〔{year}〕{one}号" for one in numbers]),
        },
    )


def _accounts(city: City, year: int, sites: np.ndarray, districts: list[str]) -> pa.Array:
    return pa.array([*city.uscc(sites, year).to_pylist(), *districts])
