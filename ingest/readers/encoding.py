"""Encodings: a file is decoded strictly in its contract's encoding; no byte is converted or dropped."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from ingest.readers.bounds import BLOCK_BYTES
from schemas.errors import RejectedError
from schemas.source import Source


def wrong_encoding(name: str, source: Source, error: Exception) -> RejectedError:
    """The error for a file that is not in its contract's encoding."""
    return RejectedError(
        f"{name}: not {source.encoding} as its contract says ({error}); "
        "ask for the right encoding or change source.encoding"
    )


#: Four or more Chinese characters in UTF-8 between ASCII characters. One GB18030 text of 10¹⁰ has such bytes.
_UTF8_RUN = re.compile(rb"[\x00-\x7f](?:[\xe4-\xe9][\x80-\xbf]{2}){4,}(?:[\x00-\x7f]|\Z)")


def refuse_utf8_within(path: Path, name: str) -> None:
    """Refuse a GB18030 file with UTF-8 in it: as GB18030 that is often valid but wrong text, so decoding does not fail.

    Raises:
        RejectedError: a line has UTF-8.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if run := _UTF8_RUN.search(content):
            line = _lines_before(content, run.start() + 1) + 1
            raise RejectedError(
                f"{name}: line {line} is UTF-8 in a file of GB18030; send the complete file in one encoding"
            )


def _lines_before(content: mmap.mmap, end: int) -> int:
    return sum(content[i : min(i + BLOCK_BYTES, end)].count(b"\n") for i in range(0, end, BLOCK_BYTES))
