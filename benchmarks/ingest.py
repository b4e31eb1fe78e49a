"""``./brain bench ingest``: a large CSV file into its raw table, compared with DuckDB's CSV → Parquet of that file."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.csv

from benchmarks.home import empty_home
from benchmarks.rows import Row, Say, row
from ingest.ways.landing import ingest
from ingest.ways.manifest import drop_of_file
from schemas.contract import feed
from schemas.credit_code import check_character
from warehouse import duck

FEED = "gov_electricity"
ROWS = 5_000_000
FIRMS = 200_000
#: One record in this many violates the contract.
BAD_EVERY = 10_000
REPEATS = 3


def run(folder: Path, scale: float, say: Say) -> list[Row]:
    """Medians over the repeats; the peer and our ingest alternate, each ingest into an empty home."""
    rows = round(ROWS * scale)
    say(f"writing a file of {rows:,} records")
    file = folder / "electricity.csv"
    _write_file(file, rows)
    peers, ours, memory = [], [], []
    for repeat in range(REPEATS):
        say(f"repeat {repeat + 1} of {REPEATS}")
        peers.append(_duckdb(file, folder / "peer.parquet"))
        with empty_home(folder / "home"):
            seconds, peak = _ingest(file, rows)
        ours.append(seconds)
        memory.append(peak)
    peer, mine = statistics.median(peers), statistics.median(ours)
    return [
        row(f"ingest, {rows:,} records, s", mine, "≤ 2.5 × peer", "DuckDB, CSV → Parquet, s", peer),
        row("records per second", rows / mine, "–"),
        row("speed relative to the peer", peer / mine, "≥ 0.4"),
        row("memory above the start, GiB", max(memory), "–"),
    ]


def _write_file(file: Path, rows: int) -> None:
    rng = np.random.default_rng(1)
    firsts = [f"91330204{number:08d}M" for number in range(FIRMS)]
    codes = pa.array([first + check_character(first) for first in firsts])
    names = pa.array([f"宁波示范{number}有限公司（合成）" for number in range(FIRMS)])
    who = pa.array(rng.integers(0, FIRMS, rows))
    accounts = pa.array(np.arange(rows) + 3_300_000_000).cast(pa.string())
    amounts = np.round(rng.lognormal(3, 1, rows), 4)
    amounts[::BAD_EVERY] *= -1
    columns = {
        "户号": accounts,
        "户名": names.take(who),
        "社会信用代码": codes.take(who),
        "电量(万千瓦时)": pa.array(amounts).cast(pa.string()),
    }
    pyarrow.csv.write_csv(pa.table(columns), file, pyarrow.csv.WriteOptions(quoting_style="none"))


def _duckdb(file: Path, target: Path) -> float:
    with duck.connect() as connection:
        start = time.monotonic()
        connection.execute(
            f"COPY (FROM read_csv({duck.literal(str(file))}, header := true, all_varchar := true)) "
            f"TO {duck.literal(str(target))}"
        )
        return time.monotonic() - start


def _ingest(file: Path, rows: int) -> tuple[float, float]:
    """Seconds and GiB of one ingest; asserts that every record is either ingested or quarantined."""
    drop = drop_of_file(file, feed(FEED), "2023")
    with _watched() as peak:
        start = time.monotonic()
        [report] = ingest([FEED], [drop]).files
        seconds = time.monotonic() - start
    assert report.records_in == report.records_raw + report.records_quarantined == rows
    assert report.records_quarantined == -(-rows // BAD_EVERY)
    return seconds, peak[0] / 2**30


@contextmanager
def _watched() -> Iterator[list[int]]:
    """Measure the peak of this process's unshared memory in bytes, above its value at the start."""
    process, done = psutil.Process(), threading.Event()
    start = process.memory_full_info().uss
    peak = [0]

    def look() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], process.memory_full_info().uss - start)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
