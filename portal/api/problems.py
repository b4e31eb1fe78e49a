"""Failures as documents: problem+json (RFC 9457) in the reader's language; never a trace or a path."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal

import duckdb
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from portal.accounts.errors import AccountError
from schemas.errors import RejectedError, UsageError

log = logging.getLogger("brain.portal")

MEDIA_TYPE = "application/problem+json"
Language = Literal["zh", "en"]


class Problem(Exception):
    """An answer other than the one that was asked for.

    Args:
        kind: the problem's type, for programs; its address is ``/api/v1/problems/{kind}``.
        zh: one sentence that says what is wrong and what to do.
        more: members of the document for programs, such as the column that is meant.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        zh: str,
        en: str,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(en)
        self.status = status
        self.kind = kind
        self.said: dict[Language, str] = {"zh": zh, "en": en}
        self.headers = dict(headers or {})
        self.more = more


#: Status → title of the document in both languages.
_TITLES: Mapping[int, tuple[str, str]] = {
    400: ("请求有误", "Bad request"),
    401: ("需要有效的令牌", "A valid token is needed"),
    403: ("无权查看或办理", "Not yours to see or to do"),
    404: ("没有找到", "Not found"),
    405: ("不支持此方法", "Method not allowed"),
    406: ("没有所要的格式", "No such format"),
    409: ("目前无法进行", "Not possible now"),
    410: ("该发布已不再保留", "Release no longer kept"),
    413: ("内容过长", "Document too large"),
    414: ("地址过长", "Address too long"),
    415: ("内容类型有误", "Wrong type of document"),
    422: ("参数或内容有误", "Wrong parameter or document"),
    429: ("请求过多", "Too many requests"),
    500: ("内部错误", "Internal error"),
    503: ("暂时无法提供", "Not available now"),
    507: ("磁盘空间不足", "Disk full"),
}
#: What is said where nothing else is known.
_SAID: Mapping[int, tuple[str, str]] = {
    404: (
        "没有这个地址；/api/v1/openapi.json 列出全部地址。",
        "There is no such address; /api/v1/openapi.json lists all.",
    ),
    405: (
        "该地址不支持此方法；响应头 Allow 列出可用的方法。",
        "This address does not take this method; the header Allow names those that it takes.",
    ),
    500: (
        "服务器出错，已记入日志；请稍后重试，或告知管理员。",
        "The server failed and has logged it; try again later, or tell the administrator.",
    ),
    503: (
        "查询用时超过上限；请缩小范围，例如加上年份或只选需要的列。",
        "The query took longer than allowed; ask for less, such as one year or fewer columns.",
    ),
    507: (
        "服务器磁盘已满，无法导出；请告知管理员。",
        "The server's disk is full, so nothing can be exported; tell the administrator.",
    ),
}


def language(request: HTTPConnection) -> Language:
    """The reader's language by ``Accept-Language``; Chinese where neither language is preferred.

    >>> _preferred("en-GB,en;q=0.9,zh;q=0.8"), _preferred("zh;q=0.4, en;q=0.5"), _preferred("fr"), _preferred("")
    ('en', 'en', 'zh', 'zh')
    """
    return _preferred(request.headers.get("accept-language", ""))


def _preferred(header: str) -> Language:
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _, parameter = part.strip().partition(";")
        quality = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", parameter)
        weight = float(quality[1]) if quality else 1.0
        weights.setdefault(name.split("-")[0].strip(), weight)
    return "en" if weights.get("en", 0) > weights.get("zh", 0) else "zh"


def answer(request: HTTPConnection, problem: Problem) -> Response:
    """The document of a problem."""
    lang = language(request)
    title = _TITLES.get(problem.status) or (HTTPStatus(problem.status).phrase,) * 2
    document = {
        "type": f"/api/v1/problems/{problem.kind}",
        "title": title[lang == "en"],
        "status": problem.status,
        "detail": problem.said[lang],
        "instance": request.url.path,
        **problem.more,
    }
    headers = {"content-language": lang, "vary": "Accept-Language", **problem.headers}
    if problem.status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(msgspec.json.encode(document), problem.status, headers, MEDIA_TYPE)


def plain(status: int, kind: str = "", headers: Mapping[str, str] | None = None) -> Problem:
    """A problem that its status says."""
    zh, en = _SAID.get(status) or _TITLES.get(status) or (HTTPStatus(status).phrase,) * 2
    return Problem(status, kind or HTTPStatus(status).phrase.lower().replace(" ", "-"), zh, en, headers)


_OF_USERS: Mapping[type, tuple[int, str, str, str]] = {
    RejectedError: (
        409, "not-readable", "该发布损坏或正在清理，无法读取；请改用其他发布。",
        "The release is damaged or being removed, so it cannot be read; use another one.",
    ),
    UsageError: (
        404, "not-found", "没有所要的内容，或目前还没有发布。",
        "There is nothing of that kind, or there is no release yet.",
    ),
}  # fmt: skip


def of_error(error: Exception) -> Problem:
    """What went wrong, as a problem."""
    match error:
        case Problem():
            return error
        case AccountError():
            return Problem(error.status, error.code, error.zh, error.en)
        case HTTPException():
            return plain(error.status_code, headers=error.headers)
        case duckdb.InterruptException():
            return plain(503, "timeout")
    if type(error) in _OF_USERS:
        return Problem(*_OF_USERS[type(error)])
    return plain(507, "disk-full") if is_disk_full(error) else plain(500)


def is_disk_full(error: BaseException) -> bool:
    return "No space left" in str(error) and isinstance(error, (OSError, duckdb.Error))


async def answer_error(request: Request, error: Exception) -> Response:
    """The document of any error; one that nobody foresaw is logged."""
    problem = of_error(error)
    if problem.status == 500:
        log.error("%s %s", request.method, request.url.path, exc_info=error)
    return answer(request, problem)
