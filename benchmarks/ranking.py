"""``./brain bench ranking``: scores, ranks, percent ranks and grades of millions of enterprise-years.

The data is generated and always the same: five years of firms in two lists, each firm with three measures. Ours does
what a job does: the engine reads Parquet, ranks and writes; the files are checked and become a Delta table in one
commit. The peers compute the same from the same files with the same cores, and write one Parquet file: DuckDB by SQL,
Polars by lazy frames. Ours and the peers alternate in one run.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.home import empty_home
from benchmarks.peer import statement
from benchmarks.rows import Row, Say, row
from portal.services.memory import Watch
from schemas.contract import Contract, contracts, parse_contract
from schemas.errors import UsageError
from warehouse import duck, engine, tables
from warehouse.settings import settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROWS, REPEATS = 10_000_000, 3
YEARS = 5
#: Cumulative share of a list, from the top, at which a grade ends: 20 % A, 45 % B, 30 % C, 5 % D.
UP_TO = {"A": "0.20", "B": "0.65", "C": "0.95"}
#: Weight of each measure in the score.
WEIGHTS = {"tax_total_wan_yuan": "0.40", "value_added_wan_yuan": "0.35", "output_wan_yuan": "0.25"}

COLUMNS = (
    "uscc", "year", "list_code", "total_score", "city_rank", "list_size", "percentile_pct", "final_grade",
)  # fmt: skip


def run(folder: Path, rows: int, say: Say) -> list[Row]:
    """Medians over the repeats; ``folder`` takes the generated data and all results.

    Raises:
        UsageError: there are too few rows.
    """
    if rows < YEARS * 2:
        raise UsageError(f"--rows {rows}: give at least {YEARS * 2}")
    say(f"{rows:,} enterprise-years")
    given = folder / "given"
    make_up(given, rows)
    rankers: dict[str, Callable[[], object]] = {
        "ours": partial(rank, given),
        "DuckDB": partial(duckdb_rank, given, folder / "duckdb.parquet"),
        # Polars is a test dependency, so it may not be installed
        **({"Polars": partial(polars_rank, given, folder / "polars.parquet")} if find_spec("polars") else {}),
    }
    took: dict[str, list[float]] = {name: [] for name in rankers}
    memory = 0
    with empty_home(folder / "home"), known(ranking_table()):
        rank(given)  # starts the engine
        for repeat in range(REPEATS):
            say(f"repeat {repeat + 1} of {REPEATS}")
            for name, work in rankers.items():
                with Watch(os.getpid(), settings().home) as watch:
                    start = time.monotonic()
                    work()
                    took[name].append(time.monotonic() - start)
                memory = max(memory, watch.peak if name == "ours" else 0)
        return _as_rows(took, rows, memory)


def _as_rows(took: Mapping[str, list[float]], rows: int, memory: int) -> list[Row]:
    ours, *peers = (statistics.median(seconds) for seconds in took.values())
    what = f"{rows:,} ranked and committed, {engine.kind().version()}, s"
    goals = {"DuckDB": "≤ 1.0 × peer"}
    return [
        *(
            row(what, ours, goals.get(n, "–"), f"{n}, s", s)
            for n, s in zip(list(took)[1:], peers, strict=True)
        ),
        row("peak memory of all processes, GiB", memory / 2**30, "≤ 4"),
    ]


# --- data ----------------------------------------------------------------------------------------------


def make_up(folder: Path, rows: int) -> None:
    """Write the enterprise-years: pseudo-random figures with four decimals, computed by integer arithmetic."""
    folder.mkdir()
    figures = ", ".join(
        f"((i * 2654435761 + {n} * 40503 + (i // 7) * {n} * 69621) % 100000007 * 0.0001)::DECIMAL(18,6) AS {name}"
        for n, name in enumerate(WEIGHTS, 1)
    )
    with duck.connect() as connection:
        connection.execute(
            f"COPY (SELECT '91330200' || lpad((i // {YEARS})::VARCHAR, 9, '0') || 'X' AS uscc,"
            f" (2020 + i % {YEARS})::VARCHAR AS year,"
            " CASE WHEN i % 13 = 0 THEN 'above_scale' ELSE 'below_scale' END AS list_code,"
            f" {figures} FROM range({rows}) AS t(i)) TO {duck.literal(str(folder / 'years.parquet'))}"
        )


@cache
def ranking_table() -> Contract:
    """Contract of the result table. It uses the platform's fields but is not one of the platform's contracts."""
    return parse_contract(
        "bench", "ranking", {
            "title": {"zh": "排名基准", "en": "Ranking benchmark"},
            "description": "Scores, ranks, percent ranks and grades of generated enterprise-years.",
            "grain": "one row per enterprise and year", "key": ["uscc", "year"], "period": "year",
            "owner": "benchmark", "legal_basis": "administration", "legal_source": "none: generated data",
            "access_key": "public", "delivery": "derived",
            "columns": {name: {"required": True} for name in COLUMNS},
        },
    )  # fmt: skip


@contextmanager
def known(spec: Contract) -> Iterator[None]:
    """Register a contract with the platform in the block."""
    contracts()[spec.name] = spec
    try:
        yield
    finally:
        del contracts()[spec.name]


# --- rankers -------------------------------------------------------------------------------------------


def rank(given: Path) -> int:
    """Ours: the engine ranks and writes; the files are checked and committed as a Delta table.

    Returns:
        The number of rows.
    """
    years = [str(2020 + n) for n in range(YEARS)]
    ranked = ranking(engine.connect().read.parquet(str(given)))
    return tables.replace_periods(ranked, ranking_table(), years, {"engine": engine.kind().version()})


def ranking(rows: DataFrame) -> DataFrame:
    """Ranks in each year's lists by the weighted sum, with percent ranks, and grades by quota."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    group = Window.partitionBy("year", "list_code")
    by_score = group.orderBy(F.col("total_score").desc(), "uscc")
    score = sum((F.col(name) * F.lit(Decimal(w)) for name, w in WEIGHTS.items()), F.lit(Decimal(0)))
    grade = F.when(F.col("city_rank") <= F.floor(F.col("list_size") * F.lit(Decimal(UP_TO["A"]))), "A")
    for name in ("B", "C"):
        grade = grade.when(
            F.col("city_rank") <= F.floor(F.col("list_size") * F.lit(Decimal(UP_TO[name]))), name
        )
    return (
        rows.withColumn("total_score", score.cast("decimal(24,6)"))
        .withColumns(
            {
                "city_rank": F.row_number().over(by_score),
                "list_size": F.count("*").over(group).cast("int"),
                "percentile_pct": F.round(F.percent_rank().over(by_score) * 100, 4).cast("decimal(9,4)"),
            }
        )
        .withColumn("final_grade", grade.otherwise("D"))
        .select(*COLUMNS)
    )


