"""Projects: their stages, money and dates."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import numpy as np
import pytest

from demo_city.senders.projects import STAGES, Projects, projects, stages
from demo_city.world.city import build_city
from demo_city.world.parameters import parameters
from tests.demo_city.sender_files import read
from tests.demo_city.senders.test_places import number, rows
from tests.demo_city.sent_city import Sent


def iso(text: str | None) -> str | None:
    """ISO form of a date in one of the three formats that districts use."""
    if text is None:
        return None
    parts = text.replace("年", "-").replace("月", "-").replace("日", "").replace("/", "-").split("-")
    return f"{int(parts[0])}-{int(parts[1]):02d}-{int(parts[2]):02d}"


MONTHS = [f"2024-{m:02d}" for m in range(1, 13)]


def test_stages_agree_with_dates_and_money(sent: Sent) -> None:
    seen: Counter[str | None] = Counter()
    for month in MONTHS:
        end = f"{month}-31"
        for cells in rows(sent, f"project_{month}.csv"):
            stage, done = cells["项目阶段"], number(cells["累计完成投资(万元)"])
            start, completion = iso(cells["开工时间"]), iso(cells["竣工时间"])
            seen[stage] += 1
            if stage == "谋划储备":
                assert (start, completion, done) == (None, None, Decimal(0))
                continue
            assert start is not None and completion is not None and start < completion
            assert (start <= end) == (stage in ("在建", "竣工投产"))
            assert (done == 0) or stage in ("在建", "竣工投产")
            assert stage != "竣工投产" or completion <= end
    assert set(seen) == {"竣工投产", "在建", "计划新开工", "谋划储备"}


def test_investment_done_never_falls(sent: Sent) -> None:
    reached: dict[str | None, Decimal] = {}
    for month in MONTHS:
        for cells in rows(sent, f"project_{month}.csv"):
            done = number(cells["累计完成投资(万元)"])
            assert done >= reached.get(cells["项目代码"], Decimal(0))
            assert done <= number(cells["总投资(亿元)"]) * 10_000 * Decimal("1.2")
            reached[cells["项目代码"]] = done
    assert max(reached.values()) > 0


def test_districts_write_dates_in_three_formats_and_some_projects_are_blocked(sent: Sent) -> None:
    cells = rows(sent, "project_2024-06.csv")
    dates = [c["开工时间"] for c in cells if c["开工时间"]]
    assert {next(mark for mark in "年/-" if mark in d) for d in dates} == {"年", "/", "-"}
    blocked = [c for c in cells if c["卡点责任部门"]]
    assert 1 <= len(blocked) < 0.2 * len(cells)
    assert all(c["卡点起始日"] and c["卡点起始日"] < "2024-06-30" for c in blocked)
    late = [c for c in cells if c["项目阶段"] == "在建" and str(iso(c["竣工时间"])) < "2024-06-30"]
    assert late


def test_firms_of_projects_are_registered(sent: Sent) -> None:
    known = set()
    for year in range(2020, 2025):
        known |= {c["tyshxydm"] for c in rows(sent, f"business_registry_{year}.jsonl")}
    named = [c["项目单位信用代码"] for c in rows(sent, "project_2024-12.csv")]
    assert {n for n in named if n} <= known
    assert 0.5 < sum(n is not None for n in named) / len(named) < 0.95


@pytest.fixture(scope="module")
def full() -> Projects:
    return projects(build_city(parameters(), 2020, 1.0, 2024))


@pytest.mark.parametrize("day", ["2020-12-31", "2022-12-31", "2024-12-31"])
def test_each_year_ten_projects_above_ten_billion_and_a_hundred_above_one(full: Projects, day: str) -> None:
    at, stage = stages(full, np.datetime64(day))
    assert set(stage.tolist()) == set(range(len(STAGES)))
    building = full.investment[at][stage == STAGES.index("under_construction")]
    # the plan's 双百: above 100 亿 and above 10 亿, in 万元
    assert 10 <= (building >= 1_000_000).sum() < 30
    assert 100 <= (building >= 100_000).sum() < 200
    assert 1_000 < len(at) < 1_800


def test_every_project_file_is_a_complete_library(sent: Sent) -> None:
    first, last = (
        {r.cells["项目代码"] for r in read(sent.landing / "gov_project" / f"project_{month}.csv")[1]}
        for month in (MONTHS[0], MONTHS[-1])
    )
    assert len(first & last) > 0.6 * len(first)
    assert last - first and first - last
