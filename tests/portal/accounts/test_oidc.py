"""OpenID Connect against a provider on loopback: a sign-in gives the claims' viewer; a wrong answer gives none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from portal.access.viewer import Viewer
from portal.accounts import oidc
from portal.accounts.errors import AccountError, OpenIdError
from schemas.errors import UsageError
from tests.portal.accounts import provider as loopback
from tests.portal.accounts.provider import Provider
from warehouse.settings import Settings, settings

CALLBACK = "http://testserver/callback"


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    with loopback.running() as provider:
        yield provider


@pytest.fixture
def provider(server: Provider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    server.reset()
    monkeypatch.setenv("BRAIN_OIDC_ISSUER", server.issuer)
    monkeypatch.setenv("BRAIN_OIDC_CLIENT_ID", loopback.CLIENT_ID)
    monkeypatch.setenv("BRAIN_OIDC_CLIENT_SECRET", loopback.CLIENT_SECRET)
    settings.cache_clear()
    oidc._registered.cache_clear()
    yield server
    settings.cache_clear()
    oidc._registered.cache_clear()


@dataclass
class Browser:
    """Follows redirects between the portal and the provider by hand."""

    portal: TestClient
    viewers: list[Viewer]

    def go(self) -> str:
        """The first step; the provider's address."""
        sent = self.portal.get("/login", follow_redirects=False)
        assert sent.status_code == 302, sent.text
        return str(sent.headers["location"])

    def sign_in(self) -> Any:
        """The portal's answer."""
        return self.portal.get(httpx.get(self.go()).headers["location"])

    def refused(self) -> dict[str, Any]:
        """What a refused sign-in says; nobody is signed in by it."""
        answer: dict[str, Any] = self.sign_in().json()
        assert self.viewers == []
        assert "\n" not in answer["en"] and "\n" not in answer["zh"] and answer["zh"] != answer["en"]
        return answer


@pytest.fixture
def browser(provider: Provider) -> Browser:
    viewers: list[Viewer] = []

    async def login(request: Request) -> Response:
        return await oidc.login_redirect(request, CALLBACK)

    async def callback(request: Request) -> Response:
        viewers.append(await oidc.callback(request))
        return Response("in")

    async def told(_: Request, error: Exception) -> Response:
        assert isinstance(error, AccountError)
        return JSONResponse({"zh": error.zh, "en": error.en, "code": error.code}, error.status)

    app = Starlette(
        routes=[Route("/login", login), Route("/callback", callback)],
        middleware=[Middleware(SessionMiddleware, secret_key="of the test")],
        exception_handlers={AccountError: told},
    )
    return Browser(TestClient(app), viewers)


def test_a_sign_in_gives_the_viewer_of_the_claims(browser: Browser, provider: Provider) -> None:
    provider.claims |= {"brain_role": "district", "brain_scope": "330282", "brain_rights": ["statistics"]}
    assert browser.sign_in().status_code == 200
    assert browser.viewers == [Viewer("oidc:7", "district", "330282", frozenset({"statistics"}))]


def test_the_request_has_state_nonce_and_a_challenge_and_its_answer_works_once(
    browser: Browser, provider: Provider
) -> None:
    provider.claims["brain_role"] = "city"
    address = browser.go()
    query = parse_qs(urlsplit(address).query)
    assert query["code_challenge_method"] == ["S256"] and query["redirect_uri"] == [CALLBACK]
    assert all(len(query[name][0]) >= 20 for name in ("state", "nonce", "code_challenge"))
    assert "code_verifier" not in query
    back = httpx.get(address).headers["location"]
    assert browser.portal.get(back).status_code == 200
    assert browser.portal.get(back).json()["code"] == "openid_refused"
    assert len(browser.viewers) == 1


def test_the_answer_to_another_browser_is_refused(browser: Browser, provider: Provider) -> None:
    provider.claims["brain_role"] = "city"
    back = httpx.get(browser.go()).headers["location"]
    browser.portal.cookies.clear()
    answer = browser.portal.get(back)
    assert answer.status_code == 403 and browser.viewers == []


def test_a_stolen_code_is_of_no_use_without_its_verifier(browser: Browser, provider: Provider) -> None:
    provider.claims["brain_role"] = "city"
    stolen = parse_qs(urlsplit(httpx.get(browser.go()).headers["location"]).query)["code"][0]
    own = parse_qs(urlsplit(httpx.get(browser.go()).headers["location"]).query)["state"][0]
    answer = browser.portal.get("/callback", params={"code": stolen, "state": own})
    assert answer.status_code == 403 and "wrong code or verifier" in answer.json()["en"]
    assert browser.viewers == []


Err = Callable[[dict[str, Any]], dict[str, Any]]


def without(name: str) -> Err:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


