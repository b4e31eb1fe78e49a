"""The API's addresses: ``/api/v1`` as an application of its own below the portal's, with its own answers to errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from portal.accounts.errors import AccountError
from portal.addresses import RELEASE
from portal.api import catalogue, changes, document, evidence, formats, problems, procedure, rows, what_if
from portal.api.limits import Limits
from portal.api.request import Asked
from warehouse.settings import settings

#: Types of answers that are compressed already, or that gzip would slow down more than it saves.
BINARY = (formats.PARQUET, formats.ARROW)

Resource = Callable[[Asked], Awaitable[Response]]

_OF_A_RELEASE = f"/releases/{{release:{RELEASE}}}"
#: Address → resource. Those of ``_OF_RELEASE`` exist for the latest release and, with its number, for every kept one.
_ONCE: dict[str, Resource] = {
    "/openapi.json": document.openapi,
    "/releases": catalogue.releases,
    _OF_A_RELEASE: catalogue.release,
    f"{_OF_A_RELEASE}/verdicts": catalogue.verdicts,
    "/tables/{table}/changes": changes.changes,
    "/what-if/{ident}": what_if.answer,
    "/procedure": procedure.districts,
    "/procedure/{year}/{district}": procedure.district,
}
#: What is sent: trials of rules, and decisions of the procedure.
_SENT: dict[str, Resource] = {
    "/what-if": what_if.ask,
    "/procedure/step": procedure.step,
    "/procedure/confirm": procedure.confirm,
    "/procedure/object": procedure.object_,
    "/procedure/decide": procedure.decide,
    "/procedure/adjust": procedure.adjust,
}
_OF_RELEASE: dict[str, Resource] = {
    "/tables": catalogue.tables,
    "/tables/{table}": catalogue.table,
    "/tables/{table}/rows": rows.rows,
    "/tables/{table}/count": rows.count,
    "/tables/{table}/row": rows.row,
    "/tables/{table}/explain": evidence.explain,
    "/codes": catalogue.code_lists,
    "/codes/{list}": catalogue.codes,
    "/search": catalogue.search,
}


def add_api(app: FastAPI) -> None:
    """Mount the API below ``/api``; it reads the shelf and the viewer of the portal's application."""
    limits = Limits(settings())

    async def answer(resource: Resource, request: Request) -> Response:
        try:
            request.state.turns = app.state.turns
            asked = Asked(request, app.state.shelf, limits)
            await asked.audited()
            return await resource(asked)
        except Exception as error:  # every failure is a document
            return await problems.answer_error(request, error)

    addresses = {
        **_ONCE,
        **_OF_RELEASE,
        **{f"{_OF_A_RELEASE}{path}": resource for path, resource in _OF_RELEASE.items()},
    }
    # the row by its key is asked for most often, so it is found first
    order = sorted(addresses, key=lambda path: not path.endswith("/row"))
    api = Starlette(
        routes=[
            *(Route(f"/v1{path}", partial(answer, addresses[path])) for path in order),
            *(
                Route(f"/v1{path}", partial(answer, resource), methods=["POST"])
                for path, resource in _SENT.items()
            ),
        ],
        exception_handlers={HTTPException: problems.answer_error},
    )
    api.router.redirect_slashes = False
    app.mount("/api", Limited(api, limits))


class Limited:
    """Refuses a request that is beyond the limits, or whose token does not hold, before anything is read for it."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            try:
                self.limits.check(request)
                if refused := request.state.refused:
                    raise refused
            except (problems.Problem, AccountError) as error:
                answer = problems.answer(request, problems.of_error(error))
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)
