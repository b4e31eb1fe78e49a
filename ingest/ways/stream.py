"""Streams: records of Kafka topics → raw tables and quarantine, each exactly once, whatever is killed when.

A feed's stream is one Structured Streaming query. Three things make a batch exactly once. Spark's checkpoint gives
a batch that is tried again the same records. Each table's commit carries the batch's number (Delta's ``txn``), and
a batch that a table has is not written to it again. And the state beside the checkpoint says, before a batch is
begun, when it was begun and to which delivery it belongs, so that a second try judges and stamps alike.

A *window* of batches is a delivery. It is sealed once, when its time is over or the stream stops: its rows are
counted and it is entered in ``raw.delivery``. Only then do jobs see it; until then its rows are in the raw table,
for those who want them within seconds.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow.compute as pc
from pydantic import BaseModel, ValidationError

from ingest.load import Inbox, Loaded, Origin, map_records
from ingest.readers import messages
from ingest.readers.records import SOURCE_ROW
from ingest.register.corrections import mapping_hash
from ingest.register.deliveries import QUARANTINE
from ingest.register.entries import Entry, deliveries, register
from schemas.contract import Contract, contract, digest
from schemas.errors import RejectedError
from schemas.periods import lengths_of
from warehouse import duck, tables
from warehouse.kafka import partitions_of, spark_options
from warehouse.settings import Settings
from warehouse.state import write_whole

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery


STATE = "state.json"


class Window(BaseModel):
    """Batches that make one delivery: the first one's number, when it was begun, and what they had so far."""

    first: int
    since: datetime
    #: Of all its rows; state files of before do not say it, and then it is the one in force.
    mapping_hash: str = ""
    #: Records by period.
    raw: dict[str, int] = {}
    refused: dict[str, int] = {}
    headings: list[str] = []


class State(BaseModel):
    """What a stream knows beside Spark's checkpoint."""

    stream_id: str
    begun: int = -1
    begun_at: datetime | None = None
    done: int = -1
    window: Window | None = None
    #: Of all batches so far.
    records: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Batch:
    """What a batch brought, for those who watch."""

    feed: str
    number: int
    records: int
    refused: int
    seconds: float


class _StopRequestedError(Exception):
    """The stream is to stop before it begins another batch."""


class QueryFailedError(Exception):
    """A query ended by itself: a broker that is away, mostly."""


#: In what Kafka's source says when offsets that it should read do not exist any more.
_LOST = ("KAFKA_DATA_LOSS", "Some data may have been lost", "OffsetOutOfRange")


