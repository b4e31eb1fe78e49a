"""``./brain bench chain`` and ``./brain bench profile``: an area's tables, compared with DuckDB doing the same work.

The benchmark measures the home's own city. It rebuilds the area's tables, but not their inputs, for the latest year and
the latest month on a warm engine, stale or not. The tables get new versions with unchanged content. The peer reads the
same Delta tables with the same two cores and writes Parquet.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import chains, profiles
from benchmarks.peer import Asked, Peer, make_all, tables_in
from benchmarks.rows import Row, Say, row
from portal.services.memory import Watch
from schemas.errors import RejectedError
from warehouse import duck, tables
from warehouse.settings import settings

REPEATS = 3
PEER_MEMORY = "4GB"
GOAL = "≤ 2 × peer"
#: Area → the peer that does the same work.
PEERS: Mapping[str, Callable[[Asked], Peer]] = {"chain": chains.peer, "profile": profiles.peer}


def run(area: str, say: Say) -> list[Row]:
    """Medians over the repeats on a warm engine; the peer and our engine alternate.

    Raises:
        RejectedError: the home lacks tables of the area, or their periods include no month.
    """
    from pipeline.registry import registry

    names = [name for name, job in registry().items() if job.area == area]
    asked = _asked(names)
    say(f"{area}, {asked.year} and {asked.month}: warm-up, then table by table")
    _rebuild(names, asked)
    each = {name: _rebuild([name], asked) for name in names}
    ours, peers, memory = [], [], 0
    with tempfile.TemporaryDirectory(prefix="brain-bench-") as folder:
        for repeat in range(REPEATS):
            say(f"repeat {repeat + 1} of {REPEATS}")
            peers.append(_peer(area, asked, Path(folder)))
            with Watch(os.getpid(), settings().home) as watch:
                ours.append(_rebuild(names, asked))
            memory = max(memory, watch.peak)
    peer, mine = statistics.median(sum(p.values()) for p in peers), statistics.median(ours)
    parts = {name: statistics.median(p[name] for p in peers) for name in peers[0]}
    return [
        row(f"{area}, {asked.year} and {asked.month}, s", mine, GOAL, "DuckDB, s", peer),
        row("peak memory of all processes, GiB", memory / 2**30, "≤ 4"),
        *(_of_table(name, seconds, parts.get(name)) for name, seconds in each.items()),
        *(row(f"DuckDB: {name}, s", seconds, "–") for name, seconds in parts.items() if name not in each),
    ]


def _of_table(name: str, seconds: float, peer: float | None) -> Row:
    return row(f"{name} alone, s", seconds, "–", "DuckDB, s" if peer else "", peer)


def _asked(names: list[str]) -> Asked:
    """The area's latest year and month."""
    from pipeline.fingerprint import stored_fingerprints

    missing = [name for name in names if not tables.exists(name)]
    if missing or not names:
        raise RejectedError(
            f"the home has no {missing[0] if missing else 'such table'} yet; ./brain demo makes one"
        )
    periods = {p for name in names for p in stored_fingerprints(name)}
    years, months = ({p for p in periods if len(p) == length} for length in (4, 7))
    if not years or not months:
        raise RejectedError(
            f"the home's tables have {', '.join(sorted(periods)) or 'no periods'}: a month is needed"
        )
    return Asked(max(months)[:4], max(months))


def _rebuild(names: list[str], asked: Asked) -> float:
    """Rebuild tables for the year and the month, but not their inputs.

    Returns:
        Seconds.
    """
    from pipeline.run import make_anew

    start = time.monotonic()
    make_anew(names, (asked.year, asked.month))
    return time.monotonic() - start


def _peer(area: str, asked: Asked, folder: Path) -> dict[str, float]:
    """Statement of the peer → seconds, from Delta tables to Parquet."""
    rules, statements = PEERS[area](asked)
    with duck.connect() as connection:
        duck.load_delta(connection)
        connection.execute("SET threads = 2")
        connection.execute(f"SET memory_limit = '{PEER_MEMORY}'")
        for name in tables_in(statements):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
            path = duck.literal(str(tables.table_path(name)))
            connection.execute(f"CREATE VIEW {name} AS FROM delta_scan({path})")
        return make_all(connection, rules, statements, folder)
