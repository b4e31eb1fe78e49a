"""The comprehensive score as a radar, and where its evidence lies."""

from __future__ import annotations

from typing import Any

from portal.card.sheet import Card
from portal.queries import scores
from portal.web.frame import Frame


def radar(frame: Frame, card: Card) -> dict[str, Any]:
    """The scores of the dimensions beside the peers' medians."""
    assert card.score is not None
    shown = card.score.dimensions
    medians = [one.median for one in shown]
    series: list[dict[str, Any]] = [
        {
            "name": frame.t("本企业", "This firm"),
            # the chart draws a missing score as a gap only if it is no number
            "value": [one.pct if one.pct is not None else "-" for one in shown],
            "areaStyle": {"opacity": 0.15},
        }
    ]
    if all(median is not None for median in medians):
        series.append(
            {"name": frame.t("同组中位", "Peers' median"), "value": medians, "lineStyle": {"type": "dashed"}}
        )
    return {
        "legend": {"bottom": 0},
        "radar": {
            "indicator": [{"name": frame.name(one.of), "max": 100, "min": 0} for one in shown],
            "center": ["50%", "46%"],
            "radius": "64%",
            "splitNumber": 4,
        },
        "series": [{"type": "radar", "symbolSize": 4, "data": series}],
    }


def score_rows(frame: Frame, card: Card) -> list[dict[str, Any]]:
    """The table behind the radar."""
    shown = card.score.dimensions if card.score else ()
    return [{"name": frame.name(one.of), "pct": one.pct, "median": one.median} for one in shown]


def score_place(card: Card) -> tuple[str, dict[str, str | None]]:
    """The table that has the score, and the key in it besides the firm: scores of years and of months lie apart."""
    period = card.score.period if card.score else card.year
    if len(period) > len("2024"):
        return f"{scores.TABLE}_month", {"year": None, "month": period}
    return scores.TABLE, {"year": period}
