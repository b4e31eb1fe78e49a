"""What the long forms of API and pages share: hostile values, and what no answer may show, whatever was asked."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import quote

from portal.web.security import HEADERS
from warehouse.settings import CHECKOUT, settings

HOSTILE = [
    "", "0", "-1", "1e9", "NaN", "true", "null", "2024", "2024-13-45", "' OR 1=1 --", '"; DROP SCHEMA per_mu; --',
    "$1", "?", "\0", "a\0b", "\udcff", "../../etc/passwd", "..\\..\\manifest-1.json", "/etc/passwd", "a\r\nb: c",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover=alert(1) x='", "javascript:alert(1)",
    "=1+1", '=HYPERLINK("http://x","y")', "＝1+1", "{{7*7}}planted", "${7*7}", "%s%n", "轴承", "９１３３", "２０２４",
    "\u202eexe", "\u200b", "é" * 50, "𠮷", "in.", "in.,,", "gte.", "is.null", "not.null", "contains.%", "starts._",
    "x" * 300, "9" * 40, "9" * 5000, "(SELECT 1)", "1; SELECT 1", "WzEsMl0", "WyJ4IiwieCJd", "[]",
]  # fmt: skip

#: A trace, the text of a failed statement, or a file of the home.
_INSIDE = re.compile(
    r"Traceback|\.py\", line|LINE \d+:|\.duckdb"
    r"|(?:Binder|Parser|Catalog|Conversion|Constraint|Transaction|Out of Range|Invalid Input|IO) Error"
)
#: Markup that no page has: what a reader or a sender wrote was not escaped.
_LIVE = re.compile(
    r"<(?:img|iframe|object|embed|b)[\s>]|<script(?! src=\"/|(?: id=\"[\w-]+\")? type=\"application/json\")"
    r"|<[a-z][\w-]*(?:\s+(?!on)[^\s\"'>=/]+(?:=(?:\"[^\"]*\"|'[^']*'|[^\s\"'>]+))?)*\s+on\w+\s*="
    r"|49planted|href=\"javascript:",
    re.IGNORECASE,
)
#: Characters that would change how a page's other texts are read.
_TURNING = re.compile("[\x00-\x08\u200b\u202a-\u202e\u2066-\u2069]")


def quoted(text: str, safe: str = "") -> str:
    """A text in an address; bytes that are no UTF-8 are sent too."""
    return quote(text.encode("utf-8", "surrogateescape"), safe=safe)


def assert_inside_stays_inside(answer: Any, where: str) -> None:
    """Assert that an answer is no failure of the server, tells nothing of it, and has the headers of security."""
    assert answer.status_code < 500, f"{where}: {answer.text[:2000]}"
    text = answer.text
    assert not (found := _INSIDE.search(text)), (
        f"{where}: {text[max(0, found.start() - 100) : found.end() + 200]}"
    )
    assert str(settings().home) not in text and f"{CHECKOUT}/" not in text, where
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, where


def assert_inert(page: str, where: str) -> None:
    """Assert that nothing in a page's HTML acts or turns other texts round but what its template has."""
    for pattern in (_LIVE, _TURNING):
        assert not (found := pattern.search(page)), (
            f"{where}: {page[max(0, found.start() - 100) : found.end() + 100]!r}"
        )


def words_of(page: str) -> str:
    """A page's HTML with names in one piece: English pages mark the Chinese part of one by an element."""
    return unescape(re.sub(r"</?span[^>]*>", "", page))
