"""Fields 字段: in every table a name means one type, one unit and one title in both languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from schemas.definition import Definition

Sensitivity = Literal["public", "internal", "statistics", "personal"]
#: From the most open to the strictest. Firms' statistics are stricter than internal figures, which offices use among
#: themselves: they need the firm's consent too. Personal data are stricter still.
SENSITIVITIES: tuple[Sensitivity, ...] = ("public", "internal", "statistics", "personal")
LegalBasis = Literal["administration", "statistics_only", "authorisation"]
#: From the widest use to the narrowest.
LEGAL_BASES: tuple[LegalBasis, ...] = ("administration", "authorisation", "statistics_only")


class Domain(Definition):
    """Values that a field may have. Each limit is optional; ``required`` alone decides on missing values.

    ``codes`` names a list of schemas/coded.py; in an array every item is a code of it.
    """

    min: Decimal | None = None
    max: Decimal | None = None
    pattern: str | None = None
    codes: str | None = None
    check: Literal["uscc"] | None = None
    #: Another date column of the table; the date is not before it.
    not_before: str | None = None


class FieldEntry(Definition):
    """One entry of the field dictionary."""

    type: str
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)
    description: str = Field(min_length=1)
    #: The same in Chinese; only an installation's own definitions may leave it out.
    description_zh: str = ""
    unit: str | None = None
    domain: Domain = Domain()
    sensitivity: Sensitivity = "internal"

    @field_validator("type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        arrow_type(value)
        return value

    @model_validator(mode="after")
    def _codes_are_texts(self) -> FieldEntry:
        if self.domain.codes and self.type not in ("string", "array<string>"):
            raise ValueError(f"domain: codes are texts, not {self.type}; use string or array<string>")
        if self.type.startswith("array") and self.domain != Domain(codes=self.domain.codes):
            raise ValueError("domain: of an array only codes can be judged, those of each item")
        return self


class Disclosure(Definition):
    """Columns that a derived table shows more openly than what they are made of, and why that is allowed."""

    columns: tuple[str, ...] = Field(min_length=1)
    shown_as: Sensitivity
    #: Document that allows it, or the reason, marked as an assumption.
    because: str = Field(min_length=1)
    #: For sums over firms: the column with the number of firms in them, and the least number that may be shown.
    counted_by: str | None = None
    least_firms: int | None = Field(default=None, ge=2)

    @model_validator(mode="after")
    def _counted(self) -> Disclosure:
        if (self.counted_by is None) != (self.least_firms is None):
            raise ValueError("counted_by and least_firms belong together")
        return self


class Column(FieldEntry):
    """A field as used by one table."""

    name: str
    required: bool = False
    #: What the contract of a derived table says of its sensitivity; it may only be stricter than what follows.
    stated: Sensitivity | None = None
    # what follows for a derived table from what the column is made of (schemas/disclosure.py)
    #: Columns (``area.table.column``) of the job's inputs that its value is made of, the strictest first.
    made_of: tuple[str, ...] = ()
    #: Strictest legal basis of the feeds behind it.
    legal_basis: LegalBasis = "administration"
    #: It is made of a firm's own statistics, so that administration may use it only with the firm's consent.
    rests_on_consent: bool = False
    disclosed: Disclosure | None = None


def comment(column: FieldEntry) -> str:
    """The comment of a column in any engine: titles, unit, descriptions in both languages, codes, sensitivity."""
    unit = f" [{column.unit}]" if column.unit else ""
    codes = f" Code list: {column.domain.codes}." if column.domain.codes else ""
    shown = f" Sensitivity: {column.sensitivity}." if isinstance(column, Column) else ""
    return f"{column.zh} | {column.en}{unit}. {both(column.description_zh, column.description)}{codes}{shown}"


def both(zh: str, en: str) -> str:
    """A description in both languages as one text."""
    return f"{zh} {en}".strip()


_SIMPLE: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "array<string>": pa.list_(pa.string()),
}


def arrow_type(text: str) -> pa.DataType:
    """
    >>> arrow_type("decimal(18,6)")
    Decimal128Type(decimal128(18, 6))
    """
    if text in _SIMPLE:
        return _SIMPLE[text]
    if match := re.fullmatch(r"decimal\((\d+),(\d+)\)", text):
        return pa.decimal128(int(match[1]), int(match[2]))
    raise ValueError(f"unknown type {text}; use {', '.join(_SIMPLE)} or decimal(p,s)")
