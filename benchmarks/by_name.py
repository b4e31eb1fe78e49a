"""``./brain bench NAME``: choose a benchmark and check its options."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.rows import Row, Say
from schemas.errors import UsageError

NAMES = ("demo", "ingest", "stream", "engine", "ranking", "chain", "profile", "per_mu", "portal")
#: Benchmarks that measure the home's own city.
OF_HOME = ("engine", "chain", "profile", "per_mu", "portal")
#: Benchmarks that rank a number of rows.
OF_ROWS = ("ranking", "per_mu")


def run(name: str, scale: float, say: Say, rows: int | None = None) -> list[Row]:
    """The rows of a benchmark.

    Raises:
        UsageError: the name is unknown, or an option does not apply to the benchmark.
    """
    if name not in NAMES:
        raise UsageError(f"unknown benchmark {name}; there are {', '.join(NAMES)}")
    if rows is not None and name not in OF_ROWS:
        raise UsageError("--rows needs ranking or per_mu: ./brain bench ranking --rows 1000000")
    if name in OF_HOME:
        if scale != 1:
            raise UsageError(
                f"bench {name} measures the home's own city; ./brain demo --scale {scale} makes another"
            )
        return _of_home(name, say, rows)
    with tempfile.TemporaryDirectory(prefix="brain-bench-") as folder:
        return _of_generated_data(name, Path(folder), scale, say, rows)


def _of_home(name: str, say: Say, rows: int | None) -> list[Row]:
    if name == "per_mu":
        from benchmarks import per_mu, ranking

        return per_mu.run(say, rows or ranking.ROWS)
    if name == "portal":
        from benchmarks import portal

        return portal.run(say)
    from benchmarks import areas, engine

    return engine.run(say) if name == "engine" else areas.run(name, say)


def _of_generated_data(name: str, folder: Path, scale: float, say: Say, rows: int | None) -> list[Row]:
    """Run a benchmark that generates its own data in a temporary folder."""
    if name == "ranking":
        from benchmarks import ranking

        return ranking.run(folder, rows or round(ranking.ROWS * scale), say)
    if name == "ingest":
        from benchmarks import ingest

        return ingest.run(folder, scale, say)
    if name == "stream":
        from benchmarks import stream

        return stream.run(folder, scale, say)
    from benchmarks import demo

    return demo.run(folder, scale, say)
