"""混合型集团 Groups evaluated together: their list, and the sheet of one group with its members beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import Response

from portal.exports.excel import Column
from portal.queries import groups
from portal.queries.groups import Filters, Group, Member
from portal.queries.objects import FIGURES
from portal.web.exports import Format, Table, download
from portal.web.filters import After, Code, Year
from portal.web.frame import Frame, Known
from portal.web.pages.objects import Figure, kinds_of
from schemas.errors import UsageError

router = APIRouter()
#: The kind in addresses and tabs.
KIND = "group"


def _asked(
    year: Year = "",
    district: Code = "",
    grade: Annotated[str, Query(pattern="^[A-D]?$")] = "",
    name: Annotated[str, Query(max_length=60)] = "",
    sort: Annotated[str, Query(max_length=30)] = "name",
) -> Filters:
    return Filters(year, district, grade, name.strip(), sort)


Asked = Annotated[Filters, Depends(_asked)]


@router.get("/objects/groups")
def page(frame: Known, filters: Asked, after: After = "") -> Response:
    """The groups of a year."""
    with frame.reading() as query:
        years = groups.years(query)
        filters = replace(filters, year=_year(frame, years, filters.year))
        frame.audit_list(groups.TABLE)
        try:
            found = groups.page(query, filters, after)
        except UsageError:
            raise HTTPException(
                422, frame.t("排序或分页位置无效", "the order or the place in the list is not valid")
            ) from None
        return frame.render(
            "groups.html",
            nav="per_mu",
            api_url=f"/api/v1/tables/{groups.TABLE}/rows?year={filters.year}",
            filters=filters,
            years=[(one, one) for one in years],
            kinds=kinds_of(frame, query, filters.year),
            kind=KIND,
            districts=[(one.code, frame.name(one)) for one in groups.districts(query, filters.year)],
            rows=found.rows,
            total=found.total,
            following=frame.here(after=found.following) if found.following else None,
            first=frame.here(after=None) if after else None,
            row_href=lambda row: frame.url(f"/objects/{KIND}/{row.code}", year=filters.year),
        )


def _year(frame: Frame, years: list[str], asked: str) -> str:
    """The year asked for, or the latest.

    Raises:
        HTTPException: 404, the reader sees no group of the year.
    """
    if not years or (asked and asked not in years):
        of = asked or frame.t("本版本", "this release")
        raise HTTPException(
            404,
            frame.t(f"{of}没有您可以查看的混合型集团", f"there is no group of {of} that you may see"),
        )
    return asked or years[0]


@router.get("/objects/groups/export.{ending}")
def export(frame: Known, ending: Format, filters: Asked) -> Response:
    """The rows that the list has with the same filters, all of them."""
    frame.audit_list(groups.TABLE)
    with frame.reading() as query:
        filters = replace(filters, year=_year(frame, groups.years(query), filters.year))
        try:
            rows = [_export_row(frame, row) for row in groups.all_rows(query, filters)]
        except UsageError:
            raise HTTPException(422, frame.t("排序无效", "the order is not valid")) from None
    t = frame.t
    table = Table(
        title=t(
            f"宁波市{filters.year}年度混合型集团合并评价",
            f"Groups evaluated together, Ningbo, {filters.year}",
        ),
        of=(KIND, filters.district, filters.grade),
        unit_line=t(f"单位：分　年度：{filters.year}", f"Unit: points. Year: {filters.year}"),
        columns=[
            Column(t("代码", "Code")),
            Column(t("名称", "Name")),
            Column(t("牵头企业", "Lead")),
            Column(t("区县", "District")),
            Column(t("榜单", "List")),
            Column(t("成员", "Members"), kind="integer"),
            Column(t("合并得分", "Score together"), t("分", "points"), kind="decimal"),
            Column(t("成员最高分", "Best member"), t("分", "points"), kind="decimal"),
            Column(t("成员最低分", "Least member"), t("分", "points"), kind="decimal"),
            Column(t("相当名次", "Rank beside"), kind="integer"),
            Column(t("榜内家数", "Units in the list"), kind="integer"),
            Column(t("相当等级", "Grade beside")),
        ],
        rows=rows,
        footnotes=[
            t(
                "相当名次与等级为合并得分在牵头企业榜单中的位置，不改变任何企业的等级。",
                "Rank and grade are those that the score would take in the lead's list. Nobody's grade follows.",
            )
        ],
        office=t("宁波产业大脑", "Ningbo Industrial Brain"),
    )
    return download(frame, table, ending)


def _export_row(frame: Frame, row: Group) -> tuple[object, ...]:
    return (
        row.code, row.name, row.lead, frame.name(row.district), frame.name(row.list), row.member_count, row.score,
        row.best, row.least, row.rank, row.list_size, row.grade,
    )  # fmt: skip


# --- one group -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """The group, or a member of it, as a line of the comparison."""

    #: Code of the firm; empty for the group.
    uscc: str
    name: str
    note: str
    place: str
    land_mu: Any
    tax_wan_yuan: Any
    score: Any
    rank: str
    grade: str | None
    is_withheld: bool


@router.get(f"/objects/{KIND}/{{code}}")
def sheet(frame: Known, code: str, year: Year = "") -> Response:
    """One group's sheet."""
    with frame.reading() as query:
        years = groups.years(query)
        asked = year or (years[0] if years else "")
        found = groups.sheet(query, code, asked) if asked in years else None
        if found is None:
            raise HTTPException(
                404,
                frame.t(
                    f"{asked}年没有您可以查看的混合型集团 {code}",
                    f"there is no group {code} of {asked} that you may see",
                ),
            )
        frame.audit_list(groups.TABLE)
        dictionary = query.dictionary
        return frame.render(
            "group.html",
            nav="per_mu",
            api_url=f"/api/v1/tables/{groups.TABLE}/rows?year={asked}&group_code={code}",
            sheet=found,
            lines=[
                _of_group(frame, found.group, found.figures),
                *(_of_member(frame, one, found.group) for one in found.members),
            ],
            place=_rank(frame, found.group.rank, found.group.list_size),
            figures_of=[
                Figure(name, frame.name(column.title), column.unit, found.figures[name])
                for name in (*FIGURES, *(n for n in found.figures if n not in FIGURES))
                if name in found.figures
                for column in [dictionary.column(name)]
            ],
            proof=lambda column: frame.url(
                f"/evidence/{groups.TABLE}", group_code=code, year=asked, column=column
            ),
            list_href=frame.url("/objects/groups", year=asked),
            year_href=lambda row: frame.here(year=row.year),
            member_href=lambda row: frame.url(f"/enterprise/{row.uscc}", year=asked),
        )


