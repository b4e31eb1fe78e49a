"""The releases of a home, and damaged ones among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.errors import RejectedError


@dataclass(frozen=True)
class Releases:
    """A summary of each complete release, from its manifest, and a line for each damaged one."""

    whole: tuple[dict[str, Any], ...]
    faults: tuple[str, ...]


def releases() -> Releases:
    """All releases of the home, by number."""
    from pipeline.manifest import summary_of
    from warehouse.releases import open_release, release_numbers

    whole, faults = [], []
    for number in release_numbers():
        try:
            whole.append(summary_of(open_release(number).manifest))
        except RejectedError as error:
            faults.append(str(error))
    return Releases(tuple(whole), tuple(faults))
