"""Profiles, tags and comprehensive scores in plain Python: the expected row of every firm.

Written from the rules' text with exact fractions, plain loops and look-ups; it shares no code with the jobs. Tables are
lists of dicts, rules are mappings as YAML gives them (numbers may be text).
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import floor
from typing import Any

Row = dict[str, Any]
Key = tuple[str, str]

TAXES = ("vat", "export_offset", "income", "consumption", "surcharge", "land_use", "property", "other")
LEVELS = ("district", "municipal", "provincial", "national")
HONOURS = {
    "hightech": {"hightech_enterprise"},
    "little_giant": {"little_giant"},
    "single_champion": {"single_champion"},
    "green_factory": {"green_factory"},
    "smart_factory": {"smart_factory"},
    "rd_body": {"rd_body", "academician_station"},
    "brand": {"brand", "quality_award"},
}
TAKEN = (
    "land_area_mu", "land_own_mu", "land_lease_mu", "land_let_mu", "tax_vat_wan_yuan", "tax_income_wan_yuan",
    "declared_revenue_wan_yuan", "energy_tce", "power_kwh", "water_m3", "emission_t", "employees_average",
    "insured_count", "output_wan_yuan", "sales_output_wan_yuan", "value_added_wan_yuan", "revenue_wan_yuan",
    "profit_wan_yuan", "export_value_wan_yuan", "customs_export_wan_yuan", "customs_import_wan_yuan",
    "rd_expense_wan_yuan", "new_product_output_wan_yuan", "patents_applied_count", "patents_granted_count",
    "inventions_valid_count", "patents_valid_count",
)  # fmt: skip


def rounded(value: Fraction, digits: int) -> Fraction:
    """Half away from zero."""
    scaled = abs(value) * 10**digits
    whole = floor(scaled + Fraction(1, 2))
    return Fraction(whole if value >= 0 else -whole, 10**digits)


def exact(value: Any) -> Fraction | None:
    return None if value is None else Fraction(str(value))


def ratio(part: Any, by: Any, digits: int = 6) -> Fraction | None:
    part, by = exact(part), exact(by)
    if part is None or by is None or by <= 0:
        return None
    return rounded(part / by, digits)


def percent(part: Any, by: Any) -> Fraction | None:
    found = ratio(part, by)
    return None if found is None else found * 100


def growth(now: Any, before: Any) -> Fraction | None:
    """A change by more than 1,000 % of the base is no rate."""
    found = percent(now, before)
    if found is None or abs(Fraction(str(now)) / Fraction(str(before)) - 1) > 10:
        return None
    return found - 100


def without_rate(now: Any, before: Any, years: int = 1) -> str | None:
    """Why a known figure has no growth rate over so many years."""
    now, before = exact(now), exact(before)
    found = None
    if now is None:
        pass
    elif before is None:
        found = "no_base"
    elif before < 0:
        found = "base_negative"
    elif before == 0:
        found = "base_near_zero"
    elif years > 1 and now <= 0:
        found = "figure_not_positive"
    elif (now / before > 11**years) if years > 1 else (abs(now - before) / before > 10):
        found = "base_near_zero"
    return found


def compound(now: Any, before: Any) -> Fraction | None:
    """Yearly growth over three years to 0.01 %, by bisection over whole steps, ties up."""
    now, before = exact(now), exact(before)
    if now is None or before is None or now <= 0 or before <= 0:
        return None
    if now > before * 11**3:
        return None
    low, high = -10_000, 100_000  # steps of 0.01 %, to 1,000 %
    while low < high:
        middle = (low + high + 1) // 2
        # the lower edge of a step belongs to the step
        if before * (1 + Fraction(2 * middle - 1, 20_000)) ** 3 <= now:
            low = middle
        else:
            high = middle - 1
    return Fraction(low, 100)


def size_class(staff: Any, revenue: Any) -> str | None:
    """统计上大中小微型企业划分办法（2017）, industry: X staff, Y revenue in 万元."""
    staff, revenue = exact(staff), exact(revenue)
    if (staff is not None and staff < 20) or (revenue is not None and revenue < 300):
        return "micro"
    if staff is None or revenue is None:
        return None
    if staff < 300 or revenue < 2000:
        return "small"
    if staff < 1000 or revenue < 40_000:
        return "medium"
    return "large"


# --- periods -----------------------------------------------------------------------------------------------


def figures_of(period: str, months: Iterable[str]) -> tuple[int, str, date]:
    """Year of the figures, the year or month that they are as of, and the period's last day."""
    year = int(period[:4])
    if len(period) == 4:
        known = sorted(m for m in months if m[:4] == period)
        partial = bool(known) and known[-1][5:] != "12"
        return year, known[-1] if partial else period, date(year, 12, 31)
    month = int(period[5:])
    figures = year if month == 12 else year - 1
    return figures, str(figures), date(year, month, calendar.monthrange(year, month)[1])


