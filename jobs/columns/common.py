"""Column expressions, windows and literal tables for every area."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame, SparkSession, Window, WindowSpec
from pyspark.sql import functions as F

from schemas import credit_code


def present(*texts: Column) -> Column:
    """Those of the texts that are not missing, each once, in their order; an empty array when none is."""
    # array_compact would do, but it is a higher-order function: Spark interprets it and all that it is given. The
    # missing text among the others makes both arrays of one type for engines that tell arrays without missing items.
    missing = F.lit(None).cast("string")
    return F.array_except(F.array(*texts, missing), F.array(missing))


def no_texts() -> Column:
    """An empty array of texts."""
    return F.array().cast("array<string>")


def whole(*partition: str) -> WindowSpec:
    """All rows of the partition, for each of its rows."""
    return Window.partitionBy(*partition).rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)


def literal_table(session: SparkSession, rows: Iterable[tuple[object, ...]], schema: str) -> DataFrame:
    """A small table of literals, marked for broadcast; the schema may be broken over lines."""
    return F.broadcast(session.createDataFrame(list(rows), " ".join(schema.split())))


def valid_credit_code(code: Column) -> Column:
    """GB 32100-2015 as a native expression: weighted digits, check character included, sum to 0 modulo 31."""
    weights = (*credit_code.WEIGHTS, 1)
    alphabet = F.lit(credit_code.ALPHABET)
    digits = [F.position(F.substring(code, i, 1), alphabet) - 1 for i in range(1, 19)]
    total = reduce(add, (d * w for d, w in zip(digits, weights, strict=True)))
    return code.rlike(f"^{credit_code.PATTERN}$") & (total % 31 == 0)
