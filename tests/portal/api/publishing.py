"""What publishers and retention do to the releases of a home, and a release changed by hand."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
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


def publish_edited(number: int, of: int, tables: Iterable[str], *statements: str) -> None:
    """Publish a release that is another one changed by hand; its manifest says that these tables have other content."""
    folder = settings().releases
    shutil.copyfile(folder / f"release-{of}.duckdb", folder / f"release-{number}.duckdb")
    content = json.loads((folder / f"manifest-{of}.json").read_text(encoding="utf-8"))
    content |= {"release": number, "file": {"name": f"release-{number}.duckdb"}}
    for name in tables:
        entry = content["tables"][name]
        entry["content_hash"] = f"edited {number}"
        entry["periods"] = dict.fromkeys(entry["periods"], f"0 {number} 0")
    (folder / f"manifest-{number}.json").write_text(json.dumps(content), encoding="utf-8")
    edit(number, *statements)
