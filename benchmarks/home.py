"""Temporary homes for benchmarks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from warehouse import engine
from warehouse.settings import settings


@contextmanager
def empty_home(home: Path) -> Iterator[None]:
    """Use an empty home in the block. Afterwards its engine is stopped and the home is removed."""
    before = os.environ.get("BRAIN_HOME")
    os.environ["BRAIN_HOME"] = str(home)
    settings.cache_clear()
    try:
        yield
    finally:
        engine.stop(settings())
        if before is None:
            del os.environ["BRAIN_HOME"]
        else:
            os.environ["BRAIN_HOME"] = before
        settings.cache_clear()
        shutil.rmtree(home, ignore_errors=True)


def copy_tables(home: Path, target: Path) -> Path:
    """Copy a home's tables to another home, with hard links where possible, so that the copy needs no space."""

    def link(source: str, copied: str) -> None:
        with suppress(OSError):
            os.link(source, copied)
            return
        shutil.copy2(source, copied)

    shutil.copytree(home / "warehouse", target / "warehouse", copy_function=link)
    return target
