"""Windows: batches of a stream that form one delivery, and its entry in the register.

Each table's commit carries the batch's number (Delta's ``txn``), and a table does not get a batch that it has. A window
is sealed once: its rows are counted and it is registered in ``raw.delivery``.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ingest.load import Inbox, Loaded, Origin, map_records
from ingest.readers import messages
from ingest.readers.records import SOURCE_ROW
from ingest.register.corrections import mapping_hash
from ingest.register.deliveries import QUARANTINE
from ingest.register.entries import Entry, deliveries, register
from ingest.ways.stream_state import State, Window, delivery_id_of, folder_of, save
from schemas.contract import Feed, contract, digest
from schemas.errors import RejectedError
from schemas.periods import lengths_of
from warehouse import duck, tables
from warehouse.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Windows:
    """The windows of one stream: the open window gets batches until it is sealed."""

    def __init__(self, spec: Feed, topic: str, state: State, config: Settings, seal_every: timedelta) -> None:
        self.state = state
        self._spec, self._topic, self._config = spec, topic, config
        self._mapping_hash = mapping_hash(spec, ())
        self._seal_every = seal_every
        self._folder = folder_of(spec, config)

    def is_due(self) -> bool:
        """Whether the open window's time is over."""
        window = self.state.window
        return window is not None and datetime.now(UTC) - window.since >= self._seal_every

    @property
    def is_between_batches(self) -> bool:
        """Whether the last begun batch is done; a window may be sealed only then."""
        return self.state.begun == self.state.done

    def take_in(self, batch: DataFrame, number: int) -> tuple[int, int]:
        """Write a batch and record it as done; returns its number of records and of refused ones."""
        is_retry = number == self.state.begun
        if not is_retry:
            self._begin(number)
        loaded = self._write(batch, number, is_retry)
        window = self.state.window
        assert window is not None
        refused = loaded.records_quarantined.total()
        window.raw = dict(Counter(window.raw) + loaded.records_raw)
        window.refused = dict(Counter(window.refused) + loaded.records_quarantined)
        self.state.records += loaded.records
        self.state.refused += refused
        self.state.done = number
        save(self.state, self._folder)
        return loaded.records, refused

    def _begin(self, number: int) -> None:
        """Record the batch's window before anything of it is written; rows of one window have one mapping."""
        window = self.state.window
        if self.is_due() or (window and window.mapping_hash not in ("", self._mapping_hash)):
            self.seal()
        now = datetime.now(UTC)
        if self.state.window is None:
            self.state.window = Window(first=number, since=now, mapping_hash=self._mapping_hash)
        self.state.begun, self.state.begun_at = number, now
        save(self.state, self._folder)

    def _write(self, batch: DataFrame, number: int, is_retry: bool) -> Loaded:
        """Write the accepted records, then the refused ones."""
        with Inbox(self._folder / "inbox") as inbox:
            messages.keep(batch, inbox.folder / "messages")
            loaded = self._mapped(inbox)
            for name, files in ((self._spec.name, loaded.accepted), (QUARANTINE, loaded.refused)):
                if files and not (is_retry and _last_batch(name, self.state.stream_id) >= number):
                    metadata = {"stream": self.state.stream_id, "batch": number}
                    tables.add_files(files, contract(name), metadata, (self.state.stream_id, number))
        return loaded

    def _mapped(self, inbox: Inbox) -> Loaded:
        window, begun_at = self.state.window, self.state.begun_at
        assert window is not None and begun_at is not None
        length = max(lengths_of(self._spec))
        mark = duck.literal(self._stream_mark)
        origin = Origin(
            delivery_id=self._delivery_id,
            # a retried batch keeps the hash with which a killed stream began it: some of its rows may be written
            mapping_hash=window.mapping_hash or self._mapping_hash,
            known_at=messages.ARRIVED,
            row_id=f"concat_ws('-', {mark}, {messages.PARTITION}, {SOURCE_ROW})",
            # the period of arrival, in China
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
        """Prefix of row ids. Topic, partition and offset identify a row, so reading it again gives the same id."""
        return digest([self._spec.table, self._topic])

    @property
    def _delivery_id(self) -> str:
        return delivery_id_of(self._spec, self.state)

    def seal(self) -> None:
        """Register the window as a delivery, once its tables have all records of its batches.

        Raises:
            RejectedError: the tables have another number of records.
        """
        window = self.state.window
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
                    f"see {self._config.logs}, and find the cause before you go on"
                )
            if kept:
                register([self._entry(raw, refused, window)])
                tables.compact(self._spec, raw)
                tables.compact(contract(QUARANTINE), [self._spec.table])
        self.state.window = None
        save(self.state, self._folder)

    def _entry(self, raw: Counter[str], refused: Counter[str], window: Window) -> Entry:
        return Entry(
            feed=self._spec.table,
            delivery_id=self._delivery_id,
            part="",
            source_file=self._topic,
            checksum=digest([self.state.stream_id, window.first, self.state.done]),
            headings=window.headings,
            mapping_hash=window.mapping_hash or self._mapping_hash,
            known_at=window.since,
            records_raw=raw,
            records_quarantined=refused,
            table_version=self._spec.version,
        )


def _last_batch(name: str, app: str) -> int:
    """Number of the stream's last batch in a table; -1 before the first."""
    version = tables.open_table(name).transaction_version(app)
    return -1 if version is None else int(version)


def _count(name: str, delivery_id: str, partition: tuple[str, str, Any]) -> Counter[str]:
    """Rows of a delivery by period, counted in the partitions that may have some."""
    which = [partition, ("delivery_id", "=", delivery_id)]
    found = tables.open_table(name).to_pyarrow_table(columns=["period"], filters=which)
    return Counter(found["period"].to_pylist())
