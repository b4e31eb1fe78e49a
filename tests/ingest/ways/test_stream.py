"""Streams against a real broker: each record once, whatever process is killed, and as the contract says."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions
from filelock import FileLock

from infra import kafka
from infra.kafka import Broker
from ingest.register.entries import deliveries
from ingest.ways.stream import lock_name
from ingest.ways.stream_state import folder_of
from pipeline.inputs import current_rows
from schemas.contract import feed
from schemas.credit_code import check_character
from schemas.register import current_deliveries
from warehouse import tables
from warehouse.settings import CHECKOUT, settings

pytestmark = pytest.mark.kafka

FEED = "ent_meter_reading"
CHINA = timezone(timedelta(hours=8))
NOW = datetime.now(CHINA).replace(microsecond=0)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with kafka.start(tmp_path_factory.mktemp("broker")) as started:
        yield started


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broker: Broker) -> Iterator[Path]:
    """A home with the module's broker."""
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BRAIN_KAFKA", broker.bootstrap)
    settings.cache_clear()
    yield settings().home
    settings.cache_clear()


def code(number: int) -> str:
    first = f"91330204{number:08d}M"
    return first + check_character(first)


def reading(number: int, **changed: Any) -> dict[str, Any]:
    record = {
        "hh": f"33{number % 10**8:08d}",
        "xydm": code(number % 50),
        "sj": (NOW - timedelta(minutes=15 * (number % 96))).isoformat(),
        "sz": 1000 + number,
        "bl": 20,
        "dl": 12.5,
    }
    return record | changed


def send(broker: Broker, records: list[Any], topic: str = "meter-reading") -> None:
    values = [r if isinstance(r, bytes) else json.dumps(r, ensure_ascii=False).encode() for r in records]
    kafka.produce(broker.bootstrap, topic, ((None, v) for v in values))


def rows(name: str = FEED) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tables.rows(f"raw.{name}").to_pylist()
    return found


def refused() -> dict[int, list[str]]:
    return {r["source_row"]: r["reasons"] for r in tables.rows("quarantine.record").to_pylist()}


