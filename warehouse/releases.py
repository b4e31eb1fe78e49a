"""Releases: all published tables at once, or none.

Release N exists if and only if ``releases/manifest-N.json`` does. The manifest is created only if absent, after
everything that it names: the published tables and their versions, the release file and its hash, the rule sets, the
code version, the input versions and the gate's result. A rollback is a new manifest with an old release's content.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schemas.errors import RejectedError, UsageError, UserError
from warehouse.content import Content, Contents
from warehouse.settings import settings
from warehouse.state import sync, write_whole
from warehouse.tables import writing

log = logging.getLogger("brain.release")

MANIFEST = re.compile(r"manifest-(\d+)\.json")


@dataclass(frozen=True)
class PublishedTable:
    """A published Delta table at the version that the release names."""

    name: str
    path: Path
    version: int
    rows: int
    content_hash: str


@dataclass(frozen=True)
class Release:
    """An existing release. Opening it needs no engine."""

    number: int
    manifest: Mapping[str, Any]

    @property
    def file(self) -> Path:
        return settings().releases / str(self.manifest["file"]["name"])

    @property
    def tables(self) -> dict[str, PublishedTable]:
        return {
            name: PublishedTable(
                name, published_path(name), entry["version"], entry["rows"], entry["content_hash"]
            )
            for name, entry in self.manifest["tables"].items()
        }

    @property
    def contents(self) -> Contents:
        """Table → period → content; older releases did not record it, their tables are left out."""
        return {
            name: {period: Content.from_text(text) for period, text in entry["periods"].items()}
            for name, entry in self.manifest["tables"].items()
            if "periods" in entry
        }

    @property
    def made_from(self) -> Mapping[str, Any]:
        """Latest ``closure`` and ``inputs`` (table → version) known to give this release's content."""
        try:
            seen = json.loads(_same_content(self.number).read_text(encoding="utf-8"))
            return {"closure": str(seen["closure"]), "inputs": dict(seen["inputs"])}
        except (OSError, ValueError, KeyError, TypeError):  # the file only saves a comparison
            return self.manifest

    def is_also_made_from(self, closure: str, inputs: Mapping[str, int]) -> None:
        """Record that other code or inputs gave the same content, so that they are not compared again."""
        write_whole(_same_content(self.number), json.dumps({"closure": closure, "inputs": dict(inputs)}))


def _same_content(number: int) -> Path:
    return settings().releases / f"same-content-{number}.json"


def _manifest_path(number: int) -> Path:
    return settings().releases / f"manifest-{number}.json"


def published_path(name: str) -> Path:
    area, table = name.split(".")
    return settings().warehouse / "published" / area / table


def release_numbers() -> list[int]:
    found = (MANIFEST.fullmatch(p.name) for p in settings().releases.glob("manifest-*.json"))
    return sorted(int(match[1]) for match in found if match)


def open_release(number: int | None = None) -> Release:
    """A release; without a number the latest complete one, with a warning where a later one is damaged.

    Raises:
        UsageError: the release does not exist, or there is none yet.
        RejectedError: the release, or every release, is damaged.
    """
    numbers = release_numbers()
    if not numbers:
        raise UsageError("there is no release yet; ./brain demo makes one")
    if number is not None:
        if number not in numbers:
            raise UsageError(f"there is no release {number}; there are {', '.join(map(str, numbers))}")
        return _read(number)
    faults: list[str] = []
    for candidate in reversed(numbers):
        try:
            release = _read(candidate)
        except RejectedError as error:
            faults.append(str(error))
            continue
        if faults:
            log.warning("%s; release %s is read instead", faults[0], candidate)
        return release
    raise RejectedError(f"{faults[0]}; no release is complete: ./brain publish makes a new one")


def last_release() -> Release | None:
    """The latest complete release, or None."""
    try:
        return open_release()
    except UserError:
        return None


def _read(number: int) -> Release:
    """Read a release's manifest and check that its file exists with its size.

    Raises:
        RejectedError: the manifest or the file is damaged.
    """
    path = _manifest_path(number)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        release = Release(number, manifest)
        file, size = release.file, manifest["file"].get("bytes")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise RejectedError(f"release {number}: {path} is cut off or not readable") from None
    if not file.is_file():
        raise RejectedError(f"release {number}: {file} does not exist")
    if size is not None and file.stat().st_size != size:
        raise RejectedError(f"release {number}: {file} has {file.stat().st_size:,} of its {size:,} bytes")
    return release


def is_named(name: str, version: int) -> bool:
    """Whether any release names a version of a staged or published table; an unreadable manifest counts as yes."""
    for number in release_numbers():
        try:
            manifest = json.loads(_manifest_path(number).read_text(encoding="utf-8"))
            published = manifest["tables"].get(name, {}).get("version")
            if version in (manifest["inputs"].get(name), published):
                return True
        except (OSError, ValueError, KeyError, AttributeError):
            return True
    return False


def create_manifest(number: int, content: Mapping[str, Any]) -> Release:
    """Create release N: the last step of a publication, and the only one that takes effect.

    Raises:
        RejectedError: another publisher created release N meanwhile.
    """
    folder = settings().releases
    manifest = {"release": number, "created_at": datetime.now(UTC).isoformat(timespec="seconds"), **content}
    partial = folder / f"manifest-{number}.{os.getpid()}.partial"
    partial.write_text(json.dumps(manifest, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
    sync(partial)
    try:
        # creating a hard link is atomic and fails if the name exists
        os.link(partial, _manifest_path(number))
    except FileExistsError:
        raise RejectedError(
            f"release {number} was made by another publisher meanwhile; run it again"
        ) from None
    finally:
        partial.unlink()
    sync(folder)
    return open_release(number)


def next_number() -> int:
    return max(release_numbers(), default=0) + 1


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def rollback(number: int) -> Release:
    """Create a new release with the content of an old one.

    Raises:
        UsageError: the old release does not exist.
        RejectedError: it is damaged, or its file is no longer the one that was published.
    """
    with writing("publish"):
        old = open_release(number)
        if checksum(old.file) != old.manifest["file"]["sha256"]:
            raise RejectedError(f"release {number}: {old.file} is no longer the file that was published")
        content = {k: v for k, v in old.manifest.items() if k not in ("release", "created_at", "rollback_of")}
        return create_manifest(next_number(), {**content, "rollback_of": number})