def profiles(tables: Mapping[str, list[Row]], periods: Iterable[str]) -> dict[Key, Row]:
    """A row per firm and period; ``tables`` by the names of the job's inputs."""
    months = {row["month"] for row in tables["months"]}
    by = {
        name: {(r["uscc"], r["year"]): r for r in tables[name]}
        for name in ("figures", "population", "city_ranks")
    }
    done: dict[Key, Row] = {}
    for period in periods:
        figures_year, as_of, last_day = figures_of(period, months)
        partial = as_of != str(figures_year)
        for firm in tables["enterprises"]:
            if firm["year"] != period[:4]:
                continue
            uscc = firm["uscc"]

            def year(back: int = 0, name: str = "figures", uscc: str = uscc, last: int = figures_year) -> Row:
                return by[name].get((uscc, str(last - back)), {})

            row: Row = {
                "uscc": uscc, "period": period, "year": period[:4], "figures_year": str(figures_year),
                "as_of_date": last_day, "is_above_scale": firm["is_above_scale"],
                "district_code": firm["district_code"], "enterprise_name": firm["enterprise_name"],
                "industry_division_code": firm["industry_division_code"],
                "registration_status_code": firm["registration_status_code"],
                "directory_change_code": firm["directory_change_code"],
                "age_years": _age(firm["registered_date"], last_day),
            }  # fmt: skip
            row |= _figures(year, partial)
            row |= _evaluation(tables, uscc, figures_year, year)
            row |= _events(tables["events"], uscc, int(period[:4]), last_day)
            row |= _chain(tables, uscc, str(figures_year))
            months_of_firm = _months(tables["months"], uscc, period, last_day)
            row["growth_notes"] |= months_of_firm.pop("growth_notes")
            row |= months_of_firm
            row |= _trend_and_risk(row)
            done[uscc, period] = row | _groups(row, firm, as_of)
    return done


def _age(born: date | None, day: date) -> int | None:
    if born is None:
        return None
    years = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return max(years, 0)


def taxes(row: Row) -> Fraction | None:
    found = [exact(row.get(f"tax_{t}_wan_yuan")) for t in TAXES]
    known = [f for f in found if f is not None]
    return sum(known, Fraction(0)) if known else None


