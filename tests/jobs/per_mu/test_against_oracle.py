"""The per-mu jobs agree exactly with the oracle on generated populations under rule sets in which every option occurs.

Each generated city has forty districts, each with its own rules. Figures come from small sets of numbers, so
ties, zero land, missing and negative figures are common.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from jobs.per_mu.enterprise_grade import enterprise_grade
from jobs.per_mu.rules.models import RuleSet
from jobs.per_mu.rules.reading import parse_rule_set
from schemas.places import CITY
from tests.frames import frame
from tests.jobs.per_mu.world import (
    LISTS,
    WORLD,
    Results,
    Row,
    World,
    event,
    firm,
    plain_limits,
    run,
    undecided,
    veto,
)  # fmt: skip
from tests.oracles.per_mu import FORMULAS, OWED, STATISTICS, TAXES, Evaluation, evaluate

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Every option of a rule set with its values; a district takes one of each.
OPTIONS: dict[str, list[Any]] = {
    "tax_components": [
        ["vat"],
        ["vat", "export_offset", "income"],
        list(TAXES),
        ["income", "other"],
        ["land_use", "property", "surcharge", "consumption"],
    ],
    "tax_exclusions": [[], ["audit_recovery"], ["real_estate", "equity_transfer", "demolition"]],
    "repaired_veto": ["stays", "not_above_c", "lifted"],
    "cap_ratio": [None, "1.5", "2", "0.333333"],
    "floor": [None, "0", "-5.5", "1"],
    "negative_value_added": ["zero_score", "keep"],
    "zero_land": ["data_incomplete", "zero_score", "tenant_list"],
    "impossible_land": ["graded", "data_incomplete"],
    "large_land_mu": ["3", "5.5"],
    "upgraded_list": ["above_scale", "below_scale"],
    "dropped_list": ["above_scale", "below_scale"],
    "exempt_industries": [[], ["44", "45", "46"], ["3670", "16"]],
    "inactive_statuses": [["cancelled", "revoked", "moved_out"], ["cancelled"]],
    "bonus_cap": [None, "3", "10", "0"],
    "penalty_cap": [None, "1.5", "5"],
    "tenants.mode": ["separate", "inherit", "merge"],
    "tenants.applies_to": [["below_scale"], ["above_scale", "below_scale"], ["above_scale"]],
    "tenants.apart_from_land_mu": [None, "2", "5"],
    "quota.shares": [
        ("0.20", "0.45", "0.30", "0.05"),
        ("0.25", "0.25", "0.25", "0.25"),
        ("0.333333", "0.333333", "0.000001", "0.333333"),
        ("0.1", "0.4", "0.5", "0"),
        ("0", "0", "0", "1"),
    ],
    "quota.rounding": ["floor", "ceil", "half_up"],
    "quota.count_exempt": [False, True],
    "quota.count_protected": [False, True],
    "quota.edge": ["tie_break", "all_in", "all_out"],
    "quota.refill_vetoed": [True, False],
    "quota.vetoed_count_in_d": [True, False],
    "new_firm": [
        None,
        {"years": 2},
        {"years": 3, "effect": "not_below_c"},
        {"years": 10, "effect": "not_below_c"},
    ],
    "new_land": [
        None,
        {"years": 3},
        {"years": 3, "effect": "not_below_c"},
        {"years": 1, "supply_modes": ["allocated"]},
    ],
    "upgraded": ["none", "not_below_c"],
    "veto_overrides": [True, False],
    "rounding.value_scale": [6, 0, 2, 4],
    "rounding.score_scale": [6, 0, 1, 3],
    "rounding.mode": ["half_up", "down"],
    "missing": ["group_average", "group_median", "zero", "data_incomplete"],
    "withheld": ["as_missing", "zero"],
    "method": ["fixed", "aggregate", "median", "mean", "range"],
    "least_share": ["0.2", "0", "0.6"],
    "groups": [{}, {}, {"machines": ["36", "34"], "chemistry": ["26"]}, {"cars": ["367"], "vehicles": ["36"]}],
    "carry": [False, True],
    "factor": ["1", "2", "0.499999", "1.000001"],
    "giants": ["with", "without"],
    "giant_share": ["0.1", "0.25", "0.4"],
    "giant_times_median": ["1", "2.5", "10"],
    "giant_from_units": [1, 4, 10],
    "giant_reporting_share": ["0", "0.5", "0.95"],
}  # fmt: skip
FIGURES = [
    *(f"tax_{name}_wan_yuan" for name in TAXES), *STATISTICS,
    "declared_revenue_wan_yuan", "power_kwh", "energy_tce", "emission_t", "cod_t", "water_m3",
]  # fmt: skip
WEIGHTS = ["33.3333", "16.6667", "20", "10", "20"]
PENALTIES = ["safety_fatal", "quality_major", "minor_fine", "tax_evasion"]


class Draw(random.Random):
    """Draws each option from shuffled decks of its values, so that every value occurs."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.decks: dict[str, list[Any]] = {}
        self.seen: Counter[str] = Counter()

    def option(self, name: str) -> Any:
        if not self.decks.get(name):
            self.decks[name] = self.sample(OPTIONS[name], len(OPTIONS[name]))
        value = self.decks[name].pop()
        self.seen[f"{name}={value}"] += 1
        return value


