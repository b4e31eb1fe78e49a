"""Deterministic identifiers of rows."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F


def row_id(*key: str) -> Column:
    """Identifier of a row from its key columns: the first 32 hex digits of their SHA-256."""
    return F.substring(F.sha2(F.concat_ws("|", *[F.col(k).cast("string") for k in key]), 256), 1, 32).alias(
        "row_id"
    )
