"""The chain tables in plain Python, written from the rules' text: rows as dicts, decimals, dictionaries.

The oracle shares no code with the jobs. Figures are rounded where the text says so, half up (away from zero) to six
digits. Position shares are cut to six digits, and the largest share takes the remainder.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

Row = dict[str, Any]
ZERO, ONE = Decimal(0), Decimal(1)
SIX = Decimal("0.000001")


def half_up(value: Decimal, digits: int = 6) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def quotient(
    numerator: Decimal | None, denominator: Decimal | None, mode: str = ROUND_HALF_UP
) -> Decimal | None:
    """Missing if a side is missing or the denominator is not above zero."""
    if numerator is None or denominator is None or denominator <= 0:
        return None
    return (Decimal(numerator) / Decimal(denominator)).quantize(SIX, mode)


def percent(part: Decimal | None, total: Decimal | None) -> Decimal | None:
    share = quotient(part, total)
    return None if share is None else share * 100


def total(values: Iterable[Any]) -> Any:
    """Sum of the known values; missing if none is known."""
    known = [v for v in values if v is not None]
    return sum(known[1:], known[0]) if known else None


# --- the model --------------------------------------------------------------------------------------------


def valid_nodes(nodes: Sequence[Row], year: str) -> list[Row]:
    return [n for n in nodes if n["valid_from"] <= int(year) <= (n["valid_to"] or int(year))]


def home_of(nodes: Sequence[Row], year: str) -> dict[str, str]:
    """Product → node."""
    return {p: n["code"] for n in valid_nodes(nodes, year) for p in n["products"]}


def weights_of_classes(nodes: Sequence[Row], year: str, ranks: Row, products: Mapping[str, Row]) -> Any:
    """Class → node → weight; OUT has a weight if the class has a product that no node makes."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    home = home_of(nodes, year)
    for node in valid_nodes(nodes, year):
        for place, industry in enumerate(node["classes"]):
            found[industry][node["code"]] = ([*ranks["weights"], *[ranks["weights"][-1]] * place])[place]
    for code, product in products.items():
        if code not in home and product["industry_class"] in found:
            found[product["industry_class"]]["OUT"] = ranks["outside"]
    return found


# --- trades ---------------------------------------------------------------------------------------------


def trade(trades: Sequence[Row], identifiers: Sequence[Row]) -> list[Row]:
    """Each trade twice: as a sale of its seller and as a purchase of its buyer; a firm unknown by the year is OUT."""

    def who(code: str, year: str) -> str | None:
        known = [i for i in identifiers if i["year"] <= year]
        owners = {i["uscc"] for i in known if code in (i["uscc"], i["identifier"])}
        return owners.pop() if len(owners) == 1 else None

    found: dict[Any, list[tuple[bool, Decimal]]] = defaultdict(list)
    for row in trades:
        seller, buyer = (who(row[c], row["period"][:4]) for c in ("seller_code", "buyer_code"))
        rest = (row["product_code"], row["period"])
        found[seller or "OUT", "sale", *rest].append((buyer is not None, row["trade_wan_yuan"]))
        found[buyer or "OUT", "purchase", *rest].append((seller is not None, row["trade_wan_yuan"]))
    return [
        {
            "uscc": uscc, "trade_side_code": side, "product_code": product, "month": month, "year": month[:4],
            "local_trade_wan_yuan": sum((a for local, a in rows if local), ZERO),
            "outside_trade_wan_yuan": sum((a for local, a in rows if not local), ZERO),
            "trade_total_wan_yuan": sum((a for _, a in rows), ZERO), "trade_count": len(rows),
        }
        for (uscc, side, product, month), rows in found.items()
    ]  # fmt: skip


# --- positions ---------------------------------------------------------------------------------------------


