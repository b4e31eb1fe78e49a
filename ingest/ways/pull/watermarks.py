"""Watermarks: how far the table of a feed was read.

A watermark only saves reading. A lost or late one neither doubles nor loses a row.
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
        """Write the mark, after the register's commit: if a pull is killed in between, the next one reads the same rows
        again and leaves them out."""
        write_whole(_mark_file(name), json.dumps(vars(self), ensure_ascii=False))


def last_mark(name: str) -> Mark | None:
    """The feed's mark; None if there is none or it is not readable, and then everything is read."""
    try:
        return Mark(**json.loads(_mark_file(name).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _mark_file(name: str) -> Path:
    return settings().home / "watermarks" / f"{name}.json"
