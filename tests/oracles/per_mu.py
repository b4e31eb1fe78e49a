"""Per-mu evaluation 亩均效益综合评价 in plain Python: the expected result of every firm.

Written from the rules' text (lists, exclusions, indicators, scoring, quotas, vetoes) with exact fractions and
plain loops; it shares no code with the jobs. Tables are lists of dicts, rule sets are plain mappings whose
numbers may be text. Figures: 万元, 亩, tce, t, kWh.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from math import ceil, floor
from typing import Any

Row = dict[str, Any]
Key = tuple[str, str]
#: Year, district, list, group of industries, indicator.
Place = tuple[str, str, str, str, str]

CITY = "330200"
TAXES = ("vat", "export_offset", "income", "consumption", "surcharge", "land_use", "property", "other")
STATISTICS = (
    "value_added_wan_yuan", "employees_average", "rd_expense_wan_yuan", "revenue_wan_yuan",
    "technical_investment_wan_yuan",
)  # fmt: skip
#: Indicator: numerator, denominator, units of the denominator in one unit of the formula.
FORMULAS = {
    "I1": ("tax", "land_area_mu", 1),
    "I2": ("value_added_wan_yuan", "land_area_mu", 1),
    "I3": ("value_added_wan_yuan", "energy_tce", 1),
    "I4": ("value_added_wan_yuan", "emission_t", 1),
    "I5": ("value_added_wan_yuan", "employees_average", 1),
    "I6": ("rd_expense_wan_yuan", "revenue_wan_yuan", 1),
    "I7": ("tax", "power_kwh", 10_000),
    "I8": ("declared_revenue_wan_yuan", "land_area_mu", 1),
    "I9": ("value_added_wan_yuan", "water_m3", 10_000),
    "I10": ("value_added_wan_yuan", "cod_t", 1),
    "I15": ("technical_investment_wan_yuan", "land_area_mu", 1),
    "I19": ("tax", "energy_tce", 1),
    "I21": ("energy_tce", "value_added_wan_yuan", 1),
    "I22": ("water_m3", "value_added_wan_yuan", 1),
}
#: Indicators of which less is better.
LESS = ("I21", "I22")
#: Figure → feeds that it comes from, and the name under which reasons list it as missing.
SOURCES = {
    "tax": ({"gov_tax", "gov_tax_excluded"}, "gov_tax"),
    "declared_revenue_wan_yuan": ({"gov_tax"}, "gov_tax"),
    **{s: ({"gov_statistics_annual", "gov_statistics_monthly"}, "gov_statistics") for s in STATISTICS},
    "energy_tce": ({"gov_energy"}, "gov_energy"),
    "emission_t": ({"gov_emission"}, "gov_emission"),
    "cod_t": ({"gov_emission"}, "gov_emission"),
    "water_m3": ({"gov_water"}, "gov_water"),
    "power_kwh": ({"gov_electricity"}, "gov_electricity"),
    "land_area_mu": (set(), ""),
}
#: Figure → its name in reasons, where that differs.
NAMES = {"tax": "tax_contribution"}
LAND_FEEDS = {"gov_land_parcel", "gov_land_survey"}
#: Indicator → the figure that a firm with a discharge permit owes, and the feed in which its absence is noted.
OWED = {"I4": ("emission_t", "gov_emission"), "I10": ("emission_t", "gov_emission")}
#: Division → least land per person (m²), highest value added and highest tax per mu (万元).
Limits = Mapping[str, tuple[Fraction, Fraction, Fraction]]
#: A mu in square metres.
MU = Fraction(2000, 3)


@dataclass
class Evaluation:
    """Results by (firm, year), values by (firm, year, indicator)."""

    population: dict[Key, Row] = field(default_factory=dict)
    #: By (year, district, list, group, indicator): value in force, worst value of a range, with and without giants, the
    #: giants, their treatment.
    baselines: dict[Place, Row] = field(default_factory=dict)
    values: dict[tuple[str, str, str], Row] = field(default_factory=dict)
    adjustments: dict[tuple[str, str, str, str], tuple[Fraction, str]] = field(default_factory=dict)
    grades: dict[Key, Row] = field(default_factory=dict)
    city: dict[Key, Row] = field(default_factory=dict)
    #: By (year, district, list): sums of the firms in scope that have land, with and without giants.
    summaries: dict[tuple[str, str, str], Row] = field(default_factory=dict)


def evaluate(
    firms: list[Row],
    parcels: list[Row],
    uses: list[Row],
    events: list[Row],
    rules: Mapping[Key, Row],
    limits: Limits,
) -> Evaluation:
    """Evaluate firms (directory and figures in one row) under the rule sets of (district, year)."""
    done = Evaluation()
    city_rules = {key: rule for key, rule in rules.items() if key[0] == CITY}
    # the city's rule set evaluates nobody: a firm filed under the city as a whole has no rule set
    rules = {key: rule for key, rule in rules.items() if key[0] != CITY}
    firms = [{**firm, "tax": _tax(firm, rules)} for firm in firms]
    judged = {(f["uscc"], f["year"]): _judge(f, parcels, uses, rules, limits) for f in firms}
    for key, own in judged.items():
        done.population[key] = _unit(own, judged)
    groups = _units(firms, done.population)
    done.baselines = _baselines(groups, done.population.values(), rules)
    done.values = _scores(groups, done.baselines, rules)
    done.adjustments = _adjustments(done.population, events, rules)
    done.grades = _grades(done, rules)
    done.city = _city(firms, done.population, city_rules)
    done.summaries = _summaries(firms, groups, done.population, rules)
    return done


# --- numbers ---------------------------------------------------------------------------------------


def number(value: Any) -> Fraction | None:
    return None if value is None else Fraction(str(value))


def rounded(value: Fraction, digits: int = 6, mode: str = "half_up") -> Fraction:
    """四舍五入 away from zero at the half, or cut 截位 towards zero."""
    steps = abs(value) * 10**digits
    whole = floor(steps + Fraction(1, 2)) if mode == "half_up" else floor(steps)
    return Fraction(whole if value >= 0 else -whole, 10**digits)


def years_after(day: date, years: int) -> date:
    last = calendar.monthrange(day.year + years, day.month)[1]
    return date(day.year + years, day.month, min(day.day, last))


def _tax(firm: Row, rules: Mapping[Key, Row]) -> Fraction | None:
    """Sum of the rule set's tax components, less the kinds of tax that it leaves out.

    An empty component is zero, and tax without any component is missing.
    """
    amounts = {name: number(firm.get(f"tax_{name}_wan_yuan")) for name in TAXES}
    rule = rules.get((firm["district_code"], firm["year"]))
    if rule is None or all(a is None for a in amounts.values()):
        return None
    left_out = sum(
        (
            number(firm.get(f"tax_excluded_{kind}_wan_yuan")) or Fraction(0)
            for kind in rule.get("tax_exclusions", ())
        ),
        Fraction(0),
    )
    return sum((amounts[name] or Fraction(0) for name in rule["tax_components"]), Fraction(0)) - left_out


# --- who is evaluated ------------------------------------------------------------------------------


def _judge(firm: Row, parcels: list[Row], uses: list[Row], rules: Mapping[Key, Row], limits: Limits) -> Row:
    """The firm's own list, status and reasons, before tenants follow a holder."""
    uscc, year = firm["uscc"], firm["year"]
    rule = rules.get((firm["district_code"], year))
    held = [p for p in parcels if p["owner_uscc"] == uscc and p["year"] == year]
    lets = any(u["lessor_uscc"] == uscc and u["year"] == year and u["use_type_code"] == "lease" for u in uses)
    is_tenant = not held and not lets and not (number(firm.get("land_own_mu")) or 0) > 0
    above = _is_above(firm, rule)
    land = number(firm.get("land_area_mu"))
    own = {
        "uscc": uscc, "year": year, "district_code": firm["district_code"], "rule": rule, "land": land,
        "is_tenant": is_tenant, "above": above, "notes": [], "until": None,
        "as_of": firm.get("figures_as_of") or year,
        "holder": _holder(uscc, year, parcels, uses),
        "list_code": _list(rule, above, is_tenant, land),
    }  # fmt: skip
    own["ranked_in"] = _ranked_in(
        rule, own["list_code"], firm["industry_code"] or firm["industry_division_code"]
    )
    own["overloads"] = _overloads(firm, rule, land, limits)
    own["status"], own["reasons"] = _status(firm, own, held)
    return own


