"""Watermarks: how far the table of a feed was read.

A watermark only says what need not be read. It may be lost or lag behind, and nothing is doubled or missing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from warehouse.settings import settings
from warehouse.state import write_whole


@dataclass(frozen=True)
class Mark:
    """How far a feed was read: the watermark's column in a table of a connection, and its last value."""

    connection: str
    table: str
    column: str
    last: str | int

    def save(self, name: str) -> None:
        """After the register's commit: a pull killed between the two reads the same rows again, and leaves them out."""
        write_whole(_mark_file(name), json.dumps(vars(self), ensure_ascii=False))


def last_mark(name: str) -> Mark | None:
    """None where there is none, or it is not readable: then everything is read."""
    try:
        return Mark(**json.loads(_mark_file(name).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _mark_file(name: str) -> Path:
    return settings().home / "watermarks" / f"{name}.json"
