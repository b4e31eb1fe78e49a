"""产业链 Chain as files: a chain's nodes, and the firms of a node."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from portal.exports.excel import Column
from portal.queries import chains, node_firms
from portal.queries.node_firms import Member
from portal.web.exports import Format, Table, download
from portal.web.filters import Year
from portal.web.frame import Frame, Known
from portal.web.pages.chain import found, nodes_of, sees_official

router = APIRouter()


@router.get("/chain/{code}/export.{ending}")
def export_nodes(frame: Known, code: str, ending: Format, year: Year = "") -> Response:
    """The chain's nodes as its page has them."""
    with frame.reading() as query:
        _, year, nodes = nodes_of(frame, query, code, year)
        states = chains.states(query, code, year)
    if not states:
        raise HTTPException(403, _refused(frame))
    t, chain = frame.t, frame.name(nodes[0].chain)
    joint = t("、", ", ")
    return download(
        frame,
        Table(
            title=t(f"{chain}产业链{year}年度环节情况", f"Nodes of the chain {chain}, {year}"),
            of=(code,),
            unit_line=t(f"单位：万元、家、%　年度：{year}", f"Units: 10⁴ CNY, firms, %. Year: {year}"),
            columns=[
                Column(t("环节代码", "Code")),
                Column(t("环节", "Node")),
                Column(t("位置", "Tier")),
                Column(t("状态", "State")),
                Column(t("企业", "Firms"), t("家", "firms"), kind="integer"),
                Column(t("规上企业", "Firms above scale"), t("家", "firms"), kind="integer"),
                Column(t("产值", "Output"), t("万元", "10⁴ CNY"), kind="decimal"),
                Column(t("同口径增长", "Growth, same firms"), kind="percent"),
                Column(t("本地配套率", "Local supply rate"), kind="percent"),
                Column(t("采购数据覆盖率", "Coverage of purchases"), kind="percent"),
                Column(t("可替代环节", "Substitutes")),
                Column(t("产品", "Products")),
            ],
            rows=[
                (
                    node.node.code, frame.name(node.node), frame.name(node.tier), frame.name(state.state),
                    state.firms, state.above_scale, state.output_wan_yuan, state.output_growth_pct,
                    state.local_supply_pct, state.purchase_coverage_pct,
                    joint.join(map(frame.name, node.substitutes)), joint.join(map(frame.name, node.products)),
                )
                for node in nodes
                for state in (states[node.node.code],)
            ],
            footnotes=[
                t(
                    "只含定位已确认的企业；产值按企业在环节的份额计，规模以下企业不报产值。不足三家企业的合计不予公布，记“—”。",
                    "Confirmed positions only; output is divided by the firms' shares, firms below scale report none. "
                    "Sums of fewer than three firms are not published and shown as —.",
                )
            ],
            office=t("宁波产业大脑", "Ningbo Industrial Brain"),
        ),
        ending,
    )  # fmt: skip


@router.get("/chain/{code}/node/{node}/export.{ending}")
def export_firms(frame: Known, code: str, node: str, ending: Format, year: Year = "") -> Response:
    """The node's firms that the viewer sees, all of them."""
    if not sees_official(frame):
        raise HTTPException(403, _refused(frame))
    with frame.reading() as query:
        _, year, nodes = nodes_of(frame, query, code, year)
        name = frame.name(found(frame, nodes, node).node)
        rows = [_firm_row(frame, one) for one in node_firms.all_members(query, node, year)]
    t = frame.t
    return download(
        frame,
        Table(
            title=t(f"{name}环节{year}年度企业名单", f"Firms of the node {name}, {year}"),
            of=(node,),
            unit_line=t(f"单位：%　年度：{year}", f"Units: %. Year: {year}"),
            columns=[
                Column(t("统一社会信用代码", "Credit code")),
                Column(t("企业名称", "Firm")),
                Column(t("区县", "District")),
                Column(t("规上", "Above scale")),
                Column(t("归属份额", "Share of the firm"), kind="percent"),
                Column(t("置信度", "Confidence"), kind="percent"),
                Column(t("已确认", "Confirmed")),
                Column(t("依据", "Evidence")),
                Column(t("单项冠军", "Champion")),
                Column(t("小巨人", "Little giant")),
            ],
            rows=rows,
            footnotes=[
                t(
                    "归属份额为企业营业收入中属于本环节的部分；未确认的定位不计入环节指标。",
                    "Share of the firm is the part of its revenue that belongs to the node; positions that are not "
                    "confirmed do not enter the node's figures.",
                ),
                *(
                    [t("只列本区县企业。", "Only firms of the account's district.")]
                    if frame.viewer.scope
                    else []
                ),
            ],
            office=t("宁波产业大脑", "Ningbo Industrial Brain"),
        ),
        ending,
    )


def _refused(frame: Frame) -> str:
    return frame.t("产业链指标只供政府部门查看", "figures of chains are for offices")


def _firm_row(frame: Frame, one: Member) -> tuple[object, ...]:
    return (
        one.uscc, one.name, frame.name(one.district), one.is_above_scale, one.share_pct, one.confidence_pct,
        one.is_confirmed, frame.t("、", ", ").join(map(frame.name, one.reasons)), one.is_champion, one.is_little_giant,
    )  # fmt: skip
