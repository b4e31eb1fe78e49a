"""Visits of offices to firms (企业走访): most to firms that pay little tax on their land, some for other reasons.

The senders do not know grades or lists. They visit who pays less than a third of the tax on a mu of land that firms of
its scale pay in the district, which is most of those with land whom the platform lists. Visits for the list of a year
are made in the autumn of the next one, after the results are published. All shares are assumptions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pyarrow as pa

from demo_city.cells import dates, take, words
from demo_city.frame import Frame
from demo_city.senders.event_days import Days
from demo_city.senders.land import land_uses
from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints, stream
from demo_city.world.population import ABOVE
from schemas.contract import feed

#: Months of the year after the evaluation year with visits, each a file.
_MONTHS = (10, 11, 12)
#: First day with visits in each, after the holidays of October, and the days from which one is drawn.
_FIRST_DAY, _DAYS = 8, 19
#: Firms with less land have little to give back, 0.01 mu.
_LEAST_LAND = 300
#: Share of the firms with low tax that are visited in a year, and of these the share visited twice.
_VISITED, _TWICE = 0.7, 0.25
#: Share of the firms above scale that are visited for another purpose.
_OTHERS = 0.04
#: Finding → its share among visits for low efficiency, and the measure agreed.
_FINDINGS: dict[str, tuple[float, str | None]] = {
    "improving": (0.45, "按整改方案推进技术改造，按季报送进度"),
    "no_progress": (0.25, "一个月内提交整改方案"),
    "done": (0.15, "整改措施已落实，待年度复评"),
    "stopped": (0.1, "商定厂房与用地腾退方案"),
    "refused": (0.05, None),
}
#: Purpose → ending of the name of the district's office that visits.
_OFFICES = {
    "low_efficiency": "亩均办",
    "service": "经济和信息化局",
    "safety": "应急管理局",
    "project": "发展和改革局",
}


def deliveries(city: City, year: int) -> Iterator[tuple[str, str, str, Callable[[], Frame]]]:
    """The files of visits for the list of the year, each with those of one month, which is its part."""
    for number, month in enumerate(_MONTHS):
        part = f"{year + 1}-{month:02d}"
        yield "gov_enterprise_visit", str(year), part, partial(_visits, city, year, number)


def low_tax(city: City, year: int) -> Ints:
    """Sites that use land and pay less than a third of the tax on a mu in their district, above or below scale."""
    uses, q = land_uses(city, year), city.population
    land = np.bincount(uses.site, weights=uses.area, minlength=q.sites)
    tax = np.sum(list(city.year(year).taxes.values()), axis=0).astype(np.float64)
    has = (land >= _LEAST_LAND) & (q.giant < 0)
    like = 2 * q.district + (q.status[year] == ABOVE)
    sums = [
        np.bincount(like[has], weights=one[has], minlength=2 * len(city.p.districts)) for one in (tax, land)
    ]
    mean: Floats = sums[0] / np.maximum(sums[1], 1)
    low: Ints = np.flatnonzero(has & (tax < land * mean[like] / 3))
    return low


def _made(city: City, year: int) -> tuple[Ints, Ints]:
    """Site and purpose of each visit for the list of the year, in the order of their numbers."""
    q = city.population
    rng = stream(q.seed, f"visits-{year}")
    chance = rng.random((2, q.sites))
    low = low_tax(city, year)
    visited = low[chance[0][low] < _VISITED]
    again = visited[chance[1][visited] < _TWICE]
    above = np.flatnonzero(q.status[year] == ABOVE)
    others = above[chance[1][above] > 1 - _OTHERS]
    site = np.concatenate([visited, again, others])
    purpose = np.zeros(len(site), dtype=np.int64)
    purpose[len(visited) + len(again) :] = rng.integers(1, len(_OFFICES), len(others))
    return site, purpose


def _visits(city: City, year: int, number: int) -> Frame:
    """A row for each visit of the month; every third one is made in it, so that none is without visits."""
    contract = feed("gov_enterprise_visit")
    site, purpose = _made(city, year)
    rng = stream(city.population.seed, f"visit-days-{year}")
    draw, found = rng.random(len(site)), rng.random(len(site))
    chosen = np.arange(number, len(site), len(_MONTHS))
    bounds = np.cumsum([share for share, _ in _FINDINGS.values()])
    finding = np.minimum(np.searchsorted(bounds, found[chosen], side="right"), len(bounds) - 1)
    finding = np.where(purpose[chosen] == 0, finding, -1)
    district = city.population.district[site[chosen]]
    offices = [f"{d.name}{ending}" for d in city.p.districts for ending in _OFFICES.values()]
    return Frame(
        contract,
        str(year),
        f"{year + 1}-{_MONTHS[number]:02d}",
        {
            "visit_code": pa.array([f"ZF{year + 1}{n + 1:06d}" for n in chosen.tolist()], pa.string()),
            "uscc": city.uscc(site[chosen], year),
            "district_code": take([d.code for d in city.p.districts], district),
            "visited_date": dates(contract, "visited_date", _days(year + 1, _MONTHS[number], draw[chosen])),
            "visit_purpose_code": words(contract, "visit_purpose_code", list(_OFFICES), purpose[chosen]),
            "visit_finding_code": words(contract, "visit_finding_code", list(_FINDINGS), finding),
            "visiting_office": take(offices, district * len(_OFFICES) + purpose[chosen]),
            "agreed_measure": take([measure for _, measure in _FINDINGS.values()], finding),
        },
    )


def _days(year: int, month: int, draw: Floats) -> Days:
    """Weekdays of the month."""
    first = np.datetime64(f"{year}-{month:02d}-{_FIRST_DAY:02d}")
    days: Days = np.busday_offset(first + (draw * _DAYS).astype(np.int64), 0, roll="forward")
    return days
