"""Content of the staged tables: a hash of each, and the differences between two homes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.settings import settings

if TYPE_CHECKING:
    from warehouse.comparison import Difference


@dataclass(frozen=True)
class Content:
    """A staged table's number of rows and the canonical hash of its content, for comparing two homes."""

    table: str
    rows: int
    content_hash: str


def contents() -> list[Content]:
    """The content of every staged table, computed from its rows.

    Publishing, in contrast, stops early if the fingerprints equal those of the latest release.
    """
    from warehouse.comparison import staged_content

    return [Content(name, held.rows, held.hash) for name, held in staged_content()]


def differences(there: Path) -> list[Difference]:
    """The staged tables that differ from another home's, with the differing columns and rows."""
    from warehouse import comparison

    return list(comparison.differences(there, settings().home))
