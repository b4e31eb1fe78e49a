"""The yearly procedure of the evaluation (年度工作流程): steps, confirmations, decisions on objections, adjustments.

The procedure of a year runs from April to September of the next one, by days that districts of Zhejiang have published;
ten districts follow each other within a week. All shares are assumptions. The senders do not know grades, so no list of
grades comes from them: lists are published with the platform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, partial

import numpy as np
import pyarrow as pa

from demo_city.cells import dates, decimals, take, words
from demo_city.frame import Frame
from demo_city.world.city import City
from demo_city.world.draws import Ints, stream
from demo_city.world.population import ABOVE
from schemas.contract import Feed, feed
from schemas.working_days import UnknownYearError, is_working_day

#: Share of the graded firms above scale that confirm their sheet; the others are silent.
CONFIRMING = 0.93
#: Share of the objections that are accepted.
ACCEPTING = 0.4
_DAY = timedelta(days=1)
#: Step → first day in the year after the evaluation year, working days of its window, and its document.
_STEPS: tuple[tuple[str, tuple[int, int], int, str], ...] = (
    ("list_fixed", (4, 22), 0, "名单"),
    ("land_publicity", (5, 20), 5, "用地公示"),
    ("data_gathered", (7, 3), 0, ""),
    ("sheets_offered", (7, 7), 10, ""),
    ("initial_graded", (8, 1), 0, ""),
    ("publicity", (8, 8), 6, "公示"),
    ("joint_meeting", (8, 25), 0, "会纪"),
    ("final", (8, 28), 0, "定档"),
    ("published", (9, 3), 0, "发布"),
    ("executed", (9, 10), 0, ""),
)
_REASONS = {
    "accepted": "所附材料与主管部门数据核对一致，由数据来源部门更正报送",
    "refused": "所附材料与主管部门数据不符，维持原数据",
}


@dataclass(frozen=True)
class Taken:
    """A step of a district: its day, the days of its window, and the number of its document."""

    step: str
    district: int
    day: date
    first: date | None = None
    last: date | None = None
    working_days: int | None = None
    document: str | None = None


def _works(day: date) -> bool:
    """Whether offices work; in years whose holidays are not known yet every weekday counts."""
    try:
        return is_working_day(day)
    except UnknownYearError:
        return day.weekday() < 5


def _working_day(day: date, later: int) -> date:
    """The working day that is ``later`` working days after the first one from ``day`` on."""
    while not _works(day) or later:
        later -= _works(day)
        day += _DAY
    return day


@cache
def steps(districts: int, year: int) -> tuple[Taken, ...]:
    """All steps of a year in all districts."""
    found = []
    for district in range(districts):
        for step, (month, day), window, kind in _STEPS:
            decided = _working_day(date(year + 1, month, day), district % 5)
            document = f"亩均办{kind}〔{year + 1}〕{district + 1}号" if kind else None
            if window:
                last = _working_day(decided, window - 1)
                found.append(Taken(step, district, decided, decided, last, window, document))
            elif step == "executed":
                following = (decided.replace(day=1) + timedelta(days=32)).replace(day=1)
                found.append(Taken(step, district, decided, following, None, None, document))
            else:
                found.append(Taken(step, district, decided, document=document))
    return tuple(found)


def window(city: City, year: int, step: str) -> list[Taken]:
    """A step with a window, by district."""
    return [taken for taken in steps(len(city.p.districts), year) if taken.step == step]


def deliveries(city: City, year: int) -> Iterator[tuple[str, str, str, Callable[[], Frame]]]:
    """The year's files, each with the records of one month, which is its part."""
    months = sorted({f"{taken.day:%Y-%m}" for taken in steps(len(city.p.districts), year)})
    for month in months:
        yield "gov_evaluation_step", str(year), month, partial(_steps, city, year, month)
    for month in sorted(
        {f"{day:%Y-%m}" for taken in window(city, year, "sheets_offered") for day in _span(taken)}
    ):
        yield "ent_confirmation", str(year), month, partial(_confirmations, city, year, month)
    for month in sorted({f"{taken.day:%Y-%m}" for taken in window(city, year, "joint_meeting")}):
        yield "gov_grade_adjustment", str(year), month, partial(_adjustments, city, year, month)
    months = sorted({f"{_decided(city, year, n):%Y-%m}" for n in range(len(city.p.districts))})
    for month in months:
        yield "gov_objection_decision", str(year), month, partial(_decisions, city, year, month)


def _span(taken: Taken) -> list[date]:
    """Days of a window."""
    assert taken.first and taken.last
    return [taken.first + _DAY * n for n in range((taken.last - taken.first).days + 1)]


def _steps(city: City, year: int, month: str) -> Frame:
    contract = feed("gov_evaluation_step")
    rows = [t for t in steps(len(city.p.districts), year) if f"{t.day:%Y-%m}" == month]
    every = np.arange(len(rows))
    return Frame(
        contract,
        str(year),
        month,
        {
            "district_code": take([city.p.districts[t.district].code for t in rows], every),
            "evaluation_step_code": words(contract, "evaluation_step_code", [t.step for t in rows], every),
            "evaluation_version": pa.array([1] * len(rows)),
            "decided_date": _days(contract, "decided_date", [t.day for t in rows]),
            "window_start_date": _days(contract, "window_start_date", [t.first for t in rows]),
            "window_end_date": _days(contract, "window_end_date", [t.last for t in rows]),
            "working_days_count": pa.array([t.working_days for t in rows], pa.int64()),
            "document_code": pa.array([t.document for t in rows], pa.string()),
            "procedure_reason": _blank(len(rows)),
            **_office(contract, len(rows)),
        },
    )