def generated_rule_set(draw: Draw, district: str, year: str) -> RuleSet:
    top = {name: draw.option(name) for name in OPTIONS if "." not in name}
    for name in (
        "missing",
        "withheld",
        "method",
        "factor",
        "giants",
        "least_share",
        "groups",
        "carry",
        "new_firm",
        "new_land",
        "upgraded",
        "veto_overrides",
    ):
        del top[name]
    name = f"g{district}-{year}"
    left_out = draw.choice([None, None, None, None, "tenant", "below_scale_lt3"])
    of_all = _quota(draw)
    of_all["carry"] = draw.option("carry")
    lists = {code: _list_rules(draw, code, of_all, district) for code in LISTS if code != left_out}
    levels = [
        (h, level)
        for h in ("brand", "little_giant", "single_champion")
        for level in ("national", "municipal")
    ]
    return parse_rule_set(
        f"{name}.yml",
        {
            "id": name, "year": year, "district_codes": [district], "title": {"zh": "测", "en": "t"},
            "source": "测", **top, "lists": lists, "quota": of_all,
            "tenants": {
                key: draw.option(f"tenants.{key}") for key in ("mode", "applies_to", "apart_from_land_mu")
            },
            "protection": {
                key: draw.option(key) for key in ("new_firm", "new_land", "upgraded", "veto_overrides")
            },
            "rounding": {key: draw.option(f"rounding.{key}") for key in ("value_scale", "score_scale", "mode")},
            "vetoes": {"safety_fatal": "direct_d", "quality_major": "not_above_c",
                       **({"minor_fine": "not_above_c"} if draw.random() < 0.3 else {})},
            "penalties": {"minor_fine": draw.choice(["1", "2.25"]),
                          **({"safety_fatal": "3"} if draw.random() < 0.3 else {})},
            "bonuses": [
                {"honour": honour, "level": level, "points": draw.choice(["1", "2.5", "4"]),
                 "category": draw.choice([None, "specialised"])}
                for honour, level in draw.sample(levels, 4)
            ],
        },
    )  # fmt: skip


def _list_rules(draw: Draw, code: str, of_all: Row, district: str) -> Row:
    names = draw.sample(sorted(FORMULAS), 5)
    if draw.random() < 0.8 and "I1" not in names:
        names[0] = "I1"
    if code != "above_scale":
        names = [n for n in names if n in ("I1", "I7", "I8", "I22")] or ["I7"]
    weights = {
        1: ["100"], 2: ["66.5", "33.5"], 3: ["50", "30", "20"], 4: ["40", "30", "20", "10"], 5: WEIGHTS
    }[len(names)]  # fmt: skip
    indicators = {}
    for name, weight in zip(names, weights, strict=True):
        method = draw.option("method")
        value = draw.choice(["2.5", "24.097", "0.0302"]) if method == "fixed" else None
        base = {
            "method": method,
            "value": value,
            "factor": "1" if method == "range" else draw.option("factor"),
            "giants": draw.option("giants"),
        }
        missing = draw.option("missing")
        can = name in OWED and missing != "data_incomplete"
        withheld = draw.option("withheld") if can else "as_missing"
        indicators[name] = {
            "weight": weight, "baseline": base, "missing": missing, "withheld": withheld,
            "scoring": "min_max" if method == "range" else "ratio", "least_share": draw.option("least_share"),
        }  # fmt: skip
    groups = {} if district == CITY else draw.option("groups")
    own = None
    if draw.random() < 0.3:
        # places pass on only between lists that round alike
        own = _quota(draw) | ({"rounding": of_all["rounding"]} if of_all["carry"] else {})
        own["carry"] = of_all["carry"]
    return {
        "indicators": indicators, "quota": own,
        "groups": {
            name: {"title": {"zh": "组", "en": "group"}, "industries": begins} for name, begins in groups.items()
        },
    }  # fmt: skip


