"""The suites of the chains on the good city, with and without trades."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from jobs.chain.rules.policy import state_rules
from tests.expectations.bad_chain import BAD_CHAIN
from tests.expectations.conftest import Judge
from tests.expectations.good_city import City


def test_good_chains_pass(judge: Judge) -> None:
    report = judge(tables=tuple(BAD_CHAIN))
    assert [v for v in report.verdicts if not v.success] == []
    assert report.passed and report.suites == 2 * len(BAD_CHAIN)


def test_a_city_without_trades_passes(city: City, judge: Judge) -> None:
    """Enterprises share their invoices by choice, so there may be none."""
    without = ("chain.trade", "chain.supply_flow", "chain.local_supplier")
    for table in without:
        city[table] = []
    report = judge(*without)
    assert report.passed, report.failures()


# --- whether the rules of states tell nodes apart --------------------------------------------------------

RULES = state_rules().tables()
#: Reason of a rule → its state.
STATE_OF = {rule.reason: rule.state for rule in state_rules().rules}


def told(
    city: City, judge: Judge, figures: Callable[[int], dict[str, Any]], nodes: int
) -> dict[str, list[str]]:
    """Check → keys it names, for a city with this number of nodes with output."""
    pattern = city["chain.gap"][0]
    rows = []
    for number in range(nodes):
        known: dict[str, Any] = {
            "output_wan_yuan": Decimal(100), "proven_count": 20, "above_scale_count": 5,
            "size_quotient": Decimal(1), "cr1_pct": Decimal(40),
            "local_supply_pct": Decimal(60), "output_growth_pct": Decimal(5), "chain_output_growth_pct": Decimal(5),
            "champion_count": 0, "little_giant_count": 0, "lead_firm_count": 0, "state_reasons": ["no_rule_holds"],
        }  # fmt: skip
        row = known | figures(number)
        state = STATE_OF[row["state_reasons"][0]]
        rows.append(pattern | row | {"node_code": f"HGXCL-M{number:02}", "state_code": state})
    city["chain.gap"] = rows
    report = judge("chain.gap", rules=RULES)
    names = ("strong_for_all", "rule_for_all", "rule_for_none", "condition_for_all_or_none")
    return {
        v.expectation: list(v.failing_keys)
        for v in report.verdicts
        if v.expectation in names and not v.success
    }


LARGE = {"size_quotient": Decimal(2)}


def mixed(number: int) -> dict[str, Any]:
    """Each rule holds for some nodes, and each of its conditions too."""
    return [
        {"proven_count": 2, "state_reasons": ["few_firms"]},
        {"cr1_pct": Decimal(80), "state_reasons": ["one_firm_leads"]},
        {"proven_count": 61, "cr1_pct": Decimal(80)},
        {"local_supply_pct": Decimal(20), "state_reasons": ["little_bought_here"]},
        LARGE | {"champion_count": 1, "little_giant_count": 1, "state_reasons": ["large_with_honours"]},
        LARGE | {"lead_firm_count": 1, "output_growth_pct": Decimal(6), "state_reasons": ["large_and_growing"]},
        {"output_growth_pct": Decimal(4), "above_scale_count": 2, "state_reasons": ["few_above_scale"]},
    ][number % 7]  # fmt: skip


def test_rules_that_tell_nodes_apart_pass(city: City, judge: Judge) -> None:
    assert told(city, judge, mixed, 35) == {}


def test_a_rule_that_makes_all_nodes_strong_blocks(city: City, judge: Judge) -> None:
    """Each node is strong, as by the location quotient of the best district: the rule is always true."""

    def strong(number: int) -> dict[str, Any]:
        return {"size_quotient": Decimal(2), "champion_count": 1, "state_reasons": ["large_with_honours"]}

    failed = told(city, judge, strong, 30)
    assert failed["strong_for_all"] == [
        "year=2022|reason=large_with_honours|nodes_with_output=30|held_with_output=30"
    ]
    held = [k for k in failed["condition_for_all_or_none"] if "field=size_quotient" in k]
    assert held and all("held_with_output=30" in k for k in held)


def test_a_rule_that_holds_for_no_node_is_named_in_a_city_with_many_nodes(city: City, judge: Judge) -> None:
    """Rare firms may leave a rule without a node in a small city, so that few nodes prove nothing."""
    ordinary = {"state_reasons": ["no_rule_holds"]}
    assert "rule_for_none" not in told(city, judge, lambda n: ordinary, 199)
    failed = told(city, judge, lambda n: ordinary, 200)
    assert any("reason=few_firms" in k and "held=0" in k for k in failed["rule_for_none"])


def test_a_city_in_which_all_nodes_are_weak_is_published_with_a_warning(city: City, judge: Judge) -> None:
    """A small city may have fewer than three firms above scale in each node."""
    weak = {"above_scale_count": 2, "state_reasons": ["few_above_scale"]}
    failed = told(city, judge, lambda n: weak, 30)
    assert failed["rule_for_all"] == [
        "year=2022|reason=few_above_scale|nodes_with_output=30|held_with_output=30"
    ]
    blocking = {v.expectation for v in judge("chain.gap", rules=RULES).failures()}
    assert not blocking & {"strong_for_all", "rule_for_all", "rule_for_none", "condition_for_all_or_none"}


def test_few_nodes_are_not_judged(city: City, judge: Judge) -> None:
    assert told(city, judge, lambda n: {"state_reasons": ["few_firms"], "proven_count": 1}, 29) == {}


def test_a_condition_that_is_always_true_inside_a_rule_is_named(city: City, judge: Judge) -> None:
    """The rules still hold for some nodes only, but one of their conditions does not matter."""
    failed = told(city, judge, lambda n: mixed(n) | {"size_quotient": Decimal("1.83")}, 35)
    assert set(failed) == {"condition_for_all_or_none"}
    assert all(
        "field=size_quotient" in k and "held_with_output=35" in k for k in failed["condition_for_all_or_none"]
    )


def test_a_rule_without_its_figures_is_not_judged(city: City, judge: Judge) -> None:
    """Years without trades have no local supply rate: its rule cannot hold, and that is no fault of the rule."""
    failed = told(
        city,
        judge,
        lambda n: (
            {k: v for k, v in mixed(n).items() if v != ["little_bought_here"]} | {"local_supply_pct": None}
        ),
        35,
    )
    assert failed == {}


def test_a_rule_of_weak_nodes_may_hold_for_nodes_without_output_alone(city: City, judge: Judge) -> None:
    """Few firms: none of the nodes with output, but some of those with firms."""

    def figures(number: int) -> dict[str, Any]:
        row = mixed(number)
        return row | {"output_wan_yuan": None} if row.get("state_reasons") == ["few_firms"] else row

    assert told(city, judge, figures, 35) == {}


@pytest.mark.parametrize("state", ["strong", "normal"])
def test_a_node_without_output_is_not_rated(state: str, city: City, judge: Judge) -> None:
    row = next(r for r in city["chain.gap"] if r["state_code"] == "no_output")
    row["state_code"] = state
    assert "no_output_not_rated" in {v.expectation for v in judge("chain.gap", rules=RULES).failures()}


def test_coverage_beyond_the_estimate_blocks(city: City, judge: Judge) -> None:
    row = city["chain.node_metrics"][0]
    row.update(
        estimated_purchases_wan_yuan=Decimal(100), covered_purchases_wan_yuan=Decimal(255),
        excess_purchases_wan_yuan=Decimal(0), purchase_coverage_pct=Decimal(255),
    )  # fmt: skip
    failed = {v.expectation for v in judge("chain.node_metrics").failures()}
    assert "covered_within_estimate" in failed
    assert any("purchase_coverage_pct" in name for name in failed)