def positions(
    enterprises: Sequence[Row],
    products: Sequence[Row],
    traded: Sequence[Row],
    events: Sequence[Row],
    patents: Sequence[Row],
    nodes: Sequence[Row],
    evidence: Row,
    overrides: Sequence[Row],
    listed: Mapping[str, Row],
) -> list[Row]:
    """Rows of chain.node_enterprise."""
    found = []
    for firm in enterprises:
        year = firm["year"]
        home = home_of(nodes, year)
        weights = weights_of_classes(nodes, year, evidence["class_ranks"], listed)
        mine = dict(weights.get(firm["industry_code"]) or {"OUT": 1})
        is_sole = len(weights.get(firm["industry_code"], {})) == 1
        told = [p for p in products if p["uscc"] == firm["uscc"] and p["period"] <= year]
        declared = _declared([p for p in told if p["period"] == year], home)
        first = min((p["period"] for p in products), default=None)
        repeated = {
            home.get(p["product_code"], "OUT")
            for p in told
            if p["period"] == year
            and _names_itself(p, listed)
            and (
                year == first
                or len({q["period"] for q in told if q["product_code"] == p["product_code"]})
                >= evidence["stray"]["years_told"]
            )
        }
        divisions = {
            n["code"]
            for n in valid_nodes(nodes, year)
            if any(c[:2] == (firm["industry_code"] or "")[:2] for c in n["classes"])
        }
        # a year without trades uses those of the nearest year; of two equally near years, the earlier
        traded_year = min(
            {t["year"] for t in traded}, key=lambda y: (abs(int(y) - int(year)), int(y)), default=None
        )
        own = [t for t in traded if t["uscc"] == firm["uscc"] and t["year"] == traded_year]
        sold: dict[str, list[Any]] = defaultdict(lambda: [ZERO, 0])
        for t in own:
            if t["trade_side_code"] == "sale":
                sold[home.get(t["product_code"], "OUT")][0] += t["trade_total_wan_yuan"]
                sold[home.get(t["product_code"], "OUT")][1] += t["trade_count"]
        decided = {
            node: Decimal(share) / 100
            for o in overrides
            if o["uscc"] == firm["uscc"] and o["from_year"] <= int(year) <= (o["to_year"] or int(year))
            for node, share in o["positions"].items()
        }
        because = next(
            (
                f"{o['reason']}（{o['document']}）"
                for o in overrides
                if o["uscc"] == firm["uscc"] and o["from_year"] <= int(year) <= (o["to_year"] or int(year))
            ),
            None,
        )
        facts = {
            "firm": firm, "traded_year": traded_year, "class": mine, "is_sole": is_sole, "declared": declared,
            "sold": sold,
            "fit": _fit(own, home, nodes, year), "patents": _patents(firm, patents, nodes, mine, listed),
            "decided": decided, "because": because, "repeated": repeated, "near": divisions | {"OUT"},
            "honours": _honours(firm, events, evidence["honours"]),
        }  # fmt: skip
        found += _position(facts, evidence, {n["code"]: n for n in nodes})
    return found


def _names_itself(line: Row, listed: Mapping[str, Row]) -> bool:
    """False if exactly one listed product has the declared name, and it is another product."""
    of_name = [code for code, titles in listed.items() if titles["zh"] == line["product_name"]]
    return len(of_name) != 1 or of_name == [line["product_code"]]


def _declared(rows: Sequence[Row], home: Mapping[str, str]) -> dict[str, Decimal | None]:
    """Node → declared share; if no product has a share, all count equally."""
    stated = any(r["revenue_share_pct"] for r in rows)
    found: dict[str, list[Decimal | None]] = defaultdict(list)
    for r in rows:
        found[home.get(r["product_code"], "OUT")].append(r["revenue_share_pct"] if stated else ONE)
    return {node: total(shares) for node, shares in found.items()}


def _fit(own: Sequence[Row], home: Mapping[str, str], nodes: Sequence[Row], year: str) -> dict[str, Decimal]:
    """Node → sum over its feeding nodes of the smaller of two shares: of the firm's purchases, of the node's inputs."""
    basket: dict[str, Decimal] = defaultdict(Decimal)
    for t in own:
        if t["trade_side_code"] == "purchase":
            basket[home.get(t["product_code"], "OUT")] += t["trade_total_wan_yuan"]
    whole = sum(basket.values(), ZERO)
    there = {n["code"] for n in valid_nodes(nodes, year)}
    edges = [
        (n["code"], f["node"], Decimal(str(f["cost_share_pct"])))
        for n in valid_nodes(nodes, year)
        for f in n["feeds"]
        if f["node"] in there
    ]
    into: dict[str, Decimal] = defaultdict(Decimal)
    for _, buyer, share in edges:
        into[buyer] += share
    found: dict[str, Decimal] = {}
    for seller, buyer, share in edges:
        part = quotient(basket[seller], whole) if seller in basket else None
        if part is not None:
            found[buyer] = found.get(buyer, ZERO) + min(part, half_up(share / into[buyer]))
    return {node: min(fit, ONE) for node, fit in found.items()}


def _patents(
    firm: Row,
    patents: Sequence[Row],
    nodes: Sequence[Row],
    mine: Mapping[str, int],
    listed: Mapping[str, Row],
) -> dict[str, int]:
    """Node of the firm's class → number of distinct titles that name one of its products; patents as first reported."""
    first: dict[str, Row] = {}
    for p in sorted(patents, key=lambda p: p["period"]):
        first.setdefault(p["patent_code"], p)
    titles = {
        p["patent_title"] for p in first.values() if p["uscc"] == firm["uscc"] and p["period"] <= firm["year"]
    }
    found = {}
    for n in nodes:
        if n["code"] in mine:
            words = [listed[p]["zh"] for p in n["products"] if p in listed]
            count = sum(any(w in title for w in words) for title in titles)
            if count:
                found[n["code"]] = count
    return found


def _honours(firm: Row, events: Sequence[Row], honours: Row) -> tuple[bool, bool]:
    """Whether an honour of champion and one of little giant is in force in the year."""

    def holds(kind: str) -> bool:
        return any(
            e["uscc"] == firm["uscc"]
            and e["event_kind_code"] == "honour"
            and e["event_code"] == honours[kind]["honour"]
            and e["level_code"] in honours[kind]["levels"]
            and e["year"]
            <= firm["year"]
            <= (f"{e['valid_until_date']:%Y}" if e["valid_until_date"] else "9999")
            for e in events
        )

    return holds("champion"), holds("little_giant")


