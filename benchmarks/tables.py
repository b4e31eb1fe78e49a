"""``./brain bench chain`` and ``./brain bench profile``: an area's tables, beside DuckDB doing the same work.

What is measured is the home's own city: the area's tables for the latest year and the latest month on a warm engine,
stale or not, and nothing that they are made from. They get new versions with the content that they had. The peer reads
the same Delta tables with the same two cores and writes Parquet.

The chains' peer resolves the codes of the trades, sums them by firm, side and product, takes the firms' shares in the
nodes from class, products and sales, and finds flows between nodes, sums, growth, concentration and local supply by
node, the same by chain, and the best suppliers by product. It leaves out the evidence of purchases, honours and
patents, confidence, reasons, overrides, location quotients and the states of nodes.

The profile's peer makes the wide join with quotients, growth against one and three years before, honours, cases and
listings as of the day, main nodes, months and completeness; then all tags with their evidence by the same rules; then
percentiles, dimensions, totals and places by division and size class. Its quotients are doubles, not exact decimals,
and it leaves out the reasons of risk and what moved a score.
"""

from __future__ import annotations

import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from benchmarks.rows import Row, Say, row
from portal.services.memory import Watch
from schemas.errors import RejectedError
from warehouse import duck, tables
from warehouse.settings import settings

if TYPE_CHECKING:
    import duckdb

REPEATS = 3
PEER_MEMORY = "4GB"
GOAL = "≤ 2 × peer"


@dataclass(frozen=True)
class Asked:
    """The year and the month that are made."""

    year: str
    month: str


def run(area: str, say: Say) -> list[Row]:
    """Medians over some repeats, ours and the peer's in turns, on a warm engine.

    Raises:
        RejectedError: the home has no city, or not the area's tables.
    """
    from pipeline.registry import registry

    names = [name for name, job in registry().items() if job.area == area]
    asked = _asked(names)
    say(f"{area}, {asked.year} and {asked.month}: to warm up, table by table")
    _make(names, asked)
    each = {name: _make([name], asked) for name in names}
    ours, peers, memory = [], [], 0
    with tempfile.TemporaryDirectory(prefix="brain-bench-") as folder:
        for repeat in range(REPEATS):
            say(f"{repeat + 1} of {REPEATS}")
            peers.append(_peer(area, asked, Path(folder)))
            with Watch(os.getpid(), settings().home) as watch:
                ours.append(_make(names, asked))
            memory = max(memory, watch.peak)
    peer, mine = statistics.median(sum(p.values()) for p in peers), statistics.median(ours)
    parts = {name: statistics.median(p[name] for p in peers) for name in peers[0]}
    return [
        row(f"{area}, {asked.year} and {asked.month}, s", mine, GOAL, "DuckDB, s", peer),
        row("memory of all processes at most, GiB", memory / 2**30, "≤ 4"),
        *(_of_table(name, seconds, parts.get(name)) for name, seconds in each.items()),
        *(row(f"DuckDB: {name}, s", seconds, "–") for name, seconds in parts.items() if name not in each),
    ]


def _of_table(name: str, seconds: float, peer: float | None) -> Row:
    return row(f"{name} alone, s", seconds, "–", "DuckDB, s" if peer else "", peer)


def _asked(names: list[str]) -> Asked:
    """The area's latest year and month."""
    from pipeline.fingerprint import stored_fingerprints

    missing = [name for name in names if not tables.exists(name)]
    if missing or not names:
        raise RejectedError(
            f"the home has no {missing[0] if missing else 'such table'} yet; ./brain demo makes one"
        )
    periods = {p for name in names for p in stored_fingerprints(name)}
    years, months = ({p for p in periods if len(p) == length} for length in (4, 7))
    if not years or not months:
        raise RejectedError(
            f"the home's tables have {', '.join(sorted(periods)) or 'no periods'}: a month is needed"
        )
    return Asked(max(months)[:4], max(months))


def _make(names: list[str], asked: Asked) -> float:
    """Seconds in which tables are made for the year and for the month, and nothing that they are made from."""
    from pipeline.run import make_anew

    start = time.monotonic()
    make_anew(names, (asked.year, asked.month))
    return time.monotonic() - start


# --- the peer ------------------------------------------------------------------------------------------