@pytest.mark.parametrize(
    ("err", "named"),
    [
        (lambda claims: claims | {"nonce": "another"}, "nonce"),
        (without("nonce"), "nonce"),
        (lambda claims: claims | {"iss": "https://other.example"}, "iss"),
        (without("iss"), "iss"),
        (lambda claims: claims | {"aud": "another client"}, "aud"),
        # for another client, though it was given to this one
        (lambda claims: claims | {"aud": "another client", "azp": loopback.CLIENT_ID}, "aud"),
        (lambda claims: claims | {"exp": int(time.time()) - 120}, "expired"),
        (without("exp"), "exp"),
        (without("sub"), "sub"),
    ],
    ids=["nonce", "no nonce", "issuer", "no issuer", "audience", "audience by azp", "expired", "no end", "no subject"],
)  # fmt: skip
def test_a_wrong_id_token_is_refused(err: Err, named: str, browser: Browser, provider: Provider) -> None:
    provider.claims["brain_role"] = "city"
    provider.err = err
    answer = browser.refused()
    assert answer["code"] == "openid_refused" and named in answer["en"]


def test_a_signature_of_another_key_or_kind_is_refused(browser: Browser, provider: Provider) -> None:
    provider.claims["brain_role"] = "city"
    provider.other_key = RSAKey.generate_key(2048, {"kid": "1"})
    assert browser.refused()["code"] == "openid_refused"
    # with the client's secret, which is no key pair, even if the provider offers it
    provider.other_key = OctKey.import_key(loopback.CLIENT_SECRET, {"kid": "1"})
    provider.algorithm = "HS256"
    provider.metadata = {"id_token_signing_alg_values_supported": ["HS256", "RS256", "none"]}
    oidc._registered.cache_clear()
    assert browser.refused()["code"] == "openid_refused"


def test_an_answer_without_an_id_token_is_refused(browser: Browser, provider: Provider) -> None:
    provider.sends_id_token = False
    assert "no ID token" in browser.refused()["en"]


def test_a_provider_of_another_name_is_refused_before_anyone_is_sent_there(
    browser: Browser, provider: Provider
) -> None:
    provider.metadata = {"issuer": "https://other.example"}
    answer = browser.portal.get("/login", follow_redirects=False)
    assert answer.status_code == 403 and "https://other.example" in answer.json()["en"]


@pytest.mark.parametrize("role", [None, "", "boss", "public", ["city", "district"], ["x"], {"city": 1}, 3])
def test_who_has_no_role_or_several_is_refused(role: Any, browser: Browser, provider: Provider) -> None:
    provider.claims["brain_role"] = role
    answer = browser.refused()
    assert "has no role here" in answer["en"] and "没有本平台的角色" in answer["zh"]


def test_a_wrong_scope_or_right_is_refused(browser: Browser, provider: Provider) -> None:
    for claims in (
        {"brain_role": "district"},
        {"brain_role": "district", "brain_scope": "999999"},
        {"brain_role": "district", "brain_scope": ["330282"]},
        {"brain_role": "town", "brain_scope": "330282101", "brain_rights": "accounts"},
    ):
        provider.claims = {"sub": "7", **claims}
        assert "scope or rights" in browser.refused()["en"]


def test_who_breaks_the_sign_in_off_is_told_so(browser: Browser) -> None:
    state = parse_qs(urlsplit(browser.go()).query)["state"][0]
    answer = browser.portal.get(
        "/callback", params={"error": "access_denied", "error_description": "not\nwanted", "state": state}
    )
    assert answer.json()["en"] == "the sign-in was not completed: not wanted"


def test_a_provider_that_does_not_answer_is_one_sentence(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "oidc_issuer", "http://127.0.0.1:9")
    answer = browser.portal.get("/login", follow_redirects=False)
    assert answer.status_code == 503 and answer.json()["code"] == "openid_unavailable"


def test_claims_are_named_by_settings() -> None:
    config = Settings(
        oidc_name_claim="preferred_username",
        oidc_role_claim="realm_access.roles",
        oidc_scope_claim="https://brain.example/area",
        oidc_rights_claim="realm_access.roles",
        oidc_names={"慈溪市经信局": "district", "统计": "statistics"},
    )
    claims = {
        "sub": "0b7c", "preferred_username": "li.wei", "https://brain.example/area": "330282",
        "realm_access": {"roles": ["offline_access", "慈溪市经信局", "统计"]},
    }  # fmt: skip
    viewer = oidc.viewer_of_claims(claims, config)
    assert viewer == Viewer("oidc:li.wei", "district", "330282", frozenset({"statistics"}))
    for name in (None, "", "a b", "a\nb", "x" * 129, 7):
        with pytest.raises(OpenIdError, match="no usable name"):
            oidc.viewer_of_claims(claims | {"preferred_username": name}, config)


def test_settings_name_a_private_address_and_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    for issuer in ("http://login.example", "login.example", "http://127.0.0.1.example"):
        monkeypatch.setenv("BRAIN_OIDC_ISSUER", issuer)
        settings.cache_clear()
        with pytest.raises(UsageError, match="BRAIN_OIDC_ISSUER"):
            settings()
    monkeypatch.setenv("BRAIN_OIDC_ISSUER", "https://login.example/realms/ningbo")
    settings.cache_clear()
    with pytest.raises(UsageError, match="BRAIN_OIDC_CLIENT_SECRET"):
        oidc.is_set()
    monkeypatch.setenv("BRAIN_OIDC_ISSUER", "")
    settings.cache_clear()
    assert not oidc.is_set()
    settings.cache_clear()