def _position(facts: Row, evidence: Row, nodes: Mapping[str, Row]) -> list[Row]:
    mine, decided = facts["class"], facts["decided"]
    stray = {k: Decimal(str(v)) for k, v in evidence["stray"].items() if k != "why"}
    names = {*mine, *facts["declared"], *facts["sold"], *decided}
    declared = total(facts["declared"].values())
    sold = total(v[0] for v in facts["sold"].values())
    rows: dict[str, Row] = {}
    for node in names:
        product = quotient(facts["declared"].get(node), declared)
        sales = quotient(facts["sold"][node][0], sold) if node in facts["sold"] else None
        p, s = product or ZERO, sales or ZERO
        limit = stray["of_class_pct"] / 100
        own = node in mine or (p >= limit and s >= limit)
        if not own:
            limit = stray["of_division_pct" if node in facts["near"] else "alone_pct"] / 100
        seen_twice = node in facts["repeated"] or s >= stray["of_class_pct"] / 100
        traded = own or facts["sold"].get(node, [0, 0])[1] >= stray["trades"]
        rows[node] = {
            "product_score": product,
            "sales_score": sales,
            "class_score": quotient(Decimal(mine.get(node, 0)), Decimal(sum(mine.values()))),
            "purchase_score": facts["fit"].get(node),
            "product_counts": p > 0 and p >= limit and seen_twice,
            "sales_count": s > 0 and s >= limit and traded,
        }
    amounts, has_data = _amounts(rows, decided, evidence)
    whole = sum(amounts.values(), ZERO)
    cut = {n: quotient(a, whole, ROUND_DOWN) or ZERO for n, a in amounts.items()}
    largest = min(cut, key=lambda n: (-cut[n], n))
    cut[largest] += ONE - sum(cut.values(), ZERO)
    return [
        _described(node, row, cut[node], facts, evidence, has_data, nodes)
        for node, row in rows.items()
        if cut[node] > 0 or (row["product_score"] or 0) > 0 or (row["sales_score"] or 0) > 0
    ]


def _amounts(
    rows: Mapping[str, Row], decided: Mapping[str, Decimal], evidence: Row
) -> tuple[dict[str, Decimal], bool]:
    by_data, by_class = {}, {}
    base = Decimal(str(evidence["purchases"]["base"]))
    for node, row in rows.items():
        by_data[node] = ZERO
        if row["product_counts"]:
            by_data[node] += row["product_score"] * evidence["shares"]["product"]
        if row["sales_count"]:
            by_data[node] += row["sales_score"] * evidence["shares"]["sales"]
        by_class[node] = half_up(row["class_score"] * (base + (row["purchase_score"] or ZERO)))
    has_data = sum(by_data.values(), ZERO) > 0
    if decided:
        return {node: decided.get(node, ZERO) for node in rows}, has_data
    return (by_data if has_data else by_class), has_data


def _described(
    node: str, row: Row, share: Decimal, facts: Row, evidence: Row, has_data: bool, nodes: Mapping[str, Row]
) -> Row:
    champion, giant = facts["honours"]
    decided = bool(facts["decided"])
    honours = evidence["honours"]
    part = Decimal(str(honours["honour_part"]))
    patents = min(
        quotient(Decimal(facts["patents"].get(node, 0)), Decimal(honours["patents_for_full"])) or ZERO, ONE
    )
    honour = half_up((share if champion or giant else ZERO) * part + patents * (1 - part))
    alone = facts["is_sole"] and node in facts["class"] and not has_data
    scores = {"class": row["class_score"], "purchase": row["purchase_score"] or ZERO, "honour": honour}
    if row["product_counts"]:
        scores["product"] = row["product_score"]
    if row["sales_count"]:
        scores["sales"] = row["sales_score"]
    basket = (
        not decided
        and not has_data
        and not alone
        and share >= Decimal(str(evidence["purchases"]["confirm_share_pct"])) / 100
        and (row["purchase_score"] or ZERO) >= Decimal(str(evidence["purchases"]["confirm_fit_pct"])) / 100
    )
    confidence = ZERO
    for kind, score in scores.items():
        full = Decimal(str(evidence["kinds"][kind]["full_from_pct"])) / 100
        confidence += min(quotient(score, full) or ZERO, ONE) * Decimal(
            str(evidence["kinds"][kind]["weight"])
        )
    conditions = {
        "class_and_purchases": basket and node != "OUT",
        "class_evidence": node in facts["class"], "declared": row["product_counts"], "honour": honour > 0,
        "only_node_of_class": alone, "override": decided, "purchases": (row["purchase_score"] or 0) > 0,
        "sold": row["sales_count"], "stray_product": (row["product_score"] or 0) > 0 and not row["product_counts"],
        "stray_sales": (row["sales_score"] or 0) > 0 and not row["sales_count"],
    }  # fmt: skip
    firm = facts["firm"]
    return {
        "uscc": firm["uscc"], "year": firm["year"], "node_code": node,
        "chain_code": nodes[node]["chain_code"] if node in nodes else "OUT",
        "tier_code": nodes[node]["tier"] if node in nodes else None,
        "position_share": share, "product_score": row["product_score"], "class_score": row["class_score"],
        "sales_score": row["sales_score"], "purchase_score": row["purchase_score"], "honour_score": honour,
        "confidence": ONE if decided else min(half_up(confidence), ONE),
        "is_confirmed": (decided or has_data or alone or basket) and share > 0 and node != "OUT",
        "position_reasons": sorted(name for name, holds in conditions.items() if holds),
        "override_reason": facts["because"], "traded_year": facts["traded_year"],
        "is_champion": champion, "is_little_giant": giant,
        "district_code": firm["district_code"], "is_above_scale": firm["is_above_scale"],
    }  # fmt: skip


