"""Failures as pages: what happened, why, and what to do, in the reader's language; never a trace or a path."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from portal.access.viewer import VISITOR
from portal.accounts.errors import AccountError, AuditError, UnavailableError
from portal.api import problems
from portal.web.frame import Frame, Language, SignInNeeded
from portal.web.identity import PASSWORD_PAGE
from portal.web.security import secure
from schemas.errors import RejectedError, UsageError, UserError

log = logging.getLogger("brain.portal")


def add_failures(app: FastAPI) -> None:
    """Answer every failure of a page with a page."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(SignInNeeded, _to_sign_in)
    app.add_exception_handler(AccountError, _account_error)
    app.add_exception_handler(UserError, _user_error)
    app.add_exception_handler(Exception, _unexpected)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith(
        "/api/"
    ):  # an address that its application does not take, as with a line break
        return problems.answer(request, problems.of_error(error))
    said = str(error.detail)
    return failure(request, error.status_code, "" if said == HTTPStatus(error.status_code).phrase else said)


def _to_sign_in(request: Request, error: Exception) -> Response:
    lang = language(request)
    page = PASSWORD_PAGE if request.state.must_change_password else "/login"
    asked = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    to = f"/{lang}{page}?{urlencode({'next': asked})}"
    if (
        "hx-request" in request.headers
    ):  # htmx would look for the part in the sign-in page; the whole page goes there
        return Response(status_code=204, headers={"hx-redirect": to})
    return RedirectResponse(to, 303)


def _account_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AccountError)
    status = 503 if isinstance(error, (AuditError, UnavailableError)) else 403
    return failure(request, status, error.told(language(request)))


def language(request: Request) -> Language:
    """The language of a page's address."""
    return "en" if re.match(r"(/releases/\d+)?/en(/|$)", request.url.path) else "zh"


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = str(first["loc"][-1])
    return failure(request, 422, f"{where}: {first['msg']}")


def _user_error(request: Request, error: Exception) -> Response:
    status = 404 if isinstance(error, UsageError) else 409 if isinstance(error, RejectedError) else 400
    log.info("%s %s: %s", request.method, request.url.path, error)
    return failure(request, status)


def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    answer = failure(request, 500)
    secure(answer.headers)  # this answer is given outside of what adds them to others
    return answer


#: Status → what happened, and what to do, in Chinese and English.
_WORDS: Mapping[int, tuple[str, str, str, str]] = {
    403: ("无权查看", "You may not see this", "如工作需要，请联系管理员。", "Ask the administrator if you need it."),
    404: ("没有找到", "Not found", "请检查地址，或从总览重新查找。", "Check the address, or start from the overview."),
    409: ("该版本已损坏", "This release is damaged", "请查看最新版本。", "Read the latest release instead."),
    410: ("该版本已不再保存", "This release is no longer kept", "请查看最新版本。", "Read the latest release instead."),
    422: ("地址中的筛选条件无效", "A filter in the address is not valid", "请改正后重试。", "Correct it."),
    429: ("请求过于频繁", "Too many requests", "请稍后再试。", "Try again in a moment."),
    503: ("暂时无法查看", "Not available at the moment", "请稍后再试。", "Try again in a moment."),
}  # fmt: skip
_UNEXPECTED = (
    "页面出错", "The page failed", "问题已记录，请稍后再试。", "The fault has been recorded; try again in a moment.",
)  # fmt: skip


def failure(request: Request, status: int, said: str = "") -> Response:
    """The page of a failure.

    Args:
        said: the reason in the reader's language; the status' own words if it is empty.
    """
    lang = language(request)
    viewer = getattr(request.state, "viewer", VISITOR)
    shelf = request.app.state.shelf
    try:
        release = shelf.release()
    except UserError:
        release = None
    frame = Frame(request, lang, viewer, shelf, release, None)
    zh, en, do_zh, do_en = _WORDS.get(status, _UNEXPECTED)
    return frame.render(
        "failure.html",
        status=status,
        code=status,
        heading=frame.t(zh, en),
        said=said,
        advice=frame.t(do_zh, do_en),
    )
