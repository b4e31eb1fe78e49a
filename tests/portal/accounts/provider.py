"""A small OpenID Connect provider on loopback, which checks what its client sends and can be made to err."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID = "brain"
CLIENT_SECRET = "of the client, and long enough for a key"


def _same(values: dict[str, Any]) -> dict[str, Any]:
    return values


@dataclass
class Provider:
    """Signs in whoever comes, with ``claims``; ``err`` changes the ID token's claims."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    err: Callable[[dict[str, Any]], dict[str, Any]] = _same
    metadata: dict[str, Any] = field(default_factory=dict)
    #: Key of the ID token's signature instead of the published one.
    other_key: RSAKey | OctKey | None = None
    algorithm: str = "RS256"
    sends_id_token: bool = True
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    #: Code → what the authorization request said.
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def reset(self) -> None:
        self.claims, self.err, self.metadata = {"sub": "7"}, _same, {}
        self.other_key, self.algorithm, self.sends_id_token = None, "RS256", True

    async def discovery(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
                **self.metadata,
            }
        )

    async def authorize(self, request: Request) -> Response:
        said = dict(request.query_params)
        if (said["client_id"], said["response_type"], said["code_challenge_method"]) != (
            CLIENT_ID, "code", "S256",
        ):  # fmt: skip
            return Response("not the request of a client with PKCE", 400)
        code = secrets.token_urlsafe()
        self.codes[code] = said
        return RedirectResponse(f"{said['redirect_uri']}?{urlencode({'code': code, 'state': said['state']})}")

    async def token(self, request: Request) -> Response:
        async with request.form() as form:
            said = self.codes.pop(str(form.get("code")), None)
            verifier = str(form.get("code_verifier", ""))
            redirect = form.get("redirect_uri")
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        if request.headers.get("authorization") != f"Basic {basic}":
            return JSONResponse({"error": "invalid_client"}, 401)
        if not said or redirect != said["redirect_uri"] or challenge != said["code_challenge"]:
            return JSONResponse(
                {"error": "invalid_grant", "error_description": "wrong code or verifier"}, 400
            )
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": said["nonce"]}
        claims = self.err(claims | self.claims)
        header = {"alg": self.algorithm, "kid": "1"}
        signed = jwt.encode(header, claims, self.other_key or self.key, algorithms=[self.algorithm])
        answer = {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "expires_in": 300}
        return JSONResponse(answer | ({"id_token": signed} if self.sends_id_token else {}))

    async def jwks(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})


@contextmanager
def running() -> Iterator[Provider]:
    """The provider as an HTTP server."""
    provider = Provider()
    routes = [
        Route("/.well-known/openid-configuration", provider.discovery),
        Route("/authorize", provider.authorize),
        Route("/token", provider.token, methods=["POST"]),
        Route("/jwks", provider.jwks),
    ]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    provider.issuer = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join(30)
