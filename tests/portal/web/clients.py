"""A client of the pages for each viewer, and the firms of a release that a test needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.testclient import TestClient

from portal.access.viewer import RIGHTS, VISITOR, Viewer
from portal.queries.release import reading
from portal.web.app import create_app
from warehouse.releases import open_release

CITY = Viewer("city", "city")
STATISTICS = Viewer("statistics", "city", "", frozenset(RIGHTS))


def district(code: str) -> Viewer:
    return Viewer(f"district-{code}", "district", code)


def firm(uscc: str) -> Viewer:
    return Viewer(f"firm-{uscc}", "enterprise", uscc)


@contextmanager
def clients() -> Iterator[Any]:
    """``ask(viewer, address)``: the answer, redirects not followed; one server for all viewers."""
    asking = [VISITOR]
    app = create_app(lambda _: asking[0], "secret")
    with TestClient(app, follow_redirects=False, raise_server_exceptions=False) as client:

        def ask(viewer: Viewer, address: str) -> Any:
            asking[0] = viewer
            return client.get(address)

        yield ask


def rows(sql: str, *values: str) -> list[dict[str, Any]]:
    """Rows of the whole release."""
    with reading(open_release()) as query:
        return query(sql, *values)
