"""What every page has: language, viewer, release, addresses, and the template that shows them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from ingest.register.today import today
from portal.access.shelf import Shelf
from portal.access.viewer import Viewer
from portal.accounts import audit
from portal.queries.release import Query, is_synthetic
from portal.web import look
from portal.web.identity import PASSWORD_PAGE
from schemas.coded import titled
from schemas.errors import UserError
from warehouse.releases import Release

Language = Literal["zh", "en"]
Kind = Literal["info", "error"]
#: Pages that an account with a first password may open.
OPEN_PAGES = ("/login", "/logout", PASSWORD_PAGE)


@dataclass(frozen=True)
class Frame:
    """A request for a page: who asks, in which language, of which release."""

    request: Request
    lang: Language
    viewer: Viewer
    shelf: Shelf
    #: ``None`` while the home has no release.
    release: Release | None
    #: Number in the address if a certain release was asked for.
    pinned: int | None

    @contextmanager
    def reading(self) -> Iterator[Query]:
        """The release as the viewer may see it.

        Raises:
            UserError: there is no release.
        """
        with self.shelf.reading(self.release or self.shelf.release(), self.viewer.cut) as query:
            yield query

    def audit_read(self, uscc: str) -> None:
        """Tell the audit log that the viewer read a firm's figures.

        Raises:
            AuditError: the log cannot be written; nothing is shown then.
        """
        if not self.viewer.is_visitor:
            number = self.release.number if self.release else 0
            audit.record(self.viewer, "firm.read", uscc, {"release": number}, is_read=True)

    def audit_list(self, table: str) -> None:
        """Tell the audit log that the viewer read a list of firms, with the page's filters.

        Raises:
            AuditError: the log cannot be written; nothing is shown then.
        """
        if not self.viewer.is_visitor:
            number = self.release.number if self.release else 0
            asked = {"release": number, "address": self.request.url.path, "query": self.request.url.query}
            audit.record(self.viewer, "table.read", table, asked, is_read=True)

    def t(self, zh: str, en: str) -> str:
        """A text in the page's language."""
        return zh if self.lang == "zh" else en

    def name(self, titles: Any) -> str:
        """The title, in the page's language, of what has titles in both; empty for nothing."""
        return "" if titles is None else str(getattr(titles, self.lang))

    def choices(self, codes: str) -> list[tuple[str, str]]:
        """Every code of a list with its title in the page's language, to choose from."""
        return [(code, self.name(one)) for code, one in titled(codes).items()]

    @property
    def _prefix(self) -> str:
        return f"/releases/{self.pinned}" if self.pinned else ""

    def url(self, path: str, **query: object) -> str:
        """An address of the portal in this language and release; parameters without a value are left out."""
        return f"{self._prefix}/{self.lang}{path}{_query(query)}"

    def here(self, **changed: object) -> str:
        """This page's address with changed parameters."""
        return f"{quote(self._path)}{_query(self._asked(changed))}"

    def in_other_language(self) -> str:
        """This page's address in the other language."""
        return self._moved(self.pinned, "en" if self.lang == "zh" else "zh")

    def in_latest(self) -> str:
        """This page's address in the newest release."""
        return self._moved(None, self.lang)

    def _moved(self, pinned: int | None, lang: str) -> str:
        path = self._path.removeprefix(f"{self._prefix}/{self.lang}")
        return f"{f'/releases/{pinned}' if pinned else ''}/{lang}{quote(path)}{_query(self._asked({}))}"

    @property
    def _path(self) -> str:
        """The address without its query, decoded; ``url.path`` is so in part."""
        return str(self.request.scope["path"])

    def _asked(self, changed: Mapping[str, object]) -> dict[str, object]:
        return {**_lists(self.request), **changed}

    def render(
        self,
        template: str,
        *,
        nav: str = "",
        status: int = 200,
        api_url: str | None = None,
        messages: tuple[tuple[Kind, str], ...] = (),
        **context: Any,
    ) -> HTMLResponse:
        """A page from its template.

        Args:
            nav: menu item that the page belongs to.
            api_url: address of the same content in the API.
            messages: lines above the page.
        """
        release = facts(self, self.release) if self.release else None
        frame = {
            "lang": self.lang, "t": self.t, "name": self.name, "viewer": self.viewer, "url": self.url,
            "here": self.here, "other_language": self.in_other_language(), "latest": self.in_latest(),
            "release": release, "is_synthetic": release.is_synthetic if release else today().is_synthetic,
            "today_words": _today(self), "csrf_token": csrf_token(self.request), "nav": nav,
            "api_url": api_url, "messages": messages,
        }  # fmt: skip
        return HTMLResponse(look.environment().get_template(template).render(**frame, **context), status)