def duckdb_rank(given: Path, target: Path) -> None:
    score = " + ".join(f"{name} * {weight}" for name, weight in WEIGHTS.items())
    grades = " ".join(
        f"WHEN city_rank <= floor(list_size * {share}) THEN '{g}'" for g, share in UP_TO.items()
    )
    files, result = duck.literal(str(given / "*.parquet")), duck.literal(str(target))
    with duck.connect() as connection:
        connection.execute(statement("ranking", score=score, grades=grades, given=files, target=result))


def polars_rank(given: Path, target: Path) -> None:
    import polars as pl

    def exact(text: str) -> pl.Expr:
        return pl.lit(Decimal(text))

    city_rank, size = pl.col("city_rank"), pl.col("list_size")
    grade = pl.lit("D")
    for name, share in reversed(UP_TO.items()):
        grade = pl.when(city_rank <= (size * exact(share)).floor()).then(pl.lit(name)).otherwise(grade)
    (
        pl.scan_parquet(given / "*.parquet")
        .with_columns(
            total_score=pl.sum_horizontal(pl.col(n) * exact(w) for n, w in WEIGHTS.items()).cast(
                pl.Decimal(24, 6)
            )
        )
        .sort("year", "list_code", "total_score", "uscc", descending=[False, False, True, False])
        .with_columns(
            city_rank=(pl.int_range(pl.len(), dtype=pl.Int32) + 1).over("year", "list_code"),
            list_size=pl.len().over("year", "list_code").cast(pl.Int32),
        )
        .with_columns(
            percentile_pct=((city_rank - 1) / (size - 1) * 100).round(4).cast(pl.Decimal(9, 4)),
            final_grade=grade,
        )
        .select(COLUMNS)
        .sink_parquet(target)
    )