def _is_above(firm: Row, rule: Row | None) -> bool:
    change = firm["directory_change_code"]
    if change == "dropped":
        return bool((rule or {}).get("dropped_list", "above_scale") == "above_scale")
    if change == "upgraded":
        return bool((rule or {}).get("upgraded_list", "below_scale") == "above_scale")
    return bool(firm["is_above_scale"])


def _list(rule: Row | None, above: bool, is_tenant: bool, land: Fraction | None) -> str:
    if above:
        return "above_scale"
    landless = rule is not None and rule["zero_land"] == "tenant_list" and land is not None and land <= 0
    if is_tenant or landless:
        return "tenant"
    limit = number(rule["large_land_mu"]) if rule else Fraction(3)
    return "below_scale_ge3" if (land or Fraction(0)) >= limit else "below_scale_lt3"  # type: ignore[operator]


def _ranked_in(rule: Row | None, code: str, industry: str | None) -> str:
    """The group of industries in which a firm is ranked: that with the longest beginning of its industry's code."""
    groups = rule["lists"].get(code, {}).get("groups", {}) if rule else {}
    if not groups:
        return "all"
    fitting = [
        (len(begins), name)
        for name, group in groups.items()
        for begins in group["industries"]
        if industry is not None and industry.startswith(begins)
    ]
    return max(fitting)[1] if fitting else "other"


def _holder(uscc: str, year: str, parcels: list[Row], uses: list[Row]) -> str | None:
    """Holder of the parcel on which the firm rents the most land."""
    owners = {p["parcel_id"]: p["owner_uscc"] for p in parcels if p["year"] == year}
    rents = [
        (-Fraction(str(u["used_area_mu"])), u["parcel_id"], u["use_type_code"], owners[u["parcel_id"]])
        for u in uses
        if u["uscc"] == uscc and u["year"] == year and u["use_type_code"] != "own"
        and owners.get(u["parcel_id"]) not in (None, uscc)
    ]  # fmt: skip
    return min(rents)[3] if rents else None


