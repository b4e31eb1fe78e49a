"""What would raise the grade."""

from __future__ import annotations

from portal.card.sheet import Card
from portal.card.words.figures import number, score
from portal.card.words.parts import Block, Heading, Term
from portal.queries.lift import Adjustment, Lift


def block(card: Card, lift: Lift) -> Block:
    headings = (
        Heading("指标 indicator"),
        Heading("值 value", True),
        Heading("基准 base", True),
        Heading("单位 unit"),
        Heading("权重 wt.", True),
        Heading("得分 score", True),
        Heading("失分 lost", True),
        Heading(""),
    )
    rows = tuple(
        (
            Term(f"{i.indicator.code} {i.indicator.zh}", i.indicator.en),
            number(i.value),
            number(i.baseline),
            i.unit,
            number(i.weight),
            score(i.score),
            score(i.points_missing) if i.points_missing else "–",
            i.note.zh if i.note else "",
        )
        for i in lift.indicators
    )
    remarks = [_next(lift, card)]
    remarks += lift.withheld
    if lift.vetoes:
        remarks.append(f"否决 veto: {'；'.join(_veto(card, veto) for veto in lift.vetoes)}")
    if "lift" in card.notes:
        remarks.append(card.notes["lift"])
    if lift.others:
        remarks.append(f"加减分与保护 points and protections: {'；'.join(a.reason for a in lift.others)}")
    title = "提升空间 What would raise the grade"
    return Block("lift", title, headings=headings, rows=rows, remarks=tuple(remarks))


def _veto(card: Card, veto: Adjustment) -> str:
    whose = "" if veto.uscc == card.uscc else f"{veto.uscc} "
    return f"{whose}{veto.reason}" + (f"（{veto.document}）" if veto.document else "")


def _next(lift: Lift, card: Card) -> str:
    assert card.grade is not None
    if lift.next_grade is None:
        return "已是最高等级 already the highest grade"
    grade = lift.next_grade.code
    if lift.last_total is None or lift.points_missing is None:
        return f"榜内无按名次列 {grade} 类者 no unit of the list has grade {grade} by its rank"
    edge = f"{grade} 类末位总分 lowest total {score(lift.last_total)}"
    if lift.points_missing > 0:
        return f"距 to grade {grade}: 还差 {score(lift.points_missing)} 分 points · {edge}"
    if lift.vetoes:
        return f"总分已够 the total is enough for {grade}: {edge}，被否决 held down by veto"
    return f"总分不低于 the total is not below {grade}: {edge}，受分数以外因素限制 limited by other reasons than points"
