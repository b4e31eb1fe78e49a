"""Feeds from a sender's database: rows of a table → text cells → the way that files go.

The database prints every value as text, the texts are streamed into Parquet in the inbox (``ingest/ways/postgres.py``),
and DuckDB puts them in an order that depends on nothing but them; nothing is held in memory as a whole. One query is
one transaction: a pull has a table as it was at one moment.

Of a snapshot a pull makes a delivery for each period and part, known by its content like a file: a later one
supersedes it, and a row absent from that is withdrawn. Of increments and events what is held already is left out, and
the rest is a delivery. A watermark therefore only says what need not be read: of a snapshot the periods in which
nothing changed, of others the rows before it. It may be lost or lag behind, and nothing is doubled or missing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from ingest.load import Loaded
from ingest.mapping import period_of
from ingest.readers.headings import some, unknown_headings
from ingest.readers.records import Records, in_blocks
from ingest.register.corrections import mapping_hash, upto
from ingest.register.deliveries import QUARANTINE, Drop
from ingest.register.expected import HERE
from ingest.register.placing import placed
from ingest.register.standing import why_out
from ingest.ways import postgres
from ingest.ways.connections import Connection, UnreachableError, connection_from_environment
from ingest.ways.postgres import Column, Reader
from ingest.ways.remap import load_again, map_moved
from ingest.ways.run import FileReport, IngestReport, Taken, Work, entry_of, load_drop, rows_of, take_in
from schemas.contract import Contract, Source, feed, feeds
from schemas.errors import RejectedError, UsageError, UserError
from schemas.periods import check_asked, fault_of, lengths_of, meet, overlap
from schemas.register import in_force, latest_mapping, latest_rows, stands
from warehouse import tables
from warehouse.duck import literal
from warehouse.progress import Progress, silent
from warehouse.settings import settings
from warehouse.state import write_whole

__all__ = ["Connection", "connection_from_environment", "pull"]

#: Rows that are hashed and spooled at a time.
BLOCK_ROWS = 50_000
#: A period and a part of it.
Part = tuple[str, str]


def pull(
    names: Sequence[str] | None,
    connection: Connection,
    progress: Progress = silent,
    *,
    period: str | None = None,
    full: bool = False,
    replaces: bool = False,
    accepted_by: str | None = None,
    now: datetime | None = None,
) -> IngestReport:
    """Take in what is new in a database: of the named feeds, or of all that have a table there.

    A feed that cannot be read is reported, nothing of it is taken in, and the others go on.

    Args:
        period: only this one, of the feeds that have such periods; where a table has no column for it, that of all
            its rows.
        replaces: what comes takes the place of deliveries whose periods overlap with its own.
        full: read whole tables, whatever the watermarks say.
        now: when the rows are known, by which late records are judged; the start of the pull where left out.

    Raises:
        RejectedError: the database cannot be reached, or does not let us in.
        UsageError: there is no such feed, or none of the feeds has such a period.
    """
    specs = _with_period([feed(name) for name in dict.fromkeys(names)] if names else feeds().values(), period)
    reader = Reader(connection)
    there = reader.tables({spec.table: table_of(spec) for spec in specs})
    asked = _Asked(reader, period, full, (now or datetime.now(UTC)).astimezone(UTC))
    marks: dict[str, _Mark] = {}
    lost: list[UserError] = []

    def bring(spec: Contract, work: Work) -> list[Taken]:
        entries = len(work.report.files)
        try:
            if lost:
                raise lost[0]
            if spec.table not in there:
                raise RejectedError(
                    f"{connection.name}: {connection.user} finds no table {table_of(spec)}; create it, or name "
                    f"another one in schemas/raw/{spec.table}.yml (source: database: table)"
                )
            moved = map_moved(spec, work)
            one = _Pull(spec, asked, work, there[spec.table])
            taken = moved + one.take()
            if one.mark:
                marks[spec.table] = one.mark
            return taken
        except UserError as error:
            if isinstance(error, UnreachableError):
                lost.append(error)
            del work.report.files[entries:]
            where = _source_file(connection, spec)
            work.report.files.append(
                FileReport(spec.table, where, period or "", "rejected", message=str(error))
            )
            return []

    def remember() -> None:
        for name, mark in marks.items():
            mark.save(name)

    chosen = [s for s in specs if names or s.table in there]
    report = take_in(chosen, bring, progress, remember, replaces=replaces, accepted_by=accepted_by)
    report.absent = [] if names else [s.table for s in specs if s.table not in there]
    return report


def _with_period(specs: Iterable[Contract], period: str | None) -> list[Contract]:
    """Those of the feeds that may have a period.

    Raises:
        UsageError: it is no period, or none of the feeds has such periods.
    """
    check_asked(period)
    found = list(specs)
    if period is None:
        return found
    faults = {spec.table: fault_of(period, spec) for spec in found}
    if all(faults.values()):
        raise UsageError(f"--period {period}: {next(iter(faults.values()))}")
    return [spec for spec in found if not faults[spec.table]]


def table_of(spec: Contract) -> str:
    """Name of a feed's table in a sender's database."""
    return _source(spec).database.table or spec.table


def _source(spec: Contract) -> Source:
    assert spec.source is not None
    return spec.source


def _source_file(connection: Connection, spec: Contract) -> str:
    """What stands for the file in the register and in rows."""
    return f"{connection.name}:{table_of(spec)}"


@dataclass(frozen=True)
class _Asked:
    reader: Reader
    period: str | None
    full: bool
    now: datetime


# --- watermarks ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Mark:
    """How far a feed was read: the watermark's column in a table of a connection, and its last value."""

    connection: str
    table: str
    column: str
    last: str | int

    def save(self, name: str) -> None:
        """After the register's commit: a pull killed between the two reads the same rows again, and leaves them out."""
        write_whole(_mark_file(name), json.dumps(vars(self), ensure_ascii=False))


