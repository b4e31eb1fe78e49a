"""Figures as the explanations tell them."""

from __future__ import annotations

from decimal import Decimal


def check(computed: Decimal, published: Decimal | None) -> str:
    """A mark if the figure computed again is the published one, else the published one."""
    return " ✓" if computed == published else f" ≠ 发布值 published {figure(published)}"


def figure(value: Decimal | int | None) -> str:
    """A figure without trailing zeros, with thousands separators.

    >>> figure(Decimal("1234.500000")), figure(None)
    ('1,234.5', '缺')
    """
    if value is None:
        return "缺"
    return f"{Decimal(value):,.6f}".rstrip("0").rstrip(".")
