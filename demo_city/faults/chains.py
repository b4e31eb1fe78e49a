"""Faults in product, patent, credit, industry-mark, customs and trade feeds."""

from __future__ import annotations

import numpy as np

from demo_city.faults.plan import ACCEPTED, Change, Edit, Outcome, quarantined
from demo_city.faults.planner import Planner, times
from demo_city.senders import innovation, market
from demo_city.senders import products as sent_products
from demo_city.senders.months import period_of
from demo_city.world.population import ABOVE


def products(planner: Planner) -> None:
    """Faults in declared products, patents, credit listings and industry marks."""
    year, declares = planner.year, sent_products.declaring(planner.city, planner.year)
    declare = [s for s in planner.large if declares[planner.city.population.firm[year][s]]]
    unknown: dict[str, Change] = {"product_code": "999901"}
    planner.add("unknown_product", "ent_product", planner.site(declare), unknown, ACCEPTED)
    more: dict[str, Change] = {"revenue_share_pct": "120.50"}
    over = quarantined("revenue_share_pct:domain")
    planner.add("out_of_domain", "ent_product", planner.site(declare), more, over)
    code = str(innovation.application_codes(innovation.applications(planner.city, year))[0].as_py())
    edits: tuple[tuple[str, str, dict[str, str], dict[str, Change], str], ...] = (
        (
            "malformed_patent",
            "gov_patent",
            {"patent_code": code},
            {"patent_code": f"CN{code}"},
            "patent_code:pattern",
        ),
        (
            "unknown_code_word",
            "gov_credit",
            {"event_id": f"XY-{year}-000001"},
            {"credit_code": "其他"},
            "credit_code:code",
        ),
    )
    for kind, name, where, change, reason in edits:
        planner.edits.append(Edit(kind, name, str(year), where, change, (quarantined(reason),)))
    other: dict[str, Change] = {"cluster_code": "航空航天"}
    planner.add(
        "unknown_code_word",
        "gov_industry_mark",
        planner.site(planner.large),
        other,
        quarantined("cluster_code:code"),
    )


def customs(planner: Planner, year: int) -> None:
    """A negative customs value of the firm with the largest exports."""
    exports = np.where(
        planner.city.population.status[year] == ABOVE, planner.city.year(year).money["export_value"], 0
    )
    site = int(np.argmax(exports))
    where = {"uscc": planner.uscc(site, year)}
    change: dict[str, Change] = {"customs_value_wan_yuan": lambda text: f"-{text}"}
    domain = (quarantined("customs_value_wan_yuan:domain"),)
    planner.edits.append(Edit("out_of_domain", "gov_customs", f"{year}-05", where, change, domain))


def trades(planner: Planner) -> None:
    """Faults in trades of the firms that dominate a planted single-point node: these firms always have sales."""
    year, roles = market.TRADES_YEAR, planner.city.roles
    period, size = period_of(year, market.TRADES_MONTH), sent_products.revenue(planner.city, year)
    site_of = np.full(len(planner.city.codes), -1)
    sites = planner.city.population.in_year(year)
    site_of[planner.city.firms(sites, year)] = sites
    firms = []
    for node in roles.nodes.positions(planner.city.p.chain_gaps.single_point):
        here = roles.firm[(roles.node == node) & (site_of[roles.firm] >= 0)]
        firms.append(str(planner.city.codes[int(here[np.argmax(size[site_of[here]])])].as_py()))
    first, second = firms[0], firms[1]
    slip: dict[str, Change] = {"trade_wan_yuan": times("0.0001")}
    edits: tuple[tuple[str, dict[str, str], dict[str, Change], Outcome], ...] = (
        ("unit_slip_parsable", {"seller_code": second}, slip, ACCEPTED),
        ("purchase_from_unknown", {"buyer_code": second}, {"seller_code": "330299000000017"}, ACCEPTED),
        (
            "malformed_party",
            {"seller_code": first},
            {"seller_code": lambda code: f"{code[:9]}-{code[9:]}"},
            quarantined("seller_code:pattern"),
        ),
    )
    for kind, where, change, outcome in edits:
        planner.edits.append(Edit(kind, "ent_trade", period, where, change, (outcome,)))
