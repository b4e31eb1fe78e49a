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
from portal.access.viewer import Viewer
from portal.procedure import decisions, facts
from portal.queries import procedure as queries
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
                is_bound=False,
            )  # fmt: skip
        if of_place not in places:
            raise HTTPException(404, frame.t("没有这个区县的评价", "this district has no evaluation"))
        return frame.render(
            "procedure.html", nav="per_mu", status=status, fault=fault, years=[(y, y) for y in years], year=year,
            district=of_place, districts=_named(frame, places), places=(), is_bound=_is_bound(frame.viewer),
            api_url=f"/api/v1/tables/per_mu.procedure/rows?year={year}&district_code={of_place}",
            **_of_district(frame, query, of_place, year),
        )  # fmt: skip


def _named(frame: Frame, districts: Sequence[str]) -> list[tuple[str, str]]:
    return [(code, frame.name(queries.named("district", code))) for code in districts]


def _is_bound(viewer: Viewer) -> bool:
    """Whether the viewer has one district only."""
    return viewer.role in ("town", "enterprise") or (
        viewer.role in ("district", "analyst") and bool(viewer.scope)
    )


def place_of(query: Asking, viewer: Viewer, year: str, chosen: str) -> str:
    """The district that the viewer looks at: its own where it has one, else the chosen one."""
    if viewer.role == "enterprise":
        rows = query(
            "SELECT district_code FROM per_mu.population WHERE uscc = ? AND year = ?", viewer.scope, year
        )
        if not rows:
            raise HTTPException(404)
        return str(rows[0]["district_code"])
    return viewer.scope[:6] if _is_bound(viewer) else chosen


def _of_district(frame: Frame, query: Asking, district: str, year: str) -> dict[str, Any]:
    known = facts.standing(district, year)
    steps = queries.chain(query, district, year, known)
    decides = frame.pinned is None and decisions.may_decide(frame.viewer, district)
    frame.audit_list("per_mu.objection")
    firm = _firm(frame, query, year, known) if frame.viewer.role == "enterprise" else None
    return {
        "steps": steps,
        "due": _due(steps, known),
        "decides": decides,
        "prints": decisions.may_decide(frame.viewer, district),
        "firm": firm,
        "objections": queries.objections(query, district, year, known),
        "changed": queries.changed_grades(query, district, year) if frame.viewer.role != "enterprise" else (),
        "version": known.version,
        "may_replace": decides and ("executed", known.version) in known.steps,
        "indicators": frame.choices("per_mu_indicator"),
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


def _firm(frame: Frame, query: Asking, year: str, known: facts.Standing) -> dict[str, Any]:
    """The viewer's own firm: its sheet and how it stands."""
    uscc = frame.viewer.scope
    frame.audit_read(uscc)
    state = query(
        "SELECT confirmation_state_code, confirmed_date FROM per_mu.confirmation WHERE uscc = ? AND year = ?",
        uscc,
        year,
    )
    values = query(
        """SELECT v.indicator_code, v.value FROM per_mu.indicator_value v JOIN per_mu.population p
            ON p.evaluation_uscc = v.uscc AND p.year = v.year
        WHERE p.uscc = ? AND p.year = ? ORDER BY v.indicator_code""",
        uscc, year,
    )  # fmt: skip
    return {
        "uscc": uscc,
        "state": queries.named("confirmation_state", state[0]["confirmation_state_code"]) if state else None,
        "confirmed": state[0]["confirmed_date"] if state else None,
        "pending": any(row["uscc"] == uscc and row.get("is_pending") for row in known.confirmations),
        "values": [
            {"indicator": queries.named("per_mu_indicator", row["indicator_code"]), "value": row["value"]}
            for row in values
        ],
    }