def _quota(draw: Draw) -> Row:
    shares = dict(zip("ABCD", draw.option("quota.shares"), strict=True))
    rounding = {grade: draw.option("quota.rounding") for grade in "ABD"}
    rest = ("count_exempt", "count_protected", "edge", "refill_vetoed", "vetoed_count_in_d")
    return {"shares": shares, "rounding": rounding, **{key: draw.option(f"quota.{key}") for key in rest}}


def generated_world(draw: Draw, districts: int, firms: int) -> World:
    """Districts of 2022 or 2023; for 2023 also the city's rule set, firms of the city, a district without rules."""
    world = World()
    for number in range(districts):
        district, year = f"77{number:04}", draw.choice(["2022", "2023"])
        world.rule_sets.append(generated_rule_set(draw, district, year))
        _populate(world, draw, district, year, firms)
    world.rule_sets.append(generated_rule_set(draw, CITY, "2023"))
    for district in ("779999", CITY):
        _populate(world, draw, district, "2023", 3)
    return world


def _populate(world: World, draw: Draw, district: str, year: str, firms: int) -> None:
    names = [f"{district}-{number:02}" for number in range(firms)]
    draw.shuffle(names)
    holders, tenants = names[: firms * 2 // 3], names[firms * 2 // 3 :]
    for number, holder in enumerate([*holders, None]):
        for part in range(1 if draw.random() < 0.9 else 2):
            world.parcels.append(_parcel(draw, f"{district}-p{number}{part}", year, district, holder))
    here = [p for p in world.parcels if p["district_code"] == district and p["year"] == year]
    areas = ["0", "0.01", "1", "1", "1", "2.5", "2.5", "4", "4", "6"]
    uses = [
        _use(p["parcel_id"], p["owner_uscc"], None, "own", draw.choice(areas))
        for p in here
        if p["owner_uscc"] and draw.random() < 0.96
    ]
    for name in tenants:
        for parcel in draw.sample(here, draw.choice([0, 1, 1, 1, 2])):
            kind = draw.choice(["lease", "lease", "lease", "sublet"])
            lessor = draw.choice(tenants) if kind == "sublet" else parcel["owner_uscc"]
            uses.append(
                _use(
                    parcel["parcel_id"], name, lessor, kind, draw.choice(["0", "1", "1", "1", "2", "2", "5"])
                )
            )
    for use in uses:
        use |= {"year": year, "district_code": district, "parcel_area_mu": "10"}
    world.uses += uses
    as_of = "2022-06" if year == "2022" else year
    for name in names:
        row = _firm(draw, name, year, district, uses) | {"figures_as_of": as_of}
        # twins differ in land and identity only, so totals tie, and tax per mu as well
        twin = draw.choice(world.firms[-len(names) :]) if world.firms and draw.random() < 0.5 else row
        if twin["district_code"] == district:
            row |= {column: twin.get(column) for column in FIGURES}
        world.firms.append(row)
    for number in range(firms):
        world.events.append(_event(draw, f"{district}-e{number}", draw.choice(names), year))


def _parcel(draw: Draw, name: str, year: str, district: str, holder: str | None) -> Row:
    new = draw.random() < 0.25
    return {
        "parcel_id": name, "year": year, "district_code": district, "owner_uscc": holder,
        "parcel_area_mu": "10", "supply_mode_code": draw.choice(["granted", "granted", "agreement", "allocated"]),
        "acquired_date": draw.choice([date(2021, 6, 1), date(2020, 12, 31), date(2023, 3, 1), None]) if new
        else date(2005, 1, 1),
        "completion_due_date": draw.choice([None, date(2023, 12, 31), date(2024, 5, 1), date(2022, 1, 1)]),
    }  # fmt: skip


def _use(parcel: str, uscc: str, lessor: str | None, kind: str, area: str) -> Row:
    return {
        "parcel_id": parcel, "uscc": uscc, "lessor_uscc": lessor, "use_type_code": kind, "used_area_mu": area
    }  # fmt: skip


def _firm(draw: Draw, name: str, year: str, district: str, uses: list[Row]) -> Row:
    def land(mine: list[Row]) -> str | None:
        return str(sum((Decimal(u["used_area_mu"]) for u in mine), Decimal(0))) if mine else None

    own = [u for u in uses if u["uscc"] == name and u["use_type_code"] == "own"]
    rented = [u for u in uses if u["uscc"] == name and u["use_type_code"] != "own"]
    let = [u for u in uses if u["lessor_uscc"] == name]

    def some(*values: Any, missing: float = 0.02) -> Any:
        return None if draw.random() < missing else draw.choice(values)

    industry = draw.choice(
        ["3670"] + ["1713", "2614", "3311"] * 6 + ["4411", "1610", "5101", "0610", "4690", "3680"]
    )
    division = None if draw.random() < 0.02 else industry[:2]
    return {
        "uscc": name, "year": year, "district_code": district, "enterprise_name": name,
        "industry_code": some(industry, missing=0.05), "industry_division_code": division,
        "is_above_scale": draw.random() < 0.6,
        "directory_change_code": draw.choice(["none"] * 6 + ["new", "upgraded", "dropped"]),
        "registered_date": some(*[date(2005, 1, 1)] * 8, date(2021, 12, 31), date(2022, 1, 1), date(2020, 2, 29)),
        "registration_status_code": some(*["active"] * 25, "cancelled", "moved_out"),
        "land_area_mu": land(own + rented), "land_own_mu": land(own), "land_lease_mu": land(rented),
        "land_let_mu": land(let),
        "value_added_wan_yuan": some("100", "100", "33.333333", "-20", "0", "250.5"),
        "employees_average": some("10", "10", "10", "10", "3.5", "7", "7", "0"),
        "rd_expense_wan_yuan": some("0", "5", "5", "7.77"),
        "revenue_wan_yuan": some("500", "500", "500", "500", "1000.01", "1000.01", "0"),
        "declared_revenue_wan_yuan": some("500", "999.999999", "80"),
        "power_kwh": some("10000", "10000", "10000", "123456.78", "123456.78", "0"),
        "energy_tce": some("10", "10", "10", "33.3333", "33.3333", "0"),
        "emission_t": some("0.5", "0.3", "0", missing=0.3),
        "cod_t": some("0.5", "0.1", "0", missing=0.3),
        "water_m3": some("5000", "5000", "12345.67", "0", missing=0.2),
        "technical_investment_wan_yuan": some("0", "50", "12.5"),
        **_taxes(draw),
        "insured_count": some(8, 12, 0),
        "missing_feeds": draw.choice(
            [[], [], ["gov_statistics"], ["gov_electricity", "gov_tax"], ["gov_emission"]]
        ),
        "quarantined_feeds": draw.choice(
            [[]] * 60 + [["gov_tax"], ["gov_emission", "gov_social_insurance"], ["gov_land_survey"],
             ["gov_statistics_annual"], ["gov_statistics_directory"]]
        ),
    }  # fmt: skip


def _taxes(draw: Draw) -> Row:
    if draw.random() < 0.04:
        return {}
    few: list[Any] = ["10", "10", "0", "33.333333", "-5", "0.000001", None]
    kinds = ("audit_recovery", "real_estate", "demolition")
    excluded = {
        f"tax_excluded_{kind}_wan_yuan": draw.choice([None, None, None, "3", "0.5"]) for kind in kinds
    }
    return {f"tax_{name}_wan_yuan": draw.choice(few) for name in TAXES} | excluded


def _event(draw: Draw, ident: str, name: str, year: str) -> Row:
    until = draw.choice([None, None, date(int(year), 12, 31), date(int(year), 6, 30), date(2030, 1, 1)])
    if draw.random() < 0.5:
        kind, code = "honour", draw.choice(["brand", "little_giant", "single_champion", "listed"])
        level = draw.choice(["national", "municipal"])
    else:
        kind, code, level = draw.choice(["penalty", "accident"]), draw.choice(PENALTIES), None
    repaired = (
        draw.choice([None, None, date(int(year), 9, 1), date(int(year) + 1, 1, 5)]) if level is None else None
    )
    return event(
        name, kind, code, level, event_id=ident, year=year, valid_until_date=until, repaired_date=repaired
    )


# --- comparison ------------------------------------------------------------------------------------


def exact(value: Any) -> Fraction | None:
    return None if value is None else Fraction(value)


def expectation(world: World) -> Evaluation:
    return evaluate(
        world.plain_firms(), world.parcels, world.uses, world.events, world.plain_rules(), plain_limits()
    )


def assert_same(got: dict[Any, Any], expected: dict[Any, Any]) -> None:
    """Assert that two mappings are equal; a failure shows the first four differences."""
    wrong = {
        key: (got.get(key, "absent"), expected.get(key, "absent"))
        for key in sorted(got.keys() | expected.keys(), key=str)
        if got.get(key, "absent") != expected.get(key, "absent")
    }
    shown = "\n".join(f"{key}: got {g}\n   expected {e}" for key, (g, e) in list(wrong.items())[:4])
    assert not wrong, f"{len(wrong)} of {len(expected)} differ\n{shown}"


def compare_grades(rows: list[Row], expected: Evaluation) -> None:
    assert_same(
        {
            (r["uscc"], r["year"]): (
                exact(r["indicator_score"]), exact(r["bonus_points"]), exact(r["penalty_points"]),
                exact(r["total_score"]), r["rank_in_list"], r["list_size"], exact(r["percentile_pct"]), r["is_tie"],
                r["initial_grade"], r["final_grade"], r["grade_reasons"], r["evaluation_uscc"], r["status_code"],
            )
            for r in rows
        },
        {
            key: (
                g["indicator_score"], g["bonus"], g["penalty"], g["total"], g["rank_in_list"], g["list_size"],
                g["percentile"], g["is_tie"], g["initial"], g["final"], g["grade_reasons"], g["unit"], g["status"],
            )
            for key, g in expected.grades.items()
        },
    )  # fmt: skip


def compare_baselines(rows: list[Row], expected: Evaluation) -> None:
    assert_same(
        {
            (r["year"], r["district_code"], r["list_code"], r["ranking_group"], r["indicator_code"]): (
                exact(r["value"]), exact(r["worst_value"]), exact(r["value_with_giants"]),
                exact(r["value_without_giants"]), r["giants"],
                r["giant_count"], r["giant_treatment_code"],
            )
            for r in rows
        },
        {
            key: (b["value"], b["worst"], b["with"], b["without"], b["giants"], len(b["giants"]), b["treatment"])
            for key, b in expected.baselines.items()
        },
    )  # fmt: skip


def compare_summaries(rows: list[Row], expected: Evaluation) -> None:
    assert_same(
        {
            (r["year"], r["district_code"], r["list_code"]): (
                r["giant_count"], _summed(r), _summed(r, "_without_giants")
            )
            for r in rows
        },
        {key: (s["giants"], s["all"], s["others"]) for key, s in expected.summaries.items()},
    )  # fmt: skip


def compare(results: Results, expected: Evaluation) -> None:
    rows = results.rows
    assert_same(
        {
            (r["uscc"], r["year"]): (
                r["district_code"], r["list_code"], r["ranking_group"], r["eval_status_code"],
                sorted(r["status_reasons"]),
                r["protected_until_date"], exact(r["land_area_mu"]), r["evaluation_uscc"], r["unit_role_code"],
                r["figures_as_of"],
            )
            for r in rows["population"]
        },
        {
            key: (
                p["district_code"], p["list_code"], p["ranked_in"], p["status"], sorted(p["reasons"]), p["until"],
                p["land"], p["unit"], p["role"], p["as_of"],
            )
            for key, p in expected.population.items()
        },
    )  # fmt: skip
    assert_same(
        {
            (r["uscc"], r["year"], r["land_measure_code"]): (
                exact(r["carried_amount"]), exact(r["least_land_mu"]), exact(r["land_area_mu"])
            )
            for r in rows["land_review"]
        },
        {
            (*key, measure): (amount, least, p["land"])
            for key, p in expected.population.items()
            if p["status"] == "data_incomplete"
            for measure, (amount, least) in p["overloads"].items()
        },
    )  # fmt: skip
    compare_baselines(rows["baseline"], expected)
    assert_same(
        {
            (r["year"], r["district_code"], r["list_code"], r["ranking_group"], r["indicator_code"]): r[
                "unit_count"
            ]
            for r in rows["baseline"]
        },
        {key: b["units"] for key, b in expected.baselines.items()},
    )
    assert_same(
        {
            (r["uscc"], r["year"], r["indicator_code"]): (
                (exact(r["numerator"]), exact(r["denominator"])), exact(r["value"]), exact(r["baseline"]),
                exact(r["worst_value"]), exact(r["score"]), r["note_code"], r["is_missing"],
            )
            for r in rows["indicator_value"]
        },
        {
            key: (v["sides"], v["value"], v["baseline"], v["worst"], v["score"], v["note"], v["value"] is None)
            for key, v in expected.values.items()
        },
    )  # fmt: skip
    assert_same(
        {
            (r["uscc"], r["year"], r["adjustment_code"], r["event_id"]): (exact(r["points"]), r["effect_code"])
            for r in rows["adjustment"]
        },
        dict(expected.adjustments),
    )  # fmt: skip
    compare_grades(rows["enterprise_grade"], expected)
    assert_same(
        {
            (r["uscc"], r["year"]): (
                exact(r["total_score"]), r["city_rank"], r["list_size"], exact(r["percentile_pct"]), r["label_zh"]
            )
            for r in rows["city_rank"]
        },
        {
            key: (c["total"], c["city_rank"], c["list_size"], c["percentile"], "测算")
            for key, c in expected.city.items()
        },
    )  # fmt: skip
    compare_summaries(rows["district_summary"], expected)


def _summed(row: Row, without: str = "") -> tuple[Any, ...]:
    land, added = ("land", "value_added") if without else ("land_total", "value_added_total")
    amounts = (
        f"{land}{without}_mu", f"tax_contribution{without}_wan_yuan", f"{added}{without}_wan_yuan",
        f"tax_per_mu{without}_wan_yuan", f"value_added_per_mu{without}_wan_yuan",
    )  # fmt: skip
    counts = (row[f"landed_firm{without}_count"], row[f"value_added_firm{without}_count"])
    return (*counts, *(exact(row[name]) for name in amounts))


@pytest.fixture(scope="module")
def generated(spark: SparkSession) -> tuple[World, Results]:
    """A generated city and its results."""
    draw = Draw(1)
    world = generated_world(draw, districts=40, firms=30)
    assert {f"{name}={value}" for name, values in OPTIONS.items() for value in values} <= set(draw.seen)
    return world, run(spark, world)


def test_a_generated_city_is_evaluated_as_the_oracle_says(generated: tuple[World, Results]) -> None:
    world, results = generated
    expected = expectation(world)
    # every kind of result occurs, else the comparison would not test it
    moves = {g["initial"] + g["final"] for g in expected.grades.values()}
    assert moves >= {"AA", "AC", "AD", "BC", "CC", "DC", "DD", "BA", "CB"}
    assert {p["status"] for p in expected.population.values()} == {
        "graded", "exempt", "protected", "data_incomplete", "out_of_scope",
    }  # fmt: skip
    assert {p["role"] for p in expected.population.values()} == {"own", "inherits", "merged"}
    assert {v["note"] for v in expected.values.values()} >= {
        None, "group_average", "group_median", "zero_average", "zero_median", "withheld_zero", "group_empty",
        "missing_zero", "negative_zero", "zero_land", "no_baseline", "capped", "floored",
    }  # fmt: skip
    assert sum(g["is_tie"] for g in expected.grades.values()) > 50
    assert {b["treatment"] for b in expected.baselines.values()} == {
        "none", "left_out", "counted", "nothing_left", "published",
    }  # fmt: skip
    assert sum(s["giants"] for s in expected.summaries.values()) > 20
    compare(results, expected)


def test_order_and_partitioning_of_the_inputs_do_not_change_the_results(
    spark: SparkSession, generated: tuple[World, Results]
) -> None:
    world, once = generated
    frames = {name: f.repartition(7, F.rand(2)) for name, f in world.frames(spark).items()}
    again = run(spark, world, frames)
    for table, rows in once.rows.items():
        assert rows and sorted(map(str, rows)) == sorted(map(str, again.rows[table])), table


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 26))
def test_more_generated_cities_are_evaluated_as_the_oracle_says(spark: SparkSession, seed: int) -> None:
    """With the city of the ordinary run these are a thousand districts."""
    world = generated_world(Draw(seed), districts=40, firms=30)
    compare(run(spark, world), expectation(world))


