"""Checks shared by the tables of nodes and chains: sums over firms, flows and nodes add up once."""

from __future__ import annotations

from expectations.checks.chain_figures import to_date
from expectations.gate.suite import Check

_AMOUNTS = (
    "output_wan_yuan", "value_added_wan_yuan", "revenue_wan_yuan", "profit_wan_yuan", "rd_expense_wan_yuan",
    "export_value_wan_yuan", "comparable_output_wan_yuan", "demand_wan_yuan", "purchases_wan_yuan",
)  # fmt: skip


def sums_of_nodes(nodes: str, period: str) -> Check:
    """Amounts of a chain against the table of nodes with this period."""
    amounts = tuple(map(to_date, _AMOUNTS)) if period == "month" else (*_AMOUNTS, "energy_tce")
    sums = ", ".join(f"sum({name}) AS {name}" for name in amounts)
    differ = " OR ".join(f"t.{name} IS DISTINCT FROM n.{name}" for name in amounts)
    return Check(
        "sums_of_nodes",
        "产业链等于各环节之和",
        "Amounts of a chain are exactly the sums over its nodes",
        f"""SELECT coalesce(t.chain_code, n.chain_code) AS chain_code, coalesce(t.{period}, n.{period}) AS {period}
        FROM {{table}} t
        FULL JOIN (SELECT chain_code, {period}, count(*) AS nodes, {sums} FROM {nodes} GROUP BY ALL) n
        ON n.chain_code = t.chain_code AND n.{period} = t.{period}
        WHERE t.node_count IS DISTINCT FROM n.nodes OR {differ}""",
    )


def firms_once(period: str) -> Check:
    """A chain's firms against their positions in the period's year."""
    return Check(
        "firms_once",
        "企业不重复计算",
        "A firm counts once in a chain, however many nodes it is in",
        f"""SELECT t.chain_code, t.{period} FROM {{table}} t LEFT JOIN (
            SELECT chain_code, year, count(DISTINCT uscc) AS firms FROM chain.node_enterprise
            WHERE is_confirmed GROUP BY ALL) p
        ON p.chain_code = t.chain_code AND p.year = t.year WHERE t.firm_count <> coalesce(p.firms, 0)""",
    )


def firms_of_positions(period: str) -> Check:
    """A node's firms against their positions in the period's year."""
    return Check(
        "firms_of_positions",
        "企业数与定位一致",
        "The firms of a node are those with a confirmed position",
        f"""SELECT t.node_code, t.{period} FROM {{table}} t LEFT JOIN (
            SELECT node_code, year, count(*) AS firms, count(*) FILTER (is_above_scale) AS above
            FROM chain.node_enterprise WHERE is_confirmed GROUP BY ALL) p
        ON p.node_code = t.node_code AND p.year = t.year
        WHERE t.firm_count <> coalesce(p.firms, 0) OR t.above_scale_count <> coalesce(p.above, 0)""",
    )


def every_node(period: str) -> Check:
    """The nodes of each period against those of its year."""
    return Check(
        "every_node",
        "各环节均有指标",
        "Exactly the nodes of the year have figures in each of its periods",
        f"""SELECT n.node_code, p.{period} FROM (SELECT DISTINCT year, {period} FROM {{table}}) p
        JOIN chain.node n ON n.year = p.year
        ANTI JOIN {{table}} t ON t.node_code = n.node_code AND t.{period} = p.{period}"""
        if period == "month"
        else """SELECT n.node_code, n.year FROM chain.node n
        ANTI JOIN {table} t ON t.node_code = n.node_code AND t.year = n.year""",
    )


def trades_of_flows(period: str) -> Check:
    """A node's demand and purchases against the flows of the months that they cover."""
    demand, purchases = "demand_wan_yuan", "purchases_wan_yuan"
    covers = "f.year = p.year"
    if period == "month":
        demand, purchases, covers = to_date(demand), to_date(purchases), f"{covers} AND f.month <= p.month"
    return Check(
        "trades_of_flows",
        "采购额等于供需流向之和",
        "Demand and purchases are the sums of the flows of all months of the period, and as many months have trades",
        f"""WITH periods AS (SELECT DISTINCT year, {period} FROM {{table}}),
        flows AS (SELECT f.* EXCLUDE (year, month), p.{period} AS upto, f.month AS of_month
            FROM chain.supply_flow f JOIN periods p ON {covers} WHERE f.is_buyer_local),
        bought AS (SELECT upto, seller_node_code AS node, sum(trade_total_wan_yuan) AS amount FROM flows GROUP BY ALL),
        buying AS (SELECT upto, buyer_node_code AS node, sum(trade_total_wan_yuan) AS amount FROM flows GROUP BY ALL),
        months AS (SELECT upto, count(DISTINCT of_month) AS months FROM flows GROUP BY ALL)
        SELECT t.node_code, t.{period} FROM {{table}} t
        LEFT JOIN bought d ON d.upto = t.{period} AND d.node = t.node_code
        LEFT JOIN buying b ON b.upto = t.{period} AND b.node = t.node_code
        LEFT JOIN months m ON m.upto = t.{period}
        WHERE t.{demand} IS DISTINCT FROM d.amount OR t.{purchases} IS DISTINCT FROM b.amount
            OR t.trade_month_count <> coalesce(m.months, 0)""",
    )


def trade_months_of_nodes(nodes: str, period: str) -> Check:
    """A chain's months with trades against those of its nodes."""
    return Check(
        "trade_months_of_nodes",
        "有购销月数与环节一致",
        "A chain has as many months with trades as each of its nodes",
        f"""SELECT t.chain_code, t.{period} FROM {{table}} t JOIN {nodes} n
        ON n.chain_code = t.chain_code AND n.{period} = t.{period} WHERE n.trade_month_count <> t.trade_month_count""",
    )


def output_within_city(period: str) -> Check:
    """The nodes' output against that of the firms."""
    source, output = "core.enterprise_year", "output_wan_yuan"
    if period == "month":
        source, output = "core.enterprise_month", to_date(output)
    return Check(
        "output_within_city",
        "环节产值之和不超过全市",
        "The nodes' output of a period does not exceed that of the firms, rounding of shares aside",
        f"""SELECT m.{period} FROM (SELECT {period}, sum({output}) AS output FROM {{table}} GROUP BY ALL) m
        JOIN (SELECT {period}, sum(greatest({output}, 0)) AS output FROM {source} GROUP BY ALL) y
        ON y.{period} = m.{period} WHERE m.output > y.output + 1""",
    )


def quotient_of_district(key: str) -> Check:
    """A node's location quotient stands beside its district."""
    return Check(
        "quotient_of_district",
        "区位商有区县",
        "A location quotient names its district",
        f"SELECT {key} FROM {{table}} WHERE (location_quotient IS NULL) <> (specialised_district_code IS NULL)",
    )
