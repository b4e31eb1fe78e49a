"""How soon a page is seen: its first paint in Chromium, and the bytes that it needs, with nothing kept from before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infra.chromium import ensure_chromium, launched
from warehouse.settings import settings

#: First paint in milliseconds after the navigation began; bytes of the page and of all that it loads, as they travel.
_MEASURED = """() => [
  performance.getEntriesByName("first-contentful-paint")[0].startTime,
  [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .reduce((sum, entry) => sum + entry.transferSize, 0)
]"""


@dataclass(frozen=True)
class Paint:
    """One page."""

    path: str
    milliseconds: float
    bytes: int


def first_paints(address: str, paths: Sequence[str]) -> list[Paint]:
    """Each page in a window of its own, whose cache is empty.

    Raises:
        ModuleNotFoundError: Playwright is not installed; it is a dependency of development.
        RejectedError: there is no browser.
    """
    found = []
    with launched(ensure_chromium(settings())) as browser:
        for path in paths:
            with browser.new_context() as context:
                page = context.new_page()
                page.goto(f"{address}{path}", wait_until="networkidle")
                milliseconds, size = page.evaluate(_MEASURED)
                found.append(Paint(path, milliseconds, size))
    return found
