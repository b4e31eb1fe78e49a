"""Fixtures of senders: files with manifests in the landing folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.contract import feed as feed_contract

Put = Callable[..., Path]


@pytest.fixture
def put(cold_home: Path) -> Put:
    """``put(feed, name, content, **manifest)``: a file and its manifest in the landing folder."""

    def write(feed: str, name: str, content: bytes | Path, /, **more: object) -> Path:
        folder = cold_home / "landing" / feed
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.replace(path)
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        source = feed_contract(feed).source
        period = "2023-12-31"[: source.period_lengths[0]]
        manifest: dict[str, object] = {"feed": feed, "period": period, "file": name, "sha256": checksum}
        manifest |= {"sent_at": "2024-03-01T00:00:00Z", **more}
        (folder / f"{name}.manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        return path

    return write
