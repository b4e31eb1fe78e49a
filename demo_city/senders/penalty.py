"""The credit platform (公共信用信息平台): penalties and accidents."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import dates, words
from demo_city.frame import Frame
from demo_city.senders.event_days import drawn_days, open_days
from demo_city.world.city import City
from demo_city.world.draws import Ints, stream
from demo_city.world.population import ABOVE
from schemas.contract import feed

#: No firm is penalised sooner after its registration, days. Assumed.
_PENALISED_AFTER = 30
#: Share of the penalties that credit repair lifts, and the days that it takes at least. Assumed.
_REPAIRED, _REPAIRED_AFTER = 0.1, 90


def penalised(city: City, year: int) -> tuple[Ints, Ints]:
    """Site and kind of each penalty or accident of the year; the largest firms have none.

    A firm that is founded in the year has fewer, as it has fewer days.
    """
    q, rng = city.population, stream(city.population.seed, f"penalties-{year}")
    sites = q.in_year(year)
    ordinary = sites[(q.giant[sites] < 0) & ~q.tail[sites]]
    above = q.status[year][ordinary] == ABOVE
    kinds = list(city.p.penalties)
    counts = [max(1, round(city.p.penalties[k] * q.scale)) for k in kinds]
    which = np.repeat(np.arange(len(kinds)), counts)
    possible = open_days(city, city.firms(ordinary, year), year, _PENALISED_AFTER)
    weight = np.where(above, 4.0, 1.0) * possible
    site = rng.choice(ordinary, len(which), p=weight / weight.sum())
    # Half of the serious cases are moved to firms above scale.
    serious = (which != kinds.index("minor_fine")) & (rng.random(len(which)) < 0.5)
    site[serious] = rng.choice(ordinary[above & (possible > 0)], int(serious.sum()))
    return site, which


def penalty(city: City, year: int) -> Frame:
    """A row for each penalty or accident of the year."""
    contract, kinds = feed("gov_penalty"), list(city.p.penalties)
    site, which = penalised(city, year)
    rng = stream(city.population.seed, f"penalty-days-{year}")
    accident = (which == kinds.index("safety_fatal")).astype(np.int64)
    possible = open_days(city, city.firms(site, year), year, _PENALISED_AFTER)
    days = drawn_days(year, possible, rng.random(len(site)))
    # some are lifted in the same year, three months later at the earliest
    repaired = days + _REPAIRED_AFTER
    lifted = (rng.random(len(site)) < _REPAIRED) & (repaired <= np.datetime64(f"{year}-12-31"))
    return Frame(
        contract,
        str(year),
        "",
        {
            "event_id": pa.array([f"CF-{year}-{i + 1:05d}" for i in range(len(site))]),
            "uscc": city.uscc(site, year),
            "event_kind_code": words(contract, "event_kind_code", ["penalty", "accident"], accident),
            "penalty_code": words(contract, "penalty_code", kinds, which),
            "event_date": dates(contract, "event_date", days),
            "document_code": pa.array([f"甬罚示〔{year}〕{i + 1}号" for i in range(len(site))]),
            "repaired_date": dates(contract, "repaired_date", repaired, blank=~lifted),
            "repair_document_code": pa.array(
                [f"甬信修〔{year}〕{i + 1}号" if there else None for i, there in enumerate(lifted)]
            ),
        },
    )
