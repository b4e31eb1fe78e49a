"""Arrivals: what came for a group of feeds since its last ingestion.

An Airflow trigger, which holds no worker, asks every few seconds. So only names, times and sizes of files are read,
never contents. A refused file counts as seen and is no arrival again until it or its manifest changes.

The register is read as well: what a stream, a correction or the command line registered makes derived tables stale.
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

#: Wait before the same arrivals are tried again after a failure that is not their own (no engine, a full disk).
RETRY_AFTER = timedelta(minutes=15)

#: ``<feed>/<file>`` or ``<feed>`` (its register) → a mark that changes with it.
Marks = dict[str, str]


def drops(feeds: Sequence[str]) -> Marks:
    """Complete drops in the feeds' landing folders: manifests whose files are beside them."""
    marks: Marks = {}
    for feed in feeds:
        try:
            with os.scandir(settings().landing / feed) as folder:
                entries = {entry.name: entry for entry in folder}
        except (FileNotFoundError, NotADirectoryError):
            continue
        for name, entry in entries.items():
            if name.endswith(MANIFEST) and (file := entries.get(name.removesuffix(MANIFEST))):
                marks[f"{feed}/{file.name}"] = f"{_stamp(entry)} {_stamp(file)}"
    return marks


def registered(feeds: Sequence[str]) -> Marks:
    """Number and last name of the register's files for each feed, and the version of the feed's table.

    Each commit to the register adds a file for each of its feeds.
    """
    from warehouse.tables import table_path

    marks: Marks = {}
    for feed in feeds:
        files = sorted(p.name for p in (table_path(DELIVERY) / f"feed={feed}").glob("*.parquet"))
        if files:
            number = contract(f"raw.{feed}").version
            marks[feed] = f"{len(files)} {files[-1]}{f' version {number}' if number > 1 else ''}"
    return marks


def unseen(group: str, feeds: Sequence[str], now: datetime) -> Marks:
    """Arrivals that were neither ingested nor refused in their present state."""
    state = _state(group)
    seen, tried = state.get("seen", {}), state.get("tried", {})
    wait = "tried_at" in state and now - datetime.fromisoformat(state["tried_at"]) < RETRY_AFTER
    present = drops(feeds) | registered(feeds)
    return {
        name: mark
        for name, mark in present.items()
        if seen.get(name) != mark and not (wait and tried.get(name) == mark)
    }


def looked_at(group: str) -> datetime | None:
    """Time of the group's last ingestion, whether it had arrivals or not."""
    at = _state(group).get("looked_at")
    return datetime.fromisoformat(at) if at else None


def begin(group: str, marks: Mapping[str, str], now: datetime) -> None:
    """Record what is about to be ingested: if that fails, it is not tried again for ``RETRY_AFTER``."""
    _write(group, {**_state(group), "tried": marks, "tried_at": now.isoformat()})


def done(group: str, marks: Mapping[str, str], now: datetime, refused: Sequence[str] = ()) -> None:
    """Record what was ingested and which files were refused; removed files are forgotten."""
    _write(group, {"seen": marks, "looked_at": now.isoformat(), "refused": sorted(refused)})


def is_at_rest(group: str, feeds: Sequence[str]) -> bool:
    """Whether everything present was ingested and nothing refused: another run would change and report nothing."""
    state = _state(group)
    return (
        "tried" not in state
        and not state.get("refused", True)
        and state.get("seen") == drops(feeds) | registered(feeds)
    )


def _stamp(entry: os.DirEntry[str]) -> str:
    try:
        status = entry.stat()
    except OSError:  # removed, or a dangling link: ingestion reports it
        return "-"
    return f"{status.st_mtime_ns}.{status.st_size}.{status.st_ino}"


def _file(group: str) -> Path:
    return settings().home / "arrivals" / f"{group}.json"


def _state(group: str) -> dict[str, Any]:
    """The group's state; without a state file everything is an arrival, and ingestion finds it known."""
    return read(_file(group))


def _write(group: str, state: Mapping[str, Any]) -> None:
    write_whole(_file(group), json.dumps(state, ensure_ascii=False))


def now() -> datetime:
    return datetime.now(UTC)
