"""``./brain bench stream``: a stream's triggers, compared with bare Delta appends, and its sustained throughput.

It runs in a process of its own (``python -m benchmarks.stream``), as a stream's driver does.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.rows import Row, Say, row
from infra import kafka
from ingest.ways.stream import Batch, FeedStream
from portal.services.memory import held_bytes
from schemas.contract import Feed, feed
from schemas.credit_code import check_character
from schemas.errors import RejectedError
from warehouse.driver import driver
from warehouse.kafka import spark_options
from warehouse.settings import CHECKOUT, settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FEED = "ent_meter_reading"
PARTITIONS = 2
#: Records of a trigger, and timed triggers after the warm-up.
AT_ONCE = 5_000
TRIGGERS = 200
WARM_UP = 20
SUSTAINED_SECONDS = 60
BAD_EVERY = 1_000
#: Above the goal, but not so much that an endless backlog would only measure the disk.
SENT_A_SECOND = 40_000
SEALED_EVERY = timedelta(minutes=5)
MEMORY_LOOKS = 30


def run(folder: Path, scale: float, say: Say) -> list[Row]:
    """Start a broker, and measure in a separate process.

    Raises:
        RejectedError: that process failed.
    """
    say("starting Kafka")
    with kafka.start(folder / "kafka") as broker:
        environment = {
            **os.environ, **settings().environment(),
            "BRAIN_HOME": str(folder / "home"), "BRAIN_KAFKA": broker.bootstrap,
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.stream", str(scale)],
            cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        said, _ = process.communicate()
    if process.returncode:
        raise RejectedError("the benchmark's stream failed; its last line is above")
    rows: list[Row] = json.loads(said)
    return rows


def measure(scale: float, say: Say) -> list[Row]:
    """Measure in the stream's own process: single triggers, then the sustained throughput."""
    spec = feed(FEED)
    triggers = max(round(TRIGGERS * scale), 5)
    broker = settings().kafka or ""
    count = (triggers + WARM_UP) * AT_ONCE
    kafka.create_topics(broker, [_topic(spec)], PARTITIONS)
    say(f"sending {count:,} records for {triggers} triggers")
    kafka.produce(broker, _topic(spec), _records(count))
    with driver(settings(), "bench-stream", []) as session:
        say("bare appends")
        bare = _bare(session, spec, AT_ONCE)[WARM_UP:]
        say("the feed's stream")
        ours = _ours(session, spec, AT_ONCE)[WARM_UP:]
        say(f"sustained throughput, for {SUSTAINED_SECONDS * scale:.0f} s")
        rate, memory = _sustained(session, spec, SUSTAINED_SECONDS * scale)
    median = statistics.median(ours)
    return [
        row(
            "warm trigger, median, s", median, "≤ 1.5 × peer", "bare Delta append, s", statistics.median(bare)
        ),
        row(
            "slowest trigger / median",
            max(ours) / median,
            "≤ 3",
            "the peer's",
            max(bare) / statistics.median(bare),
        ),
        row("sustained, records per second", rate, "≥ 25,000"),
        row("memory of driver and Java, after a third, GiB", memory[len(memory) // 3], "–"),
        row("memory at the end, GiB", memory[-1], "≤ 1.1 × after a third"),
    ]


def _topic(spec: Feed) -> str:
    return settings().kafka_topic_prefix + (spec.source.topic or "")


def _records(count: int) -> Iterator[kafka.Record]:
    """Readings of the current time, each of another meter; one in a thousand violates the contract."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    firsts = [f"91330204{number:08d}M" for number in range(1_000)]
    codes = [first + check_character(first) for first in firsts]
    for number in range(count):
        account = f"33{number % 10**8:08d}"
        code = "-" if number % BAD_EVERY == 7 else codes[number % len(codes)]
        text = f'{{"hh":"{account}","xydm":"{code}","sj":"{now}","sz":{number}.25,"bl":20,"dl":12.5}}'
        yield account, text.encode()


def _bare(session: SparkSession, spec: Feed, at_once: int) -> list[float]:
    """Seconds of each trigger of a query that only appends Kafka's records to a Delta table."""
    home = settings().home
    options = spark_options(settings().kafka or "", settings().kafka_options)
    query = (
        session.readStream.format("kafka")
        .options(
            **options, subscribe=_topic(spec), startingOffsets="earliest", maxOffsetsPerTrigger=str(at_once)
        )
        .load()
        .writeStream.format("delta")
        .option("checkpointLocation", str(home / "bare-checkpoint"))
        .trigger(availableNow=True)
        .start(str(home / "bare"))
    )
    return _durations(query)


def _ours(session: SparkSession, spec: Feed, at_once: int) -> list[float]:
    stream = FeedStream(session, spec, settings(), timedelta(hours=1))
    durations = _durations(stream.start(None, at_once))
    stream.stop()
    return durations


def _durations(query: Any) -> list[float]:
    durations: dict[int, float] = {}
    while query.isActive:
        _collect(query, durations)
        time.sleep(0.2)
    _collect(query, durations)
    query.awaitTermination()
    return [seconds for _, seconds in sorted(durations.items())]


def _collect(query: Any, durations: dict[int, float]) -> None:
    for progress in query.recentProgress:
        if progress["numInputRows"]:
            durations[progress["batchId"]] = progress["durationMs"]["triggerExecution"] / 1000


def _sustained(session: SparkSession, spec: Feed, seconds: float) -> tuple[float, list[float]]:
    """Records per second while a producer on the same cores sends at its limit, and GiB at regular intervals."""
    taken: list[tuple[float, int]] = []

    def took(batch: Batch) -> None:
        taken.append((time.monotonic(), batch.records))

    # a separate process, so that the sender does not wait for this Python
    sender = multiprocessing.get_context("spawn").Process(
        target=_send, args=(settings().kafka, _topic(spec), seconds), daemon=True
    )
    stream = FeedStream(session, spec, settings(), SEALED_EVERY, took)
    sender.start()
    stream.start(0, 200_000)
    memory = []
    for _ in range(MEMORY_LOOKS):
        time.sleep(seconds / MEMORY_LOOKS)
        stream.seal_if_due()
        memory.append(held_bytes([os.getpid()]) / 2**30)
    sender.join()
    stream.stop()
    # the first batch is cold, so time is measured from its end
    [(first, _), *rest] = taken
    return sum(records for _, records in rest) / (rest[-1][0] - first), memory


def _send(bootstrap: str, topic: str, seconds: float) -> None:
    kafka.produce(bootstrap, topic, _paced(seconds))


def _paced(seconds: float) -> Iterator[kafka.Record]:
    """Records for ``seconds``, at most ``SENT_A_SECOND`` per second."""
    start = time.monotonic()
    for sent, record in enumerate(_records(round(seconds * SENT_A_SECOND)), start=1):
        yield record
        if sent % 1000 == 0:
            spent = time.monotonic() - start
            if spent > seconds:
                return
            time.sleep(max(sent / SENT_A_SECOND - spent, 0))


if __name__ == "__main__":
    json.dump(measure(float(sys.argv[1]), lambda line: print(line, file=sys.stderr)), sys.stdout)
