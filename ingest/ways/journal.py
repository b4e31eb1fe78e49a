"""The journal of an ingestion run: which tables get rows of which deliveries, until the register has the deliveries.

A killed run leaves its journal. The next run removes the rows that the killed one wrote without registering them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ingest.register.deliveries import DELIVERY
from ingest.register.entries import deliveries
from schemas.contract import contract
from schemas.errors import RejectedError
from warehouse import tables
from warehouse.progress import Progress
from warehouse.settings import settings
from warehouse.state import remove, write_whole


def _file() -> Path:
    return settings().home / "ingest-journal.json"


def begin(names: Sequence[str], marks: Sequence[tuple[str, str]]) -> None:
    """Record which tables get rows of which deliveries and mappings, before the first row is written."""
    write_whole(_file(), json.dumps({"tables": list(names), "deliveries": marks}))


def end() -> None:
    """Remove the journal: the register has all deliveries of the run."""
    remove(_file())


def recover(progress: Progress) -> None:
    """Remove rows of deliveries that a killed run wrote without registering them."""
    if not _file().exists():
        return
    try:
        begun = json.loads(_file().read_text(encoding="utf-8"))
        names, marks = list(begun["tables"]), [(str(d), str(m)) for d, m in begun["deliveries"]]
    except (ValueError, KeyError, TypeError):
        raise RejectedError(
            f"{_file()} is not readable: it lists the deliveries of an interrupted run; restore it from a backup of "
            "the home, or see docs/operations/lost-files.md"
        ) from None
    # a run ends, and removes its journal, only when the register is on disk; so nobody relies on unconfirmed commits
    for name in (*names, DELIVERY):
        tables.drop_unconfirmed(tables.table_path(name))
    registered = {(d["delivery_id"], d["mapping_hash"]) for d in deliveries()}
    orphans = sorted(set(marks) - registered)
    for name in names if orphans else ():
        if tables.exists(name):
            progress("ingest", f"removing the rows of an interrupted run from {name}", len(orphans))
            clauses = (f"(delivery_id = '{d}' AND mapping_hash = '{m}')" for d, m in orphans)
            tables.delete(contract(name), " OR ".join(clauses))
    end()
