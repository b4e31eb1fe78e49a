"""What the staged tables hold: the hash of each one's content, and where two homes differ."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.settings import settings

if TYPE_CHECKING:
    from warehouse.comparison import Difference


@dataclass(frozen=True)
class Content:
    """A staged table's rows and the canonical hash of its content, by which two homes are compared."""

    table: str
    rows: int
    content_hash: str


def contents() -> list[Content]:
    """The content of every staged table.

    Publishing stops early where the fingerprints are those of the last release; this looks at the rows.
    """
    from warehouse.comparison import staged_content

    return [Content(name, held.rows, held.hash) for name, held in staged_content()]


def differences(there: Path) -> list[Difference]:
    """The staged tables that hold something else than another home's, with columns and rows."""
    from warehouse import comparison

    return list(comparison.differences(there, settings().home))
