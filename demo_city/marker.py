"""The marker of a demo city (示范城市标记): what a landing folder holds of it, and the city's day."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from demo_city.delivery import replace
from schemas.today import FILE, Calendars, SyntheticDay

MARKER = ".demo_city.json"
State = dict[str, Any]


def read(landing: Path) -> State:
    """The marker; empty if the folder holds no demo city."""
    try:
        found = json.loads((landing / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(landing: Path, state: State, calendars: Calendars) -> None:
    """Write the marker, then the city's day, each atomically."""
    replace(landing / MARKER, dump(state))
    day = SyntheticDay(date.fromisoformat(state["today"]), calendars)
    if not (landing / FILE).exists() or (landing / FILE).read_bytes() != day.as_bytes():
        replace(landing / FILE, day.as_bytes())


def remove(landing: Path, files: Iterable[str]) -> None:
    """Remove another demo city's files, each manifest first: a file without a manifest is not ingested."""
    for name in files:
        path = landing / name
        if landing.resolve() in path.resolve().parents:
            path.with_name(f"{path.name}.manifest.json").unlink(missing_ok=True)
            path.unlink(missing_ok=True)
    for name in (MARKER, FILE):
        (landing / name).unlink(missing_ok=True)


def dump(value: object) -> bytes:
    """JSON as the generator writes it."""
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8")
