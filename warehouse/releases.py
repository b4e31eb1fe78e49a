"""Releases: all published tables at once, or none.

``releases/manifest-N.json`` alone makes release N exist. It is created only if absent, after everything it
names. It names the published tables and their versions, the release file and its hash, the rule sets, the code
version, the input versions and the gate's result. A rollback is a new manifest that points back.
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
    """An existing release. Opening one needs neither Spark nor the engine."""

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
        """Table → period → content; tables of a release made before that was written down are left out."""
        return {
            name: {period: Content.from_text(text) for period, text in entry["periods"].items()}
            for name, entry in self.manifest["tables"].items()
            if "periods" in entry
        }

    @property
    def made_from(self) -> Mapping[str, Any]:
        """``closure`` and ``inputs`` (table → version) that were last seen to give this release's content."""
        try:
            seen = json.loads(_same_content(self.number).read_text(encoding="utf-8"))
            return {"closure": str(seen["closure"]), "inputs": dict(seen["inputs"])}
        except (OSError, ValueError, KeyError, TypeError):  # it saves a look, nothing else
            return self.manifest

    def is_also_made_from(self, closure: str, inputs: Mapping[str, int]) -> None:
        """Remember that other code or inputs gave the same content: nobody has to look again."""
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
    """A release; without a number the latest one that is whole, with a warning where a later one is not.

    Raises:
        UsageError: there is no such release, or none yet.
        RejectedError: it is not whole, or none is.
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
            log.warning("%s; release %s is read in its place", faults[0], candidate)
        return release
    raise RejectedError(f"{faults[0]}; no release is whole: ./brain publish makes one anew")


def last_release() -> Release | None:
    """The latest release that is whole, or None."""
    try:
        return open_release()
    except UserError:
        return None


def _read(number: int) -> Release:
    """A release by its manifest, whose file is there with its size.

    Raises:
        RejectedError: it is not whole.
    """
    path = _manifest_path(number)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        release = Release(number, manifest)
        file, size = release.file, manifest["file"].get("bytes")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise RejectedError(f"release {number}: {path} is cut off or not readable") from None
    if not file.is_file():
        raise RejectedError(f"release {number}: {file} is not there")
    if size is not None and file.stat().st_size != size:
        raise RejectedError(f"release {number}: {file} has {file.stat().st_size:,} of its {size:,} bytes")
    return release


def is_named(name: str, version: int) -> bool:
    """Whether any release names a version of a staged or published table; where one cannot be read, it may."""
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
    """Make release N exist; the last step, and the only one that counts.

    Raises:
        RejectedError: somebody else made release N meanwhile.
    """
    folder = settings().releases
    manifest = {"release": number, "created_at": datetime.now(UTC).isoformat(timespec="seconds"), **content}
    partial = folder / f"manifest-{number}.{os.getpid()}.partial"
    partial.write_text(json.dumps(manifest, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
    sync(partial)
    try:
        # a hard link is created only if absent, and complete at once
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
    """A new release that is an old one again.

    Raises:
        UsageError: there is no such release.
        RejectedError: it is not whole, or its file is not the one that was published.
    """
    with writing("publish"):
        old = open_release(number)
        if checksum(old.file) != old.manifest["file"]["sha256"]:
            raise RejectedError(f"release {number}: {old.file} is not the file that was published any more")
        content = {k: v for k, v in old.manifest.items() if k not in ("release", "created_at", "rollback_of")}
        return create_manifest(next_number(), {**content, "rollback_of": number})
