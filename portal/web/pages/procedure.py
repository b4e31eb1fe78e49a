"""年度工作流程 The yearly procedure: where a district's year stands, what is due, and the forms of who may decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from ingest.register.today import today
from jobs.per_mu.rules.procedure import procedure
from portal.access import procedure as access
from portal.access.viewer import Viewer
from portal.procedure import decisions, facts
from portal.procedure.delivery import sendable
from portal.queries import procedure as queries
from portal.queries.own_sheet import sheet
from portal.queries.release import Query as Asking
from portal.queries.titles import Named
from portal.web.filters import Code, Year
from portal.web.frame import Frame, Known
from schemas.working_days import UnknownYearError, working_days

router = APIRouter()


@dataclass(frozen=True)
class Due:
    """What is due now in a district's year."""

    code: str
    title: Named
    needs_document: bool
    least_days: int | None
    most_days: int | None
    #: Last day of a window that is still open, and its working days left.
    open_until: date | None
    days_left: int | None


@router.get("/procedure")
def page(frame: Known, year: Year = "", district: Code = "") -> Response:
    return shown(frame, year, district)


def shown(frame: Frame, year: str, district: str, fault: str = "", status: int = 200) -> Response:
    with frame.reading() as query:
        years = queries.years(query) if "per_mu.procedure" in query.tables else []
        if not years:
            return frame.render("nothing.html", nav="per_mu")
        year = year or years[0]
        if year not in years:
            raise HTTPException(404, frame.t(f"没有{year}年的评价", f"there is no evaluation of {year}"))
        of_place = place_of(query, frame.viewer, year, district)
        places = queries.districts(query, year)
        if not of_place:
            rows = queries.places(year, places)
            return frame.render(
                "procedure.html", nav="per_mu", years=[(y, y) for y in years], year=year, district="",
                districts=_named(frame, places), places=rows, fault=fault, status=status,
                row_href=lambda row: frame.url("/procedure", year=year, district=row.district.code),
                is_bound=False, api_url=f"/api/v1/procedure?year={year}",
            )  # fmt: skip
        if of_place not in places:
            raise HTTPException(404, frame.t("没有这个区县的评价", "this district has no evaluation"))
        return frame.render(
            "procedure.html", nav="per_mu", status=status, fault=fault, years=[(y, y) for y in years], year=year,
            district=of_place, districts=_named(frame, places), places=(), is_bound=access.is_bound(frame.viewer),
            api_url=f"/api/v1/procedure/{year}/{of_place}",
            **_of_district(frame, query, of_place, year),
        )  # fmt: skip


def _named(frame: Frame, districts: Sequence[str]) -> list[tuple[str, str]]:
    return [(code, frame.name(queries.named("district", code))) for code in districts]


def _named_indicators(frame: Frame) -> list[tuple[str, str]]:
    """The indicators against which a firm may object."""
    codes = sendable(facts.OBJECTION, "indicator_code")
    return [(code, frame.name(queries.named("per_mu_indicator", code))) for code in codes]


def place_of(query: Asking, viewer: Viewer, year: str, chosen: str) -> str:
    """The district that the viewer looks at.

    Raises:
        HTTPException: 404, it is a firm that is not in the year's evaluation.
    """
    found = access.place_of(query, viewer, year, chosen)
    if found is None:
        raise HTTPException(404)
    return found


def _of_district(frame: Frame, query: Asking, district: str, year: str) -> dict[str, Any]:
    known = facts.standing(district, year)
    steps = queries.chain(query, district, year, known)
    decides = frame.pinned is None and decisions.may_decide(frame.viewer, district)
    sees_objections = access.sees_objections(frame.viewer)
    if sees_objections:
        frame.audit_list("per_mu.objection")
    firm = None
    if frame.viewer.role == "enterprise":
        frame.audit_read(frame.viewer.scope)
        firm = sheet(query, frame.viewer.scope, year, known)
    return {
        "steps": steps,
        "due": _due(steps, known),
        "decides": decides,
        "prints": decisions.may_decide(frame.viewer, district),
        "firm": firm,
        "sees_objections": sees_objections,
        "objections": queries.objections(query, district, year, known) if sees_objections else (),
        "changed": queries.changed_grades(query, district, year)
        if access.sees_corrections(frame.viewer)
        else (),
        "version": known.version,
        "may_replace": decides and ("executed", known.version) in known.steps,
        "indicators": _named_indicators(frame),
        "kinds": frame.choices("objection_kind"),
        "reasons": frame.choices("grade_adjustment_reason"),
        "today": today().day,
    }


def _due(steps: Sequence[queries.StepRow], known: facts.Standing) -> Due | None:
    row = next((row for row in steps if row.state == "due"), None)
    if row is None:
        return None
    rule, day = procedure().step(row.code), today().day
    open_ = next(
        (s for s in reversed(steps) if s.state == "done" and s.window_end and s.window_end >= day
         and procedure().step(s.code).window), None,
    )  # fmt: skip
    left = None
    if open_ and open_.window_end:
        try:
            left = working_days(day, open_.window_end)
        except UnknownYearError:
            left = None
    return Due(
        row.code, row.title, "document" in rule.needs, rule.window.least if rule.window else None,
        rule.window.most if rule.window else None, open_.window_end if open_ else None, left,
    )  # fmt: skip