def _figures(year: Callable[..., Row], partial: bool) -> Row:
    now = year()
    before: Row = {} if partial else year(1)
    third: Row = {} if partial else year(3)
    row: Row = {c: exact(now.get(c)) for c in TAKEN}
    g = row.get
    noted: set[str] = set()

    def note(name: str, figure: Any, base: Any, years: int = 1) -> None:
        why = without_rate(figure, base, years)
        if figure is not None and partial:
            why = "not_comparable"
        if why:
            noted.add(f"{why}:{name}")

    note("tax_growth_pct", taxes(now), taxes(before))
    note("tax_cagr_pct", taxes(now), taxes(third), 3)
    note("output_cagr_pct", now.get("output_wan_yuan"), third.get("output_wan_yuan"), 3)
    row |= {
        "growth_notes": noted,
        "tax_total_wan_yuan": taxes(now),
        "size_staff_count": g("employees_average")
        if g("employees_average") is not None
        else g("insured_count"),
        "size_revenue_wan_yuan": g("revenue_wan_yuan")
        if g("revenue_wan_yuan") is not None
        else g("declared_revenue_wan_yuan"),
        "profit_before_wan_yuan": exact(before.get("profit_wan_yuan")),
        "tax_growth_pct": growth(taxes(now), taxes(before)),
        "tax_cagr_pct": compound(taxes(now), taxes(third)),
        "output_cagr_pct": compound(now.get("output_wan_yuan"), third.get("output_wan_yuan")),
    }
    for figure, name in (
        ("declared_revenue_wan_yuan", "declared_revenue"), ("energy_tce", "energy"), ("power_kwh", "power"),
        ("water_m3", "water"), ("insured_count", "insured"), ("output_wan_yuan", "output"),
        ("value_added_wan_yuan", "value_added"), ("revenue_wan_yuan", "revenue"),
    ):  # fmt: skip
        row[f"{name}_growth_pct"] = growth(now.get(figure), before.get(figure))
        note(f"{name}_growth_pct", now.get(figure), before.get(figure))
    added, revenue, output = g("value_added_wan_yuan"), g("revenue_wan_yuan"), g("output_wan_yuan")
    emission = g("emission_t")
    row |= {
        "size_class_code": size_class(row["size_staff_count"], row["size_revenue_wan_yuan"]),
        "energy_intensity": ratio(g("energy_tce"), added),
        "water_intensity": ratio(g("water_m3"), added),
        "emission_intensity": ratio(None if emission is None else emission * 1000, added),
        "labour_productivity_wan_yuan": ratio(added, g("employees_average")),
        "tax_per_person_wan_yuan": ratio(row["tax_total_wan_yuan"], g("insured_count")),
        "profit_margin_pct": percent(g("profit_wan_yuan"), revenue),
        "value_added_rate_pct": percent(added, output),
        "sales_ratio_pct": percent(g("sales_output_wan_yuan"), output),
        "export_share_pct": percent(g("export_value_wan_yuan"), g("sales_output_wan_yuan")),
        "rd_ratio_pct": percent(g("rd_expense_wan_yuan"), revenue),
        "new_product_ratio_pct": percent(g("new_product_output_wan_yuan"), output),
    }
    return row


def _evaluation(tables: Mapping[str, list[Row]], uscc: str, last: int, year: Callable[..., Row]) -> Row:
    grades: dict[int, Row] = {}
    for row in tables["grades"]:
        if row["uscc"] == uscc:
            held = grades.get(int(row["year"]))
            if held is None or row["evaluation_version"] > held["evaluation_version"]:
                grades[int(row["year"])] = row
    now = grades.get(last, {})
    letters = {y: grades[y]["final_grade"] for y in range(last - 4, last + 1) if y in grades}
    in_d = 0
    while letters.get(last - in_d) == "D":
        in_d += 1
    values = {
        r["indicator_code"]: exact(r["value"])
        for r in tables["indicators"]
        if (r["uscc"], r["year"]) == (uscc, str(last))
    }
    rank, size = now.get("rank_in_list"), now.get("list_size")
    return {
        "list_code": year(name="population").get("list_code"),
        "eval_status_code": year(name="population").get("eval_status_code"),
        "final_grade": now.get("final_grade"),
        "grade_history": [f"{y}={letter}" for y, letter in letters.items()],
        "grade_d_years": in_d if now else None,
        "total_score": exact(now.get("total_score")),
        "rank_in_list": rank,
        "list_size": size,
        "list_percentile_pct": percent(size - rank + 1, size) if rank and size else None,
        "city_percentile_pct": exact(year(name="city_ranks").get("percentile_pct")),
        "tax_per_mu_wan_yuan": values.get("I1"),
        "value_added_per_mu_wan_yuan": values.get("I2"),
    }


