"""Positions and gaps computed for a demo city, compared with what its firms truly make.

The truth is stored outside the warehouse, and only tests read it. The confirmed positions of one year are compared:
precision is the share of them that is true, recall the share of true positions that are confirmed. Recall is also
computed over firms with known products or sales, and over firms above scale.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from demo_city.city import CitySpec, generate
from ingest.ways.landing import ingest
from pipeline.run import run_tables
from tests.built_city import BuiltCity, at_home
from warehouse import duck, tables
from warehouse.settings import settings

YEAR = "2024"


@dataclass
class Found:
    """Connection to the computed chain tables of a city and to its truth."""

    connection: duckdb.DuckDBPyConnection

    def one(self, sql: str) -> dict[str, Any]:
        [row] = duck.fetch(self.connection, sql)
        return row

    def states(self) -> dict[str, set[str]]:
        """State → nodes."""
        rows = duck.fetch(
            self.connection,
            f"SELECT state_code, list(node_code) AS nodes FROM gap WHERE year = '{YEAR}' GROUP BY 1",
        )
        return {row["state_code"]: set(row["nodes"]) for row in rows}


def found_in(home: Path, year: str = YEAR) -> Found:
    """The chain tables and the truth of a home; positions of one year."""
    connection = duck.connect()
    duck.load_delta(connection)
    for table in ("node_enterprise", "gap", "trade"):
        path = duck.literal(str(tables.table_path(f"chain.{table}")))
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM delta_scan({path})")
    truth = duck.literal(str(home / "truth" / "chain_positions.csv"))
    connection.execute(
        f"CREATE TABLE truth AS SELECT * FROM read_csv({truth}, all_varchar = true) WHERE year = '{year}'"
    )
    connection.execute(
        f"""CREATE TABLE judged AS
        SELECT coalesce(p.uscc, t.uscc) AS uscc, p.uscc IS NOT NULL AS is_found, t.uscc IS NOT NULL AS is_true,
            f.is_above_scale, f.has_data
        FROM (SELECT uscc, node_code FROM node_enterprise WHERE year = '{year}' AND is_confirmed) p
        FULL JOIN (SELECT uscc, node_code FROM truth WHERE node_code <> 'OUT') t
            ON t.uscc = p.uscc AND t.node_code = p.node_code
        JOIN (SELECT uscc, bool_or(is_above_scale) AS is_above_scale,
                bool_or(coalesce(product_score, sales_score) IS NOT NULL) AS has_data
            FROM node_enterprise WHERE year = '{year}' GROUP BY uscc) f ON f.uscc = coalesce(p.uscc, t.uscc)"""
    )
    return Found(connection)


_SHARES = """count(*) FILTER (is_found AND is_true) / count(*) FILTER (is_found) AS precision,
    count(*) FILTER (is_found AND is_true) / count(*) FILTER (is_true) AS recall"""


def judge(found: Found, home: Path) -> None:
    everyone = found.one(f"SELECT {_SHARES} FROM judged")
    known = found.one(f"SELECT {_SHARES} FROM judged WHERE has_data")
    above = found.one(f"SELECT {_SHARES} FROM judged WHERE is_above_scale")
    assert everyone["precision"] >= 0.9, everyone
    assert known["recall"] >= 0.85, known
    assert above["recall"] >= 0.85 and above["precision"] >= 0.9, above
    planted = json.loads((home / "truth" / "chain_gaps.json").read_text(encoding="utf-8"))
    states = found.states()
    assert set(planted["missing"]) <= states.get("missing", set())
    assert set(planted["weak"]) <= states.get("weak", set())
    assert set(planted["single_point"]) <= states.get("single_point", set())


def test_positions_and_gaps_of_a_small_city_match_its_truth(
    built_city: BuiltCity, engine_remote: str
) -> None:
    with at_home(built_city.home, engine_remote) as home:
        judge(found_in(home), home)


def test_positions_also_match_the_truth_in_years_without_trades(
    built_city: BuiltCity, engine_remote: str
) -> None:
    """Otherwise trades would add firms to a chain in their first year, and the chain would seem to grow."""
    with at_home(built_city.home, engine_remote) as home:
        for year in ("2022", "2023"):
            above = found_in(home, year).one(f"SELECT {_SHARES} FROM judged WHERE is_above_scale")
            assert above["recall"] >= 0.85 and above["precision"] >= 0.9, (year, above)


@pytest.fixture
def whole_city(tmp_path: Path, engine_remote: str) -> Iterator[Path]:
    """A full-size city with the tables that the chains need."""
    with at_home(tmp_path / "home", engine_remote) as home:
        generate(CitySpec(scale=1, seed=7, years=(2023, 2024)), settings().landing, home / "truth")
        ingest()
        run_tables(["chain"])
        yield home


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_positions_and_gaps_of_a_full_size_city_match_its_truth(whole_city: Path) -> None:
    found = found_in(whole_city)
    judge(found, whole_city)
    planted = json.loads((whole_city / "truth" / "chain_gaps.json").read_text(encoding="utf-8"))
    # of many small firms only the class and the purchases are known
    assert found.one(f"SELECT {_SHARES} FROM judged")["recall"] >= 0.85
    # at full size only the planted nodes lack firms
    assert found.states()["missing"] == set(planted["missing"])
