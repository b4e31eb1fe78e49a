"""账户 Account: sign in, sign out, choose a password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import RedirectResponse, Response

from portal.accounts import audit, oidc, sessions, store
from portal.accounts.errors import AccountError
from portal.web.frame import Asked, Frame, Known
from portal.web.identity import ACCOUNT, PASSWORD_PAGE
from portal.web.security import check_token
from warehouse.settings import settings

router = APIRouter()
Text = Annotated[str, Form(max_length=200)]


@router.get("/login")
def login_page(frame: Asked, next: str = "") -> Response:
    return _login(frame, next)


@router.post("/login")
def login(
    frame: Asked,
    csrf_token: Text,
    name: Text,
    password: Annotated[str, Form(max_length=1000)],
    next: Text = "",
) -> Response:
    check_token(frame.request, csrf_token)
    try:
        viewer = store.authenticate(name.strip(), password, _source(frame))
    except AccountError as error:
        return _login(frame, next, name, error.told(frame.lang))
    # a new session: what a visitor's session held does not pass into the account's
    frame.request.session.clear()
    frame.request.session[ACCOUNT] = sessions.opened(viewer)
    if store.account(viewer.name).must_change_password:
        frame.request.session["next"] = _inside(frame, next)
        return RedirectResponse(frame.url(PASSWORD_PAGE), 303)
    return RedirectResponse(_inside(frame, next), 303)


@router.get("/login/oidc")
async def to_provider(frame: Asked, next: str = "") -> Response:
    if not oidc.is_set():
        raise HTTPException(404)
    frame.request.session["next"] = _inside(frame, next)
    try:
        return await oidc.login_redirect(frame.request, _callback(frame))
    except AccountError as error:
        return _login(frame, next, fault=error.told(frame.lang))


@router.get("/login/oidc/callback")
async def from_provider(frame: Asked) -> Response:
    if not oidc.is_set():
        raise HTTPException(404)
    to = frame.request.session.get("next") or frame.url("/")
    try:
        viewer = await oidc.callback(frame.request)
        audit.record(viewer, "sign_in", details={"source": _source(frame), "issuer": settings().oidc_issuer})
    except AccountError as error:
        return _login(frame, fault=error.told(frame.lang))
    frame.request.session.clear()
    frame.request.session[ACCOUNT] = sessions.opened(viewer, is_openid=True)
    return RedirectResponse(_inside(frame, to), 303)


@router.post("/logout")
def logout(frame: Asked, csrf_token: Text) -> Response:
    check_token(frame.request, csrf_token)
    if not frame.viewer.is_visitor:
        audit.record(frame.viewer, "sign_out")
    frame.request.session.clear()
    return RedirectResponse(frame.url("/login"), 303)


@router.get("/account")
def account_page(frame: Known) -> Response:
    return frame.render("account.html", is_local=_is_local(frame), fault="")


@router.get(PASSWORD_PAGE)
def password_page(frame: Known) -> Response:
    return _password(frame)


@router.post(PASSWORD_PAGE)
def change_password(
    frame: Known,
    csrf_token: Text,
    present: Annotated[str, Form(max_length=1000)],
    chosen: Annotated[str, Form(max_length=1000)],
    again: Annotated[str, Form(max_length=1000)],
) -> Response:
    check_token(frame.request, csrf_token)
    if not _is_local(frame):
        raise HTTPException(404)
    if chosen != again:
        return _password(frame, frame.t("两次输入的新密码不同。", "The new password was typed in two ways."))
    try:
        store.authenticate(frame.viewer.name, present, _source(frame))
        store.set_password(frame.viewer.name, chosen, by=frame.viewer)
    except AccountError as error:
        return _password(frame, error.told(frame.lang))
    to = frame.request.session.get("next") or frame.url("/")
    frame.request.session.clear()
    frame.request.session[ACCOUNT] = sessions.opened(frame.viewer)
    return RedirectResponse(_inside(frame, to), 303)


def _login(frame: Frame, to: str = "", name: str = "", fault: str = "") -> Response:
    return frame.render(
        "login.html",
        status=401 if fault else 200,
        to=to,
        login_name=name,
        fault=fault,
        has_provider=oidc.is_set(),
    )


def _password(frame: Frame, fault: str = "") -> Response:
    first = _is_local(frame) and store.account(frame.viewer.name).must_change_password
    return frame.render("password.html", status=422 if fault else 200, fault=fault, is_first=first)


def _is_local(frame: Frame) -> bool:
    """Whether the viewer's account is one of this home, which has a password here."""
    return "issuer" not in frame.request.session.get(ACCOUNT, {"issuer": ""})


def _inside(frame: Frame, address: str) -> str:
    """An address of this portal, or its first page: a link may not lead elsewhere."""
    is_inside = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if is_inside else frame.url("/")


def _callback(frame: Frame) -> str:
    base = settings().portal_address or str(frame.request.base_url).rstrip("/")
    return f"{base}/{frame.lang}/login/oidc/callback"


def _source(frame: Frame) -> str:
    return frame.request.client.host if frame.request.client else ""