def test_the_golden_cases_agree_with_the_oracle(evaluated: Results) -> None:
    compare(evaluated, expectation(WORLD))


# --- grades alone ----------------------------------------------------------------------------------

shares = st.sampled_from(
    [
        ("0.2", "0.4", "0.2", "0.2"),
        ("0.1", "0.1", "0.3", "0.5"),
        ("0.5", "0.5", "0", "0"),
        ("0", "0.3", "0.4", "0.3"),
    ]
)
quotas = st.fixed_dictionaries(
    {
        "shares": shares.map(lambda s: dict(zip("ABCD", s, strict=True))),
        "rounding": st.fixed_dictionaries(
            {grade: st.sampled_from(["floor", "ceil", "half_up"]) for grade in "ABD"}
        ),
        "edge": st.sampled_from(["tie_break", "all_in", "all_out"]),
        **{
            name: st.booleans()
            for name in ("count_exempt", "count_protected", "refill_vetoed", "vetoed_count_in_d")
        },
    }
)
#: Points, vetoes, whether the firm was upgraded in the year, and what exempts or protects it. Ties are common.
members = st.tuples(
    st.integers(0, 5),
    st.sampled_from([(), (), (), ("safety_fatal",), ("quality_major",), ("safety_fatal", "quality_major")]),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([{}] * 6 + [{"industry_code": "4411"}, {"registered_date": date(2023, 1, 1)}]),
)


