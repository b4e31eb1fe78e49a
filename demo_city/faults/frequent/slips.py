"""Kinds of slips (差错类别): how people and systems spoil a cell, and what ingestion does with the record.

A kind turns the text that was meant into the text that is sent, or returns None if this cell cannot have it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from demo_city.world.identity import broken
from schemas.contract import Feed, code_list
from schemas.source import MappedColumn

#: Outcome: the record is in the feed's table with the values that were meant (blanks, spelling), or with those sent.
ACCEPTED = "accepted"
#: Outcome: ``core.enterprise`` flags that the name differs from that of the registry.
NAME_DIFFERS = "flag:name_differs"
#: Outcome: the district is the successor of the former one.
SUCCESSOR = "successor"
#: Outcome: ``core.enterprise_month`` flags that the cumulative figure falls.
FALLS = "flag:is_cumulative_fall"
#: Outcome: the value is larger or smaller than meant; the suite of ``unit_slips`` tells batches of such records.
SLIPPED = "slipped"
#: Months in which a cumulative figure may fall: the last month is the year's figure and stays right.
FALL_MONTHS = range(4, 12)


@dataclass(frozen=True)
class Cell:
    """A cell to spoil: the text that was meant, its column, the firm's code, and a draw from 0 to 1."""

    text: str
    column: str
    contract: Feed
    period: str
    uscc: str
    draw: float

    @property
    def mapped(self) -> MappedColumn:
        return self.contract.source.mapping[self.column]


def _blanks(cell: Cell) -> str:
    """A blank before, after, or a full-width one after."""
    return (f" {cell.text}", f"{cell.text} ", f"{cell.text}\u3000")[int(cell.draw * 3)]


def _swapped(cell: Cell) -> str | None:
    """Two neighbouring characters that differ, swapped; every such swap breaks the check character."""
    text = cell.text
    places = [i for i in range(2, len(text) - 1) if text[i] != text[i + 1]]
    if not places:
        return None
    place = places[int(cell.draw * len(places))]
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def _with_unit(cell: Cell) -> str:
    """The number as people write it: with thousands separators, unless these separate cells, and its unit."""
    separator = "" if cell.contract.source.delimiter == "," and cell.contract.source.format == "csv" else ","
    return f"{Decimal(cell.text):{separator}f}{cell.mapped.unit or '%'}"


def _full_width(cell: Cell) -> str:
    return cell.text.translate({ord(c): ord(c) + 0xFEE0 for c in "-.0123456789"})


def _other_date(cell: Cell) -> str:
    """2024.3.5, which no contract has among its formats."""
    parts = re.findall(r"\d+", cell.text)
    if len(parts) == 1:
        parts = [cell.text[:4], cell.text[4:6], cell.text[6:]]
    return ".".join(str(int(part)) for part in parts)


def _other_name(cell: Cell) -> str | None:
    """The name with other brackets, with a blank inside, or in the wording before the firm's reform."""
    variants = (
        cell.text.replace("（", "(").replace("）", ")"),
        f"{cell.text[:2]} {cell.text[2:]}",
        cell.text.replace("有限公司", "有限责任公司"),
    )
    variant = variants[int(cell.draw * len(variants))]
    return variant if variant != cell.text else None


def _former_district(cell: Cell) -> str | None:
    """A code that was abolished when its district was merged into this one."""
    former = [code for code, row in code_list("former_district").items() if row["successor"] == cell.text]
    return former[int(cell.draw * len(former))] if former else None


def _share_times_hundred(cell: Cell) -> str | None:
    """A share in hundredths of a percent, out of the column's domain."""
    most = cell.contract.column(cell.column).domain.max
    more = Decimal(cell.text) * 100
    return f"{more:f}" if most is not None and more > most else None


def _cumulative_falls(cell: Cell) -> str | None:
    """Three tenths of the figure; in one month of the year for each firm, so that the month before is right."""
    month = int(cell.period[5:])
    if month not in FALL_MONTHS or ord(cell.uscc[-1]) % len(FALL_MONTHS) != month - FALL_MONTHS.start:
        return None
    return str(int(Decimal(cell.text)) * 3 // 10) if int(Decimal(cell.text)) >= 100 else None


def _times(factor: str) -> Callable[[Cell], str | None]:
    """The number times a power of ten; None for a zero, which does not change."""

    def change(cell: Cell) -> str | None:
        number = Decimal(cell.text)
        return f"{number * Decimal(factor):f}" if number else None

    return change


#: Kind → the text sent; "repeated" and "missing" have none.
TEXTS: dict[str, Callable[[Cell], str | None]] = {
    "blanks": _blanks,
    "wrong_check": lambda cell: broken(cell.text),
    "swapped": _swapped,
    "with_unit": _with_unit,
    "full_width": _full_width,
    "no_number": lambda _: "未检出",
    "other_date": _other_date,
    "other_name": _other_name,
    "former_district": _former_district,
    "outside_district": lambda _: "330602",
    "unknown_word": lambda _: "不详",
    "dashed": lambda cell: f"{cell.text[:9]}-{cell.text[9:]}" if len(cell.text) > 9 else None,
    "share_times_hundred": _share_times_hundred,
    "cumulative_falls": _cumulative_falls,
    "thousandth": _times("0.001"),
    "tenfold": _times("10"),
}

#: Kind → the rule of the column by which ingestion refuses the record.
_RULES = {
    "wrong_check": "check",
    "swapped": "check",
    "missing": "missing",
    "with_unit": "type",
    "full_width": "type",
    "no_number": "type",
    "other_date": "date",
    "outside_district": "pattern",
    "unknown_word": "code",
    "dashed": "pattern",
    "share_times_hundred": "domain",
}
_ACCEPTED = {
    "blanks": ACCEPTED,
    "other_name": NAME_DIFFERS,
    "former_district": SUCCESSOR,
    "cumulative_falls": FALLS,
    "thousandth": SLIPPED,
    "tenfold": SLIPPED,
}
KINDS = (*TEXTS, "missing", "repeated")


def outcome(contract: Feed, kind: str, column: str) -> str:
    """What must follow: the reason of the quarantine (``column:rule``), or a word for what becomes of the record.

    >>> from schemas.contract import feed
    >>> [outcome(feed(f), "with_unit", c) for f, c in (("gov_tax", "tax_vat_wan_yuan"), ("gov_emission", "so2_t"))]
    ['tax_vat_wan_yuan:type', 'accepted']
    """
    if kind == "repeated":
        return "key:duplicate"
    if kind == "with_unit" and contract.source.reads_written_numbers:
        return ACCEPTED
    return _ACCEPTED.get(kind) or f"{column}:{_RULES[kind]}"


def is_refused(expected: str) -> bool:
    """Whether an outcome is a reason of the quarantine."""
    return ":" in expected and not expected.startswith("flag:")


def sent(kind: str, cell: Cell) -> str | None:
    """The text that is sent instead of the one meant; None if this cell cannot have the slip."""
    return TEXTS[kind](cell)