def _events(events: list[Row], uscc: str, year: int, day: date) -> Row:
    """Events as last reported up to the year, without those after the day."""
    told: dict[str, Row] = {}
    for event in events:
        if event["uscc"] == uscc and int(event["year"]) <= year:
            held = told.get(event["event_id"])
            if held is None or event["year"] > held["year"]:
                told[event["event_id"]] = event
    known = [e for e in told.values() if e["event_date"] <= day]
    honours = [
        e for e in known
        if e["event_kind_code"] == "honour" and (e["valid_until_date"] is None or e["valid_until_date"] >= day)
    ]  # fmt: skip
    # three years before the day; in a shorter month its last day
    last = calendar.monthrange(day.year - 3, day.month)[1]
    since = date(day.year - 3, day.month, min(day.day, last))
    recent = [e for e in known if e["event_kind_code"] in ("penalty", "accident") and e["event_date"] > since]
    listed = [
        e for e in known
        if e["event_kind_code"] == "credit" and (e["valid_until_date"] is None or e["valid_until_date"] > day)
    ]  # fmt: skip
    row: Row = {}
    for name, codes in HONOURS.items():
        levels = [e["level_code"] for e in honours if e["event_code"] in codes and e["level_code"]]
        row[f"{name}_level_code"] = max(levels, key=LEVELS.index, default=None)
    smart = row["smart_factory_level_code"]
    return row | {
        "is_listed": any(e["event_code"] == "listed" for e in honours),
        "honour_count": len(honours),
        "smart_factory_rank": LEVELS.index(smart) + 1 if smart else 0,
        "penalty_count": sum(e["event_kind_code"] == "penalty" for e in recent),
        "accident_count": sum(e["event_kind_code"] == "accident" for e in recent),
        "case_codes": {e["event_code"] for e in recent},
        "open_listing_count": len(listed),
        "open_listing_codes": {e["event_code"] for e in listed},
    }


def _chain(tables: Mapping[str, list[Row]], uscc: str, year: str) -> Row:
    output = {r["uscc"]: exact(r["output_wan_yuan"]) for r in tables["figures"] if r["year"] == year}
    inside = [
        r for r in tables["nodes"]
        if r["year"] == year and r["chain_code"] != "OUT" and exact(r["position_share"])
    ]  # fmt: skip
    own = sorted(
        (r for r in inside if r["uscc"] == uscc),
        key=lambda r: (-exact(r["position_share"]), -exact(r["confidence"]), r["node_code"]),  # type: ignore[operator]
    )
    if not own:
        return {
            "main_chain_code": None, "main_node_code": None, "main_node_share": None, "main_node_confidence": None,
            "placed_node_count": None, "node_output_wan_yuan": None, "node_output_share_pct": None,
        }  # fmt: skip

    def part(r: Row) -> Fraction | None:
        made = output.get(r["uscc"])
        share = exact(r["position_share"])
        return None if made is None or share is None else rounded(share * made, 6)

    main = own[0]
    # the node's output is that of its confirmed firms
    parts = [part(r) for r in inside if r["node_code"] == main["node_code"] and r["is_confirmed"]]
    known = [p for p in parts if p is not None]
    is_part = known and main["is_confirmed"]
    return {
        "main_chain_code": main["chain_code"],
        "main_node_code": main["node_code"],
        "main_node_share": exact(main["position_share"]),
        "main_node_confidence": exact(main["confidence"]),
        "placed_node_count": len(own),
        "node_output_wan_yuan": part(main),
        "node_output_share_pct": percent(part(main), sum(known, Fraction(0)) if is_part else None),
    }


