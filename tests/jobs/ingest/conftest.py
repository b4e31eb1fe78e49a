"""A home without an engine: files are taken in without Spark."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from warehouse.settings import settings

Put = Callable[..., Path]


@pytest.fixture
def cold_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BRAIN_SPARK_REMOTE", "sc://127.0.0.1:1")
    settings.cache_clear()
    yield settings().home
    settings.cache_clear()


@pytest.fixture
def put(cold_home: Path) -> Put:
    """``put(feed, name, content, **manifest)``: a file and its manifest in the landing folder."""

    def write(feed: str, name: str, content: bytes | Path, /, **said: object) -> Path:
        folder = cold_home / "landing" / feed
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.replace(path)
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        manifest = {"feed": feed, "period": "2023", "file": name, "sha256": checksum}
        manifest |= {"sent_at": "2024-03-01T00:00:00Z", **said}
        (folder / f"{name}.manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        return path

    return write