def _status(firm: Row, own: Row, held: list[Row]) -> tuple[str, list[str]]:
    """The first status that applies, with its reasons."""
    rule, division = own["rule"], firm["industry_division_code"]
    if rule is None:
        return "out_of_scope", ["no_rule_set"]
    quarantined = set(firm.get("quarantined_feeds") or [])
    industry = firm["industry_code"] or division or ""
    registration = firm["registration_status_code"]
    not_industry = division is not None and not 6 <= int(division) <= 46
    no_land = own["list_code"] == "tenant" and own["land"] is None and not quarantined & LAND_FEEDS
    states = [
        ("out_of_scope", ["not_industry"] if not_industry else []),
        ("out_of_scope", ["registration:" + r for r in rule["inactive_statuses"] if r == registration]),
        ("exempt", ["industry:" + p for p in rule["exempt_industries"] if industry.startswith(p)][:1]),
        ("protected", _protections(firm, own, held)),
        ("out_of_scope", ["no_land_use"] if no_land else []),
        ("data_incomplete", _gaps(firm, own, quarantined)),
        ("out_of_scope", [] if own["list_code"] in rule["lists"] else ["list_not_evaluated"]),
    ]
    return next(((status, reasons) for status, reasons in states if reasons), ("graded", []))


def _protections(firm: Row, own: Row, held: list[Row]) -> list[str]:
    """Protections that keep the firm out of the grading; those that only keep it out of D go to its notes."""
    end = date(int(firm["year"]), 12, 31)
    rule = own["rule"]["protection"]
    ends: dict[str, date] = {}
    if rule["new_firm"] and firm["registered_date"]:
        ends["new_firm"] = years_after(firm["registered_date"], rule["new_firm"]["years"])
    if rule["new_land"] and held:
        days = [_new_until(parcel, rule["new_land"]) for parcel in held]
        if all(day is not None and day > end for day in days):
            ends["new_land"] = max(day for day in days if day is not None)
    ends = {code: day for code, day in ends.items() if day > end}
    out = [code for code in ends if rule[code]["effect"] == "protected"]
    own["notes"] = [code for code in ends if code not in out]
    if rule["upgraded"] == "not_below_c" and firm["directory_change_code"] == "upgraded":
        own["notes"].append("upgraded")
    own["until"] = max((ends[code] for code in out), default=None)
    return out


def _new_until(parcel: Row, rule: Row) -> date | None:
    if parcel["supply_mode_code"] not in rule["supply_modes"] or parcel["acquired_date"] is None:
        return None
    by_years = years_after(parcel["acquired_date"], rule["years"])
    due: date | None = parcel["completion_due_date"]
    return by_years if due is None else min(by_years, due)


def _overloads(
    firm: Row, rule: Row | None, land: Fraction | None, limits: Limits
) -> dict[str, tuple[Fraction, Fraction]]:
    """What the firm's land cannot carry, with the land it needs at the densest use: people, value added or tax."""
    if rule is None or rule["impossible_land"] != "data_incomplete" or land is None or land <= 0:
        return {}
    if firm["industry_division_code"] not in limits:
        return {}
    area, added, tax = limits[firm["industry_division_code"]]
    people = number(firm.get("employees_average"))
    if people is None:
        people = number(firm.get("insured_count"))
    amounts = {
        "staff": (people, MU / area),
        "value_added": (number(firm.get("value_added_wan_yuan")), added),
        "tax": (firm["tax"], tax),
    }
    return {
        name: (own, rounded(own / most))
        for name, (own, most) in amounts.items()
        if own is not None and land < own / most
    }


def _gaps(firm: Row, own: Row, quarantined: set[str]) -> list[str]:
    rule, land, code = own["rule"], own["land"], own["list_code"]
    indicators = rule["lists"].get(code, {"indicators": {}})["indicators"]
    gaps = set()
    watched = LAND_FEEDS | {"gov_statistics_directory"}
    for name, indicator in indicators.items():
        for place, figure in enumerate(FORMULAS[name][:2]):
            feeds, reported = SOURCES[figure]
            watched |= feeds
            if figure == "land_area_mu" or indicator["missing"] != "data_incomplete":
                continue
            value = firm[figure] if figure == "tax" else number(firm.get(figure))
            called = NAMES.get(figure, figure)
            if value is None:
                known_missing = reported in (firm.get("missing_feeds") or [])
                gaps.add("missing:" + (reported if known_missing else called))
            elif place == 1 and value <= 0:
                gaps.add("zero:" + called)
    gaps |= {"quarantined:" + feed for feed in quarantined & watched}
    if land is None:
        gaps.add("no_land_use")
    elif land <= 0 and (
        rule["zero_land"] == "data_incomplete" or (rule["zero_land"] == "tenant_list" and code != "tenant")
    ):
        gaps.add("zero_land")
    gaps |= {"land_too_small:" + name for name in own["overloads"]}
    if firm["industry_division_code"] is None:
        gaps.add("missing:industry_code")
    return sorted(gaps)


def _unit(own: Row, judged: Mapping[Key, Row]) -> Row:
    """Tenants that follow a holder graded in the same district: by grade (inherit) or by figures (merge)."""
    role, unit, status, reasons = "own", own["uscc"], own["status"], list(own["reasons"])
    tenants = own["rule"]["tenants"] if own["rule"] else None
    evaluable = status in ("graded", "data_incomplete") or reasons == ["list_not_evaluated"]
    if tenants and own["is_tenant"] and tenants["mode"] != "separate" and evaluable:
        scale = "above_scale" if own["above"] else "below_scale"
        apart = number(tenants["apart_from_land_mu"])
        large = apart is not None and own["land"] is not None and own["land"] >= apart
        if scale in tenants["applies_to"] and not large:
            holder = judged.get((own["holder"], own["year"]))
            fit = (
                holder is not None and holder["status"] == "graded" and not holder["is_tenant"]
                and holder["district_code"] == own["district_code"]
            )  # fmt: skip
            if fit and tenants["mode"] == "inherit":
                role = "inherits"
            elif fit and status != "data_incomplete":
                role = "merged"
            elif status == "graded":
                reasons = ["landlord_not_evaluated"]
    if role != "own":
        unit, status, reasons = own["holder"], "graded", []
    if status == "graded":
        reasons = own["notes"] + reasons
    return {
        **{k: own[k] for k in ("uscc", "year", "district_code", "list_code", "ranked_in", "land", "overloads")},
        "status": status, "reasons": reasons, "unit": unit, "role": role, "as_of": own["as_of"],
        "until": own["until"] if status == "protected" else None,
    }  # fmt: skip


