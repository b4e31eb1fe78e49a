"""CSV that a spreadsheet opens without calculating: a text never begins as a formula (OWASP: CSV Injection)."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

#: A cell that begins with one of these may be taken as a formula; in Chinese editions those of full width too.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Rows encoded at a time.
_AT_A_TIME = 1000


def safe_csv(rows: Iterable[Sequence[object]], *, bom: bool = False) -> Iterator[bytes]:
    """Lines as RFC 4180 has them, in UTF-8, some rows at a time; headings are the first row.

    A text that begins like a formula gets a leading ``'``. Numbers stay as they are, -5 too.

    Args:
        bom: begin with a byte order mark, without which Excel reads UTF-8 as the machine's own encoding.

    >>> b"".join(safe_csv([["企业", "增速"], ["=1+1", -5], ["a,b", None]])).decode()
    '企业,增速\\r\\n\\'=1+1,-5\\r\\n"a,b",\\r\\n'
    """
    if bom:
        yield codecs.BOM_UTF8
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for number, row in enumerate(rows, start=1):
        writer.writerow([_cell(value) for value in row])
        if number % _AT_A_TIME == 0:
            yield _taken(buffer)
    if buffer.tell():
        yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "replace")


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"  # never 1E+3
    if isinstance(value, int | float):
        return value
    text = "; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
