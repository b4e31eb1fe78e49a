"""A local Kafka broker (KRaft, one node, on 127.0.0.1), and a producer: topics, acknowledged records.

All files of a broker are in its folder: ``data/``, ``broker.properties``, ``broker.log`` and ``broker.json``, by which
other processes find it. Nothing is replicated and nothing expires: it is for the demo city and for tests. A city in
operation has a cluster, which ``BRAIN_KAFKA`` names.

The module is one, above 300 lines: the broker's settings, start and stop, and the producer that waits for it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from infra.processes import ServerProcess, choose_ports, comes_up, listens
from schemas.errors import RejectedError
from warehouse import state
from warehouse.jars import ensure_jars
from warehouse.java import ensure_java
from warehouse.kafka import ANSWER_SECONDS, client_options
from warehouse.settings import settings

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

START_SECONDS = 90
STOP_SECONDS = 20
#: Key, value and, unless it is now, the time of sending (milliseconds since 1970).
Record = tuple[str | None, bytes] | tuple[str | None, bytes, int]
#: Largest record.
MOST_BYTES = 20 << 20
#: Identifies the only cluster of a folder; any 16 bytes in URL-safe Base64.
CLUSTER_ID = "bmluZ2JvLWJyYWluLTAwMA"

_JAVA_OPTIONS = (
    # Quick start and little memory matter here, not throughput on many cores.
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


@dataclass(frozen=True)
class Broker:
    """A running broker; as a context manager it stops at the end."""

    folder: Path
    port: int
    process: ServerProcess

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Stop the broker cleanly and wait until it has ended."""
        self.process.end((signal.SIGTERM, STOP_SECONDS))

    def kill(self) -> None:
        """Kill the broker at once, as a power cut would."""
        self.process.end((signal.SIGKILL, STOP_SECONDS))

    def __enter__(self) -> Broker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


# --- start, stop -----------------------------------------------------------------------------------


def start(folder: Path, *, port: int | None = None, heap: str = "512m") -> Broker:
    """The folder's broker, which is started if it does not run.

    Args:
        folder: the broker's folder; records of its topics are kept.
        port: None for the port that it had last, or another one if that is taken.
        heap: size of Java's heap.

    Raises:
        RejectedError: it did not start, or runs at another port; the message names its log, and nothing stays running.
    """
    folder = folder.expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "broker.lock", timeout=START_SECONDS * 2):
        if found := running(folder):
            if port not in (None, found.port):
                raise RejectedError(f"the broker in {folder} runs at port {found.port}; stop it first")
            return found
        last = state.read(folder / "broker.json")
        chosen, controller = choose_ports([port or last.get("port"), last.get("controller_port")])
        if port not in (None, chosen):
            raise RejectedError(f"port {port} of 127.0.0.1 is taken; name another one for the Kafka broker")
        return _start(folder, chosen, controller, heap)


def running(folder: Path) -> Broker | None:
    """The broker that runs in this folder, whichever process started it; None if none runs."""
    folder = folder.expanduser().resolve()
    last = state.read(folder / "broker.json")
    if "pid" not in last:
        return None
    broker = Broker(folder, last["port"], ServerProcess(last["pid"], last["started"]))
    return broker if broker.process.find() else None


def stop(folder: Path) -> bool:
    """Stop the broker of this folder; return whether one ran."""
    broker = running(folder)
    if broker:
        broker.stop()
    return broker is not None


