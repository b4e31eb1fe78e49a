"""Discharge permits (排污许可) of the demo city.

Irregularities for the platform to detect: 3 % of the permits allow less than the firm discharges, 2 % have expired.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import amounts, dates, days_in_year, take, words
from demo_city.frame import Frame
from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints, stream
from demo_city.world.figures import POLLUTANTS
from demo_city.world.population import ABOVE
from schemas.contract import feed


def discharge_permit(city: City, year: int) -> Frame:
    """Permits of the firms that report emissions, and registrations of 45 % of the other firms above scale."""
    contract, q, figures = feed("gov_discharge_permit"), city.population, city.year(year)
    rng = stream(q.seed, "permits")
    draw, kind_draw, slack = rng.random(q.sites), rng.random(q.sites), _slack(rng, q.sites)
    above = q.status[year] == ABOVE
    permitted = above & city.base.has_permit
    registered = above & ~city.base.has_permit & (draw < 0.45)
    site = np.flatnonzero(permitted | registered)
    kind = np.where(registered, 2, np.where(kind_draw < 0.3, 0, 1))[site]
    start, end = _terms(city, site, year, draw)
    columns = {
        "permit_code": pa.compute.binary_join_element_wise(
            city.uscc(site, year), take(["001P", "001Q", "001X"], kind), ""
        ),
        "uscc": city.uscc(site, year),
        "permit_class_code": words(contract, "permit_class_code", ["key", "simplified", "registered"], kind),
        "permit_from_date": dates(contract, "permit_from_date", start),
        "permit_to_date": dates(contract, "permit_to_date", end),
    }
    for pollutant in POLLUTANTS:
        # to kilograms, from grams of cod and nh3n or kilograms of so2 and nox
        grams = pollutant in ("cod", "nh3n")
        kilograms = figures.emissions[pollutant][site] / (1000 if grams else 1)
        amount = np.ceil(kilograms * slack[site]).astype(np.int64)
        name = f"{pollutant}_permitted_t"
        columns[name] = amounts(contract, name, amount, "吨", 3, blank=kind == 2)
    return Frame(contract, str(year), "", columns)


def _slack(rng: np.random.Generator, n: int) -> Floats:
    """Ratio of permitted to discharged amount: 1.05 to 1.8, below 1 for 3 % of the firms."""
    return np.where(rng.random(n) < 0.03, rng.uniform(0.6, 0.95, n), rng.uniform(1.05, 1.8, n))


def _terms(
    city: City, site: Ints, year: int, draw: Floats
) -> tuple[np.ndarray[tuple[int], np.dtype[np.datetime64]], np.ndarray[tuple[int], np.dtype[np.datetime64]]]:
    """First and last day of the permits, which last five years; 2 % expired in the year and are not yet renewed."""
    age = (year + site) % 5
    has_expired = stream(city.population.seed, f"permit-terms-{year}").random(len(site)) < 0.02
    start = days_in_year(year - np.where(has_expired, 5, age), draw[site])
    return start, start + np.timedelta64(5 * 365, "D")