class FeedStream:
    """The stream of one feed; its caller holds the lock."""

    def __init__(
        self,
        spark: SparkSession,
        spec: Contract,
        config: Settings,
        seal_every: timedelta,
        on_batch: Callable[[Batch], None] = lambda _: None,
    ) -> None:
        source = spec.source
        if source is None or source.topic is None:
            raise RejectedError(f"{spec.table} is not streamed: its contract names no topic")
        if config.kafka is None:
            raise RejectedError("no broker: set BRAIN_KAFKA to host:port of one, or use the landing folder")
        self._spark, self._spec, self._config = spark, spec, config
        self._topic = config.kafka_topic_prefix + source.topic
        self._mapping_hash = mapping_hash(spec, ())
        self._seal_every = seal_every
        self._on_batch = on_batch
        self._folder = folder_of(spec, config)
        self._working = threading.Lock()
        self._stopping = False
        self._query: StreamingQuery | None = None
        #: Why a batch could not be taken in, where trying again would not help.
        self.failure: Exception | None = None
        tables.create_if_absent(spec)
        tables.create_if_absent(contract(QUARANTINE))
        self._state = self._recover()

    # --- running -----------------------------------------------------------------------------------

    def start(self, every_seconds: float | None, max_records: int) -> StreamingQuery:
        """Start the query; without seconds it takes in what there is and ends."""
        given = self._spark.readStream.format("kafka").options(
            **spark_options(self._config.kafka or "", self._config.kafka_options),
            subscribe=self._topic,
            startingOffsets=self._starting_offsets,
            maxOffsetsPerTrigger=str(max_records),
            failOnDataLoss="true",
            **{"kafka.max.partition.fetch.bytes": str(32 << 20), "kafka.metadata.max.age.ms": "10000"},
        )
        writer = (
            given.load()
            .writeStream.queryName(self._spec.table)
            .foreachBatch(self._take)
            .option("checkpointLocation", str(self._folder / "checkpoint"))
        )
        trigger: Any = (
            {"availableNow": True}
            if every_seconds is None
            else {"processingTime": f"{every_seconds} seconds"}
        )
        self._query = writer.trigger(**trigger).start()
        return self._query

    def stop(self) -> None:
        """Let the batch that runs end, begin no other, and seal what there is."""
        self._stopping = True
        with self._working:
            pass  # the batch that runs
        # without the lock: one that begins now has to get as far as seeing that it may not
        if self._query is not None:
            self._query.stop()
        with self._working:
            if self._state.begun == self._state.done:
                self._seal()

    def seal_if_due(self) -> None:
        """Seal a window whose time is over though no batch comes; called now and then."""
        if self._working.acquire(blocking=False):
            try:
                if self._is_due() and self._state.begun == self._state.done:
                    self._seal()
            finally:
                self._working.release()

    def _is_due(self) -> bool:
        window = self._state.window
        return window is not None and datetime.now(UTC) - window.since >= self._seal_every

    # --- a batch -----------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self._spec.table

    def check(self, error: Exception | None) -> None:
        """What ended the query, as a line for a person.

        Raises:
            RejectedError: it cannot go on before somebody has looked; or what a batch raised, if not Spark did.
            QueryFailedError: it may go on when it is tried again.
        """
        if self.failure:
            raise self.failure
        if error is None or self._stopping:
            return
        text = str(error)
        if any(mark in text for mark in _LOST):
            raise RejectedError(
                f"stream {self.name}: records of topic {self._topic} are gone from the broker before they were "
                f"read; ask for them again, then remove {self._folder / 'checkpoint'}"
            )
        cause = next((line for line in text.splitlines() if line.strip()), "it ended")
        raise QueryFailedError(f"stream {self.name}: {cause[:200]}")

    def _take(self, batch: DataFrame, number: int) -> None:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        try:
            self._take_in(batch, number)
        except (_StopRequestedError, Py4JError, PySparkException):
            raise
        except Exception as error:
            self.failure = error
            raise

    def _take_in(self, batch: DataFrame, number: int) -> None:
        with self._working:
            if self._stopping:
                raise _StopRequestedError
            if number <= self._state.done:
                return  # killed before Spark had entered in its checkpoint that the batch was through
            start = time.monotonic()
            is_again = number == self._state.begun
            if not is_again:
                self._begin(number)
            loaded = self._write(batch, number, is_again)
            window = self._state.window
            assert window is not None
            refused = loaded.records_quarantined.total()
            window.raw = dict(Counter(window.raw) + loaded.records_raw)
            window.refused = dict(Counter(window.refused) + loaded.records_quarantined)
            self._state.records += loaded.records
            self._state.refused += refused
            self._state.done = number
            self._save()
            seconds = time.monotonic() - start
            self._on_batch(Batch(self._spec.table, number, loaded.records, refused, seconds))

    def _begin(self, number: int) -> None:
        """Say what the batch belongs to before anything of it is written; rows of one window have one mapping."""
        window = self._state.window
        if self._is_due() or (window and window.mapping_hash not in ("", self._mapping_hash)):
            self._seal()
        now = datetime.now(UTC)
        if self._state.window is None:
            self._state.window = Window(first=number, since=now, mapping_hash=self._mapping_hash)
        self._state.begun, self._state.begun_at = number, now
        self._save()

    def _write(self, batch: DataFrame, number: int, is_again: bool) -> Loaded:
        """The accepted records, then the refused ones."""
        with Inbox(self._folder / "inbox") as inbox:
            messages.keep(batch, inbox.folder / "messages")
            loaded = self._mapped(inbox)
            for name, files in ((self._spec.name, loaded.accepted), (QUARANTINE, loaded.refused)):
                if files and not (is_again and _written(name, self._state.stream_id) >= number):
                    metadata = {"stream": self._state.stream_id, "batch": number}
                    tables.add_files(files, contract(name), metadata, (self._state.stream_id, number))
        return loaded

    def _mapped(self, inbox: Inbox) -> Loaded:
        window, begun_at = self._state.window, self._state.begun_at
        assert window is not None and begun_at is not None
        length = max(lengths_of(self._spec))
        mark = duck.literal(self._stream_mark)
        origin = Origin(
            delivery_id=self._delivery_id,
            # of a batch that a killed stream began, as it began it: some of its rows may be there
            mapping_hash=window.mapping_hash or self._mapping_hash,
            known_at=messages.ARRIVED,
            row_id=f"concat_ws('-', {mark}, {messages.PARTITION}, {SOURCE_ROW})",
            # that in which it came, in China
            period=f"strftime({messages.ARRIVED} + INTERVAL 8 HOURS, '%Y-%m-%d')[:{length}]",
        )
        loaded = Loaded([], [], Counter(), Counter())
        for place, part in enumerate(messages.kept(inbox.folder / "messages")):
            records = messages.records_of(part, self._spec, self._topic, begun_at)
            loaded += map_records(
                self._spec, origin, records, inbox.connection, inbox.folder / "mapped" / str(place)
            )
            window.headings = list(dict.fromkeys((*window.headings, *records.headings)))
        return loaded

    @property
    def _stream_mark(self) -> str:
        """Rows are known by topic, partition and offset: what was read once has one identity for ever."""
        return digest([self._spec.table, self._topic])

    @property
    def _delivery_id(self) -> str:
        assert self._state.window is not None
        return digest([self._spec.table, self._state.stream_id, self._state.window.first])

    # --- sealing -----------------------------------------------------------------------------------

    def _seal(self) -> None:
        """Enter the window in the register of deliveries, once its tables have what its batches had."""
        window = self._state.window
        if window is None:
            return
        if self._delivery_id not in {d["delivery_id"] for d in deliveries()}:
            raw, refused = Counter(window.raw), Counter(window.refused)
            kept = _count(QUARANTINE, self._delivery_id, ("feed", "=", self._spec.table))
            if raw:
                kept += _count(self._spec.name, self._delivery_id, ("period", "in", [*raw]))
            if kept != raw + refused:
                raise RejectedError(
                    f"stream {self._spec.table}: {raw.total() + refused.total()} records read, {kept.total()} kept; "
                    f"see {self._config.logs}, and do not go on before this is understood"
                )
            if kept:
                register([self._entry(raw, refused, window)])
                tables.compact(self._spec, raw)
                tables.compact(contract(QUARANTINE), [self._spec.table])
        self._state.window = None
        self._save()

    def _entry(self, raw: Counter[str], refused: Counter[str], window: Window) -> Entry:
        return Entry(
            feed=self._spec.table,
            delivery_id=self._delivery_id,
            part="",
            source_file=self._topic,
            checksum=digest([self._state.stream_id, window.first, self._state.done]),
            headings=window.headings,
            mapping_hash=window.mapping_hash or self._mapping_hash,
            known_at=window.since,
            records_raw=raw,
            records_quarantined=refused,
            table_version=self._spec.version,
        )

    # --- state -------------------------------------------------------------------------------------

    @property
    def _state_file(self) -> Path:
        return self._folder / STATE

    def _save(self) -> None:
        write_whole(self._state_file, self._state.model_dump_json())

    def _recover(self) -> State:
        """The state as it was left; without one the tables say from which record to go on."""
        has_checkpoint = (self._folder / "checkpoint" / "metadata").exists()
        self._starting_offsets = "earliest"
        if has_checkpoint and self._state_file.exists():
            try:
                state = State.model_validate_json(self._state_file.read_bytes())
                _check_checkpoint(self._folder / "checkpoint")
            except ValueError:
                raise RejectedError(
                    f"the state of stream {self.name} is damaged; remove {self._folder}: the tables say where to go on"
                ) from None
            self._state = state
            if state.window and self._delivery_id in {d["delivery_id"] for d in deliveries()}:
                state.window = None
            return state
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._forget_unsealed()
        if following := self._following_offsets():
            # Kafka's source wants all partitions: -2 is the first record of one of which nothing was read
            all_of = {str(number): -2 for number in self._partitions()}
            self._starting_offsets = json.dumps({self._topic: all_of | following})
        self._state = State(stream_id=uuid4().hex)
        self._save()
        return self._state

    def _partitions(self) -> list[int]:
        from confluent_kafka import KafkaException

        try:
            return partitions_of(self._config.kafka or "", self._config.kafka_options, self._topic)
        except KafkaException as error:
            raise QueryFailedError(f"stream {self.name}: {error}") from None

    def _forget_unsealed(self) -> None:
        """Remove rows of the topic whose window no register knows; they are read from the broker again."""
        sealed = {d["delivery_id"] for d in deliveries()}
        for name in (self._spec.name, QUARANTINE):
            for delivery in sorted(set(_of_topic(name, self._topic)["delivery_id"].to_pylist()) - sealed):
                tables.delete(contract(name), f"delivery_id = '{delivery}'")

    def _following_offsets(self) -> dict[str, int]:
        """Partition → offset after the last one that a table has."""
        following: dict[str, int] = {}
        for name in (self._spec.name, QUARANTINE):
            last = _of_topic(name, self._topic).group_by("source_file").aggregate([("source_row", "max")])
            for file, offset in zip(
                *(last[c].to_pylist() for c in ("source_file", "source_row_max")), strict=True
            ):
                partition = file.rpartition("/")[2]
                following[partition] = max(following.get(partition, 0), offset + 1)
        return following


