"""Helpers on rows: identifiers, groups, the first row of a group, small tables, intermediate results.

Where engines differ, a helper uses one form that suits all of them: jobs never ask which engine runs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal
from uuid import uuid4

from pyspark.sql import Column, DataFrame, SparkSession, Window, WindowSpec
from pyspark.sql import functions as F

#: Setting of a session: the folder for intermediate results, which is deleted when the run ends.
SCRATCH = "brain.scratch"


def row_id(*key: str, algorithm: Literal["md5", "sha256"] = "md5") -> Column:
    """Deterministic identifier of a row: 32 hexadecimal digits of a hash of its key.

    The per-mu tables were first published with the leading digits of SHA-256 and keep them: identifiers never change.
    """
    text = F.concat_ws("|", *(F.col(name).cast("string") for name in key))
    return F.md5(text) if algorithm == "md5" else F.substring(F.sha2(text, 256), 1, 32)


def whole(*partition: str) -> WindowSpec:
    """Window over all rows of the partition."""
    return Window.partitionBy(*partition).rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)


def literal_table(session: SparkSession, rows: Iterable[tuple[object, ...]], schema: str) -> DataFrame:
    """A small table of literals, marked for broadcast; the schema may span several lines."""
    return F.broadcast(session.createDataFrame(list(rows), " ".join(schema.split())))


def materialised(frame: DataFrame) -> DataFrame:
    """The frame's rows, computed once and written to a file, so that several readers do not recompute them.

    Engines differ in which parts of a plan they reuse, and none reuses all.
    """
    session = frame.sparkSession
    folder = Path(session.conf.get(SCRATCH) or "") / f"part-{uuid4().hex[:12]}"
    frame.write.parquet(str(folder))
    # as text: an engine may take a field's nullability or metadata for a difference between schemas
    schema = ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in frame.schema.fields)
    return session.read.schema(schema).parquet(str(folder))


def at_least(rows: DataFrame, by: Sequence[str], order: str) -> DataFrame:
    """The rows of each group with the least ``order``; several if they tie.

    Replaces ``min_by``, which engines may evaluate group by group; minimum and join work by columns.
    """
    return _at(rows, by, order, F.min(order))


def at_most(rows: DataFrame, by: Sequence[str], order: str) -> DataFrame:
    """The rows of each group with the greatest ``order``; several if they tie."""
    return _at(rows, by, order, F.max(order))


def _at(rows: DataFrame, by: Sequence[str], order: str, end: Column) -> DataFrame:
    return rows.join(rows.groupBy(*by).agg(end.alias(order)), [*by, order], "left_semi")


def with_part(rows: DataFrame, part: DataFrame, by: Sequence[str], how: str = "left") -> DataFrame:
    """Rows joined with a part on ``by``: all rows (``left``), or only those that have a part (``inner``).

    The part has at most one row per key and is the hashed side. Engines that do not know sizes hash the side named
    first, and hashing many wide rows costs several times as much as streaming them past a hash table.
    """
    return part.join(rows, list(by), {"left": "right", "inner": "inner"}[how])


def first_of(rows: DataFrame, by: Sequence[str], *order: Column | str) -> DataFrame:
    """The first row of each group in a total order; the rows are read three times.

    Most groups have one row. Only the others go through a window, since each partition of a window has a cost.
    """
    several = rows.groupBy(*by).count().where("count > 1").select(*by)
    window = Window.partitionBy(*by).orderBy(*order)
    chosen = rows.join(several, list(by), "left_semi").withColumn("_place", F.row_number().over(window))
    alone = rows.join(several, list(by), "left_anti")
    return alone.unionByName(chosen.where("_place = 1").drop("_place"))
