"""评价对象 Objects beyond enterprises: the list of a kind, and the sheet of one object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import Response

from portal.exports.excel import Column
from portal.queries import groups, objects
from portal.queries.objects import Filters, Listed, Sheet
from portal.queries.release import Query as Asking
from portal.queries.titles import Named
from portal.web.exports import Format, Table, download
from portal.web.filters import After, Code, Year
from portal.web.frame import Frame, Known
from schemas.errors import UsageError
from schemas.places import CITY

router = APIRouter()
#: The kind that opens first.
FIRST = "zone"
STATUSES = ("graded", "exempt", "protected", "data_incomplete", "out_of_scope")


def _chosen(
    kind: Code = FIRST,
    year: Year = "",
    district: Code = "",
    status: Annotated[str, Query(max_length=20, pattern="^[a-z_]*$")] = "",
    grade: Annotated[str, Query(pattern="^[A-D]?$")] = "",
    name: Annotated[str, Query(max_length=60)] = "",
    sort: Annotated[str, Query(max_length=30)] = "rank",
) -> Filters:
    return Filters(kind or FIRST, year, district, status, grade, name.strip(), sort)


Chosen = Annotated[Filters, Depends(_chosen)]


@router.get("/objects")
def page(frame: Known, filters: Chosen, after: After = "") -> Response:
    """The list of a kind in a year."""
    with frame.reading() as query:
        years = objects.years(query)
        if not years:
            return frame.render("nothing.html", nav="per_mu")
        filters, kinds = _asked(frame, query, years, filters)
        frame.audit_list("per_mu.object_grade")
        try:
            found = objects.page(query, filters, after)
        except UsageError:
            raise HTTPException(
                422, frame.t("排序或分页位置无效", "the order or the place in the list is not valid")
            ) from None
        counts = dict(next(of for kind, of in kinds if kind.code == filters.kind))
        return frame.render(
            "objects.html",
            nav="per_mu",
            api_url=f"/api/v1/tables/per_mu.object_grade/rows?year={filters.year}&object_kind_code={filters.kind}",
            filters=filters,
            years=[(year, year) for year in years],
            kinds=kinds_of(frame, query, filters.year),
            districts=[(one.code, frame.name(one)) for one in objects.districts(query, filters)],
            statuses=[(code, frame.name(query.titles("eval_status", code))) for code in STATUSES],
            counts=[(query.titles("eval_status", code), counts.get(code, 0)) for code in STATUSES],
            total_objects=sum(counts.values()),
            rows=found.rows,
            total=found.total,
            following=frame.here(after=found.following) if found.following else None,
            first=frame.here(after=None) if after else None,
            row_href=lambda row: frame.url(f"/objects/{row.kind}/{row.code}", year=filters.year),
            is_scoped=frame.viewer.role == "district",
        )


def kinds_of(frame: Frame, query: Asking, year: str) -> list[tuple[str, str, str]]:
    """The tabs of the kinds of the year, groups of firms among them: code, title and address of each list."""
    tabs = [
        (kind.code, frame.name(kind), frame.url("/objects", kind=kind.code, year=year))
        for kind, _ in objects.kinds(query, year)
    ]
    if year in groups.years(query):
        title = frame.t("混合型集团", "Groups of firms")
        tabs.append(("group", title, frame.url("/objects/groups", year=year)))
    return tabs


def _asked(
    frame: Frame, query: Asking, years: Sequence[str], filters: Filters
) -> tuple[Filters, Sequence[tuple[Named, Any]]]:
    """The filters with a year and a kind that exist.

    Raises:
        HTTPException: 404, the reader sees no such year or kind.
    """
    if not years:
        raise HTTPException(404, frame.t("没有您可以查看的评价对象", "there are no objects that you may see"))
    year = filters.year or years[0]
    if year not in years:
        raise HTTPException(404, frame.t(f"没有{year}年的评价对象", f"there are no objects of {year}"))
    kinds = objects.kinds(query, year)
    if filters.kind not in [kind.code for kind, _ in kinds]:
        known = frame.t("、", ", ").join(kind.code for kind, _ in kinds)
        raise HTTPException(404, frame.t(f"没有这类对象；现有：{known}", f"no such kind; there are {known}"))
    return replace(filters, year=year), kinds


@router.get("/objects/export.{ending}")
def export(frame: Known, ending: Format, filters: Chosen) -> Response:
    """The rows that the list has with the same filters, all of them."""
    frame.audit_list("per_mu.object_grade")
    with frame.reading() as query:
        filters, kinds = _asked(frame, query, objects.years(query), filters)
        kind = next(one for one, _ in kinds if one.code == filters.kind)
        try:
            rows = [_export_row(frame, row) for row in objects.all_rows(query, filters)]
        except UsageError:
            raise HTTPException(422, frame.t("排序无效", "the order is not valid")) from None
    t = frame.t
    table = Table(
        title=t(
            f"宁波市{filters.year}年度{frame.name(kind)}评价",
            f"Evaluation of {frame.name(kind).lower()}s of Ningbo, {filters.year}",
        ),
        of=(filters.kind, filters.district, filters.grade),
        unit_line=t(f"单位：分、%、亩　年度：{filters.year}", f"Units: points, %, mu. Year: {filters.year}"),
        columns=[
            Column(t("名次", "Rank"), kind="integer"),
            Column(t("代码", "Code")),
            Column(t("名称", "Name")),
            Column(t("区县", "District")),
            Column(t("榜单", "List")),
            Column(t("状态", "Status")),
            Column(t("原因", "Reasons")),
            Column(t("用地", "Land"), t("亩", "mu"), kind="decimal"),
            Column(t("总分", "Total"), t("分", "points"), kind="decimal"),
            Column(t("百分位", "Percentile"), kind="percent"),
            Column(t("等级", "Grade")),
            Column(t("上年等级", "Grade of the year before")),
        ],
        rows=rows,
        footnotes=[
            t(
                "名次只在本榜单内比较；开发区、集聚区、小微企业园与综合体为全市榜单。",
                "A rank is within its list; zones, areas, parks and complexes are ranked in the whole city.",
            )
        ],
        office=t("宁波产业大脑", "Ningbo Industrial Brain"),
    )
    return download(frame, table, ending)


def _export_row(frame: Frame, row: Listed) -> tuple[object, ...]:
    reasons = frame.t("、", ", ").join(frame.name(reason) for reason in row.reasons)
    return (
        row.rank, row.code, row.name, frame.name(row.district), frame.name(row.list), frame.name(row.status), reasons,
        row.land_mu, row.total, row.percentile_pct, row.grade, row.before,
    )  # fmt: skip


# --- one object ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figure:
    """A figure of the sheet."""

    name: str
    title: str
    unit: str
    value: Any


@router.get("/objects/{kind}/{code}")
def sheet(frame: Known, kind: str, code: str, year: Year = "") -> Response:
    """One object's sheet."""
    with frame.reading() as query:
        years = objects.years(query)
        asked = year or (years[0] if years else "")
        found = objects.sheet(query, kind, code, asked) if asked in years else None
        if found is None:
            raise HTTPException(
                404,
                frame.t(
                    f"{asked}年没有您可以查看的对象 {kind} {code}",
                    f"there is no object {kind} {code} of {asked} that you may see",
                ),
            )
        if kind == "service_firm":
            frame.audit_read(code)
        else:
            frame.audit_list("per_mu.parcel_figure" if found.users else "per_mu.object_unit")
        dictionary = query.dictionary
        figures = [
            Figure(name, frame.name(column.title), column.unit, found.figures.get(name))
            for name in objects.FIGURES
            if name in found.figures or name in found.withheld
            for column in [dictionary.column(_named(kind, name))]
        ]
        return frame.render(
            "object.html",
            nav="per_mu",
            api_url=f"/api/v1/tables/per_mu.object_unit/rows?year={asked}&object_code={code}",
            sheet=found,
            figures_of=figures,
            place=_place(frame, found),
            proof=lambda table, column: frame.url(
                f"/evidence/{table}", object_kind_code=kind, object_code=code, year=asked, column=column
            ),
            list_href=frame.url("/objects", kind=kind, year=asked),
            year_href=lambda row: frame.here(year=row.year),
            user_href=lambda row: frame.url(f"/enterprise/{row.uscc}", year=asked),
        )


def _named(kind: str, figure: str) -> str:
    """The column whose title a figure has: value added is that of industry but for services."""
    return f"service_{figure}" if kind == "service_firm" and figure == "value_added_wan_yuan" else figure


def _place(frame: Frame, found: Sheet) -> str:
    """Where the object stands in its list, in words."""
    listed = found.listed
    if listed.grade is None:
        return frame.name(listed.status)
    is_city = found.ranked_in.code == CITY
    where = frame.t("全市", "whole city") if is_city else frame.name(found.ranked_in)
    of_list = frame.name(listed.list)
    if listed.rank is None:
        return frame.t(f"{where}{of_list}，不占名额", f"{where}, {of_list.lower()}, outside the quota")
    tie = frame.t("（同分）", " (tied)") if found.is_tie else ""
    return frame.t(
        f"{where}{of_list}第 {listed.rank:,} 名 / {listed.list_size:,}{tie}",
        f"{where}, {of_list.lower()}: place {listed.rank:,} of {listed.list_size:,}{tie}",
    )
