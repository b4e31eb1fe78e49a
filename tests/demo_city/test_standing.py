"""Industry marks, credit listings, patents, foreign trade, and figures of the same months a year before."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

import numpy as np
import pytest

from demo_city.aims.totals import compare_with_plan
from demo_city.senders.marks import clusters, credit, marked
from demo_city.world.city import City
from tests.demo_city.senders.test_places import number, rows
from tests.demo_city.senders.test_projects import MONTHS
from tests.demo_city.sent_city import Sent, at_scale
from tests.demo_city.world.test_chains import YEARS

CODE = "统一社会信用代码"


# --- gov_industry_mark -----------------------------------------------------------------------------------


def test_marked_value_added_is_that_of_the_plan() -> None:
    parts = {c.indicator_zh: c for c in compare_with_plan(at_scale(1.0))[14:]}
    assert {name: str(c.plan) for name, c in parts.items()} == {
        "246产业集群增加值": "3191.0000",
        "战略性新兴产业增加值": "1200.5000",
        "高新技术产业增加值": "2340.3000",
        "装备制造业增加值": "2178.6000",
    }
    assert all(abs(c.difference_pct) < 2 for c in parts.values())
    # the parts overlap: their sum exceeds the total value added
    assert sum(c.plan for c in parts.values()) > 2 * Decimal(4042)


def test_marks_of_later_years_keep_their_share(city: City) -> None:
    value = city.year(2023).money["value_added"]
    above = city.above(2023)
    inside = {k: marked(city, 2023, k) for k in ("strategic", "hightech")}
    inside["clusters"] = clusters(city, 2023) >= 0
    share = {k: value[v].sum() / value[above].sum() for k, v in inside.items()}
    assert share == pytest.approx({"strategic": 0.297, "hightech": 0.579, "clusters": 0.789}, abs=0.01)
    assert (inside["strategic"] & inside["hightech"]).any() and (
        inside["hightech"] & ~inside["strategic"]
    ).any()


def test_clusters_follow_the_industry_class(sent: Sent, city: City) -> None:
    classes = {c[CODE]: str(c["行业代码"]) for c in rows(sent, "statistics_directory_2022.csv")}
    marks = rows(sent, "industry_mark_2022.csv")
    assert len(marks) == sum(c["规模"] == "规上" for c in rows(sent, "statistics_directory_2022.csv"))
    named: defaultdict[str | None, set[str]] = defaultdict(set)
    for cells in marks:
        named[cells["所属产业集群"]].add(classes[cells[CODE]][:2])
    assert named["汽车"] == {"36"} and named["绿色石化"] <= {"25", "26"}
    outside = {"44", "45", "46", "22", "23", "13", "14", "15", "16"}
    assert not outside & set[str]().union(*(v for k, v in named.items() if k is not None))
    assert {c["战略性新兴产业"] for c in marks} == {"是", "否"}
    later = at_scale(0.005)
    assert (clusters(later, 2024) >= 0).any()


# --- gov_credit ------------------------------------------------------------------------------------------


def test_listings_are_reported_when_they_begin_and_when_they_end(sent: Sent) -> None:
    listings: dict[str, list[dict[str, str | None]]] = defaultdict(list)
    for year in YEARS:
        for cells in rows(sent, f"credit_{year}.jsonl"):
            listed, removed = str(cells["列入日期"]), cells["移出日期"]
            assert listed <= f"{year}-12-31" and (removed is None or listed < removed <= f"{year}-12-31")
            assert year == YEARS[0] or f"{year}" in (listed[:4], str(removed)[:4])
            listings[str(cells["记录编号"])].append(cells)
    assert Counter(map(len, listings.values())).keys() <= {1, 2}
    for lines in listings.values():
        assert all(cells["移出日期"] is None for cells in lines[:-1])
        # one listing is planted with an unknown code word
        assert len({(c[CODE], c["列入日期"]) for c in lines}) == 1
        assert len({c["失信类别"] for c in lines} - {"其他"}) <= 1


def test_about_one_firm_in_a_hundred_is_listed(city: City) -> None:
    removed_on: dict[str, object] = {}
    for year in YEARS:
        cells = credit(city, year, complete=year == YEARS[0]).columns
        removed_on |= dict(zip(cells["event_id"].to_pylist(), cells["removed_date"].to_pylist(), strict=True))
    listed = sum(removed is None for removed in removed_on.values())
    assert 0.006 < listed / len(city.population.in_year(2024)) < 0.016


# --- gov_patent ------------------------------------------------------------------------------------------


def _check(code: str) -> str:
    """Check character of an application number: weights 2 to 9, then 2 to 5, modulo 11."""
    weighted = sum(int(d) * w for d, w in zip(code[:12], [*range(2, 10), *range(2, 6)], strict=True))
    return "0123456789X"[weighted % 11]


def products_of(city: City) -> dict[str, set[str]]:
    """Names of each firm's true products."""
    products: dict[str, set[str]] = defaultdict(set)
    codes, names = city.codes.to_pylist(), city.roles.products.names
    for firm, line in zip(city.roles.line_firm.tolist(), city.roles.line_product.tolist(), strict=True):
        products[codes[firm]].add(names[line])
    return products


