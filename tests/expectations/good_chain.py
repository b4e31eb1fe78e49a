"""The good city's chains: one chain with firms, nine of services, and one month of trades.

Of every three firms, the first is in HGXCL-M01, the second in HGXCL-D01 with a share of 0.6, the third in no chain. In
December 2023 firm 0 sells 100 to firm 1 and 30 outside; firm 1 buys 50 from outside.
"""

from __future__ import annotations

from decimal import Decimal

from schemas.contract import code_list
from tests.expectations.good_city import FIRMS, YEARS, City, Row, _add, code_of, district_of, six

CHAIN = "HGXCL"
MAKER, BUYER, EMPTY = f"{CHAIN}-M01", f"{CHAIN}-D01", f"{CHAIN}-U01"
PRODUCT = "264101"
MONTH = "2023-12"


def add_chains(city: City) -> None:
    """Add rows of every table of the area; core and per_mu come first."""
    for year in YEARS:
        _nodes(city, year)
        _positions(city, year)
        _metrics(city, year)
    _trades(city)
    _suppliers(city)


def _nodes(city: City, year: str) -> None:
    nodes = [(CHAIN, MAKER, [PRODUCT], [BUYER], True), (CHAIN, BUYER, ["264201"], [], True)]
    nodes += [(CHAIN, EMPTY, ["251101"], [MAKER], True)]
    nodes += [(c, f"{c}-D01", [], [], False) for c in code_list("chain") if c != CHAIN]
    tiers = {"U": "up", "M": "mid", "D": "down"}
    for chain, code, products, fed, covered in nodes:
        _add(
            city, "chain.node", chain_code=chain, node_code=code, year=year, tier_code=tiers[code[-3]],
            node_name_zh=code, node_name_en=code, product_codes=products, fed_node_codes=fed, is_covered=covered,
            industry_classes=["2641" if covered else "5132"],
        )  # fmt: skip


def _positions(city: City, year: str) -> None:
    parts = {0: ((MAKER, "1"),), 1: ((BUYER, "0.6"), ("OUT", "0.4")), 2: (("OUT", "1"),)}
    for number in range(FIRMS):
        for node, share in parts[number % 3]:
            _add(
                city, "chain.node_enterprise", uscc=code_of(number), node_code=node, year=year,
                chain_code=node.split("-")[0], tier_code=None if node == "OUT" else "mid",
                position_share=Decimal(share), product_score=Decimal(share), confidence=Decimal("0.5"),
                is_confirmed=node != "OUT", position_reasons=["declared"], district_code=district_of(number),
                is_above_scale=number % 3 == 0,
            )  # fmt: skip


def _metrics(city: City, year: str) -> None:
    firms = [
        r for r in city["core.enterprise_year"] if r["year"] == year and r["output_wan_yuan"] is not None
    ]
    outputs = sorted((r["output_wan_yuan"] for r in firms), reverse=True)
    whole = sum(outputs, Decimal(0))
    parts = [six(o / whole) * 100 for o in outputs]
    maker = {
        "firm_count": 20,
        "proven_count": 20, "above_scale_count": 20, "reporting_count": 20, "output_wan_yuan": whole,
        "value_added_wan_yuan": sum((r["value_added_wan_yuan"] for r in firms), Decimal(0)),
        "comparable_count": 20, "comparable_output_wan_yuan": whole, "comparable_output_before_wan_yuan": whole / 2,
        "output_growth_pct": Decimal(100), "cr1_pct": parts[0], "cr5_pct": sum(parts[:5], Decimal(0)),
        "growth_notes": ["not_comparable:value_added_growth_pct"],
        "hhi": six(sum((p * p for p in parts), Decimal(0))), "lead_uscc": code_of(0), "grade_a_count": 3,
    }  # fmt: skip
    quotient = {"location_quotient": Decimal("1.2"), "specialised_district_code": "330203"}
    trade_months = int(year == MONTH[:4])
    demand = {
        "demand_wan_yuan": Decimal(150), "demand_local_wan_yuan": Decimal(100), "demand_outside_wan_yuan": Decimal(50),
    }  # fmt: skip
    bought = {"purchases_wan_yuan": Decimal(150), "purchases_outside_wan_yuan": Decimal(50)}
    if year != MONTH[:4]:
        demand, bought = {}, {}
    supply = {"local_supply_pct": Decimal("66.6667")} if demand else {}
    depend = {"outside_dependence_pct": Decimal("33.3333")} if bought else {}
    figures: dict[str, Row] = {
        MAKER: maker | quotient | demand | supply,
        BUYER: {"firm_count": 20, "proven_count": 20} | bought | depend,
    }
    states = {MAKER: "strong", BUYER: "no_output", EMPTY: "missing"}
    for node in [r for r in city["chain.node"] if r["year"] == year]:
        code, own = node["node_code"], figures.get(node["node_code"], {})
        place = {"chain_code": node["chain_code"], "node_code": code}
        _metric(city, "chain.node_metrics", place, year, {"trade_month_count": trade_months} | own)
        kept = (
            "firm_count",
            "proven_count",
            "above_scale_count",
            "output_wan_yuan",
            "cr1_pct",
            "local_supply_pct",
            "lead_uscc",
            "output_growth_pct",
        )
        growth = (
            {"chain_output_growth_pct": maker["output_growth_pct"]} if node["chain_code"] == CHAIN else {}
        )
        size = {"size_quotient": Decimal(1)} if code == MAKER else {}
        _add(
            city, "chain.gap", chain_code=node["chain_code"], node_code=code, year=year, node_name_zh=code,
            state_code=states.get(code, "not_covered"), state_reasons=["no_rule_holds"],
            is_covered=node["is_covered"], figures_as_of=year,
            **{k: own[k] for k in kept if k in own}, **growth, **size,
        )  # fmt: skip
    whole_chain = maker | {"firm_count": 40} | demand | supply | bought | depend
    for chain in code_list("chain"):
        own = whole_chain if chain == CHAIN else {}
        counts = {"trade_month_count": trade_months, "node_count": 3 if chain == CHAIN else 1}
        _metric(city, "chain.chain_metrics", {"chain_code": chain}, year, counts | own)
    _progress(city, year, whole)