def _confirmations(city: City, year: int, month: str) -> Frame:
    """A row for each firm above scale that confirms in the month, on a day of its district's window."""
    contract, q = feed("ent_confirmation"), city.population
    rng = stream(q.seed, f"procedure-confirmations-{year}")
    confirms, place = rng.random(q.sites) < CONFIRMING, rng.random(q.sites)
    sites = np.flatnonzero((q.status[year] == ABOVE) & confirms)
    spans = [_span(taken) for taken in window(city, year, "sheets_offered")]
    day = [spans[d][int(p * len(spans[d]))] for d, p in zip(q.district[sites], place[sites], strict=True)]
    chosen = np.array([n for n, d in enumerate(day) if f"{d:%Y-%m}" == month], dtype=np.int64)
    return Frame(
        contract,
        str(year),
        month,
        {
            "confirmation_code": pa.array([f"QR{year}{n + 1:06d}" for n in chosen.tolist()], pa.string()),
            "uscc": city.uscc(sites[chosen], year),
            "confirmed_date": _days(contract, "confirmed_date", [day[n] for n in chosen.tolist()]),
            "sheet_hash": _blank(len(chosen)),
            "decider_role_code": words(
                contract, "decider_role_code", ("enterprise",), np.zeros(len(chosen), dtype=np.int64)
            ),
            "decider_account": _blank(len(chosen)),
        },
    )


def _decided(city: City, year: int, district: int) -> date:
    """The day on which a district decides its objections: two working days after its notice."""
    last = window(city, year, "publicity")[district].last
    assert last
    return _working_day(last + _DAY, 1)


def _decisions(city: City, year: int, month: str) -> Frame:
    """A row for each objection whose district decides in the month; sent with the firm's code and the reason."""
    from demo_city.senders.reports import objecting

    contract = feed("gov_objection_decision")
    site, code = objecting(city, year)
    district = city.population.district[site]
    days = [_decided(city, year, n) for n in range(len(city.p.districts))]
    chosen = np.array([n for n, d in enumerate(district) if f"{days[d]:%Y-%m}" == month], dtype=np.int64)
    accepts = stream(city.population.seed, f"procedure-decisions-{year}").random(len(site)) < ACCEPTING
    index = np.where(accepts[chosen], 0, 1)
    return Frame(
        contract,
        str(year),
        month,
        {
            "objection_code": take(code, chosen),
            "uscc": city.uscc(site[chosen], year),
            "objection_decision_code": words(
                contract, "objection_decision_code", ("accepted", "refused"), index
            ),
            "decided_date": _days(contract, "decided_date", [days[d] for d in district[chosen]]),
            "procedure_reason": take([_REASONS["accepted"], _REASONS["refused"]], index),
            "decided_value": decimals(
                np.zeros(len(chosen), dtype=np.int64), 4, np.ones(len(chosen), dtype=bool)
            ),
            "document_code": _blank(len(chosen)),
            **_office(contract, len(chosen)),
        },
    )


def _adjustments(city: City, year: int, month: str) -> Frame:
    """A row for one firm of each district: the one above scale with the least tax is put into C while it builds."""
    contract, q = feed("gov_grade_adjustment"), city.population
    meetings = [t for t in window(city, year, "joint_meeting") if f"{t.day:%Y-%m}" == month]
    tax = np.sum(list(city.year(year).taxes.values()), axis=0)
    above = np.flatnonzero(q.status[year] == ABOVE)
    site: Ints = np.array(
        [min(above[q.district[above] == t.district], key=lambda s: (tax[s], s)) for t in meetings],
        dtype=np.int64,
    )
    every, none = np.arange(len(site)), np.zeros(len(site), dtype=np.int64)
    return Frame(
        contract,
        str(year),
        month,
        {
            "grade_adjustment_code": pa.array(
                [f"TD{year}{t.district + 1:04d}" for t in meetings], pa.string()
            ),
            "uscc": city.uscc(site, year),
            "district_code": take([city.p.districts[t.district].code for t in meetings], every),
            "adjusted_grade": take(["C"], none),
            "grade_adjustment_reason_code": words(
                contract, "grade_adjustment_reason_code", ("major_project",), none
            ),
            "procedure_reason": take(["重大项目在建，联席会议研究同意按C类管理"], none),
            "document_code": take([t.document for t in meetings], every),
            "decided_date": _days(contract, "decided_date", [t.day for t in meetings]),
            **_office(contract, len(site)),
        },
    )


def _days(contract: Feed, column: str, days: list[date | None] | list[date]) -> pa.Array:
    known = np.array([day or date(2000, 1, 1) for day in days], dtype="datetime64[D]")
    return dates(contract, column, known, np.array([day is None for day in days], dtype=bool))


def _blank(rows: int) -> pa.Array:
    return pa.nulls(rows, pa.string())


def _office(contract: Feed, rows: int) -> dict[str, pa.Array]:
    """The office that decided; its platform names no account."""
    district = words(contract, "decider_role_code", ("district",), np.zeros(rows, dtype=np.int64))
    return {"decider_role_code": district, "decider_account": _blank(rows)}
