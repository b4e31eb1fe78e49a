"""Senders' words for fields, units, flags, periods and totals (``synonyms.yml``)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

SYNONYMS: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "synonyms.yml").read_text(encoding="utf-8")
)


def plain(text: str) -> str:
    """A word in a form for comparison: normalized width, lower case, without spaces and punctuation.

    >>> plain("Account No."), plain("用电量 （万千瓦时）")
    ('accountno', '用电量万千瓦时')
    """
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).casefold())


def is_unit_line(cells: Sequence[str]) -> bool:
    """Whether more than half of a line's cells are units, empty cells and dashes left out."""
    filled = [cell for cell in cells if cell and cell not in ("-", "—", "/")]
    return bool(filled) and sum(unit_named(cell) is not None for cell in filled) * 2 > len(filled)


def unit_named(text: str) -> str | None:
    """The platform's name of a unit; None if the text is no unit.

    >>> unit_named("MWh"), unit_named("（公斤）"), unit_named("甲")
    ('兆瓦时', '千克', None)
    """
    return _UNITS.get(_unit_key(text.strip("()（）[]【】 单位:：")))


def _unit_key(text: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).casefold().strip())


_UNITS = {_unit_key(word): unit for unit, words in SYNONYMS["units"].items() for word in (unit, *words)}