def _peer(area: str, asked: Asked, folder: Path) -> dict[str, float]:
    """Seconds of each of the peer's statements, from Delta tables to Parquet."""
    rules, statements = PEERS[area](asked)
    with duck.connect() as connection:
        duck.load_delta(connection)
        connection.execute("SET threads = 2")
        connection.execute(f"SET memory_limit = '{PEER_MEMORY}'")
        for name in tables_in(statements):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
            path = duck.literal(str(tables.table_path(name)))
            connection.execute(f"CREATE VIEW {name} AS FROM delta_scan({path})")
        return make_all(connection, rules, statements, folder)


def make_all(
    connection: duckdb.DuckDBPyConnection,
    rules: Mapping[str, list[dict[str, Any]]],
    statements: Mapping[str, str],
    folder: Path,
) -> dict[str, float]:
    """Seconds of each statement; its result is a table, ``.`` as ``_``, and a Parquet file."""
    for name, rows in rules.items():
        connection.register("given", pa.Table.from_pylist(rows))
        connection.execute(f"CREATE TABLE {name} AS FROM given")
        connection.unregister("given")
    seconds = {}
    for name, sql in statements.items():
        start = time.monotonic()
        result = name.replace(".", "_")
        connection.execute(f"CREATE TABLE {result} AS {sql}")
        connection.execute(f"COPY {result} TO {duck.literal(str(folder / result))} (FORMAT parquet)")
        seconds[name] = time.monotonic() - start
    return seconds


def tables_in(statements: Mapping[str, str]) -> set[str]:
    """The lake's tables that the statements name."""
    found = (
        re.findall(r"\b(?:raw|core|per_mu|chain|profile)\.[a-z_]+\b", sql) for sql in statements.values()
    )
    return {name for names in found for name in names}


#: Small tables that hold the rules, and statements by the table that they stand beside, or by a name of their own.
Peer = tuple[Mapping[str, list[dict[str, Any]]], Mapping[str, str]]


def chain_peer(asked: Asked) -> Peer:
    from jobs.chain.rules.frames import class_weights
    from jobs.chain.rules.models import load
    from jobs.chain.rules.policy import evidence_model

    nodes = load().valid(asked.year).nodes
    weights = class_weights(nodes, evidence_model().class_ranks)
    rules: dict[str, list[dict[str, Any]]] = {
        "product_of": [{"product_code": p, "node_code": n.code} for n in nodes for p in n.products],
        "class_of": [
            {"industry_code": c, "node_code": n, "weight": w}
            for c, found in weights.items()
            for n, w in found.items()
        ],
    }
    year, month, before = (duck.literal(t) for t in (asked.year, asked.month, str(int(asked.year) - 1)))
    statements = {
        name: sql.replace("$year", year).replace("$month", month).replace("$before", before)
        for name, sql in _CHAIN.items()
    }
    return rules, statements


