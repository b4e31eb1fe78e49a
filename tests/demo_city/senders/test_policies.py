"""Policies and the grants paid under them."""

from __future__ import annotations

from collections import Counter, defaultdict

from demo_city.senders.policies import POLICIES, grant, in_force
from demo_city.world.city import City
from tests.demo_city.senders.test_places import number, rows
from tests.demo_city.sent_city import Sent


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


def test_policies_begin_and_end() -> None:
    ended = {p.title for p in POLICIES if p.last == 2022}
    for year, is_in_force in ((2022, True), (2023, False)):
        assert ({POLICIES[n].title for n in in_force(year)} >= ended) is is_in_force
    assert ended and len(in_force(2021)) > len(in_force(2020))


def test_honours_are_rewarded_and_a_few_firms_paid_twice(sent: Sent, city: City) -> None:
    honoured = defaultdict(set)
    for cells in rows(sent, "honour_2022.xlsx"):
        honoured[cells["荣誉/类别"]].add(cells["企业/统一社会信用代码"])
    rewards = {c["政策编号"]: c["对应荣誉"] for c in rows(sent, "policy_2022.jsonl") if c["对应荣誉"]}
    paid = [c for c in rows(sent, "grant_2022.csv") if c["政策编号"] in rewards]
    assert len(paid) >= 10
    assert all(c["收款单位信用代码"] in honoured[rewards[c["政策编号"]]] for c in paid)
    entitled = sum(len(honoured[word]) for word in rewards.values())
    assert len({(c["政策编号"], c["收款单位信用代码"]) for c in paid}) < entitled  # one in ten does not claim
    columns = grant(city, 2022).columns
    pairs = Counter(zip(columns["uscc"].to_pylist(), columns["policy_code"].to_pylist(), strict=True))
    twice = sum(n > 1 for n in pairs.values())
    assert 1 <= twice < 0.03 * len(pairs)
