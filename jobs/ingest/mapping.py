"""From the sender's words to ours: text cells → typed columns and the reasons why a record is refused.

A reason is ``column:rule``; the rules are missing, type, unit, code, date, pattern, domain, check, and for
whole records ``record:cells`` (another number of cells than headings) and ``key:duplicate``.
"""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns import present
from jobs.ingest.files import TEXT, VALID
from schemas.contract import Column, Contract, ContractError, MappedColumn, code_list, units


def map_records(records: DataFrame, spec: Contract) -> DataFrame:
    """Typed columns, ``record_key``, ``reasons`` and ``is_refused``, one row for each record of the reader's files."""
    source = spec.source
    assert source is not None
    columns = [(c, source.mapping[c.name]) for c in spec.columns if c.name in source.mapping]
    values = (
        value_of(text_of(column, mapped), column, mapped).alias(column.name) for column, mapped in columns
    )
    # A generator is not merged with what follows: each text is parsed once. In one projection Spark would push
    # the filter on reasons below it, and parse every number again for each of its rules.
    parsed = records.select("*", F.inline(F.array(F.struct(*values))))
    reasons = [F.col("record_reason")]
    for column, mapped in columns:
        reasons += faults_of(text_of(column, mapped), F.col(column.name), column, mapped)
    key = [TEXT + k for k in spec.key if k in source.mapping and source.mapping[k].heading]
    return parsed.select(
        "*",
        F.concat_ws("|", *key).alias("record_key"),
        present(*reasons).alias("reasons"),
        F.coalesce(*reasons).isNotNull().alias("is_refused"),
    )


def text_of(column: Column, mapped: MappedColumn) -> SparkColumn:
    """The sender's text, missing where it is empty."""
    text = F.lit(mapped.constant) if mapped.constant is not None else F.col(TEXT + column.name)
    return F.when(text != "", text)


def value_of(text: SparkColumn, column: Column, mapped: MappedColumn) -> SparkColumn:
    """A column's value; missing where the text is no value of its type or no word of its code list."""
    if mapped.codes is not None:
        table = F.create_map(*(F.lit(x) for pair in mapped.codes.items() for x in pair))
        text = F.try_element_at(table, text)
    kind = column.type
    if kind == "string":
        return text
    if kind == "date":
        return F.try_to_date(text, mapped.date_format or "yyyy-MM-dd")
    if kind in ("boolean", "int", "bigint"):
        return text.try_cast(kind)
    if kind.startswith("decimal"):
        return (text.try_cast("decimal(30,10)") * factor(column, mapped)).try_cast(kind)
    raise ContractError(f"column {column.name}: a feed cannot map to {kind}")


def faults_of(
    text: SparkColumn, value: SparkColumn, column: Column, mapped: MappedColumn
) -> list[SparkColumn]:
    """The reasons that a column may give, each missing where it does not hold."""
    faults = [(text.isNull(), "missing")] if column.required else []
    rule = "code" if mapped.codes is not None else {"string": None, "date": "date"}.get(column.type, "type")
    if rule:
        faults.append((text.isNotNull() & value.isNull(), rule))
    faults += domain_faults(value, column)
    return [F.when(bad, F.lit(f"{column.name}:{rule}")) for bad, rule in faults]


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
        faults.append((value.isNotNull() & ~F.col(VALID + column.name), "check"))
    return faults
