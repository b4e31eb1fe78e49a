"""Equipment states of the demo city (设备状态).

The feed covers equipment of 3 % of the metered firms on the last day, with one event for each change of state.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import take, words
from demo_city.frame import Frame
from demo_city.senders.devices import Week
from demo_city.senders.main_meters import DAYS, YEAR
from demo_city.world.draws import Ints, stream
from schemas.contract import feed

_STATES = ("running", "idle", "fault", "off")
#: Transition probabilities, by current state. Assumed.
_NEXT = np.array(
    [[0.0, 0.75, 0.07, 0.18], [0.85, 0.0, 0.03, 0.12], [0.6, 0.2, 0.0, 0.2], [0.8, 0.2, 0.0, 0.0]]
)
#: Mean duration of a state, minutes. Assumed.
_MINUTES = np.array([110.0, 20.0, 35.0, 160.0])
_KINDS = ("machine_tool", "injection", "press", "loom", "reactor", "furnace", "line")
#: Position of the equipment kind by division group; 0 elsewhere.
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
#: Upper limit of state changes drawn for a machine.
_CHANGES = 60

#: Share of the metered firms with connected equipment, and the minimum number. Assumed.
EQUIPPED_SHARE, EQUIPPED_LEAST = 0.03, 5


def equipment_status(week: Week) -> Frame:
    """State changes on the last day in order of time; each machine has its first row at midnight."""
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
    """For each machine the seconds since midnight of its state changes, and the new states."""
    second, state = np.zeros((n, _CHANGES), dtype=np.int64), np.empty((n, _CHANGES), dtype=np.int64)
    state[:, 0] = rng.choice(4, n, p=[0.55, 0.15, 0.03, 0.27])
    reached = np.cumsum(_NEXT, axis=1)
    for change in range(1, _CHANGES):
        before = state[:, change - 1]
        duration = 30 + rng.exponential(60 * _MINUTES[before]).astype(np.int64)
        second[:, change] = second[:, change - 1] + duration
        state[:, change] = (rng.random(n)[:, None] > reached[before]).sum(axis=1)
    return second, state
