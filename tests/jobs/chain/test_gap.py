"""States of nodes and their reasons."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jobs.chain.gap import gap
from jobs.chain.rules.policy import HERE, StateRules, state_rules
from schemas.definition import read_mapping
from schemas.errors import RejectedError
from tests.frames import frame
from tests.jobs.chain.world import Results

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_each_node_of_the_golden_world_has_its_state(golden: Results) -> None:
    states = {r["node_code"]: r["state_code"] for r in golden.rows["gap"] if r["year"] == "2024"}
    assert states == {
        "TST-U01": "weak",  # one firm
        "TST-U02": "weak",
        "TST-M01": "weak",  # four firms, two of them above scale
        "TST-M02": "weak",
        "TST-M03": "missing",
        "TST-D01": "weak",
        "TST-D02": "not_covered",
        "EXT-M01": "weak",
        "EXT-D01": "weak",
    }


def test_every_rule_that_holds_is_a_reason(golden: Results) -> None:
    rows = {r["node_code"]: r["state_reasons"] for r in golden.rows["gap"] if r["year"] == "2024"}
    # the largest node of its chain, but the weaver has two thirds of it, and it grows more slowly than the chain
    assert rows["TST-M01"] == ["few_above_scale"]
    # all three rules hold; the first one gives the state
    assert rows["TST-U01"] == ["few_firms", "one_firm_leads", "few_above_scale"]
    assert rows["TST-D02"] == [
        "no_industrial_class",
        "no_confirmed_firm",
        "few_firms",
        "no_output",
        "few_above_scale",
    ]


def test_the_size_quotient_compares_with_the_mean_node_of_the_chain(golden: Results) -> None:
    """TST in 2024: U01 30,000, M01 150,000.08, M02 19,999.92, D01 100,000; the mean of the four is 75,000."""
    rows = {r["node_code"]: r for r in golden.rows["gap"] if r["year"] == "2024"}
    assert rows["TST-M01"]["size_quotient"] == Decimal("2.000001")
    assert rows["TST-U01"]["size_quotient"] == Decimal("0.4")
    assert rows["TST-U02"]["size_quotient"] is None  # firms, but no output
    of_chain = golden.one("chain_metrics", chain_code="TST", year="2024")["output_growth_pct"]
    assert of_chain is not None and rows["TST-M03"]["chain_output_growth_pct"] == of_chain


#: A node with nothing remarkable.
PLAIN: dict[str, Any] = {
    "firm_count": 20, "proven_count": 20, "above_scale_count": 5, "champion_count": 0, "little_giant_count": 0,
    "lead_firm_count": 0, "cr1_pct": 40, "output_wan_yuan": 100,
}  # fmt: skip
#: A node of 1.2 times its chain's mean output; see the test for the second node of its chain.
LARGE = {"output_wan_yuan": 150}
#: Figures of a node → its state by the shipped rules, at the limits and beside them.
CASES: list[tuple[dict[str, Any], str]] = [
    ({}, "normal"),
    ({"proven_count": 0}, "missing"),
    ({"proven_count": 0, "firm_count": 5}, "missing"),
    ({"proven_count": 2, "cr1_pct": 90}, "weak"),
    ({"proven_count": 3, "cr1_pct": 71}, "single_point"),
    ({"proven_count": 3, "cr1_pct": 71, "above_scale_count": 1}, "single_point"),
    ({"proven_count": 3, "cr1_pct": 70}, "normal"),
    ({"proven_count": 61, "cr1_pct": 80}, "normal"),
    ({"above_scale_count": 2}, "weak"),
    ({"above_scale_count": 3}, "normal"),
    ({"local_supply_pct": "29.9"}, "weak"),
    ({"local_supply_pct": 30}, "normal"),
    ({"proven_count": 0, "is_covered": False}, "not_covered"),
    # without output
    ({"output_wan_yuan": None, "cr1_pct": None}, "no_output"),
    ({"output_wan_yuan": 0, "cr1_pct": None}, "no_output"),
    ({"output_wan_yuan": None, "cr1_pct": None, "above_scale_count": 0}, "no_output"),
    ({"output_wan_yuan": None, "cr1_pct": None, "local_supply_pct": 5}, "weak"),
    ({"output_wan_yuan": -5, "cr1_pct": None, "champion_count": 3, "lead_firm_count": 1}, "no_output"),
    # large, on several firms, with an honour
    (LARGE, "normal"),
    (LARGE | {"champion_count": 1}, "strong"),
    (LARGE | {"little_giant_count": 1, "cr1_pct": 50}, "strong"),
    (LARGE | {"champion_count": 1, "cr1_pct": "50.1"}, "normal"),
    ({"output_wan_yuan": 149, "champion_count": 9}, "normal"),
    # large, with a lead firm, not slower than the chain, which grows by 5 %
    (LARGE | {"lead_firm_count": 1, "output_growth_pct": 5}, "strong"),
    (LARGE | {"lead_firm_count": 1, "output_growth_pct": "4.9"}, "normal"),
    (LARGE | {"lead_firm_count": 1, "output_growth_pct": 5, "cr1_pct": 70}, "strong"),
    (LARGE | {"lead_firm_count": 1, "output_growth_pct": 5, "cr1_pct": 71, "proven_count": 61}, "normal"),
    (LARGE | {"lead_firm_count": 1}, "normal"),
    ({"output_wan_yuan": 149, "lead_firm_count": 5, "output_growth_pct": 30}, "normal"),
    # what is weak is not strong, however large
    (LARGE | {"champion_count": 1, "local_supply_pct": 20}, "weak"),
]


def test_the_first_rule_that_holds_gives_the_state(spark: SparkSession) -> None:
    """Each case is a node in a chain of its own, beside a node with an output of 100.

    With an output of x beside 100, the size quotient is 2x / (x + 100): 1.2 for 150.
    """
    nodes, figures, chains, expected = [], [], [], {}
    for number, (case, state) in enumerate(CASES):
        chain = f"T{chr(65 + number // 26)}{chr(65 + number % 26)}"
        place = {"chain_code": chain, "year": "2024"}
        for code, own in ((f"{chain}-M01", PLAIN | case), (f"{chain}-M02", PLAIN)):
            figures.append(place | own | {"node_code": code})
            nodes.append(place | {"node_code": code, "is_covered": own.get("is_covered", True)})
        chains.append(place | {"output_growth_pct": 5})
        expected[f"{chain}-M01"] = state
    made = gap(
        frame(spark, "chain.node", nodes),
        frame(spark, "chain.node_metrics", figures),
        frame(spark, "chain.chain_metrics", chains),
        state_rules(),
    )
    states = {row["node_code"]: row["state_code"] for row in made.toArrow().to_pylist()}
    assert {code: states[code] for code in expected} == expected


def test_the_order_of_the_rules_changes_their_hash() -> None:
    raw = read_mapping(HERE / "state_rules.yml", RejectedError)
    *first, last = raw["rules"]
    turned = StateRules.model_validate({**raw, "rules": [*reversed(first), last]})
    assert StateRules.model_validate(raw).hash == state_rules().hash != turned.hash
