"""What publishers and retention do to the releases of a home, and a release changed by hand."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import duckdb

from warehouse.settings import settings


def take_over(number: int, home: Path) -> None:
    """Publish another home's release here: its file, then its manifest, as a publisher does."""
    for name in (f"release-{number}.duckdb", f"manifest-{number}.json"):
        shutil.copyfile(home / "releases" / name, settings().releases / name)


def remove(number: int) -> None:
    """Remove a release as retention does: its manifest first."""
    folder = settings().releases
    (folder / f"manifest-{number}.json").unlink()
    (folder / f"release-{number}.duckdb").unlink()


def edit(number: int, *statements: str) -> None:
    """Change a release's file by hand, as a feed with planted texts would have made it."""
    folder = settings().releases
    path, manifest = folder / f"release-{number}.duckdb", folder / f"manifest-{number}.json"
    copy = folder / "edited.duckdb"
    shutil.copyfile(path, copy)
    with duckdb.connect(str(copy)) as connection:
        for statement in statements:
            connection.execute(statement)
    copy.replace(path)
    content = json.loads(manifest.read_text(encoding="utf-8"))
    content["file"] |= {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    manifest.write_text(json.dumps(content), encoding="utf-8")
