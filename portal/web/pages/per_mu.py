"""亩均 Per-mu: the ranking with its distribution, movements between two years, the districts, the rule set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from portal.access.trials import may_try
from portal.exports.excel import Column
from portal.queries import overview, ranking, rule_set
from portal.queries.distribution import Band, distribution
from portal.queries.ranking import Filters, Ranked
from portal.queries.release import Query as Asking
from portal.web.district_map import district_map
from portal.web.exports import Format, Table, download
from portal.web.filters import After, Chosen
from portal.web.frame import Frame, Known
from portal.web.grade_flows import grade_flows
from portal.web.pages.city import COLOURED, district_row
from schemas.errors import UsageError

router = APIRouter()

#: Views of the page: key → title in both languages.
VIEWS: Mapping[str, tuple[str, str]] = {
    "list": ("名单", "List"),
    "moves": ("升降", "Movement"),
    "districts": ("区县", "Districts"),
    "rules": ("规则", "Rules"),
}
NO_GRADE = ("未评级", "not graded")


@router.get("/per-mu")
def per_mu(
    frame: Known,
    filters: Chosen,
    after: After = "",
    view: Annotated[str, Query(pattern="^(list|moves|districts|rules)?$")] = "list",
) -> Response:
    with frame.reading() as query:
        years = ranking.years(query)
        if not years:
            return frame.render("nothing.html", nav="per_mu")
        filters = _of_a_year(frame, years, filters)
        if frame.viewer.role == "district":
            filters = replace(filters, district=frame.viewer.scope)
        show = {"moves": _moves, "districts": _districts, "rules": _rules}.get(view, _list)
        return frame.render(
            "per_mu.html",
            nav="per_mu",
            api_url=f"/api/v1/tables/per_mu.enterprise_grade/rows?year={filters.year}",
            years=[(known, known) for known in years],
            filters=filters,
            view=view or "list",
            views=[
                (key, frame.t(*words), frame.here(view=key if key != "list" else None, after=None))
                for key, words in VIEWS.items()
            ],
            choices=_choices(frame, query, filters.year),
            may_try=may_try(frame.viewer),
            is_scoped=frame.viewer.role in ("district", "town"),
            **show(frame, query, filters, after),
        )


def _of_a_year(frame: Frame, years: Sequence[str], filters: Filters) -> Filters:
    """The filters with a year: the chosen one, else the latest.

    Raises:
        HTTPException: 404, the reader sees no evaluation of that year, or none at all.
    """
    if not years:
        raise HTTPException(404, frame.t("没有您可以查看的评价", "there is no evaluation that you may see"))
    year = filters.year or years[0]
    if year not in years:
        raise HTTPException(404, frame.t(f"没有{year}年的评价", f"there is no evaluation of {year}"))
    return replace(filters, year=year)


def _choices(frame: Frame, query: Asking, year: str) -> dict[str, Sequence[tuple[str, str]]]:
    found = ranking.choices(query, year)
    return {name: [(one.code, frame.name(one)) for one in named] for name, named in found.items()}


# --- the list ------------------------------------------------------------------------------------------


def _list(frame: Frame, query: Asking, filters: Filters, after: str) -> dict[str, Any]:
    frame.audit_list("per_mu.enterprise_grade")
    try:
        page = ranking.ranking(query, filters, after)
    except UsageError:
        raise HTTPException(
            422, frame.t("排序或分页位置无效", "the order or the place in the list is not valid")
        ) from None
    bands: Sequence[Band] = ()
    if filters.district and filters.list:
        bands = distribution(query, filters.year, filters.district, filters.list)
    return {
        "rows": page.rows,
        "total": page.total,
        "following": frame.here(after=page.following) if page.following else None,
        "first": frame.here(after=None) if after else None,
        "row_href": _firm(frame, filters.year),
        "moved": _moved,
        "bands": bands,
        "band_words": lambda band: _band_words(frame, band),
        "distribution": _distribution_option(frame, bands) if bands else None,
    }


def _firm(frame: Frame, year: str) -> Callable[[Ranked], str]:
    return lambda row: frame.url(f"/enterprise/{row.uscc}", year=year)


def _moved(row: Ranked) -> str:
    """An arrow for a grade that rose or fell since the year before."""
    if not row.before or row.before == row.grade:
        return ""
    return "↑" if row.grade < row.before else "↓"


def _band_words(frame: Frame, band: Band) -> str:
    if band.least is None and band.most is None:
        return frame.t("全部", "all")
    if band.least is None:
        return frame.t(f"{band.most} 以下", f"below {band.most}")
    if band.most is None:
        return frame.t(f"{band.least} 及以上", f"{band.least} and more")
    return f"{band.least}–{band.most}"


def _distribution_option(frame: Frame, bands: Sequence[Band]) -> dict[str, Any]:
    """Firms by band of points, stacked by grade: a quota's edge is where the colour changes."""
    return {
        "grid": {"left": 40, "right": 8, "top": 32, "bottom": 32},
        "legend": {"top": 0},
        "xAxis": {"type": "category", "data": [_band_words(frame, band) for band in bands]},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [
            {
                "type": "bar", "stack": "grades", "name": grade, "color": f"var(--grade-{grade.lower()})",
                "data": [band.counts[i] for band in bands],
            }
            for i, grade in enumerate(ranking.GRADES)
        ],
    }  # fmt: skip


