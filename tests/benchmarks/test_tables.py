"""The peers of ``./brain bench chain`` and ``profile`` do the areas' work: small cities with known answers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from benchmarks import commands as bench
from benchmarks import tables as bench_tables
from benchmarks.tables import PEERS, Asked, make_all, tables_in
from schemas.contract import contract
from schemas.errors import RejectedError, UsageError
from warehouse import duck
from warehouse.settings import settings

ASKED = Asked("2024", "2024-12")
Row = dict[str, Any]
Made = Callable[[str], list[Row]]


def made(area: str, folder: Path, given: dict[str, list[Row]], **rules: list[Row]) -> Made:
    """Results of an area's statements over tables with these rows and nothing else."""
    of_rules, statements = PEERS[area](ASKED)
    connection = duck.connect()
    for name in tables_in(statements):
        schema = pa.schema([f.with_nullable(True) for f in contract(name).arrow_schema()])
        rows = [{f.name: row.get(f.name) for f in schema} for row in given.get(name, [])]
        connection.register("given", pa.Table.from_pylist(rows, schema))
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
        connection.execute(f"CREATE TABLE {name} AS FROM given")
    make_all(connection, {**of_rules, **rules}, statements, folder)
    assert sorted(p.name for p in folder.iterdir()) == sorted(n.replace(".", "_") for n in statements)
    return lambda sql: duck.fetch(connection, sql)


@pytest.mark.parametrize("area", PEERS)
def test_statements_fit_the_contracts(area: str, tmp_path: Path) -> None:
    query = made(area, tmp_path, {})
    for name in PEERS[area](ASKED)[1]:
        if name != "placed":
            assert query(f"SELECT count(*) AS n FROM {name.replace('.', '_')}") == [{"n": 0}]


def test_sums_and_concentration_of_a_node(tmp_path: Path) -> None:
    """甲 declares the product and sells it to 乙, which stands in the node by its class and buys from outside too."""
    trade = {"product_code": "P1", "period": "2024-12"}
    query = made(
        "chain",
        tmp_path,
        {
            "core.enterprise": [{"uscc": u, "year": "2024", "industry_code": "3670"} for u in ("甲", "乙")],
            "core.enterprise_identifier": [
                {"identifier": "old", "uscc": "甲", "year": "2020", "is_disputed": False},
                {"identifier": "contested", "uscc": "甲", "year": "2020", "is_disputed": True},
            ],
            "core.enterprise_year": [
                {"uscc": u, "year": y, "output_wan_yuan": o}
                for u, y, o in (("甲", "2024", 300), ("甲", "2023", 200), ("乙", "2024", 100))
            ],
            "raw.ent_product": [
                {"uscc": "甲", "period": "2024", "product_code": "P1", "revenue_share_pct": 100}
            ],
            "raw.ent_trade": [
                {**trade, "seller_code": "old", "buyer_code": "乙", "trade_wan_yuan": 60},
                {**trade, "seller_code": "contested", "buyer_code": "乙", "trade_wan_yuan": 40},
            ],
        },
        product_of=[{"product_code": "P1", "node_code": "GDMJ-M01"}],
        class_of=[{"industry_code": "3670", "node_code": "GDMJ-M01", "weight": 1}],
    )
    [node] = query("FROM chain_node_metrics WHERE period = '2024'")
    figures = {
        k: round(float(node[k]), 6) for k in ("output", "cr1", "hhi", "growth_pct", "local_supply_pct")
    }
    assert figures == {"output": 400, "cr1": 75, "hhi": 6250, "growth_pct": 50, "local_supply_pct": 60}
    assert (node["firms"], node["lead"], node["chain_code"]) == (2, "甲", "GDMJ")
    [chain] = query("FROM chain_chain_metrics WHERE period = '2024'")
    assert (chain["firms"], float(chain["output"])) == (2, 400)
    assert query("SELECT uscc, amount FROM chain_local_supplier") == [{"uscc": "甲", "amount": 60}]


def test_growth_of_a_profile(tmp_path: Path) -> None:
    query = made(
        "profile",
        tmp_path,
        {
            "core.enterprise": [{"uscc": "甲", "year": "2024", "is_above_scale": True}],
            "core.enterprise_year": [
                {"uscc": "甲", "year": y, "output_wan_yuan": o, "tax_vat_wan_yuan": 5, "employees_average": 400}
                for y, o in (("2024", 1_331_000), ("2023", 1_100_000), ("2021", 1_000_000), ("2020", 7))
            ],
            "chain.node_enterprise": [
                {"uscc": "甲", "year": "2024", "chain_code": "GDMJ", "node_code": "GDMJ-M01",
                 "position_share": Decimal("0.75"), "confidence": Decimal(1)},
            ],
            "per_mu.enterprise_grade": [
                {"uscc": "甲", "year": y, "final_grade": g, "evaluation_version": 1}
                for y, g in (("2023", "A"), ("2024", "B"))
            ],
            "core.enterprise_event": [
                {"event_id": "1", "uscc": "甲", "year": "2022", "event_kind_code": "honour", "level_code": "national",
                 "event_code": "little_giant"},
            ],
        },
    )  # fmt: skip
    rows = query("FROM profile_enterprise_profile ORDER BY period")
    assert [r["period"] for r in rows] == ["2024", "2024-12"]
    for row in rows:
        assert round(row["output_growth_pct"], 6) == 21 and round(row["output_cagr_pct"], 6) == 10
        assert row["grade_history"] == ["2023=A", "2024=B"] and row["final_grade"] == "B"
        assert float(row["tax_total_wan_yuan"]) == 5
        assert (row["main_node_code"], row["node_output_wan_yuan"]) == ("GDMJ-M01", 998_250)


def test_percentiles_and_tags(tmp_path: Path) -> None:
    """Three firms have the city as their peers; a firm below scale has tags and no score."""
    figures = ("output_wan_yuan", "value_added_wan_yuan", "employees_average")
    firms = [
        {"uscc": u, "period": "2024-12", "figures_year": "2024", "is_above_scale": u != "丁", "final_grade": "D",
         **dict.fromkeys(figures, n)}
        for n, u in enumerate("甲乙丙丁", 1)
    ]  # fmt: skip
    query = made("profile", tmp_path, {"profile.enterprise_profile": firms})
    scores = query(
        "SELECT uscc, scale_score, comprehensive_score FROM profile_comprehensive_score ORDER BY uscc"
    )
    found = {r["uscc"]: round(float(r["scale_score"]), 3) for r in scores}
    assert found == {"甲": 33.333, "乙": 66.667, "丙": 100}
    # scale alone weighs too little for a total
    assert {r["comprehensive_score"] for r in scores} == {None}
    tags = query("SELECT uscc, tag_code, tag_evidence FROM profile_enterprise_tag WHERE tag_code = 'grade_d'")
    assert sorted(t["uscc"] for t in tags) == sorted("甲乙丙丁")
    assert all("final_grade=D" in t["tag_evidence"] for t in tags)


def test_a_home_without_a_city_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path))
    settings.cache_clear()
    try:
        for area in PEERS:
            with pytest.raises(RejectedError, match=r"the home has no .* yet; ./brain demo makes one"):
                bench_tables.run(area, lambda _: None)
            with pytest.raises(UsageError, match="measures the home's own city"):
                bench.run_bench(area, 0.5, lambda _: None)
    finally:
        settings.cache_clear()
