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

from jobs.columns import present, valid_credit_code
from jobs.ingest.corrections import mapping_hash
from jobs.ingest.deliveries import QUARANTINE
from jobs.ingest.ingest import Entry, deliveries, register
from jobs.ingest.mapping import PERIOD_TEXT, SPARK, TEXT, VALID, mapping_of
from schemas.contract import Contract, contract, digest
from schemas.errors import RejectedError, UserError
from warehouse import tables
from warehouse.kafka import spark_options
from warehouse.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

#: A longer record is kept in part: what a sender may send must not decide how much memory a task takes.
MAX_RECORD_BYTES = 1 << 20
KEPT_BYTES = 64 << 10
#: What is trimmed from texts, as the reader of files does it.
SPACES = "".join(map(chr, (*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B))))
SPACES += "\u2028\u2029\u202f\u205f\u3000"
SAMPLED_RECORDS = 100


class Window(BaseModel):
    """Batches that make one delivery: the first one's number, when it was begun, records so far."""

    first: int
    since: datetime
    records: int = 0


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
        #: Why a batch could not be taken in, where that is for a person to see to.
        self.failure: UserError | None = None
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
            RejectedError: it cannot go on before somebody has looked.
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
        try:
            self._take_in(batch, number)
        except UserError as error:
            self.failure = error
            raise

    def _take_in(self, batch: DataFrame, number: int) -> None:
        with self._working:
            if self._stopping:
                raise _StopRequestedError
            start = time.monotonic()
            is_again = number <= self._state.begun
            if not is_again:
                self._begin(number)
            records, refused = self._write(batch, number, is_again)
            window = self._state.window
            assert window is not None
            if number > self._state.done:
                window.records += records
                self._state.records += records
                self._state.refused += refused
                self._state.done = number
                self._save()
            self._on_batch(Batch(self._spec.table, number, records, refused, time.monotonic() - start))

    def _begin(self, number: int) -> None:
        """Say what the batch belongs to before anything of it is written."""
        if self._is_due():
            self._seal()
        now = datetime.now(UTC)
        if self._state.window is None:
            self._state.window = Window(first=number, since=now)
        self._state.begun, self._state.begun_at = number, now
        self._save()

    def _write(self, batch: DataFrame, number: int, is_again: bool) -> tuple[int, int]:
        """The accepted records, then the refused ones; how many records there were, and how many refused."""
        from pyspark.sql import Observation
        from pyspark.sql import functions as F

        rows = self._stamped(batch)
        app = self._state.stream_id
        if is_again and _written(self._spec.name, app) >= number:
            counts = rows.agg(F.count("*"), F.count_if("is_refused")).collect()[0]
            records, refused = int(counts[0]), int(counts[1])
        else:
            seen = Observation()
            observed = rows.observe(
                seen, F.count(F.lit(1)).alias("records"), F.count_if("is_refused").alias("refused")
            )
            self._append(observed.where("NOT is_refused"), self._spec, number)
            records, refused = int(seen.get["records"]), int(seen.get["refused"])
        if refused and not (is_again and _written(QUARANTINE, app) >= number):
            quarantined = rows.where("is_refused").withColumn("uscc", F.col("refused_uscc"))
            self._append(quarantined, contract(QUARANTINE), number)
        return records, refused

    def _append(self, rows: DataFrame, spec: Contract, number: int) -> None:
        metadata = {"stream": self._state.stream_id, "batch": number}
        tables.append_batch(rows, spec, metadata, self._state.stream_id, number)

    def _stamped(self, batch: DataFrame) -> DataFrame:
        from pyspark.sql import functions as F

        assert self._state.begun_at is not None
        # a literal of a time would be part of the generated code, which would be compiled anew for each batch
        arrived = F.concat(F.lit(self._state.begun_at.isoformat()), F.left("topic", F.lit(0))).cast(
            "timestamp"
        )
        return (
            map_messages(batch.withColumn("known_at", F.least("timestamp", arrived)), self._spec)
            .withColumn("delivery_id", F.lit(self._delivery_id))
            .withColumn("mapping_hash", F.lit(self._mapping_hash))
            .withColumn("row_id", F.concat_ws("-", F.lit(self._stream_mark), "partition", "source_row"))
        )

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
        """Enter the window in the register of deliveries."""
        window = self._state.window
        if window is None:
            return
        if self._delivery_id not in {d["delivery_id"] for d in deliveries()}:
            raw = _count(self._spec.name, self._delivery_id)
            refused = _count(QUARANTINE, self._delivery_id)
            kept = raw.total() + refused.total()
            if kept != window.records:
                raise RejectedError(
                    f"stream {self._spec.table}: {window.records} records read, {kept} kept; "
                    f"see {self._config.logs}, and do not go on before this is understood"
                )
            if kept:
                register([self._entry(raw, refused, window)])
        self._state.window = None
        self._save()

    def _entry(self, raw: Counter[str], refused: Counter[str], window: Window) -> Entry:
        return Entry(
            feed=self._spec.table,
            delivery_id=self._delivery_id,
            part="",
            source_file=self._topic,
            checksum=digest([self._state.stream_id, window.first, self._state.done]),
            headings=self._headings(),
            mapping_hash=self._mapping_hash,
            known_at=window.since,
            records_raw=raw,
            records_quarantined=refused,
            table_version=self._spec.version,
        )

    def _headings(self) -> list[str]:
        """The mapping's headings and what else the window's records have."""
        source = self._spec.source
        assert source is not None
        found = dict.fromkeys((*source.headings, *source.ignored))
        condition = pc.field("delivery_id") == self._delivery_id
        dataset = tables.open_table(self._spec.name).to_pyarrow_dataset()
        for record in dataset.head(SAMPLED_RECORDS, columns=["source_record"], filter=condition)[
            "source_record"
        ].to_pylist():
            found |= dict.fromkeys(json.loads(record[0]))
        return list(found)

    # --- state -------------------------------------------------------------------------------------

    @property
    def _state_file(self) -> Path:
        return self._folder / "state.json"

    def _save(self) -> None:
        partial = self._state_file.with_suffix(".partial")
        partial.write_text(self._state.model_dump_json(), encoding="utf-8")
        partial.replace(self._state_file)

    def _recover(self) -> State:
        """The state as it was left; without one the tables say from which record to go on."""
        has_checkpoint = (self._folder / "checkpoint" / "metadata").exists()
        self._starting_offsets = "earliest"
        if has_checkpoint and self._state_file.exists():
            try:
                state = State.model_validate_json(self._state_file.read_bytes())
            except ValidationError:
                raise RejectedError(
                    f"{self._state_file} is not readable; remove {self._folder}: the tables say where to go on"
                ) from None
            self._state = state
            if state.window and self._delivery_id in {d["delivery_id"] for d in deliveries()}:
                state.window = None
            return state
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._forget_unsealed()
        if following := self._following_offsets():
            self._starting_offsets = json.dumps({self._topic: following})
        self._state = State(stream_id=uuid4().hex)
        self._save()
        return self._state

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


