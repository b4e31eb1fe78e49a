"""公开信息 Public: the list of grades and sums of city, districts and industries, for everybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from portal.queries import bulletin
from portal.queries.bulletin import Total
from portal.web.filters import After, Chosen
from portal.web.frame import Asked, Frame
from schemas.contract import contract
from schemas.errors import UsageError
from schemas.places import CITY

router = APIRouter()


@router.get("/public")
def public(
    frame: Asked,
    chosen: Chosen,
    after: After = "",
    view: Annotated[str, Query(pattern="^(list|districts|industries)?$")] = "list",
) -> Response:
    with frame.reading() as query:
        years = bulletin.years(query)
        if not years:
            return frame.render("nothing.html")
        year = chosen.year or years[0]
        if year not in years:
            raise HTTPException(404, frame.t(f"没有{year}年的公开信息", f"nothing is published of {year}"))
        content: dict[str, Any]
        if view == "districts":
            content = {"totals": _rows(frame, bulletin.totals(query, year))}
        elif view == "industries":
            content = {"totals": _rows(frame, bulletin.divisions(query, year))}
        else:
            try:
                page = bulletin.grades(
                    query, year, chosen.district, chosen.list, chosen.grade, chosen.name, after
                )
            except UsageError:
                raise HTTPException(
                    422, frame.t("分页位置无效", "the place in the list is not valid")
                ) from None
            content = {
                "page": page,
                "following": frame.here(after=page.following) if page.following else None,
                "first": frame.here(after=None) if after else None,
            }
        return frame.render(
            "public.html",
            nav="public",
            api_url=f"/api/v1/tables/bulletin.grade_list/rows?year={year}",
            year=year,
            years=[(known, known) for known in years],
            district=chosen.district,
            list_code=chosen.list,
            grade=chosen.grade,
            firm_name=chosen.name,
            view=view or "list",
            views=[
                (key, frame.t(zh, en), frame.here(view=key if key != "list" else None, after=None))
                for key, zh, en in (
                    ("list", "公示名单", "Grades by name"),
                    ("districts", "区县汇总", "Sums of districts"),
                    ("industries", "行业汇总", "Sums of industries"),
                )
            ],
            districts=[(code, name) for code, name in frame.choices("district") if code != CITY],
            lists=frame.choices("per_mu_list"),
            figures=_figures(frame),
            **content,
        )


def _figures(frame: Frame) -> list[tuple[str, str, str]]:
    """The figures of a sum: column, title, unit."""
    spec = contract("bulletin.city_total")
    columns = [spec.column(name) for name in bulletin.FIGURES]
    return [(c.name, c.zh if frame.lang == "zh" else c.en, c.unit or "") for c in columns]


def _rows(frame: Frame, totals: Sequence[Total]) -> list[dict[str, Any]]:
    return [
        {
            "name": frame.name(total.of),
            "scale": frame.t("规上", "above scale")
            if total.is_above_scale
            else frame.t("规下", "below scale"),
            "firms": total.firms,
            **total.figures,
            "reasons": {name: frame.name(reason) for name, reason in total.reasons.items()},
        }
        for total in totals
    ]