def _start(folder: Path, port: int, controller: int, heap: str) -> Broker:
    log = folder / "broker.log"
    properties = folder / "broker.properties"
    properties.write_text(_properties(folder, port, controller), encoding="utf-8")
    class_path = os.pathsep.join(map(str, ensure_jars(settings(), "kafka")))
    java = [str(ensure_java(settings())), f"-Xmx{heap}", *_JAVA_OPTIONS, "-cp", class_path]
    failure = RejectedError(f"the Kafka broker did not start; see {log} ({heap} of free memory are needed)")
    with log.open("ab") as out:
        if not (folder / "data" / "meta.properties").exists() and not _format(java, properties, out):
            raise failure
        child = subprocess.Popen(
            [*java, "kafka.Kafka", str(properties)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    broker = Broker(folder, port, ServerProcess.of(child.pid))
    try:
        _remember(broker, controller)
        if not comes_up(broker.process, lambda: listens(port) and _answers(broker.bootstrap), START_SECONDS):
            raise failure
    except BaseException:
        broker.kill()
        raise
    return broker


def _format(java: list[str], properties: Path, out: Any) -> bool:
    """Format the storage, once for each folder; return whether that succeeded."""
    command = [*java, "kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", CLUSTER_ID]
    done = subprocess.run(
        [*command, "-c", str(properties)], stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False
    )
    return done.returncode == 0


def _properties(folder: Path, port: int, controller: int) -> str:
    values = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        # voters from this file, not from the storage (--standalone), so that a restart may use other ports
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "log.dirs": folder / "data",
        # a misspelled topic is an error, not a new topic
        "auto.create.topics.enable": "false",
        # records have their event's time: with the default of a week, last year's would be deleted at once
        "log.retention.ms": -1,
        # the stream, not the broker, checks what senders send
        "message.max.bytes": MOST_BYTES,
        # one node
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # the default of 50 partitions each costs files and seconds for no use
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        # a killed broker counts as alive for this long, and its successor waits; 9 s by default
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        # do not wait for a second consumer
        "group.initial.rebalance.delay.ms": 0,
        # 128 MiB by default: a quarter of the heap
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def _remember(broker: Broker, controller: int) -> None:
    started = {"pid": broker.process.pid, "started": broker.process.started}
    ports = {"port": broker.port, "controller_port": controller}
    state.write_whole(broker.folder / "broker.json", json.dumps(started | ports))


def _answers(bootstrap: str) -> bool:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    # a listener is this broker only if it reports our cluster
    try:
        found: Any = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=5)
    except KafkaException:
        return False
    return bool(found.cluster_id == CLUSTER_ID and found.brokers)


# --- topics, records -------------------------------------------------------------------------------


def create_topics(
    bootstrap: str, names: Iterable[str], partitions: int = 1, options: Mapping[str, str] | None = None
) -> None:
    """Create missing topics; existing topics and their records do not change.

    Args:
        bootstrap: host:port,… of brokers.
        names: topics.
        partitions: number for each new topic; the cluster's default sets the replication.
        options: client options, as in ``BRAIN_KAFKA_OPTIONS``.

    Raises:
        RejectedError: no broker answers, or a broker refuses.
    """
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    wanted = [NewTopic(name, num_partitions=partitions) for name in sorted(set(names))]
    if not wanted:
        return
    said: list[KafkaError] = []
    client = AdminClient(_quiet(bootstrap, options, said))
    futures = client.create_topics(wanted, request_timeout=ANSWER_SECONDS)
    for name, future in futures.items():
        try:
            future.result()
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
            if error.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                client.poll(0)  # delivers pending error callbacks
                raise _rejected(f"topic {name} could not be created", bootstrap, [error, *said]) from None


def produce(
    bootstrap: str,
    topic: str,
    records: Iterable[Record],
    options: Mapping[str, str] | None = None,
) -> int:
    """Send records in order, and wait until the cluster has acknowledged all.

    Returns:
        The number of records; each is in the topic once.

    Raises:
        RejectedError: not all records were acknowledged.
    """
    from confluent_kafka import Producer

    failures: list[KafkaError] = []
    said: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error)

    # idempotence: acknowledged by all replicas, in order, and no duplicate after a retry
    producer = Producer(
        {
            **_quiet(bootstrap, options, said),
            "enable.idempotence": True,
            "linger.ms": 20,
            "message.max.bytes": MOST_BYTES,
            "delivery.timeout.ms": ANSWER_SECONDS * 1000,
        }
    )
    count = 0
    for key, value, *at in records:
        _enqueue(producer, topic, key, value, at[0] if at else 0, delivered)
        count += 1
        if failures:
            break
    producer.flush()
    if failures:
        what = f"{len(failures)} records for topic {topic} were not accepted"
        raise _rejected(what, bootstrap, [*failures, *said])
    return count


def _quiet(bootstrap: str, options: Mapping[str, str] | None, said: list[KafkaError]) -> dict[str, Any]:
    """Configuration of a client that collects errors in ``said`` instead of printing them."""
    return {**client_options(bootstrap, options or {}), "log_level": 0, "error_cb": said.append}


def _enqueue(producer: Any, topic: str, key: str | None, value: bytes, at: int, delivered: Any) -> None:
    while True:
        try:
            producer.produce(topic, value, key, timestamp=at, on_delivery=delivered)
        except BufferError:  # the queue is full: wait for acknowledgements
            producer.poll(1)
        else:
            producer.poll(0)
            return


def _rejected(what: str, bootstrap: str, errors: list[KafkaError]) -> RejectedError:
    """One line with the authentication or TLS error, which otherwise shows as a timeout, else with the first error."""
    from confluent_kafka import KafkaError

    error = next((e for e in errors if e.code() in (KafkaError._AUTHENTICATION, KafkaError._SSL)), errors[0])
    return RejectedError(
        f"{what}: {error.str()} (Kafka at {bootstrap}; see BRAIN_KAFKA, BRAIN_KAFKA_OPTIONS)"
    )