def _months(months: list[Row], uscc: str, period: str, day: date) -> Row:
    own = {
        int(r["month"][5:]): r for r in months
        if r["uscc"] == uscc and r["month"][:4] == period[:4] and r["month"] <= f"{day:%Y-%m}"
    }  # fmt: skip
    last = max(own, default=0)
    now = own.get(last, {})
    orders = {n: exact(r["new_orders_wan_yuan"]) for n, r in own.items()}

    def total(numbers: range) -> Fraction | None:
        reported = [amount for n in numbers if (amount := orders.get(n)) is not None]
        return sum(reported, Fraction(0)) if len(reported) == len(numbers) else None

    three, before = total(range(last - 2, last + 1)), total(range(last - 5, last - 2))
    base = now.get("output_last_year_wan_yuan")
    why = {
        "output_ytd_growth_pct": without_rate(now.get("output_ytd_wan_yuan"), base),
        "orders_change_pct": without_rate(three, before),
    }
    known = [orders.get(n) is not None for n in range(last - 5, last + 1)]
    if not all(known):
        why["orders_change_pct"] = "not_comparable" if any(known) else None
    return {
        "growth_notes": {f"{reason}:{name}" for name, reason in why.items() if reason},
        "output_ytd_wan_yuan": exact(now.get("output_ytd_wan_yuan")),
        "output_ytd_growth_pct": growth(now.get("output_ytd_wan_yuan"), base),
        "new_orders_wan_yuan": exact(now.get("new_orders_wan_yuan")),
        "orders_in_hand_wan_yuan": exact(now.get("orders_in_hand_wan_yuan")),
        "capacity_utilisation_pct": exact(now.get("capacity_utilisation_pct")),
        "orders_change_pct": None if three is None or before is None else growth(three, before),
        "report_month_count": sum(o is not None for o in orders.values()) if own else None,
        "orders_month": f"{period[:4]}-{last:02d}" if own else None,
    }


def _trend_and_risk(row: Row) -> Row:
    moved = row["output_growth_pct"]
    if moved is None:
        moved = row["declared_revenue_growth_pct"]
    trend = None if moved is None else "rising" if moved >= 5 else "falling" if moved <= -5 else "steady"
    cases, listed = row["case_codes"], row["open_listing_codes"]
    severe = {
        "listed_serious": listed & {"dishonest_debtor", "serious_violation"},
        "fatal_accident": "safety_fatal" in cases,
        "tax_evasion": "tax_evasion" in cases,
    }
    profit, before, fall = row["profit_wan_yuan"], row["profit_before_wan_yuan"], row["output_growth_pct"]
    moderate = {
        "abnormal_operation": "abnormal_operation" in listed,
        "environment": cases & {"environment_major", "illegal_discharge"} or "environment_red" in listed,
        "grade_d": row["final_grade"] == "D",
        "loss_two_years": profit is not None and before is not None and profit < 0 and before < 0,
        "output_fall": fall is not None and fall <= -20,
        "tax_credit_d": "tax_grade_d" in listed,
    }
    reasons = [code for code, found in {**severe, **moderate}.items() if found]
    number = sum(map(bool, moderate.values()))
    level = "high" if any(severe.values()) or number >= 3 else "medium" if number else "low"
    return {"trend_code": trend, "risk_level_code": level, "risk_reasons": reasons}


GROUPS = {
    "land": ("land_area_mu",),
    "per_mu": ("final_grade", "total_score", "tax_per_mu_wan_yuan"),
    "tax": ("tax_total_wan_yuan", "declared_revenue_wan_yuan"),
    "energy": ("energy_tce", "power_kwh"),
    "water": ("water_m3",),
    "emission": ("emission_t",),
    "people": ("employees_average", "insured_count"),
    "output": (
        "output_wan_yuan", "sales_output_wan_yuan", "value_added_wan_yuan", "revenue_wan_yuan", "profit_wan_yuan",
    ),
    "market": ("export_value_wan_yuan", "customs_export_wan_yuan", "customs_import_wan_yuan"),
    "innovation": (
        "rd_expense_wan_yuan", "new_product_output_wan_yuan", "patents_applied_count", "patents_granted_count",
        "inventions_valid_count", "patents_valid_count",
    ),
    "chain": ("main_chain_code", "main_node_code"),
    "orders": (
        "output_ytd_wan_yuan", "new_orders_wan_yuan", "orders_in_hand_wan_yuan", "capacity_utilisation_pct",
    ),
}  # fmt: skip
REGISTER = ("district_code", "industry_code", "registered_date", "registration_status_code")


