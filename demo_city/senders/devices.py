"""What the demo city's devices send (设备数据): meter readings every 15 minutes and states of equipment.

Readings are those of one main meter for each firm that was above scale in the year before too (newcomers are
connected in their second year), for the last seven days of 2024. The main meter measures the whole firm: its
week is about its year's electricity by 52. A reading at 00:15 tells the register then, and the energy since
00:00: register difference x multiplier. Load follows one of three shapes, by industry: continuous process, two
shifts, single shift with a quiet weekend. In the week 1.5 % of the firms stop and 2 % fall to half their load.

Irregularities of the stream, all valid by contract:

* gaps: 0.3 % of the readings are missing, in runs of 1 to 24; the first reading after a gap has no interval
  energy, but its register has gone on;
* 1 % of the meters (two at least) are replaced in the week: the register falls to nearly 0, the multiplier may
  change, the first reading has no interval energy. A register that passes 999,999.99 goes on from 0;
* 0.2 % of the readings come twice in the file;
* 0.1 % come an hour later than their neighbours (out of order), and 0.1 % of those from 18:00 on come only with
  the next day's file.

Three records of the week break the contract: they are planted by ``faults.py`` and stand in the truth list.

Equipment states are those of 3 % of these firms on the last day, with one event for each change.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from demo_city.delivery import Frame, amounts, decimals, take, words
from demo_city.senders.electricity import meter_accounts
from demo_city.world.city import City
from demo_city.world.draws import Bools, Floats, Ints, stream
from demo_city.world.population import ABOVE
from schemas.contract import feed

YEAR = 2024
#: The last seven days of the year: Wednesday to Tuesday.
DAYS = tuple(np.arange(f"{YEAR}-12-25", f"{YEAR + 1}-01-01", dtype="datetime64[D]"))
INTERVALS = 96
#: Hundredths of a kWh at which the register goes on from 0.
REGISTER_END = 10**8
_MULTIPLIERS = np.array(
    [1, 10, 20, 40, 60, 80, 100, 200, 400, 800, 1_000, 2_000, 4_000, 8_000, 20_000, 66_000]
)
#: The multiplier is chosen so that the register counts at most this many kWh a day. Assumed.
_REGISTER_A_DAY = 200

CONTINUOUS, TWO_SHIFTS, SINGLE_SHIFT = 0, 1, 2
#: Chance of each shape by division group; elsewhere the last one. Assumed.
_SHAPES = {
    **dict.fromkeys(("25", "26", "28", "44", "45-46"), (0.9, 0.1, 0.0)),
    **dict.fromkeys(("31", "32", "30", "22-23"), (0.6, 0.3, 0.1)),
    **dict.fromkeys(("17", "29", "36", "38", "39"), (0.15, 0.55, 0.3)),
}
_ELSEWHERE = (0.05, 0.3, 0.65)
STOPPED_SHARE, HALVED_SHARE = 0.015, 0.02
REPLACED_SHARE, GAP_SHARE, REPEATED_SHARE, DELAYED_SHARE, NEXT_DAY_SHARE = 0.01, 0.003, 0.002, 0.001, 0.001
#: Interval from which a reading may come only with the next day's file: later than that it would be too late.
_EVENING = 72


@dataclass(frozen=True)
class Meters:
    """Main meters by number."""

    site: Ints
    account: pa.Array
    uscc: pa.Array
    #: Share of the week's energy by shape, day and interval, before each firm's noise.
    shape: Ints
    #: kWh of the week, before stops.
    week_kwh: Floats
    multiplier: Ints
    #: Hundredths of a kWh on the register at the beginning of the week.
    start: Ints
    #: Interval of the week from which the load is a part of the usual one, and that part.
    change_at: Ints
    change_to: Floats
    #: Interval of the week at which the meter is replaced (-1: not), and the new multiplier.
    replaced_at: Ints
    new_multiplier: Ints

    def __len__(self) -> int:
        return len(self.site)


def main_meters(city: City) -> Meters:
    """The connected firms and how their week goes."""
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
    # in the middle of a day, so that the fall lies inside one file
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
    """Of each site the meter account with the largest share of its electricity."""
    order = np.lexsort((-city.meter_share, city.meter_site))
    sites, first = np.unique(city.meter_site[order], return_index=True)
    account = np.zeros(city.population.sites, dtype=np.int64)
    account[sites] = order[first]
    return account


def _shapes(city: City, site: Ints, rng: np.random.Generator) -> Ints:
    chances = np.array([_SHAPES.get(d.group, _ELSEWHERE) for d in city.p.divisions])
    reached = np.cumsum(chances, axis=1)[city.population.group[site]]
    found: Ints = (rng.random(len(site))[:, None] > reached).sum(axis=1)
    return np.minimum(found, SINGLE_SHIFT)


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
    found: Floats = shapes / shapes.sum(axis=(1, 2), keepdims=True)
    return found


def _plateau(hour: Floats, start: float, end: float) -> Floats:
    """0 outside, 1 inside, with half an hour between."""
    found: Floats = np.clip((hour - start) * 2, 0, 1) * np.clip((end - hour) * 2, 0, 1)
    return found


def _is_weekend(day: np.datetime64) -> bool:
    return not bool(np.is_busday(day))


# --- a day ---------------------------------------------------------------------------------------------


def energy(meters: Meters, seed: int, day: int) -> Floats:
    """kWh of each meter in each interval of the day."""
    rng = stream(seed, f"load-{DAYS[day]}")
    n = len(meters)
    shift = stream(seed, "shifts").integers(-4, 5, n)  # firms begin up to an hour earlier or later
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
    """Readings of a day before anything is lost: meters x 96."""

    #: Hundredths of a kWh since the meter was set up, without falls.
    count: Ints
    register: Ints
    multiplier: Ints
    #: Hundredths of a kWh, times the multiplier; -1 where it cannot be told.
    interval: Ints


def read_day(meters: Meters, seed: int, day: int, start: Ints) -> Day:
    """Registers of the day; ``start`` is the count at its beginning.

    Registers count down to 0.01 kWh and never lose a part: energy is rounded as it adds up.
    """
    position = day * INTERVALS + np.arange(INTERVALS)
    is_new = (meters.replaced_at[:, None] >= 0) & (position[None, :] >= meters.replaced_at[:, None])
    multiplier = np.where(is_new, meters.new_multiplier[:, None], meters.multiplier[:, None])
    running = np.cumsum(energy(meters, seed, day) / multiplier * 100, axis=1)
    count = start[:, None] + running.astype(np.int64)
    first_new = position[None, :] == meters.replaced_at[:, None]
    # a new meter begins at 0.00 and has counted one interval when it is first read
    at = count - np.where(is_new, _count_before(meters, count, day, start)[:, None], 0)
    interval = np.diff(count, axis=1, prepend=start[:, None]) * multiplier
    return Day(count, at % REGISTER_END, multiplier, np.where(first_new, -1, interval))


def _count_before(meters: Meters, count: Ints, day: int, start: Ints) -> Ints:
    """The count at which each replaced meter was taken away, if that was today; 0 otherwise."""
    today = (meters.replaced_at >= day * INTERVALS) & (meters.replaced_at < (day + 1) * INTERVALS)
    column = np.where(today, meters.replaced_at - day * INTERVALS, 0)
    before = np.where(column > 0, count[np.arange(len(count)), np.maximum(column - 1, 0)], start)
    return np.where(today, before, 0)


def _missing(seed: int, day: int, n: int) -> Bools:
    """Readings that never come: runs of 1 to 24; one run a day at least, and none at the day's end."""
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
    """What a day's file brings: readings by position in the day, and which of them wait for tomorrow's."""

    today: Ints
    tomorrow: Ints


