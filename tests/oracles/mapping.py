"""The mapping of text cells to values in plain Python, written from the text of the rules.

Rules: docs/concepts/contracts-and-feeds.md, the contract's columns, GB 32100-2015 for credit codes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

CHINA = timezone(timedelta(hours=8))
#: Enough for the exact product of any text with any factor.
EXACT = Context(prec=900)
DATE_PARTS = {
    "yyyy-MM-dd": r"(\d{4})-(\d{2})-(\d{2})",
    "yyyy/M/d": r"(\d{4})/(\d{1,2})/(\d{1,2})",
    "yyyy年M月d日": r"(\d{4})年(\d{1,2})月(\d{1,2})日",
    "yyyyMMdd": r"(\d{4})(\d{2})(\d{2})",
}


def trimmed(cell: str | None) -> str | None:
    """The text without surrounding spaces; None if it is empty."""
    return (cell or "").strip() or None


def number(text: str, factor: Decimal, digits: int, scale: int) -> Decimal | None:
    """The text to ten decimals, times the exact factor, rounded once half away from zero; None if it does not fit."""
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text, re.ASCII):
        return None
    try:
        read = Decimal(text).quantize(Decimal("1e-10"), ROUND_HALF_UP, EXACT)
    except InvalidOperation:
        return None
    if abs(read) >= 10**20:
        return None
    value = EXACT.multiply(read, factor).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, EXACT)
    return value if abs(value) < 10 ** (digits - scale) else None


def whole_number(text: str) -> int | None:
    if not re.fullmatch(r"[+-]?\d+", text, re.ASCII) or abs(int(text)) > 2**31 - 1:
        return None
    return int(text)


def day(text: str, formats: tuple[str, ...]) -> date | None:
    for name in formats:
        if found := re.fullmatch(DATE_PARTS[name], text, re.ASCII):
            year, month, number_of_day = map(int, found.groups())
            if not 1000 <= year < 3000:
                return None
            try:
                return date(year, month, number_of_day)
            except ValueError:
                return None
    return None


def moment(text: str) -> datetime | None:
    """ISO 8601; a time without an offset is China time."""
    if not re.fullmatch(
        r"[12]\d{3}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-](0\d|1[0-3]):[0-5]\d)?", text, re.ASCII
    ):
        return None
    # fromisoformat gets six decimals
    padded = re.sub(r"\.(\d+)", lambda m: "." + m.group(1).ljust(6, "0"), text)
    try:
        read = datetime.fromisoformat(padded)
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=CHINA)).astimezone(UTC)


def is_credit_code(text: str) -> bool:
    """GB 32100-2015: 18 characters; weights 3^(i-1) modulo 31 over the first 17 give the check character."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    if len(text) != 18 or any(c not in alphabet for c in text) or not text[2:8].isdecimal():
        return False
    total = sum(alphabet.index(c) * pow(3, i, 31) for i, c in enumerate(text[:17]))
    return alphabet[(31 - total % 31) % 31] == text[17]


def is_formula(text: str) -> bool:
    return text[0] in "=@" or bool(re.match(r"[+-].*\|.*!", text, re.DOTALL))


def value_of(text: str | None, kind: str, how: dict[str, Any]) -> Any:
    """The value of a cell's text in a column of the type; None if the text is no such value."""
    if text is not None and how.get("codes"):
        text = how["codes"].get(text)
    if text is None:
        return None
    if kind.startswith("decimal"):
        digits, scale = map(int, re.findall(r"\d+", kind))
        return number(text, how["factor"], digits, scale)
    readers: dict[str, Callable[[str], Any]] = {
        "string": str,
        "boolean": lambda t: {"true": True, "false": False}.get(t.lower()),
        "int": whole_number,
        "date": lambda t: day(t, how["formats"]),
        "timestamp": moment,
    }
    return readers[kind](text)