#: Later statements read the results of earlier ones, a table's under its name with ``_``.
_CHAIN = {
    "codes": """SELECT identifier AS code, min(uscc) AS uscc FROM core.enterprise_identifier
        WHERE year <= $year AND NOT is_disputed GROUP BY identifier HAVING count(DISTINCT uscc) = 1
        UNION SELECT uscc, uscc FROM core.enterprise WHERE year = $year""",
    "chain.trade": """WITH resolved AS (
            SELECT s.uscc AS seller, b.uscc AS buyer, product_code, period, trade_wan_yuan FROM raw.ent_trade t
            LEFT JOIN codes s ON s.code = t.seller_code LEFT JOIN codes b ON b.code = t.buyer_code
            WHERE period[:4] = $year),
        sides AS (
            SELECT coalesce(seller, 'OUT') AS uscc, 'sale' AS side, buyer IS NOT NULL AS is_local, product_code, period,
                trade_wan_yuan FROM resolved
            UNION ALL SELECT coalesce(buyer, 'OUT'), 'purchase', seller IS NOT NULL, product_code, period,
                trade_wan_yuan FROM resolved)
        SELECT uscc, side, product_code, period, sum(trade_wan_yuan) FILTER (is_local) AS local,
            sum(trade_wan_yuan) FILTER (NOT is_local) AS outside, sum(trade_wan_yuan) AS amount, count(*) AS trades
        FROM sides GROUP BY ALL""",
    "chain.node_enterprise": """WITH evidence AS (
            SELECT uscc, node_code, sum(weight) AS weight, sum(declared) AS declared, sum(sold) AS sold FROM (
                SELECT uscc, coalesce(c.node_code, 'OUT') AS node_code, coalesce(c.weight, 1) AS weight,
                    NULL AS declared, NULL AS sold
                FROM core.enterprise LEFT JOIN class_of c USING (industry_code) WHERE year = $year
                UNION ALL SELECT uscc, coalesce(n.node_code, 'OUT'), NULL, revenue_share_pct, NULL
                FROM raw.ent_product LEFT JOIN product_of n USING (product_code) WHERE period = $year
                UNION ALL SELECT uscc, coalesce(n.node_code, 'OUT'), NULL, NULL, amount
                FROM chain_trade LEFT JOIN product_of n USING (product_code) WHERE side = 'sale' AND uscc <> 'OUT')
            GROUP BY ALL),
        scored AS (
            SELECT *, coalesce(2 * declared / sum(declared) OVER firm, 0)
                + coalesce(sold / sum(sold) OVER firm, 0) AS data
            FROM evidence WINDOW firm AS (PARTITION BY uscc)),
        mixed AS (
            SELECT *, CASE WHEN sum(data) OVER (PARTITION BY uscc) > 0 THEN data ELSE weight END AS mix FROM scored)
        SELECT uscc, node_code, split_part(node_code, '-', 1) AS chain_code,
            mix / sum(mix) OVER (PARTITION BY uscc) AS share, weight, declared, sold FROM mixed WHERE mix > 0""",
    "chain.supply_flow": """WITH main AS (
            SELECT uscc, arg_max(node_code, share) AS node_code FROM chain_node_enterprise GROUP BY uscc)
        SELECT coalesce(n.node_code, 'OUT') AS seller_node, coalesce(m.node_code, 'OUT') AS buyer_node,
            t.uscc <> 'OUT' AS is_local, product_code, period, sum(local) AS local, sum(outside) AS outside,
            sum(trades) AS trades, count(*) AS buyers
        FROM chain_trade t LEFT JOIN product_of n USING (product_code) LEFT JOIN main m USING (uscc)
        WHERE side = 'purchase' GROUP BY ALL""",
    "placed": """WITH figures AS (
            SELECT y.uscc, y.year AS period, y.output_wan_yuan AS output, b.output_wan_yuan AS output_before,
                y.value_added_wan_yuan AS added, y.revenue_wan_yuan AS revenue, y.profit_wan_yuan AS profit,
                y.rd_expense_wan_yuan AS rd, y.export_value_wan_yuan AS export, y.energy_tce AS energy
            FROM core.enterprise_year y LEFT JOIN core.enterprise_year b ON b.uscc = y.uscc AND b.year = $before
            WHERE y.year = $year
            UNION ALL SELECT uscc, month, output_ytd_wan_yuan, output_last_year_wan_yuan, value_added_ytd_wan_yuan,
                revenue_ytd_wan_yuan, profit_ytd_wan_yuan, rd_ytd_wan_yuan, export_ytd_wan_yuan, NULL
            FROM core.enterprise_month WHERE month = $month)
        SELECT p.node_code, p.chain_code, f.period, f.uscc, g.final_grade, share, output * share AS output,
            output_before * share AS output_before, added * share AS added, revenue * share AS revenue,
            profit * share AS profit, rd * share AS rd, export * share AS export, energy * share AS energy
        FROM chain_node_enterprise p JOIN figures f USING (uscc)
        LEFT JOIN per_mu.enterprise_grade g ON g.uscc = p.uscc AND g.year = $year WHERE p.node_code <> 'OUT'""",
    "chain.node_metrics": """WITH placed_firms AS (
            SELECT *, output / nullif(sum(output) OVER w, 0) AS part,
                row_number() OVER (PARTITION BY node_code, period ORDER BY output DESC NULLS LAST, uscc) AS place
            FROM placed WINDOW w AS (PARTITION BY node_code, period)),
        sums AS (
            SELECT node_code, any_value(chain_code) AS chain_code, period, count(*) AS firms,
                count(output) AS reporting, sum(output) AS output, sum(added) AS added, sum(revenue) AS revenue,
                sum(profit) AS profit, sum(rd) AS rd, sum(export) AS export, sum(energy) AS energy,
                100 * (sum(output) FILTER (output_before > 0)
                    / nullif(sum(output_before) FILTER (output IS NOT NULL), 0) - 1) AS growth_pct,
                100 * max(part) AS cr1, 100 * sum(part) FILTER (place <= 5) AS cr5, 10000 * sum(part * part) AS hhi,
                arg_min(uscc, place) AS lead, count(*) FILTER (final_grade = 'A') AS a,
                count(*) FILTER (final_grade = 'B') AS b, count(*) FILTER (final_grade = 'C') AS c,
                count(*) FILTER (final_grade = 'D') AS d
            FROM placed_firms GROUP BY node_code, period),
        bought AS (
            SELECT seller_node AS node_code, sum(local) AS local, sum(outside) AS outside FROM chain_supply_flow
            WHERE is_local GROUP BY ALL),
        buying AS (
            SELECT buyer_node AS node_code, sum(local) + sum(outside) AS purchases, sum(outside) AS purchases_outside
            FROM chain_supply_flow WHERE is_local GROUP BY ALL)
        SELECT *, 100 * local / nullif(local + outside, 0) AS local_supply_pct,
            100 * purchases_outside / nullif(purchases, 0) AS dependence_pct,
            purchases / nullif(revenue - added, 0) AS coverage
        FROM sums LEFT JOIN bought USING (node_code) LEFT JOIN buying USING (node_code)""",
    "chain.chain_metrics": """WITH firms AS (
            SELECT chain_code, period, uscc, sum(output) AS output, sum(added) AS added,
                sum(revenue) AS revenue, sum(profit) AS profit, any_value(final_grade) AS final_grade
            FROM placed GROUP BY ALL),
        parts AS (
            SELECT *, output / nullif(sum(output) OVER w, 0) AS part,
                row_number() OVER (PARTITION BY chain_code, period ORDER BY output DESC NULLS LAST, uscc) AS place
            FROM firms WINDOW w AS (PARTITION BY chain_code, period))
        SELECT chain_code, period, count(*) AS firms, sum(output) AS output, sum(added) AS added,
            sum(revenue) AS revenue, sum(profit) AS profit, 100 * max(part) AS cr1,
            100 * sum(part) FILTER (place <= 5) AS cr5, 10000 * sum(part * part) AS hhi,
            count(*) FILTER (final_grade = 'A') AS a FROM parts GROUP BY ALL""",
    "chain.local_supplier": """SELECT product_code, uscc, max(share) AS share, max(amount) AS amount FROM (
            SELECT product_code, uscc, revenue_share_pct AS share, NULL AS amount FROM raw.ent_product
            WHERE period = $year
            UNION ALL SELECT product_code, uscc, NULL, amount FROM chain_trade WHERE side = 'sale' AND uscc <> 'OUT')
        GROUP BY product_code, uscc QUALIFY row_number() OVER (
            PARTITION BY product_code ORDER BY max(amount) DESC NULLS LAST, max(share) DESC NULLS LAST, uscc) <= 50""",
}  # fmt: skip


