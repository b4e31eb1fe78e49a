"""测算结果 The answer of a what-if: what would move, for whom, and why; the address is the question's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from portal.access.trials import may_try_in
from portal.exports.excel import Column
from portal.queries import whatif
from portal.queries.release import Query as Asking
from portal.queries.whatif import Answer
from portal.queries.whatif_rows import CAUSES, GRADES, THROUGH, Chosen, Flow, Group, Mover
from portal.web.exports import Format, Table, download
from portal.web.filters import Code
from portal.web.frame import Frame, Known
from portal.web.grade_flows import grade_flows
from portal.web.pages.what_if import not_kept, permit
from portal.what_if import trial
from portal.what_if.kept import NotKeptError
from portal.what_if.turns import Turns
from warehouse.releases import Release

router = APIRouter()

Place = Annotated[int, Query(ge=1, le=100_000)]
GradeOrNone = Annotated[str, Query(pattern="^([A-D]|none)?$")]


@router.get("/what-if/{ident}")
def answer(
    frame: Known,
    ident: str,
    district: Code = "",
    list: Code = "",
    before: GradeOrNone = "",
    after: GradeOrNone = "",
    cause: Code = "",
    page: Place = 1,
) -> Response:
    permit(frame)
    if not trial.exists(ident):
        return _not_yet(frame, ident)
    chosen = Chosen(district, list, before, after, cause)
    with _opened(frame, ident) as (found, release), frame.shelf.reading(release, frame.viewer.cut) as query:
        frame.audit_list("per_mu.enterprise_grade")
        movers, total = found.movers(chosen, page)
        shown = _sees_totals(query, found.year, movers)
        [whole] = found.groups(chosen)
        flows = found.flows(chosen)
        return frame.render(
            "what_if_answer.html",
            nav="per_mu",
            api_url=f"/api/v1/what-if/{ident}",
            ident=ident,
            told=found.summary,
            rules=[_rule(frame, query, rule) for rule in found.summary["rules"]],
            of_release=release.number,
            chosen=chosen,
            whole=whole,
            flows=[_flow_row(frame, one) for one in flows],
            sankey=grade_flows(
                [(one.before, one.after, one.firms) for one in flows],
                frame.t("现行", "in force"),
                frame.t("测算", "on trial"),
                frame.t("未评级", "not graded"),
            )
            if flows
            else None,
            groups=[
                _group_row(frame, query, one) for one in found.groups(chosen, ("district_code", "list_code"))
            ],
            sums={one.direction: one for one in found.sums(chosen)},
            causes=[_cause_row(frame, query, row) for row in found.causes(chosen)],
            edges=[_edge_row(frame, query, row) for row in found.edges(chosen)],
            movers=[_mover_row(frame, query, one, one.uscc in shown) for one in movers],
            mover_href=lambda row: frame.url(f"/enterprise/{row['uscc']}", year=found.year),
            total=total,
            first=frame.here(page=page - 1 if page > 2 else None) if page > 1 else None,
            following=frame.here(page=page + 1) if page * whatif.PAGE < total else None,
            choices=_choices(frame, query, found),
            assumptions=[frame.t(zh, en) for zh, en in found.summary["worth"]["assumptions"]],
        )


@contextmanager
def _opened(frame: Frame, ident: str) -> Iterator[tuple[Answer, Release]]:
    """An answer with its release.

    Raises:
        HTTPException: 403, it concerns districts that the viewer does not govern; 404, it is not kept.
        UserError: its release does not exist.
    """
    with ExitStack() as stack:
        try:
            found = stack.enter_context(whatif.opened(ident))
        except NotKeptError:
            raise not_kept(frame) from None
        if not may_try_in(frame.viewer, [rule["district_code"] for rule in found.summary["rules"]]):
            raise HTTPException(403, frame.t("这项测算涉及其他区县", "this trial concerns other districts"))
        yield found, frame.shelf.release(int(found.summary["release"]))


def _not_yet(frame: Frame, ident: str) -> Response:
    turns: Turns = frame.request.app.state.turns
    state = turns.state(ident)
    if state is None:
        raise not_kept(frame)
    kind, words = state
    status = 500 if kind == "failed" else 202
    return frame.render("what_if_waiting.html", status=status, nav="per_mu", kind=kind, words=words)


def _sees_totals(query: Asking, year: str, movers: Sequence[Mover]) -> frozenset[str]:
    """The firms whose totals the viewer sees in the release: those that consent, and others may not be shown here."""
    rows = query(
        """SELECT uscc FROM per_mu.enterprise_grade
        WHERE year = ? AND total_score IS NOT NULL AND list_contains(?, uscc)""",
        year, [mover.uscc for mover in movers],
    )  # fmt: skip
    return frozenset(row["uscc"] for row in rows)


def _rule(frame: Frame, query: Asking, rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "district": frame.name(query.titles("district", rule["district_code"])),
        "changed": [
            {"name": one["field"], "before": _value(one["before"]), "after": _value(one["after"])}
            for one in rule["changed"]
        ],
    }


def _value(value: Any) -> str:
    return "—" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _flow_row(frame: Frame, flow: Flow) -> dict[str, Any]:
    nobody = frame.t("未评级", "not graded")
    return {"before": flow.before or nobody, "after": flow.after or nobody, "firms": flow.firms}


def _group_row(frame: Frame, query: Asking, group: Group) -> dict[str, Any]:
    titles = query.titles
    return {
        "name": f"{frame.name(titles('district', str(group.district_code)))} · "
        f"{frame.name(titles('per_mu_list', str(group.list_code)))}",
        **{grade: (group.before.grades[grade], group.after.grades[grade]) for grade in GRADES},
        "risen": group.risen,
        "fallen": group.fallen,
        "relief": group.after.relief_wan_yuan - group.before.relief_wan_yuan,
        "surcharge": group.after.surcharge_wan_yuan - group.before.surcharge_wan_yuan,
    }


def _indicator(frame: Frame, query: Asking, code: str | None) -> str:
    return frame.name(query.titles("per_mu_indicator", code)) if code else ""


def _cause_row(frame: Frame, query: Asking, row: Mapping[str, Any]) -> dict[str, Any]:
    parts = (
        frame.name(CAUSES[row["cause_code"]]),
        _indicator(frame, query, row["indicator_code"]),
        frame.name(THROUGH[row["through_code"]]) if row["through_code"] else "",
    )
    return {"name": " · ".join(filter(None, parts)), "risen": row["risen"], "fallen": row["fallen"]}


def _edge_row(frame: Frame, query: Asking, row: Mapping[str, Any]) -> dict[str, Any]:
    titles = query.titles
    district, list_ = titles("district", row["district_code"]), titles("per_mu_list", row["list_code"])
    name = f"{frame.name(district)} · {frame.name(list_)}"
    return {**row, "name": name}


def _mover_row(frame: Frame, query: Asking, one: Mover, sees_totals: bool) -> dict[str, Any]:
    titles = query.titles
    return {
        "uscc": one.uscc,
        "name": one.enterprise_name or one.uscc,
        "where": f"{frame.name(titles('district', one.district_code))} · "
        f"{frame.name(titles('per_mu_list', str(one.list_after or one.list_before)))}",
        "before": one.grade_before,
        "after": one.grade_after,
        "rank_before": one.rank_before,
        "rank_after": one.rank_after,
        "total_before": one.total_before if sees_totals else None,
        "total_after": one.total_after if sees_totals else None,
        "why": _why(frame, query, one, sees_totals),
        "land": one.land_area_mu,
        "relief": one.relief_after - one.relief_before,
        "surcharge": one.surcharge_after - one.surcharge_before,
    }


def _why(frame: Frame, query: Asking, one: Mover, sees_totals: bool) -> str:
    """The reason in words, such as: its own score: tax per mu, through the weight, +3.2 points."""
    parts = [frame.name(CAUSES[str(one.cause_code)])]
    if one.cause_code == "score":
        parts += [_indicator(frame, query, one.indicator_code), frame.name(THROUGH[str(one.through_code)])]
        if sees_totals and one.score_change is not None:
            parts.append(frame.t(f"{one.score_change:+.2f} 分", f"{one.score_change:+.2f} points"))
    elif one.cause_code == "status":
        of = one.status_after or one.status_before
        parts.append(frame.name(query.titles.maybe("eval_status", of)))
    return " · ".join(filter(None, parts))


def _choices(frame: Frame, query: Asking, found: Answer) -> dict[str, list[tuple[str, str]]]:
    def named(name: str, codes: Sequence[str]) -> list[tuple[str, str]]:
        return [(code, frame.name(query.titles(name, code))) for code in codes]

    districts, lists = found.places()
    grades = [*((grade, grade) for grade in GRADES), ("none", frame.t("未评级", "not graded"))]
    causes: list[tuple[str, str]] = [(code, frame.name(one)) for code, one in CAUSES.items()]
    return {
        "district": named("district", districts),
        "list": named("per_mu_list", lists),
        "grade": grades,
        "cause": causes,
    }


# --- movers as a file ------------------------------------------------------------------------------------


@router.get("/what-if/{ident}/export.{ending}")
def export(
    frame: Known,
    ident: str,
    ending: Format,
    district: Code = "",
    list: Code = "",
    before: GradeOrNone = "",
    after: GradeOrNone = "",
    cause: Code = "",
) -> Response:
    """The firms that the page lists with the same filters, all of them."""
    permit(frame)
    chosen = Chosen(district, list, before, after, cause)
    t = frame.t
    with _opened(frame, ident) as (found, release), frame.shelf.reading(release, frame.viewer.cut) as query:
        frame.audit_list("per_mu.enterprise_grade")
        movers, _ = found.movers(chosen, page=None)
        shown = _sees_totals(query, found.year, movers)
        rows = [_mover_row(frame, query, one, one.uscc in shown) for one in movers]
        names = [query.titles("district", rule["district_code"]) for rule in found.summary["rules"]]
    none = t("未评级", "none")
    table = Table(
        title=t(
            f"亩均评价规则测算变动企业（{found.year}年度）",
            f"What-if of per-mu rules: firms that move, {found.year}",
        ),
        of=(ident,),
        unit_line=t(
            "单位：分、亩、万元　测算，非评价结果", "Units: points, mu, 10,000 yuan. An estimate, no evaluation"
        ),
        columns=[
            Column(t("统一社会信用代码", "Credit code")),
            Column(t("企业名称", "Firm")),
            Column(t("区县·名单", "District, list")),
            Column(t("现行等级", "Grade in force")),
            Column(t("测算等级", "Grade on trial")),
            Column(t("现行名次", "Rank in force"), kind="integer"),
            Column(t("测算名次", "Rank on trial"), kind="integer"),
            Column(t("现行总分", "Total in force"), t("分", "points"), kind="decimal"),
            Column(t("测算总分", "Total on trial"), t("分", "points"), kind="decimal"),
            Column(t("原因", "Reason")),
            Column(t("用地", "Land"), t("亩", "mu"), kind="decimal"),
        ],
        rows=[
            (
                row["uscc"], row["name"], row["where"], row["before"] or none, row["after"] or none,
                row["rank_before"], row["rank_after"], row["total_before"], row["total_after"], row["why"], row["land"],
            )
            for row in rows
        ],
        footnotes=[
            t(
                "测算：以发布版本的数据试算另一套规则，不是评价结果。总分为“—”的企业未授权使用其统计数据。",
                "An estimate: another rule on the data of a release, no evaluation. A missing total is withheld for "
                "want of consent.",
            )
        ],
        office="、".join(frame.name(name) for name in names) if names else t("宁波市", "Ningbo"),
    )  # fmt: skip
    return download(frame, table, ending)
