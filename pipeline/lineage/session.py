"""A session in which no engine answers: it records the plans that a job builds.

``materialised`` writes a table and reads it again: the recorder remembers what was written. ``collect`` gets an example
row, so that the code behind it runs; a table that the code writes down afterwards is made of what it collected.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime
from typing import Any

from pyspark.sql.connect.client import SparkConnectClient
from pyspark.sql.connect.client.core import ConfigResult, DefaultChannelBuilder
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.plan import LocalRelation
from pyspark.sql.connect.session import SparkSession
from pyspark.sql.types import NullType, StructField, StructType

from jobs.job import Input
from pipeline.lineage.expressions import names_of_schema
from pipeline.lineage.relations import Walk
from pipeline.lineage.values import NOTHING, Frame, LineageError, Named, Sources, Value, together
from schemas.contract import contract, feed

# PySpark functions look at this variable, not at the session, to build plans for Connect
os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"

#: Column of the quarantine with the record as mapped.
MAPPED = "mapped_record"
#: Examples of texts, tried in this order against the pattern of the field.
TEXTS = ("2024", "2024-03", "2024-03-01")


class Recorder(SparkConnectClient):
    """Answers a job's questions about its plans, without a server."""

    def __init__(self) -> None:
        # the channel is never used: gRPC connects at the first call
        super().__init__(DefaultChannelBuilder("sc://127.0.0.1:1"), user_id="lineage")
        self.inputs: dict[int, Frame] = {}
        self.stored: dict[str, Frame] = {}
        self.walk = Walk(self.inputs, self.stored)
        #: Columns that the code collected.
        self.collected: Sources = NOTHING
        #: Whether it wrote a table of its own after it last collected.
        self.is_written_down = True

    def made(self, table: Any) -> Frame:
        """A DataFrame's columns, and what each is made of."""
        return self.walk.frame(table._plan.to_proto(self).root)

    def schema(self, plan: Any) -> StructType:
        return StructType([StructField(c.name, NullType()) for c in self.walk.frame(plan.root).columns])

    def to_table(self, plan: Any, observations: Any) -> tuple[Any, Any, Any]:
        import pyarrow as pa

        frame = self.walk.frame(plan.root)
        self.collected |= frozenset().union(*(c.value.sources for c in frame.columns))
        self.is_written_down = False
        rows = [
            {c.name: _example(c.value) for c in columns} for columns in frame.branches or (frame.columns,)
        ]
        return pa.Table.from_pylist(rows), None, None

    def execute_command(self, command: Any, observations: Any = None) -> tuple[Any, Any, Any]:
        if command.WhichOneof("command_type") != "write_operation":
            raise LineageError(f"a job runs no command ({command.WhichOneof('command_type')})")
        self.stored[command.write_operation.path] = self.walk.frame(command.write_operation.input)
        return None, {}, None

    def config(self, operation: Any) -> ConfigResult:
        return ConfigResult([("", "")], [])

    def close(self) -> None:
        self._closed = True

    def _set_relation_in_plan(self, plan: Any, relation: Any) -> None:
        plan.root.CopyFrom(relation)

    def _set_command_in_plan(self, plan: Any, command: Any) -> None:
        plan.command.CopyFrom(command)


class RecordingSession(SparkSession):
    """A session whose tables have columns and no rows."""

    def __init__(self) -> None:
        self._client = self.recorder = Recorder()
        self._session_id = self.recorder._session_id
        self.release_session_on_close = False

    def createDataFrame(self, data: Any, schema: Any = None, **_: Any) -> Any:  # type: ignore[override]
        """A table that the code writes down."""
        if not isinstance(schema, str):
            raise LineageError("createDataFrame: give the schema as a text, name by name")
        names = names_of_schema(schema)
        made = self._empty(names)
        if self.recorder.collected:
            of_code = tuple(Named(name, Value(self.recorder.collected)) for name in names)
            self.recorder.inputs[made._plan._plan_id] = Frame(of_code)
            self.recorder.is_written_down = True
        return made

    def input(self, given: Input) -> Any:
        """A table of the platform, each column made of itself; a refused record of a feed, of the feed's columns."""
        names = contract(given.table).column_names
        values = {name: _column_of(given.table, name) for name in names}
        if given.feed:
            fields = {c: _column_of(f"raw.{given.feed}", c) for c in feed(given.feed).column_names}
            values[MAPPED] = Value(together(fields.values()), fields)
        made = self._empty(names)
        self.recorder.inputs[made._plan._plan_id] = Frame(tuple(Named(n, v) for n, v in values.items()))
        return made

    def _empty(self, names: list[str]) -> DataFrame:
        schema = StructType([StructField(name, NullType()) for name in names])
        return DataFrame(LocalRelation(table=None, schema=schema.json()), self)


def _column_of(table: str, name: str) -> Value:
    column = f"{table}.{name}"
    return Value(frozenset({column}), copied=column)


def _example(value: Value) -> Any:
    """A value that the column could have; missing for computed ones."""
    if value.constant is not None or value.copied is None:
        return value.constant
    table, _, name = value.copied.rpartition(".")
    column = contract(table).column(name)
    if column.type == "string":
        pattern = column.domain.pattern
        # different columns have different texts
        return next((text for text in TEXTS if pattern and re.fullmatch(pattern, text)), name)
    return {"date": date(2024, 3, 1), "timestamp": datetime(2024, 3, 1, tzinfo=UTC)}.get(column.type)
