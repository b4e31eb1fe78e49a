"""``./brain whatif``: another rule on a release's inputs before it is adopted."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from portal.cli import console
from portal.cli.options import Json, ReleaseNumber
from schemas.errors import UsageError

if TYPE_CHECKING:
    from portal.queries.release import Query
    from portal.queries.whatif import Answer
    from portal.queries.whatif_rows import Chosen, Group, Mover

#: Movers that are printed; --json prints all.
SHOWN = 20


def whatif(
    rules: Annotated[
        Path | None,
        typer.Argument(metavar="RULES.yml", help="A rule file; it may extend a shipped one by name."),
    ] = None,
    year: Annotated[
        str | None, typer.Option(help="Year of evaluation; the release's latest if omitted.")
    ] = None,
    district: Annotated[
        str | None, typer.Option(help="Try the rule in this district only, e.g. 330282.")
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="Another value of one field, e.g. lists.above_scale.quota.shares.A=0.25; of --district, else of all.",
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(metavar="USCC", help="Instead: smallest shifts of weight that lift this firm's grade."),
    ] = None,
    pre: Annotated[
        bool, typer.Option("--pre", help="Instead: who is D by the newest figures, and what would lift each.")
    ] = False,
    most: Annotated[int, typer.Option(help="With --pre: firms for which ways up are computed.", min=1)] = 20,
    release: ReleaseNumber = None,
    json: Json = False,
) -> None:
    """Try another rule of the per-mu evaluation on a release's inputs; nothing staged or published is touched."""
    from portal.queries.release import reading
    from portal.queries.whatif import opened
    from portal.queries.whatif_rows import Chosen
    from portal.what_if import trial
    from warehouse.releases import open_release

    if sum((rules is not None or bool(change), weights is not None, pre)) != 1:
        raise UsageError("give a rule file or --set FIELD=VALUE; or --weights USCC; or --pre")
    release_ = open_release(release)
    if weights is not None or pre:
        with reading(release_) as query:
            of = year or trial.in_force(query)[1][0]
            rows = (
                _shift_rows(query, weights, of) if weights else _bottom_rows(query, of, district or "", most)
            )
        if json:
            console.as_json(rows)
        else:
            title = (
                f"权重敏感性 Shifts of weight, {weights}, {of}"
                if weights
                else f"D 类与提升路径 Who is D, {of}"
            )
            console.show(rows, title)
        return
    with reading(release_) as query:
        question = trial.ask(query, release_, year, file=rules, fields=change or (), district=district)
    if not question.changes:
        console.err.print(
            "brain: this rule differs from the one in force in nothing that counts", markup=False
        )
    with console.stages(quiet=json) as progress:
        ident = trial.answer(question, progress)
    with opened(ident) as answer, reading(release_) as query:
        chosen = Chosen(district=district or "")
        if json:
            console.as_json([_as_row(answer, chosen)])
        else:
            _show(answer, chosen, query)


def _shift_rows(query: Query, uscc: str, year: str) -> list[dict[str, Any]]:
    from portal.queries.sensitivity import weight_shifts

    grade, found = weight_shifts(query, uscc, year)
    return [
        {
            "自 from": str(one.from_indicator),
            "至 to": str(one.to_indicator),
            "分 points": one.points,
            "等级 grade": f"{grade} → {one.grade}",
        }
        for one in found
    ]


def _bottom_rows(query: Query, year: str, district: str, most: int) -> list[dict[str, Any]]:
    from portal.queries.sensitivity import at_bottom

    found, total = at_bottom(query, year, district, most)
    if total > len(found):
        console.err.print(f"brain: {len(found)} of {total:,}, those with the most land; --most N gives more")
    rows = []
    for one in found:
        ways = one.lift
        route = " + ".join(
            f"{step.title.zh} {step.change.by:+f} {step.change.unit}"
            for step in (ways.routes[0] if ways.routes else ())
        )
        rows.append(
            {
                "uscc": one.uscc,
                "企业 firm": one.enterprise_name,
                "区县 district": one.district.zh,
                "名单 list": one.list.zh,
                "数据至 figures as of": one.figures_as_of,
                "用地 land 亩": one.land_mu,
                "差分 points missing": ways.points_missing,
                "最小改变 smallest change": route or ("一票否决 veto" if ways.is_held_by_veto else "—"),
            }
        )
    return rows


