"""The main meters (总表) of the demo city's firms, and their load profiles over a week.

Load follows one of three shapes, by industry: continuous process, two shifts, single shift with a quiet weekend.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from demo_city.senders.electricity import meter_accounts
from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints, stream
from demo_city.world.population import ABOVE

YEAR = 2024
#: The last seven days of the year: Wednesday to Tuesday.
DAYS = tuple(np.arange(f"{YEAR}-12-25", f"{YEAR + 1}-01-01", dtype="datetime64[D]"))
#: Intervals of 15 minutes in a day.
INTERVALS = 96
#: Register value in 0.01 kWh at which it restarts at 0.
REGISTER_END = 10**8
_MULTIPLIERS = np.array(
    [1, 10, 20, 40, 60, 80, 100, 200, 400, 800, 1_000, 2_000, 4_000, 8_000, 20_000, 66_000]
)
#: Multipliers are chosen so that the register counts at most this many kWh a day. Assumed.
_REGISTER_A_DAY = 200

#: Probabilities of the three shapes by division group. Assumed.
_SHAPES = {
    **dict.fromkeys(("25", "26", "28", "44", "45-46"), (0.9, 0.1, 0.0)),
    **dict.fromkeys(("31", "32", "30", "22-23"), (0.6, 0.3, 0.1)),
    **dict.fromkeys(("17", "29", "36", "38", "39"), (0.15, 0.55, 0.3)),
}
#: Those of all other groups.
_ELSEWHERE = (0.05, 0.3, 0.65)
#: Shares of the firms that stop or halve their load in the week, and of the meters that are replaced.
STOPPED_SHARE, HALVED_SHARE = 0.015, 0.02
REPLACED_SHARE = 0.01


@dataclass(frozen=True)
class Meters:
    """Main meters by number."""

    site: Ints
    account: pa.Array
    uscc: pa.Array
    #: Load shape; position in :func:`week_shapes`.
    shape: Ints
    #: kWh of the week before stops and halved loads.
    week_kwh: Floats
    multiplier: Ints
    #: Register at the beginning of the week, 0.01 kWh.
    start: Ints
    #: Interval of the week from which the load changes, and the factor (1 for no change).
    change_at: Ints
    change_to: Floats
    #: Interval of the week in which the meter is replaced (-1: never), and the new multiplier.
    replaced_at: Ints
    new_multiplier: Ints

    def __len__(self) -> int:
        return len(self.site)


def main_meters(city: City) -> Meters:
    """Main meters of the connected firms with the parameters of their week."""
    q, rng = city.population, stream(city.population.seed, "main-meters")
    site = np.flatnonzero((q.status[YEAR] == ABOVE) & (q.status[YEAR - 1] == ABOVE))
    n, week = len(site), INTERVALS * len(DAYS)
    kwh = city.year(YEAR).power[site] / 52 * np.exp(0.05 * rng.standard_normal(n))
    wanted = kwh / len(DAYS) / _REGISTER_A_DAY
    multiplier = _MULTIPLIERS[np.minimum(np.searchsorted(_MULTIPLIERS, wanted), len(_MULTIPLIERS) - 1)]
    draw = rng.random(n)
    change_to = np.select([draw < STOPPED_SHARE, draw < STOPPED_SHARE + HALVED_SHARE], [0.03, 0.5], 1.0)
    replaced = np.full(n, -1)
    chosen = rng.permutation(n)[: max(2, round(REPLACED_SHARE * n))]
    # in the middle of a day, so that the register's fall is inside one file
    replaced[chosen] = rng.integers(0, len(DAYS), len(chosen)) * INTERVALS + rng.integers(32, 72, len(chosen))
    larger = np.minimum(
        np.searchsorted(_MULTIPLIERS, multiplier) + rng.integers(0, 2, n), len(_MULTIPLIERS) - 1
    )
    return Meters(
        site=site,
        account=meter_accounts(city, _main_account(city)[site]),
        uscc=city.uscc(site, YEAR),
        shape=_shapes(city, site, rng),
        week_kwh=np.maximum(kwh, 1.0),
        multiplier=multiplier,
        start=rng.integers(0, REGISTER_END, n),
        change_at=rng.integers(INTERVALS, week - INTERVALS, n),
        change_to=change_to,
        replaced_at=replaced,
        new_multiplier=_MULTIPLIERS[larger],
    )


def _main_account(city: City) -> Ints:
    """Each site's meter account with the largest share of its electricity."""
    order = np.lexsort((-city.meter_share, city.meter_site))
    sites, first = np.unique(city.meter_site[order], return_index=True)
    account = np.zeros(city.population.sites, dtype=np.int64)
    account[sites] = order[first]
    return account


CONTINUOUS, TWO_SHIFTS, SINGLE_SHIFT = 0, 1, 2


def _shapes(city: City, site: Ints, rng: np.random.Generator) -> Ints:
    chances = np.array([_SHAPES.get(d.group, _ELSEWHERE) for d in city.p.divisions])
    reached = np.cumsum(chances, axis=1)[city.population.group[site]]
    shape: Ints = (rng.random(len(site))[:, None] > reached).sum(axis=1)
    return np.minimum(shape, SINGLE_SHIFT)


def week_shapes() -> Floats:
    """Share of a week's energy in each interval: shape x day x interval; each shape adds up to 1."""
    hour = np.arange(INTERVALS) / 4  # an interval is named by its end
    two = 0.25 + 0.75 * (_plateau(hour, 6.5, 22.5))
    single = 0.12 + 0.88 * _plateau(hour, 7.5, 17.5) * (1 - 0.35 * _plateau(hour, 11.5, 12.75))
    usual = np.stack([np.full(INTERVALS, 1.0), two, single])
    quiet = np.stack(
        [np.full(INTERVALS, 0.97), 0.25 + 0.35 * _plateau(hour, 7, 20), np.full(INTERVALS, 0.13)]
    )
    shapes = np.stack([quiet if _is_weekend(day) else usual for day in DAYS], axis=1)
    normalised: Floats = shapes / shapes.sum(axis=(1, 2), keepdims=True)
    return normalised


def _plateau(hour: Floats, start: float, end: float) -> Floats:
    """0 outside, 1 inside, with ramps of half an hour."""
    level: Floats = np.clip((hour - start) * 2, 0, 1) * np.clip((end - hour) * 2, 0, 1)
    return level


def _is_weekend(day: np.datetime64) -> bool:
    return not bool(np.is_busday(day))
