"""Figures for reading: significant digits only, thousands separated, a dash for a missing figure."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

#: Shown for a missing figure.
MISSING = "–"


def amount(value: Decimal | None) -> str:
    """An amount: a whole number from a thousand, else formatted by ``number``.

    >>> amount(Decimal("12345.678")), amount(Decimal("12.5")), amount(None)
    ('12,346', '12.5', '–')
    """
    if value is None:
        return MISSING
    if abs(value) >= 1000:
        return f"{value.quantize(Decimal(1), ROUND_HALF_UP):,}"
    return number(value)


def number(value: Decimal | None) -> str:
    """A figure with two decimals; with four below 1; with two significant digits below 0.0001.

    >>> number(Decimal("1.2345")), number(Decimal("0.02641")), number(Decimal("0.0000126")), number(Decimal(0))
    ('1.23', '0.0264', '0.000013', '0')
    """
    if value is None:
        return MISSING
    step = Decimal("0.01") if abs(value) >= 1 else Decimal("0.0001")
    if 0 < abs(value) < step:
        step = Decimal(1).scaleb(value.adjusted() - 1)
    text = f"{value.quantize(step, ROUND_HALF_UP):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def score(value: Decimal) -> str:
    """Points with two decimals.

    >>> score(Decimal("101.2"))
    '101.20'
    """
    return f"{value.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"


def up(value: Decimal) -> str:
    """Points that are needed, with two decimals; rounded up, so that they are enough.

    >>> up(Decimal("9.751")), up(Decimal("0.000001"))
    ('9.76', '0.01')
    """
    return f"{value.quantize(Decimal('0.01'), ROUND_CEILING):,}"


def signed(value: Decimal) -> str:
    """A figure with its sign.

    >>> signed(Decimal("1.5")), signed(Decimal(-2))
    ('+1.5', '-2')
    """
    return f"+{number(value)}" if value > 0 else number(value)
