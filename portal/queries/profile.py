"""What the profile says of an enterprise beside the figures of its other tables: trend, risk, completeness."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.queries.release import Query, row_of_latest_period
from portal.queries.titles import Named

TABLE = "profile.enterprise_profile"
#: Tables without which there is no answer.
NEEDS = (TABLE,)


@dataclass(frozen=True)
class Profile:
    """What the profile says beside the figures that stand elsewhere on the sheet."""

    period: str
    as_of: date | None
    trend: Named | None
    risk: Named | None
    risk_reasons: tuple[str, ...]
    completeness: Decimal | None


def profile(query: Query, uscc: str, year: str) -> Profile | None:
    """The profile of the year's latest period; ``None`` where release or firm has none."""
    row = row_of_latest_period(query, TABLE, uscc, year)
    if row is None:
        return None
    titles = query.titles
    return Profile(
        period=row["period"],
        as_of=row["as_of_date"],
        trend=titles.maybe("trend", row["trend_code"]),
        risk=titles.maybe("risk_level", row["risk_level_code"]),
        risk_reasons=tuple(titles("risk_reason", code).zh for code in row["risk_reasons"] or ()),
        completeness=row["profile_completeness"],
    )


def size_and_day(query: Query, uscc: str, year: str) -> tuple[Named | None, date | None]:
    """The firm's size class and the day of which its profile speaks, where it has one."""
    row = row_of_latest_period(query, TABLE, uscc, year)
    if row is None:
        return None, None
    return query.titles.maybe("size_class", row["size_class_code"]), row["as_of_date"]
