"""Headers that every answer carries (OWASP HTTP Headers Cheat Sheet), and the check of forms."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from fastapi import HTTPException, Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Scripts, styles and pictures come from the portal alone. ECharts saves a picture as a data address.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
#: Assets never change under an address; everything else may name firms and is kept by nobody but the reader.
KEPT = "public, max-age=31536000, immutable"
NOT_KEPT = "private, no-cache"


def secure(headers: MutableHeaders, kept: str = NOT_KEPT) -> None:
    """Add the headers that an answer does not have yet."""
    for name, value in {**HEADERS, "cache-control": kept}.items():
        headers.setdefault(name, value)


class SecurityHeaders:
    """Adds the headers to every answer; a page that sets one itself keeps it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                is_asset = scope["path"].startswith("/static/") and message["status"] == 200
                secure(MutableHeaders(scope=message), KEPT if is_asset else NOT_KEPT)
            await send(message)

        await self.app(scope, receive, with_headers)


def check_token(request: Request, given: str) -> None:
    """Refuse a form that was not made by this session.

    Raises:
        HTTPException: 403.
    """
    expected = request.session.get("csrf", "")
    if not expected or not secrets.compare_digest(expected, given):
        raise HTTPException(403, "this form is out of date; load the page again and send it once more")