# --- values, baselines, scores ---------------------------------------------------------------------

#: A unit: firm, year, district, list, its firms' figures, group of industries.
Unit = tuple[str, str, str, str, list[Row], str]


def _units(firms: list[Row], population: Mapping[Key, Row]) -> list[Unit]:
    members: dict[Key, list[Row]] = defaultdict(list)
    for firm in firms:
        stands = population[firm["uscc"], firm["year"]]
        if stands["status"] == "graded" and stands["role"] != "inherits":
            members[stands["unit"], firm["year"]].append(firm)
    return [
        (uscc, year, stands["district_code"], stands["list_code"], rows, stands["ranked_in"])
        for (uscc, year), rows in members.items()
        if (stands := population[uscc, year])
    ]


def _sides(unit: Unit, name: str) -> tuple[Fraction | None, Fraction | None]:
    """Numerator and denominator, summed over the unit's firms; a figure that no firm reports is missing."""
    top, bottom, scale = FORMULAS[name]

    def total(figure: str) -> Fraction | None:
        known = [v for firm in unit[4] if (v := number(firm.get(figure))) is not None]
        return sum(known, Fraction(0)) if known else None

    below = total(bottom)
    return total(top), None if below is None else below / scale


def _is_withheld(unit: Unit, name: str, rule: Row) -> bool:
    """A firm of the unit owes a report of the indicator's figure and sent none, and the rule scores that apart."""
    if name not in OWED or rule["lists"][unit[3]]["indicators"][name]["withheld"] == "as_missing":
        return False
    feed = OWED[name][1]
    return any(
        feed in (firm.get("missing_feeds") or []) and feed not in (firm.get("quarantined_feeds") or [])
        for firm in unit[4]
    )


def _value(unit: Unit, name: str, rule: Row) -> Fraction | None:
    above, below = _sides(unit, name)
    if above is None or below is None or below <= 0 or _is_withheld(unit, name, rule):
        return None
    return rounded(above / below, rule["rounding"]["value_scale"], rule["rounding"]["mode"])


def _median(ordered: list[Fraction]) -> Fraction:
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _total(rows: Iterable[Row], figure: str) -> Fraction | None:
    known = [v for row in rows if (v := number(row.get(figure))) is not None]
    return sum(known, Fraction(0)) if known else None


def _amounts(units: list[Unit], rule: Row) -> dict[str, Fraction]:
    """Figure → the amount from which on one dominates a list of these units, where enough of them report it.

    A giant has the rule's share of the list's positive figures, and the rule's multiple of its median figure.
    """
    found = {}
    for figure in ("tax", "value_added_wan_yuan"):
        known = sorted(v for unit in units if (v := _total(unit[4], figure)) is not None)
        enough = len(units) * Fraction(str(rule["giant_reporting_share"]))
        if len(known) >= rule["giant_from_units"] and len(known) >= enough:
            found[figure] = max(
                number(rule["giant_share"]) * sum((v for v in known if v > 0), Fraction(0)),  # type: ignore[operator]
                number(rule["giant_times_median"]) * rounded(_median(known)),  # type: ignore[operator]
            )
    return found


def _dominates(rows: list[Row], amounts: Mapping[str, Fraction]) -> bool:
    figures = {figure: _total(rows, figure) for figure in amounts}
    return any(v is not None and v > 0 and v >= amounts[figure] for figure, v in figures.items())


def _baselines(units: list[Unit], population: Iterable[Row], rules: Mapping[Key, Row]) -> dict[Place, Row]:
    found: dict[Place, Row] = {}
    for district, year in sorted({(p["district_code"], p["year"]) for p in population}):
        rule = rules.get((district, year))
        for code, ranked in (rule or {"lists": {}})["lists"].items():
            assert rule is not None
            for group in [*ranked["groups"], "other"] if ranked.get("groups") else ["all"]:
                here = [u for u in units if (*u[1:4], u[5]) == (year, district, code, group)]
                amounts = _amounts(here, rule)
                giants = {u[0] for u in here if _dominates(u[4], amounts)}
                for name, indicator in ranked["indicators"].items():
                    found[year, district, code, group, name] = _baseline(
                        here, giants, name, indicator["baseline"], rule
                    )
    return found


