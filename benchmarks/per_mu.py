"""``./brain bench per_mu``: the per-mu evaluation of the home's city, a what-if, ten million enterprise-years ranked.

The evaluation rebuilds every table of the area, objects beyond enterprises included, for all years on a warm engine,
but not their inputs. A what-if tries a cap that nobody tried before, once in one district and once in all, and a bound
of land, which decides a firm's list, so that population and units are computed too. Ranking is
``./brain bench ranking``, beside DuckDB on the same rows.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks import ranking
from benchmarks.rows import Row, Say, row
from portal.services.memory import Watch
from schemas.errors import RejectedError
from warehouse import tables
from warehouse.settings import settings

REPEATS = 3
AREA = "per_mu"


def run(say: Say, rows: int) -> list[Row]:
    """Medians over the repeats on a warm engine.

    Raises:
        RejectedError: the home has no city, or no release.
    """
    names, years = _tables_and_years()
    say(f"{len(names)} tables, {', '.join(years)}: warm-up")
    _rebuild(names, years)
    took = []
    with Watch(os.getpid(), settings().home) as watch:
        for repeat in range(REPEATS):
            say(f"repeat {repeat + 1} of {REPEATS}")
            took.append(_rebuild(names, years))
    found = [
        row(f"{len(names)} tables of {len(years)} years, s", statistics.median(took), "≤ 20"),
        row("peak memory of all processes, GiB", watch.peak / 2**30, "≤ 4"),
        row("what-if, one district and year, s", _what_if(say, "cap_ratio=1.411", one_district=True), "≤ 5"),
        row("what-if, all districts, one year, s", _what_if(say, "cap_ratio=1.412"), "≤ 5"),
        row("what-if, all districts, lists change, s", _what_if(say, "large_land_mu=3.413"), "≤ 5"),
    ]
    with tempfile.TemporaryDirectory(prefix="brain-bench-") as folder:
        return [*found, *ranking.run(Path(folder), rows, say)]


def _tables_and_years() -> tuple[list[str], list[str]]:
    from pipeline.fingerprint import stored_fingerprints
    from pipeline.registry import registry

    names = [name for name, job in registry().items() if job.area == AREA]
    if missing := [name for name in names if not tables.exists(name)]:
        raise RejectedError(f"the home has no {missing[0]} yet; ./brain demo makes one")
    return names, sorted(stored_fingerprints("per_mu.enterprise_grade"))


def _rebuild(names: list[str], years: list[str]) -> float:
    from pipeline.run import make_anew

    start = time.monotonic()
    make_anew(names, years)
    return time.monotonic() - start


def _what_if(say: Say, field: str, *, one_district: bool = False) -> float:
    """Median seconds of a trial whose answer is not there yet, of the newest year; the answers are removed."""
    from portal.queries.release import reading
    from portal.what_if import trial
    from warehouse.releases import open_release

    release, took = open_release(None), []
    # the first one warms the engine up
    for repeat in range(REPEATS + 1):
        say(f"what-if {repeat} of {REPEATS}")
        with reading(release) as query:
            book, years = trial.in_force(query)
            district = max(code for code, year, _ in book.items() if year == years[0])
            asked = trial.ask(
                query, release, fields=(f"{field}{repeat}",), district=district if one_district else None
            )
        start = time.monotonic()
        answer = trial.answer(asked)
        took.append(time.monotonic() - start)
        shutil.rmtree(trial.path_of(answer))
    return statistics.median(took[1:])
