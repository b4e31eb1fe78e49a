"""资源要素 Resources: what grades bring, firms of low efficiency, land to free, promises of land contracts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import RedirectResponse, Response

from portal.exports.excel import Column
from portal.queries import efficiency, land, resource
from portal.queries.efficiency import Filters
from portal.queries.release import Query as Asking
from portal.web.exports import Format, Table, download
from portal.web.filters import After, Code, Year
from portal.web.frame import Asked, Frame, Known
from schemas.errors import UsageError

router = APIRouter()

#: Views of the page: key → title in both languages, and a table of which the reader must see a row.
VIEWS: Mapping[str, tuple[str, str, str]] = {
    "totals": ("差别化配置", "Relief and surcharges", "resource.consequence_district"),
    "low": ("低效企业", "Low efficiency", "resource.low_efficiency"),
    "lifted": ("达标提升", "Lifted", "resource.low_efficiency_district"),
    "land": ("可盘活用地", "Land to free", "resource.land_potential"),
    "contracts": ("标准地履约", "Land contracts", "resource.land_promise"),
    "rules": ("措施与依据", "Measures and sources", ""),
}


@dataclass(frozen=True)
class Chosen:
    """What the address says."""

    view: str
    measure: str
    after: str
    filters: Filters


def _chosen(
    year: Year = "",
    measure: Code = "land_use_tax",
    view: Annotated[str, Query(pattern="^(totals|low|lifted|land|contracts|rules)?$")] = "",
    district: Code = "",
    town: Code = "",
    condition: Code = "",
    state: Code = "",
    visited: Annotated[str, Query(pattern="^(yes|no)?$")] = "",
    after: After = "",
) -> Chosen:
    return Chosen(view, measure, after, Filters(year, district, town, condition, state, visited))


Choice = Annotated[Chosen, Depends(_chosen)]


@router.get("/resource")
def page(frame: Asked, chosen: Choice) -> Response:
    if frame.viewer.role == "enterprise":
        return RedirectResponse(frame.url(f"/enterprise/{frame.viewer.scope}", year=chosen.filters.year), 302)
    with frame.reading() as query:
        seen = {view: efficiency.years(query, table) if table else [] for view, (*_, table) in VIEWS.items()}
        open_views = [view for view in VIEWS if view == "rules" or seen[view]]
        view = chosen.view or open_views[0]
        if view not in open_views:
            raise HTTPException(
                404, frame.t("没有您可以查看的这项内容", "there is no such part that you may see")
            )
        year = chosen.filters.year or next(iter(seen[view]), "")
        if year and view != "rules" and year not in seen[view]:
            raise HTTPException(404, frame.t(f"{year}年没有数据", f"there is nothing of {year}"))
        filters = replace(chosen.filters, year=year)
        show = {
            "totals": _totals, "low": _low, "lifted": _lifted, "land": _land, "contracts": _contracts,
            "rules": _rules,
        }[view]  # fmt: skip
        table = VIEWS[view][2]
        return frame.render(
            "resource.html",
            nav="resource",
            api_url=f"/api/v1/tables/{table}/rows?year={year}" if table else None,
            year=year,
            years=[(one, one) for one in seen[view]],
            view=view,
            views=[
                (key, frame.t(*VIEWS[key][:2]), frame.url("/resource", view=key, year=chosen.filters.year))
                for key in open_views
            ],
            filters=filters,
            firm_href=lambda row: frame.url(f"/enterprise/{row.uscc}", year=year),
            **show(frame, query, chosen, filters),
        )


def _totals(frame: Frame, query: Asking, chosen: Chosen, filters: Filters) -> dict[str, Any]:
    known = resource.measures(query, filters.year)
    if chosen.measure not in {one.code for one in known}:
        raise HTTPException(404, frame.t("没有这项措施", "there is no such measure"))
    return {
        "measure": chosen.measure,
        "measures": [(one.code, frame.name(one)) for one in known],
        "city": resource.of_city(query, filters.year),
        "districts": resource.of_districts(query, filters.year, chosen.measure),
    }


def _low(frame: Frame, query: Asking, chosen: Chosen, filters: Filters) -> dict[str, Any]:
    frame.audit_list("resource.low_efficiency")
    has_visits = _check_visits(frame, query, filters)
    try:
        found = efficiency.listed(query, filters, chosen.after)
    except UsageError:
        raise HTTPException(422, frame.t("分页位置无效", "the place in the list is not valid")) from None
    known = efficiency.choices(query, filters)
    return {
        "page": found,
        "following": frame.here(after=found.following) if found.following else None,
        "first": frame.here(after=None) if chosen.after else None,
        "choices": {name: [(one.code, frame.name(one)) for one in of] for name, of in known.items()},
        "conditions": frame.choices("low_efficiency_condition"),
        "states": frame.choices("listing_state"),
        "visits": [("no", frame.t("未走访", "Not visited")), ("yes", frame.t("已走访", "Visited"))]
        if has_visits
        else [],
    }


def _check_visits(frame: Frame, query: Asking, filters: Filters) -> bool:
    """Whether the release has visits; asking for them in one that has none leads nowhere."""
    has_visits = efficiency.has_visits(query)
    if filters.visited and not has_visits:
        raise HTTPException(404, frame.t("本版本没有走访记录", "this release has no visits"))
    return has_visits


def _lifted(frame: Frame, query: Asking, chosen: Chosen, filters: Filters) -> dict[str, Any]:
    frame.audit_list("resource.lifted")
    return {
        "districts": efficiency.of_districts(query, filters.year),
        "lifted": efficiency.lifted(query, filters),
    }


def _land(frame: Frame, query: Asking, chosen: Chosen, filters: Filters) -> dict[str, Any]:
    frame.audit_list("resource.land_potential")
    return {
        "land": land.land(query, filters.year),
        "parcels": land.parcels(query, filters.year),
    }


def _contracts(frame: Frame, query: Asking, chosen: Chosen, filters: Filters) -> dict[str, Any]:
    frame.audit_list("resource.land_promise")
    states = ("met", "missed", "not_due", "no_figure", "doubtful")
    counts = [
        {"indicator": indicator, **{state: of.get(state, 0) for state in states}}
        for indicator, of in land.promise_counts(query, filters.year)
    ]
    return {
        "counts": counts,
        "terms": land.terms(query, filters.year),
        "missed": land.missed(query, filters.year),
    }


def _rules(frame: Frame, query: Asking, chosen: Chosen, filters: Filters) -> dict[str, Any]:
    return {"rules": resource.rules(query)}


# --- the list as a file --------------------------------------------------------------------------------


@router.get("/resource/low-efficiency.{ending}")
def export(frame: Known, ending: Format, chosen: Choice) -> Response:
    """The list of firms of low efficiency with the same filters, all rows."""
    frame.audit_list("resource.low_efficiency")
    t = frame.t
    with frame.reading() as query:
        known = efficiency.years(query, "resource.low_efficiency")
        year = chosen.filters.year or next(iter(known), "")
        if year not in known:
            raise HTTPException(404, t("没有您可以查看的名单", "there is no list that you may see"))
        filters = replace(chosen.filters, year=year)
        _check_visits(frame, query, filters)
        rows = [_export_row(frame, row) for row in efficiency.all_listed(query, filters)]
        district = query.titles.maybe("district", filters.district)
    place = frame.name(district) or t("宁波市", "Ningbo")
    table = Table(
        title=t(f"{place}{year}年度低效企业名单", f"Firms of low efficiency, {place}, {year}"),
        of=(filters.district, filters.town, filters.condition),
        unit_line=t(
            f"单位：万元/亩、人/亩、亩　年度：{year}", f"Units: 10⁴ CNY/mu, persons/mu, mu. Year: {year}"
        ),
        columns=[
            Column(t("统一社会信用代码", "Credit code")),
            Column(t("企业名称", "Firm")),
            Column(t("区县", "District")),
            Column(t("镇街", "Town")),
            Column(t("低效条件", "Conditions")),
            Column(t("等级", "Grade")),
            Column(t("亩均税收", "Tax per mu"), t("万元/亩", "10⁴ CNY/mu"), kind="decimal"),
            Column(t("界限", "Bound"), t("万元/亩", "10⁴ CNY/mu"), kind="decimal"),
            Column(t("每亩人数", "Persons per mu"), t("人/亩", "persons/mu"), kind="decimal"),
            Column(t("自有用地", "Own land"), t("亩", "mu"), kind="decimal"),
            Column(t("处置方式", "What to do")),
            Column(t("列入年度", "Listed since")),
            Column(t("整改期限", "Deadline")),
            Column(t("在列状态", "State")),
            Column(t("走访次数", "Visits"), t("次", "visits"), kind="integer"),
            Column(t("最近走访", "Last visit")),
            Column(t("走访结果", "Finding")),
        ],
        rows=rows,
        footnotes=[
            t(
                "低效条件与界限为平台假设（浙政办发〔2023〕12号、甬政办发〔2025〕1号未公布标准）。",
                "Conditions and bounds are assumptions of the platform: the documents' thresholds are not public.",
            ),
            t("数据不全的企业维持原状，不因缺报移出。", "A firm whose data are incomplete stays on the list."),
            t("走访为列入以来的低效整治走访。", "Visits are those for low efficiency since the firm was listed."),
        ],
        office=t("宁波产业大脑", "Ningbo Industrial Brain"),
    )  # fmt: skip
    return download(frame, table, ending)


def _export_row(frame: Frame, row: efficiency.Listed) -> tuple[object, ...]:
    conditions = frame.t("、", ", ").join(map(frame.name, row.conditions))
    return (
        row.uscc, row.name, frame.name(row.district), frame.name(row.town), conditions, row.grade, row.tax_per_mu,
        row.tax_bound, row.persons_per_mu, row.land_own_mu, frame.name(row.measure), row.since,
        row.deadline.isoformat(), frame.name(row.state), row.visits,
        row.last_visit.isoformat() if row.last_visit else None, frame.name(row.finding),
    )  # fmt: skip
