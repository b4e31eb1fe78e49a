"""Values of filters and cursors: typed by the contract, as SQL literals.

A value reaches a statement only as a literal that its type's check has built, a name only as one of the contract's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from schemas.duckdb_types import is_year
from schemas.field import Column
from warehouse.duck import literal

LONGEST_TEXT = 200
_DAY = (
    r"[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)"
    r"|(?:0[13578]|1[02])-31)"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Kind:
    """A type of columns: what its values look like in an address, and their literals."""

    zh: str
    en: str
    #: Regular expression of a value, as the OpenAPI document has it.
    pattern: str
    #: The literal of a value.
    #:
    #: Raises:
    #:     ValueError: it is no value of the type.
    sql: Callable[[str], str]
    #: JSON Schema of a value in an answer.
    schema: Mapping[str, Any]
    is_ordered: bool = True
    is_text: bool = False
    is_list: bool = False


def _number(pattern: str) -> Callable[[str], str]:
    def sql(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return text

    return sql


def _text(text: str) -> str:
    if len(text) > LONGEST_TEXT or _CONTROL.search(text):
        raise ValueError(text)
    return literal(text)


def _boolean(text: str) -> str:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text


def _date(text: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(text)
    return f"DATE '{date.fromisoformat(text)}'"


def _timestamp(text: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{1,6})?Z", text):
        raise ValueError(text)
    return f"TIMESTAMPTZ '{datetime.fromisoformat(text).isoformat()}'"


_TEXT = Kind("文本", "text", ".{0,200}", _text, {"type": "string"}, is_text=True)
_INT, _BIGINT, _DECIMAL = r"-?[0-9]{1,9}", r"-?[0-9]{1,18}", r"-?[0-9]{1,18}(?:\.[0-9]{1,10})?"
_KINDS: Mapping[str, Kind] = {
    "string": _TEXT,
    "int": Kind("整数", "whole number", _INT, _number(_INT), {"type": "integer"}),
    "bigint": Kind("整数", "whole number", _BIGINT, _number(_BIGINT), {"type": "integer"}),
    "decimal": Kind("数", "number", _DECIMAL, _number(_DECIMAL), {"type": "number"}),
    "boolean": Kind("true 或 false", "true or false", "(?:true|false)", _boolean, {"type": "boolean"}, False),
    "date": Kind("日期，如 2024-12-31", "date, such as 2024-12-31", _DAY, _date,
                 {"type": "string", "format": "date"}),
    "timestamp": Kind("时间，如 2024-12-31T08:00:00Z", "time, such as 2024-12-31T08:00:00Z",
                      f"{_DAY}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z", _timestamp,
                      {"type": "string", "format": "date-time"}),
    "array<string>": Kind("文本数组的一项", "an item of a list of texts", ".{0,200}", _text,
                          {"type": "array", "items": {"type": "string"}}, False, is_list=True),
}  # fmt: skip


def kind(column: Column) -> Kind:
    """
    >>> from schemas.contract import contract
    >>> kind(contract("per_mu.unit").column("year")).en
    'whole number'
    """
    if is_year(column.name):
        return _KINDS["int"]
    return _KINDS[column.type.partition("(")[0]]


#: The flag of withheld statistics.
FLAG = _KINDS["boolean"]


def value(column: Column) -> str:
    """SQL of a column's value in the type that readers see; years were texts in older releases."""
    return f"CAST({column.name} AS INTEGER)" if is_year(column.name) else column.name


def in_json(column: Column) -> str:
    """SQL of a column's value in a form that JSON has."""
    if column.type == "timestamp":
        return f"strftime({column.name} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"
    return value(column)


#: First characters with which a spreadsheet takes a text for a formula; it knows full-width ones too.
_FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"


def in_csv(column: Column) -> str:
    """SQL of a column's value as a cell: texts that a spreadsheet would run begin with an apostrophe."""
    given = f"array_to_string({column.name}, ';')" if column.type == "array<string>" else value(column)
    if column.type not in ("string", "array<string>") or is_year(column.name):
        return value(column) if column.type != "timestamp" else in_json(column)
    return f"CASE WHEN regexp_matches({given}, '{_FORMULA}') THEN '''' || {given} ELSE {given} END"
