"""``./brain demo --stream``: the demo city's meters send to a broker, a stream ingests, and live counts are shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from infra import kafka
from ingest.ways.stream_state import State, state_of
from schemas.contract import Feed, feed
from schemas.errors import RejectedError
from warehouse.progress import Progress
from warehouse.settings import CHECKOUT, Settings, settings

if TYPE_CHECKING:
    from demo_city.city import CitySpec

FEED = "ent_meter_reading"
PARTITIONS = 2
#: Delay of a message after its reading. Messages carry this time of sending, not the time of the replay.
UNDERWAY_MS = 30_000
#: Longest wait for the stream: for the records still missing after the last message, and for its end.
PATIENCE_SECONDS = 180


@dataclass(frozen=True)
class LiveReport:
    """Readings sent, ingested (``taken``, with ``quarantined`` among them), seconds of sending, and seconds that the
    stream needed after the last message."""

    produced: int
    taken: int
    quarantined: int
    seconds: float
    behind_seconds: float

    @property
    def lost(self) -> int:
        return self.produced - self.taken


def run_live(spec: CitySpec, rate: int, seconds: float, progress: Progress) -> LiveReport:
    """Send the city's meter readings to a local broker for ``seconds``, and ingest them as they arrive.

    Raises:
        RejectedError: the city has no meter readings, or the stream ended before it had ingested everything.
    """
    from demo_city.city import generate

    config = settings()
    generate(spec, config.landing, config.home / "truth", lambda name, rows: progress("generate", name, rows))
    contract = feed(FEED)
    topic = config.kafka_topic_prefix + (contract.source.topic or "")
    progress("broker", "starting Kafka", 0)
    with kafka.start(config.home / "kafka") as broker:
        kafka.create_topics(broker.bootstrap, [topic], PARTITIONS)
        before = state_of(contract, config)
        with _stream(config, broker.bootstrap) as process:
            sender = _Sender(broker.bootstrap, topic, _readings(contract, config), rate, seconds)
            start = time.monotonic()
            sender.start()
            while sender.is_alive():
                _look(process, contract, config, before, sender.produced, progress)
            sent = time.monotonic()
            while _taken(contract, config, before)[0] < sender.produced:
                _look(process, contract, config, before, sender.produced, progress)
                if time.monotonic() - sent > PATIENCE_SECONDS:
                    break
            taken, quarantined = _taken(contract, config, before)
            behind = time.monotonic() - sent
            if sender.failure:
                raise sender.failure
            return LiveReport(sender.produced, taken, quarantined, sent - start, behind)


class _Sender(threading.Thread):
    """Thread that sends the meters' readings at a steady rate."""

    def __init__(
        self, bootstrap: str, topic: str, records: Iterator[kafka.Record], rate: int, seconds: float
    ) -> None:
        super().__init__(daemon=True)
        self._target_of = (bootstrap, topic)
        self._records, self._rate, self._seconds = records, rate, seconds
        self.produced = 0
        self.failure: RejectedError | None = None

    def run(self) -> None:
        try:
            self.produced = kafka.produce(*self._target_of, self._paced())
        except RejectedError as error:
            self.failure = error

    def _paced(self) -> Iterator[kafka.Record]:
        start = time.monotonic()
        while (spent := time.monotonic() - start) < self._seconds:
            due = int(spent * self._rate) - self.produced
            chunk = list(islice(self._records, max(due, 0)))
            if due > 0 and not chunk:
                return  # the week is over
            for record in chunk:
                yield record
                self.produced += 1
            time.sleep(0.05)


def _readings(contract: Feed, config: Settings) -> Iterator[kafka.Record]:
    """Kafka records of the readings in the order of the files, keyed by account, sent half a minute after reading."""
    source = contract.source
    account, moment = (source.mapping[c].heading or "" for c in ("meter_account_code", "read_at"))
    files = sorted((config.landing / FEED).glob("*.jsonl"))
    if not files:
        raise RejectedError("the city has no meter readings yet: ./brain demo --stream --until 2025-07-01")
    for file in files:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                at = int(datetime.fromisoformat(record[moment]).timestamp() * 1000) + UNDERWAY_MS
                yield record.get(account), line.rstrip("\n").encode(), at


@contextmanager
def _stream(config: Settings, bootstrap: str) -> Iterator[subprocess.Popen[bytes]]:
    """``./brain stream`` as a separate process. At the end it is told to stop and seals its open windows."""
    log = config.logs / "demo-stream.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "portal.cli", "stream", FEED, "--every", "1"],
            cwd=CHECKOUT,
            env={**os.environ, **config.environment(), "BRAIN_KAFKA": bootstrap},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
    if process.returncode:
        last = (log.read_text(encoding="utf-8").strip().splitlines() or ["the stream ended"])[-1]
        raise RejectedError(f"{last.removeprefix('brain: ')} (see {log})")


def _taken(contract: Feed, config: Settings, before: State | None) -> tuple[int, int]:
    now = state_of(contract, config)
    if now is None:
        return 0, 0
    same = before is not None and before.stream_id == now.stream_id
    records, refused = (before.records, before.refused) if before and same else (0, 0)
    return now.records - records, now.refused - refused


def _look(
    process: subprocess.Popen[bytes],
    contract: Feed,
    config: Settings,
    before: State | None,
    produced: int,
    progress: Progress,
) -> None:
    if process.poll() is not None:
        raise RejectedError(f"the stream ended; see {config.logs / 'demo-stream.log'}")
    taken, quarantined = _taken(contract, config, before)
    progress("stream", f"{produced:,} sent, {taken:,} ingested, {quarantined:,} of them quarantined", 0)
    time.sleep(0.5)
