"""Bad rows for every check of the chains' suites. Functions spoil rows and return what failed checks must name."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tests.expectations.good_city import Row, code_of

Rows = list[Row]
ONE = Decimal(1)


def _copy(rows: Rows, number: int, **changed: object) -> Row:
    """Append a copy of a row with some values changed."""
    row = rows[number] | changed
    rows.append(row)
    return row


def _node(rows: Rows) -> dict[str, str]:
    rows[0]["node_code"] = "JQR-M77"
    rows[1]["fed_node_codes"] = ["HGXCL-M99"]
    rows[2]["product_codes"] = rows[1]["product_codes"]
    removed = rows.pop(3)
    return {
        "code_of_chain": "JQR-M77",
        "neighbours_known": "HGXCL-M99",
        "one_home": rows[1]["product_codes"][0],
        "every_chain": removed["chain_code"],
    }


def _trade(rows: Rows) -> dict[str, str]:
    rows[0]["local_trade_wan_yuan"] += 1
    rows[3]["trade_count"] += 1
    _copy(
        rows, 2, uscc=code_of(999), month="2023-11", local_trade_wan_yuan=ONE, trade_total_wan_yuan=51 * ONE
    )
    _copy(rows, 1, month="2023-10")
    return {
        "total_is_sum": code_of(0),
        "sides_equal": "month=2023-12",
        "local_sides_equal": "month=2023-11",
        "firm_known": code_of(999),
        "outside_share": "month=2023-10",
    }


def _node_enterprise(rows: Rows) -> dict[str, str]:
    rows[0]["position_share"] -= Decimal("0.000001")
    rows[1]["node_code"] = "HGXCL-M99"
    rows[4]["position_reasons"] = ["class_evidence"]
    rows[5].update(node_code="OUT", chain_code="OUT", is_confirmed=True)
    rows[8]["position_reasons"] = ["declared", "override"]
    for row in [r for r in rows if r["year"] == "2023" and r["is_above_scale"]]:
        row["is_confirmed"] = False
    removed = rows.pop(3)
    return {
        "shares_sum_to_1": code_of(0),
        "node_known": "HGXCL-M99",
        "confirmed_by_evidence": code_of(3),
        "confirmed_stands": code_of(4),
        "override_explained": code_of(6),
        "every_firm": removed["uscc"],
        "confirmed_share": "year=2023",
    }


def _supply_flow(rows: Rows) -> dict[str, str]:
    rows[0]["local_trade_wan_yuan"] += 1
    rows[1]["buyer_count"] = 1
    _copy(rows, 0, product_code="264201", is_in_model=True, trade_total_wan_yuan=150 * ONE)
    _copy(rows, 0, product_code="264101", month="2023-11", buyer_node_code="HGXCL-U01")
    return {
        "total_is_sum": "product_code=264101",
        "outside_buyers_have_no_node": "is_buyer_local=False",
        "product_of_node": "product_code=264201",
        "trades_complete": "product_code=264201",
        "edge_of_model": "buyer_node_code=HGXCL-U01",
    }


def _figures(rows: Rows, first: int) -> dict[str, str]:
    """Checks shared by nodes and chains; each spoils another of the rows from ``first`` on."""
    names = {}
    of_months = "month" in rows[0]

    def spoil(check: str, number: int, **values: object) -> None:
        row = rows[first + number]
        if of_months:
            values = {name.replace("_wan_yuan", "_ytd_wan_yuan"): value for name, value in values.items()}
        row.update(values)
        names[check] = f"chain_code={row['chain_code']}"

    spoil("grades_within_firms", 0, grade_b_count=99)
    spoil("demand_is_sum", 1, demand_wan_yuan=3 * ONE, demand_local_wan_yuan=ONE, demand_outside_wan_yuan=ONE)
    spoil("local_supply", 2, local_supply_pct=50 * ONE)
    spoil("dependence", 3, outside_dependence_pct=50 * ONE)
    spoil("coverage", 4, purchase_coverage_pct=50 * ONE)
    spoil("growth", 5, output_growth_pct=ONE)
    spoil("growth_noted", 6, growth_notes=["no_base:output_growth_pct"])
    spoil("concentration_ordered", 6, cr1_pct=60 * ONE, cr5_pct=50 * ONE, hhi=4000 * ONE)
    within = {"estimated_purchases_wan_yuan": ONE, "covered_purchases_wan_yuan": 2 * ONE}
    spoil("covered_within_estimate", 7, **within, excess_purchases_wan_yuan=ONE)
    return names


def _nodes(rows: Rows, period: str) -> dict[str, str]:
    """Checks shared by the tables of nodes; each period has twelve nodes, of which the first three have classes."""
    named = _figures(rows, 3)
    output = "output_ytd_wan_yuan" if period == "month" else "output_wan_yuan"
    maker = next(r for r in rows if r["firm_count"])
    maker["firm_count"] = 201
    maker[output] *= 2
    maker["trade_month_count"] = 7
    rows[0]["figures_as_of"] = "2022-06"
    next(r for r in reversed(rows) if r["node_code"] == "HGXCL-U01")["location_quotient"] = ONE
    removed = rows.pop(-1)
    return named | {
        "figures_as_of_year": "2022-06",
        "every_node": removed["node_code"],
        "firms_of_positions": maker["node_code"],
        "output_within_city": f"{period}={maker[period]}",
        "quotient_of_district": "HGXCL-U01",
        "trades_of_flows": maker["node_code"],
    }


def _node_metrics(rows: Rows) -> dict[str, str]:
    """The year 2023 has the same trades as its months to December, and its output grows as much."""
    named = _nodes(rows, "year")
    year = next(r for r in reversed(rows) if r["output_growth_pct"] == 100)
    year["output_growth_pct"] = 99 * ONE
    return named | {"year_is_december": year["node_code"], "firms_steady": "year=2023"}


def _node_metrics_month(rows: Rows) -> dict[str, str]:
    """Firms report the months up to May; up to December there are trades alone."""
    named = _nodes(rows, "month")
    maker = next(r for r in rows if r["firm_count"])
    rows.append(maker | {"month": "2023-05", "output_ytd_wan_yuan": 10**9 * ONE, "row_id": "x"})
    return named | {"output_within_city": "month=2023-05"}


def _chains(rows: Rows) -> dict[str, str]:
    """Checks shared by the tables of chains."""
    named = _figures(rows, 1)
    output = "output_ytd_wan_yuan" if "month" in rows[0] else "output_wan_yuan"
    rows[0][output] += Decimal("0.000001")
    rows[0]["firm_count"] = 41
    rows[0]["trade_month_count"] = 7
    rows[0]["figures_as_of"] = "2022-06"
    return named | {
        "figures_as_of_year": "2022-06",
        "sums_of_nodes": "HGXCL",
        "firms_once": "HGXCL",
        "trade_months_of_nodes": "HGXCL",
    }


def _chain_metrics(rows: Rows) -> dict[str, str]:
    named = _chains(rows)
    year = next(r for r in reversed(rows) if r["demand_wan_yuan"])
    year["demand_wan_yuan"] += 1
    return named | {"year_is_december": year["chain_code"]}


def _gap(rows: Rows) -> dict[str, str]:
    rows[0].update(proven_count=0, figures_as_of="2022-06")
    rows[1]["state_reasons"] = []
    rows[2]["state_code"] = "not_covered"
    for row in rows[-11:]:
        row["state_code"] = "missing"
    removed = rows.pop(3)
    next(r for r in reversed(rows) if r["size_quotient"])["size_quotient"] = 2 * ONE
    rows[4]["state_code"] = "normal"
    return {
        "figures_as_of_year": "2022-06",
        "no_output_not_rated": rows[4]["node_code"],
        "size_quotient": "HGXCL-M01",
        "missing_has_no_firm": rows[0]["node_code"],
        "figures_of_metrics": rows[0]["node_code"],
        "reasons_given": rows[1]["node_code"],
        "covered": rows[2]["node_code"],
        "missing_share": "year=2023",
        "every_node": removed["node_code"],
    }


def _target_progress(rows: Rows) -> dict[str, str]:
    of_chain = [r for r in rows if r["chain_code"] == "HGXCL"]
    of_chain[0]["output_wan_yuan"] += 1
    of_chain[1]["target_wan_yuan"] += 1
    other = next(r for r in rows if r["chain_code"] != "HGXCL" and r["year"] == "2022")
    other.update(
        output_wan_yuan=ONE, target_wan_yuan=50_000 * ONE, expected_wan_yuan=ONE, target_gap_wan_yuan=0 * ONE
    )
    return {
        "output_of_chain": "chain_code=HGXCL|year=2022",
        "gap_is_difference": "chain_code=HGXCL|year=2022",
        "target_steady": "chain_code=HGXCL",
        "targets_in_proportion": f"chain_code={other['chain_code']}|year=2022",
    }


def _local_supplier(rows: Rows) -> dict[str, str]:
    rows[0]["supplier_evidence"] = ["declared"]
    rows[1].update(node_code="HGXCL-D01", final_grade="D")
    rows[2].update(supplier_rank=5, supplier_evidence=["declared", "sold"], month_sales_wan_yuan=ONE)
    return {
        "evidence_given": code_of(0),
        "stands_in_node": code_of(3),
        "risk_told": code_of(3),
        "ranks_complete": "year=2023",
        "best_evidence_first": code_of(6),
    }


BAD_CHAIN: dict[str, Callable[[Rows], dict[str, str]]] = {
    "chain.chain_metrics": _chain_metrics,
    "chain.chain_metrics_month": _chains,
    "chain.gap": _gap,
    "chain.local_supplier": _local_supplier,
    "chain.node": _node,
    "chain.node_enterprise": _node_enterprise,
    "chain.node_metrics": _node_metrics,
    "chain.node_metrics_month": _node_metrics_month,
    "chain.supply_flow": _supply_flow,
    "chain.target_progress": _target_progress,
    "chain.trade": _trade,
}
