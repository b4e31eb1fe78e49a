"""``./brain bench engine``: the stage ``run`` of the home on both engines, table by table.

Each engine rebuilds every table from the same deliveries, cold, as ``./brain run --full`` does, on a copy of the home's
tables; the home itself is unchanged. If the copies then differ in content, the benchmark fails. While each engine is
still warm, ``./brain bench chain`` and ``profile`` rebuild the areas' tables for the latest year and month and compare
them with DuckDB.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.command import Measured, brain
from benchmarks.home import copy_tables
from benchmarks.rows import Row, Say, row
from schemas.errors import RejectedError
from warehouse.comparison import differences
from warehouse.engines import ENGINES
from warehouse.settings import settings

GOAL = "≤ 0.2 × Spark"
AREAS = ("chain", "profile")


def run(say: Say) -> list[Row]:
    """Seconds and memory of the run on both engines, seconds of each table, and each area compared with DuckDB.

    Raises:
        RejectedError: the home has no tables, or the engines computed different ones.
    """
    config = settings()
    if not (config.warehouse / "staged").is_dir():
        raise RejectedError("the home has no tables yet; ./brain demo makes some")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=config.home) as folder:
        homes = {name: copy_tables(config.home, Path(folder) / name) for name in ENGINES}
        runs: dict[str, Measured] = {}
        areas: dict[str, dict[str, Row]] = {}
        for name, home in homes.items():
            say(f"{ENGINES[name]}: rebuilding every table")
            runs[name], areas[name] = _on(name, home, say)
        if differing := [str(one) for one in differences(homes["spark"], homes["embedded"])]:
            raise RejectedError(f"the engines computed different tables: {'; '.join(differing)}")
    return as_rows(runs, areas)


def _on(name: str, home: Path, say: Say) -> tuple[Measured, dict[str, Row]]:
    # an engine address in the settings would serve both measurements
    given = {"BRAIN_ENGINE": name, "BRAIN_ENGINE_ADDRESS": ""}
    try:
        run = brain(home, "run", "--full", "--json", environment=given)
        areas = {}
        for area in AREAS:
            say(f"{ENGINES[name]}: {area}, compared with DuckDB")
            areas[area] = brain(home, "bench", area, "--json", environment=given).output[0]
        return run, areas
    finally:
        brain(home, "down", environment=given)


def as_rows(made: dict[str, Measured], areas: dict[str, dict[str, Row]]) -> list[Row]:
    """Rows for the figures of the embedded engine, with Spark as the peer."""
    ours, spark = made["embedded"], made["spark"]
    of_spark = {one["table"]: one for one in spark.output}
    peer = f"{ENGINES['spark']}, s"
    return [
        row("run, all tables, engine's start included, s", ours.seconds, GOAL, peer, spark.seconds),
        row("run, from the first table on, s", _span(ours.output), GOAL, peer, _span(spark.output)),
        *(
            row(
                f"peak memory of all processes, GiB, {ENGINES[name]}",
                one.peak_gib,
                "≤ 4" if one is ours else "–",
            )
            for name, one in made.items()
        ),
        *(_beside_duckdb(area, name, found[area]) for area in AREAS for name, found in areas.items()),
        # two tables are computed at a time, so these seconds do not add up to the total
        *(
            row(f"{t['table']}, s", t["seconds"], "–", peer, of_spark[t["table"]]["seconds"])
            for t in ours.output
        ),
    ]


def _span(tables: list[dict[str, Any]]) -> float:
    return float(max(one["ended"] for one in tables) - min(one["begun"] for one in tables))


def _beside_duckdb(area: str, name: str, found: Row) -> Row:
    return {
        **found,
        "what": f"{found['what']}, {ENGINES[name]}",
        "goal": found["goal"] if name == "embedded" else "–",
    }
