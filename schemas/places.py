"""Ningbo by its GB/T 2260 code."""

from __future__ import annotations

#: The city. The list of districts has it, though it is none; rule sets of the whole city have it in a district's place.
CITY = "330200"