def _mark_file(name: str) -> Path:
    return settings().home / "watermarks" / f"{name}.json"


def _last_mark(name: str) -> _Mark | None:
    """None where there is none, or it is not readable: then everything is read."""
    try:
        return _Mark(**json.loads(_mark_file(name).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _parts_of(registered: Iterable[dict[str, Any]]) -> set[Part]:
    return {(d["period"], d["part"] or "") for d in registered}


# --- one feed ------------------------------------------------------------------------------------------


@dataclass
class _Pull:
    """A feed's rows on their way from a table to deliveries."""

    spec: Contract
    asked: _Asked
    work: Work
    columns: Mapping[str, Column]
    #: How far this pull has read; None where the table has no watermark.
    mark: _Mark | None = None
    #: Something was told of what came, though nothing of it was taken in.
    is_told: bool = False

    def take(self) -> list[Taken]:
        """Deliveries of what is new, not yet committed.

        Raises:
            RejectedError: the table cannot be read, is empty, or is not what the contract says.
        """
        self._look()
        self.scratch.mkdir(parents=True)
        try:
            taken = self._snapshots() if self.spec.delivery == "snapshot" else self._additions()
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)
        if not taken and not self.is_told:
            entry = FileReport(self.spec.table, self.where, self.asked.period or "", "repeated")
            entry.message = "nothing new since it was read last"
            self.work.report.files.append(entry)
        return taken

    def _look(self) -> None:
        """What the table has, against what the contract reads."""
        self.source = _source(self.spec)
        self.database, self.headings = self.source.database, self.source.headings
        self.table = table_of(self.spec)
        self.where = _source_file(self.asked.reader.connection, self.spec)
        self.scratch = self.work.inbox.folder / "scratch" / f"pull-{uuid4()}"
        named = [n for n in (self.database.part, self.database.watermark) if n]
        if missing := [n for n in (*self.headings, *named) if n not in self.columns]:
            raise RejectedError(
                f"{self.where}: no column {some(missing)}; the table has {some(list(self.columns))}"
            )
        self.cells = [self._printed(h) for h in self.headings]
        self.watermark = self.columns[self.database.watermark] if self.database.watermark else None
        self.period_sql = self._period_sql()
        self.part_sql = self._printed(self.database.part) if self.database.part else "NULL::text"
        known = {self.database.period, *named}
        self.unknown = [c for c in unknown_headings(self.source, list(self.columns)) if c not in known]

    def _printed(self, name: str) -> str:
        """A column's text; a date as the heading's mapping reads it."""
        mapped = next((m for m in self.source.mapping.values() if m.heading == name), None)
        try:
            return postgres.printed(self.columns[name], mapped.date_formats[0] if mapped else "yyyy-MM-dd")
        except RejectedError as error:
            raise RejectedError(f"{self.where}: {error}") from None

    def _period_sql(self) -> str:
        """The text that says a row's period."""
        if self.source.period_from:
            if self.asked.period:
                raise RejectedError(f"{self.where}: its rows say their period themselves; leave --period out")
            return self._printed(self.source.period_from.heading)
        if self.database.period in self.columns:
            return self._printed(self.database.period)
        if self.asked.period:
            return literal(self.asked.period)
        raise RejectedError(
            f"{self.where}: no column {self.database.period} that says a row's period; name one in "
            f"schemas/raw/{self.spec.table}.yml (source: database: period), or give --period for all its rows"
        )

    # --- reading ---------------------------------------------------------------------------------------

    def _read(self, view: str, columns: Sequence[str], conditions: Sequence[str]) -> None:
        """Stream rows into Parquet, of which ``view`` is a DuckDB view; ``period`` and ``part`` come first."""
        period = f"left({self.period_sql}, {self.length})" if self.length else self.period_sql
        listed = ", ".join([f"{period} AS period", f"coalesce({self.part_sql}, '') AS part", *columns])
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        sql = f"SELECT {listed} FROM {postgres.quoted_table(self.table)}{where}"
        folder = self.scratch / view
        self.work.progress("read", self.where, 0)
        self.asked.reader.write(sql, folder, self.table)
        self._sql(
            f"CREATE OR REPLACE TEMP VIEW {view} AS FROM read_parquet({literal(f'{folder}/*.parquet')})"
        )

    @property
    def length(self) -> int | None:
        return self.source.period_from.length if self.source.period_from else None

    def _sql(self, statement: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.work.inbox.connection.execute(statement).fetchall()
        return found

    def _read_rows(self, conditions: Sequence[str]) -> None:
        """The view ``pulled``: cells as texts, each row's ``line``, by which it is known, and its watermark."""
        mark = postgres.watermark(self.watermark) if self.watermark else "NULL::text"
        columns = [f"{sql} AS c{i}" for i, sql in enumerate(self.cells)]
        self._read("rows", [f"{mark} AS watermark", *columns], conditions)
        cells = [f"c{i}" for i in range(len(self.cells))]
        self._sql(f"CREATE OR REPLACE TEMP VIEW pulled AS SELECT *, {self._line(cells)} AS line FROM rows")
        # a pull of one period says nothing of how far the others were read
        if self.watermark and self.mark is None and not self.asked.period:
            self._remember("pulled")

    def _line(self, cells: Sequence[str]) -> str:
        """A record as one text: JSON under its headings where the feed's records are that, else an array."""
        if self.source.format != "jsonl":
            return f"json_array({', '.join(cells)})::VARCHAR"
        pairs = (f"{literal(h)}, {c}" for h, c in zip(self.headings, cells, strict=True))
        return f"json_object({', '.join(pairs)})::VARCHAR"

    def _remember(self, view: str) -> None:
        """How far the rows of a view reach."""
        assert self.watermark is not None
        latest = postgres.latest_believed(self.watermark, self.asked.now)
        believed = f" WHERE watermark <= {literal(latest)}" if latest else ""
        [(reached,)] = self._sql(f"SELECT max(watermark) FROM {view}{believed}")
        last = self._last()
        values = [v for v in (reached, last.last if last else None) if v is not None]
        if values:
            connection = self.asked.reader.connection.name
            self.mark = _Mark(connection, self.table, self.watermark.name, max(values))

    def _last(self) -> _Mark | None:
        """How far the last pull read, where this one may go on from there."""
        if self.watermark is None or self.asked.full or self.asked.period:
            return None
        last = _last_mark(self.spec.table)
        here = (self.asked.reader.connection.name, self.table, self.watermark.name)
        if last is None or (last.connection, last.table, last.column) != here:
            return None
        is_number = self.watermark.kind in postgres.NUMBERS
        return last if isinstance(last.last, int) == is_number else None

    def _since(self, last: _Mark) -> str:
        assert self.watermark is not None
        return postgres.unread(self.watermark, last.last, self.database.overlap)

    def _of_period(self) -> list[str]:
        """The condition of a pull that is about one period only."""
        asked = self.asked.period
        return [f"{self.period_sql} = {literal(asked)}"] if asked else []

    # --- snapshots -------------------------------------------------------------------------------------

    def _snapshots(self) -> list[Taken]:
        counting = in_force(self.work.known, self.spec)
        last = self._last()
        if last is None:
            self._read_rows(self._of_period())
            found = self._parts("pulled")
            if not found:
                raise self._empty()
            gone = self._gone(counting, set(found))
        else:
            found, gone = self._changed(last, counting)
            if found:
                listed = ", ".join(f"({literal(p)}, {literal(q)})" for p, q in found)
                self._read_rows([f"({self.period_sql}, coalesce({self.part_sql}, '')) IN ({listed})"])
                found = self._parts("pulled")
        self._check_overlap(found)
        left = [t for part in gone if (t := self._withdrawn(part))]
        known = [*self.work.known, *(row for t in left for row in rows_of(t, self.work.known))]
        taken = [self._snapshot(part, counting, known) for part in found]
        return left + [t for t in taken if t]

    def _check_overlap(self, found: Sequence[Part]) -> None:
        """A table has a year or its months, not both.

        Raises:
            RejectedError: it has both.
        """
        for period, part in found:
            for other, of_part in found:
                is_within_it = len(period) < len(other) and overlap(period, other)
                if is_within_it and meet({"part": part}, {"part": of_part}):
                    raise RejectedError(
                        f"{self.where}: rows of {period} and of {other}, which lies within it; their figures would be "
                        f"added: mend column {self.database.period}"
                    )

    def _empty(self) -> RejectedError:
        """An empty table is a fault, not the withdrawal of everything."""
        of_period = f" of {self.asked.period}" if self.asked.period else ""
        return RejectedError(f"{self.where}: no row{of_period} in the table; ask {self.source.sender}")

    def _parts(self, view: str) -> list[Part]:
        """Periods and parts of a view's rows.

        Raises:
            RejectedError: a row's period is none.
        """
        valid = period_of("period", lengths_of(self.spec))
        bad = self._sql(f"SELECT count(*), min(period) FROM {view} WHERE ({valid}) IS NULL")
        if bad[0][0]:
            fault = "NULL is no period" if bad[0][1] is None else fault_of(bad[0][1], self.spec)
            raise RejectedError(
                f"{self.where}: {bad[0][0]:,} rows without a period of the feed: {fault}; "
                f"mend column {self.database.period}"
            )
        return [(p, q) for p, q in self._sql(f"SELECT DISTINCT period, part FROM {view} ORDER BY ALL")]

    def _ours(self, counting: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Deliveries that came from this table: what came otherwise it cannot withdraw."""
        return [d for d in counting if d["source_file"] == self.where]

    def _gone(self, counting: Iterable[dict[str, Any]], found: set[Part]) -> list[Part]:
        """Periods and parts that the table had and has no more, where the contract lets it withdraw them."""
        if not self.database.withdraws:
            return []
        held = _parts_of(d for d in self._ours(counting) if d["records_in"])
        return sorted(p for p in held - found if self.asked.period in (None, p[0]))

    def _changed(self, last: _Mark, counting: list[dict[str, Any]]) -> tuple[list[Part], list[Part]]:
        """Periods and parts to read again, by watermark and by keys, and those that are gone."""
        assert self.watermark is not None
        mark = f"{postgres.watermark(self.watermark)} AS watermark"
        self._read("touched", [mark], [self._since(last)])
        self._remember("touched")
        changed = set(self._parts("touched"))
        if not self.database.withdraws:
            return sorted(changed), []
        places = self._key_places()
        self._read("keys_there", [f"{self.cells[i]} AS c{i}" for i in places], [])
        found = set(self._parts("keys_there"))
        if not found:
            raise self._empty()
        ours = self._ours(counting)
        self._hold(ours)
        others = _parts_of(counting) - _parts_of(ours)
        key = ["period", "part", *(f"coalesce(c{i}, '')" for i in places)]
        listed = ", ".join(key)
        differing = self._sql(
            f"""SELECT DISTINCT period, part FROM (
                (SELECT {listed} FROM keys_there EXCEPT SELECT {listed} FROM held)
                UNION ALL (SELECT {listed} FROM held EXCEPT SELECT {listed} FROM keys_there))"""
        )
        changed |= {(p, q) for p, q in differing if (p, q) in found} - others
        return sorted(changed), self._gone(counting, found)

    def _key_places(self) -> list[int]:
        """Positions of the headings that make up a record's key."""
        mapped = (self.source.mapping.get(name) for name in self.spec.key)
        return [self.headings.index(m.heading) for m in mapped if m and m.heading]

    def _snapshot(
        self, part: Part, counting: list[dict[str, Any]], register: Sequence[dict[str, Any]]
    ) -> Taken | None:
        """A period's rows as a delivery; None where the one that counts has the same content.

        Args:
            register: with the periods that are gone.
        """
        drop, records = self._delivery(self._view_of("pulled", part), part)
        if drop.delivery_id in {d["delivery_id"] for d in counting}:
            return None
        drop = placed(drop, self.spec, register, said=self.work.replaces)
        drop = replace(drop, accepted_by=self.work.accepted_by)
        known = latest_mapping(self.work.known, self.spec).get(drop.delivery_id)
        if known and not stands(known[0]):
            self._leave_out(drop, known[0])
            return None
        if known:  # what it was before something else superseded it: its rows are there, and count again
            return self._reported(load_again(self.spec, drop, known[0], self.work))
        return self._reported(load_drop(self.spec, drop, records, self.work.inbox))

    def _view_of(self, view: str, part: Part) -> str:
        period, name = map(literal, part)
        self._sql(
            f"CREATE OR REPLACE TEMP VIEW wanted AS FROM {view} WHERE period = {period} AND part = {name}"
        )
        return "wanted"

    def _leave_out(self, drop: Drop, row: dict[str, Any]) -> None:
        """What came and was taken back, or is held, returns only when a person says so."""
        entry = FileReport(self.spec.table, self.where, drop.period, "repeated")
        entry.message = f"the same rows as before, and {why_out(row)}"
        self.work.report.files.append(entry)
        self.is_told = True

    def _withdrawn(self, part: Part) -> Taken | None:
        """An empty delivery in the place of a period that is gone."""
        period, name = part
        checksum = hashlib.sha256(b"").hexdigest()
        drop = Drop(Path(self.where), self.spec.table, period, name, checksum, 0, self.asked.now)
        known = latest_mapping(self.work.known, self.spec).get(drop.delivery_id)
        if known and not stands(known[0]):
            self._leave_out(drop, known[0])
            return None
        made = self.work.made.get(drop.delivery_id, [])
        nothing = Loaded([], [], Counter({period: 0}), Counter())
        taken = Taken(self.spec, drop, self.headings, mapping_hash(self.spec, made), nothing, upto(made))
        return self._reported(taken, "the table has no row of it any more: withdrawn")

    # --- increments and events -------------------------------------------------------------------------

    def _additions(self) -> list[Taken]:
        last = self._last()
        self._read_rows([self._since(last)] if last else self._of_period())
        parts = [self._today] if self.length else self._parts("pulled")
        self._check_overlap(parts)
        periods = [p for (p,) in self._sql("SELECT DISTINCT period FROM pulled WHERE period IS NOT NULL")]
        # with those that were taken back: their rows do not come again by themselves
        came = latest_rows(self.work.known, self.spec)
        if came and periods:
            self._hold(came, periods)
            self._leave_out_held()
        else:
            self._sql("CREATE OR REPLACE TEMP VIEW fresh AS FROM pulled")
        taken = []
        for part in parts:
            view = "fresh" if self.length else self._view_of("fresh", part)
            if self._sql(f"SELECT 1 FROM {view} LIMIT 1"):
                taken.append(self._addition(*self._delivery(view, part)))
        return taken

    def _addition(self, drop: Drop, records: Records) -> Taken:
        """The same rows again, after others of their keys, are another delivery."""
        known = {d["delivery_id"] for d in self.work.known}
        drop = replace(placed(drop, self.spec, self.work.known), accepted_by=self.work.accepted_by)
        while drop.delivery_id in known:
            drop = replace(drop, checksum=hashlib.sha256(drop.checksum.encode()).hexdigest())
        return self._reported(load_drop(self.spec, drop, records, self.work.inbox))

    @property
    def _today(self) -> Part:
        """Of records that say their period themselves the delivery is that of the day on which it came, in China."""
        day = self.asked.now.astimezone(HERE).date().isoformat()
        return day[: self.length], ""

    def _leave_out_held(self) -> None:
        """The view ``fresh``: pulled rows that are not held yet.

        Of an event as many copies of a line as are held are left out. Of an increment the row that counts now is sought
        among the pulled ones of its key, and it and those before it are left out: a row that has become again what
        it was earlier is new.
        """
        if self.source.period_from:
            said = f"c{self.headings.index(self.source.period_from.heading)}"
            identity, period = "same", f"left(coalesce({said}, ''), {self.length})"
        else:
            identity, period = "json_array(period, part, same)::VARCHAR", "period"
        key = [period, *(f"coalesce(c{i}, '')" for i in self._key_places())]
        same = self._line([f"coalesce(c{i}, '')" for i in range(len(self.cells))])
        for view, rows in (("lately", "pulled"), ("earlier", "held")):
            self._sql(
                f"""CREATE OR REPLACE TEMP VIEW {view} AS SELECT *, sha256({identity}) AS mark FROM (
                SELECT *, {same} AS same, json_array({", ".join(key)})::VARCHAR AS row_key FROM {rows})"""
            )
        if self.spec.delivery == "event":
            self._sql(
                "CREATE OR REPLACE TEMP TABLE counted AS SELECT mark, count(*) AS copies FROM earlier "
                "WHERE mark IN (SELECT mark FROM lately) GROUP BY mark"
            )
            self._sql(
                """CREATE OR REPLACE TEMP TABLE left_over AS SELECT * FROM (SELECT *,
                    row_number() OVER (PARTITION BY mark ORDER BY watermark) AS copy FROM lately)
                LEFT JOIN counted USING (mark) WHERE copy > coalesce(copies, 0)"""
            )
        else:
            self._sql(
                """CREATE OR REPLACE TEMP TABLE counted AS SELECT row_key, mark FROM (SELECT *, row_number() OVER (
                        PARTITION BY row_key ORDER BY known_at DESC, delivery_id DESC, source_row DESC) AS place
                    FROM earlier WHERE row_key IN (SELECT row_key FROM lately)) WHERE place = 1"""
            )
            self._sql(
                """CREATE OR REPLACE TEMP TABLE left_over AS SELECT * FROM (SELECT *,
                        max(place) FILTER (is_held) OVER (PARTITION BY row_key) AS reached
                    FROM (SELECT l.*, l.mark = c.mark AS is_held, row_number() OVER (
                            PARTITION BY row_key ORDER BY watermark NULLS FIRST, line) AS place
                        FROM lately l LEFT JOIN counted c USING (row_key)))
                WHERE place > coalesce(reached, 0)"""
            )
        self._sql("CREATE OR REPLACE TEMP VIEW fresh AS FROM left_over")

    # --- what is held ----------------------------------------------------------------------------------

    def _hold(self, counting: Sequence[dict[str, Any]], periods: Sequence[str] | None = None) -> None:
        """The view ``held``: records of deliveries, accepted or not, as they were sent, under today's headings.

        Args:
            periods: of accepted rows only these.
        """
        names = ("delivery_id", "mapping_hash", "period", "part", "headings")
        columns = {n: pa.array([d[n] for d in counting]) for n in names[:3]}
        columns["part"] = pa.array([d["part"] or "" for d in counting], pa.string())
        columns["headings"] = pa.array([d["headings"] for d in counting], pa.list_(pa.string()))
        connection = self.work.inbox.connection
        connection.register("counting", pa.table(columns))
        sources: list[str] = []
        for name in (self.spec.name, QUARANTINE):
            for folder in tables.all_versions(name):
                rows = tables.open_folder(folder).to_pyarrow_dataset()
                if name == QUARANTINE:
                    rows = rows.filter(pc.field("feed") == self.spec.table)
                elif periods is not None:
                    rows = rows.filter(pc.field("period").isin(list(periods)))
                connection.register(view := f"held_{len(sources)}", rows)
                kept = "delivery_id, mapping_hash, period, known_at, source_row, source_record"
                sources.append(f"SELECT {kept} FROM {view}")
        cells = ", ".join(f"{self._kept_cell(h)} AS c{i}" for i, h in enumerate(self.headings))
        self._sql(
            f"""CREATE OR REPLACE TEMP VIEW held AS SELECT delivery_id, known_at, source_row, period, part, {cells}
            FROM ({" UNION ALL ".join(sources)}) JOIN counting USING (delivery_id, mapping_hash, period)"""
        )

    def _kept_cell(self, heading: str) -> str:
        if self.source.format != "jsonl":
            return f"list_extract(source_record, list_position(headings, {literal(heading)}))"
        path = literal('$."' + heading.replace('"', '\\"') + '"')
        return (
            f"CASE WHEN json_valid(source_record[1]) THEN json_extract_string(source_record[1], {path}) END"
        )

    # --- deliveries ------------------------------------------------------------------------------------

    def _delivery(self, view: str, part: Part) -> tuple[Drop, Records]:
        """A view's rows as a delivery of a period and part, known by their content."""
        scratch = self.scratch / str(uuid4())
        scratch.mkdir()
        seen = hashlib.sha256(json.dumps(self.headings, ensure_ascii=False).encode())
        records = in_blocks(self.headings, self._blocks(view, seen), self.where, scratch)
        return (
            Drop(Path(self.where), self.spec.table, *part, seen.hexdigest(), records.count, self.asked.now),
            records,
        )

    def _blocks(self, view: str, seen: Any) -> Iterator[tuple[list[pa.Array], pa.Array | None]]:
        """Cells in one order, whatever order the database has the rows in."""
        cells = [f"c{i}" for i in range(len(self.headings))]
        ordered = f"SELECT {', '.join(cells)}, line FROM {view} ORDER BY watermark NULLS FIRST, line"
        for block in self.work.inbox.connection.execute(ordered).to_arrow_reader(BLOCK_ROWS):
            lines = block.column("line").cast(pa.string())
            for line in lines.to_pylist():
                seen.update(f"{line}\n".encode())
            texts = [block.column(c).cast(pa.string()) for c in cells]
            yield texts, lines if self.source.format == "jsonl" else None

    def _reported(self, taken: Taken, message: str = "") -> Taken:
        entry = entry_of(taken.drop, taken)
        unknown = f"columns not in the mapping, not read: {some(self.unknown)}" if self.unknown else ""
        entry.message = entry.message or message or unknown
        self.work.report.files.append(entry)
        self.work.progress("ingest", f"{self.spec.table} {entry.period}", entry.records_in)
        return taken