def _groups(row: Row, firm: Row, as_of: str) -> Row:
    there = sum(firm.get(c) is not None for c in REGISTER)
    found: Row = {
        "register_completeness": rounded(Fraction(there, len(REGISTER)), 4),
        "register_as_of": row["year"],
    }
    every, fields = there, len(REGISTER)
    for name, columns in GROUPS.items():
        number = sum(row[c] is not None for c in columns)
        every, fields = every + number, fields + len(columns)
        time = row["orders_month"] if name == "orders" else as_of
        found[f"{name}_as_of"] = time if number else None
        found[f"{name}_completeness"] = rounded(Fraction(number, len(columns)), 4)
    return found | {"profile_completeness": rounded(Fraction(every, fields), 4)}


# --- tags ----------------------------------------------------------------------------------------------------


def holds(rule: Mapping[str, Any], row: Row) -> bool | None:
    """Whether a rule holds for a profile's row; None if that is unknown."""
    if "all" in rule:
        found = [holds(part, row) for part in rule["all"]]
        return False if False in found else None if None in found else True
    if "any" in rule:
        found = [holds(part, row) for part in rule["any"]]
        return True if True in found else None if None in found else False
    [(op, against)] = [(k, v) for k, v in rule.items() if k != "field"]
    value = row[rule["field"]]
    if op in ("known", "unknown"):
        return (value is not None) == (op == "known")
    if isinstance(against, Mapping):
        other = row[against["than"]]
        against = None if other is None else exact(other) * exact(against.get("factor", 1))  # type: ignore[operator]
    return None if value is None or against is None else bool(TESTS[op](value, against))


TESTS: dict[str, Callable[[Any, Any], Any]] = {
    "is": lambda value, wanted: value == wanted,
    "is_not": lambda value, wanted: value != wanted,
    "in": lambda value, wanted: value in wanted,
    "contains": lambda codes, wanted: wanted in codes,
    "eq": lambda value, limit: exact(value) == exact(limit),
    "ge": lambda value, limit: exact(value) >= exact(limit),  # type: ignore[operator]
    "gt": lambda value, limit: exact(value) > exact(limit),  # type: ignore[operator]
    "le": lambda value, limit: exact(value) <= exact(limit),  # type: ignore[operator]
    "lt": lambda value, limit: exact(value) < exact(limit),  # type: ignore[operator]
}


def tags(rules: Mapping[str, Mapping[str, Any]], row: Row) -> set[str]:
    """Codes of the tags whose rules hold for the row; an unknown result gives no tag."""
    year = int(row["period"][:4])
    return {
        code
        for code, rule in rules.items()
        if rule.get("valid_from", 0) <= year <= rule.get("valid_to", 9999) and holds(rule["when"], row)
    }


# --- comprehensive score ---------------------------------------------------------------------------------------


def scores(rule: Mapping[str, Any], rows: Mapping[Key, Row], periods: Iterable[str]) -> dict[Key, Row]:
    """Scores of the periods; ``rows`` holds the profiles of the periods and of the years before their figures."""
    wanted = list(periods)
    years = {str(int(r["figures_year"]) - 1) for r in rows.values() if r["period"] in wanted}
    done: dict[Key, Row] = {}
    for period in {*wanted, *years}:
        firms = {u: r for (u, p), r in rows.items() if p == period and holds(rule["scope"], r)}
        done |= {(u, period): row for u, row in _score_period(rule, firms).items()}
    before = {key: done.get((key[0], str(int(row["figures_year"]) - 1))) for key, row in done.items()}
    return {key: row | _change(rule, row, before[key]) for key, row in done.items() if key[1] in wanted}


def _groups_of(row: Row, levels: Iterable[str]) -> list[tuple[str, str]]:
    division, size = row["industry_division_code"], row["size_class_code"]
    names = {
        "division_size": f"{division}/{size}" if division and size else None,
        "division": division,
        "size": size,
        "city": "city",
    }
    return [(level, name) for level in levels if (name := names[level]) is not None]


def share_at_or_below(value: Fraction, peers: list[Fraction]) -> Fraction:
    return rounded(Fraction(100 * sum(p <= value for p in peers), len(peers)), 4)