def _metric(city: City, table: str, place: Row, year: str, figures: Row) -> None:
    """A row of the year and, of the year with trades, one up to December: the same figures under cumulative names."""
    place = place | {"figures_as_of": year}
    _add(city, table, **place, year=year, **figures)
    if year == MONTH[:4]:
        cumulative = {name.replace("_wan_yuan", "_ytd_wan_yuan"): value for name, value in figures.items()}
        _add(city, f"{table}_month", **place, month=MONTH, year=year, **cumulative)


def _progress(city: City, year: str, output: Decimal) -> None:
    for chain in code_list("chain"):
        own = {}
        if chain == CHAIN:
            own = {
                "output_wan_yuan": output, "target_wan_yuan": Decimal(100_000), "expected_wan_yuan": Decimal(90_000),
                "target_gap_wan_yuan": output - 90_000,
            }  # fmt: skip
        _add(city, "chain.target_progress", chain_code=chain, year=year, target_year="2025", **own)


def _trades(city: City) -> None:
    """Sales of firm 0 and of others, purchases of firm 1 and of others."""
    for uscc, side, local, outside, count in (
        (code_of(0), "sale", 100, 30, 2),
        ("OUT", "sale", 50, 0, 1),
        (code_of(1), "purchase", 100, 50, 2),
        ("OUT", "purchase", 30, 0, 1),
    ):
        _add(
            city, "chain.trade", uscc=uscc, trade_side_code=side, product_code=PRODUCT, month=MONTH, year=MONTH[:4],
            local_trade_wan_yuan=Decimal(local), outside_trade_wan_yuan=Decimal(outside),
            trade_total_wan_yuan=Decimal(local + outside), trade_count=count,
        )  # fmt: skip
    for buyer, is_local, local, outside, count in ((BUYER, True, 100, 50, 2), ("OUT", False, 30, 0, 1)):
        _add(
            city, "chain.supply_flow", seller_node_code=MAKER, buyer_node_code=buyer, product_code=PRODUCT,
            is_buyer_local=is_local, month=MONTH, year=MONTH[:4], seller_chain_code=CHAIN,
            buyer_chain_code=buyer.split("-")[0], is_in_model=is_local, buyer_count=int(is_local), trade_count=count,
            local_trade_wan_yuan=Decimal(local), outside_trade_wan_yuan=Decimal(outside),
            trade_total_wan_yuan=Decimal(local + outside),
        )  # fmt: skip


def _suppliers(city: City) -> None:
    for rank, (number, sold) in enumerate(((0, True), (3, False), (6, False)), start=1):
        _add(
            city, "chain.local_supplier", product_code=PRODUCT, uscc=code_of(number), year=MONTH[:4],
            node_code=MAKER, chain_code=CHAIN, supplier_rank=rank, enterprise_name=f"宁波{number}号（合成）",
            district_code=district_of(number), is_above_scale=True,
            supplier_evidence=["declared", "sold"] if sold else ["declared"],
            sales_month=MONTH if sold else None, month_sales_wan_yuan=Decimal(130) if sold else None,
        )  # fmt: skip