def profile_peer(asked: Asked) -> Peer:
    from jobs.profile.steps.periods import period_of_month, period_of_year

    periods = [period_of_year(asked.year, asked.month), period_of_month(asked.month)]
    rows = [
        {
            "period": p.name, "year": str(p.year), "figures_year": str(p.figures_year), "day": p.last_day,
            "before": str(p.figures_year - 1), "third": str(p.figures_year - 3), "last_month": p.last_month,
        }
        for p in periods
    ]  # fmt: skip
    return {"asked": rows}, {
        "profile.enterprise_profile": _profile_sql(),
        "profile.enterprise_tag": _tag_sql(asked),
        "profile.comprehensive_score": _score_sql(),
    }


def _profile_sql() -> str:
    from jobs.core.enterprise_year import TAX_COMPONENTS
    from jobs.profile.enterprise_profile import GROUPS
    from jobs.profile.steps import parts as spec

    taxes, parts = ", ".join(TAX_COMPONENTS), " + ".join(f"coalesce({c}, 0)" for c in TAX_COMPONENTS)
    total = f"CASE WHEN coalesce({taxes}) IS NOT NULL THEN {parts} END"
    growth = [
        *(
            f"100 * ({c} / nullif(greatest(before_{c}, 0), 0) - 1) AS {name}"
            for c, name in spec.GROWTH.items()
        ),
        *(
            f"100 * (cbrt({c} / nullif(greatest(third_{c}, 0), 0)) - 1) AS {name}"
            for c, name in spec.COMPOUND.items()
        ),
    ]
    ratios = [
        f"{factor} * {part} / nullif(greatest({by}, 0), 0) AS {name}"
        for name, (factor, part, by) in _RATIOS.items()
    ]
    levels = ", ".join(map(duck.literal, spec.LEVELS))
    honours = [
        f"max(list_position([{levels}], level_code)) FILTER (event_kind_code = 'honour' AND is_valid"
        f" AND event_code IN ({', '.join(map(duck.literal, codes))})) AS {name}_rank"
        for name, codes in spec.HONOURS.items()
    ]
    groups = [
        f"({' + '.join(f'({c} IS NOT NULL)::INT' for c in fields)}) / {len(fields)} AS {name}_completeness"
        for name, fields in GROUPS.items()
    ]
    return f"""
    WITH figures AS (
        SELECT uscc, year, {", ".join(spec.FIGURES)}, {total} AS tax_total_wan_yuan, known_at AS figures_known_at
        FROM core.enterprise_year WHERE year IN (
            SELECT unnest([figures_year, before, third]) FROM asked)),
    earlier AS (
        SELECT uscc, a.period,
            {", ".join(f"max({c}) FILTER (f.year = a.before) AS before_{c}" for c in spec.GROWTH)},
            {", ".join(f"max({c}) FILTER (f.year = a.third) AS third_{c}" for c in spec.COMPOUND)},
            max(profit_wan_yuan) FILTER (f.year = a.before) AS profit_before_wan_yuan
        FROM figures f JOIN asked a ON f.year IN (a.before, a.third) GROUP BY ALL),
    graded AS (
        SELECT uscc, a.period, list(g.year || '=' || final_grade ORDER BY g.year) AS grade_history,
            max(final_grade) FILTER (g.year = figures_year) AS final_grade,
            max(total_score) FILTER (g.year = figures_year) AS total_score,
            max(rank_in_list) FILTER (g.year = figures_year) AS rank_in_list,
            max(list_size) FILTER (g.year = figures_year) AS list_size
        FROM per_mu.enterprise_grade g JOIN asked a ON g.year <= figures_year AND g.year::INT > figures_year::INT - 5
        GROUP BY ALL),
    valued AS (
        SELECT uscc, year, max(value) FILTER (indicator_code = 'I1') AS tax_per_mu_wan_yuan,
            max(value) FILTER (indicator_code = 'I2') AS value_added_per_mu_wan_yuan
        FROM per_mu.indicator_value WHERE indicator_code IN ('I1', 'I2') AND year IN (SELECT figures_year FROM asked)
        GROUP BY ALL),
    told AS (
        SELECT e.*, a.period, a.day, coalesce(valid_until_date >= a.day, true) AS is_valid,
            event_date > a.day - INTERVAL 36 MONTH AS is_recent
        FROM core.enterprise_event e JOIN asked a ON e.year <= a.year AND event_date <= a.day
        QUALIFY row_number() OVER (PARTITION BY event_id, a.period ORDER BY e.year DESC) = 1),
    happened AS (
        SELECT uscc, period, {", ".join(honours)},
            count(*) FILTER (event_kind_code = 'honour' AND is_valid) AS honour_count,
            bool_or(event_code = 'listed' AND is_valid) AS is_listed,
            count(*) FILTER (event_kind_code = 'penalty' AND is_recent) AS penalty_count,
            count(*) FILTER (event_kind_code = 'accident' AND is_recent) AS accident_count,
            count(*) FILTER (event_kind_code = 'credit' AND is_valid) AS open_listing_count,
            list(DISTINCT event_code) FILTER (event_kind_code IN ('penalty', 'accident') AND is_recent) AS case_codes,
            list(DISTINCT event_code) FILTER (event_kind_code = 'credit' AND is_valid) AS open_listing_codes
        FROM told GROUP BY ALL),
    nodes AS (
        SELECT n.uscc, n.year, chain_code AS main_chain_code, node_code AS main_node_code,
            position_share AS main_node_share, confidence AS main_node_confidence,
            count(*) OVER (PARTITION BY n.uscc, n.year) AS node_count,
            position_share * CAST(f.output_wan_yuan AS DOUBLE) AS node_output_wan_yuan,
            sum(position_share * CAST(f.output_wan_yuan AS DOUBLE)) FILTER (is_confirmed)
                OVER (PARTITION BY node_code, n.year) AS of_node,
            row_number() OVER (PARTITION BY n.uscc, n.year
                ORDER BY position_share DESC, confidence DESC NULLS LAST, node_code) AS place
        FROM chain.node_enterprise n LEFT JOIN figures f USING (uscc, year)
        WHERE chain_code <> 'OUT' AND position_share > 0 AND n.year IN (SELECT figures_year FROM asked)),
    months AS (
        SELECT m.*, a.period, max(month) OVER (PARTITION BY uscc, a.period)[6:]::INT - month[6:]::INT AS back
        FROM core.enterprise_month m JOIN asked a ON m.year = a.year AND month <= a.last_month),
    reported AS (
        SELECT uscc, period,
            {", ".join(f"max({c}) FILTER (back = 0) AS {c}" for c in _OF_MONTH)},
            count(new_orders_wan_yuan) AS report_month_count,
            sum(new_orders_wan_yuan) FILTER (back < 3) AS orders_now,
            sum(new_orders_wan_yuan) FILTER (back BETWEEN 3 AND 5) AS orders_before
        FROM months GROUP BY ALL),
    wide AS (
        SELECT e.* EXCLUDE (year, row_id), a.*, f.* EXCLUDE (uscc, year), b.* EXCLUDE (uscc, period), p.list_code,
            p.eval_status_code, g.* EXCLUDE (uscc, period), v.* EXCLUDE (uscc, year),
            c.percentile_pct AS city_percentile_pct, h.* EXCLUDE (uscc, period), n.* EXCLUDE (uscc, year, place),
            r.* EXCLUDE (uscc, period), date_diff('month', registered_date, a.day) // 12 AS age_years,
            coalesce(employees_average, insured_count) AS size_staff_count,
            coalesce(revenue_wan_yuan, declared_revenue_wan_yuan) AS size_revenue_wan_yuan
        FROM core.enterprise e JOIN asked a USING (year)
        LEFT JOIN figures f ON f.uscc = e.uscc AND f.year = a.figures_year
        LEFT JOIN earlier b ON b.uscc = e.uscc AND b.period = a.period
        LEFT JOIN per_mu.population p ON p.uscc = e.uscc AND p.year = a.figures_year
        LEFT JOIN graded g ON g.uscc = e.uscc AND g.period = a.period
        LEFT JOIN valued v ON v.uscc = e.uscc AND v.year = a.figures_year
        LEFT JOIN per_mu.city_rank c ON c.uscc = e.uscc AND c.year = a.figures_year
        LEFT JOIN happened h ON h.uscc = e.uscc AND h.period = a.period
        LEFT JOIN (FROM nodes WHERE place = 1) n ON n.uscc = e.uscc AND n.year = a.figures_year
        LEFT JOIN reported r ON r.uscc = e.uscc AND r.period = a.period),
    grown AS (
        SELECT *, {", ".join(growth)}, {", ".join(ratios)},
            coalesce(output_growth_pct, declared_revenue_growth_pct) AS growth FROM wide)
    SELECT *, {", ".join(groups)},
        CASE WHEN size_staff_count < 20 OR size_revenue_wan_yuan < 300 THEN 'micro'
            WHEN size_staff_count >= 1000 AND size_revenue_wan_yuan >= 40000 THEN 'large'
            WHEN size_staff_count >= 300 AND size_revenue_wan_yuan >= 2000 THEN 'medium'
            WHEN size_staff_count + size_revenue_wan_yuan IS NOT NULL THEN 'small' END AS size_class_code,
        CASE WHEN growth >= 5 THEN 'rising' WHEN growth <= -5 THEN 'falling' WHEN growth IS NOT NULL THEN 'steady' END
            AS trend_code,
        100 * (list_size - rank_in_list + 1) / list_size AS list_percentile_pct,
        md5(uscc || period) AS row_id
    FROM grown"""