def _order(seed: int, day: int, missing: Bools) -> Order:
    """Readings in the order in which they come: by time, all meters, with repeats and delays."""
    rng = stream(seed, f"arrival-{DAYS[day]}")
    n = len(missing)
    number = np.flatnonzero(~missing.T.ravel())  # interval x meters + meter
    draw = rng.random(len(number))
    evening = number >= _EVENING * n
    next_day = evening & (draw < NEXT_DAY_SHARE) & (day + 1 < len(DAYS))
    if day + 1 < len(DAYS):
        next_day[-1] = True
    arrival = number.astype(np.int64) * 2
    delayed = (draw > NEXT_DAY_SHARE) & (draw < NEXT_DAY_SHARE + DELAYED_SHARE)  # not those of tomorrow
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
    """The week's meters and their counts at the beginning of each day, worked out when first needed."""

    city: City

    @cached_property
    def meters(self) -> Meters:
        return main_meters(self.city)

    @cached_property
    def starts(self) -> list[Ints]:
        """A replaced meter's count begins anew."""
        found = [self.meters.start]
        for day in range(len(DAYS) - 1):
            found.append(read_day(self.meters, self.seed, day, found[-1]).register[:, -1])
        return found

    @property
    def seed(self) -> int:
        return self.city.population.seed

    def sure_readings(self, day: int, interval: int) -> list[tuple[str, str]]:
        """Account and time of the readings of an interval that come with the day's file, once each."""
        n = len(self.meters)
        come = _order(self.seed, day, _missing(self.seed, day, n)).today
        numbers, times = np.unique(come[come // n == interval], return_counts=True)
        found = _cells_of_who(self.meters, day, numbers[times == 1])
        return list(
            zip(*(found[name].to_pylist() for name in ("meter_account_code", "read_at")), strict=True)
        )

    def readings(self, day: int) -> Day:
        return read_day(self.meters, self.seed, day, self.starts[day])


def meter_reading(week: Week, number: int) -> Frame:
    """One day's file: its readings in the order in which they came, and some of the day before."""
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
        **_cells_of_who(meters, day, number),
        "register_kwh": amounts(contract, "register_kwh", read.register[meter, interval], "千瓦时", 2),
        "meter_multiplier": decimals(read.multiplier[meter, interval], 0),
        "interval_kwh": amounts(contract, "interval_kwh", energy_read, "千瓦时", 2, blank=unknown),
    }


def _cells_of_who(meters: Meters, day: int, number: Ints) -> dict[str, pa.Array]:
    """Account, firm and time of the readings with these numbers."""
    interval, meter = np.divmod(number, len(meters))
    times = [f"{DAYS[day]}T{k // 4:02d}:{k % 4 * 15:02d}:00+08:00" for k in range(INTERVALS)]
    return {
        "meter_account_code": meters.account.take(pa.array(meter)),
        "uscc": meters.uscc.take(pa.array(meter)),
        "read_at": take(times, interval),
    }


# --- ent_equipment_status ----------------------------------------------------------------------------------

#: Share of the connected firms with connected equipment, and at least this many. Assumed.
EQUIPPED_SHARE, EQUIPPED_LEAST = 0.03, 5
_STATES = ("running", "idle", "fault", "off")
#: Chance of the next state, by state. Assumed.
_NEXT = np.array(
    [[0.0, 0.75, 0.07, 0.18], [0.85, 0.0, 0.03, 0.12], [0.6, 0.2, 0.0, 0.2], [0.8, 0.2, 0.0, 0.0]]
)
#: Minutes that a state lasts on average. Assumed.
_MINUTES = np.array([110.0, 20.0, 35.0, 160.0])
_KINDS = ("machine_tool", "injection", "press", "loom", "reactor", "furnace", "line")
_KIND_OF = {
    "17": 3,
    "18": 3,
    "25": 4,
    "26": 4,
    "27": 4,
    "28": 4,
    "29": 1,
    "31": 5,
    "32": 5,
    "33": 2,
    "38": 6,
    "39": 6,
}
_CHANGES = 60


def equipment_status(week: Week) -> Frame:
    """Changes of state on the last day, in the order in which they happen; each begins with the state at midnight."""
    city = week.city
    contract, q = feed("ent_equipment_status"), city.population
    rng = stream(q.seed, "equipment")
    sites = week.meters.site
    count = min(max(EQUIPPED_LEAST, round(EQUIPPED_SHARE * len(sites))), len(sites))
    chosen = np.sort(rng.choice(sites, count, replace=False))
    site = np.repeat(chosen, rng.integers(3, 16, count))
    n = len(site)
    second, state = _changes(rng, n)
    machine, number = np.nonzero(second < 24 * 3600)
    order = np.lexsort((machine, second[machine, number]))
    machine, number = machine[order], number[order]
    kind = np.array([_KIND_OF.get(d.group, 0) for d in city.p.divisions])[q.group[site]]
    moment = DAYS[-1].astype("datetime64[s]") + second[machine, number].astype("timedelta64[s]")
    begins = [f"{text}+08:00" for text in np.datetime_as_string(moment).tolist()]
    return Frame(
        contract,
        str(DAYS[-1]),
        "",
        {
            "equipment_code": take([f"SB{i + 1:07d}" for i in range(n)], machine),
            "uscc": city.uscc(site[machine], YEAR),
            "equipment_kind_code": words(contract, "equipment_kind_code", _KINDS, kind[machine]),
            "equipment_state_code": words(contract, "equipment_state_code", _STATES, state[machine, number]),
            "status_from_at": pa.array(begins),
        },
    )


def _changes(rng: np.random.Generator, n: int) -> tuple[Ints, Ints]:
    """For each machine the seconds since midnight at which it changes, and the states it then has."""
    second, state = np.zeros((n, _CHANGES), dtype=np.int64), np.empty((n, _CHANGES), dtype=np.int64)
    state[:, 0] = rng.choice(4, n, p=[0.55, 0.15, 0.03, 0.27])
    reached = np.cumsum(_NEXT, axis=1)
    for change in range(1, _CHANGES):
        before = state[:, change - 1]
        lasts = 30 + rng.exponential(60 * _MINUTES[before]).astype(np.int64)
        second[:, change] = second[:, change - 1] + lasts
        state[:, change] = (rng.random(n)[:, None] > reached[before]).sum(axis=1)
    return second, state
