"""Ningbo and its districts by GB/T 2260 code."""

from __future__ import annotations

from schemas.contract import code_list

#: The city, which is no district; rule sets of the whole city have it in a district's place.
CITY = "330200"


def districts() -> tuple[str, ...]:
    """Ningbo's districts and counties."""
    return tuple(code for code in code_list("district") if code != CITY)
