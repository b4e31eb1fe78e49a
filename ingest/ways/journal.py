"""The journal of a run: which tables get rows of which deliveries, until the register has them.

A run that was killed leaves its journal, and the next one removes what that run wrote without registering it.
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
    """Say which tables get rows of which deliveries and mappings, before the first of them has any."""
    write_whole(_file(), json.dumps({"tables": list(names), "deliveries": marks}))


def end() -> None:
    """The register has all that was begun."""
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
            f"{_file()} is not readable: it says what an interrupted run had begun to take in; put it back from a "
            "copy of the home, or see docs/operations/lost-files.md"
        ) from None
    # nobody was told that these commits count: the journal goes when the register is on disk
    for name in (*names, DELIVERY):
        tables.drop_unconfirmed(tables.table_path(name))
    registered = {(d["delivery_id"], d["mapping_hash"]) for d in deliveries()}
    orphans = sorted(set(marks) - registered)
    for name in names if orphans else ():
        if tables.exists(name):
            progress("ingest", f"removing what an interrupted run left in {name}", len(orphans))
            clauses = (f"(delivery_id = '{d}' AND mapping_hash = '{m}')" for d, m in orphans)
            tables.delete(contract(name), " OR ".join(clauses))
    end()