def test_patents_advance_in_state_and_name_products(sent: Sent) -> None:
    history: dict[str, list[str]] = defaultdict(list)
    made = products_of(at_scale(0.005))
    for year in YEARS:
        for cells in rows(sent, f"patent_{year}.csv"):
            code = str(cells["申请号"])
            if code.startswith("CN"):  # planted as malformed
                continue
            kind, applied, granted = cells["专利类型"], str(cells["申请日"]), cells["授权公告日"]
            assert code == f"{code[:12]}.{_check(code)}" and code[:4] == applied[:4] <= str(year)
            assert code[4] == {"发明": "1", "实用新型": "2", "外观设计": "3"}[str(kind)]
            assert (cells["IPC主分类号"] is None) == (kind == "外观设计")
            assert granted is None or applied < granted
            assert (cells["法律状态"] != "审查中" or granted is None) and (
                cells["法律状态"] != "有效" or granted
            )
            assert year == YEARS[0] or history[code] or applied[:4] == str(year)
            history[code].append(str(cells["法律状态"]))
            assert any(name in str(cells["专利名称"]) for name in made[str(cells["专利权人代码"])])
    order = ["审查中", "有效", "失效"]
    for states in history.values():
        assert states == sorted(set(states), key=order.index)
    assert Counter(s[-1] for s in history.values()).keys() == set(order)
    assert any(len(s) == 3 for s in history.values())


# --- gov_customs -----------------------------------------------------------------------------------------


def test_monthly_exports_add_up_to_the_year(sent: Sent) -> None:
    exports: dict[str | None, Decimal] = defaultdict(Decimal)
    kinds: Counter[str | None] = Counter()
    for month in MONTHS:
        for cells in rows(sent, f"customs_{month}.csv"):
            kinds[cells["进出口"]] += 1
            if cells["进出口"] == "出口":
                exports[cells["收发货人信用代码"]] += abs(number(cells["人民币值(元)"]))
    stated = {
        c[CODE]: number(c["出口交货值_本年累计(千元)"]) * 1000
        for c in rows(sent, "statistics_monthly_2024-12.csv")
    }
    assert {u for u, v in stated.items() if v} == set(exports)
    for uscc, value in exports.items():
        assert abs(value / stated[uscc] - 1) < Decimal("0.1"), uscc
    assert kinds["进口"] > 20


# --- gov_statistics_monthly ------------------------------------------------------------------------------


def test_figures_of_a_year_before_are_the_firms_own(sent: Sent) -> None:
    heading = "工业总产值_上年同期累计(千元)"
    planted = {f["key"].get("uscc") for f in sent.faults if f["feed"] == "gov_statistics_annual"}
    before = {
        c[CODE]: number(c["工业总产值(千元)"])
        for c in rows(sent, "statistics_annual_2023.csv")
        if c[CODE] not in planted
    }
    december = {c[CODE]: c[heading] for c in rows(sent, "statistics_monthly_2024-12.csv")}
    both = set(before) & set(december)
    assert len(both) > 30
    assert all(number(december[uscc]) == before[uscc] for uscc in both)
    june = {c[CODE]: c[heading] for c in rows(sent, "statistics_monthly_2024-06.csv")}
    assert all(0.2 < number(june[u]) / before[u] < 0.8 for u in both if before[u])
    rose = {c[CODE] for c in rows(sent, "statistics_directory_2024.csv") if c["名录变动"] == "小升规"}
    assert any(december.get(uscc) for uscc in rose)


def test_new_firms_have_no_year_before(city: City) -> None:
    q = city.population
    new = (q.firm[2024] != q.firm[2023]) & (q.status[2024] == 2)
    output, value_added = city.year_before(2024)
    assert new.any() and not output[new].any() and not value_added[new].any()
    stayed = (q.firm[2024] == q.firm[2023]) & (q.status[2023] == 2) & (q.status[2024] == 2)
    assert np.array_equal(output[stayed], city.year(2023).money["output"][stayed])
