"""Evidence: from a published row down to the files and record numbers it came from.

Generic over all tables: each job declares which input rows stand behind an output row, and a raw row knows its
delivery, file and record number. Everything is read at the versions that the release names, without Spark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb

from jobs.graph import registry
from jobs.ingest.deliveries import current_deliveries
from jobs.ingest.ingest import DELIVERY, QUARANTINE
from schemas.contract import Contract, contract, feeds
from schemas.errors import RejectedError, UsageError
from warehouse import duck, tables
from warehouse.releases import Release

#: Rows shown of a table behind one row; groups (a whole list of firms) are counted, not followed.
ROWS_SHOWN = 20
ROWS_FOLLOWED = 8


@dataclass
class Evidence:
    """Rows of one table that stand behind a row of another, and what stands behind them."""

    table: str
    where: dict[str, Any]
    rows: list[dict[str, Any]]
    total: int
    behind: list[Evidence] = field(default_factory=list)
    #: The same rows were shown before; they are not followed again.
    is_repeated: bool = False

    def walk(self) -> Iterator[Evidence]:
        yield self
        for child in self.behind:
            yield from child.walk()


class Archive:
    """A release's tables and the raw tables at the versions it was made from."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self._inputs: Mapping[str, int] = release.manifest["inputs"]
        self._file = duck.connect(release.file, read_only=True)
        self._lake = duck.connect()
        duck.load_delta(self._lake)
        self._deliveries: list[dict[str, Any]] = tables.rows(
            DELIVERY, version=self._inputs[DELIVERY]
        ).to_pylist()
        self._seen: set[tuple[str, str]] = set()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._lake.close()

    def query(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the release file."""
        return duck.fetch(self._file, sql, values)

    def explain(self, table: str, where: Mapping[str, Any]) -> Evidence:
        """The rows of a published table that meet the conditions, with all that stands behind them.

        Raises:
            UsageError: not a published table, or not one of its columns.
            RejectedError: the release has no such row.
        """
        spec = contract(table)
        if table not in self.release.tables:
            raise UsageError(f"{table} is not published; published: {', '.join(self.release.tables)}")
        for name in where:
            spec.column(name)
        found = self._evidence(table, dict(where))
        if not found.rows:
            asked = " ".join(f"{k}={v}" for k, v in where.items())
            raise RejectedError(f"release {self.release.number} has no row of {table} with {asked}")
        return found

    def _evidence(self, table: str, where: dict[str, Any]) -> Evidence:
        mark = (table, repr(sorted(where.items())))
        rows, total = self._rows(table, where)
        found = Evidence(table, where, rows, total, is_repeated=mark in self._seen)
        self._seen.add(mark)
        job = registry().get(table)
        if job and not found.is_repeated and total <= ROWS_FOLLOWED:
            asked = set()
            for row in rows:
                for source, columns in job.evidence.items():
                    link = {there: row[here] for there, here in columns.items()}
                    key = (source, repr(sorted(link.items())))
                    if key in asked or any(v is None for v in link.values()):
                        continue
                    asked.add(key)
                    behind = self._evidence(source, link)
                    if behind.rows:
                        found.behind.append(behind)
        return found

    def _rows(self, table: str, where: Mapping[str, Any]) -> tuple[list[dict[str, Any]], int]:
        spec = contract(table)
        if table in self.release.tables:
            connection, source = self._file, table
            clauses, values = _conditions(where)
        elif table in self._inputs:
            connection = self._lake
            path = duck.literal(str(tables.table_path(table)))
            source = f"delta_scan({path}, version := {self._inputs[table]})"
            clauses, values = _conditions(where)
            clauses.append(self._current(spec))
        else:
            return [], 0
        condition = " AND ".join(clauses) or "true"
        order = ", ".join(spec.key)
        try:
            count = connection.execute(f"SELECT count(*) FROM {source} WHERE {condition}", values).fetchone()
            rows = duck.fetch(
                connection,
                f"SELECT * FROM {source} WHERE {condition} ORDER BY {order} LIMIT {ROWS_SHOWN}",
                values,
            )
        except duckdb.Error as error:
            raise RejectedError(f"{table}: {str(error).splitlines()[0]}") from None
        return [self._with_headings(row) for row in rows], int(count[0]) if count else 0

    def _current(self, spec: Contract) -> str:
        """Condition that a row belongs to a delivery that counted in the release."""
        of = feeds().values() if spec.name == QUARANTINE else [spec]
        current = [d for feed in of for d in current_deliveries(self._deliveries, feed)]
        pairs = ", ".join(f"('{d['delivery_id']}', '{d['mapping_hash']}')" for d in current)
        return f"(delivery_id, mapping_hash) IN ({pairs})" if pairs else "false"

    def _with_headings(self, row: dict[str, Any]) -> dict[str, Any]:
        """Put the sender's headings to the cells of an original record."""
        if "source_record" in row:
            delivery = next((d for d in self._deliveries if d["delivery_id"] == row["delivery_id"]), None)
            headings = delivery["headings"] if delivery else []
            cells = row["source_record"]
            if len(headings) == len(cells):
                row["source_record"] = dict(zip(headings, cells, strict=True))
        return row


def _conditions(where: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
    """A year also stands for its months where the other side speaks of periods."""
    clauses, values = [], []
    for name, value in where.items():
        if name == "period" and len(str(value)) == 4:
            clauses.append("left(period, 4) = ?")
        else:
            clauses.append(f"{name} = ?")
        values.append(value)
    return clauses, values