#: Quotient → factor, part, whole.
_RATIOS: Mapping[str, tuple[int, str, str]] = {
    "energy_intensity": (1, "energy_tce", "value_added_wan_yuan"),
    "water_intensity": (1, "water_m3", "value_added_wan_yuan"),
    "emission_intensity": (1000, "emission_t", "value_added_wan_yuan"),
    "labour_productivity_wan_yuan": (1, "value_added_wan_yuan", "employees_average"),
    "tax_per_person_wan_yuan": (1, "tax_total_wan_yuan", "insured_count"),
    "profit_margin_pct": (100, "profit_wan_yuan", "revenue_wan_yuan"),
    "value_added_rate_pct": (100, "value_added_wan_yuan", "output_wan_yuan"),
    "sales_ratio_pct": (100, "sales_output_wan_yuan", "output_wan_yuan"),
    "export_share_pct": (100, "export_value_wan_yuan", "sales_output_wan_yuan"),
    "rd_ratio_pct": (100, "rd_expense_wan_yuan", "revenue_wan_yuan"),
    "new_product_ratio_pct": (100, "new_product_output_wan_yuan", "output_wan_yuan"),
    "node_output_share_pct": (100, "node_output_wan_yuan", "of_node"),
    "output_ytd_growth_pct": (
        100,
        "(output_ytd_wan_yuan - output_last_year_wan_yuan)",
        "output_last_year_wan_yuan",
    ),
    "orders_change_pct": (100, "(orders_now - orders_before)", "orders_before"),
}
_OF_MONTH = (
    "output_ytd_wan_yuan", "output_last_year_wan_yuan", "new_orders_wan_yuan", "orders_in_hand_wan_yuan",
    "capacity_utilisation_pct",
)  # fmt: skip


