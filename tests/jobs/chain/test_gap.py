"""States of nodes and their reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.chain.gap import gap
from jobs.chain.rules.policy import StateRules, state_rules
from tests.frames import frame
from tests.jobs.chain.world import Results

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_each_node_of_the_golden_world_has_its_state(golden: Results) -> None:
    states = {r["node_code"]: r["state_code"] for r in golden.rows["gap"] if r["year"] == "2024"}
    assert states == {
        "TST-U01": "weak",  # one firm
        "TST-U02": "weak",
        "TST-M01": "strong",  # three firms, a quotient of 1.94, a champion
        "TST-M02": "weak",
        "TST-M03": "missing",
        "TST-D01": "weak",
        "TST-D02": "not_covered",
        "EXT-M01": "weak",
        "EXT-D01": "weak",
    }


def test_every_rule_that_holds_is_a_reason(golden: Results) -> None:
    rows = {r["node_code"]: r["state_reasons"] for r in golden.rows["gap"] if r["year"] == "2024"}
    assert rows["TST-M01"] == ["quotient_and_champion", "quotient_and_lead_firm"]
    # both rules hold; the first one gives the state
    assert rows["TST-U01"] == ["few_firms", "one_firm_leads"]
    assert rows["TST-D02"] == ["no_industrial_class", "no_confirmed_firm", "few_firms"]


#: Figures of a node → its state by the shipped rules, at the limits and beside them.
CASES: list[tuple[dict[str, Any], str]] = [
    ({"proven_count": 0}, "missing"),
    ({"proven_count": 0, "firm_count": 5}, "missing"),
    ({"proven_count": 2, "cr1_pct": 90}, "weak"),
    ({"proven_count": 3, "cr1_pct": 71}, "single_point"),
    ({"proven_count": 3, "cr1_pct": 70}, "normal"),
    ({"proven_count": 500, "cr1_pct": 80}, "normal"),
    ({"proven_count": 20, "cr1_pct": 40, "local_supply_pct": "29.9"}, "weak"),
    ({"proven_count": 20, "cr1_pct": 40, "local_supply_pct": 30}, "normal"),
    ({"proven_count": 20, "location_quotient": "1.2", "little_giant_count": 1}, "strong"),
    ({"proven_count": 20, "location_quotient": "1.19", "little_giant_count": 1}, "normal"),
    ({"proven_count": 20, "location_quotient": "3"}, "normal"),
    ({"proven_count": 0, "is_covered": False}, "not_covered"),
]


def test_the_first_rule_that_holds_gives_the_state(spark: SparkSession) -> None:
    """Each case is a node of its own."""
    codes = [f"TST-M{number:02}" for number in range(len(CASES))]
    place = {"chain_code": "TST", "year": "2024", "period": "2024"}
    counts = {
        "firm_count": 20,
        "proven_count": 20,
        "champion_count": 0,
        "little_giant_count": 0,
        "lead_firm_count": 0,
    }
    figures = [place | counts | case | {"node_code": c} for c, (case, _) in zip(codes, CASES, strict=True)]
    nodes = [place | {"node_code": f["node_code"], "is_covered": f.get("is_covered", True)} for f in figures]
    made = gap(frame(spark, "chain.node", nodes), frame(spark, "chain.node_metrics", figures), state_rules())
    states = {row["node_code"]: row["state_code"] for row in made.toArrow().to_pylist()}
    assert states == dict(zip(codes, [state for _, state in CASES], strict=True))


def test_the_order_of_the_rules_changes_their_hash() -> None:
    rules = state_rules()
    turned = StateRules.model_validate(
        rules.model_dump() | {"rules": [*reversed(rules.rules[:-1]), rules.rules[-1]]}
    )
    assert turned.hash != rules.hash