def _baseline(units: list[Unit], giants: set[str], name: str, method: Row, rule: Row) -> Row:
    """The baseline by the rule's method from all units and from the others than giants, and the one in force."""
    counted = sorted(u[0] for u in units if u[0] in giants and _value(u, name, rule) is not None)
    if method["method"] == "fixed":
        value = _positive(number(method["value"]), method)
        return {
            "value": value, "worst": None, "with": None, "without": None, "giants": counted, "treatment": "published",
            "units": None,
        }  # fmt: skip
    among = {"with": units, "without": [u for u in units if u[0] not in giants]}
    worst: dict[str, Fraction | None] = {"with": None, "without": None}
    if method["method"] == "range":
        ends = {which: _ends(some, name, rule) for which, some in among.items()}
        both = {which: best for which, (best, _) in ends.items()}
        worst = {which: end for which, (_, end) in ends.items()}
    else:
        both = {
            which: _positive(_computed(some, name, method["method"], rule), method)
            for which, some in among.items()
        }
    if not counted:
        treatment = "none"
    elif method["giants"] == "with":
        treatment = "counted"
    else:
        treatment = "nothing_left" if both["without"] is None else "left_out"
    chosen = "without" if treatment == "left_out" else "with"
    in_force = both[chosen]
    # units behind the figure in force: giants are none of them where they are left out
    behind = [u for u in units if _value(u, name, rule) is not None]
    left_out = len(counted) if treatment == "left_out" else 0
    count = len(behind) - left_out if method["method"] != "range" else int(in_force is not None)
    return {
        "value": in_force, "worst": worst[chosen], **both, "giants": counted, "treatment": treatment, "units": count,
    }  # fmt: skip


def _ends(units: list[Unit], name: str, rule: Row) -> tuple[Fraction | None, Fraction | None]:
    """Best and worst value of the units; neither where they do not differ."""
    values = [v for u in units if (v := _value(u, name, rule)) is not None]
    if not values or min(values) == max(values):
        return None, None
    return (min(values), max(values)) if name in LESS else (max(values), min(values))


def _positive(value: Fraction | None, method: Row) -> Fraction | None:
    """The value times the rule's factor, if above zero."""
    scaled = Fraction(0) if value is None else rounded(rounded(value) * Fraction(str(method["factor"])))
    return scaled if scaled > 0 else None


def _computed(units: list[Unit], name: str, method: str, rule: Row) -> Fraction | None:
    defined = [(v, *_sides(u, name)) for u in units if (v := _value(u, name, rule)) is not None]
    values = sorted(v for v, _, _ in defined)
    if not values:
        return None
    # a value is the quotient of both sides, so neither is missing
    sides = [(n, d) for _, n, d in defined if n is not None and d is not None]
    means: dict[str, Callable[[], Fraction]] = {
        "aggregate": lambda: (
            sum((n for n, _ in sides), Fraction(0)) / sum((d for _, d in sides), Fraction(0))
        ),
        "mean": lambda: sum(values, Fraction(0)) / len(values),
        "median": lambda: _median(values),
    }
    return means[method]()


def _scores(
    units: list[Unit],
    baselines: Mapping[Place, Row],
    rules: Mapping[Key, Row],
) -> dict[tuple[str, str, str], Row]:
    found: dict[tuple[str, str, str], Row] = {}
    averages: dict[Place, list[Fraction]] = defaultdict(list)
    for unit in units:
        uscc, year, district, code, _, ranked_in = unit
        rule = rules.get((district, year))
        for name, indicator in (rule["lists"][code]["indicators"] if rule else {}).items():
            assert rule is not None
            place = (year, district, code, ranked_in, name)
            base, worst = baselines[place]["value"], baselines[place]["worst"]
            value = _value(unit, name, rule)
            score, note = (
                (None, None) if value is None else _own_score(name, value, base, worst, indicator, rule)
            )
            found[uscc, year, name] = {
                "value": value, "baseline": base, "score": score, "note": note, "sides": _sides(unit, name),
                "group": place, "worst": worst, "policy": indicator["missing"], "rule": rule,
                "withheld": _is_withheld(unit, name, rule),
            }  # fmt: skip
            if score is not None:
                averages[place].append(score)
    for (_, _, name), row in found.items():
        if row["score"] is None:
            row["score"], row["note"] = _missing_score(name, row, averages[row["group"]])
    return found


def _own_score(
    name: str, value: Fraction, base: Fraction | None, worst: Fraction | None, indicator: Row, rule: Row
) -> tuple[Fraction, str | None]:
    weight = Fraction(str(indicator["weight"]))
    if base is None:
        return Fraction(0), "no_baseline"
    if (
        value < 0
        and FORMULAS[name][0] == "value_added_wan_yuan"
        and rule["negative_value_added"] == "zero_score"
    ):
        return Fraction(0), "negative_zero"
    if indicator.get("scoring") == "min_max":
        assert worst is not None
        least = Fraction(str(indicator["least_share"]))
        reached = min(Fraction(1), max(Fraction(0), (value - worst) / (base - worst)))
        share = least + (1 - least) * reached
    else:
        share = max(Fraction(0), 2 - value / base) if name in LESS else value / base
    plain = rounded(share * weight, rule["rounding"]["score_scale"], rule["rounding"]["mode"])
    cap = None if rule["cap_ratio"] is None else rounded(Fraction(str(rule["cap_ratio"])) * weight)
    if cap is not None and plain > cap:
        return cap, "capped"
    if rule["floor"] is not None and plain < Fraction(str(rule["floor"])):
        return Fraction(str(rule["floor"])), "floored"
    return plain, None


