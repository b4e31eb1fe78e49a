"""per_mu.city_rank: an estimated rank over all districts, under the city's own rule set and marked 测算."""

from __future__ import annotations

from decimal import Decimal

from jobs.per_mu.rules.reading import rule_book
from schemas.places import CITY
from tests.jobs.per_mu.world import WORLD, Results, firm, small

SHIPPED = rule_book().for_(CITY, "2020")
WORLD.rule_sets.append(SHIPPED)

POWER = {"year": "2020", "power_kwh": "10000"}
# two districts with different rules: under the city's rule set their firms form one list
FIRST = WORLD.district(
    small("a", "30", **POWER),
    firm("above", "30", year="2020"),
    small("exempt", "99", industry_code="4411", industry_division_code="44", **POWER),
    small("earlier", "50", year="2019", power_kwh="10000"),
    rules={"2020": {"exempt_industries": ["44"]}, "2019": {}},
)
SECOND = WORLD.district(
    small("b", "10", **POWER),
    small("c", "20", **POWER),
    small("d", "20", **POWER),
    rules={"2020": {"bonus_cap": "1"}},
)


def test_firms_of_all_districts_are_ranked_in_one_list(evaluated: Results) -> None:
    # I1: tax per mu 30, 10, 20, 20, Σ80/Σ4 = 20 as baseline, weight 50; I7: the same values in 元/kWh, median 20
    # 30/20 x 100 = 150; 100, 100; 50. c and d are equal in tax per mu too
    rows = {r["uscc"]: r for r in evaluated.rows["city_rank"] if r["list_code"] == "below_scale_lt3"}
    places = {
        u: (r["city_rank"], r["total_score"], r["list_size"], r["percentile_pct"]) for u, r in rows.items()
    }
    assert places == {
        f"{FIRST}-a": (1, 150, 4, 100),
        f"{SECOND}-c": (2, 100, 4, 75),
        f"{SECOND}-d": (2, 100, 4, 75),
        f"{SECOND}-b": (4, 50, 4, 25),
    }
    assert {rows[f"{FIRST}-a"]["district_code"], rows[f"{SECOND}-b"]["district_code"]} == {FIRST, SECOND}


def test_every_row_is_marked_as_an_estimate_under_the_citys_rule_set(evaluated: Results) -> None:
    rows = evaluated.rows["city_rank"]
    assert {(r["label_zh"], r["rule_set_id"], r["rule_set_hash"]) for r in rows} == {
        ("测算", "ningbo-city-2020", SHIPPED.hash)
    }


def test_without_a_city_rule_set_for_the_year_there_is_no_city_rank(evaluated: Results) -> None:
    assert {r["year"] for r in evaluated.rows["city_rank"]} == {"2020"}
    assert evaluated.grades(FIRST, "2019")  # the firm is graded, and has a rank in its district only


def test_the_city_ranks_exactly_the_graded_firms(evaluated: Results) -> None:
    graded = {
        r["uscc"]
        for r in evaluated.rows["population"]
        if r["year"] == "2020" and r["eval_status_code"] == "graded"
    }
    assert {r["uscc"] for r in evaluated.rows["city_rank"]} == graded
    # above scale the city's rule set needs figures that the district's does not: missing ones score 0
    [above] = [r for r in evaluated.rows["city_rank"] if r["list_code"] == "above_scale"]
    assert above["total_score"] == Decimal(30)  # I1 alone: 30/30 x 30


UNDIVIDED = [
    {**small("nowhere", "10", **POWER), "uscc": "990000-nowhere", "district_code": CITY},
]
WORLD.firms += UNDIVIDED


def test_the_citys_rule_set_evaluates_no_firm_filed_under_the_city(evaluated: Results) -> None:
    [row] = evaluated.table("population", CITY, "2020")
    assert (row["eval_status_code"], row["status_reasons"]) == ("out_of_scope", ["no_rule_set"])
