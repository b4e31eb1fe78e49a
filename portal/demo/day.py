"""The day of the demo's home: which one a person asks for, and whether the home may have it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from ingest.register.entries import deliveries
from ingest.ways.manifest import MANIFEST
from schemas.errors import UsageError
from schemas.today import synthetic_day
from warehouse.settings import settings

if TYPE_CHECKING:
    from demo_city.city import CitySpec


def day_of(asked: str | None) -> date:
    """The day asked for; without one that of the home's city, or the usual day where there is none.

    Raises:
        UsageError: it is no day.
    """
    from demo_city.city import USUAL_DAY

    if asked is None:
        there = synthetic_day(settings().landing)
        return there.day if there else USUAL_DAY
    try:
        return date.fromisoformat(asked)
    except ValueError:
        raise UsageError(f"--until {asked}: give a day, e.g. 2025-08-15") from None


def check_home(spec: CitySpec) -> None:
    """Refuse a home with data that no demo city sent, and a day before that of the home's city.

    Raises:
        UsageError: the home may not have this city.
    """
    from demo_city.city import refuse_earlier
    from demo_city.marker import read

    config = settings()
    refuse_earlier(spec, config.landing)
    has_files = any(config.landing.glob(f"*/*{MANIFEST}"))
    if not read(config.landing) and (has_files or deliveries()):
        raise UsageError(
            f"{config.home} has data that no demo city sent; a demo needs a home of its own: "
            "BRAIN_HOME=/another/folder ./brain demo"
        )