def _tag_sql(asked: Asked) -> str:
    """Every tag whose rule is met, with its evidence, from the profile's Delta table."""
    from jobs.profile.rules.tags import tag_rules

    given = []
    for tag in tag_rules().tags:
        told = ", ".join(f"{duck.literal(f'{name}=')} || {name}::VARCHAR" for name in tag.evidence)
        entry = f"{{code: {duck.literal(tag.code)}, kind: {duck.literal(tag.kind)}, evidence: [{told}]}}"
        given.append(f"CASE WHEN {_condition(tag.node)} THEN {entry} END")
    return f"""
    SELECT uscc, period, district_code, is_above_scale, tag.code AS tag_code, tag.kind AS tag_kind_code,
        list_filter(tag.evidence, lambda x: x IS NOT NULL) AS tag_evidence, md5(uscc || tag.code || period) AS row_id
    FROM (SELECT uscc, period, district_code, is_above_scale, unnest([{", ".join(given)}]) AS tag
        FROM profile.enterprise_profile WHERE period IN ({duck.literal(asked.year)}, {duck.literal(asked.month)}))
    WHERE tag IS NOT NULL"""


_OPERATORS = {"eq": "=", "ge": ">=", "gt": ">", "le": "<=", "lt": "<", "is": "=", "is_not": "<>"}