@pytest.fixture
def topic(home: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> str:
    """A topic of one test for the feed of meter readings."""
    prefix = f"{uuid4().hex[:8]}."
    monkeypatch.setenv("BRAIN_KAFKA_TOPIC_PREFIX", prefix)
    settings.cache_clear()
    kafka.create_topics(broker.bootstrap, [f"{prefix}meter-reading"], partitions=1)
    return f"{prefix}meter-reading"


SPEC = feed(FEED)


def brain(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a separate process: one process cannot have a stream's driver and a client of the engine."""
    return subprocess.run(
        [sys.executable, "-m", "portal.cli", *words],
        cwd=CHECKOUT,
        env={**os.environ, **settings().environment()},
        capture_output=True,
        text=True,
        check=False,
    )


def take() -> dict[str, Any]:
    """Ingest all available records."""
    done = brain("stream", FEED, "--once", "--seal", "0", "--json")
    assert done.returncode == 0, done.stderr
    [total] = json.loads(done.stdout)
    return dict(total)


def test_records_are_ingested_once_and_invalid_ones_get_their_reasons(
    home: Path, broker: Broker, topic: str
) -> None:
    deep = b'{"hh": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    good = [reading(n) for n in range(20)]
    odd: list[tuple[Any, set[str] | None]] = [
        (reading(20, extra="a new field"), None),
        ({k: v for k, v in reading(21).items() if k != "dl"}, None),
        ({k: v for k, v in reading(22).items() if k != "sz"}, {"register_kwh:missing"}),
        (reading(23, sz="abc", bl={"a": 1}), {"register_kwh:type", "meter_multiplier:type"}),
        (reading(24, sz=10**400), {"register_kwh:type"}),
        (reading(25, xydm="x" * 18), {"uscc:check"}),
        (reading(26, sj=(NOW + timedelta(days=400)).isoformat()), {"read_at:future"}),
        (reading(27, sj=(NOW - timedelta(days=3)).isoformat()), {"read_at:late"}),
        (reading(28, sj="20240-01-01"), {"read_at:type", "period:form"}),
        (b"not json", {"record:json"}),
        (b"\xb5\xe7\xc1\xbf", {"record:encoding"}),
        (b"", {"record:json"}),
        (deep, {"record:json"}),
        (b'{"hh": "' + b"x" * (10 << 20) + b'"}', {"record:size"}),
        (good[0], None),  # a repeated event: only its first record is current
    ]
    send(broker, [*good, *(record for record, _ in odd)], topic)
    total = take()
    assert total["records"] == len(good) + len(odd)
    expected = {len(good) + i: why for i, (_, why) in enumerate(odd) if why is not None}
    found = refused()
    assert set(found) == set(expected)
    for offset, why in expected.items():
        assert why <= set(found[offset]), (offset, found[offset])
    raw = rows()
    assert len(raw) == len(good) + len(odd) - len(expected)
    assert len({r["row_id"] for r in raw}) == len(raw)
    first = next(r for r in raw if r["source_row"] == 0)
    assert json.loads(first["source_record"][0]) == good[0]
    assert (str(first["register_kwh"]), first["source_file"]) == ("1000.00", f"{topic}/0")
    registered = deliveries()
    assert sum(d["records_in"] for d in registered) == len(good) + len(odd)
    assert "extra" in registered[0]["headings"]
    kept = [r for r in tables.rows("quarantine.record").to_pylist() if r["reasons"] == ["record:size"]]
    assert all(len(r["source_record"][0]) < 100_000 for r in kept)
    # without new records nothing is written
    before = tables.version(SPEC.name)
    assert take()["records"] == 0
    assert tables.version(SPEC.name) == before


@pytest.mark.slow
def test_oversized_records_in_a_row_do_not_stop_a_stream_and_are_kept_in_part(
    home: Path, broker: Broker, topic: str
) -> None:
    """40 records of 10 MiB and one of random bytes; the driver has 1 GiB, and the valid records after them pass."""
    poison = [b'{"hh": "' + bytes([65 + n % 26]) * (10 << 20) + b'"}' for n in range(40)]
    send(broker, [reading(0), *poison, bytes(range(256)), reading(1), reading(2)], topic)
    assert take()["records"] == 44
    assert sorted(r["source_row"] for r in rows()) == [0, 42, 43]
    assert {why[0] for offset, why in refused().items() if offset < 41} == {"record:size"}
    assert refused()[41][0] == "record:encoding"
    kept = tables.rows("quarantine.record", ["source_record"])
    assert kept.nbytes < 41 * 100_000


@pytest.mark.slow
def test_a_lost_checkpoint_neither_loses_nor_doubles_records(home: Path, broker: Broker, topic: str) -> None:
    send(broker, [reading(n) for n in range(10)], topic)
    take()
    shutil.rmtree(folder_of(SPEC, settings()))
    send(broker, [reading(n, xydm="bad") for n in range(10, 13)], topic)
    take()
    shutil.rmtree(folder_of(SPEC, settings()))
    take()
    assert sorted(r["source_row"] for r in rows()) == list(range(10))
    assert sorted(refused()) == [10, 11, 12]
    assert sum(d["records_in"] for d in deliveries()) == 13


@pytest.mark.slow
@pytest.mark.parametrize("file", ["state.json", "checkpoint/metadata", "checkpoint/offsets/0"])
def test_a_damaged_state_is_reported_in_one_line_with_the_remedy(
    home: Path, broker: Broker, topic: str, file: str
) -> None:
    send(broker, [reading(n) for n in range(5)], topic)
    take()
    folder = folder_of(SPEC, settings())
    (folder / file).write_bytes((folder / file).read_bytes()[:20])
    send(broker, [reading(n) for n in range(5, 8)], topic)
    done = brain("stream", FEED, "--once", "--seal", "0")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(f"remove {folder}: the tables determine where to go on"), (
        done.stderr
    )
    shutil.rmtree(folder)
    assert take()["records"] == 3
    assert sorted(r["source_row"] for r in rows()) == list(range(8))


@pytest.mark.slow
def test_a_batch_that_is_missing_in_the_checkpoint_only_is_not_ingested_again(
    home: Path, broker: Broker, topic: str
) -> None:
    send(broker, [reading(n) for n in range(10)], topic)
    take()
    for entry in (folder_of(SPEC, settings()) / "checkpoint" / "commits").glob("*0*"):
        entry.unlink()  # as if the stream had been killed just before this file was written
    send(broker, [reading(n) for n in range(10, 15)], topic)
    assert take()["records"] == 5
    assert sorted(r["source_row"] for r in rows()) == list(range(15))
    assert sum(d["records_in"] for d in deliveries()) == 15


@pytest.mark.slow
def test_without_a_checkpoint_an_unread_partition_is_read_from_its_beginning(
    home: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = f"{uuid4().hex[:8]}."
    monkeypatch.setenv("BRAIN_KAFKA_TOPIC_PREFIX", prefix)
    settings.cache_clear()
    kafka.create_topics(broker.bootstrap, [f"{prefix}meter-reading"], partitions=8)
    values = [json.dumps(reading(n)).encode() for n in range(2)]
    kafka.produce(broker.bootstrap, f"{prefix}meter-reading", [("one key", values[0])])
    assert take()["records"] == 1
    shutil.rmtree(folder_of(SPEC, settings()))
    more = [(f"key {n}", values[1]) for n in range(40)]
    kafka.produce(broker.bootstrap, f"{prefix}meter-reading", more)
    assert take()["records"] == 40
    assert len({r["source_file"] for r in rows()}) > 4
    assert len(rows()) == 41


@pytest.mark.slow
def test_partitions_that_are_added_to_a_topic_are_read_too(home: Path, broker: Broker, topic: str) -> None:
    send(broker, [reading(n) for n in range(5)], topic)
    take()
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_partitions([NewPartitions(topic, 4)])[topic].result()
    more = [(f"key {n}", json.dumps(reading(n)).encode()) for n in range(5, 45)]
    kafka.produce(broker.bootstrap, topic, more)
    assert take()["records"] == 40
    assert len({r["source_file"] for r in rows()}) == 4
    assert len({r["row_id"] for r in rows()}) == 45


def test_a_second_stream_of_a_feed_is_refused_in_one_line(home: Path, topic: str) -> None:
    held = FileLock(settings().locks / f"{lock_name(SPEC)}.lock")
    settings().locks.mkdir(parents=True)
    with held:
        done = brain("stream", FEED, "--once")
    assert done.returncode == 1
    [line] = done.stderr.strip().splitlines()
    assert "held by another process" in line


def test_without_a_broker_the_same_feed_comes_from_the_landing_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRAIN_KAFKA")
    settings.cache_clear()
    lines = [json.dumps(reading(n)) for n in range(5)] + ["not json"]
    folder = settings().landing / FEED
    folder.mkdir(parents=True)
    content = "\n".join(lines).encode()
    (folder / "a.jsonl").write_bytes(content)
    manifest = {
        "feed": FEED,
        "period": NOW.date().isoformat(),
        "file": "a.jsonl",
        "sha256": hashlib.sha256(content).hexdigest(),
        "records": 6,
        "sent_at": NOW.isoformat(),
    }
    (folder / "a.jsonl.manifest.json").write_text(json.dumps(manifest))
    total = take()
    assert (total["records"], total["refused"]) == (6, 1)
    assert take()["records"] == 0
    assert len(rows()) == 5


# --- faults ------------------------------------------------------------------------------------------


class Stream:
    """``./brain stream`` as a separate process."""

    def __init__(self, home: Path, seal_minutes: float = 0.1) -> None:
        self._log = (home / "stream.log").open("ab")
        times = ("--every", "0.5", "--seal", str(seal_minutes))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "portal.cli", "stream", FEED, *times],
            cwd=CHECKOUT,
            env={**os.environ, **settings().environment()},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def java(self) -> psutil.Process | None:
        try:
            return next((p for p in psutil.Process(self.process.pid).children() if p.name() == "java"), None)
        except psutil.NoSuchProcess:
            return None

    def kill(self, what: str) -> None:
        if what == "client":
            self.process.kill()
        elif java := self.java():
            java.kill()
        if what == "client" or java:
            self.process.wait(60)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(120)
        self._log.close()


@pytest.mark.slow
def test_a_driver_that_is_killed_ends_the_stream_in_one_line(home: Path, broker: Broker, topic: str) -> None:
    home.mkdir()
    stream = Stream(home)
    send(broker, [reading(n) for n in range(10)], topic)
    _wait_for(stream, 10)
    stream.kill("driver")
    stream.stop()
    assert stream.process.returncode == 1
    last = (home / "stream.log").read_text().splitlines()[-1]
    assert last.startswith("brain: the stream's Spark driver ended"), last
    take()
    assert len(rows()) == 10


@pytest.mark.slow
def test_the_window_of_a_killed_stream_is_sealed_by_the_next_stream(
    home: Path, broker: Broker, topic: str
) -> None:
    home.mkdir()
    stream = Stream(home, seal_minutes=10)
    send(broker, [reading(n) for n in range(10)], topic)
    _wait_for(stream, 10)
    stream.kill("client")
    stream.stop()
    assert deliveries() == []
    Stream(home).stop()  # stopped while it starts
    assert deliveries() == []
    take()
    sealed = deliveries()
    # one delivery, which has an entry for each day: within two hours of midnight in China the readings are of two
    assert len({d["delivery_id"] for d in sealed}) == 1
    assert sum(d["records_in"] for d in sealed) == len(rows()) == 10


def _faults(broker_folder: Path, home: Path, times: int, seed: int) -> None:
    """Kill client, driver and broker at random times under load; at the end every produced record exists once."""
    random_ = random.Random(seed)
    broker = kafka.start(broker_folder)
    stream = Stream(home)
    produced = 0
    started = False
    for fault in range(times):
        if stream.process.poll() is not None:
            stream.stop()
            stream = Stream(home)
            started = False
        if not started:
            started = _has_begun(stream, produced)
        for _ in range(random_.randrange(1, 4)):
            batch = [
                reading(n, xydm="bad") if n % 50 == 3 else reading(n) for n in range(produced, produced + 500)
            ]
            # records are sent out of order
            random_.shuffle(batch)
            send(broker, batch)
            produced += len(batch)
            time.sleep(random_.random() * 1.5)
        what = ("client", "driver", "broker")[fault % 3]
        if what == "broker":
            broker.kill()
            time.sleep(random_.random())
            broker = kafka.start(broker_folder)
        else:
            stream.kill(what)
    if stream.process.poll() is not None:
        stream.stop()
        stream = Stream(home)
    _wait_for(stream, produced)
    stream.stop()
    # a stream that is stopped during its start or within a batch seals nothing; the next one does
    take()
    records = [(r["source_file"], r["source_row"]) for r in rows()]
    records += [(r["source_file"], r["source_row"]) for r in tables.rows("quarantine.record").to_pylist()]
    assert len(records) == len(set(records)) == produced
    registered = deliveries()
    assert sum(d["records_in"] for d in registered) == produced
    seen = {(r["hh"]) for r in ({"hh": json.loads(r["source_record"][0])["hh"]} for r in rows())}
    bad = sum(1 for n in range(produced) if n % 50 == 3)
    assert len(seen) == produced - bad
    broker.stop()


def _has_begun(stream: Stream, produced: int) -> bool:
    """Wait until a new process has begun a batch, for at most 40 s: a fault may hit it earlier."""
    deadline = time.monotonic() + 40
    state = folder_of(SPEC, settings()) / "state.json"
    before = state.read_text() if state.exists() else ""
    while time.monotonic() < deadline and stream.process.poll() is None:
        if state.exists() and state.read_text() != before:
            return True
        if produced == 0:
            return True
        time.sleep(0.2)
    return True


def _wait_for(stream: Stream, produced: int) -> None:
    """Wait until the tables have every record."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        count = tables.rows(SPEC.name, ["source_row"]).num_rows
        count += tables.rows("quarantine.record", ["source_row"]).num_rows
        if count >= produced:
            return
        assert stream.process.poll() is None, "the stream ended"
        time.sleep(1)
    raise AssertionError(f"{count} of {produced} after three minutes")


def _faulty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Path]]:
    folder = tmp_path / "broker"
    broker = kafka.start(folder)
    kafka.create_topics(broker.bootstrap, ["meter-reading"], partitions=2)
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BRAIN_KAFKA", broker.bootstrap)
    settings.cache_clear()
    settings().home.mkdir()
    yield folder, settings().home
    kafka.stop(folder)
    settings.cache_clear()


faulty_home = pytest.fixture(_faulty_home)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_four_faults_neither_lose_nor_double_records(faulty_home: tuple[Path, Path]) -> None:
    _faults(*faulty_home, times=4, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
def test_two_hundred_faults_neither_lose_nor_double_records(faulty_home: tuple[Path, Path]) -> None:
    _faults(*faulty_home, times=200, seed=2)


def test_current_rows_hold_each_event_once(home: Path, broker: Broker, topic: str, spark: Any) -> None:
    """Of a record that is sent twice only the first is current, as in files."""
    send(broker, [reading(1), reading(2), reading(1), reading(1, dl=99)], topic)
    take()
    frame = spark.read.format("delta").load(str(tables.table_path(SPEC.name)))
    current = current_rows(frame, current_deliveries(deliveries(), SPEC), SPEC).collect()
    assert sorted((r["meter_account_code"], str(r["interval_kwh"])) for r in current) == [
        ("3300000001", "12.50"),
        ("3300000002", "12.50"),
    ]
    assert len(rows()) == 4
