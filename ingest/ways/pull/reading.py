"""Reading: rows of a table are streamed into Parquet in the inbox, with DuckDB views over it; none stay in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from ingest.mapping import period_of
from ingest.ways import postgres
from ingest.ways.postgres import Reader
from ingest.ways.pull.plan import Plan
from ingest.ways.pull.watermarks import Mark, last_mark
from ingest.ways.run import FileReport, Work
from schemas.contract import Feed
from schemas.errors import RejectedError
from schemas.periods import fault_of, lengths_of
from warehouse.duck import literal

#: A period and a part of it.
Part = tuple[str, str]


@dataclass(frozen=True)
class Asked:
    """The request of a pull."""

    reader: Reader
    period: str | None
    #: Read complete tables, whatever the watermarks say.
    full: bool
    now: datetime


@dataclass
class Reading:
    """The reading of one feed's table in a pull."""

    plan: Plan
    asked: Asked
    work: Work
    #: How far this pull has read; None if the table has no watermark.
    mark: Mark | None = None
    #: A message was reported about rows of which nothing was ingested.
    is_told: bool = False
    scratch: Path = field(init=False)

    def __post_init__(self) -> None:
        self.scratch = self.work.inbox.folder / "scratch" / f"pull-{uuid4()}"

    @property
    def spec(self) -> Feed:
        return self.plan.spec

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of a DuckDB statement over the views."""
        rows: list[tuple[Any, ...]] = self.work.inbox.connection.execute(statement).fetchall()
        return rows

    def read(self, view: str, columns: Sequence[str], conditions: Sequence[str]) -> None:
        """Stream rows into Parquet and create a DuckDB view over it; ``period`` and ``part`` come first."""
        plan = self.plan
        period = f"left({plan.period_sql}, {plan.length})" if plan.length else plan.period_sql
        listed = ", ".join([f"{period} AS period", f"coalesce({plan.part_sql}, '') AS part", *columns])
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        sql = f"SELECT {listed} FROM {postgres.quoted_table(plan.table)}{where}"
        folder = self.scratch / view
        self.work.progress("read", plan.where, 0)
        self.asked.reader.write(sql, folder, plan.table)
        self.sql(f"CREATE OR REPLACE TEMP VIEW {view} AS FROM read_parquet({literal(f'{folder}/*.parquet')})")

    def read_rows(self, conditions: Sequence[str]) -> None:
        """Create the view ``pulled``: cells as texts, each row's ``line``, which identifies it, and its watermark."""
        mark = postgres.watermark(self.plan.watermark) if self.plan.watermark else "NULL::text"
        columns = [f"{sql} AS c{i}" for i, sql in enumerate(self.plan.cells)]
        self.read("rows", [f"{mark} AS watermark", *columns], conditions)
        cells = [f"c{i}" for i in range(len(self.plan.cells))]
        self.sql(f"CREATE OR REPLACE TEMP VIEW pulled AS SELECT *, {self.line(cells)} AS line FROM rows")
        # a pull of one period does not show how far the others were read
        if self.plan.watermark and self.mark is None and not self.asked.period:
            self.remember("pulled")

    def line(self, cells: Sequence[str]) -> str:
        """SQL of a record as one text: a JSON object for a feed of JSON lines, otherwise a JSON array."""
        if self.plan.source.format != "jsonl":
            return f"json_array({', '.join(cells)})::VARCHAR"
        pairs = (f"{literal(h)}, {c}" for h, c in zip(self.plan.headings, cells, strict=True))
        return f"json_object({', '.join(pairs)})::VARCHAR"

    def parts(self, view: str) -> list[Part]:
        """Periods and parts of a view's rows.

        Raises:
            RejectedError: a row's value is no period of the feed.
        """
        valid = period_of("period", lengths_of(self.spec))
        bad = self.sql(f"SELECT count(*), min(period) FROM {view} WHERE ({valid}) IS NULL")
        if bad[0][0]:
            fault = "NULL is no period" if bad[0][1] is None else fault_of(bad[0][1], self.spec)
            raise RejectedError(
                f"{self.plan.where}: {bad[0][0]:,} rows without a period of the feed: {fault}; "
                f"correct column {self.plan.database.period}"
            )
        return [(p, q) for p, q in self.sql(f"SELECT DISTINCT period, part FROM {view} ORDER BY ALL")]

    def rows_of(self, view: str, part: Part) -> str:
        """Create the view of a part's rows; returns its name."""
        period, name = map(literal, part)
        self.sql(
            f"CREATE OR REPLACE TEMP VIEW wanted AS FROM {view} WHERE period = {period} AND part = {name}"
        )
        return "wanted"

    def remember(self, view: str) -> None:
        """Set the mark to the latest watermark of a view's rows."""
        watermark = self.plan.watermark
        assert watermark is not None
        latest = postgres.latest_believed(watermark, self.asked.now)
        believed = f" WHERE watermark <= {literal(latest)}" if latest else ""
        [(reached,)] = self.sql(f"SELECT max(watermark) FROM {view}{believed}")
        last = self.last()
        values = [v for v in (reached, last.last if last else None) if v is not None]
        if values:
            self.mark = Mark(*self._place, max(values))

    def last(self) -> Mark | None:
        """The watermark of the last pull; None if this pull cannot go on from there."""
        if self.plan.watermark is None or self.asked.full or self.asked.period:
            return None
        last = last_mark(self.spec.table)
        if last is None or (last.connection, last.table, last.column) != self._place:
            return None
        is_number = self.plan.watermark.kind in postgres.NUMBERS
        return last if isinstance(last.last, int) == is_number else None

    @property
    def _place(self) -> tuple[str, str, str]:
        """Connection, table and column of the watermark."""
        assert self.plan.watermark is not None
        return self.asked.reader.connection.name, self.plan.table, self.plan.watermark.name

    def since(self, last: Mark) -> str:
        """The condition for rows that the last pull may not have read."""
        assert self.plan.watermark is not None
        return postgres.unread(self.plan.watermark, last.last, self.plan.database.overlap)

    def tell(self, period: str, message: str) -> None:
        """Report that nothing of a period was ingested, and why."""
        entry = FileReport(self.spec.table, self.plan.where, period, "repeated", message=message)
        self.work.report.files.append(entry)
        self.is_told = True
