"""The credit platform (公共信用信息平台): penalties and accidents."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import dates, days_in_year, words
from demo_city.frame import Frame
from demo_city.world.city import City
from demo_city.world.draws import stream
from demo_city.world.population import ABOVE
from schemas.contract import feed


def penalty(city: City, year: int) -> Frame:
    """A row for each penalty or accident of the year; the largest firms have none."""
    contract, q = feed("gov_penalty"), city.population
    rng = stream(q.seed, f"penalties-{year}")
    sites = q.in_year(year)
    ordinary = sites[(q.giant[sites] < 0) & ~q.tail[sites]]
    above = q.status[year][ordinary] == ABOVE
    kinds = list(city.p.penalties)
    counts = [max(1, round(city.p.penalties[k] * q.scale)) for k in kinds]
    which = np.repeat(np.arange(len(kinds)), counts)
    weight = np.where(above, 4.0, 1.0)
    site = rng.choice(ordinary, len(which), p=weight / weight.sum())
    # Half of the serious cases are moved to firms above scale.
    serious = (which != kinds.index("minor_fine")) & (rng.random(len(which)) < 0.5)
    site[serious] = rng.choice(ordinary[above], int(serious.sum()))
    accident = (which == kinds.index("safety_fatal")).astype(np.int64)
    days = days_in_year(np.full(len(site), year), rng.random(len(site)))
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
        },
    )
