"""Pages of a long list by key 键集分页: a page begins after the last row of the page before it."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.errors import UsageError
from warehouse.duck import literal

#: A value of an order by numbers: ranks, and decimals of six places.
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,6})?")


@dataclass(frozen=True)
class Order:
    """An order of rows: by a column, missing values last, then by the key, which no two rows share."""

    #: SQL of the value that is ordered by, and DuckDB's type of it.
    by: str
    type: str
    key: str
    is_descending: bool = False

    @property
    def sql(self) -> str:
        return f"({self.by}) IS NULL, ({self.by}) {'DESC' if self.is_descending else 'ASC'}, {self.key}"

    def after(self, cursor: str) -> str:
        """SQL condition of the rows after a cursor.

        Raises:
            UsageError: the cursor is not one that :meth:`cursor` made.
        """
        value, key = _read(cursor)
        if value is not None and self.type != "VARCHAR" and not _NUMBER.fullmatch(value):
            raise _strange(cursor)
        later_key = f"{self.key} > {literal(key)}"
        if value is None:
            return f"(({self.by}) IS NULL AND {later_key})"
        at = f"CAST({literal(value)} AS {self.type})"
        beyond = f"({self.by}) {'<' if self.is_descending else '>'} {at}"
        return f"(({self.by}) IS NULL OR {beyond} OR (({self.by}) = {at} AND {later_key}))"

    @staticmethod
    def cursor(row: Mapping[str, Any]) -> str:
        """Where the page after a row begins; the row has its ``_by`` and ``_key``."""
        value = None if row["_by"] is None else str(row["_by"])
        text = json.dumps([value, str(row["_key"])], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[str | None, str]:
    try:
        value, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, TypeError):
        raise _strange(cursor) from None
    if not isinstance(key, str) or not (value is None or isinstance(value, str)):
        raise _strange(cursor)
    return value, key


def _strange(cursor: str) -> UsageError:
    return UsageError(f"{cursor[:40]} is no place in the list; begin with its first page")


def page_of(rows: Sequence[dict[str, Any]], size: int) -> tuple[list[dict[str, Any]], str | None]:
    """The rows of a page, of which one more was asked for, and where the next page begins."""
    shown = list(rows[:size])
    return shown, Order.cursor(shown[-1]) if len(rows) > size else None
