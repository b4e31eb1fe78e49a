"""The yearly procedure over the API: where a district's year stands, and its decisions.

As on the page, every account looks, one with a district of its own at that alone; decisions are those of
:mod:`portal.procedure.decisions`, which alone says who may decide what and when.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import anyio.to_thread
from starlette.responses import Response

from portal.access import procedure as access
from portal.accounts import audit
from portal.api import body, formats, problems, values
from portal.api.procedure_models import (
    AdjustGrade,
    AdvanceStep,
    ConfirmSheet,
    DecideObjection,
    DistrictObjection,
    DistrictProgress,
    DistrictStep,
    DistrictYear,
    OwnSheet,
    RaiseObjection,
    WaitingCorrection,
    YearProgress,
)
from portal.api.request import VARY, Asked
from portal.procedure import decisions, facts
from portal.procedure.decisions import Decided
from portal.queries import procedure as queries
from portal.queries.own_sheet import sheet
from portal.queries.release import Query
from schemas.contract import feed

#: Bytes of a decision at most.
MOST_BYTES = 16_000


# --- where it stands --------------------------------------------------------------------------------------------


async def districts(asked: Asked) -> Response:
    """The districts of a year, the latest if none is named.

    Raises:
        Problem: 403, a visitor asks; 404, the year has no evaluation; 422, it is no year.
    """
    _known(asked)
    formats.accepted(asked.request, (formats.JSON,))
    year = dict(asked.pairs).get("year", "")
    if not re.fullmatch(r"([0-9]{4})?", year):
        raise problems.Problem(
            422, "wrong-value", "year 应为四位年度，如 2024。", "year takes a year, such as 2024.", parameter="year"
        )  # fmt: skip
    release = asked.release()
    return _answer(await asked.read(release, partial(_districts, asked, release.number, year)))


def _districts(asked: Asked, release: int, year: str, query: Query) -> YearProgress:
    years = _years(query)
    year = year or next(iter(years), "")
    _check_year(years, year)
    places = queries.districts(query, year)
    own = access.place_of(query, asked.viewer, year, "")
    if access.is_bound(asked.viewer):
        places = [place for place in places if place == own]
    return YearProgress(release, years, year, list(map(DistrictProgress.of, queries.places(year, places))))


async def district(asked: Asked) -> Response:
    """A district's year: steps, objections and corrections that wait; for a firm its own sheet.

    Raises:
        Problem: 403, a visitor asks, or the viewer has another district; 404, there is no such evaluation.
    """
    _known(asked)
    formats.accepted(asked.request, (formats.JSON,))
    release = asked.release()
    return _answer(await asked.read(release, partial(_district, asked, release.number)))


def _district(asked: Asked, release: int, query: Query) -> DistrictYear:
    year, code = (str(asked.request.path_params[name]) for name in ("year", "district"))
    viewer = asked.viewer
    _check_year(_years(query), year)
    if access.place_of(query, viewer, year, code) != code:
        raise problems.Problem(
            403, "not-yours", "只能查看本区县的流程。", "You may look at your own district's procedure only."
        )
    if code not in queries.districts(query, year):
        raise problems.Problem(
            404, "no-evaluation", f"{code[:80]} 没有 {year} 年的评价。", f"{code[:80]} has no evaluation of {year}."
        )  # fmt: skip
    is_firm = viewer.role == "enterprise"
    told = {"release": release, "address": asked.request.url.path}
    sees_objections = access.sees_objections(viewer)
    if sees_objections:
        audit.record(viewer, "table.read", "per_mu.objection", told, is_read=True)
    if is_firm:
        audit.record(viewer, "firm.read", viewer.scope, {"release": release}, is_read=True)
    known = facts.standing(code, year)
    objections = queries.objections(query, code, year, known) if sees_objections else ()
    changed = queries.changed_grades(query, code, year) if access.sees_corrections(viewer) else ()
    return DistrictYear(
        release,
        year,
        queries.named("district", code),
        known.version,
        decisions.may_decide(viewer, code),
        list(map(DistrictStep.of, queries.chain(query, code, year, known))),
        list(map(DistrictObjection.of, objections)),
        list(map(WaitingCorrection.of, changed)),
        OwnSheet.of(sheet(query, viewer.scope, year, known)) if is_firm else None,
    )


def _years(query: Query) -> list[str]:
    return queries.years(query) if "per_mu.procedure" in query.tables else []


def _check_year(years: list[str], year: str) -> None:
    if year not in years:
        raise problems.Problem(
            404, "no-evaluation", f"没有 {year[:80]} 年的评价；现有：{'、'.join(years) or '无'}。",
            f"There is no evaluation of {year[:80]}; years with one: {', '.join(years) or 'none'}.", years=years,
        )  # fmt: skip


def _known(asked: Asked) -> None:
    if asked.viewer.is_visitor:
        raise problems.Problem(
            403, "account-needed", "流程只向有账户或令牌者开放。", "The procedure is for accounts and tokens."
        )


def _answer(content: DistrictYear | YearProgress) -> Response:
    return Response(formats.encoded(content), headers={"vary": VARY}, media_type=formats.JSON)


# --- decisions --------------------------------------------------------------------------------------------------


async def step(asked: Asked) -> Response:
    """Decide the next step of a district's year."""
    _known(asked)
    given = await body.read(asked, AdvanceStep, MOST_BYTES)
    return await _decided(
        lambda: decisions.advance(
            asked.viewer, given.district, given.year, given.step, document=given.document, days=given.days,
            start=given.start, until=given.until, reason=given.reason,
        )
    )  # fmt: skip


