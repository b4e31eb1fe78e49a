"""Decisions on their way into the tables: files of the landing folder, written from the journal like a sender's.

A decision counts once it is in the journal. Its file follows at once; if a kill comes between, the next decision, the
next ``./brain procedure`` or the DAG writes it. A file has the same bytes whenever it is written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portal.procedure import journal
from portal.procedure.journal import Delivery, Entry
from schemas.contract import Feed, feed
from warehouse.settings import settings
from warehouse.state import write_whole


def deliver() -> list[Path]:
    """Write the files of all decisions that have none yet."""
    files = []
    for delivery in journal.plan_deliveries():
        with journal.reading() as db:
            found = journal.between(db, delivery)
        files.append(_write(delivery, found))
        journal.written(delivery)
    return files


def _write(delivery: Delivery, entries: list[Entry]) -> Path:
    """The file, then its manifest, each in one step."""
    spec = feed(delivery.feed)
    folder = settings().landing / spec.table
    folder.mkdir(parents=True, exist_ok=True)
    name = f"procedure_{delivery.period}_{delivery.first:08d}.{spec.source.format}"
    content = "".join(
        json.dumps(as_sent(spec, entry.record), ensure_ascii=False, separators=(",", ":")) + "\n"
        for entry in entries
    )
    manifest = {
        "feed": spec.table,
        "period": delivery.period,
        # each file of a year is a part of its own: a year's decisions come one after the other
        "part": f"{delivery.first:08d}",
        "file": name,
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        "records": len(entries),
        "sent_at": delivery.at,
    }
    write_whole(folder / name, content, mode=0o644)
    write_whole(folder / f"{name}.manifest.json", json.dumps(manifest, ensure_ascii=False) + "\n", mode=0o644)
    return folder / name


def as_sent(spec: Feed, record: Mapping[str, Any]) -> dict[str, Any]:
    """A record under the feed's headings, codes in its words."""
    sent: dict[str, Any] = {}
    for column, mapped in spec.source.mapping.items():
        value = record.get(column)
        words = {code: word for word, code in (mapped.codes or {}).items()}
        if mapped.heading is not None:
            sent[mapped.heading] = words[value] if words and value is not None else value
    return sent


def sendable(name: str, column: str) -> list[str]:
    """The codes for which a feed has a word; a decision with another one could not be sent.

    >>> sendable("ent_objection", "objection_kind_code")
    ['land', 'figure', 'grade']
    """
    return list((feed(name).source.mapping[column].codes or {}).values())
