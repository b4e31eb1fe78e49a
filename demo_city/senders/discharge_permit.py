"""Discharge permits (排污许可) of the demo city.

Irregularities for the platform to detect: 3 % of the permits allow less than the firm discharges, 2 % have expired, and
3 % of the holders withhold the report that they owe.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from demo_city.cells import amounts, dates, days_in_year, take, words
from demo_city.frame import Frame
from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints, stream
from demo_city.world.figures import POLLUTANTS, REGISTERED, UNPERMITTED
from demo_city.world.population import ABOVE
from schemas.contract import feed

Days = np.ndarray[tuple[int], np.dtype[np.datetime64]]
#: Share of the permits' holders that withhold their report in a year.
WITHHELD = 0.03


@dataclass(frozen=True)
class Register:
    """Permits by site: kind (``KEY``, ``SIMPLIFIED`` or ``REGISTERED``), first and last day, permitted / discharged."""

    site: Ints
    kind: Ints
    start: Days
    end: Days
    slack: Floats

    def codes(self, city: City, year: int) -> pa.Array:
        """Numbers of the permits."""
        ends = take(["001P", "001Q", "001X"], self.kind)
        return pa.compute.binary_join_element_wise(city.uscc(self.site, year), ends, "")


def register(city: City, year: int) -> Register:
    """Permits of the firms above scale, by the works' class of permit."""
    q, permit = city.population, city.base.permit
    rng = stream(q.seed, "permit-register")
    draw, slack = rng.random(q.sites), _slack(rng, q.sites)
    site = np.flatnonzero((q.status[year] == ABOVE) & (permit != UNPERMITTED))
    return Register(site, permit[site], *_terms(city, site, year, draw), slack[site])


def withholders(city: City, year: int) -> Register:
    """Permits, held all year, whose holders withhold the report; at least one, and none of a giant."""
    q, all_permits = city.population, register(city, year)
    first, last = np.datetime64(f"{year}-01-01"), np.datetime64(f"{year}-12-31")
    obliging = all_permits.kind != REGISTERED
    whole = (all_permits.start < first) & (all_permits.end > last) & (q.giant[all_permits.site] < 0)
    order = stream(q.seed, f"withheld-{year}").random(q.sites)[all_permits.site]
    may = np.flatnonzero(obliging & whole)
    count = max(1, round(WITHHELD * int(obliging.sum())))
    chosen = np.sort(may[np.argsort(order[may])][:count])
    return Register(*(values[chosen] for values in vars(all_permits).values()))


def withheld_reports(city: City, years: Iterable[int]) -> pa.Table:
    """The planted withholders: year, uscc, permit_code."""
    tables = []
    for year in years:
        held = withholders(city, year)
        columns = {
            "year": take([str(year)], np.zeros(len(held.site), dtype=np.int64)),
            "uscc": city.uscc(held.site, year),
            "permit_code": held.codes(city, year),
        }
        tables.append(pa.table(columns))
    return pa.concat_tables(tables)


def discharge_permit(city: City, year: int) -> Frame:
    """The permits on the register at the year's end."""
    contract, figures, permits = feed("gov_discharge_permit"), city.year(year), register(city, year)
    site, kind = permits.site, permits.kind
    columns = {
        "permit_code": permits.codes(city, year),
        "uscc": city.uscc(site, year),
        "permit_class_code": words(contract, "permit_class_code", ["key", "simplified", "registered"], kind),
        "permit_from_date": dates(contract, "permit_from_date", permits.start),
        "permit_to_date": dates(contract, "permit_to_date", permits.end),
    }
    for pollutant in POLLUTANTS:
        # to kilograms, from grams of cod and nh3n or kilograms of so2 and nox
        grams = pollutant in ("cod", "nh3n")
        kilograms = figures.emissions[pollutant][site] / (1000 if grams else 1)
        amount = np.ceil(kilograms * permits.slack).astype(np.int64)
        name = f"{pollutant}_permitted_t"
        columns[name] = amounts(contract, name, amount, "吨", 3, blank=kind == REGISTERED)
    return Frame(contract, str(year), "", columns)


def _slack(rng: np.random.Generator, n: int) -> Floats:
    """Ratio of permitted to discharged amount: 1.05 to 1.8, below 1 for 3 % of the firms."""
    return np.where(rng.random(n) < 0.03, rng.uniform(0.6, 0.95, n), rng.uniform(1.05, 1.8, n))


def _terms(city: City, site: Ints, year: int, draw: Floats) -> tuple[Days, Days]:
    """First and last day of the permits, which last five years; 2 % expired in the year and are not yet renewed."""
    age = (year + site) % 5
    has_expired = stream(city.population.seed, f"permit-terms-{year}").random(len(site)) < 0.02
    start = days_in_year(year - np.where(has_expired, 5, age), draw[site])
    return start, start + np.timedelta64(5 * 365, "D")