# --- flows ---------------------------------------------------------------------------------------------------


def flows(traded: Sequence[Row], placed: Sequence[Row], nodes: Sequence[Row]) -> list[Row]:
    """Every purchase once, from its product's node to one node of the buyer."""
    order: dict[tuple[str, str], list[tuple[Decimal, str]]] = defaultdict(list)
    for p in placed:
        if p["is_confirmed"]:
            order[p["uscc"], p["year"]].append((-p["position_share"], p["node_code"]))
    chain = {n["code"]: n["chain_code"] for n in nodes} | {"OUT": "OUT"}
    found: dict[Any, Row] = {}
    for t in traded:
        if t["trade_side_code"] != "purchase":
            continue
        seller = home_of(nodes, t["year"]).get(t["product_code"], "OUT")
        fed = [f["node"] for n in nodes if n["code"] == seller for f in n["feeds"]]
        own = [node for _, node in sorted(order.get((t["uscc"], t["year"]), []))]
        fitting = [node for node in own if node in fed]
        buyer = (fitting or own or ["OUT"])[0]
        local = t["uscc"] != "OUT"
        key = (seller, buyer, t["product_code"], local, t["month"])
        row = found.setdefault(
            key,
            {
                "seller_node_code": seller, "buyer_node_code": buyer, "product_code": t["product_code"],
                "is_buyer_local": local, "month": t["month"], "year": t["year"],
                "seller_chain_code": chain[seller], "buyer_chain_code": chain[buyer], "is_in_model": bool(fitting),
                "local_trade_wan_yuan": ZERO, "outside_trade_wan_yuan": ZERO, "trade_total_wan_yuan": ZERO,
                "trade_count": 0, "buyer_count": 0,
            },
        )  # fmt: skip
        for name in ("local_trade_wan_yuan", "outside_trade_wan_yuan", "trade_total_wan_yuan", "trade_count"):
            row[name] += t[name]
        row["buyer_count"] += local
        row["is_in_model"] |= bool(fitting)
    return list(found.values())


# --- figures -------------------------------------------------------------------------------------------------

FIGURES = {
    "output_wan_yuan": "output_ytd_wan_yuan", "value_added_wan_yuan": "value_added_ytd_wan_yuan",
    "revenue_wan_yuan": "revenue_ytd_wan_yuan", "profit_wan_yuan": "profit_ytd_wan_yuan",
    "rd_expense_wan_yuan": "rd_ytd_wan_yuan", "export_value_wan_yuan": "export_ytd_wan_yuan", "energy_tce": None,
}  # fmt: skip


def figures(years: Sequence[Row], months: Sequence[Row]) -> list[Row]:
    """A firm's figures of a year or month, with output and value added of a year before.

    The year before is what the firm states for last year in its report of the period's last month; the report of
    December is also that of the year. Without a statement, a year and the months to December use the firm's own row of
    the year before, other months nothing.
    """
    by_year = {(r["uscc"], r["year"]): r for r in years}
    by_month = {(r["uscc"], r["month"]): r for r in months}

    def before(uscc: str, last_month: str) -> Row:
        said = by_month.get((uscc, last_month), {})
        own = by_year.get((uscc, str(int(last_month[:4]) - 1)), {}) if last_month.endswith("-12") else {}
        return {
            f"{name}_before": said[f"{name}_last_year_wan_yuan"]
            if said.get(f"{name}_last_year_wan_yuan") is not None
            else own.get(f"{name}_wan_yuan")
            for name in ("output", "value_added")
        }

    found = []
    for r in years:
        if all(
            r[n] is None
            for n in ("output_wan_yuan", "value_added_wan_yuan", "revenue_wan_yuan", "profit_wan_yuan")
        ):
            continue
        found.append(
            {n: r[n] for n in FIGURES}
            | {k: r[k] for k in ("uscc", "year", "district_code")}
            | {"period": r["year"]}
            | before(r["uscc"], f"{r['year']}-12")
        )
    for r in months:
        found.append(
            {n: r[of] if of else None for n, of in FIGURES.items()}
            | {k: r[k] for k in ("uscc", "year", "district_code")}
            | {"period": r["month"]}
            | before(r["uscc"], r["month"])
        )
    return found


def _months(period: str) -> int:
    return 12 if len(period) == 4 else int(period[5:7])