def folder_of(spec: Contract, config: Settings) -> Path:
    """Where a stream keeps its checkpoint and state."""
    return config.home / "streams" / spec.table


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


def _count(name: str, delivery_id: str) -> Counter[str]:
    """Rows of a delivery by period."""
    dataset = tables.open_table(name).to_pyarrow_dataset()
    found = dataset.to_table(columns=["period"], filter=pc.field("delivery_id") == delivery_id)
    return Counter(found["period"].to_pylist())


# --- messages ----------------------------------------------------------------------------------------


def map_messages(messages: DataFrame, spec: Contract) -> DataFrame:
    """Kafka's records with ``known_at`` → columns of the raw table and of the quarantine, and ``is_refused``."""
    from pyspark.sql import functions as F

    source = spec.source
    assert source is not None
    too_long = F.length("value") > MAX_RECORD_BYTES
    readable = F.is_valid_utf8(F.col("value").cast("string"))
    texts = messages.select(
        F.concat_ws("/", "topic", "partition").alias("source_file"),
        F.col("partition"),
        F.col("offset").alias("source_row"),
        "known_at",
        F.when(~too_long & readable, F.col("value").cast("string")).alias("raw_text"),
        F.coalesce(
            F.when(F.col("value").isNull(), "record:json"),
            F.when(too_long, "record:size"),
            F.when(~readable, "record:encoding"),
        ).alias("unreadable"),
        F.when(
            too_long | ~readable,
            F.concat(F.lit("base64:"), F.base64(F.substring("value", 1, KEPT_BYTES))),
        ).alias("kept_bytes"),
    )
    return map_lines(texts, spec)