# each example is one Spark job over many lists: shrinking would take minutes and add nothing
@settings(
    max_examples=3,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(
    st.lists(
        st.tuples(quotas, st.booleans(), st.lists(members, min_size=1, max_size=14)), min_size=40, max_size=60
    )
)
def test_grades_of_generated_lists_are_as_the_oracle_says(
    spark: SparkSession, lists: list[tuple[Row, bool, list[tuple[int, tuple[str, ...], bool, Row]]]]
) -> None:
    world = World()
    for given_quota, overrides, firms in lists:
        rose = {"directory_change_code": "upgraded"}
        world.district(
            *(
                firm(f"{n:02}", points, **(rose if upgraded else {}), **state)
                for n, (points, _, upgraded, state) in enumerate(firms)
            ),
            rule={
                "quota": given_quota, "upgraded_list": "above_scale", "exempt_industries": ["4411"],
                "vetoes": {"safety_fatal": "direct_d", "quality_major": "not_above_c"},
                "protection": {
                    "new_firm": {"years": 2}, "upgraded": "not_below_c", "veto_overrides": overrides
                },
            },
            events=[veto(f"{n:02}", code) for n, (_, codes, _, _) in enumerate(firms) for code in codes],
        )  # fmt: skip
    expected = expectation(world)
    graded = enterprise_grade(
        frame(spark, "per_mu.population", [_population_row(p) for p in expected.population.values()]),
        frame(spark, "core.enterprise", world.firms),
        frame(spark, "per_mu.indicator_value", [_value_row(*item) for item in expected.values.items()]),
        frame(spark, "per_mu.adjustment", [_adjustment_row(*item) for item in expected.adjustments.items()]),
        *undecided(spark),
        world.book(),
    )
    compare_grades(graded.toArrow().to_pylist(), expected)


def decimal(value: Fraction | None) -> Decimal | None:
    return None if value is None else Decimal(value.numerator) / Decimal(value.denominator)


def _population_row(stands: Row) -> Row:
    return {
        **{name: stands[name] for name in ("uscc", "year", "district_code", "list_code")},
        "eval_status_code": stands["status"], "status_reasons": stands["reasons"],
        "ranking_group": stands["ranked_in"], "evaluation_uscc": stands["unit"], "unit_role_code": stands["role"],
        "rule_set_id": f"r{stands['district_code']}-2023", "rule_set_hash": "h", "figures_as_of": stands["as_of"],
    }  # fmt: skip


def _value_row(key: tuple[str, str, str], value: Row) -> Row:
    year, district, list_code, _, code = value["group"]
    return {
        "uscc": key[0], "year": year, "indicator_code": code, "district_code": district, "list_code": list_code,
        "value": decimal(value["value"]), "score": decimal(value["score"]),
    }  # fmt: skip


def _adjustment_row(key: tuple[str, str, str, str], what: tuple[Fraction, str]) -> Row:
    names = ("uscc", "year", "adjustment_code", "event_id")
    return {**dict(zip(names, key, strict=True)), "points": decimal(what[0]), "effect_code": what[1]}
