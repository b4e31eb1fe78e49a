"""Streams: records of Kafka topics → raw tables and quarantine, each exactly once, whichever process is killed.

A feed's stream is one Structured Streaming query. Three mechanisms write a batch exactly once:

- Spark's checkpoint gives a retried batch the same records.
- Each table's commit carries the batch's number (Delta's ``txn``), and a table does not get a batch that it has.
- The state beside the checkpoint records a batch's start time and delivery before the batch begins, so a retry judges
  and labels the records alike.

A *window* of batches is a delivery. It is sealed once, when its time is over or the stream stops: its rows are counted
and it is registered in ``raw.delivery``. Only then do jobs see it. Until then its rows are in the raw table, a few
seconds after they arrive.
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
    """Counts and duration of a batch, for progress output."""

    feed: str
    number: int
    records: int
    refused: int
    seconds: float


class _StopRequestedError(Exception):
    """The stream must stop before it begins another batch."""


#: Parts of the error of Kafka's source if offsets to read no longer exist.
_LOST = ("KAFKA_DATA_LOSS", "Some data may have been lost", "OffsetOutOfRange")


class FeedStream:
    """The stream of one feed; the caller holds the feed's lock (:func:`lock_name`)."""

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
            raise RejectedError("no broker: set BRAIN_KAFKA to its host:port, or use the landing folder")
        self._spark, self._spec, self._config = spark, spec, config
        self._topic = config.kafka_topic_prefix + source.topic
        self._on_batch = on_batch
        self._folder = folder_of(spec, config)
        self._working = threading.Lock()
        self._stopping = False
        self._query: StreamingQuery | None = None
        #: Why a batch could not be ingested, if a retry would not help.
        self.failure: Exception | None = None
        tables.create_if_absent(spec)
        tables.create_if_absent(contract(QUARANTINE))
        recovered = recover(spec, self._topic, config)
        self._starting_offsets = recovered.starting_offsets
        self._windows = Windows(spec, self._topic, recovered.state, config, seal_every)

    # --- running -----------------------------------------------------------------------------------

    def start(self, every_seconds: float | None, max_records: int) -> StreamingQuery:
        """Start the query; without seconds it ingests the available records and ends."""
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
        """Wait for the running batch, begin no other, and seal the open window."""
        self._stopping = True
        with self._working:
            pass  # wait for the running batch
        # without the lock, so that a batch that begins now can see that it must stop
        if self._query is not None:
            self._query.stop()
        with self._working:
            if self._windows.is_between_batches:
                self._windows.seal()

    def seal_if_due(self) -> None:
        """Seal a window whose time is over although no batch comes; called periodically."""
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
        """Raise why the query ended, as one line; nothing if it was stopped.

        Raises:
            RejectedError: a person must act before the stream can go on. An exception of a batch is raised as it is.
            QueryFailedError: a retry may succeed.
        """
        if self.failure:
            raise self.failure
        if error is None or self._stopping:
            return
        text = str(error)
        if any(mark in text for mark in _LOST):
            raise RejectedError(
                f"stream {self.name}: the broker removed records of topic {self._topic} before they were read; "
                f"ask the sender to send them again, then remove {self._folder / 'checkpoint'}"
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
                return  # an earlier run was killed before Spark's checkpoint recorded that the batch was done
            start = time.monotonic()
            records, refused = self._windows.take_in(batch, number)
            seconds = time.monotonic() - start
            self._on_batch(Batch(self._spec.table, number, records, refused, seconds))


def lock_name(spec: Feed) -> str:
    """Name of the lock that a feed's stream holds while it runs."""
    return f"stream-{spec.table}"


def streamed(specs: Iterable[Feed]) -> list[Feed]:
    """The feeds that have a topic."""
    return [spec for spec in specs if spec.source.topic]
