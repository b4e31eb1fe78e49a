"""Small tables for golden cases: rows as dicts; other columns of the contract get defaults."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from schemas.contract import contract

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

KNOWN = datetime(2024, 3, 1, tzinfo=UTC)
#: Default of a column that a case leaves out.
DEFAULTS: dict[str, Any] = {
    "known_at": KNOWN,
    "row_id": "r",
    "delivery_id": "d",
    "source_file": "f.csv",
    "source_row": 2,
    "source_record": [],
    "mapping_hash": "m",
    "is_disputed": False,
    "supply_mode_code": "granted",
    "reported_district_code": "330282",
    "district_code": "330282",
    "industry_code": "3670",
    "industry_edition": "2017",
    "directory_change_code": "none",
    "is_above_scale": True,
    "land_flags": [],
    "enterprise_name": "甲厂",
    "registered_date": date(2010, 1, 1),
    "registration_status_code": "active",
}


def frame(spark: SparkSession, table: str, rows: list[dict[str, Any]]) -> DataFrame:
    """A DataFrame with the table's columns; decimals are given as text and converted exactly."""
    schema = contract(table).arrow_schema()
    relaxed = pa.schema([f.with_nullable(True) for f in schema])
    filled = [{f.name: _value(row, f) for f in relaxed} for row in rows]
    return spark.createDataFrame(pa.Table.from_pylist(filled, schema=relaxed), schema=_ddl(table))


def _ddl(table: str) -> str:
    return ", ".join(f"{c.name} {c.type}" for c in contract(table).columns)


def _value(row: dict[str, Any], field: pa.Field) -> Any:
    value = row.get(field.name, DEFAULTS.get(field.name) if field.name not in row else None)
    if pa.types.is_decimal(field.type) and value is not None:
        return Decimal(str(value)).quantize(Decimal(1).scaleb(-field.type.scale))
    return value
