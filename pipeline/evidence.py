"""Evidence: from a published row down to the files and record numbers it came from.

It works for every table: each job declares which input rows are behind an output row, and a raw row names its
delivery, file and record number. Everything is read at the versions that the release names, without Spark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import duckdb

from ingest.register.corrections import corrections, in_effect
from ingest.register.deliveries import DELIVERY
from ingest.register.quarantine import fields_of
from pipeline.registry import registry
from schemas.contract import Contract, Feed, contract, feeds
from schemas.duckdb_types import with_years_as_text
from schemas.errors import RejectedError, UsageError
from schemas.periods import meet, touch
from schemas.register import in_force
from warehouse import duck, tables
from warehouse.releases import Release

#: Rows shown per table behind one row. If there are more than ROWS_FOLLOWED (a list of firms), none is followed.
ROWS_SHOWN = 20
ROWS_FOLLOWED = 8


@dataclass
class Evidence:
    """Rows of one table behind a row of another, and the evidence behind them."""

    table: str
    where: dict[str, Any]
    rows: list[dict[str, Any]]
    total: int
    behind: list[Evidence] = field(default_factory=list)
    #: The same rows were shown before, so they are not followed again.
    is_repeated: bool = False

    def walk(self) -> Iterator[Evidence]:
        yield self
        for child in self.behind:
            yield from child.walk()


class Archive:
    """A release's tables, and the raw tables at the versions it was built from."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self._inputs: Mapping[str, int] = release.manifest["inputs"]
        self._file = duck.connect(release.file, read_only=True)
        self._lake = duck.connect()
        duck.load_delta(self._lake)
        self._deliveries: list[dict[str, Any]] = tables.rows(
            DELIVERY, version=self._inputs[DELIVERY]
        ).to_pylist()
        self._corrections = corrections()
        self._seen: set[tuple[str, str]] = set()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._lake.close()

    def query(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the release file."""
        return with_years_as_text(duck.fetch(self._file, sql, values))

    def explain(self, table: str, where: Mapping[str, Any]) -> Evidence:
        """The rows of a published table that meet the conditions, with all evidence behind them.

        Raises:
            UsageError: the table is not published, or it has no such column.
            RejectedError: the release has no such row.
        """
        spec = contract(table)
        if self._published(spec) is None:
            raise UsageError(
                f"{table} is not published (./brain publish adds new tables; feeds are never published); "
                f"published: {', '.join(sorted(self.release.tables))}"
            )
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
                    link = {column: row[own_column] for column, own_column in columns.items()}
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
        if published := self._published(spec):
            connection, source = self._file, published
            clauses, values = conditions(spec, where)
        elif table in self._inputs:
            connection = self._lake
            # an old release was built from the table version in force at the time
            number = self.release.manifest.get("table_versions", {}).get(table, 1)
            source = duck.scan(tables.table_path(table, table_version=number), self._inputs[table])
            clauses, values = conditions(spec, where)
            clauses.append(self._current(spec))
        else:
            return [], 0
        condition = " AND ".join(clauses) or "true"
        order = ", ".join(spec.key)
        try:
            count = connection.execute(f"SELECT count(*) FROM {source} WHERE {condition}", values).fetchone()
            found = duck.fetch(
                connection,
                f"SELECT * FROM {source} WHERE {condition} ORDER BY {order} LIMIT {ROWS_SHOWN}",
                values,
            )
            rows = with_years_as_text(found)
        except duckdb.Error as error:
            raise RejectedError(f"{table}: {str(error).splitlines()[0]}") from None
        return [self._with_headings(row) for row in rows], int(count[0]) if count else 0

    def _published(self, spec: Contract) -> str | None:
        """SQL for a table of the release's file; None if it has no such table.

        Years and months once stood in one table, whose column ``period`` named either. Its rows are found in the table
        that has them today.
        """
        for name in (spec.name, spec.name.removesuffix("_month")):
            columns = self._columns.get(name, ())
            if "period" in columns and spec.period in ("year", "month"):
                named = "" if spec.period in columns else f", period AS {spec.period}"
                length = len("2024") if spec.period == "year" else len("2024-12")
                return f"(SELECT * EXCLUDE (period){named} FROM {name} WHERE length(period) = {length})"
            if columns and name == spec.name:
                return name
        return None

    @cached_property
    def _columns(self) -> dict[str, list[str]]:
        """Table of the release's file → its columns."""
        found = self._file.execute(
            "SELECT table_schema || '.' || table_name, list(column_name) FROM information_schema.columns GROUP BY ALL"
        ).fetchall()
        return dict(found)

    def _current(self, spec: Contract) -> str:
        """Condition that a row belongs to a delivery that was current in the release."""
        of = [spec] if isinstance(spec, Feed) else feeds().values()
        current = [d for feed in of for d in in_force(self._deliveries, feed)]
        pairs = ", ".join(f"('{d['delivery_id']}', '{d['mapping_hash']}')" for d in current)
        return f"(delivery_id, mapping_hash) IN ({pairs})" if pairs else "false"

    def _with_headings(self, row: dict[str, Any]) -> dict[str, Any]:
        """Add the sender's headings to an original record's cells, and the corrections and decisions on it."""
        if "source_record" in row:
            delivery = self._mapped(row)
            if fields := fields_of(row["source_record"], delivery["headings"] if delivery else []):
                row["source_record"] = fields
            if delivery and (applied := self._applied(row, delivery)):
                row["corrections"] = applied
            if delivery and (decided := self._decided(delivery)):
                row["decisions"] = decided
        return row

    def _decided(self, delivery: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Decisions, as of the release, on the row's delivery and on those that overlap it in period and part."""
        shown = (
            "delivery_id",
            "source_file",
            "period",
            "standing_code",
            "decision_reason",
            "decided_by",
            "decided_at",
        )
        decisions = {
            (row["sequence"], row["delivery_id"]): {name: row[name] for name in shown}
            for row in self._deliveries
            if row.get("standing_code") and row["feed"] == delivery["feed"] and _overlap(row, delivery)
        }
        return [decisions[key] for key in sorted(decisions)]

    def _mapped(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """The register's row of the delivery and mapping that produced a row; the last one, if it came again."""
        mark = (row["delivery_id"], row["mapping_hash"])
        rows = [d for d in self._deliveries if (d["delivery_id"], d["mapping_hash"]) == mark]
        return max(rows, key=lambda d: int(d["sequence"]), default=None)

    def _applied(self, row: Mapping[str, Any], delivery: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The corrections that were applied to the row."""
        upto = delivery.get("corrected_upto") or 0
        applied = [c for c in self._corrections.get(row["delivery_id"], []) if c["correction_number"] <= upto]
        cells = in_effect(applied).get((row["source_file"], row["source_row"]), {})
        shown = ("correction_number", "heading", "old_text", "new_text", "correction_reason", "corrected_by",
                "corrected_at")  # fmt: skip
        return [{name: c[name] for name in shown} for c in cells.values()]


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return touch(one["period"], other["period"]) and meet(one, other)


def conditions(spec: Contract, where: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
    """SQL clauses and values of a search in a table.

    In a column ``month``, and in ``period`` outside staged tables, a year also matches its months. In a column
    ``year``, a month matches its year.
    """
    clauses, values = [], []
    for name, value in where.items():
        by_month = name == "month" or (name == "period" and spec.layer != "staged")
        if by_month and len(str(value)) == 4:
            clauses.append(f"left({name}, 4) = ?")
        else:
            clauses.append(f"{name} = ?")
        values.append(str(value)[:4] if name == "year" else value)
    return clauses, values