def _within(month: str, period: str) -> bool:
    """Whether a month's trades count in a period: in its year, and in the months of the year from itself on."""
    return month[:4] == period[:4] and (len(period) == 4 or month <= period)


def of_years(rows: Sequence[Row]) -> list[Row]:
    """The rows of years, as their table has them."""
    return [{n: v for n, v in r.items() if n != "period"} for r in rows if len(r["period"]) == 4]


def of_months(rows: Sequence[Row]) -> list[Row]:
    """The rows of months, as their table has them: each amount in 万元 is called cumulative, and energy is left out."""

    def named(name: str) -> str:
        short = {"rd_expense_wan_yuan": "rd_wan_yuan", "export_value_wan_yuan": "export_wan_yuan"}.get(
            name, name
        )
        return "month" if name == "period" else short.replace("_wan_yuan", "_ytd_wan_yuan")

    monthly = [r for r in rows if len(r["period"]) > 4]
    return [{named(n): v for n, v in r.items() if n != "energy_tce"} for r in monthly]


def _in_node(figure: Row, share: Decimal) -> Row:
    """The node's part of a firm's figures."""
    part = {
        n: None if figure[n] is None else half_up(figure[n] * share, 4 if n == "energy_tce" else 6)
        for n in (*FIGURES, "output_before", "value_added_before")
    }
    return part | {k: figure[k] for k in ("uscc", "period", "year", "district_code")}


def _concentration(outputs: Mapping[str, Decimal | None]) -> Row:
    """Concentration from outputs by firm; each firm's share is rounded once."""
    whole = total(outputs.values())
    ranked = sorted(outputs, key=lambda u: (outputs[u] is None, -(outputs[u] or ZERO), u))
    parts = [max(p, ZERO) for u in ranked if (p := percent(outputs[u], whole)) is not None]
    if not parts:
        return {"cr1_pct": None, "cr5_pct": None, "hhi": None, "lead_uscc": None}
    return {
        "cr1_pct": parts[0], "cr5_pct": min(sum(parts[:5], ZERO), Decimal(100)),
        "hhi": half_up(sum((p * p for p in parts), ZERO)), "lead_uscc": ranked[0],
    }  # fmt: skip


def _sums(parts: Sequence[Row]) -> Row:
    """Sums over the firms' parts; comparable sums cover the firms with a figure of the year before."""
    found: Row = {n: total(p[n] for p in parts) for n in FIGURES}
    for name in ("output", "value_added"):
        both = [p for p in parts if p[f"{name}_wan_yuan"] is not None and p[f"{name}_before"] is not None]
        found[f"comparable_{name}_wan_yuan"] = total(p[f"{name}_wan_yuan"] for p in both)
        found[f"comparable_{name}_before_wan_yuan"] = total(p[f"{name}_before"] for p in both)
    return found


def _ratios(row: Row) -> Row:
    found: Row = {"growth_notes": []}
    for name in ("output", "value_added"):
        now, before = (row[f"comparable_{name}{s}_wan_yuan"] for s in ("", "_before"))
        rate, why = None, None
        if now is None:
            why = None if row[f"{name}_wan_yuan"] is None else "not_comparable"
        elif before < 0:
            why = "base_negative"
        elif before == 0 or abs(now - before) > 10 * before:
            why = "base_near_zero"
        else:
            rate = percent(now - before, before)
        found[f"{name}_growth_pct"] = rate
        found["growth_notes"] += [f"{why}:{name}_growth_pct"] if why else []
    found["local_supply_pct"] = percent(row["demand_local_wan_yuan"], row["demand_wan_yuan"])
    found["outside_dependence_pct"] = percent(row["purchases_outside_wan_yuan"], row["purchases_wan_yuan"])
    found["purchase_coverage_pct"] = percent(
        row["covered_purchases_wan_yuan"], row["estimated_purchases_wan_yuan"]
    )
    return found


def _counts(firms: Mapping[str, Row], grades: Mapping[tuple[str, str], str], year: str) -> Row:
    found = {
        "proven_count": sum("class_and_purchases" not in f["position_reasons"] for f in firms.values()),
        "firm_count": len(firms), "above_scale_count": sum(f["is_above_scale"] for f in firms.values()),
        "champion_count": sum(f["is_champion"] for f in firms.values()),
        "little_giant_count": sum(f["is_little_giant"] for f in firms.values()),
    }  # fmt: skip
    for grade in "ABCD":
        found[f"grade_{grade.lower()}_count"] = sum(grades.get((u, year)) == grade for u in firms)
    return found


