"""Investment projects (工业投资项目) of the demo city, from reserve to two years after completion.

At scale 1 some 2,400 projects start in or around the city's years. About 1,300 are in the library at a time; at least
10 above 100 亿 and 100 above 10 亿 are under construction: the plan's 双百. Their number follows the scale, their size
does not. All amounts are assumed.

Irregularities for the platform to detect: one project in eight is late and keeps its old completion date after that
date; one in ten under construction or planned is blocked by a department; 4 % invest more than planned; some projects
name no firm; and the ten districts write dates in three formats.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from demo_city.cells import amounts, dates, decimals, take, words
from demo_city.delivery import period_end
from demo_city.frame import Frame
from demo_city.senders.months import period_of
from demo_city.world.city import City
from demo_city.world.draws import Bools, Floats, Ints, stream
from demo_city.world.names import SYNTHETIC, name_parts, styles
from demo_city.world.parameters import classes_of
from schemas.contract import feed

Days = npt.NDArray[np.datetime64]

STAGES = ("completed", "under_construction", "planned", "reserve")
#: Projects that start in a year at scale 1. Assumed.
_PER_YEAR = 240
#: Of every 240 projects of a year, the number above 100 亿, and between 10 and 100 亿. Assumed.
_GIANT, _LARGE = 6, 56
#: Days before the start of construction from which a project is planned, and from which it is in the library.
_PLANNED_BEFORE, _KNOWN_BEFORE = 365, 1000
#: Days after completion until which it stays in the library.
_KEPT_AFTER = 730
_DEPARTMENTS = ("自然资源和规划局", "生态环境局", "发展和改革委员会", "供电公司", "住房和城乡建设局")


@dataclass(frozen=True)
class Projects:
    """Projects by number. Investment in 万元."""

    #: Year of the start of construction.
    year: Ints
    district: Ints
    division: list[str]
    #: Site of the investor.
    site: Ints
    investment: Ints
    start: Days
    #: Completion date as reported, and the actual one.
    due: Days
    completed: Days
    needs_land: Bools
    draw: Floats

    def __len__(self) -> int:
        return len(self.year)


def projects(city: City) -> Projects:
    """All projects that start from two years before the base year to three years after the last year."""
    rng = stream(city.population.seed, "projects")
    first, last = city.p.base_year - 2, max(city.population.status) + 3
    each = max(20, round(_PER_YEAR * city.population.scale))
    year = np.repeat(np.arange(first, last + 1), each)
    n = len(year)
    investment = _investment(rng, n, each)
    start = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]") + rng.integers(0, 365, n).astype(
        "timedelta64[D]"
    )
    # one to two years, longer for larger projects
    days = (rng.uniform(300, 700, n) + 250 * np.log10(investment / 1e4 + 1)).astype(np.int64)
    due = start + days.astype("timedelta64[D]")
    slip = np.where(rng.random(n) < 0.125, rng.integers(60, 500, n), 0)
    site = _investors(city, investment, rng)
    return Projects(
        year=year,
        district=city.population.district[site],
        division=[f"{city.p.divisions[g].codes[0]:02d}" for g in city.population.group[site].tolist()],
        site=site,
        investment=investment,
        start=start,
        due=due,
        completed=due + slip.astype("timedelta64[D]"),
        needs_land=rng.random(n) < 0.6,
        draw=rng.random(n),
    )


def _investment(rng: np.random.Generator, n: int, each: int) -> Ints:
    """Investment in 万元: a few above 100 亿, some from 10 亿, the rest about 1 亿; largest first in a year."""
    rank = np.arange(n) % each / each * _PER_YEAR
    giant, large = rank < _GIANT, (rank >= _GIANT) & (rank < _GIANT + _LARGE)
    amount = 9_000 * np.exp(0.9 * rng.standard_normal(n))
    amount = np.clip(amount, 800, 95_000)
    amount = np.where(large, 1e5 * (1 + rng.pareto(1.8, n)), amount)
    amount = np.where(large, np.minimum(amount, 9.5e5), amount)
    amount = np.where(giant, 1e6 * np.minimum(1 + 0.4 * rng.pareto(2.0, n), 4), amount)
    return np.rint(amount / 100).astype(np.int64) * 100


def _investors(city: City, investment: Ints, rng: np.random.Generator) -> Ints:
    """Site of the investor: a firm above scale in the base year; large projects favour large firms more."""
    q = city.population
    sites = np.arange(q.first_above)
    output = np.maximum(city.base.money["output"][sites], 1)
    ordinary = rng.choice(sites, len(investment), p=np.sqrt(output) / np.sqrt(output).sum())
    strong = rng.choice(sites, len(investment), p=output / output.sum())
    return np.where(investment >= 1e5, strong, ordinary)


def stages(every: Projects, day: np.datetime64) -> tuple[Ints, Ints]:
    """Projects in the library on the day, and the position of their stage in :data:`STAGES`."""
    known = (every.start - day <= np.timedelta64(_KNOWN_BEFORE, "D")) & (
        day - every.completed < np.timedelta64(_KEPT_AFTER, "D")
    )
    at = np.flatnonzero(known)
    start, completed = every.start[at], every.completed[at]
    planned = start - day <= np.timedelta64(_PLANNED_BEFORE, "D")
    stage = np.select([completed <= day, start <= day, planned], [0, 1, 2], 3)
    return at, stage.astype(np.int64)


def done_investment(every: Projects, at: Ints, day: np.datetime64) -> Ints:
    """Cumulative investment in 万元, slow at the beginning and the end of construction.

    4 % of the projects end above their plan, the others at 96 to 100 % of it.
    """
    length = (every.completed[at] - every.start[at]).astype(np.int64)
    progress = np.clip((day - every.start[at]).astype(np.int64) / length, 0, 1)
    curve = progress**2 * (3 - 2 * progress)
    draw = every.draw[at]
    end = np.where(draw < 0.04, 1.02 + 4 * draw, 0.96 + 0.04 * draw)
    return np.rint(every.investment[at] * curve * end).astype(np.int64)


def project(city: City, year: int, month: int | None = None) -> Frame:
    """A row for each project in the library at the end of the year or month."""
    contract, every = feed("gov_project"), projects(city)
    period = period_of(year, month)
    day = np.datetime64(period_end(period))
    at, stage = stages(every, day)
    reserve = stage == 3
    investment, draw = every.investment[at], every.draw[at]
    density = 250 + 500 * draw  # 万元 of investment per mu
    blocked, since = _blocked(city, at, stage, day)
    promised = np.rint(investment * (0.9 + draw)).astype(np.int64)
    columns = {
        "project_code": pa.array(_codes(city, every)).take(pa.array(at)),
        "序号": decimals(np.arange(1, len(at) + 1), 0),
        "project_name": _names(city, every, at),
        "uscc": _investor_codes(city, every, at, year),
        "reported_district_code": take([d.code for d in city.p.districts], every.district[at]),
        "industry_code": take([classes_of(d)[0] for d in every.division], at),
        "project_stage_code": words(contract, "project_stage_code", STAGES, stage),
        "planned_investment_wan_yuan": amounts(
            contract, "planned_investment_wan_yuan", investment, "亿元", 4
        ),
        "done_investment_wan_yuan": amounts(
            contract, "done_investment_wan_yuan", done_investment(every, at, day), "万元", 0
        ),
        "needed_land_mu": amounts(
            contract,
            "needed_land_mu",
            np.rint(investment / density).astype(np.int64),
            "亩",
            0,
            blank=~every.needs_land[at],
        ),
        "needed_energy_tce": amounts(
            contract,
            "needed_energy_tce",
            _energy(city, every, at, promised),
            "吨标准煤",
            0,
            blank=reserve & (draw < 0.5),
        ),
        "promised_output_wan_yuan": amounts(
            contract, "promised_output_wan_yuan", promised, "万元", 0, blank=reserve
        ),
        "promised_tax_wan_yuan": amounts(
            contract,
            "promised_tax_wan_yuan",
            np.rint(promised * 0.05).astype(np.int64),
            "万元",
            0,
            blank=reserve,
        ),
        "start_date": dates(contract, "start_date", every.start[at], reserve),
        "completion_date": dates(
            contract, "completion_date", np.where(stage == 0, every.completed[at], every.due[at]), reserve
        ),
        "blocking_department": take([f"宁波市{d}" for d in _DEPARTMENTS], blocked),
        "blocked_since_date": dates(contract, "blocked_since_date", since, blocked < 0),
    }
    return Frame(contract, period, "", columns)


def _codes(city: City, every: Projects) -> list[str]:
    """Project codes: year of entry, district, division, kind (01 filed), serial number."""
    return [
        f"{year - 1}-{city.p.districts[d].code}-{division}-01-{number + 1:06d}"
        for number, (year, d, division) in enumerate(
            zip(every.year.tolist(), every.district.tolist(), every.division, strict=True)
        )
    ]


def _names(city: City, every: Projects, at: Ints) -> pa.Array:
    """Names of the projects: district, a made-up 字号, the division's trade."""
    district = take([d.name[:-1] for d in city.p.districts], every.district[at])
    trade = pa.array([name_parts().trades_of(every.division[n])[0] for n in at.tolist()])
    return pc.binary_join_element_wise(district, styles(at), trade, f"项目{SYNTHETIC}", "")