def _rank(frame: Frame, rank: int | None, size: int | None) -> str:
    return "" if rank is None or size is None else frame.t(f"{rank:,} / {size:,}", f"{rank:,} of {size:,}")


def _of_group(frame: Frame, group: Group, figures: Any) -> Line:
    return Line(
        uscc="",
        name=frame.t("合并", "Together"),
        note=frame.t(f"成员 {group.member_count} 家之和", f"sum of {group.member_count} members"),
        place=f"{frame.name(group.district)} · {frame.name(group.list)}",
        land_mu=figures.get("land_area_mu"),
        tax_wan_yuan=figures.get("tax_contribution_wan_yuan"),
        score=group.score,
        rank=_rank(frame, group.rank, group.list_size),
        grade=group.grade,
        is_withheld=group.is_withheld or not figures,
    )


def _of_member(frame: Frame, one: Member, group: Group) -> Line:
    return Line(
        uscc=one.uscc,
        name=one.name or one.uscc,
        note=frame.t("牵头", "lead") if one.is_lead else "",
        place=f"{frame.name(one.district)} · {frame.name(one.list)}",
        land_mu=one.land_mu,
        tax_wan_yuan=one.tax_wan_yuan,
        score=one.score,
        rank=_rank(frame, one.rank, one.list_size),
        grade=one.grade,
        is_withheld=one.is_withheld,
    )
