"""What would raise the grade."""

from __future__ import annotations

from portal.card.sheet import Card
from portal.card.words.figures import number, score, up
from portal.card.words.parts import Block, Heading, Term
from portal.queries.adjustments import Adjustment
from portal.queries.lift import Lift, Step

#: Ways that are shown; the JSON has all.
MOST_WAYS = 2


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
    remarks = [_next(lift, card), *_routes(lift)]
    remarks += [line for one in lift.withheld for line in one.lines()]
    if lift.vetoes:
        remarks.append(f"否决 veto: {'；'.join(_veto(card, veto) for veto in lift.vetoes)}")
        remarks.append(_until(lift, card.year))
    if "lift" in card.notes and not lift.is_not_shown:
        remarks.append(str(card.notes["lift"]))
    if lift.others:
        remarks.append(f"加减分与保护 points and protections: {'；'.join(a.reason.zh for a in lift.others)}")
    title = "提升空间 What would raise the grade"
    return Block("lift", title, headings=headings, rows=rows, remarks=tuple(remarks))


def _veto(card: Card, veto: Adjustment) -> str:
    whose = "" if veto.uscc == card.uscc else f"{veto.uscc} "
    source = "，".join(str(part) for part in (veto.event_date, veto.document) if part)
    return f"{whose}{veto.reason.zh}" + (f"（{source}）" if source else "")


def _until(lift: Lift, year: str) -> str:
    """A veto counts in the evaluation of the year in which it was decided, and in no other."""
    without = f"；无否决时为 {lift.without_veto.code} without it" if lift.without_veto else ""
    return f"只计入 {year} 年度评价 counts in the evaluation of {year} only{without}"


def _next(lift: Lift, card: Card) -> str:
    assert card.grade is not None
    if lift.is_not_shown:
        return str(card.notes["lift"])
    if lift.next_grade is None:
        return "已是最高等级 already the highest grade"
    grade = lift.next_grade.code
    edge = f"{grade} 类末位总分 lowest total {score(lift.last_total)}" if lift.last_total is not None else ""
    if lift.is_held_by_veto:
        return f"被否决，得分再高也不升 {grade} held down by veto, whatever the figures"
    if not lift.is_recomputed:
        return " · ".join(filter(None, ("本版本不能复算榜单 the list cannot be computed again", edge)))
    if lift.points_missing is not None:
        return " · ".join(
            filter(None, (f"距 to grade {grade}: 还差 {up(lift.points_missing)} 分 points", edge))
        )
    return f"榜内无 {grade} 类名额 the list has no seat of grade {grade}"


def _routes(lift: Lift) -> list[str]:
    """The ways that are enough, at most three."""
    if lift.points_missing is None or lift.next_grade is None:
        return []
    if not lift.routes:
        return ["改变一两项数据均不够 no change of one or two figures is enough"]
    rest = "；其余不变 all else unchanged"
    if len(lift.routes[0]) > 1:
        steps = " 且 and ".join(_step(step) for step in lift.routes[0])
        return [f"单项不够，两项才够 two are enough: {steps}{rest}"]
    ways = " 或 or ".join(_step(step) for (step,) in lift.routes[:MOST_WAYS])
    return [f"够的途径 enough: {ways}{rest}"]


def _step(step: Step) -> str:
    """A change in the figure's own unit, and in percent."""
    change = step.change
    pct = f"（{change.by_pct:+,}%）" if change.by_pct is not None else ""
    return f"{step.title.zh} {change.by.normalize():+,f} {change.unit}{pct}"
