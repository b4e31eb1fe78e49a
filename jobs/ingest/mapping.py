"""From the sender's words to ours: text cells → typed columns and the reasons why a record is refused.

A reason is ``column:rule``; the rules are missing, type, unit, code, date, pattern, domain, check, and for
whole records ``record:cells`` (another number of cells than headings) and ``key:duplicate``.
"""

from __future__ import annotations

from decimal import Decimal
from functools import reduce
from operator import add

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from schemas import credit_code
from schemas.contract import Column, Contract, ContractError, MappedColumn, code_list, units

#: Prefix of the text columns in the reader's files, beside the provenance columns.
TEXT = "text_"


def map_records(records: DataFrame, spec: Contract) -> DataFrame:
    """Typed columns, ``record_key`` and ``reasons``, one row for each record of the reader's files."""
    source = spec.source
    assert source is not None
    typed: dict[str, SparkColumn] = {}
    reasons: list[SparkColumn] = [F.col("record_reason")]
    for column in spec.columns:
        mapped = source.mapping.get(column.name)
        if mapped is None:
            continue
        text = F.lit(mapped.constant) if mapped.constant is not None else F.col(TEXT + column.name)
        text = F.when(text != "", text)
        value, faults = parse(text, column, mapped)
        typed[column.name] = value
        reasons += faults
    key = [TEXT + k for k in spec.key if k in source.mapping and source.mapping[k].heading]
    return records.select(
        "*",
        *(value.alias(name) for name, value in typed.items()),
        F.concat_ws("|", *key).alias("record_key"),
        F.array_compact(F.array(*reasons)).alias("reasons"),
    )


def parse(text: SparkColumn, column: Column, mapped: MappedColumn) -> tuple[SparkColumn, list[SparkColumn]]:
    """A column's value and the reasons it may give; a refused value is null."""

    def fault(condition: SparkColumn, rule: str) -> SparkColumn:
        return F.when(condition, F.lit(f"{column.name}:{rule}"))

    faults = [fault(text.isNull(), "missing")] if column.required else []
    if mapped.codes is not None:
        table = F.create_map(*(F.lit(x) for pair in mapped.codes.items() for x in pair))
        known = F.try_element_at(table, text)
        faults.append(fault(text.isNotNull() & known.isNull(), "code"))
        text = known
    value, rule = _typed(text, column, mapped)
    if rule:
        faults.append(fault(text.isNotNull() & value.isNull(), rule))
    return value, faults + [fault(bad, rule) for bad, rule in domain_faults(value, column)]


def _typed(text: SparkColumn, column: Column, mapped: MappedColumn) -> tuple[SparkColumn, str | None]:
    kind = column.type
    if kind == "string":
        return text, None
    if kind == "date":
        return F.try_to_date(text, mapped.date_format or "yyyy-MM-dd"), "date"
    if kind in ("boolean", "int", "bigint"):
        return text.try_cast(kind), "type"
    if kind.startswith("decimal"):
        return (text.try_cast("decimal(30,10)") * factor(column, mapped)).try_cast(kind), "type"
    raise ContractError(f"column {column.name}: a feed cannot map to {kind}")


def factor(column: Column, mapped: MappedColumn) -> SparkColumn:
    """Exact factor from the sender's unit to the column's."""
    sent = mapped.unit
    if sent is None or sent == column.unit:
        return F.lit(Decimal(1)).cast("decimal(2,0)")
    try:
        value = units()[sent][column.unit or ""]
    except KeyError:
        raise ContractError(
            f"column {column.name}: no factor from {sent} to {column.unit}; add it to schemas/units.yml"
        ) from None
    return F.lit(value)


def domain_faults(value: SparkColumn, column: Column) -> list[tuple[SparkColumn, str]]:
    """Conditions under which a value is outside its domain; a missing value never is."""
    domain = column.domain
    faults = []
    if domain.min is not None:
        faults.append((value < F.lit(domain.min), "domain"))
    if domain.max is not None:
        faults.append((value > F.lit(domain.max), "domain"))
    if domain.pattern:
        faults.append((~value.rlike(f"^(?:{domain.pattern})$"), "pattern"))
    if domain.codes:
        faults.append((~value.isin(*code_list(domain.codes)), "code"))
    if domain.check == "uscc":
        faults.append((~valid_credit_code(value), "check"))
    return faults


def valid_credit_code(code: SparkColumn) -> SparkColumn:
    """GB 32100-2015 as a native expression: weighted digits, check character included, sum to 0 modulo 31."""
    weights = (*credit_code.WEIGHTS, 1)
    alphabet = F.lit(credit_code.ALPHABET)
    digits = [F.position(F.substring(code, i, 1), alphabet) - 1 for i in range(1, 19)]
    total = reduce(add, (d * w for d, w in zip(digits, weights, strict=True)))
    return code.rlike(f"^{credit_code.PATTERN}$") & (total % 31 == 0)