def _condition(node: Any) -> str:
    """A rule of the tags as SQL."""
    from jobs.profile.rules.tags import Several, Than

    if isinstance(node, Several):
        return "(" + (" AND " if node.how == "all" else " OR ").join(map(_condition, node.parts)) + ")"
    field, op, operand = node.field, node.op, node.operand
    if op in ("known", "unknown"):
        return f"{field} IS {'NOT ' if op == 'known' else ''}NULL"
    if op == "contains":
        return f"list_contains({field}, {duck.literal(operand)})"
    if op == "in":
        return f"{field} IN ({', '.join(map(duck.literal, operand))})"
    if isinstance(operand, Than):
        return f"{field} {_OPERATORS[op]} {operand.field} * {operand.factor}"
    value = duck.literal(operand) if isinstance(operand, str) else str(operand)
    return f"{field} {_OPERATORS[op]} {value}"


def _score_sql() -> str:
    """Percentiles among peers, dimensions, totals, places and change, from the profile's Delta table."""
    from jobs.profile.rules.evaluation import evaluation

    rules = evaluation()
    signs = {name: "" if i.better == "more" else "-" for name, i in rules.indicators.items()}
    values = ", ".join(f"{sign}{name}::DOUBLE AS {name}" for name, sign in signs.items())
    names = ", ".join(rules.indicators)
    percentiles = ", ".join(f"max(pct) FILTER (indicator = '{name}') AS {name}" for name in rules.indicators)
    dimensions = ", ".join(
        f"{_weighted({n: i.weight for n, i in d.indicators.items()}, rules.least_indicator_weight)} AS {code}_score"
        for code, d in rules.dimensions.items()
    )
    total = _weighted(
        {f"{c}_score": d.weight for c, d in rules.dimensions.items()}, rules.least_dimension_weight
    )
    cases = {"division_size": "industry_division_code || '/' || size_class_code", "division": "industry_division_code",
             "size": "size_class_code", "city": "'city'"}  # fmt: skip
    levels = ", ".join(f"({n}, '{level}')" for n, level in enumerate(rules.peers.levels))
    group = " ".join(f"WHEN '{level}' THEN {sql}" for level, sql in cases.items())
    moved = ", ".join(f"n.{c}_score - b.{c}_score AS {c}_change" for c in rules.dimensions)
    return f"""
    WITH firms AS (
        SELECT uscc, period, figures_year, district_code, industry_division_code, size_class_code, {values}
        FROM profile.enterprise_profile
        WHERE period IN (SELECT unnest([period, before]) FROM asked) AND {_condition(rules.in_scope)}),
    grouped AS (
        SELECT uscc, period, number, CASE level {group} END AS peer_group
        FROM firms, (VALUES {levels}) AS l(number, level)),
    sizes AS (
        SELECT period, peer_group FROM grouped WHERE peer_group IS NOT NULL GROUP BY ALL
        HAVING count(*) >= {rules.peers.least} OR peer_group = 'city'),
    own AS (
        SELECT uscc, period, arg_min(peer_group, number) AS own FROM grouped JOIN sizes USING (period, peer_group)
        GROUP BY ALL),
    members AS (
        SELECT g.uscc, g.period, peer_group FROM grouped g
        SEMI JOIN (SELECT DISTINCT period, own AS peer_group FROM own) USING (period, peer_group)),
    long AS (UNPIVOT (SELECT uscc, period, {names} FROM firms) ON {names} INTO NAME indicator VALUE value),
    placed AS (
        SELECT uscc, period, peer_group, indicator, 100 * count(*) OVER upto / count(*) OVER everyone AS pct
        FROM long JOIN members USING (uscc, period)
        WINDOW upto AS (PARTITION BY period, peer_group, indicator ORDER BY value
                RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
            everyone AS (PARTITION BY period, peer_group, indicator)),
    ranked AS (
        SELECT uscc, period, {percentiles} FROM placed p JOIN own USING (uscc, period)
        WHERE p.peer_group = own GROUP BY ALL),
    scored AS (SELECT f.uscc, f.period, f.figures_year, f.district_code, {dimensions}
        FROM (SELECT uscc, period, figures_year, district_code FROM firms) f LEFT JOIN ranked r USING (uscc, period)),
    totals AS (SELECT *, {total} AS comprehensive_score FROM scored),
    among AS (
        SELECT uscc, period, peer_group,
            rank() OVER (PARTITION BY period, peer_group ORDER BY comprehensive_score DESC) AS place,
            count(*) OVER (PARTITION BY period, peer_group) AS firms
        FROM totals JOIN (FROM members UNION SELECT uscc, period, 'city' FROM firms) USING (uscc, period)
        WHERE comprehensive_score IS NOT NULL),
    places AS (
        SELECT uscc, period, max(own) AS peer_group, max(place) FILTER (peer_group = own) AS rank_in_peers,
            max(firms) FILTER (peer_group = own) AS peer_count, max(place) FILTER (peer_group = 'city') AS rank_in_city
        FROM among JOIN own USING (uscc, period) GROUP BY ALL)
    SELECT n.*, p.* EXCLUDE (uscc, period), {moved}, n.comprehensive_score - b.comprehensive_score AS score_change,
        md5(n.uscc || n.period) AS row_id
    FROM totals n JOIN asked a ON a.period = n.period LEFT JOIN totals b ON b.uscc = n.uscc AND b.period = a.before
    LEFT JOIN places p ON p.uscc = n.uscc AND p.period = n.period"""


def _weighted(weights: Mapping[str, Any], least: Any) -> str:
    """Weighted mean of what is there, missing where it weighs too little."""
    points = " + ".join(f"coalesce({c}, 0) * {w}" for c, w in weights.items())
    there = " + ".join(f"({c} IS NOT NULL)::INT * {w}" for c, w in weights.items())
    return f"CASE WHEN {there} >= {least} THEN ({points}) / nullif({there}, 0) END"


PEERS: Mapping[str, Callable[[Asked], Peer]] = {"chain": chain_peer, "profile": profile_peer}
