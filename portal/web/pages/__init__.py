"""One module a page: it asks :mod:`portal.queries` and fills one template. Adding a page is adding its name here."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from fastapi import APIRouter

#: Modules of this folder, each with a ``router``; the first one whose address fits answers.
PAGES = (
    "account", "chain", "chain_files", "city", "enterprise", "evidence", "groups", "objects", "per_mu", "procedure",
    "procedure_forms", "public", "quarantine", "quotas", "resource", "data", "releases",
    "what_if", "what_if_answer",
)  # fmt: skip


def routers() -> Iterator[APIRouter]:
    """The routes of all pages, without language and release."""
    for name in PAGES:
        yield import_module(f"{__name__}.{name}").router