async def confirm(asked: Asked) -> Response:
    """Confirm a firm's sheet, as the firm or for it."""
    _known(asked)
    given = await body.read(asked, ConfirmSheet, MOST_BYTES)
    return await _decided(
        lambda: decisions.confirm(asked.viewer, given.uscc, given.year, document=given.document)
    )


async def object_(asked: Asked) -> Response:
    """Object to a firm's land, figure or grade, as the firm or for it."""
    _known(asked)
    given = await body.read(asked, RaiseObjection, MOST_BYTES)
    return await _decided(
        lambda: decisions.object_(
            asked.viewer, given.uscc, given.year, given.kind, given.evidence, indicator=given.indicator or "",
            claimed=given.claimed, document=given.document,
        )
    )  # fmt: skip


async def decide(asked: Asked) -> Response:
    """Decide an objection, with reasons."""
    _known(asked)
    given = await body.read(asked, DecideObjection, MOST_BYTES)
    return await _decided(
        lambda: decisions.decide(
            asked.viewer, given.district, given.year, given.objection, given.decision, given.reason,
            value=given.value, document=given.document,
        )
    )  # fmt: skip


async def adjust(asked: Asked) -> Response:
    """Change a firm's grade as the joint meeting decided."""
    _known(asked)
    given = await body.read(asked, AdjustGrade, MOST_BYTES)
    return await _decided(
        lambda: decisions.adjust(
            asked.viewer, given.uscc, given.year, given.grade, given.reason, given.text, given.document
        )
    )


async def _decided(act: Callable[[], Decided]) -> Response:
    """What was decided, 201; its refusals are problems as they are (:func:`portal.api.problems.of_error`)."""
    done = await anyio.to_thread.run_sync(act)
    document = {"feed": done.feed, "record": _record(done)}
    return Response(formats.encoded(document), 201, {"vary": VARY}, formats.JSON)


def _record(done: Decided) -> Mapping[str, Any]:
    """The record with numbers as rows of its feed have them."""
    read = {"number": Decimal, "integer": int}
    types = {column.name: values.kind(column).schema["type"] for column in feed(done.feed).columns}
    return {
        name: read.get(types[name], lambda as_it_is: as_it_is)(value)
        for name, value in done.record.items()
        if value is not None
    }
