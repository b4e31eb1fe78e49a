"""A file is read strictly in the encoding of its contract; nothing is converted or dropped."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from ingest.readers.bounds import BLOCK_BYTES
from schemas.errors import RejectedError
from schemas.source import Source


def wrong_encoding(name: str, source: Source, error: Exception) -> RejectedError:
    """What a person is told of a file that is not in its contract's encoding."""
    return RejectedError(
        f"{name}: not {source.encoding} as its contract says ({error}); "
        "ask for the right encoding or change source.encoding"
    )


#: Four Chinese characters or more in UTF-8 between plain ones. GB18030 has such bytes in one text of 10¹⁰.
_UTF8_RUN = re.compile(rb"[\x00-\x7f](?:[\xe4-\xe9][\x80-\xbf]{2}){4,}(?:[\x00-\x7f]|\Z)")


def refuse_utf8_within(path: Path, name: str) -> None:
    """UTF-8 read as GB18030 is often text, only another: strict decoding does not find it."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if found := _UTF8_RUN.search(content):
            line = _lines_before(content, found.start() + 1) + 1
            raise RejectedError(
                f"{name}: line {line} holds UTF-8 in a file of GB18030; send it whole in one encoding"
            )


def _lines_before(content: mmap.mmap, end: int) -> int:
    return sum(content[i : min(i + BLOCK_BYTES, end)].count(b"\n") for i in range(0, end, BLOCK_BYTES))
