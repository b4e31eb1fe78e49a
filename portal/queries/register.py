"""The register of deliveries as a home has it now, read again only after a commit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ingest.register.deliveries import CORRECTION, DELIVERY, QUARANTINE
from warehouse.tables import table_path

#: Path and time of the last commit of each table.
Stamp = tuple[tuple[str, int], ...]


def stamp() -> Stamp:
    """Changes with every commit to the register, the quarantine and the corrections."""
    return tuple(_committed(name) for name in (DELIVERY, QUARANTINE, CORRECTION))


def _committed(table: str) -> tuple[str, int]:
    path = table_path(table)
    try:
        return str(path), (path / "_delta_log").stat().st_mtime_ns
    except OSError:
        return str(path), 0


def known_deliveries() -> list[dict[str, Any]]:
    """Rows of raw.delivery; not to be changed."""
    return _deliveries(_committed(DELIVERY))


@lru_cache(maxsize=2)
def _deliveries(_committed: tuple[str, int]) -> list[dict[str, Any]]:
    from ingest.register.entries import deliveries

    return deliveries()