def node_metrics(
    years: Sequence[Row], months: Sequence[Row], placed: Sequence[Row], grades: Sequence[Row], flowing: Sequence[Row],
    nodes: Sequence[Row], lead_output: Decimal, traded: Sequence[Row],
) -> list[Row]:  # fmt: skip
    known = figures(years, months)
    periods = sorted({r["year"] for r in years} | {r["month"] for r in months})
    in_force = _grades(grades)
    found = []
    for period in periods:
        year = period[:4]
        of_period = [f for f in known if f["period"] == period]
        city = total(f["output_wan_yuan"] for f in of_period)
        for node in valid_nodes(nodes, year):
            mine = {
                p["uscc"]: p
                for p in placed
                if p["is_confirmed"] and p["node_code"] == node["code"] and p["year"] == year
            }
            parts = [_in_node(f, mine[f["uscc"]]["position_share"]) for f in of_period if f["uscc"] in mine]
            row = {
                "chain_code": node["chain_code"],
                "node_code": node["code"],
                "period": period,
                "year": year,
            }
            row |= _counts(mine, in_force, year) | _sums(parts)
            row["figures_as_of"] = _reach(grades, year)
            row |= _concentration({p["uscc"]: p["output_wan_yuan"] for p in parts})
            row |= {
                "reporting_count": sum(p["output_wan_yuan"] is not None for p in parts),
                "comparable_count": sum(
                    None not in (p["output_wan_yuan"], p["output_before"]) for p in parts
                ),
                "lead_firm_count": sum(
                    (p["output_wan_yuan"] or ZERO) * 12 >= lead_output * _months(period) for p in parts
                ),
            }
            row |= _bought(flowing, node["code"], period)
            row |= _expected_purchases(
                [(f, mine[f["uscc"]]["position_share"]) for f in of_period if f["uscc"] in mine],
                traded,
                period,
            )
            row |= _quotient(parts, of_period, row["output_wan_yuan"], city)
            found.append(row | _ratios(row))
    return found


def _reach(grades: Sequence[Row], year: str) -> str:
    """The year, or the last month that the figures reach on which its grades rest."""
    return max((str(g["figures_as_of"]) for g in grades if g["year"] == year), default=year)


def _grades(grades: Sequence[Row]) -> dict[tuple[str, str], str]:
    ordered = sorted(grades, key=lambda g: g["evaluation_version"])
    return {(g["uscc"], g["year"]): g["final_grade"] for g in ordered}


def _expected_purchases(firms: Sequence[tuple[Row, Decimal]], traded: Sequence[Row], period: str) -> Row:
    """Estimated purchases, those that are recorded, and recorded ones above the estimate; by firm, then by share.

    A firm's estimate is its revenue less its value added in the period's mean month, for each month with trades. It has
    none if that is not above zero, or if nobody's purchases are recorded in the period.
    """
    bought = [
        t
        for t in traded
        if t["trade_side_code"] == "purchase" and t["uscc"] != "OUT" and _within(t["month"], period)
    ]
    months = len({t["month"] for t in bought})
    parts = []
    for firm, share in firms if bought else ():
        if None in (firm["revenue_wan_yuan"], firm["value_added_wan_yuan"]):
            continue
        estimate = half_up(
            (firm["revenue_wan_yuan"] - firm["value_added_wan_yuan"]) * months / _months(period)
        )
        if estimate > 0:
            recorded = sum((t["trade_total_wan_yuan"] for t in bought if t["uscc"] == firm["uscc"]), ZERO)
            amounts = (estimate, min(recorded, estimate), max(recorded - estimate, ZERO))
            parts.append([half_up(amount * share) for amount in amounts])
    names = ("estimated", "covered", "excess")
    found = {f"{name}_purchases_wan_yuan": total(p[n] for p in parts) for n, name in enumerate(names)}
    return found | {"trade_month_count": months}


def _bought(flowing: Sequence[Row], node: str, period: str) -> Row:
    """What local firms bought of the node's products, and what the node's firms bought."""
    rows = [f for f in flowing if f["is_buyer_local"] and _within(f["month"], period)]
    here = {
        "demand": [f for f in rows if f["seller_node_code"] == node],
        "purchases": [f for f in rows if f["buyer_node_code"] == node],
    }
    return {
        "demand_wan_yuan": total(f["trade_total_wan_yuan"] for f in here["demand"]),
        "demand_local_wan_yuan": total(f["local_trade_wan_yuan"] for f in here["demand"]),
        "demand_outside_wan_yuan": total(f["outside_trade_wan_yuan"] for f in here["demand"]),
        "purchases_wan_yuan": total(f["trade_total_wan_yuan"] for f in here["purchases"]),
        "purchases_outside_wan_yuan": total(f["outside_trade_wan_yuan"] for f in here["purchases"]),
    }


def _quotient(
    parts: Sequence[Row], everyone: Sequence[Row], whole: Decimal | None, city: Decimal | None
) -> Row:
    """Highest quotient over the districts: (share of the node's output) / (share of the city's output)."""
    best: tuple[Decimal, int, str] | None = None
    for district in {p["district_code"] for p in parts}:
        here = total(p["output_wan_yuan"] for p in parts if p["district_code"] == district)
        all_here = total(f["output_wan_yuan"] for f in everyone if f["district_code"] == district)
        value = quotient(quotient(here, whole), quotient(all_here, city))
        if value is not None:
            best = max(best or (value, -int(district), district), (value, -int(district), district))
    return {
        "location_quotient": best[0] if best else None,
        "specialised_district_code": best[2] if best else None,
    }


