"""Changes of identity (主体变更), as the registry reports them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import dates, decimals, words
from demo_city.frame import Frame
from demo_city.world.city import City
from schemas.contract import feed


def identity_change(city: City, year: int) -> Frame:
    """A row for each change that the registry reports in the year, in order of dates."""
    contract = feed("gov_identity_change")
    changes = sorted(city.changes[year], key=lambda c: (c.day, c.before, c.after))
    kinds = list(dict.fromkeys(c.kind for c in changes))
    columns = {
        "event_id": pa.array([f"BG-{year}-{n:05d}" for n in range(1, len(changes) + 1)]),
        "identity_event_kind_code": words(
            contract, "identity_event_kind_code", kinds, np.array([kinds.index(c.kind) for c in changes])
        ),
        "from_uscc": pa.array([c.before for c in changes]),
        "to_uscc": pa.array([c.after for c in changes]),
        "event_date": dates(
            contract, "event_date", np.array([c.day for c in changes], dtype="datetime64[D]")
        ),
        "valid_until_date": pa.nulls(len(changes), pa.string()),
        "identity_reason": pa.array([c.reason for c in changes]),
        "group_code": pa.array([c.group_code for c in changes], pa.string()),
        "group_name": pa.array([c.group_name for c in changes], pa.string()),
        "holding_share_pct": decimals(
            np.array([c.share or 0 for c in changes]), 2, np.array([c.share is None for c in changes])
        ),
        "document_code": pa.array([f"甬市监变示〔{year}〕{n}号" for n in range(1, len(changes) + 1)]),
    }
    return Frame(contract, str(year), "", columns)
