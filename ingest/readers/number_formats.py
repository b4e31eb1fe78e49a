"""Number formats of spreadsheets (单元格数字格式): what a person sees if a cell contains a number.

A cell with 0.853 may show 85.3%, one with 12 may show 12万元, one with 12345 may show 12. So the text of a cell is what
it shows, with all digits of the number: 85.3%, 12万元. If the shown text does not determine the number (thousands cut
off, digits between letters, a fraction, a value that is not shown), the text names number and format, as in
``12345 ⟦#,##0,⟧``, which no reader takes for a value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import Any

GENERAL = "General"
#: Built-in formats, which a file names by number only; 27 to 36 and 50 to 58 are the Chinese ones.
BUILT_IN = {
    **dict.fromkeys((0, *range(5, 9), *range(37, 45)), GENERAL),
    **{1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00"},
    **{12: "# ?/?", 13: "# ??/??", 14: "yyyy/m/d", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy"},
    **{18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy/m/d h:mm"},
    **{45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@"},
    **{30: "m-d-yy", 31: "yyyy年m月d日"},
    **dict.fromkeys((27, 36, 50, 52, 57), "yyyy年m月"),
    **dict.fromkeys((28, 29, 51, 53, 54, 58), "m月d日"),
    **dict.fromkeys((32, 33, 34, 35, 55, 56), "h时mm分"),
}

_TOKEN = re.compile(
    r"""(?P<general>General|G/通用格式)|(?P<quoted>"[^"]*"?)|[\\!](?P<escaped>.)|(?P<skipped>[_*].)"""
    r"""|\[(?P<bracket>[^\]]*)\]|(?P<clock>AM/PM|A/P|上午/下午)|(?P<exponent>E[+-])|(?P<end>;)|(?P<other>.)""",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"[<>=]")
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
#: Signs of the yuan: they only repeat the heading's unit.
_MONEY = "¥￥"
_DASHES = {"-", "—", "–", "－"}
#: Characters that would read as part of the number, before it and after it.
_NUMERIC_BEFORE = re.compile(r"[0-9.,%+\-－(（]$")
_NUMERIC_AFTER = re.compile(r"^[0-9.,)）]|^[eE][0-9+-]")
_UNSEEN = " \u3000\xa0"


@dataclass(frozen=True)
class Section:
    """One section of a format: for positive, negative or zero numbers, or for texts."""

    #: Literal text before and after the number, literal percent signs included.
    before: str = ""
    after: str = ""
    #: Placeholders of digits; "General" if the number is shown unchanged.
    digits: str = ""
    percents: int = 0
    #: Letters of a date: y, m, d, h.
    date: str = ""
    is_conditional: bool = False
    is_coloured: bool = False
    #: Literal text is between the digits.
    is_broken: bool = False
    is_text: bool = False

    @property
    def hides_digits(self) -> bool:
        """Whether the format is a fraction, or a comma at the end cuts thousands off."""
        return "/" in self.digits or bool(re.search(r"[0#?],+(\.|$)|\.[0#?]*,", self.digits))

    def number(self, value: Decimal) -> str | None:
        """An unsigned number as it is shown; None if the shown text does not determine it."""
        if self.is_broken or self.date or not self.digits or self.hides_digits:
            return None
        before = self.before.strip(_MONEY + _UNSEEN).removeprefix("+")
        after = self.after.strip(_MONEY + _UNSEEN)
        if _NUMERIC_BEFORE.search(before) or _NUMERIC_AFTER.search(after):
            return None
        if not value and self.digits != GENERAL and "0" not in self.digits:
            return None  # it is not shown
        text = f"{value.scaleb(2 * self.percents):f}" if self.percents else f"{value:f}"
        if re.fullmatch("0{2,}", self.digits) and "." not in text:
            text = text.zfill(len(self.digits))
        return before + text + after + "%" * self.percents


def marked(text: str, why: str) -> str:
    """A text with a mark: what the cell shows does not determine its value. No sender types such brackets."""
    return f"{text} ⟦{why}⟧"


@dataclass(frozen=True)
class Format:
    """A parsed number format."""

    code: str
    numbers: tuple[Section, ...]
    text: Section | None = None

    @property
    def is_date(self) -> bool:
        return any(section.date for section in self.numbers)

    @property
    def is_exponential(self) -> bool:
        """Whether numbers are shown as 1.20E+06: valid as a figure, not as a code, for which 12E5 was typed."""
        return any("E" in section.digits for section in self.numbers)

    @property
    def is_plain(self) -> bool:
        """Whether all numbers, zero and negative ones too, are shown unchanged."""
        return not (self.is_date or self.is_exponential) and all(
            self.of_number(value) == f"{value:f}" for value in map(Decimal, ("7.5", "-7.5", "0", "7"))
        )

    @property
    def shows_texts(self) -> bool:
        return self.text is None or (self.text.is_text and not self.text.before + self.text.after)

    def of_number(self, value: Decimal) -> str:
        section = self._section(value)
        if section is None:
            return marked(f"{value:f}", self.code)
        sign = ""
        if value < 0:
            section, sign = _without_sign(section) if len(self.numbers) > 1 else section, "-"
            if section is None:
                return marked(f"{value:f}", self.code)
        elif not value and section.before.strip() in _DASHES and "0" not in section.digits:
            return "0"  # accountants' nil
        text = section.number(abs(value))
        return sign + text if text is not None else marked(f"{value:f}", self.code)

    def of_moment(self, value: Any) -> str:
        """A date as it is shown, without the day if the format shows none; marked if it shows no year."""
        letters = self.numbers[0].date
        text = value.isoformat() if isinstance(value, (date, time)) else str(value)
        if not isinstance(value, date) or "y" not in letters:
            return marked(text, self.code)
        if "h" in letters:
            return text if "d" in letters else marked(text, self.code)
        length = 10 if "d" in letters else 7 if "m" in letters else 4
        return value.strftime("%Y-%m-%d")[:length] if letters != "yd" else marked(text, self.code)

    def _section(self, value: Decimal) -> Section | None:
        """The section that shows the value; None if conditions choose between different sections."""
        if any(section.is_conditional for section in self.numbers):
            first, *others = (
                {**vars(s), "is_conditional": False, "is_coloured": False} for s in self.numbers
            )
            return self.numbers[0] if all(other == first for other in others) else None
        place = 1 if value < 0 else 2 if not value else 0
        return self.numbers[place if place < len(self.numbers) else 0]


