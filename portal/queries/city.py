"""City-wide figures of a release: ingested records, grades by district, leading firms, the chains and their target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from portal.queries import grade
from portal.queries.release import Query, Row
from portal.queries.titles import Named

#: Number of firms in a district's list of leaders.
TOP = 10


@dataclass(frozen=True)
class FeedRecords:
    """Records of a feed's deliveries. A delivery that was mapped several times counts once, by its latest mapping."""

    feed: str
    files: int
    records: int
    raw: int
    quarantined: int
    #: Quarantine reasons with their numbers of records, the most frequent first.
    reasons: str | None


@dataclass(frozen=True)
class DistrictGrades:
    """The firms of a district by evaluation status and grade."""

    district_code: str
    district: str
    firms: int
    graded: int
    grade_a: int
    grade_b: int
    grade_c: int
    grade_d: int
    exempt: int
    protected: int
    data_incomplete: int
    out_of_scope: int


@dataclass(frozen=True)
class Leader:
    """A firm at the top of its district's list."""

    rank: int
    enterprise_name: str
    uscc: str
    total_score: Decimal
    grade: str


@dataclass(frozen=True)
class ChainState:
    """A chain's figures of a year, and its nodes by their state."""

    chain: Named
    output_yi_yuan: Decimal | None
    growth_pct: Decimal | None
    firms: int
    above_scale: int
    local_supply_pct: Decimal | None
    #: Output in per cent of the chain's part of the plan's target.
    target_pct: Decimal | None
    nodes: int
    strong_nodes: int
    weak_nodes: int
    single_point_nodes: int
    missing_nodes: int
    #: The missing nodes, in the order of the chain.
    missing: tuple[Named, ...]


@dataclass(frozen=True)
class Target:
    """The chains' total output and its target for a year."""

    output_yi_yuan: Decimal
    target_year: str
    target_yi_yuan: Decimal
    progress_pct: Decimal


_FEEDS = """
    SELECT feed, count(*) AS files, sum(records_in)::BIGINT AS records, sum(records_raw)::BIGINT AS raw,
        sum(records_quarantined)::BIGINT AS quarantined, any_value(r.reasons) AS reasons
    FROM (FROM release.delivery
        QUALIFY row_number() OVER (PARTITION BY delivery_id, period ORDER BY sequence DESC) = 1)
    LEFT JOIN (SELECT feed, string_agg(why || ' ' || n, '，' ORDER BY n DESC, why) AS reasons
        FROM (SELECT feed, coalesce(c.zh, reason) AS why, sum(records)::BIGINT AS n FROM release.quarantine
            LEFT JOIN release.code c ON c.list = 'quarantine_reason' AND c.code = reason GROUP BY ALL)
        GROUP BY feed) r USING (feed)
    GROUP BY feed ORDER BY feed"""

# Old releases have a second row of each list, without its giants: the row with more firms is the list's.
_GRADES = """
    SELECT min(s.district_code) AS district_code, d.zh AS district, sum(firm_count)::BIGINT AS firms,
        sum(graded_count)::BIGINT AS graded,
        sum(grade_a_count)::BIGINT AS grade_a, sum(grade_b_count)::BIGINT AS grade_b,
        sum(grade_c_count)::BIGINT AS grade_c, sum(grade_d_count)::BIGINT AS grade_d,
        sum(exempt_count)::BIGINT AS exempt, sum(protected_count)::BIGINT AS protected,
        sum(data_incomplete_count)::BIGINT AS data_incomplete, sum(out_of_scope_count)::BIGINT AS out_of_scope
    FROM (FROM per_mu.district_summary WHERE year = ? QUALIFY row_number()
        OVER (PARTITION BY district_code, list_code ORDER BY firm_count DESC) = 1) s
    JOIN release.code d ON d.list = 'district' AND d.code = s.district_code
    GROUP BY ALL ORDER BY district_code"""

_LEADERS = f"""
    SELECT rank_in_list AS rank, enterprise_name, uscc, total_score, final_grade AS grade
    FROM per_mu.enterprise_grade WHERE year = ? AND district_code = ? AND list_code = 'above_scale'
        AND rank_in_list <= {TOP} ORDER BY rank_in_list"""