def frame_of(request: Request) -> Frame:
    """The frame of a request, from its address and its viewer.

    Raises:
        AccountError: the request carries a token that does not hold.
        UserError: the release that the address names does not exist or is damaged.
    """
    if request.state.refused:
        raise request.state.refused
    if request.state.must_change_password and not request.url.path.endswith(OPEN_PAGES):
        raise SignInNeeded
    number = request.path_params.get("number")
    pinned = int(number) if number else None
    shelf: Shelf = request.app.state.shelf
    lang: Language = "en" if request.path_params.get("lang") == "en" else "zh"
    try:
        release = shelf.release(pinned)
    except UserError:
        if pinned:
            raise
        release = None
    return Frame(request, lang, request.state.viewer, shelf, release, pinned)


class SignInNeeded(Exception):
    """A visitor asked for a page that accounts see; the answer leads to the sign-in and back."""


def known_frame(request: Request) -> Frame:
    """The frame of a request by an account.

    Raises:
        SignInNeeded: a visitor asks.
    """
    if request.state.viewer.is_visitor:
        raise SignInNeeded
    return frame_of(request)


#: Parameter of a page's function: anybody asks, or an account does.
Asked = Annotated[Frame, Depends(frame_of)]
Known = Annotated[Frame, Depends(known_frame)]


def csrf_token(request: Request) -> str:
    """The token that this session's forms carry."""
    token: str = request.session.setdefault("csrf", secrets.token_urlsafe(24))
    return token


def _today(frame: Frame) -> str:
    known = today()
    return f"{frame.t('今天', 'Today')} {known.day}" + (
        frame.t("（合成城市）", " (synthetic city)") if known.is_synthetic else ""
    )


def _lists(request: Request) -> dict[str, object]:
    """Parameters of the address; one that is given several times is a list."""
    names = dict.fromkeys(name for name, _ in request.query_params.multi_items())
    given = {name: request.query_params.getlist(name) for name in names}
    return {name: values[0] if len(values) == 1 else values for name, values in given.items()}


def _query(values: Mapping[str, object]) -> str:
    """
    >>> _query({"year": 2024, "grade": None, "q": "轴承", "page": ""})
    '?year=2024&q=%E8%BD%B4%E6%89%BF'
    """
    kept = {name: value for name, value in values.items() if value not in (None, "", False)}
    return f"?{urlencode(kept, doseq=True)}" if kept else ""


# --- the release line ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReleaseFacts:
    """What every page says about its release."""

    number: int
    created_at: str
    is_latest: bool
    is_synthetic: bool
    #: Last month or year that was delivered.
    data_to: str
    #: Checks of the gate that failed without blocking, in words of the page's language.
    warnings: int
    gate: str = ""


def facts(frame: Frame, release: Release) -> ReleaseFacts:
    """The facts of a release, read once; only which one is the latest changes."""
    known = _facts(frame.shelf, release.number, str(release.manifest["created_at"]))
    passed = frame.t("闸门通过", "gate passed")
    warned = frame.t(f"，{known.warnings} 项提示", f", {known.warnings} warnings") if known.warnings else ""
    is_latest = release.number == frame.shelf.release().number
    return replace(known, is_latest=is_latest, gate=passed + warned)


@lru_cache(maxsize=64)
def _facts(shelf: Shelf, number: int, created_at: str) -> ReleaseFacts:
    with shelf.whole(shelf.release(number)) as query:
        [last] = query("SELECT max(period) AS period FROM release.delivery WHERE is_current")
        [warned] = query("SELECT count(*) AS n FROM release.verdict WHERE NOT success")
        return ReleaseFacts(
            number, created_at[:10], False, is_synthetic(query), str(last["period"] or ""), int(warned["n"])
        )
