"""The indicators as bars, and the ways to a better grade."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from portal.card.sheet import Card
from portal.card.words import figures
from portal.queries.lift import Indicator, Lift, Step
from portal.web import numbers
from portal.web.firm.parts import proof
from portal.web.frame import Frame

#: Ways to a better grade that are shown.
MOST_WAYS = 3
#: A bar ends at one and a half times the baseline, where rule sets cap an indicator.
BAR_END = Decimal("1.5")


@dataclass(frozen=True)
class Bar:
    """An indicator as a bar whose end is one and a half times the baseline, with the target line at the baseline."""

    of: Indicator
    name: str
    pct: Decimal | None
    proof: str

    #: Share of the bar at which the baseline stands.
    target = 100 / BAR_END


def bars(frame: Frame, card: Card) -> list[Bar]:
    """The indicators in the order of their codes."""
    assert card.lift is not None
    unit = card.standing.unit_uscc if card.standing else card.uscc
    return [
        Bar(
            one, frame.name(one.indicator), _filled(one),
            proof(
                frame, card, "per_mu.indicator_value", "value", uscc=unit, indicator_code=one.indicator.code
            ),
        )
        for one in sorted(card.lift.indicators, key=lambda one: one.indicator.code)
    ]  # fmt: skip


def _filled(one: Indicator) -> Decimal | None:
    """How much of the bar the points fill; nothing without a weight."""
    return 100 * one.score / (one.weight * BAR_END) if one.weight else None


def to_last(frame: Frame, card: Card, lift: Lift) -> str:
    """How far the last firm of the next grade is, by the totals as published."""
    if settled := _settled(frame, card.year, lift):
        return settled
    own = card.grade.total_score if card.grade else None
    if lift.next_grade is None or own is None or lift.last_total is None or own >= lift.last_total:
        return ""
    grade, points = lift.next_grade.code, figures.up(lift.last_total - own)
    return frame.t(
        f"距 {grade} 类末位差 {points} 分。", f"{points} points below the last firm of grade {grade}."
    )


def to_next(frame: Frame, year: str, lift: Lift) -> str:
    """How far the next grade is."""
    if settled := _settled(frame, year, lift):
        return settled
    assert lift.next_grade is not None
    grade = lift.next_grade.code
    if not lift.is_recomputed:
        return frame.t("本版本不能复算榜单。", "The list cannot be computed again from this release.")
    if lift.points_missing is not None:
        points = figures.up(lift.points_missing)
        return frame.t(f"距 {grade} 类还差 {points} 分。", f"{points} points short of grade {grade}.")
    return frame.t(f"榜内无 {grade} 类名额。", f"The list has no place of grade {grade}.")


def _settled(frame: Frame, year: str, lift: Lift) -> str:
    """Why no points count: there is no higher grade, or a veto bars it; empty where points do."""
    if lift.next_grade is None:
        return frame.t("已是最高等级。", "This is the highest grade.")
    if lift.is_held_by_veto:
        return frame.t(
            f"被一票否决，得分再高也不升 {lift.next_grade.code} 类；否决只计入 {year} 年度评价。",
            f"Held down by a veto, whatever the figures; it counts in the evaluation of {year} only.",
        )
    return ""


def edge(frame: Frame, lift: Lift) -> str:
    """The lowest total of the next grade. It is another firm's, so a firm is told only how many points it lacks."""
    if lift.last_total is None or lift.next_grade is None or frame.viewer.role == "enterprise":
        return ""
    total = figures.score(lift.last_total)
    return frame.t(
        f"{lift.next_grade.code} 类末位总分 {total}", f"lowest total of grade {lift.next_grade.code}: {total}"
    )


def ways(frame: Frame, lift: Lift) -> list[str]:
    """Changes that are enough for the next grade, the smallest first."""
    if lift.points_missing is None or lift.next_grade is None:
        return []
    if not lift.routes:
        return [frame.t("改变一两项数据均不够", "No change of one or two figures is enough")]
    both = frame.t(" 且 ", " and ")
    return [both.join(_step(frame, step) for step in route) for route in lift.routes[:MOST_WAYS]]


def _step(frame: Frame, step: Step) -> str:
    change = step.change
    pct = (
        frame.t("（{:+,}%）", " ({:+,}%)").format(change.by_pct).replace("-", numbers.MINUS)
        if change.by_pct is not None
        else ""
    )
    more = frame.t("增加", "more") if change.by > 0 else frame.t("减少", "less")
    size = f"{abs(change.by).normalize():,f}"
    unit = numbers.unit_name(change.unit, frame.lang)
    return frame.t(f"{step.title.zh}{more} {size} {unit}{pct}", f"{step.title.en} {more}: {size} {unit}{pct}")
