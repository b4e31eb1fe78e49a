"""The true changes of parcels (土地变动), with which tests compare the platform's results."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import decimals, take
from demo_city.senders.land import parcel_codes
from demo_city.world.city import City
from demo_city.world.draws import Ints


def changes(city: City, years: tuple[int, ...]) -> pa.Table:
    """A row for each change of a parcel in the years: year, change, parcel_id, from_uscc, to_uscc, area_mu.

    ``change`` is one of ``land_state.CHANGES``. Of a tenancy the area is the leased part. A code is blank if no firm
    had the land before, or if it is a village's.
    """
    some = [change for change in city.land_changes if change.year in years]

    def column(name: str) -> Ints:
        return np.array([getattr(change, name) for change in some], dtype=np.int64)

    return pa.table(
        {
            "year": pa.array([str(change.year) for change in some], pa.string()),
            "change": pa.array([change.kind for change in some], pa.string()),
            "parcel_id": take(parcel_codes(city), column("parcel")),
            "from_uscc": take(city.codes, column("before")),
            "to_uscc": take(city.codes, column("after")),
            "area_mu": decimals(column("area"), 2),
        }
    )
