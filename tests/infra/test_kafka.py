"""The broker: acknowledged records survive stop and kill, and no process stays behind."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra import kafka
from schemas.errors import RejectedError
from warehouse.settings import CHECKOUT

pytestmark = pytest.mark.kafka

TOPIC = "meter_reading"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose broker is stopped at the end, also after a failed test."""
    folder = tmp_path_factory.mktemp("kafka")
    yield folder
    kafka.stop(folder)


def records(first: int, count: int) -> list[tuple[str, bytes]]:
    return [(f"key-{n}", f"value-{n} 宁波".encode()) for n in range(first, first + count)]


def read(bootstrap: str) -> list[tuple[str, bytes]]:
    """All records of the topic, ordered by their numbers."""
    from confluent_kafka import Consumer, TopicPartition

    with Consumer({"bootstrap.servers": bootstrap, "group.id": "test"}) as consumer:
        parts = [
            TopicPartition(TOPIC, p, 0)
            for p in consumer.list_topics(TOPIC, timeout=30).topics[TOPIC].partitions
        ]
        consumer.assign(parts)
        total = sum(consumer.get_watermark_offsets(part, timeout=30)[1] for part in parts)
        messages = consumer.consume(total, timeout=30)
        assert [message.error() for message in messages if message.error()] == []
        found = [((message.key() or b"").decode(), message.value() or b"") for message in messages]
    return sorted(found, key=lambda pair: int(pair[0].split("-")[1]))


def test_acknowledged_records_survive_stop_and_kill(folder: Path) -> None:
    with kafka.start(folder) as first:
        kafka.create_topics(first.bootstrap, [TOPIC], partitions=3)
        assert kafka.produce(first.bootstrap, TOPIC, records(0, 1000)) == 1000
        assert read(first.bootstrap) == records(0, 1000)
    assert not psutil.pid_exists(first.process.pid)
    assert kafka.running(folder) is None

    second = kafka.start(folder)
    assert second.port == first.port
    kafka.create_topics(second.bootstrap, [TOPIC])  # exists, and does not change
    assert read(second.bootstrap) == records(0, 1000)
    kafka.produce(second.bootstrap, TOPIC, records(1000, 500))
    second.kill()
    assert kafka.running(folder) is None

    third = kafka.start(folder)
    assert read(third.bootstrap) == records(0, 1500)
    assert listening(third.process.pid) == {"127.0.0.1"}
    assert kafka.start(folder) == third
    assert stop_from_another_process(folder) == "True\n"
    # a child of this process that another process stopped is a zombie until this process reaps it
    assert third.process.find() is None
    assert not kafka.stop(folder)


def listening(pid: int) -> set[str]:
    sockets = psutil.Process(pid).net_connections("tcp")
    return {s.laddr.ip.removeprefix("::ffff:") for s in sockets if s.status == psutil.CONN_LISTEN}


def stop_from_another_process(folder: Path) -> str:
    code = f"from pathlib import Path; from infra import kafka; print(kafka.stop(Path({str(folder)!r})))"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CHECKOUT
    ).stdout


def test_a_broker_that_cannot_start_is_one_line_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(RejectedError) as refused:
        kafka.start(tmp_path, heap="1x")
    assert str(tmp_path / "broker.log") in str(refused.value) and "\n" not in str(refused.value)
    assert (tmp_path / "broker.log").read_text()
    assert kafka.running(tmp_path) is None


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(RejectedError, match="is taken"):
            kafka.start(tmp_path, port=other.getsockname()[1])
    assert not (tmp_path / "data").exists()


def test_no_broker_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "ANSWER_SECONDS", 2)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but nobody listens
        bootstrap = f"127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(RejectedError, match="BRAIN_KAFKA"):
            kafka.create_topics(bootstrap, [TOPIC])
        with pytest.raises(RejectedError, match="1 records for topic"):
            kafka.produce(bootstrap, TOPIC, records(0, 1))
