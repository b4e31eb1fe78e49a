"""Rows: identifiers, groups, the first of a group, small tables, what is written down on the way.

Some of it is what engines would do differently, done one way: jobs use it and never ask which engine runs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal
from uuid import uuid4

from pyspark.sql import Column, DataFrame, SparkSession, Window, WindowSpec
from pyspark.sql import functions as F

#: A session's configuration: the folder for what is written down on the way, which goes when the run ends.
SCRATCH = "brain.scratch"


def row_id(*key: str, algorithm: Literal["md5", "sha256"] = "md5") -> Column:
    """Deterministic identifier of a row: 32 hexadecimal digits of a hash of its key.

    The per-mu tables were published with the first digits of SHA-256, which is kept: a row keeps its identifier.
    """
    text = F.concat_ws("|", *(F.col(name).cast("string") for name in key))
    return F.md5(text) if algorithm == "md5" else F.substring(F.sha2(text, 256), 1, 32)


def whole(*partition: str) -> WindowSpec:
    """All rows of the partition, for each of its rows."""
    return Window.partitionBy(*partition).rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)


def literal_table(session: SparkSession, rows: Iterable[tuple[object, ...]], schema: str) -> DataFrame:
    """A small table of literals, marked for broadcast; the schema may be broken over lines."""
    return F.broadcast(session.createDataFrame(list(rows), " ".join(schema.split())))


def materialised(frame: DataFrame) -> DataFrame:
    """The frame's rows, made once and written down: what is read several times is not made several times.

    Engines differ in what they share of a plan, and none shares all of it.
    """
    session = frame.sparkSession
    folder = Path(session.conf.get(SCRATCH) or "") / f"part-{uuid4().hex[:12]}"
    frame.write.parquet(str(folder))
    # as text, since an engine may take what else a schema knows of a field for a difference
    schema = ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in frame.schema.fields)
    return session.read.schema(schema).parquet(str(folder))


def at_least(rows: DataFrame, by: Sequence[str], order: str) -> DataFrame:
    """The rows of each group whose ``order`` is the least; several where they are equal in it.

    Instead of ``min_by``, which engines may work out group by group, where minimum and join go by columns.
    """
    return _at(rows, by, order, F.min(order))


def at_most(rows: DataFrame, by: Sequence[str], order: str) -> DataFrame:
    """The rows of each group whose ``order`` is the greatest; several where they are equal in it."""
    return _at(rows, by, order, F.max(order))


def _at(rows: DataFrame, by: Sequence[str], order: str, end: Column) -> DataFrame:
    return rows.join(rows.groupBy(*by).agg(end.alias(order)), [*by, order], "left_semi")


def with_part(rows: DataFrame, part: DataFrame, by: Sequence[str], how: str = "left") -> DataFrame:
    """Rows with what a part says of each ``by``: all rows (``left``), or those of which it says something (``inner``).

    The part, which has a row at most for each, is the side that is hashed. Engines hash the side that is named first
    where they know no sizes, and to hash many wide rows costs several times as much as to let them pass by.
    """
    return part.join(rows, list(by), {"left": "right", "inner": "inner"}[how])


def first_of(rows: DataFrame, by: Sequence[str], *order: Column | str) -> DataFrame:
    """The first row of each group in an order that leaves no two alike; the rows are read three times.

    Most groups of our tables have one row. Only the others go through a window, of which each partition has its price.
    """
    several = rows.groupBy(*by).count().where("count > 1").select(*by)
    window = Window.partitionBy(*by).orderBy(*order)
    chosen = rows.join(several, list(by), "left_semi").withColumn("_place", F.row_number().over(window))
    alone = rows.join(several, list(by), "left_anti")
    return alone.unionByName(chosen.where("_place = 1").drop("_place"))