def mean(weights: Mapping[str, Any], values: Mapping[str, Fraction | None], least: Any) -> Fraction | None:
    """Weighted mean of the known values; missing if their weights sum to less than ``least``."""
    there = {c: Fraction(str(w)) for c, w in weights.items() if values[c] is not None}
    if sum(there.values()) < Fraction(str(least)):
        return None
    points = sum((w * values[c] for c, w in there.items()), Fraction(0))  # type: ignore[operator]
    return rounded(points / sum(there.values()), 4)


def _score_period(rule: Mapping[str, Any], firms: Mapping[str, Row]) -> dict[str, Row]:
    levels = rule["peers"]["levels"]
    members: dict[str, list[str]] = defaultdict(list)
    for uscc, row in firms.items():
        for _, name in _groups_of(row, levels):
            members[name].append(uscc)
    done = {}
    for uscc, row in firms.items():
        level, group = next(
            (level, name)
            for level, name in _groups_of(row, levels)
            if len(members[name]) >= rule["peers"]["least"] or name == "city"
        )
        peers = [firms[u] for u in members[group]]
        found: Row = {
            "figures_year": row["figures_year"], "peer_level_code": level, "peer_group": group, "percentiles": {},
        }  # fmt: skip
        for code, dimension in rule["dimensions"].items():
            values = {n: _percentile(n, i, row, peers) for n, i in dimension["indicators"].items()}
            found["percentiles"] |= {n: v for n, v in values.items() if v is not None}
            weights = {n: i["weight"] for n, i in dimension["indicators"].items()}
            found[code] = mean(weights, values, rule["least_indicator_weight"])
        dimensions = rule["dimensions"]
        found["missing_dimensions"] = [d for d in dimensions if found[d] is None]
        found["total"] = mean(
            {d: spec["weight"] for d, spec in dimensions.items()}, found, rule["least_dimension_weight"]
        )
        done[uscc] = found
    for row in done.values():
        if row["total"] is not None:
            _rank(row, done, members)
    return done


def _percentile(name: str, indicator: Mapping[str, Any], row: Row, peers: list[Row]) -> Fraction | None:
    sign = -1 if indicator.get("better") == "less" else 1
    own = exact(row[name])
    known = [v for p in peers if (v := exact(p[name])) is not None]
    return None if own is None else share_at_or_below(own * sign, [v * sign for v in known])


def _rank(row: Row, done: Mapping[str, Row], members: Mapping[str, list[str]]) -> None:
    peers = [t for u in members[row["peer_group"]] if (t := done[u]["total"]) is not None]
    city = [t for r in done.values() if (t := r["total"]) is not None]
    row["peer_count"], row["scored_count"] = len(peers), len(city)
    row["rank_in_peers"] = 1 + sum(t > row["total"] for t in peers)
    row["rank_in_city"] = 1 + sum(t > row["total"] for t in city)
    row["peer_percentile_pct"] = share_at_or_below(row["total"], peers)


def _change(rule: Mapping[str, Any], now: Row, before: Row | None) -> Row:
    nothing: Row = {"score_change": None, "change_dimension_code": None, "change_part": None}
    if before is None or now["total"] is None:
        return nothing
    parts = {
        d: (now[d] - before[d]) * Fraction(str(spec["weight"]))
        for d, spec in rule["dimensions"].items()
        if now[d] is not None and before[d] is not None
    }
    weight = sum((Fraction(str(rule["dimensions"][d]["weight"])) for d in parts), Fraction(0))
    if weight < Fraction(str(rule["least_dimension_weight"])):
        return nothing
    found = nothing | {"score_change": rounded(sum(parts.values(), Fraction(0)) / weight, 4)}
    most = max(parts, key=lambda d: abs(parts[d]))
    if parts[most]:
        found |= {"change_dimension_code": most, "change_part": rounded(parts[most] / weight, 4)}
    return found


def shown(value: Fraction, digits: int) -> str:
    """The value as a decimal column prints it."""
    quantum = Decimal(1).scaleb(-digits)
    return str((Decimal(value.numerator) / Decimal(value.denominator)).quantize(quantum, ROUND_HALF_UP))
