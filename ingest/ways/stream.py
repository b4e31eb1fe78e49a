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

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ingest.register.deliveries import QUARANTINE
from ingest.ways.stream_state import QueryFailedError, folder_of, recover
from ingest.ways.windows import Windows
from schemas.contract import Feed, contract
from schemas.errors import RejectedError
from warehouse import tables
from warehouse.kafka import spark_options
from warehouse.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery


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


#: In what Kafka's source says when offsets that it should read do not exist any more.
_LOST = ("KAFKA_DATA_LOSS", "Some data may have been lost", "OffsetOutOfRange")


class FeedStream:
    """The stream of one feed; its caller holds the lock."""

    def __init__(
        self,
        spark: SparkSession,
        spec: Feed,
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
        self._on_batch = on_batch
        self._folder = folder_of(spec, config)
        self._working = threading.Lock()
        self._stopping = False
        self._query: StreamingQuery | None = None
        #: Why a batch could not be taken in, where trying again would not help.
        self.failure: Exception | None = None
        tables.create_if_absent(spec)
        tables.create_if_absent(contract(QUARANTINE))
        found = recover(spec, self._topic, config)
        self._starting_offsets = found.starting_offsets
        self._windows = Windows(spec, self._topic, found.state, config, seal_every)

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
            if self._windows.is_between_batches:
                self._windows.seal()

    def seal_if_due(self) -> None:
        """Seal a window whose time is over though no batch comes; called now and then."""
        if self._working.acquire(blocking=False):
            try:
                if self._windows.is_due() and self._windows.is_between_batches:
                    self._windows.seal()
            finally:
                self._working.release()

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
            if number <= self._windows.state.done:
                return  # killed before Spark had entered in its checkpoint that the batch was through
            start = time.monotonic()
            records, refused = self._windows.take_in(batch, number)
            seconds = time.monotonic() - start
            self._on_batch(Batch(self._spec.table, number, records, refused, seconds))


def lock_name(spec: Feed) -> str:
    """Name of the lock that a feed's stream holds while it runs."""
    return f"stream-{spec.table}"


def streamed(specs: Iterable[Feed]) -> list[Feed]:
    """Those of the feeds that have a topic."""
    return [spec for spec in specs if spec.source.topic]