def chain_metrics(
    of_nodes: Sequence[Row], years: Sequence[Row], months: Sequence[Row], placed: Sequence[Row], grades: Sequence[Row],
    lead_output: Decimal,
) -> list[Row]:  # fmt: skip
    """Sums over the nodes; each firm counts once."""
    known = figures(years, months)
    in_force = _grades(grades)
    amounts = (
        *FIGURES, "comparable_output_wan_yuan", "comparable_output_before_wan_yuan", "comparable_value_added_wan_yuan",
        "comparable_value_added_before_wan_yuan", "demand_wan_yuan", "demand_local_wan_yuan",
        "demand_outside_wan_yuan", "purchases_wan_yuan", "purchases_outside_wan_yuan",
        "estimated_purchases_wan_yuan", "covered_purchases_wan_yuan", "excess_purchases_wan_yuan",
    )  # fmt: skip
    found = []
    for chain, period in sorted({(r["chain_code"], r["period"]) for r in of_nodes}):
        mine = [r for r in of_nodes if (r["chain_code"], r["period"]) == (chain, period)]
        standing = [
            p for p in placed if p["is_confirmed"] and p["chain_code"] == chain and p["year"] == period[:4]
        ]
        row: Row = {"chain_code": chain, "period": period, "year": period[:4], "node_count": len(mine)}
        row["trade_month_count"] = mine[0]["trade_month_count"]
        row["figures_as_of"] = _reach(grades, period[:4])
        row |= {n: total(r[n] for r in mine) for n in amounts}
        row |= _counts({p["uscc"]: p for p in standing}, in_force, period[:4])
        outputs: dict[str, list[Decimal | None]] = defaultdict(list)
        compared = set()
        for f in known:
            for p in standing:
                if f["period"] == period and p["uscc"] == f["uscc"]:
                    outputs[f["uscc"]].append(_in_node(f, p["position_share"])["output_wan_yuan"])
                    if f["output_wan_yuan"] is not None and f["output_before"] is not None:
                        compared.add(f["uscc"])
        summed = {u: total(v) for u, v in outputs.items()}
        row |= _concentration(summed)
        row |= {
            "reporting_count": sum(v is not None for v in summed.values()),
            "comparable_count": len(compared),
            "lead_firm_count": sum(
                (v or ZERO) * 12 >= lead_output * _months(period) for v in summed.values()
            ),
        }
        found.append(row | _ratios(row))
    return found


# --- states, target, suppliers --------------------------------------------------------------------------------


def states(
    of_nodes: Sequence[Row], of_chains: Sequence[Row], nodes: Sequence[Row], rules: Sequence[Row]
) -> list[Row]:
    """State of the first rule that holds, and the reasons of all such rules; by node and year.

    Two figures are made here: the node's output in terms of the mean output of its chain's nodes with output, and the
    growth of its chain.
    """
    covered = {n["code"]: any("06" <= c[:2] <= "46" for c in n["classes"]) for n in nodes}
    growth = {(c["chain_code"], c["period"]): c["output_growth_pct"] for c in of_chains}
    found = []
    for row in of_nodes:
        if len(row["period"]) != 4:
            continue
        place = (row["chain_code"], row["period"])
        peers = [
            r["output_wan_yuan"]
            for r in of_nodes
            if (r["chain_code"], r["period"]) == place and _above_zero(r)
        ]
        facts = row | {
            "is_covered": covered[row["node_code"]],
            "chain_output_growth_pct": growth[place],
            "size_quotient": quotient(row["output_wan_yuan"] * len(peers), sum(peers, ZERO))
            if _above_zero(row)
            else None,
        }
        held = [rule for rule in rules if "when" not in rule or _meets(rule["when"], facts)]
        reasons = [rule["reason"] for rule in held if "when" in rule] or [held[-1]["reason"]]
        shown = ("is_covered", "chain_output_growth_pct", "size_quotient")
        found.append(
            {"node_code": row["node_code"], "year": row["year"]}
            | {"state_code": held[0]["state"], "state_reasons": reasons}
            | {name: facts[name] for name in shown}
        )
    return found


def _above_zero(row: Row) -> bool:
    return row["output_wan_yuan"] is not None and row["output_wan_yuan"] > 0


def _meets(rule: Row, facts: Row) -> bool:
    """Whether a rule certainly holds; rules are never negated, so unknown and false are the same here."""
    if "all" in rule:
        return all(_meets(part, facts) for part in rule["all"])
    if "any" in rule:
        return any(_meets(part, facts) for part in rule["any"])
    [(name, limit)] = [(k, v) for k, v in rule.items() if k != "field"]
    value = facts[rule["field"]]
    if name in ("known", "unknown"):
        return (value is None) == (name == "unknown")
    if isinstance(limit, dict):
        other = facts[limit["than"]]
        limit = None if other is None else other * Decimal(str(limit.get("factor", 1)))
    if value is None or limit is None:
        return False
    if name == "is":
        return bool(value == limit)
    limit = Decimal(str(limit))
    return bool(
        {
            "lt": value < limit,
            "le": value <= limit,
            "gt": value > limit,
            "ge": value >= limit,
        }[name]
    )


