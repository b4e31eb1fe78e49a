"""Disks mounted for a test; the test is skipped where this user may not mount."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(place: Path, *source: str) -> Iterator[Path]:
    """A folder on its own disk; ``source`` are arguments of ``mount``.

    A disk in memory is ``mounted(place, "-t", "tmpfs", "-o", "size=2g", "tmpfs")``, an image
    ``mounted(place, "-o", "loop", file)``.
    """
    place.mkdir()
    done = subprocess.run(["mount", *source, str(place)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounts a disk, which this user may not")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
