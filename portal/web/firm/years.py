"""Figures of five years, each as a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from portal.card.sheet import Card
from portal.queries.history import YearFigures
from portal.web.firm.parts import proof
from portal.web.frame import Frame


@dataclass(frozen=True)
class Line:
    """A figure of five years: its last value and all of them."""

    title: str
    unit: str
    values: tuple[Decimal | None, ...]
    last: Decimal | None
    period: str
    reason: str
    proof: str
    is_not_shown: bool = False


def lines(frame: Frame, card: Card) -> Iterator[Line]:
    """The four figures of the firm's years, and its total score."""
    statistics = frame.t("未报送统计数据", "no statistics reported")
    taxes = frame.t("无税收记录", "no tax on record")
    graded = frame.t("该年无得分", "no score in that year")
    kinds: Sequence[tuple[str, str, str, str, str, bool]] = (
        (frame.t("产值", "Output"), "万元", "output_wan_yuan", "core.enterprise_year", statistics, True),
        (frame.t("增加值", "Value added"), "万元", "value_added_wan_yuan", "core.enterprise_year", statistics, True),
        (frame.t("税收", "Tax"), "万元", "tax_wan_yuan", "core.enterprise_year", taxes, False),
        (frame.t("亩均税收", "Tax per mu"), "万元/亩", "tax_per_mu_wan_yuan", "per_mu.indicator_value", taxes, True),
        (frame.t("亩均总分", "Total score"), "分", "total_score", "per_mu.enterprise_grade", graded, True),
    )  # fmt: skip
    if not card.trend:
        return
    last = card.trend[-1]
    unit = card.standing.unit_uscc if card.standing else card.uscc
    # a tenant does not see the figures of its parcel's holder; no consent of its own would change that
    is_tenant = frame.viewer.role == "enterprise" and unit != card.uscc
    of_holder = frame.t(
        "随宗地主评价，宗地主的数据不展示", "the figure of the parcel's holder, which is not shown"
    )
    for title, measure, name, table, reason, is_statistic in kinds:
        values = tuple(getattr(year, name) for year in card.trend)
        # the sum of taxes is no column; its evidence is the row with the single ones
        column = {"tax_wan_yuan": "", "tax_per_mu_wan_yuan": "value"}.get(name, name)
        key = {"uscc": unit, "indicator_code": "I1"} if table == "per_mu.indicator_value" else {}
        why = of_holder if is_tenant and table != "core.enterprise_year" else reason
        is_not_shown = (
            values[-1] is None and is_statistic and not is_tenant and _is_withheld(card, last, name)
        )
        yield Line(
            title, measure, values, values[-1], last.as_of, why,
            proof(frame, card, table, column, **key), is_not_shown,
        )  # fmt: skip


def _is_withheld(card: Card, year: YearFigures, name: str) -> bool:
    of_grade = name in ("tax_per_mu_wan_yuan", "total_score")
    return ("grade" in card.not_shown or "lift" in card.not_shown) if of_grade else year.is_not_shown
