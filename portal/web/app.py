"""The portal's server: pages and API on the releases of a home."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Thread

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.registry import registry
from portal.access.shelf import Shelf
from portal.access.viewer import VISITOR, Viewer
from portal.accounts import oidc
from portal.accounts.errors import AccountError
from portal.addresses import LANGUAGE, RELEASE
from portal.api.router import BINARY, add_api
from portal.web import boundaries, look
from portal.web.failures import add_failures
from portal.web.pages import routers
from portal.web.security import KEPT, SecurityHeaders
from portal.what_if.turns import Turns
from warehouse.settings import settings

#: Who a request comes from.
Identify = Callable[[Request], Viewer]
#: Answers below this size are not worth compressing.
SMALL = 1000
SESSION_HOURS = 8
_LANGUAGE = f"{{lang:{LANGUAGE}}}"


def create_app(identify: Identify, secret: str) -> FastAPI:
    """The application on the releases of the home that the settings name.

    Args:
        identify: the viewer of a request; a visitor without an account is one too.
        secret: signs session cookies.

    Raises:
        RejectedError: the file of the districts' outlines, if the settings name one, cannot be used.
    """
    outlines = boundaries.read_boundaries(settings().boundaries)

    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[None]:
        app.state.shelf = Shelf(settings())
        app.state.turns = Turns()
        # evidence needs the jobs, whose import takes seconds
        Thread(target=registry, daemon=True).start()
        yield
        app.state.turns.close()
        app.state.shelf.close()

    app = FastAPI(
        title="宁波产业大脑 Ningbo Industrial Brain",
        lifespan=opened,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.boundaries = outlines
    app.add_middleware(Identified, identify=identify)
    app.add_middleware(
        SessionMiddleware,
        secret_key=secret,
        session_cookie="brain_session",
        max_age=SESSION_HOURS * 3600,
        # a provider sends the reader back from another site, with the state that waits in the session
        same_site="lax" if oidc.is_set() else "strict",
        https_only=(settings().portal_address or "").startswith("https://"),
    )
    app.add_middleware(
        GZipMiddleware,
        minimum_size=SMALL,
        compresslevel=5,
        exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, *BINARY),
    )
    app.add_middleware(SecurityHeaders)
    add_failures(app)
    add_api(app)
    app.mount("/static", StaticFiles(directory=look.STATIC))
    _add_pages(app)
    return app


def _add_pages(app: FastAPI) -> None:
    pages = APIRouter()
    for router in routers():
        pages.include_router(router)
    # the second address reopens a certain release; links in its pages stay in it
    for prefix in (f"/{_LANGUAGE}", f"/releases/{{number:{RELEASE}}}/{_LANGUAGE}"):
        app.include_router(pages, prefix=prefix, include_in_schema=False)

    @app.get("/ready", include_in_schema=False)
    def ready() -> Response:
        """For who started the server; it says nothing of its data."""
        return Response("ready\n", media_type="text/plain")

    @app.get(boundaries.PATH, include_in_schema=False)
    def outlines() -> Response:
        """The districts' outlines, which are public; an address with another content is another address."""
        known: boundaries.Boundaries | None = app.state.boundaries
        if known is None:
            raise HTTPException(404)
        return Response(known.content, media_type=boundaries.MEDIA_TYPE, headers={"cache-control": KEPT})

    @app.get("/", include_in_schema=False)
    def front(request: Request) -> Response:
        """The city's page, in the reader's language; Chinese where the browser does not say."""
        first = request.headers.get("accept-language", "zh").split(",")[0].strip().lower()
        return RedirectResponse("/en/" if first.startswith("en") else "/zh/", 302)


class Identified:
    """Says in ``request.state.viewer`` who asks."""

    def __init__(self, app: ASGIApp, identify: Identify) -> None:
        self.app = app
        self.identify = identify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            request.state.refused, request.state.must_change_password = None, False
            try:
                request.state.viewer = self.identify(request)
            except AccountError as error:  # a handler answers; this is outside of them
                request.state.viewer, request.state.refused = VISITOR, error
        await self.app(scope, receive, send)
