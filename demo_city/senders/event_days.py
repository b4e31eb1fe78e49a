"""Days of events in a year (事件日期): none is before its firm is registered and has worked for some days."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints

Days = npt.NDArray[np.datetime64]

_DAY = np.timedelta64(1, "D")


def open_days(city: City, firm: Ints, year: int, after: int) -> Ints:
    """Days of the year on which each firm is registered for at least ``after`` days; 0 if there is none."""
    start = np.maximum(np.datetime64(f"{year}-01-01"), city.registered[firm] + after * _DAY)
    days: Ints = (np.datetime64(f"{year + 1}-01-01") - start).astype(np.int64)
    return np.maximum(days, 0)


def drawn_days(year: int, open_days: Ints, draw: Floats) -> Days:
    """A day among the last ``open_days`` of the year, by a uniform draw."""
    days: Days = np.datetime64(f"{year + 1}-01-01") - _DAY - (open_days * draw).astype(np.int64) * _DAY
    return days
