"""Sign-in through the house's OpenID Connect provider: authorization code with PKCE; claims say who sees what.

Authlib's Starlette client keeps state, nonce and the code's verifier in ``request.session`` between the two steps and
checks them; what it leaves to its caller is checked here: that the provider is the one that was asked for, that there
is an ID token for this client, and that its signature is one of a key pair.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from portal.access.viewer import RIGHTS, ROLES, SCOPES, Role, Viewer
from portal.accounts.errors import OpenIdError, OpenIdUnavailableError
from schemas.errors import UsageError
from warehouse.settings import Settings, settings

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import RedirectResponse

#: Signatures of key pairs. With a shared secret (HS256) or none, the client's secret alone would decide who is who.
_SIGNATURES = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
#: Seconds by which the provider's clock may differ.
LEEWAY_SECONDS = 60
WAIT_SECONDS = 10


def is_set() -> bool:
    """Whether people sign in through a provider.

    Raises:
        UsageError: the issuer is set without client id and secret.
    """
    config = settings()
    if config.oidc_issuer and not (config.oidc_client_id and config.oidc_client_secret):
        raise UsageError("BRAIN_OIDC_ISSUER needs BRAIN_OIDC_CLIENT_ID and BRAIN_OIDC_CLIENT_SECRET")
    return config.oidc_issuer is not None


async def login_redirect(request: Request, callback_address: str) -> RedirectResponse:
    """Send the browser to the provider; state, nonce and verifier wait in ``request.session``.

    Args:
        callback_address: where the provider sends it back to; it must be registered there. The server names it, and
            does not take it from the request's ``Host``.

    Raises:
        OpenIdUnavailableError: the provider does not answer.
    """
    from authlib.integrations.base_client import OAuthError
    from httpx import HTTPError

    try:
        client = await _client()
        return cast("RedirectResponse", await client.authorize_redirect(request, callback_address))
    except (HTTPError, OAuthError, ValueError) as error:
        raise _unavailable(error) from error


async def callback(request: Request) -> Viewer:
    """The viewer whom the provider sent back.

    Raises:
        OpenIdError: the sign-in was broken off or its answer is not valid, or the claims name no role of ours.
        OpenIdUnavailableError: the provider does not answer.
    """
    from authlib.integrations.base_client import OAuthError
    from httpx import HTTPError
    from joserfc.errors import JoseError

    try:
        client = await _client()
        token = await client.authorize_access_token(
            request,
            claims_options={
                "iss": {"essential": True, "value": settings().oidc_issuer},
                "aud": {"essential": True, "value": settings().oidc_client_id},
            },
            leeway=LEEWAY_SECONDS,
        )
    except HTTPError as error:
        raise _unavailable(error) from error
    except OAuthError as error:
        said = _short(error.description or error.error)
        raise OpenIdError(f"登录未完成：{said}。", f"the sign-in was not completed: {said}") from error
    except (JoseError, ValueError) as error:
        said = _short(error)
        raise OpenIdError(
            f"身份提供方的应答无效（{said}），请重新登录。",
            f"the provider's answer is not valid ({said}); sign in again",
        ) from error
    if "userinfo" not in token:
        raise OpenIdError("身份提供方未给出身份令牌。", "the provider sent no ID token")
    return viewer_of_claims(token["userinfo"], settings())


def viewer_of_claims(claims: Mapping[str, Any], config: Settings) -> Viewer:
    """The viewer that claims describe.

    Raises:
        OpenIdError: they name no role of ours, more than one, or a scope or right that does not belong to it.
    """
    roles = [name for name in _named(claims, config.oidc_role_claim, config) if name in ROLES]
    if len(roles) != 1 or roles[0] == "public":
        said = ", ".join(_named(claims, config.oidc_role_claim, config)) or "–"
        raise OpenIdError(
            f"您的账户没有本平台的角色（{config.oidc_role_claim}：{_short(said)}），请联系管理员。",
            f"your account has no role here, or several ({config.oidc_role_claim}: {_short(said)}); "
            "ask the administrator",
        )
    role = cast(Role, roles[0])
    name = claim(claims, config.oidc_name_claim)
    if not isinstance(name, str) or not re.fullmatch(r"[\w.@+|:-]{1,128}", name):
        raise OpenIdError(
            f"声明 {config.oidc_name_claim} 不是可用的名称。",
            f"the claim {config.oidc_name_claim} is no usable name",
        )
    # a role without a scope ignores the claim: a provider sends it for everybody
    scope = claim(claims, config.oidc_scope_claim) if role in SCOPES else None
    rights = frozenset(name for name in _named(claims, config.oidc_rights_claim, config) if name in RIGHTS)
    try:
        return Viewer(f"oidc:{name}", role, str(scope or ""), rights)
    except UsageError as error:
        said = _short(error)
        raise OpenIdError(
            f"您的账户范围或权限有误（{said}），请联系管理员。",
            f"scope or rights of your account are wrong ({said}); ask the administrator",
        ) from error


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or by a path through objects; nothing if it is not there.

    >>> claim({"realm_access": {"roles": ["city"]}}, "realm_access.roles")
    ['city']
    >>> claim({"https://brain.example/role": "city"}, "https://brain.example/role")
    'city'
    """
    if path in claims:  # a name may contain dots itself
        return claims[path]
    value: Any = claims
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _named(claims: Mapping[str, Any], path: str, config: Settings) -> list[str]:
    """The names in a claim, one text or a list, each once and as we call it."""
    value = claim(claims, path)
    names = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return list(dict.fromkeys(config.oidc_names.get(name, name) for name in names if isinstance(name, str)))


async def _client() -> Any:
    """The client, once it is sure that the provider is the one that the setting names."""
    config = settings()
    if not is_set():
        raise OpenIdError("未配置统一身份认证。", "no OpenID Connect provider is set (BRAIN_OIDC_ISSUER)")
    client = _registered(
        config.oidc_issuer, config.oidc_client_id, config.oidc_client_secret, config.oidc_scopes
    )
    metadata = await client.load_server_metadata()
    if metadata.get("issuer") != config.oidc_issuer:
        raise OpenIdError(
            f"身份提供方自称 {_short(metadata.get('issuer'))}，与设置不符。",
            f"the provider calls itself {_short(metadata.get('issuer'))}, not {config.oidc_issuer} (BRAIN_OIDC_ISSUER)",
        )
    offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    metadata["id_token_signing_alg_values_supported"] = [name for name in offered if name in _SIGNATURES]
    return client


@cache
def _registered(issuer: str, client_id: str, client_secret: str, scopes: str) -> Any:
    """One client for each provider; it keeps the provider's metadata and keys."""
    from authlib.integrations.starlette_client import OAuth

    oauth = OAuth()
    return oauth.register(
        "provider",
        client_id=client_id,
        client_secret=client_secret,
        server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": scopes, "code_challenge_method": "S256", "timeout": WAIT_SECONDS},
    )


def _unavailable(error: Exception) -> OpenIdUnavailableError:
    said = _short(error)
    return OpenIdUnavailableError(
        f"身份提供方无应答（{said}），请稍后重试。",
        f"the OpenID Connect provider {settings().oidc_issuer} does not answer ({said}); try again later",
    )


def _short(said: object) -> str:
    """A provider's text as part of a line."""
    return " ".join(str(said).split())[:120].rstrip(".")