# --- the list as a file --------------------------------------------------------------------------------


@router.get("/per-mu/export.{ending}")
def export(frame: Known, ending: Format, filters: Chosen) -> Response:
    """The rows that the list has with the same filters, all of them."""
    frame.audit_list("per_mu.enterprise_grade")
    with frame.reading() as query:
        filters = _of_a_year(frame, ranking.years(query), filters)
        try:
            rows = [_export_row(frame, row) for row in ranking.all_rows(query, filters)]
        except UsageError:
            raise HTTPException(422, frame.t("排序无效", "the order is not valid")) from None
        district = query.titles("district", filters.district) if filters.district else None
    t = frame.t
    place = frame.name(district) or t("宁波市", "Ningbo")
    title = t(
        f"{place}{filters.year}年度工业企业亩均效益评价", f"Per-mu evaluation of {place}, {filters.year}"
    )
    table = Table(
        title=title,
        of=(filters.district, filters.list, filters.grade),
        unit_line=t(f"单位：分、%　年度：{filters.year}", f"Units: points, %. Year: {filters.year}"),
        columns=[
            Column(t("名次", "Rank"), kind="integer"),
            Column(t("统一社会信用代码", "Credit code")),
            Column(t("企业名称", "Firm")),
            Column(t("区县", "District")),
            Column(t("名单", "List")),
            Column(t("行业", "Industry")),
            Column(t("总分", "Total"), t("分", "points"), kind="decimal"),
            Column(t("名单内百分位", "Percentile in the list"), kind="percent"),
            Column(t("全市百分位（测算）", "Percentile in the city (estimate)"), kind="percent"),
            Column(t("等级", "Grade")),
            Column(t("上年等级", "Grade of the year before")),
        ],
        rows=rows,
        footnotes=[
            t(
                "名次与百分位只在本区县本名单内比较；全市百分位为测算，各区县规则不同。",
                "Rank and percentile are within the district's list; the city's percentile is an estimate.",
            ),
            t(
                "总分为“—”的企业未授权使用其统计数据（统计法第二十八条），或随他企评价。",
                "A missing total is withheld for want of consent (Statistics Law, article 28), or the firm is graded "
                "with another one.",
            ),
        ],
        office=t("宁波产业大脑", "Ningbo Industrial Brain"),
    )  # fmt: skip
    return download(frame, table, ending)


def _export_row(frame: Frame, row: Ranked) -> tuple[object, ...]:
    return (
        row.rank, row.uscc, row.name, frame.name(row.district), frame.name(row.list), frame.name(row.industry),
        row.total_score, row.percentile_pct, row.city_percentile_pct, row.grade, row.before,
    )  # fmt: skip


# --- movements, districts, rules -----------------------------------------------------------------------


def _moves(frame: Frame, query: Asking, filters: Filters, after: str) -> dict[str, Any]:
    flows = ranking.flows(query, filters)
    before = str(int(filters.year) - 1)
    nobody = frame.t(*NO_GRADE)
    both = [flow for flow in flows if flow.before and flow.after]
    return {
        "flows": [
            {"before": flow.before or nobody, "after": flow.after or nobody, "firms": flow.firms}
            for flow in flows
        ],
        "before_year": before,
        "risen": _firms(flow for flow in both if str(flow.after) < str(flow.before)),
        "fallen": _firms(flow for flow in both if str(flow.after) > str(flow.before)),
        "kept": _firms(flow for flow in both if flow.after == flow.before),
        "sankey": grade_flows(
            ((flow.before, flow.after, flow.firms) for flow in flows), before, filters.year, nobody
        ),
    }


def _firms(flows: Any) -> int:
    return sum(flow.firms for flow in flows)


def _districts(frame: Frame, query: Asking, filters: Filters, after: str) -> dict[str, Any]:
    lists = [filters.list] if filters.list else []
    found = overview.by_district(query, filters.year, lists)
    rows = [
        {
            **district_row(frame, one),
            "land_mu": one.totals.land_mu,
            "value_added_per_mu_wan_yuan": one.totals.value_added_per_mu_wan_yuan,
            "share_a": _share(one.totals.grade_a, one.totals.graded),
            "share_d": _share(one.totals.grade_d, one.totals.graded),
        }
        for one in found
    ]
    figure = "tax_per_mu_wan_yuan"
    return {
        "districts": rows,
        "district_href": lambda row: frame.here(view=None, district=row["code"]),
        "map": district_map(frame, found, figure, COLOURED[figure], filters.district),
    }


def _share(part: int, whole: int) -> Decimal | None:
    return (Decimal(100 * part) / whole).quantize(Decimal("0.1")) if whole else None


def _rules(frame: Frame, query: Asking, filters: Filters, after: str) -> dict[str, Any]:
    known = rule_set.rule_sets(query, filters.year)
    district = filters.district or (known[0].code if known else "")
    return {
        "rules": rule_set.rules(query, filters.year, district) if district else None,
        "rules_of": frame.name(query.titles("district", district)) if district else "",
        "rule_tabs": [(one.code, frame.name(one), frame.here(district=one.code)) for one in known],
        "rule_district": district,
    }
