"""Meter readings of the demo city (电表数据), every 15 minutes.

The stream covers the last seven days of 2024 and one main meter for each firm that is above scale in 2023 and 2024
(new firms are connected in their second year). The main meter measures all of the firm's electricity: a week is about
a 52nd of the year. A reading at 00:15 has the register at that time, and the energy since 00:00: register difference
x multiplier. Load follows one of three shapes, by industry: continuous process, two shifts, single shift with a quiet
weekend. In the week 1.5 % of the firms stop and 2 % fall to half their load.

Irregularities of the stream, all valid by contract:

* gaps: 0.3 % of the readings are missing, in runs of 1 to 24; the first reading after a gap has no interval
  energy, but its register includes the gap;
* 1 % of the meters (at least two) are replaced in the week: the register falls to nearly 0, the multiplier may
  change, the first reading has no interval energy. A register that passes 999,999.99 restarts at 0;
* 0.2 % of the readings are twice in the file;
* 0.1 % arrive an hour later than their neighbours (out of order), and 0.1 % of the readings from 18:00 on arrive
  only with the next day's file.

Three records of the week break the contract: ``demo_city/faults/meters.py`` plants them and they are in the truth list.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from demo_city.cells import amounts, decimals, take
from demo_city.frame import Frame
from demo_city.senders.main_meters import DAYS, INTERVALS, REGISTER_END, Meters, main_meters, week_shapes
from demo_city.world.city import City
from demo_city.world.draws import Bools, Floats, Ints, stream
from schemas.contract import feed

GAP_SHARE, REPEATED_SHARE, DELAYED_SHARE, NEXT_DAY_SHARE = 0.003, 0.002, 0.001, 0.001
#: First interval whose readings may arrive with the next day's file; earlier ones would arrive too late.
_EVENING = 72


def energy(meters: Meters, seed: int, day: int) -> Floats:
    """kWh of each meter in each interval of the day (meters x 96)."""
    rng = stream(seed, f"load-{DAYS[day]}")
    n = len(meters)
    shift = stream(seed, "shifts").integers(-4, 5, n)  # firms start up to an hour earlier or later
    of_day = week_shapes()[:, day]
    columns = (np.arange(INTERVALS)[None, :] - shift[:, None]) % INTERVALS
    load = of_day[meters.shape[:, None], columns]
    load *= np.exp(0.08 * rng.standard_normal((n, 1), dtype=np.float32))
    load *= np.maximum(1 + 0.06 * rng.standard_normal((n, INTERVALS), dtype=np.float32), 0.2)
    position = day * INTERVALS + np.arange(INTERVALS)
    changed = position[None, :] >= meters.change_at[:, None]
    kwh: Floats = load * meters.week_kwh[:, None] * np.where(changed, meters.change_to[:, None], 1.0)
    return kwh


@dataclass(frozen=True)
class Day:
    """All readings of a day, gaps not yet removed: meters x 96."""

    #: Running count in 0.01 kWh, before replacement and register overflow.
    count: Ints
    register: Ints
    multiplier: Ints
    #: Energy of the interval in 0.01 kWh, multiplier applied; -1 if unknown.
    interval: Ints


def read_day(meters: Meters, seed: int, day: int, start: Ints) -> Day:
    """Readings of the day; ``start`` is the count at its beginning.

    Registers have a resolution of 0.01 kWh. The cumulative energy is rounded, so rounding errors do not add up.
    """
    position = day * INTERVALS + np.arange(INTERVALS)
    is_new = (meters.replaced_at[:, None] >= 0) & (position[None, :] >= meters.replaced_at[:, None])
    multiplier = np.where(is_new, meters.new_multiplier[:, None], meters.multiplier[:, None])
    running = np.cumsum(energy(meters, seed, day) / multiplier * 100, axis=1)
    count = start[:, None] + running.astype(np.int64)
    first_new = position[None, :] == meters.replaced_at[:, None]
    # a new meter starts at 0.00; its first reading includes one interval
    at = count - np.where(is_new, _count_before(meters, count, day, start)[:, None], 0)
    interval = np.diff(count, axis=1, prepend=start[:, None]) * multiplier
    return Day(count, at % REGISTER_END, multiplier, np.where(first_new, -1, interval))


def _count_before(meters: Meters, count: Ints, day: int, start: Ints) -> Ints:
    """Count of each meter at its replacement if it is replaced on this day, otherwise 0."""
    today = (meters.replaced_at >= day * INTERVALS) & (meters.replaced_at < (day + 1) * INTERVALS)
    column = np.where(today, meters.replaced_at - day * INTERVALS, 0)
    before = np.where(column > 0, count[np.arange(len(count)), np.maximum(column - 1, 0)], start)
    return np.where(today, before, 0)


def _missing(seed: int, day: int, n: int) -> Bools:
    """Missing readings: runs of 1 to 24, at least one run a day, none at the end of the day."""
    rng = stream(seed, f"gaps-{DAYS[day]}")
    runs = max(1, round(GAP_SHARE * n * INTERVALS / 12.5))
    meter, first = rng.integers(0, n, runs), rng.integers(1, INTERVALS - 26, runs)
    last = first + rng.integers(1, 25, runs)
    edges = np.zeros((n, INTERVALS + 1), dtype=np.int64)
    np.add.at(edges, (meter, first), 1)
    np.add.at(edges, (meter, last), -1)
    return np.cumsum(edges, axis=1)[:, :-1] > 0


@dataclass(frozen=True)
class Order:
    """Readings of a day, by number, that arrive with the day's file and with the next day's file."""

    today: Ints
    tomorrow: Ints


def _order(seed: int, day: int, missing: Bools) -> Order:
    """Readings in their order of arrival: by time over all meters, with repeats and delays."""
    rng = stream(seed, f"arrival-{DAYS[day]}")
    n = len(missing)
    number = np.flatnonzero(~missing.T.ravel())  # interval x meters + meter
    draw = rng.random(len(number))
    evening = number >= _EVENING * n
    next_day = evening & (draw < NEXT_DAY_SHARE) & (day + 1 < len(DAYS))
    if day + 1 < len(DAYS):
        next_day[-1] = True
    arrival = number.astype(np.int64) * 2
    # disjoint from the draws for the next day's file
    delayed = (draw > NEXT_DAY_SHARE) & (draw < NEXT_DAY_SHARE + DELAYED_SHARE)
    delayed[len(delayed) // 3] = True
    arrival[delayed] += 2 * 4 * n  # four intervals later
    here = ~next_day
    repeated = here & (draw > 1 - REPEATED_SHARE)
    repeated[len(repeated) // 2] = here[len(repeated) // 2]
    number_here = np.concatenate([number[here], number[repeated]])
    when = np.concatenate(
        [arrival[here], arrival[repeated] + 1 + 2 * rng.integers(0, 3 * n, int(repeated.sum()))]
    )
    return Order(number_here[np.argsort(when, kind="stable")], number[next_day])


@dataclass
class Week:
    """The week's meters and their counts at the beginning of each day, computed on first use."""

    city: City

    @cached_property
    def meters(self) -> Meters:
        return main_meters(self.city)

    @cached_property
    def starts(self) -> list[Ints]:
        """Each meter's count at the beginning of each day: the last register of the day before."""
        starts = [self.meters.start]
        for day in range(len(DAYS) - 1):
            starts.append(read_day(self.meters, self.seed, day, starts[-1]).register[:, -1])
        return starts

    @property
    def seed(self) -> int:
        return self.city.population.seed

    def sure_readings(self, day: int, interval: int) -> list[tuple[str, str]]:
        """Account and time of the interval's readings that are exactly once in the day's file."""
        n = len(self.meters)
        arrived = _order(self.seed, day, _missing(self.seed, day, n)).today
        numbers, times = np.unique(arrived[arrived // n == interval], return_counts=True)
        cells = _identifying_cells(self.meters, day, numbers[times == 1])
        return list(
            zip(*(cells[name].to_pylist() for name in ("meter_account_code", "read_at")), strict=True)
        )

    def readings(self, day: int) -> Day:
        return read_day(self.meters, self.seed, day, self.starts[day])


def meter_reading(week: Week, number: int) -> Frame:
    """One day's file: late readings of the day before, then the day's readings in their order of arrival."""
    meters, seed = week.meters, week.seed
    missing = _missing(seed, number, len(meters))
    order = _order(seed, number, missing)
    cells = _cells(meters, week.readings(number), missing, number, order.today)
    if number:
        before = _missing(seed, number - 1, len(meters))
        late = _order(seed, number - 1, before).tomorrow
        old = _cells(meters, week.readings(number - 1), before, number - 1, late)
        cells = {name: pa.concat_arrays([old[name], cells[name]]) for name in cells}
    return Frame(feed("ent_meter_reading"), str(DAYS[number]), "", cells)


def _cells(meters: Meters, read: Day, missing: Bools, day: int, number: Ints) -> dict[str, pa.Array]:
    """Cells of the readings with these numbers (interval x meters + meter)."""
    contract, n = feed("ent_meter_reading"), len(meters)
    interval, meter = np.divmod(number, n)
    after_gap = np.zeros_like(missing)
    after_gap[:, 1:] = missing[:, :-1]
    energy_read = read.interval[meter, interval]
    unknown = (energy_read < 0) | after_gap[meter, interval]
    return {
        **_identifying_cells(meters, day, number),
        "register_kwh": amounts(contract, "register_kwh", read.register[meter, interval], "千瓦时", 2),
        "meter_multiplier": decimals(read.multiplier[meter, interval], 0),
        "interval_kwh": amounts(contract, "interval_kwh", energy_read, "千瓦时", 2, blank=unknown),
    }


def _identifying_cells(meters: Meters, day: int, number: Ints) -> dict[str, pa.Array]:
    """Account, firm and time of the readings with these numbers."""
    interval, meter = np.divmod(number, len(meters))
    times = [f"{DAYS[day]}T{k // 4:02d}:{k % 4 * 15:02d}:00+08:00" for k in range(INTERVALS)]
    return {
        "meter_account_code": meters.account.take(pa.array(meter)),
        "uscc": meters.uscc.take(pa.array(meter)),
        "read_at": take(times, interval),
    }
