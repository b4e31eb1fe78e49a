"""The templates' environment: filters, columns of tables, and addresses of assets with a hash of their content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from portal.plain_text import visible
from portal.web import drawing, numbers
from portal.web.numbers import Missing

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
#: A text with more characters has a line of its own on a phone.
LONG = 12

#: Kind of a column → how its figures are written.
SHOWN: Mapping[str, Callable[[Any], str]] = {
    "number": numbers.number,
    "amount": lambda value: numbers.fixed(value, 0),
    "score": lambda value: numbers.fixed(value, 2),
    "pct": numbers.pct,
    "share": lambda value: numbers.pct(100 * value),
    "signed": lambda value: numbers.signed(numbers.number(value)),
    "signed_pct": numbers.signed_pct,
    "date": numbers.day,
}
FIGURES = frozenset(SHOWN) - {"date"}


@dataclass(frozen=True)
class Column:
    """A column of a table on a page; title and unit are in the page's language."""

    name: str
    title: str
    unit: str = ""
    #: text, name (the row's own), code, grade, bar (0 to 100), or one of ``SHOWN``.
    kind: str = "text"
    #: Name by which the address orders the rows; empty if they cannot be ordered by it.
    sort: str = ""
    #: Why a figure of this column may be missing.
    reason: str = ""
    #: Its texts stay in Chinese on English pages: names of firms and places, documents.
    is_original: bool = False
    #: The page writes the cells itself.
    is_custom: bool = False

    @property
    def is_figure(self) -> bool:
        return self.kind in FIGURES

    @property
    def heading(self) -> str:
        """Title and unit, which a phone shows beside each value."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def style(self, value: object) -> str:
        """Classes of a cell."""
        if self.is_figure:
            return "right"
        if self.kind in ("name", "date"):
            return {"name": "name", "date": "nowrap"}[self.kind]
        return "text long" if isinstance(value, str) and len(value) > LONG else "text"


_CHINESE = "\u3000-\u303f\u3400-\u9fff\uff00-\uffef"
#: Chinese words, with figures, letters and marks between them.
_WORDS = re.compile(rf"[{_CHINESE}](?:[{_CHINESE}\w.%/()·“”…—-]*[{_CHINESE}”])?")
#: A text in both languages: Chinese, a space, English.
_PAIR = re.compile(r"(.*[^\x00-\x7f]) ([A-Za-z][\x20-\x7e]*)")


@pass_context
def original(context: Context, text: object) -> object:
    """A text without a translation; on an English page its Chinese words are marked, so that they are read as such."""
    if context["lang"] == "zh":
        return text
    return Markup(_WORDS.sub(r'<span lang="zh-CN">\g<0></span>', str(escape(visible(text)))))


@pass_context
def pair(context: Context, text: str) -> str:
    """Of a text in both languages the one of the page."""
    found = _PAIR.fullmatch(text)
    return found[1 if context["lang"] == "zh" else 2] if found else text


@cache
def static(name: str) -> str:
    """Address of an asset. It changes with the content, so that browsers may keep it for ever.

    >>> static("portal.css").startswith("/static/portal.css?v=")
    True
    """
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


@cache
def environment() -> Environment:
    """Templates escape every value, show its invisible characters, and refuse names that nobody has set."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        finalize=visible,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    made.filters.update(
        measure=numbers.measure,
        number=numbers.number,
        fixed=numbers.fixed,
        pct=numbers.pct,
        signed=numbers.signed,
        signed_pct=numbers.signed_pct,
        unit=numbers.unit_name,
        date=numbers.day,
        shown=lambda value, kind: SHOWN[kind](value),
        shares=drawing.shares,
        lines=drawing.lines,
        spoken=drawing.spoken,
        original=original,
        pair=pair,
    )
    made.tests["missing_figure"] = lambda value: isinstance(value, Missing)
    made.globals.update(static=static, column=Column)
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "default": _plain, "separators": (",", ":")}
    return made


def _plain(value: object) -> float:
    """JSON has no decimals; a chart needs no more digits than a float has."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is not for a chart")
