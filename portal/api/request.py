"""A request of the API: who asks of which release, and what an answer says about itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from importlib.metadata import version
from typing import Any, TypeVar

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from ingest.register.today import today
from portal.access.shelf import Shelf
from portal.access.viewer import Cut, Viewer
from portal.accounts import audit
from portal.api import formats, problems
from portal.api.limits import Deadline, Limits
from portal.api.shown import kept
from portal.queries.release import Query
from schemas.contract import contracts
from schemas.credit_code import is_valid
from warehouse.releases import Release

T = TypeVar("T")
#: What an answer depends on besides its address.
VARY = "Accept, Accept-Language, Authorization, Cookie"
#: Resources that give rows, and access keys of tables in which rows are those of firms.
AUDITED = ("rows", "row", "changes", "explain")
OF_FIRMS = ("uscc", "district_and_uscc", "town")


@dataclass(frozen=True)
class Asked:
    """A request: who asks, and what answers it."""

    request: Request
    shelf: Shelf
    limits: Limits

    @property
    def viewer(self) -> Viewer:
        viewer: Viewer = self.request.state.viewer
        return viewer

    @property
    def cut(self) -> Cut:
        return self.viewer.cut

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        return self.request.query_params.multi_items()

    @property
    def number(self) -> int | None:
        """The release that the address names."""
        number: int | None = self.request.path_params.get("release")
        return number

    @property
    def table(self) -> str:
        return str(self.request.path_params["table"])

    def release(self, number: int | None = None) -> Release:
        """The release that the address names, else the given one, else the latest.

        Raises:
            Problem: it is not there.
        """
        return kept(self.shelf, self.number or number)

    # --- audit -------------------------------------------------------------------------------------------

    async def audited(self) -> None:
        """Tell the audit log who asks for rows of firms, before they are read.

        Raises:
            AuditError: the log cannot be written; the request is refused then.
        """
        spec = contracts().get(self.request.path_params.get("table", ""))
        resource = self.request.url.path.rpartition("/")[2]
        if (
            self.viewer.is_visitor
            or spec is None
            or resource not in AUDITED
            or spec.access_key not in OF_FIRMS
        ):
            return
        named = dict(self.pairs).get("uscc", "").rpartition(".")[2]
        details = {"release": self.number or 0, "table": spec.name, "query": self.request.url.query}
        action, subject = ("firm.read", named) if is_valid(named) else ("table.read", spec.name)
        await anyio.to_thread.run_sync(
            partial(audit.record, self.viewer, action, subject, details, is_read=True)
        )

    # --- reading -----------------------------------------------------------------------------------------

    async def read(self, release: Release, work: Callable[[Query], T]) -> T:
        """What a query finds in a release as the viewer may see it."""

        def run(deadline: Deadline) -> T:
            with self.shelf.reading(release, self.cut) as query, deadline.watching(query.connection):
                return work(query)

        return await self.limits.query(run)

    async def stream(
        self,
        release: Release,
        parts: Callable[[Query], Iterator[bytes]],
        form: str,
        headers: Mapping[str, str],
    ) -> Response:
        """An answer of any length, of a release as the viewer may see it."""
        if self.request.method == "HEAD":
            return Response(headers=dict(headers), media_type=form)
        held = AsyncExitStack()
        deadline = await held.enter_async_context(self.limits.export())

        def read() -> Generator[bytes]:
            with self.shelf.reading(release, self.cut) as query, deadline.watching(query.connection):
                yield from parts(query)

        return await formats.stream(read(), held, headers, form)

    # --- answering ---------------------------------------------------------------------------------------

    def headers(self, release: Release, form: str = formats.JSON) -> dict[str, str]:
        """Headers of an answer from a release, with its mark."""
        return {"etag": self._mark(release, form), "vary": VARY, "brain-release": str(release.number)}

    def unchanged(self, headers: Mapping[str, str]) -> Response | None:
        """The answer to who has the same already; nothing is read for it."""
        given = self.request.headers.get("if-none-match", "")
        marks = {mark.strip().removeprefix("W/") for mark in given.split(",")}
        if headers["etag"].removeprefix("W/") in marks:
            return Response(status_code=304, headers=dict(headers))
        return None

    def _mark(self, release: Release, form: str) -> str:
        lang = problems.language(self.request)
        created = str(release.manifest["created_at"])
        return _mark(release.number, created, self.cut, str(today().day), lang, form)

    def json(self, release: Release, value: Any) -> Response:
        return Response(formats.encoded(value), headers=self.headers(release), media_type=formats.JSON)


@lru_cache(maxsize=1024)
def _mark(number: int, created: str, cut: Cut, day: str, lang: str, form: str) -> str:
    """Weak mark of what an answer depends on besides its address: consents hold on days, so the day belongs to it."""
    parts = (number, created, cut, day, lang, form, version("ningbo-industrial-brain"))
    return f'W/"{hashlib.sha256(repr(parts).encode()).hexdigest()[:20]}"'
