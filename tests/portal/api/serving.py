"""The portal's server, whose requests name their viewer in a header."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from portal.access.viewer import VISITOR, Viewer
from portal.web.app import create_app

#: Header with role, scope and rights of the viewer: ``district 330282``, ``city - statistics``.
VIEWER = "x-viewer"


def viewer_of(text: str) -> Viewer:
    """
    >>> viewer_of("city - statistics").rights
    frozenset({'statistics'})
    """
    if not text:
        return VISITOR
    role, scope, *rights = [*text.split(), "-"][: max(2, len(text.split()))]
    return Viewer(f"test {text}", role, "" if scope == "-" else scope, frozenset(rights))  # type: ignore[arg-type]


def identify(request: Request) -> Viewer:
    return viewer_of(request.headers.get(VIEWER, ""))


def api_app() -> FastAPI:
    """The portal on the releases of the home that the settings name; its requests name their viewers."""
    return create_app(identify, "a secret of tests")


@contextmanager
def client_of(base_url: str = "http://api/api/v1") -> Iterator[TestClient]:
    with TestClient(api_app(), base_url=base_url, raise_server_exceptions=True) as client:
        yield client