def _investor_codes(city: City, every: Projects, at: Ints, year: int) -> pa.Array:
    """Credit codes of the investors; most projects that start after ``year`` name no firm yet.

    The investor is the firm on the site in the year of the project's start.
    """
    q = city.population
    started = np.clip(every.year[at], city.p.base_year, max(q.firm))
    firm = np.empty(len(at), dtype=np.int64)
    for y in np.unique(started).tolist():
        firm[started == y] = q.firm[y][every.site[at][started == y]]
    named = (q.firm_born[firm] <= year) & np.where(
        every.year[at] <= year, every.draw[at] < 0.95, every.draw[at] < 0.4
    )
    return take(city.codes, np.where(named, firm, -1))


def _energy(city: City, every: Projects, at: Ints, promised: Ints) -> Ints:
    """Energy in tce: promised output x value-added rate / value added per ton, by division."""
    group = city.population.group[every.site[at]]
    rate = np.array([d.va_rate / 100 / d.va_per_tce for d in city.p.divisions])[group]
    tons: Ints = np.rint(promised * rate).astype(np.int64)
    return tons


def _blocked(city: City, at: Ints, stage: Ints, day: np.datetime64) -> tuple[Ints, Days]:
    """Blocking department (-1 for none) and first day; one in ten projects under construction or planned."""
    rng = stream(city.population.seed, f"blocked-{day}")
    waits = np.isin(stage, (1, 2)) & (rng.random(len(at)) < 0.1)
    department = rng.integers(0, len(_DEPARTMENTS), len(at))
    since = day - rng.integers(5, 200, len(at)).astype("timedelta64[D]")
    return np.where(waits, department, -1), since