def _missing_score(name: str, row: Row, others: list[Fraction]) -> tuple[Fraction, str]:
    """Average or median of the list's own scores, or zero; zero without land if the rule set says so.

    A withheld figure never scores better than the list's lowest. A denominator reported as zero is told apart.
    """
    if row["withheld"]:
        return min([Fraction(0), *others]), "withheld_zero"
    above, below = row["sides"]
    is_zero = above is not None and below is not None and below <= 0
    by_land = FORMULAS[name][1] == "land_area_mu" and below is not None and below <= 0
    divides = FORMULAS[name][1] == "value_added_wan_yuan" and below is not None and below <= 0
    is_divided = FORMULAS[name][0] == "value_added_wan_yuan" and above is not None and above < 0
    by_loss = (divides or is_divided) and row["rule"]["negative_value_added"] == "zero_score"
    averaged = row["policy"].startswith("group_") and not (
        (by_land and row["rule"]["zero_land"] == "zero_score") or by_loss
    )
    if averaged and others:
        mode = row["rule"]["rounding"]
        typical = (
            _median(sorted(others))
            if row["policy"] == "group_median"
            else sum(others, Fraction(0)) / len(others)
        )
        how = row["policy"].removeprefix("group_")
        return rounded(typical, mode["score_scale"], mode["mode"]), f"{'zero' if is_zero else 'group'}_{how}"
    if averaged:
        return Fraction(0), "group_empty"
    return Fraction(0), "negative_zero" if by_loss else "zero_land" if by_land else "missing_zero"


# --- adjustments -----------------------------------------------------------------------------------


def _adjustments(
    population: Mapping[Key, Row], events: list[Row], rules: Mapping[Key, Row]
) -> dict[tuple[str, str, str, str], tuple[Fraction, str]]:
    """(firm, year, adjustment, event) → signed points before caps, effect."""
    found: dict[tuple[str, str, str, str], tuple[Fraction, str]] = {}
    best: dict[tuple[str, str, str], list[tuple[Fraction, str, tuple[str, str, str, str]]]] = defaultdict(
        list
    )
    for event in events:
        key = (event["uscc"], event["year"])
        until = event["valid_until_date"]
        if key not in population or (until is not None and until < date(int(event["year"]), 12, 31)):
            continue
        if event["event_kind_code"] == "honour" and event["event_date"].year < int(event["year"]):
            continue
        rule = rules.get((population[key]["district_code"], event["year"]))
        if rule is None:
            continue
        for adjusts, points, effect, category in _of_event(event, rule):
            name = (*key, adjusts, event["event_id"])
            found[name] = (points, effect)
            if category is not None:
                best[(*key, category)].append((-points, event["event_id"], name))
    for rivals in best.values():
        for _, _, name in sorted(rivals)[1:]:
            found[name] = (Fraction(0), "none")
    for (uscc, year), stands in population.items():
        if stands["status"] == "graded":
            for code in {"new_firm", "new_land", "upgraded"} & set(stands["reasons"]):
                protection = f"protection:{code}"
                found[uscc, year, protection, protection] = (Fraction(0), "not_below_c")
    return found


def _of_event(event: Row, rule: Row) -> Iterator[tuple[str, Fraction, str, str | None]]:
    """Adjustments that a rule set derives from an event: code, points, effect, and a bonus's category."""
    code, level = event["event_code"], event["level_code"]
    if event["event_kind_code"] == "honour":
        for bonus in rule["bonuses"]:
            if (bonus["honour"], bonus["level"]) == (code, level):
                points = Fraction(str(bonus["points"]))
                yield f"bonus:{code}:{level}", points, "points", bonus["category"] or code
        return
    if code in rule["vetoes"]:
        effect, repaired = rule["vetoes"][code], event.get("repaired_date")
        if repaired is not None and repaired <= date(int(event["year"]), 12, 31):
            effect = {"stays": effect, "not_above_c": "not_above_c", "lifted": "none"}[
                rule.get("repaired_veto", "stays")
            ]
        yield f"veto:{code}", Fraction(0), effect, None
    if code in rule["penalties"]:
        yield f"penalty:{code}", -Fraction(str(rule["penalties"][code])), "points", None


# --- grades ----------------------------------------------------------------------------------------


def _effects(adjustments: Mapping[tuple[str, str, str, str], tuple[Fraction, str]], key: Key) -> Row:
    mine = [(name, *what) for (u, y, name, _), what in adjustments.items() if (u, y) == key]
    return {
        "bonus": sum((p for _, p, _ in mine if p > 0), Fraction(0)),
        "penalty": sum((-p for _, p, _ in mine if p < 0), Fraction(0)),
        **{
            effect: sorted({name for name, _, e in mine if e == effect})
            for effect in ("direct_d", "not_above_c", "not_below_c")
        },
    }


def _capped(points: Fraction, cap: Any) -> Fraction:
    return points if cap is None else min(points, Fraction(str(cap)))


def _grades(done: Evaluation, rules: Mapping[Key, Row]) -> dict[Key, Row]:
    by_firm: dict[Key, dict[tuple[str, str, str, str], tuple[Fraction, str]]] = defaultdict(dict)
    for name, what in done.adjustments.items():
        by_firm[name[:2]][name] = what
    scores: dict[Key, dict[str, Row]] = defaultdict(dict)
    for (uscc, year, indicator), row in done.values.items():
        scores[uscc, year][indicator] = row
    units: dict[Key, Row] = {}
    for key, stands in done.population.items():
        if stands["status"] == "graded" and stands["role"] == "own":
            rule = rules[stands["district_code"], stands["year"]]
            mine = _effects(by_firm[key], key)
            points = sum((row["score"] for row in scores[key].values()), Fraction(0))
            bonus, penalty = (
                _capped(mine["bonus"], rule["bonus_cap"]),
                _capped(mine["penalty"], rule["penalty_cap"]),
            )
            units[key] = {
                **stands, **mine, "indicator_score": points, "bonus": bonus, "penalty": penalty,
                "total": points + bonus - penalty, "tax_per_mu": scores[key].get("I1", {}).get("value"),
            }  # fmt: skip
    _rank_and_grade(units, done.population, rules)
    found = units | _followers(done, units, by_firm, rules)
    for key, row in found.items():
        # a grade on part of a year is a pre-evaluation
        row["status"] = "initial" if done.population[key]["as_of"] == key[1] else "pre_evaluation"
    return found


