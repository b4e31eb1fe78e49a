"""资源要素 Resources: what grades bring by district and measure, and the rules behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import RedirectResponse, Response

from portal.queries import resource
from portal.queries.release import Query as Asking
from portal.web.filters import Code, Year
from portal.web.frame import Asked, Frame

router = APIRouter()

#: Views of the page: key → title in both languages.
VIEWS: Mapping[str, tuple[str, str]] = {
    "totals": ("差别化配置", "Relief and surcharges"),
    "rules": ("措施与依据", "Measures and sources"),
}


@router.get("/resource")
def page(
    frame: Asked,
    year: Year = "",
    measure: Code = "land_use_tax",
    view: Annotated[str, Query(pattern="^(totals|rules)?$")] = "",
) -> Response:
    if frame.viewer.role == "enterprise":
        return RedirectResponse(frame.url(f"/enterprise/{frame.viewer.scope}", year=year), 302)
    with frame.reading() as query:
        known = resource.years(query)
        chosen = view or ("totals" if known else "rules")
        show = {"rules": _rules}.get(chosen, _totals)
        if year and year not in known and chosen != "rules":
            raise HTTPException(404, frame.t(f"没有{year}年的结果运用", f"no consequences of {year}"))
        year = year or (known[0] if known else "")
        return frame.render(
            "resource.html",
            nav="resource",
            api_url=f"/api/v1/tables/resource.consequence_district/rows?year={year}" if known else None,
            year=year,
            years=[(one, one) for one in known],
            view=chosen,
            views=[
                (key, frame.t(*words), frame.here(view=key, after=None))
                for key, words in VIEWS.items()
                if known or key == "rules"
            ],
            **show(frame, query, year, measure),
        )


def _totals(frame: Frame, query: Asking, year: str, measure: str) -> dict[str, Any]:
    known = resource.measures(query, year)
    if measure not in {one.code for one in known}:
        raise HTTPException(404, frame.t("没有这项措施", "there is no such measure"))
    return {
        "measure": measure,
        "measures": [(one.code, frame.name(one)) for one in known],
        "city": resource.of_city(query, year),
        "districts": resource.of_districts(query, year, measure),
    }


def _rules(frame: Frame, query: Asking, year: str, measure: str) -> dict[str, Any]:
    return {"rules": resource.rules(query)}