def _check_checkpoint(folder: Path) -> None:
    """See that what Spark goes on from is whole: its identity, and its last entries of what was begun and done.

    Spark does not wait for the disk when it writes them, and a query that finds one cut fails at each start.

    Raises:
        ValueError: it is not.
    """
    last = [
        max(
            (f for f in (folder / kind).glob("[0-9]*") if f.name.isdigit()),
            key=lambda f: int(f.name),
            default=None,
        )
        for kind in ("offsets", "commits")
    ]
    for file in (folder / "metadata", *filter(None, last)):
        # a first line "v1" is the version of the format; the others are JSON, or "-" where a source has nothing
        lines = file.read_text("utf-8").splitlines()
        parts = [line for line in lines[file.parent != folder :] if line != "-"]
        if not lines or not all(isinstance(json.loads(part), dict) for part in parts):
            raise ValueError(f"{file.name} is cut")


def folder_of(spec: Contract, config: Settings) -> Path:
    """Where a stream keeps its checkpoint and state."""
    return config.home / "streams" / spec.table


def state_of(spec: Contract, config: Settings) -> State | None:
    """What a feed's stream has taken in so far; nothing where it never ran."""
    try:
        return State.model_validate_json((folder_of(spec, config) / STATE).read_bytes())
    except (OSError, ValidationError):
        return None


def lock_name(spec: Contract) -> str:
    return f"stream-{spec.table}"


def _written(name: str, app: str) -> int:
    """The last batch of the stream that a table has; -1 before the first."""
    version = tables.open_table(name).transaction_version(app)
    return -1 if version is None else int(version)


def _of_topic(name: str, topic: str) -> Any:
    condition = pc.starts_with(pc.field("source_file"), f"{topic}/")
    return (
        tables.open_table(name)
        .to_pyarrow_dataset()
        .to_table(columns=["delivery_id", "source_file", "source_row"], filter=condition)
    )


def _count(name: str, delivery_id: str, partition: tuple[str, str, Any]) -> Counter[str]:
    """Rows of a delivery by period, looked for in the partitions that may have some."""
    which = [partition, ("delivery_id", "=", delivery_id)]
    found = tables.open_table(name).to_pyarrow_table(columns=["period"], filters=which)
    return Counter(found["period"].to_pylist())


def streamed(specs: Iterable[Contract]) -> list[Contract]:
    """Those of the feeds that have a topic."""
    return [spec for spec in specs if spec.source and spec.source.topic]
