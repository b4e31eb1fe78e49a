"""Helpers on values: arrays of texts, flags, fields of structs, credit codes."""

from __future__ import annotations

from functools import reduce
from operator import add

from pyspark.sql import Column
from pyspark.sql import functions as F

from schemas import credit_code


def present(*texts: Column) -> Column:
    """Those of the texts that are not missing, each once, in the order given; an empty array if all are missing."""
    # array_compact would do, but it is a higher-order function: Spark interprets it and its arguments. The null in the
    # first array gives both arrays one type on engines that distinguish arrays without nulls.
    missing = F.lit(None).cast("string")
    return F.array_except(F.array(*texts, missing), F.array(missing))


def no_texts() -> Column:
    """An empty array of texts."""
    return F.array().cast("array<string>")


def flags(**conditions: Column) -> Column:
    """Names of the conditions that hold, sorted; an empty array if none does."""
    named = (F.when(conditions[name], F.lit(name)) for name in sorted(conditions))
    return present(*named)


def field_of(structs: str | Column, name: str) -> Column:
    """One field of each struct in an array."""
    return F.transform(structs, lambda entry: entry[name])


def those_in(array: str | Column, others: Column | str) -> Column:
    """The items of an array that are in another one as well, in their order.

    ``array_intersect`` requires two arrays of exactly the same type; on some engines the type includes whether items
    may be null and how texts are stored.
    """
    return F.filter(array, lambda item: F.array_contains(others, item))


def valid_credit_code(code: Column) -> Column:
    """GB 32100-2015 as a native expression: weighted digits, check character included, sum to 0 modulo 31."""
    weights = (*credit_code.WEIGHTS, 1)
    alphabet = F.lit(credit_code.ALPHABET)
    digits = [F.position(F.substring(code, i, 1), alphabet) - 1 for i in range(1, 19)]
    total = reduce(add, (d * w for d, w in zip(digits, weights, strict=True)))
    return code.rlike(f"^{credit_code.PATTERN}$") & (total % 31 == 0)
