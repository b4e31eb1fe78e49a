"""用能权、排污权、碳效码 Quotas and ledgers: districts, industries, ledger, transfers, rights and carbon of firms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import RedirectResponse, Response

from portal.exports.excel import Column
from portal.queries import quotas
from portal.queries.release import Query as Asking
from portal.web.exports import Format, Table, download
from portal.web.filters import Code, Year
from portal.web.frame import Frame, Known

router = APIRouter()

#: Views of the page: key → title in both languages, and the table that the API has for it.
VIEWS: Mapping[str, tuple[str, str, str]] = {
    "districts": ("区县余缺", "Districts", "resource.energy_quota_district"),
    "industries": ("行业余缺", "Industries", "resource.energy_quota"),
    "ledger": ("台账", "Ledger", "resource.energy_ledger"),
    "transfers": ("交易", "Transfers", "resource.energy_transfer"),
    "rights": ("排污权", "Emission rights", "resource.emission_right"),
    "carbon": ("碳效码", "Carbon code", "resource.carbon_code"),
}
View = Annotated[str, Query(pattern=f"^({'|'.join(VIEWS)})?$")]
#: View → its rows for a year and district.
ROWS: Mapping[str, Callable[[Asking, str, str], Sequence[Any]]] = {
    "districts": lambda query, year, district: quotas.of_districts(query, year),
    "industries": quotas.of_industries,
    "ledger": quotas.ledger,
    "transfers": quotas.transfers,
    "rights": quotas.rights,
    "carbon": quotas.carbon,
}
#: Views that show figures of single firms by name.
OF_FIRMS = ("rights", "carbon")


@router.get("/quotas")
def page(frame: Known, year: Year = "", district: Code = "", view: View = "") -> Response:
    if frame.viewer.role == "enterprise":
        return RedirectResponse(frame.url(f"/enterprise/{frame.viewer.scope}", year=year), 302)
    view = view or "districts"
    with frame.reading() as query:
        known, year, places, district = _chosen(frame, query, year, district, view)
        if view in OF_FIRMS:
            frame.audit_list(VIEWS[view][2])
        return frame.render(
            "quotas.html",
            nav="resource",
            api_url=f"/api/v1/tables/{VIEWS[view][2]}/rows?year={year}" if known else None,
            view=view,
            views=[(key, frame.t(zh, en), frame.here(view=key)) for key, (zh, en, _) in VIEWS.items()],
            year=year,
            years=[(one, one) for one in known],
            district=district,
            districts=[(one.code, frame.name(one)) for one in places],
            rows=ROWS[view](query, year, district) if known else [],
            most=quotas.MOST,
            row_url=lambda row: frame.url(f"/enterprise/{row.uscc}", year=year),
        )


def _chosen(
    frame: Frame, query: Asking, year: str, district: str, view: str
) -> tuple[list[str], str, list[Any], str]:
    """Years, the chosen one, districts, the chosen one; a ledger is of one district.

    Raises:
        HTTPException: the release has no such year or district.
    """
    known = quotas.years(query)
    if year and year not in known:
        raise HTTPException(404, frame.t(f"没有{year}年的指标", f"no quotas of {year}"))
    places = quotas.districts(query) if known else []
    if district and district not in {one.code for one in places}:
        raise HTTPException(404, frame.t("没有这个区县", "there is no such district"))
    if view == "ledger" and not district and places:
        district = places[0].code
    return known, year or (known[0] if known else ""), places, district


# --- the list as a file --------------------------------------------------------------------------------


@router.get("/quotas/export.{ending}")
def export(frame: Known, ending: Format, year: Year = "", district: Code = "", view: View = "") -> Response:
    """The rows that the page shows with the same filters."""
    view = view or "districts"
    frame.audit_list(VIEWS[view][2])
    with frame.reading() as query:
        _, year, _, district = _chosen(frame, query, year, district, view)
        rows = [_cells(frame, view, row) for row in ROWS[view](query, year, district)] if year else []
        t = frame.t
        zh, en, _ = VIEWS[view]
        table = Table(
            title=t(f"宁波市{year}年{zh}", f"{en} of Ningbo, {year}"),
            of=(district, view),
            unit_line=t(f"单位：吨标准煤、吨　年度：{year}", f"Units: tce, t. Year: {year}"),
            columns=[
                Column(t(zh_of, en_of), unit, kind=kind)
                for zh_of, en_of, unit, kind in COLUMNS[view]
            ],
            rows=rows,
            footnotes=[
                t(
                    "标准、增速、预留、价格与碳排放因子多为假设，见规则；不足三家企业的合计不予公布。",
                    "Standards, growth, reserve, prices and factors are mostly assumed, see the rules; sums of fewer "
                    "than three firms are not published.",
                )
            ],
            office=t("宁波产业大脑", "Ningbo Industrial Brain"),
        )  # fmt: skip
        return download(frame, table, ending)


#: View → columns of its file: title in both languages, unit, kind.
COLUMNS: Mapping[str, Sequence[tuple[str, str, str, Any]]] = {
    "districts": (
        ("区县", "District", "", "text"), ("企业数", "Firms", "", "integer"),
        ("标准", "Standard", "tce/万元", "decimal"), ("指标", "Quota", "tce", "decimal"),
        ("削减", "Cut", "tce", "decimal"), ("交易净额", "Net trade", "tce", "decimal"),
        ("能耗", "Energy", "tce", "decimal"), ("余缺", "Balance", "tce", "decimal"), ("预警", "Warning", "", "text"),
    ),
    "industries": (
        ("区县", "District", "", "text"), ("行业", "Industry", "", "text"), ("企业数", "Firms", "", "integer"),
        ("标准", "Standard", "tce/万元", "decimal"), ("权重", "Weight", "%", "decimal"),
        ("指标", "Quota", "tce", "decimal"), ("能耗", "Energy", "tce", "decimal"),
        ("余缺", "Balance", "tce", "decimal"),
    ),
    "ledger": (
        ("日期", "Day", "", "text"), ("类别", "Kind", "", "text"), ("账户", "Account", "", "text"),
        ("对方", "Counter account", "", "text"), ("笔次", "Movement", "", "text"),
        ("收付量", "Amount", "tce", "decimal"),
    ),
    "transfers": (
        ("编号", "Number", "", "text"), ("类型", "Kind", "", "text"), ("污染物", "Pollutant", "", "text"),
        ("出让方", "Giver", "", "text"), ("受让方", "Taker", "", "text"), ("数量", "Amount", "t", "decimal"),
        ("状态", "State", "", "text"), ("原因", "Reason", "", "text"), ("依据", "Article", "", "text"),
    ),
    "rights": (
        ("统一社会信用代码", "Credit code", "", "text"), ("企业名称", "Firm", "", "text"),
        ("污染物", "Pollutant", "", "text"), ("初始", "Initial", "t", "decimal"), ("持有", "Held", "t", "decimal"),
        ("排放", "Discharged", "t", "decimal"), ("余缺", "Balance", "t", "decimal"), ("状态", "State", "", "text"),
        ("到期", "Ends", "", "text"),
    ),
    "carbon": (
        ("统一社会信用代码", "Credit code", "", "text"), ("企业名称", "Firm", "", "text"),
        ("行业", "Industry", "", "text"), ("碳排放", "CO2", "t", "decimal"),
        ("单位增加值碳排放", "CO2 per value added", "t/万元", "decimal"),
        ("碳水平", "Level", "", "text"), ("行业均值", "Mean of the industry", "t/万元", "decimal"),
        ("碳效等级", "Efficiency level", "", "integer"),
    ),
}  # fmt: skip


def _cells(frame: Frame, view: str, row: Any) -> tuple[object, ...]:
    name = frame.name
    if view == "districts":
        return (
            name(row.district), row.firms, row.standard, row.quota_tce, row.cut_tce, row.traded_tce, row.energy_tce,
            row.balance_tce, name(row.warning),
        )  # fmt: skip
    if view == "industries":
        return (
            name(row.district), name(row.industry), row.firms, row.standard, row.weight_pct, row.quota_tce,
            row.energy_tce, row.balance_tce,
        )  # fmt: skip
    if view == "ledger":
        return str(row.day), name(row.kind), row.account, row.counter_account, row.movement, row.amount_tce
    if view == "transfers":
        article = frame.t(*row.article) if row.article else ""
        return (
            row.code, name(row.kind), name(row.what), row.giver, row.taker, row.amount, name(row.state),
            name(row.refusal), article,
        )  # fmt: skip
    if view == "rights":
        return (
            row.uscc, row.name, name(row.pollutant), row.initial_t, row.held_t, row.discharged_t, row.balance_t,
            name(row.state), str(row.ends or ""),
        )  # fmt: skip
    return (
        row.uscc, row.name, name(row.industry), row.co2_t, row.intensity, name(row.level), row.industry_intensity,
        row.efficiency_level,
    )  # fmt: skip
