"""Every chain table agrees with the oracle on randomly generated worlds."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from jobs.chain.rules.policy import HERE, evidence_model
from schemas.contract import code_list, contract
from tests.jobs.chain.world import PLACES, SMALL_TARGET, Results, World, random_world, run
from tests.oracles import chain as oracle

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Row = dict[str, Any]
SEEDS = (1, 2)


@pytest.fixture(scope="module", params=SEEDS)
def told(request: pytest.FixtureRequest, spark: SparkSession) -> tuple[dict[str, list[Row]], Results]:
    """The oracle's rows by table, and the jobs' results."""
    world = random_world(request.param)
    return expected(world), run(spark, world)


def expected(world: World) -> dict[str, list[Row]]:
    w = typed(world)
    evidence = evidence_model()
    plain = evidence.model_dump(mode="json")
    listed = code_list("product")
    found: dict[str, list[Row]] = {}
    found["trade"] = oracle.trade(w["raw.ent_trade"], world.identifiers())
    found["node_enterprise"] = placed = oracle.positions(
        w["core.enterprise"], w["raw.ent_product"], found["trade"], w["core.enterprise_event"], w["raw.gov_patent"],
        world.nodes, plain, world.overrides, listed,
    )  # fmt: skip
    found["supply_flow"] = oracle.flows(found["trade"], placed, world.nodes)
    years, months, grades = (
        w[t] for t in ("core.enterprise_year", "core.enterprise_month", "per_mu.enterprise_grade")
    )
    lead = evidence.lead_output_wan_yuan
    of_nodes = oracle.node_metrics(
        years, months, placed, grades, found["supply_flow"], world.nodes, lead, found["trade"]
    )
    of_chains = oracle.chain_metrics(of_nodes, years, months, placed, grades, lead)
    for name, figures in (("node_metrics", of_nodes), ("chain_metrics", of_chains)):
        found[name], found[f"{name}_month"] = oracle.of_years(figures), oracle.of_months(figures)
    rules = yaml.safe_load((HERE / "state_rules.yml").read_text(encoding="utf-8"))["rules"]
    found["gap"] = oracle.states(of_nodes, of_chains, world.nodes, rules)
    found["target_progress"] = oracle.progress(of_chains, SMALL_TARGET.model_dump())
    found["local_supplier"] = oracle.suppliers(
        w["core.enterprise"], w["raw.ent_product"], found["trade"], placed, grades, w["core.enterprise_event"],
        world.nodes, PLACES,
    )  # fmt: skip
    return found


def typed(world: World) -> dict[str, list[Row]]:
    """The world's rows with every column of the contract; decimals with their scale."""
    tables = {
        "core.enterprise": world.enterprises, "raw.ent_product": world.products, "raw.ent_trade": world.trades,
        "core.enterprise_event": world.events, "raw.gov_patent": world.patents, "core.enterprise_year": world.years,
        "core.enterprise_month": world.months, "per_mu.enterprise_grade": world.grades,
    }  # fmt: skip
    return {
        table: [{c.name: _value(row.get(c.name), c.type) for c in contract(table).columns} for row in rows]
        for table, rows in tables.items()
    }


def _value(value: Any, kind: str) -> Any:
    if value is None or not kind.startswith("decimal"):
        return value
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-int(kind.rstrip(")").split(",")[1])))


@pytest.mark.parametrize(
    "table",
    [
        "trade", "node_enterprise", "supply_flow", "node_metrics", "node_metrics_month", "chain_metrics",
        "chain_metrics_month", "gap", "target_progress", "local_supplier",
    ],
)  # fmt: skip
def test_each_chain_table_equals_that_of_the_oracle(
    table: str, told: tuple[dict[str, list[Row]], Results]
) -> None:
    wanted, made = told
    key = contract(f"chain.{table}").key
    ours = {tuple(r[k] for k in key): r for r in made.rows[table]}
    theirs = {tuple(r[k] for k in key): r for r in wanted[table]}
    assert len(ours) == len(made.rows[table]) and len(theirs) == len(wanted[table])
    assert set(ours) == set(theirs)
    assert len(ours) > 3
    wrong = {
        (k, name): (ours[k][name], value)
        for k, row in theirs.items()
        for name, value in row.items()
        if ours[k][name] != value
    }
    assert wrong == {}


def test_the_worlds_hold_every_case_that_is_compared(told: tuple[dict[str, list[Row]], Results]) -> None:
    """Without these cases the comparison would pass without testing them."""
    _, made = told
    reasons = {r for row in made.rows["node_enterprise"] for r in row["position_reasons"]}
    assert reasons >= {
        "class_evidence", "declared", "honour", "only_node_of_class", "override", "purchases", "sold",
        "stray_product", "stray_sales",
    }  # fmt: skip
    assert {"TST-M03"} == {r["node_code"] for r in made.rows["node"] if r["year"] == "2024"} - {
        r["node_code"] for r in made.rows["node"] if r["year"] == "2023"
    }
    assert any(r["risk_tags"] for r in made.rows["local_supplier"])
    for table, column in (
        ("node_metrics", "output_growth_pct"), ("node_metrics", "local_supply_pct"),
        ("node_metrics", "purchase_coverage_pct"), ("node_metrics", "location_quotient"),
        ("node_metrics_month", "purchase_coverage_pct"), ("chain_metrics_month", "output_growth_pct"),
        ("gap", "size_quotient"), ("gap", "chain_output_growth_pct"),
        ("target_progress", "target_gap_wan_yuan"),
    ):  # fmt: skip
        values = [r[column] for r in made.rows[table]]
        assert any(v is not None for v in values), column
    assert {r["trade_month_count"] for r in made.rows["node_metrics_month"]} == {1, 3}
