"""Changes of identity (主体变更), as the registry tells of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import dates, decimals, words
from demo_city.frame import Frame
from demo_city.world.city import City
from schemas.contract import feed


def identity_change(city: City, year: int) -> Frame:
    """What the registry tells of in the year, in the order of days."""
    contract = feed("gov_identity_change")
    told = sorted(city.changes[year], key=lambda c: (c.day, c.before, c.after))
    kinds = list(dict.fromkeys(c.kind for c in told))
    columns = {
        "event_id": pa.array([f"BG-{year}-{n:05d}" for n in range(1, len(told) + 1)]),
        "identity_event_kind_code": words(
            contract, "identity_event_kind_code", kinds, np.array([kinds.index(c.kind) for c in told])
        ),
        "from_uscc": pa.array([c.before for c in told]),
        "to_uscc": pa.array([c.after for c in told]),
        "event_date": dates(contract, "event_date", np.array([c.day for c in told], dtype="datetime64[D]")),
        "valid_until_date": pa.nulls(len(told), pa.string()),
        "identity_reason": pa.array([c.reason for c in told]),
        "group_code": pa.array([c.group_code for c in told], pa.string()),
        "group_name": pa.array([c.group_name for c in told], pa.string()),
        "holding_share_pct": decimals(
            np.array([c.share or 0 for c in told]), 2, np.array([c.share is None for c in told])
        ),
        "document_code": pa.array([f"甬市监变示〔{year}〕{n}号" for n in range(1, len(told) + 1)]),
    }
    return Frame(contract, str(year), "", columns)
