"""The suite that follows from a contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from expectations.gate.suite import Check, Level, Suite
from schemas.coded import stand_ins
from schemas.contract import Contract
from schemas.field import Column, Domain

_DUCKDB_TYPES = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "array<string>": "VARCHAR[]",
}


def baseline(contract: Contract, declared: Suite | None = None) -> Suite:
    """Checks: not empty, columns and types of the contract, key unique, required values present, domains, volume.

    The volume is compared with the last release; without one that check passes.

    Args:
        declared: the table's own suite, which says whether the table may be empty and whether shrinking blocks.
    """
    empty_ok = bool(declared and declared.may_be_empty)
    checks = [
        *_structure(contract, empty_ok),
        *_uniqueness(contract),
        *(_required(contract, column) for column in contract.columns if column.required),
        *(check for column in contract.columns for check in _domain(contract, column)),
        *_volume(contract, declared.shrinks if declared else "warn"),
    ]
    return Suite(contract.name, tuple(checks), may_be_empty=empty_ok, kind="contract")


def duckdb_type(text: str) -> str:
    """
    >>> duckdb_type("decimal(18,6)"), duckdb_type("array<string>")
    ('DECIMAL(18,6)', 'VARCHAR[]')
    """
    return _DUCKDB_TYPES.get(text, text.upper().replace(" ", ""))


def _structure(contract: Contract, empty_ok: bool) -> Iterator[Check]:
    if not empty_ok:
        yield Check(
            "not_empty",
            "表不为空",
            "The table has rows",
            "SELECT 'no rows' AS problem FROM (SELECT count(*) AS n FROM {table}) WHERE n = 0",
            expectation=lambda: _gx().ExpectTableRowCountToBeBetween(min_value=1),
        )
    schema, table = contract.name.split(".")
    present = (
        "(SELECT column_name, data_type FROM information_schema.columns "
        f"WHERE table_catalog = current_database() AND table_schema = '{schema}' AND table_name = '{table}')"
    )
    wanted = ", ".join(f"('{c.name}', '{duckdb_type(c.type)}')" for c in contract.columns)
    # "WHERE false" reads the table without a row: the check then fails where the table cannot be read.
    yield Check(
        "columns",
        "字段与契约一致",
        "Columns are exactly those of the contract",
        f"SELECT coalesce(p.column_name, w.name) AS column FROM {present} p "
        f"FULL JOIN (VALUES {wanted}) AS w(name, type) ON p.column_name = w.name "
        "WHERE p.column_name IS NULL OR w.name IS NULL "
        "UNION ALL SELECT NULL FROM {table} WHERE false",
        expectation=lambda: _gx().ExpectTableColumnsToMatchSet(
            column_set=contract.column_names, exact_match=True
        ),
    )
    yield Check(
        "types",
        "字段类型与契约一致",
        "Types are those of the contract",
        f"SELECT w.name AS column, p.data_type AS found, w.type AS wanted FROM {present} p "
        f"JOIN (VALUES {wanted}) AS w(name, type) ON p.column_name = w.name WHERE p.data_type <> w.type "
        "UNION ALL SELECT NULL, NULL, NULL FROM {table} WHERE false",
    )


def _uniqueness(contract: Contract) -> Iterator[Check]:
    yield _unique(contract.key, "key_unique", "主键唯一", "The key is unique")
    if "row_id" in contract.column_names and contract.key != ("row_id",):
        yield _unique(("row_id",), "row_id_unique", "行标识唯一", "The row identifier is unique")


def _unique(columns: tuple[str, ...], id_: str, zh: str, en: str) -> Check:
    names = ", ".join(columns)
    return Check(id_, zh, en, f"SELECT {names} FROM {{table}} GROUP BY {names} HAVING count(*) > 1")


def _required(contract: Contract, column: Column) -> Check:
    return Check(
        f"{column.name}_required",
        f"{column.zh}必填",
        f"{column.en} is present",
        f"SELECT {_keys(contract)} FROM {{table}} WHERE {column.name} IS NULL",
        expectation=lambda: _gx().ExpectColumnValuesToNotBeNull(column=column.name),
    )


def _domain(contract: Contract, column: Column) -> Iterator[Check]:
    domain, name = column.domain, column.name
    shown = ", ".join(dict.fromkeys((*contract.key, name)))
    select = f"SELECT {shown} FROM {{table}} WHERE"
    if domain.min is not None or domain.max is not None:
        limits = " OR ".join(
            f"{name} {sign} {limit}"
            for sign, limit in (("<", domain.min), (">", domain.max))
            if limit is not None
        )
        yield Check(
            f"{name}_range",
            f"{column.zh}在值域内（{_range(domain)}）",
            f"{column.en} is within {_range(domain)}",
            f"{select} {limits}",
            expectation=lambda: _between(name, domain),
        )
    if domain.pattern:
        pattern = domain.pattern.replace("'", "''")
        yield Check(
            f"{name}_pattern",
            f"{column.zh}格式正确",
            f"{column.en} has the right format",
            f"{select} NOT regexp_full_match({name}, '{pattern}')",
        )
    if domain.codes:
        yield Check(
            f"{name}_code",
            f"{column.zh}在代码表内",
            f"{column.en} is in the code list {domain.codes}",
            f"{select} {_unlisted(column, domain.codes)}",
        )
    if domain.check == "uscc":
        yield Check(
            f"{name}_check_digit",
            f"{column.zh}校验码正确（GB 32100-2015）",
            f"{column.en} has the right check character (GB 32100-2015)",
            f"{select} NOT uscc_is_valid({name})",
        )
    if domain.not_before:
        earlier = contract.column(domain.not_before)
        yield Check(
            f"{name}_order",
            f"{column.zh}不早于{earlier.zh}",
            f"{column.en} is not before {earlier.en}",
            f"{select} {name} < {earlier.name}",
        )


def _unlisted(column: Column, codes: str) -> str:
    """Condition on rows with a value, or an array item, that is not in the code list."""
    name = column.name
    if column.type != "array<string>":
        return f"{name} IS NOT NULL AND {_not_in(name, codes)}"
    # few codes fill many rows: each code is looked up once, then rows are searched for the unlisted ones
    unlisted = (
        f"(SELECT coalesce(list(code), []) FROM (SELECT DISTINCT unnest({name}) AS code FROM {{table}}) "
        f"WHERE {_not_in('code', codes)})"
    )
    return f"list_has_any({name}, {unlisted}) OR list_count({name}) < len({name})"


def _not_in(code: str, codes: str) -> str:
    """Condition that the list has neither the code nor the code with its variable parts replaced."""
    listed = f"(SELECT code FROM codes.{codes})"
    replaced = [
        f"regexp_replace({code}, '{pattern}', '{stand_in}') NOT IN {listed}"
        for pattern, stand_in in stand_ins(codes).items()
    ]
    return " AND ".join([f"{code} NOT IN {listed}", *replaced])


def _volume(contract: Contract, level: Level) -> Iterator[Check]:
    """Rows of a period compared with the last release: tables must not shrink unnoticed.

    Half a square root is allowed for chance, so that a small city may lose a few rows.
    """
    if contract.layer != "staged" or not contract.period:
        return
    period = contract.period
    yield Check(
        "volume",
        "与上一版本相比记录数减少不超过10%",
        "A period has at least 90 % of the rows of the last release",
        f"SELECT {period}, p.n AS before, coalesce(c.n, 0) AS now "
        f"FROM (SELECT {period}, count(*) AS n FROM previous_{contract.name} GROUP BY ALL) p "
        f"LEFT JOIN (SELECT {period}, count(*) AS n FROM {{table}} GROUP BY ALL) c USING ({period}) "
        "WHERE coalesce(c.n, 0) < 0.9 * p.n - 0.5 * sqrt(p.n)",
        level=level,
    )


def _keys(contract: Contract) -> str:
    return ", ".join(contract.key)


def _range(domain: Domain) -> str:
    low = "" if domain.min is None else f"{domain.min:f}"
    high = "" if domain.max is None else f"{domain.max:f}"
    return f"{low}…{high}"


def _between(name: str, domain: Domain) -> Any:
    low = None if domain.min is None else float(domain.min)
    high = None if domain.max is None else float(domain.max)
    return _gx().ExpectColumnValuesToBeBetween(column=name, min_value=low, max_value=high)


def _gx() -> Any:
    # Great Expectations takes seconds to import; the command line needs the suites' names without it.
    import great_expectations.expectations as gxe

    return gxe
