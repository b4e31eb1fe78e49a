"""What engines would do differently, done one way: jobs use this and never ask which engine runs them.

Decimals are the reason for most of it: of a quotient of two decimals Spark keeps up to 38 digits, others four more than
the dividend has. So quotients are found in whole numbers, on which all agree, and ``/`` and ``avg`` are not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

#: A session's configuration: the folder for what is written down on the way, which goes when the run ends.
SCRATCH = "brain.scratch"


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


def div(number: Column, by: int) -> Column:
    """How often a whole number above zero goes into another one, cut toward zero."""
    return F.call_function("div", number, F.lit(by))


def rounded_div(number: Column, by: Column) -> Column:
    """``number / by`` of whole numbers as a whole number, rounded half up once; missing unless ``by`` is above zero.

    The quotient must fit 64 bits. Of decimals without digits after the point ``number`` may have 36 places.
    """
    positive = F.when(by > 0, by)
    # div cuts toward zero, so the half has the number's sign
    half = F.when(number < 0, -positive).otherwise(positive)
    return F.call_function("div", number * F.lit(Decimal(2)) + half, positive * F.lit(Decimal(2)))


def field_of(structs: str | Column, name: str) -> Column:
    """One field of each struct in an array."""
    return F.transform(structs, lambda entry: entry[name])


def those_in(array: str | Column, others: Column | str) -> Column:
    """The items of an array that another one has as well, in their order.

    ``array_intersect`` wants both arrays of exactly one type: whether items may be missing, and how texts are kept,
    counts on some engines.
    """
    return F.filter(array, lambda item: F.array_contains(others, item))


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
