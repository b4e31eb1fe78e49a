"""The true events of firms, with which tests compare the platform's results: moves, rises and falls."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from demo_city.cells import decimals, take
from demo_city.world.city import City
from demo_city.world.draws import Ints
from demo_city.world.population import DROPPED, UPGRADED


def firm_events(city: City, years: tuple[int, ...]) -> pa.Table:
    """Firms that moved, rose above scale or fell below it: year, uscc, event, and the two towns of a move.

    A firm that falls is above scale in the year of the event for the last time. Revenue in 万元 tells a rise or fall of
    the year; it is blank for a move and in the city's first year.
    """
    tables = [_events(city, year, event, sites) for year in years for event, sites in _of(city, year)]
    return pa.concat_tables(tables)


def _of(city: City, year: int) -> Iterator[tuple[str, Ints]]:
    """Each kind of event with its sites."""
    yield "moved", np.flatnonzero(city.moves.moving[year])
    for event, change in (("rose", UPGRADED), ("fell", DROPPED)):
        yield event, np.flatnonzero(city.population.change[year] == change)


def _events(city: City, year: int, event: str, sites: Ints) -> pa.Table:
    n = len(sites)
    same = np.full(n, event != "moved")
    before = max(year - 1, city.p.base_year)
    revenue = {
        y: np.rint(city.output[y] * city.base.turnover)[sites].astype(np.int64) for y in (before, year)
    }
    towns = {y: take(city.towns.codes, np.where(same, -1, city.moves.town[y][sites])) for y in (before, year)}
    return pa.table(
        {
            "year": take([str(year)], np.zeros(n, dtype=np.int64)),
            "uscc": city.uscc(sites, year),
            "event": take([event], np.zeros(n, dtype=np.int64)),
            "from_town_code": towns[before],
            "to_town_code": towns[year],
            "revenue_before_wan_yuan": decimals(revenue[before], 0, ~same | (year == before)),
            "revenue_wan_yuan": decimals(revenue[year], 0, ~same),
        }
    )