def _merit(unit: Row) -> tuple[Any, ...]:
    """Total, then tax per mu, missing last: less is better. Nothing else orders units."""
    tax = unit["tax_per_mu"]
    return (-unit["total"], tax is None, -(tax or Fraction(0)))


def _above(unit: Row, among: list[Row]) -> int:
    """Number of units that are better than a unit."""
    return sum(_merit(other) < _merit(unit) for other in among)


def _not_below(unit: Row, among: list[Row]) -> int:
    """Number of units that are better than a unit or its equals, itself included."""
    return sum(_merit(other) <= _merit(unit) for other in among)


def _percentile(rank: int, size: int) -> Fraction:
    """Share of the list that ranks no better, the unit itself included, in percent."""
    return rounded(Fraction(100 * (size - rank + 1), size), 4)


def _rank_and_grade(units: dict[Key, Row], population: Mapping[Key, Row], rules: Mapping[Key, Row]) -> None:
    lists: dict[tuple[str, str, str, str], list[Row]] = defaultdict(list)
    for unit in units.values():
        lists[unit["district_code"], unit["year"], unit["list_code"], unit["ranked_in"]].append(unit)
    outside: dict[tuple[str, str, str, str, str], int] = defaultdict(int)
    for stands in population.values():
        place = (stands["district_code"], stands["year"], stands["list_code"], stands["ranked_in"])
        outside[(*place, stands["status"])] += 1
    # seats of the lists before, exact, by district and year: their fractions may pass to the next list
    passed: dict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    orders = {key: list(rule["lists"]) for key, rule in rules.items()}
    for where in sorted(lists, key=lambda w: (w[0], w[1], orders[w[:2]].index(w[2]), w[3])):
        members, rule = lists[where], rules[where[:2]]
        quota = rule["lists"][where[2]]["quota"] or rule["quota"]
        base = len(members)
        base += outside[(*where, "exempt")] if quota["count_exempt"] else 0
        base += outside[(*where, "protected")] if quota["count_protected"] else 0
        seats = []
        for grade in "ABD":
            before = passed[(*where[:2], grade)] if quota.get("carry") else Fraction(0)
            down_to = before + base * Fraction(str(quota["shares"][grade]))
            passed[(*where[:2], grade)] = down_to
            rounding = quota["rounding"][grade]
            seats.append(_seats(down_to, rounding) - _seats(before, rounding))
        _grade_list(members, seats, quota, rule)


def _seats(exact: Fraction, rounding: str) -> int:
    return {"floor": floor(exact), "ceil": ceil(exact), "half_up": floor(exact + Fraction(1, 2))}[rounding]


def _grade_list(ranked: list[Row], seats: list[int], quota: Row, rule: Row) -> None:
    a, b, d = seats

    def places(among: list[Row]) -> dict[str, int]:
        """Rank that decides at the quotas' edges."""
        return {
            unit["uscc"]: {
                # units still equal have the worse grade: shares of A and B are maxima, that of D is a minimum
                "tie_break": _not_below(unit, among),
                "all_in": 1 + sum(other["total"] > unit["total"] for other in among),
                "all_out": sum(other["total"] >= unit["total"] for other in among),
            }[quota["edge"]]
            for unit in among
        }

    def top(place: int) -> str | None:
        return "A" if place <= a else "B" if place <= a + b else None

    everyone = places(ranked)
    for unit in ranked:
        place = everyone[unit["uscc"]]
        unit["rank_in_list"], unit["list_size"] = 1 + _above(unit, ranked), len(ranked)
        unit["percentile"] = _percentile(unit["rank_in_list"], len(ranked))
        unit["is_tie"] = sum(other["total"] == unit["total"] for other in ranked) > 1
        # D has at least its share, A and B at most theirs
        unit["initial"] = "D" if place > len(ranked) - d else top(place) or "C"
        unit["ranked"] = unit["initial"]
    if quota["refill_vetoed"]:
        overridden = rule["protection"]["veto_overrides"]
        to_d = [u for u in ranked if u["direct_d"] and (overridden or not u["not_below_c"])]
        free = [u for u in ranked if not u["direct_d"] and not u["not_above_c"]]
        seated = [u for u in ranked if not u["direct_d"]]
        left = max(0, d - len(to_d)) if quota["vetoed_count_in_d"] else d
        best, worst = places(free), places(seated)
        for unit in seated:
            at_bottom = worst[unit["uscc"]] > len(seated) - left
            if unit in free:
                unit["ranked"] = "D" if at_bottom else top(best[unit["uscc"]]) or "C"
            elif at_bottom:
                unit["ranked"] = "D"
            elif unit["initial"] == "D":
                unit["ranked"] = "C"
    for unit in ranked:
        _finish(unit, rule)


def _finish(unit: Row, rule: Row) -> None:
    """Apply vetoes, then protections."""
    reasons = ["refill"] if unit["ranked"] != unit["initial"] else []
    final = unit["ranked"]
    if unit["direct_d"]:
        final = "D"
    elif unit["not_above_c"] and final in "AB":
        final = "C"
    reasons += unit["direct_d"] + unit["not_above_c"]
    overridden = unit["direct_d"] and rule["protection"]["veto_overrides"]
    if final == "D" and unit["not_below_c"] and not overridden:
        final = "C"
        reasons += unit["not_below_c"]
    unit["final"], unit["grade_reasons"] = final, reasons


