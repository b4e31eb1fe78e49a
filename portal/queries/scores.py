"""An enterprise's comprehensive score, compared with its peers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from portal.queries.release import Query, Row, row_of_latest_period
from portal.queries.titles import Named

TABLE = "profile.comprehensive_score"
#: Tables that the query needs.
NEEDS = (TABLE,)
#: Number of indicators named as the furthest behind the peers.
WEAKEST = 3


@dataclass(frozen=True)
class Percentile:
    """A dimension's score among the peers, or an indicator's percentile: the share of peers at or below, in percent."""

    of: Named
    pct: Decimal | None


@dataclass(frozen=True)
class Score:
    """The comprehensive score, its rank among the peers and in the city, and its change since the year before."""

    period: str
    peer_level: Named
    peers: str
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


def score(query: Query, uscc: str, year: str) -> Score | None:
    """The score of the year's latest period; ``None`` if the release or the firm has none."""
    row = row_of_latest_period(query, TABLE, uscc, year)
    if row is None:
        return None
    titles = query.titles
    return Score(
        period=row["period"],
        peer_level=titles("peer_level", row["peer_level_code"]),
        peers=titles("peer_group", row["peer_group"]).zh,
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
    )


def missing_dimensions(query: Query, uscc: str, year: str) -> tuple[Named, ...]:
    """The dimensions without a score, because the firm has too few figures."""
    row = row_of_latest_period(query, TABLE, uscc, year) or {"missing_dimensions": ()}
    return tuple(query.titles("evaluation_dimension", code) for code in row["missing_dimensions"])


def _dimensions(query: Query, row: Row) -> tuple[Percentile, ...]:
    codes = [name.removesuffix("_score") for name in row]
    return tuple(
        Percentile(query.titles("evaluation_dimension", code), row[f"{code}_score"])
        for code in codes
        if query.titles.has("evaluation_dimension", code)
    )


def _weakest(query: Query, row: Row) -> tuple[Percentile, ...]:
    given = [entry.partition("=") for entry in row["indicator_percentiles"]]
    behind = sorted((Decimal(value), name) for name, _, value in given)[:WEAKEST]
    titles = {name: query.dictionary.column(name).title for _, name in behind}
    return tuple(Percentile(Named(name, titles[name], titles[name]), value) for value, name in behind)
