"""An enterprise's comprehensive score, compared with its peers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from portal.queries.release import Query, Row, is_withheld, row_of_latest_period
from portal.queries.titles import Named

TABLE = "profile.comprehensive_score"
#: Tables that the query needs.
NEEDS = (TABLE,)
#: Number of indicators named as the furthest behind the peers.
WEAKEST = 3
#: Fewest peers whose median is told; that of fewer would tell one of them its neighbour's score.
LEAST_PEERS = 10
#: Level of a peer group → the columns that its firms share.
_SHARED = {
    "division_size": ("industry_division_code", "size_class_code"),
    "division": ("industry_division_code",),
    "size": ("size_class_code",),
    "city": (),
}


@dataclass(frozen=True)
class Percentile:
    """A dimension's score among the peers, or an indicator's percentile: the share of peers at or below, in percent."""

    of: Named
    pct: Decimal | None
    #: Median of the peers' scores; missing where there are few.
    median: Decimal | None = None


@dataclass(frozen=True)
class Score:
    """The comprehensive score, its rank among the peers and in the city, and its change since the year before."""

    period: str
    #: Level and name of the peer group; ``None`` where they would tell a withheld size.
    peer_level: Named | None
    peers: Named | None
    peer_count: int | None
    total: Decimal | None
    percentile_pct: Decimal | None
    rank: int | None
    city_rank: int | None
    city_size: int | None
    change: Decimal | None
    moved_by: Named | None
    moved_part: Decimal | None
    dimensions: tuple[Percentile, ...]
    #: The indicators in which the firm is furthest behind its peers, the furthest first.
    weakest: tuple[Percentile, ...]
    #: Whether the scores are withheld from the reader for want of consent; the place among the peers is not.
    is_not_shown: bool = False


def score(query: Query, uscc: str, year: str) -> Score | None:
    """The score of the year's latest period; ``None`` if the release or the firm has none."""
    row = row_of_latest_period(query, TABLE, uscc, year)
    if row is None:
        return None
    titles = query.titles
    return Score(
        period=row["period"],
        peer_level=titles.maybe("peer_level", row["peer_level_code"]),
        peers=titles.maybe("peer_group", row["peer_group"]),
        peer_count=row["peer_count"],
        total=row["comprehensive_score"],
        percentile_pct=row["peer_percentile_pct"],
        rank=row["rank_in_peers"],
        city_rank=row["rank_in_city"],
        city_size=row["scored_count"],
        change=row["score_change"],
        moved_by=titles.maybe("evaluation_dimension", row["change_dimension_code"]),
        moved_part=row["change_part"],
        dimensions=_dimensions(query, row),
        weakest=_weakest(query, row),
        is_not_shown=is_withheld(row),
    )


def missing_dimensions(query: Query, uscc: str, year: str) -> tuple[Named, ...]:
    """The dimensions without a score, because the firm has too few figures."""
    row = row_of_latest_period(query, TABLE, uscc, year) or {"missing_dimensions": ()}
    return tuple(query.titles("evaluation_dimension", code) for code in row["missing_dimensions"])


def _dimensions(query: Query, row: Row) -> tuple[Percentile, ...]:
    named = (name.removesuffix("_score") for name in row)
    codes = [code for code in named if query.titles.has("evaluation_dimension", code)]
    medians = _medians(query, row, codes)
    return tuple(
        Percentile(query.titles("evaluation_dimension", code), row[f"{code}_score"], medians.get(code))
        for code in codes
    )


def _medians(query: Query, row: Row, codes: Sequence[str]) -> Row:
    """Dimension → median of the peers' scores; nothing if the release does not have exactly the row's peers."""
    shared = _SHARED.get(row["peer_level_code"])
    if shared is None or (row["peer_count"] or 0) < LEAST_PEERS or any(row.get(n) is None for n in shared):
        return {}
    table, period = (f"{TABLE}_month", "month") if "month" in row else (TABLE, "year")
    same = "".join(f" AND {name} = ?" for name in shared)
    shown = ", ".join(f"median({code}_score) AS {code}" for code in codes)
    # the peers are firms of all districts; their median names none
    [found] = query.whole(
        f"SELECT count(*) AS peers, {shown} FROM {table} WHERE {period} = ?{same}",
        row[period], *(row[name] for name in shared),
    )  # fmt: skip
    return found if found["peers"] == row["peer_count"] else {}


def _weakest(query: Query, row: Row) -> tuple[Percentile, ...]:
    given = [entry.partition("=") for entry in row["indicator_percentiles"] or ()]
    behind = sorted((Decimal(value), name) for name, _, value in given)[:WEAKEST]
    return tuple(Percentile(query.dictionary.column(name).title, value) for value, name in behind)
