"""``./brain bench portal``: pages and API on the home's latest release, beside Datasette on the same rows.

The load comes from the same machine, as the goals say: 20 users who pause a second between pages, then four connections
without a pause for rows by their key. Ways to a better grade, which a reader asks for on a sheet, are apart.
Datasette serves the same tables from SQLite, with an index on the key, and is asked the same questions: the page of a
list, and a row. The audit log of the measurement is not the home's.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks.portal import load, paint, servers
from benchmarks.rows import Row, Say, row
from schemas.errors import RejectedError
from warehouse import duck
from warehouse.releases import last_release
from warehouse.settings import settings

USERS, PAUSE_SECONDS, CONNECTIONS = 20, 1.0, 4
SECONDS = 20
#: Rows of the export; a small city has fewer.
EXPORTED = 1_000_000


def run(say: Say) -> list[Row]:
    """Percentiles in milliseconds, reads a second, seconds of an export and memory.

    Raises:
        RejectedError: the home has no release.
    """
    release = last_release()
    if release is None:
        raise RejectedError("the home has no release yet; ./brain demo makes one")
    with tempfile.TemporaryDirectory(prefix="bench-portal-", dir=settings().home) as folder:
        questions = load.questions(release)
        rows: list[Row] = []
        with servers.datasette(release, Path(folder), say) as peer, servers.portal(Path(folder)) as ours:
            # the first answer of each kind opens the release for its viewer
            for path in questions.pages[-load.KINDS :]:
                load.get(f"{ours.address}{path}", {})
            say(f"pages: {USERS} users who pause {PAUSE_SECONDS:g} s")
            pages = load.users(ours.address, questions.pages, USERS, PAUSE_SECONDS, SECONDS)
            their_pages = load.users(peer, questions.peer_pages, USERS, PAUSE_SECONDS, SECONDS)
            rows += [
                row("p95 of a page, ms", _p95(pages), "≤ 150", "Datasette", _p95(their_pages)),
                row("median of a page, ms", _median(pages), "", "Datasette", _median(their_pages)),
            ]
            say("ways to a better grade: one user without a pause")
            ways = load.users(ours.address, questions.ways, 1, 0, SECONDS)
            rows.append(row("median of the ways to a better grade, ms", _median(ways), ""))
            say(f"rows by key: {CONNECTIONS} connections without a pause")
            reads = load.users(ours.address, questions.reads, CONNECTIONS, 0, SECONDS)
            their_reads = load.users(peer, questions.peer_reads, CONNECTIONS, 0, SECONDS)
            rows += [
                row("p95 of a row by key, ms", _p95(reads), "≤ 50", "Datasette", _p95(their_reads)),
                row(
                    "rows by key a second",
                    len(reads) / SECONDS,
                    "≥ 300",
                    "Datasette",
                    len(their_reads) / SECONDS,
                ),
            ]
            say("a whole table as Parquet")
            seconds, copied = _export(ours.address, release.file, Path(folder))
            rows.append(row("a table as Parquet, s", seconds, "≤ 2 × COPY", "DuckDB COPY", copied))
            rows += _paints(ours.address, questions, say)
            rows.append(row("peak memory, MiB", ours.peak_bytes() / 2**20, "≤ 600"))
            say(f"pages: {USERS} users while a release is published")
            published = load.users(
                ours.address, questions.pages, USERS, PAUSE_SECONDS, SECONDS, half_way=ours.publish
            )
            rows.append(row("p95 of a page while a release is published, ms", _p95(published), "none fails"))
        return rows


def _paints(address: str, questions: load.Questions, say: Say) -> list[Row]:
    """The slowest first paint and the largest page of each kind; nothing where there is no browser."""
    say("first paint in Chromium")
    pages = questions.pages
    kinds = [pages[0], pages[len(questions.ways)], *load.OVERVIEWS, "/zh/login", "/zh/public"]
    try:
        found = paint.first_paints(address, kinds)
    except (ModuleNotFoundError, RejectedError) as missing:
        say(f"first paint is not measured: {missing}")
        return []
    return [
        row("slowest first paint, ms", max(one.milliseconds for one in found), "≤ 1000"),
        row("largest page, KB", max(one.bytes for one in found) / 1000, "≤ 600"),
    ]


def _export(address: str, file: Path, folder: Path) -> tuple[float, float]:
    """Seconds of the largest table as Parquet through the API, and by DuckDB's own COPY."""
    with duck.connect(file, read_only=True) as connection:
        table = _largest(connection)
        started = time.monotonic()
        connection.execute(f"COPY (FROM {table}) TO '{folder / 'copy.parquet'}' (FORMAT parquet)")
        copied = time.monotonic() - started
    started = time.monotonic()
    load.get(f"{address}/api/v1/tables/{table}/rows", {"accept": "application/vnd.apache.parquet"})
    return time.monotonic() - started, copied


def _largest(connection: duckdb.DuckDBPyConnection) -> str:
    """The published table whose number of rows is next to a million."""
    found = connection.execute(
        f"""SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE schema_name <> 'release'
        ORDER BY abs(estimated_size - {EXPORTED}) LIMIT 1"""
    ).fetchone()
    assert found is not None
    return str(found[0])


def _p95(seconds: list[float]) -> float:
    return 1000 * statistics.quantiles(seconds, n=20)[-1]


def _median(seconds: list[float]) -> float:
    return 1000 * statistics.median(seconds)