_CHAINS = """
    SELECT m.chain_code, (m.output_wan_yuan / 10000)::DECIMAL(18, 1) AS output_yi_yuan,
        m.output_growth_pct::DECIMAL(18, 1) AS growth_pct, m.firm_count AS firms, m.above_scale_count AS above_scale,
        m.local_supply_pct::DECIMAL(18, 1) AS local_supply_pct, t.target_progress_pct::DECIMAL(18, 1) AS target_pct,
        count(*) AS nodes,
        count(*) FILTER (g.state_code = 'strong') AS strong_nodes,
        count(*) FILTER (g.state_code = 'weak') AS weak_nodes,
        count(*) FILTER (g.state_code = 'single_point') AS single_point_nodes,
        count(*) FILTER (g.state_code = 'missing') AS missing_nodes,
        coalesce(list(n ORDER BY g.node_code) FILTER (g.state_code = 'missing'), []) AS missing
    FROM chain.chain_metrics m
    JOIN chain.gap g ON g.chain_code = m.chain_code AND g.year = m.year
    JOIN chain.node n ON n.node_code = g.node_code AND n.year = g.year
    LEFT JOIN chain.target_progress t ON t.chain_code = m.chain_code AND t.year = m.year
    WHERE m.year = ? GROUP BY ALL
    ORDER BY output_yi_yuan DESC, m.chain_code"""

#: The plan's target is a rule; a chain's part of it needs the base year's output. ALL is in releases made before.
_TARGET = """
    SELECT (sum(output_wan_yuan) / 10000)::DECIMAL(18, 0) AS output_yi_yuan, target_year,
        (target / 10000)::DECIMAL(18, 0) AS target_yi_yuan,
        (100 * sum(output_wan_yuan) / target)::DECIMAL(18, 1) AS progress_pct
    FROM chain.target_progress CROSS JOIN (
        SELECT json_extract_string(content, 'target_wan_yuan')::DECIMAL(24, 6) AS target FROM release.rule_set
        WHERE rule_set_id = 'chain-target')
    WHERE chain_code <> 'ALL' AND year = ? GROUP BY target_year, target HAVING sum(output_wan_yuan) IS NOT NULL"""

_KNOWN_FIRM = """
    SELECT n.uscc FROM chain.node_enterprise n JOIN per_mu.enterprise_grade g USING (uscc, year)
    WHERE n.year = ? AND n.is_confirmed AND n.is_above_scale AND n.node_code <> 'OUT'
    ORDER BY n.confidence DESC, n.position_share DESC, n.uscc LIMIT 1"""

_GRADED_D = """
    SELECT uscc FROM per_mu.enterprise_grade WHERE year = ? AND final_grade = 'D' ORDER BY uscc LIMIT 1"""


def feed_records(query: Query) -> list[FeedRecords]:
    """The ingested records of each feed."""
    return _rows(FeedRecords, query(_FEEDS))


def latest_year(query: Query) -> str:
    """The last year that has grades."""
    return str(query("SELECT max(year) AS year FROM per_mu.enterprise_grade")[0]["year"])


def part_year(query: Query, year: str) -> str | None:
    """The last month of the year's figures if they cover only part of it: its grades are then a pre-evaluation."""
    rows = query("SELECT * FROM per_mu.enterprise_grade WHERE year = ? LIMIT 1", year)
    return grade.part_year(rows[0]) if rows else None


def district_grades(query: Query, year: str) -> list[DistrictGrades]:
    """The districts' firms by grade and status, ordered by district code."""
    return _rows(DistrictGrades, query(_GRADES, year))


def leaders(query: Query, year: str, district_code: str) -> list[Leader]:
    """The top firms above scale of a district, by rank."""
    return _rows(Leader, query(_LEADERS, year, district_code))


def chain_states(query: Query, year: str) -> list[ChainState]:
    """The chains, the one with the largest output first."""
    return [_chain_state(query, row) for row in query(_CHAINS, year)]


def _chain_state(query: Query, row: Row) -> ChainState:
    given = dict(row)
    nodes = given.pop("missing")
    return ChainState(
        chain=query.titles("chain", given.pop("chain_code")),
        missing=tuple(Named(n["node_code"], n["node_name_zh"], n["node_name_en"]) for n in nodes),
        **given,
    )


def target(query: Query, year: str) -> Target | None:
    """The chains' total output and the plan's target; ``None`` if the year has no output."""
    rows = query(_TARGET, year)
    return Target(**rows[0]) if rows else None


def best_known_firm(query: Query, year: str) -> str | None:
    """The graded firm above scale whose confirmed chain position has the highest confidence, then the largest share."""
    return _first_code(query(_KNOWN_FIRM, year))


def firm_graded_d(query: Query, year: str) -> str | None:
    """The first firm graded D, by credit code; ``None`` if there is none."""
    return _first_code(query(_GRADED_D, year))


def _first_code(rows: list[dict[str, Any]]) -> str | None:
    return str(rows[0]["uscc"]) if rows else None


T = TypeVar("T")


def _rows(kind: Callable[..., T], rows: list[dict[str, Any]]) -> list[T]:
    return [kind(**row) for row in rows]