@cache
def format_of(code: str) -> Format:
    """Parse a format code.

    >>> format_of("0.0%").of_number(Decimal("0.853")), format_of('0"万元"').of_number(Decimal("12"))
    ('85.3%', '12万元')
    >>> format_of("#,##0,").of_number(Decimal("12345"))
    '12345 ⟦#,##0,⟧'
    """
    parts: list[list[re.Match[str]]] = [[]]
    for token in _TOKEN.finditer(code or GENERAL):
        if token["end"]:
            parts.append([])
        else:
            parts[-1].append(token)
    sections = [_section_of(part) for part in parts]
    *numbers, last = sections
    if len(sections) > 3:
        return Format(code, tuple(numbers[:3]), last)
    if last.is_text and len(sections) > 1:
        return Format(code, tuple(numbers), last)
    return Format(code, tuple(sections), last if last.is_text else None)


def _without_sign(section: Section) -> Section | None:
    """The section of negative numbers without its sign; None if no minus, bracket or colour shows the sign."""
    bare = _replaced(section, str.maketrans("", "", "-－()（）"))
    is_marked = bare != section or section.is_coloured
    return bare if is_marked else None


def _replaced(section: Section, signs: dict[int, Any]) -> Section:
    values = {
        **vars(section),
        "before": section.before.translate(signs),
        "after": section.after.translate(signs),
    }
    return Section(**values)


def _section_of(tokens: Sequence[re.Match[str]]) -> Section:
    """Parse the tokens of a section."""
    marks: list[tuple[str, str]] = []
    is_conditional = is_coloured = False
    for token in tokens:
        bracket = token["bracket"]
        if bracket is not None:
            if bracket.startswith("$"):
                marks.append(("literal", bracket[1:].rpartition("-")[0] if "-" in bracket else bracket[1:]))
            elif _CONDITION.match(bracket):
                is_conditional = True
            elif _ELAPSED.fullmatch(bracket):
                marks.append(("date", "h"))
            elif not bracket.upper().startswith("DBNUM"):
                is_coloured = True
        elif not token["skipped"]:
            marks.append(_mark(token))
    letters = _date_letters(marks)
    kinds = [(kind, "".join(text for _, text in group)) for kind, group in groupby(marks, lambda m: m[0])]
    places = [i for i, (kind, _) in enumerate(kinds) if kind == "digits"]
    is_text = any(kind == "text" for kind, _ in kinds)
    first, last = (places[0], places[-1]) if places else (len(kinds), len(kinds))
    between = "".join(text for kind, text in kinds[first:last] if kind == "literal")
    literals = [(i, text) for i, (kind, text) in enumerate(kinds) if kind == "literal"]
    return Section(
        before="".join(text for i, text in literals if i < first),
        after="".join(text for i, text in literals if i > last),
        digits="".join(kinds[i][1] for i in places) or (GENERAL if is_text else ""),
        percents=sum(len(text) for kind, text in kinds if kind == "percent"),
        date=letters,
        is_conditional=is_conditional,
        is_coloured=is_coloured,
        is_broken=bool(between) or any(kind == "percent" for kind, _ in kinds[first:last]),
        is_text=is_text,
    )


#: Character of a format → its kind.
_SIGNS = {
    **dict.fromkeys("0#?.,", "digits"),
    **dict.fromkeys("ymdhse", "date"),
    "/": "slash",
    "%": "percent",
    "@": "text",
}


def _mark(token: re.Match[str]) -> tuple[str, str]:
    kind, text = token.lastgroup, token[token.lastgroup or 0]
    if kind == "other":
        sign = text.lower()
        return _SIGNS.get(sign, "literal"), sign if sign in _SIGNS else text
    named = {"general": ("digits", GENERAL), "clock": ("date", "h"), "exponent": ("digits", "E")}
    return named.get(kind or "", ("literal", text.strip('"') if kind == "quoted" else text))


def _date_letters(marks: list[tuple[str, str]]) -> str:
    """Letters of year, month, day and time that are shown. Slashes become literals in a date, otherwise digits."""
    dates = [text for kind, text in marks if kind == "date"]
    is_fraction = not dates
    marks[:] = [
        (("digits" if is_fraction else "literal") if kind == "slash" else kind, text) for kind, text in marks
    ]
    letters = {"y" if t == "e" else "h" if t in "hs" else t for t in dates}
    return "".join(t for t in "ymdh" if t in letters)


@cache
def _epoch(is_1904: bool) -> datetime:
    return datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30)  # noqa: DTZ001 - Excel has no time zones


def moment(serial: float, is_1904: bool) -> datetime:
    """The time that a day number stands for, to the second."""
    return _epoch(is_1904) + timedelta(seconds=round(serial * 86400))
