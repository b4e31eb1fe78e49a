"""Trend, risk and completeness from an enterprise's profile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.queries.release import Query, is_withheld, row_of_latest_period
from portal.queries.titles import Named

TABLE = "profile.enterprise_profile"
#: Tables that the query needs.
NEEDS = (TABLE,)
_COLUMNS = (
    "as_of_date", "trend_code", "risk_level_code", "risk_reasons", "profile_completeness", "size_class_code",
)  # fmt: skip


@dataclass(frozen=True)
class Profile:
    """Those values of the profile that no other section of the sheet shows. Completeness is a share from 0 to 1."""

    period: str
    as_of: date | None
    trend: Named | None
    risk: Named | None
    risk_reasons: tuple[Named, ...]
    completeness: Decimal | None
    #: Whether statistics are withheld from the reader for want of consent.
    is_not_shown: bool = False


def profile(query: Query, uscc: str, year: str) -> Profile | None:
    """The profile of the year's latest period; ``None`` if the release or the firm has none."""
    row = row_of_latest_period(query, TABLE, uscc, year, _COLUMNS)
    if row is None:
        return None
    titles = query.titles
    return Profile(
        period=row["period"],
        as_of=row["as_of_date"],
        trend=titles.maybe("trend", row["trend_code"]),
        risk=titles.maybe("risk_level", row["risk_level_code"]),
        risk_reasons=tuple(titles("risk_reason", code) for code in row["risk_reasons"] or ()),
        completeness=row["profile_completeness"],
        is_not_shown=is_withheld(row),
    )


def size_and_day(query: Query, uscc: str, year: str) -> tuple[Named | None, date | None]:
    """The firm's size class and the day as of which its profile holds; ``None`` for each if there is no profile."""
    row = row_of_latest_period(query, TABLE, uscc, year, _COLUMNS)
    if row is None:
        return None, None
    return query.titles.maybe("size_class", row["size_class_code"]), row["as_of_date"]
