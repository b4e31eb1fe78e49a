"""Where the rules of this area lie, and how they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobs.rules.reader import read_mapping
from schemas.errors import RejectedError

FOLDER = Path(__file__).parent


def read(path: Path) -> dict[str, Any]:
    """A YAML file that is a mapping with names as keys.

    Raises:
        RejectedError: it is not; the line names the file.
    """
    raw = read_mapping(path)
    if not all(isinstance(key, str) for key in raw):
        raise RejectedError(f"{path.name}: not a mapping of names")
    return raw