def _as_row(answer: Answer, chosen: Chosen) -> dict[str, Any]:
    movers, _ = answer.movers(chosen, page=None)
    return {
        **answer.summary,
        "flows": [asdict(flow) for flow in answer.flows(chosen)],
        "all": [asdict(group) for group in answer.groups(chosen)],
        "by_list": [asdict(group) for group in answer.groups(chosen, ("district_code", "list_code"))],
        "sums": [asdict(one) for one in answer.sums(chosen)],
        "causes": answer.causes(chosen),
        "movers": [asdict(mover) for mover in movers],
    }


def _show(answer: Answer, chosen: Chosen, query: Query) -> None:
    told = answer.summary
    console.say(
        f"测算 what-if {answer.id}：{told['year']} 年度，发布 release {told['release']}，{told['seconds']} s"
    )
    for rule in told["rules"]:
        fields = "; ".join(f"{c['field']} {c['before']} → {c['after']}" for c in rule["changed"][:8])
        more = f" (+{len(rule['changed']) - 8})" if len(rule["changed"]) > 8 else ""
        console.say(
            f"  {query.titles('district', rule['district_code']).zh} {rule['after']['id']}: {fields}{more}"
        )
    console.show([_flow_row(before, answer, chosen) for before in (*"ABCD", None)], "等级流向 Flow of grades")
    names = ("district_code", "list_code")
    rows = [_group_row(group, query) for group in answer.groups(chosen, names) if _moves(group)]
    console.show(
        [*rows, *(_group_row(group, query) for group in answer.groups(chosen))],
        "区县·名单 By district and list",
    )
    console.show([asdict(one) for one in answer.sums(chosen)], "升降企业 Firms that rise and fall")
    console.show([_cause_row(row) for row in answer.causes(chosen)], "原因 Reasons")
    movers, total = answer.movers(chosen)
    console.show(
        [_mover_row(one) for one in movers[:SHOWN]], f"变动最大 Biggest movers ({SHOWN} / {total:,})"
    )
    console.say(f"结果 answer: {answer.id}（测算 estimate, not an evaluation）")


def _moves(group: Group) -> bool:
    return bool(group.risen or group.fallen or group.entered or group.left) or group.before != group.after


def _flow_row(before: str | None, answer: Answer, chosen: Chosen) -> dict[str, Any]:
    found = {flow.after: flow.firms for flow in answer.flows(chosen) if flow.before == before}
    return {
        "before": before or "–",
        **{f"→ {after or '–'}": found.get(after, 0) for after in (*"ABCD", None)},
    }


def _group_row(group: Group, query: Query) -> dict[str, Any]:
    district, list_ = group.district_code, group.list_code
    return {
        "区县 district": query.titles("district", district).zh if district else "合计 all",
        "名单 list": query.titles("per_mu_list", list_).zh if list_ else "",
        **{grade: f"{group.before.grades[grade]:,} → {group.after.grades[grade]:,}" for grade in "ABCD"},
        "升 risen": group.risen,
        "降 fallen": group.fallen,
        "入 entered": group.entered,
        "出 left": group.left,
        "减免 relief 万元": group.after.relief_wan_yuan - group.before.relief_wan_yuan,
        "电价加价 surcharge 万元": group.after.surcharge_wan_yuan - group.before.surcharge_wan_yuan,
    }


def _cause_row(row: dict[str, Any]) -> dict[str, Any]:
    from portal.queries.whatif_rows import CAUSES, THROUGH

    return {
        "原因 reason": str(CAUSES[row["cause_code"]]),
        "指标 indicator": row["indicator_code"] or "",
        "经由 through": str(THROUGH[row["through_code"]]) if row["through_code"] else "",
        "升 risen": row["risen"],
        "降 fallen": row["fallen"],
    }


def _mover_row(one: Mover) -> dict[str, Any]:
    from portal.queries.whatif_rows import CAUSES

    return {
        "uscc": one.uscc,
        "企业 firm": one.enterprise_name or "",
        "等级 grade": f"{one.grade_before or '–'} → {one.grade_after or '–'}",
        "名次 rank": f"{one.rank_before or '–'} → {one.rank_after or '–'}",
        "原因 reason": CAUSES[one.cause_code].zh if one.cause_code else "",
        "经由 through": " ".join(filter(None, (one.indicator_code, one.through_code, one.reason))),
        "用地 land 亩": one.land_area_mu,
    }


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(whatif)