def _followers(
    done: Evaluation, units: Mapping[Key, Row], by_firm: Mapping[Key, Any], rules: Mapping[Key, Row]
) -> dict[Key, Row]:
    """Tenants that follow a holder: its result and final grade, then their own vetoes and protections."""
    found: dict[Key, Row] = {}
    for key, stands in done.population.items():
        if stands["status"] != "graded" or stands["role"] == "own":
            continue
        holder = units[stands["unit"], key[1]]
        mine = _effects(by_firm.get(key, {}), key)
        row = {
            **stands,
            **{k: mine[k] for k in ("direct_d", "not_above_c", "not_below_c")},
            **{k: holder[k] for k in ("indicator_score", "bonus", "penalty", "total", "list_size", "is_tie")},
            "initial": holder["final"], "ranked": holder["final"],
            "rank_in_list": None, "percentile": None,
        }  # fmt: skip
        _finish(row, rules[stands["district_code"], key[1]])
        how = "inherited:" if stands["role"] == "inherits" else "shared:"
        row["grade_reasons"] = [how + stands["unit"], *row["grade_reasons"]]
        found[key] = row
    return found


# --- the city's estimate ---------------------------------------------------------------------------


def _city(firms: list[Row], population: Mapping[Key, Row], rules: Mapping[Key, Row]) -> dict[Key, Row]:
    """One rule set and common baselines for all districts, without bonus and penalty."""
    moved = {key: {**stands, "district_code": CITY, "ranked_in": "all"} for key, stands in population.items()}
    firms = [{**firm, "district_code": CITY} for firm in firms]
    firms = [{**firm, "tax": _tax(firm, rules)} for firm in firms]
    units = [u for u in _units(firms, moved) if (CITY, u[1]) in rules]
    units = [u for u in units if u[3] in rules[CITY, u[1]]["lists"]]
    scores = _scores(units, _baselines(units, moved.values(), rules), rules)
    lists: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for uscc, year, _, code, *_ in units:
        mine = {name: row for (u, y, name), row in scores.items() if (u, y) == (uscc, year)}
        total = sum((row["score"] for row in mine.values()), Fraction(0))
        lists[year, code].append(
            {"uscc": uscc, "year": year, "total": total, "tax_per_mu": mine.get("I1", {}).get("value")}
        )
    found = {}
    for members in lists.values():
        for unit in members:
            rank = 1 + _above(unit, members)
            found[unit["uscc"], unit["year"]] = {
                **unit, "city_rank": rank, "list_size": len(members), "percentile": _percentile(rank, len(members)),
            }  # fmt: skip
    return found


# --- district figures ------------------------------------------------------------------------------


def _summaries(
    firms: list[Row], units: list[Unit], population: Mapping[Key, Row], rules: Mapping[Key, Row]
) -> dict[tuple[str, str, str], Row]:
    """Sums over the firms' own figures, once of all firms in scope that have land and once of those but the giants.

    A firm of a unit of evaluation is left out with its unit; any other firm if it has what makes a giant of its list.
    """
    amounts: dict[tuple[str, ...], dict[str, Fraction]] = {}
    dominant: set[Key] = set()
    for ranked in {(*u[1:4], u[5]) for u in units}:
        here = [u for u in units if (*u[1:4], u[5]) == ranked]
        amounts[ranked] = _amounts(here, rules[ranked[1], ranked[0]])
        dominant |= {(u[0], u[1]) for u in here if _dominates(u[4], amounts[ranked])}
    groups: dict[tuple[str, str, str], list[tuple[Row, bool]]] = defaultdict(list)
    for firm in firms:
        stands = population[firm["uscc"], firm["year"]]
        place = (stands["year"], stands["district_code"], stands["list_code"])
        in_unit = stands["status"] == "graded" and stands["role"] != "inherits"
        if in_unit:
            is_giant = (stands["unit"], stands["year"]) in dominant
        else:
            is_giant = _dominates([firm], amounts.get((*place, stands["ranked_in"]), {}))
        landed = stands["status"] != "out_of_scope" and (stands["land"] or 0) > 0
        groups[place] += [(firm, is_giant)] if landed else []
    found = {}
    for place, rows in groups.items():
        everyone, others = [f for f, _ in rows], [f for f, is_giant in rows if not is_giant]
        found[place] = {
            "giants": len(everyone) - len(others), "all": _sums(everyone), "others": _sums(others)
        }  # fmt: skip
    return found


def _sums(
    firms: list[Row],
) -> tuple[int, int, Fraction, Fraction, Fraction | None, Fraction | None, Fraction | None]:
    """Firms, those that report value added; land, tax, value added; tax and value added per mu.

    Value added per mu is missing if the firms that report are outnumbered by those that do not.
    """
    land, tax = (_total(firms, figure) or Fraction(0) for figure in ("land_area_mu", "tax"))
    added = _total(firms, "value_added_wan_yuan")
    silent = sum(f.get("value_added_wan_yuan") is None for f in firms)
    reporting = len(firms) - silent
    of_most = None if silent > reporting else added
    per_mu = [None if amount is None or land <= 0 else rounded(amount / land) for amount in (tax, of_most)]
    return len(firms), reporting, land, tax, added, per_mu[0], per_mu[1]
