"""Vetoes, protections and points of an enterprise's grade, with the events behind them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.queries.release import Query, Row
from portal.queries.titles import Named


@dataclass(frozen=True)
class Adjustment:
    """A veto, a protection, or points."""

    uscc: str
    kind: str
    effect: Named
    points: Decimal
    reason: Named
    event_id: str
    event_date: date | None
    document: str | None


def adjustments_of(query: Query, row: Row) -> list[Adjustment]:
    """Vetoes, protections and points of the firm and, if it inherits its grade, of the parcel's holder."""
    rows = query(
        """SELECT * FROM per_mu.adjustment WHERE year = ? AND uscc IN (SELECT unnest(?))
        ORDER BY uscc <> ?, points, adjustment_code, event_id""",
        row["year"], [row["uscc"], row["evaluation_uscc"]], row["uscc"],
    )  # fmt: skip
    days = _days(query, row["year"], [r["event_id"] for r in rows])
    return [
        Adjustment(
            r["uscc"], r["adjustment_kind_code"], query.titles("adjustment_effect", r["effect_code"]),
            r["points"], _reason(query, r), r["event_id"], days.get(r["event_id"]), r["document_code"],
        )
        for r in rows
    ]  # fmt: skip


def _reason(query: Query, row: Row) -> Named:
    """The reason of an adjustment; the release has it in Chinese, its parts have titles in both languages."""
    code, points = row["adjustment_code"], row["points"]
    _, what, *levels = code.split(":")
    event = {"veto": "penalty", "penalty": "penalty", "bonus": "honour", "protection": "status_reason"}
    parts = [query.titles("level", level).en for level in levels]
    parts.append(query.titles(event.get(row["adjustment_kind_code"], "event"), what).en)
    counts = row["effect_code"] == "points"
    effect = (
        f"{points.normalize():+,f} points"
        if counts
        else query.titles("adjustment_effect", row["effect_code"]).en
    )
    return Named(code, row["reason_zh"], f"{' '.join(parts)}: {effect}")


def _days(query: Query, year: str, events: list[str]) -> dict[str, date]:
    """The days of events."""
    if not events or "core.enterprise_event" not in query.tables:
        return {}
    rows = query(
        """SELECT event_id, event_date FROM core.enterprise_event
        WHERE year = ? AND event_id IN (SELECT unnest(?))""",
        year, events,
    )  # fmt: skip
    return {row["event_id"]: row["event_date"] for row in rows}