def progress(chains: Sequence[Row], target: Row) -> list[Row]:
    """Equal yearly steps from the base year's output to the chain's part of the target.

    The parts follow the outputs of the base year; to add up to the target, the sums up to each chain, in the order of
    codes, are rounded instead of the parts.
    """
    yearly = [c for c in chains if len(c["period"]) == 4]
    base_year, end = target["base_year"], target["target_year"]
    base = {
        c["chain_code"]: c["output_wan_yuan"]
        for c in yearly
        if int(c["year"]) == base_year and c["output_wan_yuan"] is not None
    }
    plan, base_all = Decimal(target["target_wan_yuan"]), total(base.values())
    aims: dict[str, Decimal | None] = {}
    told = upto = ZERO
    for chain in sorted(base):
        upto += base[chain]
        part = quotient(upto, base_all)
        aims[chain] = None if part is None else half_up(plan * part) - told
        told += aims[chain] or ZERO
    found = []
    for row in yearly:
        chain, year, output = row["chain_code"], row["year"], row["output_wan_yuan"]
        start, aim = base.get(chain), aims.get(chain)
        done = min(int(year) - base_year, end - base_year)
        expected = None
        if start is not None and aim is not None and done >= 0:
            expected = start + (quotient((aim - start) * done, Decimal(end - base_year)) or ZERO)
        found.append(
            {
                "chain_code": chain, "year": year, "output_wan_yuan": output, "target_year": str(end),
                "target_wan_yuan": aim, "expected_wan_yuan": expected,
                "target_gap_wan_yuan": None if None in (output, expected) else output - expected,
                "target_progress_pct": percent(output, aim),
            }
        )  # fmt: skip
    return found


def suppliers(
    enterprises: Sequence[Row], products: Sequence[Row], traded: Sequence[Row], placed: Sequence[Row],
    grades: Sequence[Row], events: Sequence[Row], nodes: Sequence[Row], places: int,
) -> list[Row]:  # fmt: skip
    """The highest-ranked local firms for each product of a node."""
    in_force = _grades(grades)
    standing = {(p["uscc"], p["node_code"], p["year"]) for p in placed if p["is_confirmed"]}
    found = []
    for year in sorted({e["year"] for e in enterprises}):
        month = max((t["month"] for t in traded if t["year"] == year), default=None)
        sold = {
            (t["product_code"], t["uscc"]): t["trade_total_wan_yuan"]
            for t in traded
            if t["month"] == month and t["trade_side_code"] == "sale"
        }
        said = {(p["product_code"], p["uscc"]): p for p in products if p["period"] == year}
        firms = {e["uscc"]: e for e in enterprises if e["year"] == year}
        for product, node in home_of(nodes, year).items():
            able = [
                uscc for uscc in firms
                if ((product, uscc) in sold or (product, uscc) in said) and (uscc, node, year) in standing
            ]  # fmt: skip
            rows = [
                {
                    "product_code": product, "uscc": uscc, "year": year, "node_code": node,
                    "supplier_evidence": [
                        *(["declared"] if (product, uscc) in said else []),
                        *(["sold"] if (product, uscc) in sold else []),
                    ],
                    "revenue_share_pct": said.get((product, uscc), {}).get("revenue_share_pct"),
                    "month_sales_wan_yuan": sold.get((product, uscc)),
                    "sales_month": month if (product, uscc) in sold else None,
                    "final_grade": in_force.get((uscc, year)),
                    "risk_tags": _risks(firms[uscc], in_force.get((uscc, year)), events),
                }
                for uscc in able
            ]  # fmt: skip
            rows.sort(key=_supplier_order)
            found += [
                row | {"supplier_rank": place} for place, row in enumerate(rows, start=1) if place <= places
            ]
    return found


def _risks(firm: Row, grade: str | None, events: Sequence[Row]) -> list[str]:
    own = ["grade_d"] if grade == "D" else []
    if firm["registration_status_code"] not in (None, "active"):
        own.append("not_active")
    latest: dict[str, Row] = {}
    for e in sorted(events, key=lambda e: str(e["year"])):
        is_lasting = e["event_kind_code"] == "credit" and e["year"] <= firm["year"]
        of_year = e["event_kind_code"] in ("penalty", "accident") and e["year"] == firm["year"]
        if e["uscc"] == firm["uscc"] and (is_lasting or of_year):
            latest[e["event_id"]] = e
    against = {
        f"{e['event_kind_code']}:{e['event_code']}"
        for e in latest.values()
        if e["valid_until_date"] is None or e["valid_until_date"].year > int(firm["year"])
    }
    return own + sorted(against)


def _supplier_order(row: Row) -> Any:
    best = 0 if len(row["supplier_evidence"]) == 2 else 1 if "sold" in row["supplier_evidence"] else 2
    sales, share = row["month_sales_wan_yuan"], row["revenue_share_pct"]
    return (
        best, bool(row["risk_tags"]), sales is None, -(sales or ZERO), share is None, -(share or ZERO), row["uscc"]
    )  # fmt: skip
