"""Arrivals: what came for a group of feeds since it was last taken in.

Cheap enough to be asked every few seconds by a process that holds no worker: names, times and sizes are looked at,
never contents. A file that was refused was looked at, so that it is no arrival again until it or its manifest
changes.

Beside the landing folder the register is looked at: what a stream, a correction or the command line entered is news
for the tables made from it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ingest.register.deliveries import DELIVERY
from ingest.ways.manifest import MANIFEST
from schemas.contract import contract
from warehouse.settings import settings
from warehouse.state import read, write_whole

#: After an attempt that failed for another reason than its files (no engine, a full disk) the same is tried again.
RETRY_AFTER = timedelta(minutes=15)

#: ``<feed>/<file>`` or ``<feed>`` (its register) → what changes when it does.
Marks = dict[str, str]


def drops(feeds: Sequence[str]) -> Marks:
    """Manifests in the feeds' landing folders whose files lie beside them; half a drop is none yet."""
    found: Marks = {}
    for feed in feeds:
        try:
            with os.scandir(settings().landing / feed) as folder:
                entries = {entry.name: entry for entry in folder}
        except (FileNotFoundError, NotADirectoryError):
            continue
        for name, entry in entries.items():
            if name.endswith(MANIFEST) and (file := entries.get(name.removesuffix(MANIFEST))):
                found[f"{feed}/{file.name}"] = f"{_stamp(entry)} {_stamp(file)}"
    return found


def registered(feeds: Sequence[str]) -> Marks:
    """How far the register of each feed goes, and to which version of its table.

    Its entries are files that are added, one for each commit.
    """
    from warehouse.tables import table_path

    found: Marks = {}
    for feed in feeds:
        files = sorted(p.name for p in (table_path(DELIVERY) / f"feed={feed}").glob("*.parquet"))
        if files:
            number = contract(f"raw.{feed}").version
            found[feed] = f"{len(files)} {files[-1]}{f' version {number}' if number > 1 else ''}"
    return found


def unseen(group: str, feeds: Sequence[str], now: datetime) -> Marks:
    """What is there and was not taken in or refused as it is now."""
    state = _state(group)
    seen, tried = state.get("seen", {}), state.get("tried", {})
    wait = "tried_at" in state and now - datetime.fromisoformat(state["tried_at"]) < RETRY_AFTER
    found = drops(feeds) | registered(feeds)
    return {
        name: mark
        for name, mark in found.items()
        if seen.get(name) != mark and not (wait and tried.get(name) == mark)
    }


def looked_at(group: str) -> datetime | None:
    """When the group was taken in last, with something new or not."""
    at = _state(group).get("looked_at")
    return datetime.fromisoformat(at) if at else None


def begin(group: str, marks: Mapping[str, str], now: datetime) -> None:
    """Say what is about to be taken in: if that fails it is left alone for a while."""
    _write(group, {**_state(group), "tried": marks, "tried_at": now.isoformat()})


def done(group: str, marks: Mapping[str, str], now: datetime, refused: Sequence[str] = ()) -> None:
    """Say what was taken in, and which files were refused; what is no longer there is forgotten."""
    _write(group, {"seen": marks, "looked_at": now.isoformat(), "refused": sorted(refused)})


def is_at_rest(group: str, feeds: Sequence[str]) -> bool:
    """Whether all that is there was taken in: to do it once more would change nothing and tell nobody of a fault."""
    state = _state(group)
    return (
        "tried" not in state
        and not state.get("refused", True)
        and state.get("seen") == drops(feeds) | registered(feeds)
    )


def _stamp(entry: os.DirEntry[str]) -> str:
    try:
        status = entry.stat()
    except OSError:  # gone, or a link to nowhere: ingest says so
        return "-"
    return f"{status.st_mtime_ns}.{status.st_size}.{status.st_ino}"


def _file(group: str) -> Path:
    return settings().home / "arrivals" / f"{group}.json"


def _state(group: str) -> dict[str, Any]:
    """Without it everything is looked at once more, and found to be known."""
    return read(_file(group))


def _write(group: str, state: Mapping[str, Any]) -> None:
    write_whole(_file(group), json.dumps(state, ensure_ascii=False))


def now() -> datetime:
    return datetime.now(UTC)