def map_lines(texts: DataFrame, spec: Contract) -> DataFrame:
    """JSON texts → typed columns, ``record_key``, ``reasons`` and ``is_refused``.

    ``texts`` has ``raw_text``, ``unreadable`` (a reason why there is none), ``kept_bytes`` and the provenance.
    """
    from pyspark.sql import functions as F

    source = spec.source
    assert source is not None
    # A variant keeps numbers exactly, from_json reads them as floats. A generator is not merged with what follows: the
    # text is parsed once, and each value as well.
    parsed = texts.select("*", F.inline(F.array(F.struct(F.try_parse_json("raw_text").alias("record")))))
    is_object = F.col("raw_text").rlike(r"^\s*\{") & F.col("raw_text").rlike(r"\}\s*$")
    broken = F.when(F.col("record").isNull() | ~is_object, "record:json")
    cells = {TEXT + name: m.heading for name, m in source.mapping.items() if m.heading}
    if source.period_from:
        cells[PERIOD_TEXT] = source.period_from.heading
    trimmed = [
        F.coalesce(
            F.btrim(F.try_variant_get("record", _path(heading), "string"), F.lit(SPACES)), F.lit("")
        ).alias(name)
        for name, heading in cells.items()
    ]
    checked = [
        valid_credit_code(F.col(TEXT + c.name)).alias(VALID + c.name)
        for c in spec.columns
        if c.domain.check == "uscc" and TEXT + c.name in cells
    ]
    provenance = ["source_file", "source_row", "partition", "known_at", "raw_text", "kept_bytes"]
    lines = parsed.select(*provenance, F.coalesce("unreadable", broken).alias("record_reason"), *trimmed)
    # written as an escape only: searched for where the text has one
    has_nul = F.col("raw_text").contains("\\u0000") & F.concat(*cells).contains("\0")
    reason = F.coalesce("record_reason", F.when(has_nul, "record:nul"))
    return _mapped(lines.select("*", *checked).withColumn("record_reason", reason), spec)


def _mapped(lines: DataFrame, spec: Contract) -> DataFrame:
    from pyspark.sql import functions as F

    source = spec.source
    assert source is not None
    mapping = mapping_of(spec, SPARK)
    values = F.struct(*(F.expr(sql).alias(name) for name, sql in mapping.values.items()))
    reasons = [F.expr(sql) for sql in mapping.reasons]
    length = source.period_from.length if source.period_from else 10
    # of a record that does not say its period: the day on which it came, in China
    day = F.date_format(F.col("known_at") + F.expr("INTERVAL 8 HOURS"), "yyyy-MM-dd")
    period = F.expr(mapping.period) if mapping.period else F.lit(None)
    sent_code = F.col(TEXT + "uscc") if TEXT + "uscc" in lines.columns else F.lit(None).cast("string")
    return (
        lines.select("*", F.inline(F.array(values)))
        .select(
            "*",
            present(*reasons).alias("reasons"),
            F.coalesce(*reasons).isNotNull().alias("is_refused"),
            F.coalesce(period, F.left(day, F.lit(length))).alias("period"),
            F.expr(mapping.record_key).alias("record_key"),
            F.lit(spec.table).alias("feed"),
            F.array(F.coalesce("kept_bytes", "raw_text", F.lit(""))).alias("source_record"),
            F.to_json(F.struct(*mapping.values)).alias("mapped_record"),
        )
        .withColumn("refused_uscc", sent_code)
    )


def _path(heading: str) -> str:
    quote = '"' if "'" in heading else "'"
    return f"$[{quote}{heading}{quote}]"


def streamed(specs: Iterable[Contract]) -> list[Contract]:
    """Those of the feeds that have a topic."""
    return [spec for spec in specs if spec.source and spec.source.topic]
