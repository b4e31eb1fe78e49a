"""Water, permits, policies, grants and projects."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

import numpy as np
import pytest

from demo_city.senders.discharge_permit import discharge_permit
from demo_city.senders.policies import POLICIES, grant, in_force
from demo_city.senders.projects import STAGES, Projects, projects, stages
from demo_city.senders.water import water, yearly_water
from demo_city.world.city import City, build_city
from demo_city.world.parameters import parameters
from demo_city.world.population import ABOVE
from tests.demo_city.sender_files import read
from tests.demo_city.senders.test_places import number, rows
from tests.demo_city.sent_city import Sent

MONTHS = [f"2024-{m:02d}" for m in range(1, 13)]


# --- water ---------------------------------------------------------------------------------------------


def test_water_is_plausible_beside_value_added(city: City) -> None:
    above = city.population.status[2022] == ABOVE
    value_added = city.year(2022).money["value_added"][above].sum() / 10  # 千元 in 万元
    per_wan_yuan = yearly_water(city, 2022)[above].sum() / value_added
    assert 8 < per_wan_yuan < 15


def test_months_of_water_add_up_to_the_year(city: City) -> None:
    total: Counter[str] = Counter()
    for month in range(1, 13):
        cells = water(city, 2024, month).columns
        for uscc, cubic in zip(cells["uscc"].to_pylist(), cells["water_m3"].to_pylist(), strict=True):
            total[uscc] += cubic
    sites = np.flatnonzero(city.population.firm[2024] >= 0)
    year = dict(
        zip(city.uscc(sites, 2024).to_pylist(), yearly_water(city, 2024)[sites].tolist(), strict=True)
    )
    off = {uscc: (cubic, year[uscc]) for uscc, cubic in total.items() if abs(cubic - year[uscc]) > 12}
    assert len(total) > 1000 and off == {}


def test_some_firms_have_two_water_accounts(sent: Sent) -> None:
    cells = rows(sent, "water_2022.csv")
    accounts = [c["用水户号"] for c in cells]
    assert len(accounts) == len(set(accounts))
    firms = Counter(c["社会信用代码"] for c in cells)
    assert set(firms.values()) == {1, 2}
    assert {c["用水户号"] for c in rows(sent, "water_2021.csv")} & set(accounts)


# --- permits -------------------------------------------------------------------------------------------


def test_who_reports_emissions_has_a_permit_with_amounts(sent: Sent) -> None:
    permits = {c["许可证/单位信用代码"]: c for c in rows(sent, "discharge_permit_2022.xlsx")}
    reporting = {c["企业/信用代码"] for c in rows(sent, "emission_2022.xlsx")}
    amount = "年许可排放量/化学需氧量"
    assert reporting == {code for code, c in permits.items() if c[amount] is not None}
    assert {c["许可证/管理类别"] for code, c in permits.items() if code not in reporting} == {"登记管理"}
    assert all(str(c["有效期/自"]) < str(c["有效期/至"]) for c in permits.values())


def test_few_permits_are_too_small_or_have_run_out(city: City) -> None:
    cells = discharge_permit(city, 2022).columns
    site_of = {u: s for s, u in enumerate(city.uscc(np.arange(city.population.sites), 2022).to_pylist()) if u}
    cod = city.year(2022).emissions["cod"]  # grams
    too_small, with_amounts = 0, 0
    for uscc, tons in zip(cells["uscc"].to_pylist(), cells["cod_permitted_t"].to_pylist(), strict=True):
        if tons is not None:
            with_amounts += 1
            too_small += tons * 10**6 < int(cod[site_of[uscc]])
    assert 1 <= too_small < 0.1 * with_amounts
    ran_out = sum(end < "2023-01-01" for end in cells["permit_to_date"].to_pylist())
    assert 1 <= ran_out < 0.06 * len(cells["uscc"])


# --- policies and grants -------------------------------------------------------------------------------


def test_grants_are_paid_under_policies_of_the_year(sent: Sent) -> None:
    for year in ("2020", "2022", "2024"):
        catalogue = {c["政策编号"]: c for c in rows(sent, f"policy_{year}.jsonl")}
        assert len(catalogue) == len(in_force(int(year)))
        paid = rows(sent, f"grant_{year}.csv")
        assert {c["政策编号"] for c in paid} <= set(catalogue) and len(paid) > 20
        for cells in paid:
            policy = catalogue[cells["政策编号"]]
            assert 0 < number(cells["金额(元)"]) / 10_000 <= number(policy["单家上限(万元)"])
            assert str(cells["支付日期"]).startswith(year)
            if policy["免申即享"] == "是":
                assert number(cells["金额(元)"]) / 10_000 == number(policy["单家上限(万元)"])


def test_policies_come_and_lapse() -> None:
    lapsed = {p.title for p in POLICIES if p.last == 2022}
    for year, there in ((2022, True), (2023, False)):
        assert ({POLICIES[n].title for n in in_force(year)} >= lapsed) is there
    assert lapsed and len(in_force(2021)) > len(in_force(2020))


def test_honours_are_rewarded_and_a_few_firms_paid_twice(sent: Sent, city: City) -> None:
    honoured = defaultdict(set)
    for cells in rows(sent, "honour_2022.xlsx"):
        honoured[cells["荣誉/类别"]].add(cells["企业/统一社会信用代码"])
    rewards = {c["政策编号"]: c["对应荣誉"] for c in rows(sent, "policy_2022.jsonl") if c["对应荣誉"]}
    paid = [c for c in rows(sent, "grant_2022.csv") if c["政策编号"] in rewards]
    assert len(paid) >= 10
    assert all(c["收款单位信用代码"] in honoured[rewards[c["政策编号"]]] for c in paid)
    got = sum(len(honoured[word]) for word in rewards.values())
    assert len({(c["政策编号"], c["收款单位信用代码"]) for c in paid}) < got  # one in ten does not claim
    columns = grant(city, 2022).columns
    pairs = Counter(zip(columns["uscc"].to_pylist(), columns["policy_code"].to_pylist(), strict=True))
    twice = sum(n > 1 for n in pairs.values())
    assert 1 <= twice < 0.03 * len(pairs)


# --- projects ------------------------------------------------------------------------------------------


def iso(text: str | None) -> str | None:
    """A date in one of the three ways in which districts type it."""
    if text is None:
        return None
    parts = text.replace("年", "-").replace("月", "-").replace("日", "").replace("/", "-").split("-")
    return f"{int(parts[0])}-{int(parts[1]):02d}-{int(parts[2]):02d}"


def test_stages_agree_with_dates_and_money(sent: Sent) -> None:
    seen: Counter[str | None] = Counter()
    for month in MONTHS:
        end = f"{month}-31"
        for cells in rows(sent, f"project_{month}.csv"):
            stage, done = cells["项目阶段"], number(cells["累计完成投资(万元)"])
            start, completion = iso(cells["开工时间"]), iso(cells["竣工时间"])
            seen[stage] += 1
            if stage == "谋划储备":
                assert (start, completion, done) == (None, None, 0)
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


def test_districts_type_dates_in_three_ways_and_some_projects_wait(sent: Sent) -> None:
    cells = rows(sent, "project_2024-06.csv")
    dates = [c["开工时间"] for c in cells if c["开工时间"]]
    assert {next(mark for mark in "年/-" if mark in d) for d in dates} == {"年", "/", "-"}
    waiting = [c for c in cells if c["卡点责任部门"]]
    assert 1 <= len(waiting) < 0.2 * len(cells)
    assert all(c["卡点起始日"] and c["卡点起始日"] < "2024-06-30" for c in waiting)
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
    # 双百 of the plan: above 100 亿 and above 10 亿, in 万元
    assert 10 <= (building >= 1_000_000).sum() < 30
    assert 100 <= (building >= 100_000).sum() < 200
    assert 1_000 < len(at) < 1_800


def test_every_file_of_a_project_feed_is_a_whole_library(sent: Sent) -> None:
    first, last = (
        {r.cells["项目代码"] for r in read(sent.landing / "gov_project" / f"project_{month}.csv")[1]}
        for month in (MONTHS[0], MONTHS[-1])
    )
    assert len(first & last) > 0.6 * len(first)
    assert last - first and first - last
