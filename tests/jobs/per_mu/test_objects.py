"""Objects beyond enterprises: who is evaluated and why not, scores, quotas and stars; golden cases."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from jobs.columns.rows import materialised
from jobs.core.building import building
from jobs.core.park import park
from jobs.core.service_complex import service_complex
from jobs.core.service_firm import service_firm
from jobs.per_mu.object_baseline import object_baseline
from jobs.per_mu.object_grade import object_grade
from jobs.per_mu.object_indicator_value import object_indicator_value
from jobs.per_mu.object_unit import object_unit
from jobs.per_mu.rules.object_scope import ObjectScope, object_scope
from jobs.per_mu.rules.objects import ObjectRules, object_rules
from jobs.per_mu.rules.reading import parse_rule_set
from jobs.per_mu.steps.objects.explanation import explain_object
from schemas.contract import code_list
from schemas.errors import RejectedError
from tests.frames import frame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Row = dict[str, Any]
YEAR = {"year": "2023"}
DISTRICT = "330282"
MARKS = {f"points_{code}": "80" for code in code_list("park_dimension")}


def parcel_id(name: str) -> str:
    return f"{DISTRICT}001GB{name:>06}"


def user(parcel: str, firm: str, status: str | None = "graded", tax: str | None = "50", **more: Any) -> Row:
    """A firm with one mu on a parcel of ten mu."""
    return {
        **YEAR, "parcel_id": parcel_id(parcel), "uscc": firm, "district_code": DISTRICT, "user_kind_code": "enterprise",
        "use_types": ["own"], "eval_status_code": status, "is_local": True, "parcel_area_mu": "10", "used_area_mu": "1",
        "firm_land_share_pct": "100", "tax_contribution_wan_yuan": tax, "declared_revenue_wan_yuan": "500",
        "figures_as_of": "2023", **more,
    }  # fmt: skip


def register(parcel: str, **more: Any) -> Row:
    return {
        **YEAR,
        "parcel_id": parcel_id(parcel),
        "parcel_area_mu": "10",
        "acquired_date": date(2010, 1, 1),
        **more,
    }


def house(parcel: str, number: int = 1, **more: Any) -> Row:
    plain = {"building_area_m2": "3000", "floor_count": 4, "let_share_pct": "80", "vacant_area_m2": "300"}
    return {
        **YEAR, **plain, "building_code": f"{parcel_id(parcel)}F{number:04d}", "parcel_id": parcel_id(parcel),
        "building_flags": [], "built_date": date(2010, 1, 1), **more,
    }  # fmt: skip


def small_park(name: str, **more: Any) -> Row:
    return {
        **YEAR, **MARKS, "park_code": f"{DISTRICT}P{name}", "park_name": name, "park_kind_code": "small_micro",
        "building_area_m2": "3000", "recognised_date": date(2015, 1, 1), **more,
    }  # fmt: skip


def service(name: str, **more: Any) -> Row:
    figures = {
        "tax_contribution_wan_yuan": "40",
        "service_value_added_wan_yuan": "300",
        "revenue_wan_yuan": "1000",
    }
    return {
        **YEAR, **figures, "uscc": name, "enterprise_name": name, "service_division_code": "65",
        "is_in_industry": False,
        "employees_average": "30", "floor_area_m2": "500", "land_area_mu": "0", **more,
    }  # fmt: skip


def plaza(name: str, **more: Any) -> Row:
    return {
        **YEAR, "complex_code": f"{DISTRICT}S{name}", "complex_name": name, "building_area_m2": "10000",
        "occupied_area_m2": "8000", "resident_firm_count": 40, "local_firm_count": 30, "building_flags": [],
        "tax_contribution_wan_yuan": "300", "declared_revenue_wan_yuan": "9000", "opened_date": date(2010, 1, 1),
        **more,
    }  # fmt: skip


PARCELS = [
    register("1"), register("2"), register("3"), register("4", is_disputed=True), register("6"), register("7"),
    register("5", acquired_date=date(2022, 5, 1), completion_due_date=date(2024, 8, 1)), register("8"),
    # past its contractual completion, so no longer new
    register("9", acquired_date=date(2022, 5, 1), completion_due_date=date(2023, 8, 1)),
]  # fmt: skip
USERS = [
    user("1", "a"), user("1", "b", tax=None, used_area_mu="0.25"),
    user("2", "c", "exempt"), user("3", "v", None, tax=None, user_kind_code="village"),
    user("4", "d"), user("5", "e"), user("6", "f", tax=None), user("6", "g", used_area_mu="3.9"),
    user("7", "h", "out_of_scope"), user("8", "i", "protected"), user("8", "j", "exempt"), user("9", "k"),
    user("99", "l"),
]  # fmt: skip


@pytest.fixture(scope="module")
def tables(spark: SparkSession) -> dict[str, DataFrame]:
    """The objects and what follows from them."""
    buildings = [
        house("1"), house("1", 2, floor_count=2), house("1", 3, let_share_pct="49.9"),
        house("1", 4, building_area_m2="1999"),
        house("1", 5, vacant_area_m2=None), house("1", 6, building_flags=["let_though_vacant"]),
        house("1", 7, built_date=date(2022, 6, 1)), house("3"),
        house("1", 8, park_code=f"{DISTRICT}P001"), house("2", park_code=f"{DISTRICT}P002"),
        house("4", park_code=f"{DISTRICT}P003"), house("9", park_code=f"{DISTRICT}P004"),
    ]  # fmt: skip
    parks = [
        small_park("001"), small_park("002", star_count=5), small_park("003", points_safety=None),
        small_park("004", recognised_date=date(2021, 6, 1)), small_park("005", star_count=4),
    ]  # fmt: skip
    firms = [
        service("s1"), service("s2", service_division_code="66"), service("s3", registration_status_code="cancelled"),
        service("s4", is_in_industry=True), service("s5", tax_contribution_wan_yuan=None),
        service("s6", floor_area_m2="29.9"), service("s7", land_area_mu="2", floor_area_m2=None),
        service("s8", floor_area_m2=None),
    ]  # fmt: skip
    complexes = [
        plaza("001"),
        plaza("002", occupied_area_m2=None),
        plaza("003", opened_date=date(2022, 3, 1)),
    ]
    rules = object_rules()
    computed = object_unit(
        frame(spark, "core.parcel", PARCELS), frame(spark, "per_mu.parcel_figure", USERS),
        frame(spark, "core.zone", []),
        frame(spark, "core.park", parks), frame(spark, "core.building", buildings),
        frame(spark, "core.service_firm", firms), frame(spark, "core.service_complex", complexes), rules,
    )  # fmt: skip
    # each is read by several tests
    unit = materialised(computed)
    baseline = object_baseline(unit, rules)
    values = materialised(object_indicator_value(unit, baseline, rules))
    return {"unit": unit, "values": values, "grade": materialised(object_grade(unit, values, rules))}


@pytest.fixture(scope="module")
def standing(tables: dict[str, DataFrame]) -> dict[str, tuple[str, list[str]]]:
    rows = tables["unit"].collect()
    return {
        r["object_code"].removeprefix(f"{DISTRICT}001GB").lstrip("0"): (
            r["eval_status_code"],
            r["object_reasons"],
        )
        for r in rows
    }


def test_a_parcel_is_judged_by_its_users_and_its_land(standing: dict[str, tuple[str, list[str]]]) -> None:
    assert {code: standing[code] for code in ("1", "2", "3", "4", "5", "6", "7", "8", "9", "99")} == {
        "1": ("graded", []),  # 0.25 of 1.25 mu without taxes is a fifth
        "2": ("exempt", ["users_exempt"]),
        "3": ("out_of_scope", ["no_firm"]),
        "4": ("graded", ["disputed"]),
        "5": ("protected", ["new_land"]),
        "6": ("data_incomplete", ["users_unreported"]),  # 1 of 4.9 mu
        "7": ("out_of_scope", ["users_out_of_scope"]),
        "8": ("protected", ["users_protected"]),
        "9": ("graded", []),
        "99": ("data_incomplete", ["unknown_parcel"]),
    }


def test_a_building_is_judged_by_floors_area_letting_and_survey(
    standing: dict[str, tuple[str, list[str]]],
) -> None:
    found = {code.partition("F")[2]: of for code, of in standing.items() if code.startswith("1F")}
    assert found == {
        "0001": ("graded", []),
        "0002": ("out_of_scope", ["low_building"]),
        "0003": ("out_of_scope", ["own_use"]),
        "0004": ("out_of_scope", ["small_building"]),
        "0005": ("data_incomplete", ["missing_figure:vacant_area_m2"]),
        "0006": ("data_incomplete", ["contradiction:let_though_vacant"]),
        "0007": ("protected", ["new_building"]),
        "0008": ("graded", []),
    }
    assert standing["3F0001"] == ("out_of_scope", ["no_firm"])


def test_parks_services_and_complexes(standing: dict[str, tuple[str, list[str]]]) -> None:
    assert {code: standing[f"{DISTRICT}P{code}"] for code in ("001", "002", "003", "004", "005")} == {
        "001": ("graded", []),
        "002": ("graded", ["five_stars"]),
        "003": ("data_incomplete", ["missing_dimension:safety"]),
        "004": ("protected", ["transition"]),
        "005": ("out_of_scope", ["no_parcel"]),
    }
    assert {code: standing[code] for code in (f"s{n}" for n in range(1, 9))} == {
        "s1": ("graded", []),
        "s2": ("out_of_scope", ["division:66"]),
        "s3": ("out_of_scope", ["registration:cancelled"]),
        "s4": ("out_of_scope", ["in_industry"]),
        "s5": ("data_incomplete", ["missing_figure:tax_contribution_wan_yuan"]),
        "s6": ("data_incomplete", ["floor_too_small"]),
        "s7": ("graded", []),
        "s8": ("data_incomplete", ["missing_figure:building_area_m2"]),
    }
    assert {code: standing[f"{DISTRICT}S{code}"] for code in ("001", "002", "003")} == {
        "001": ("graded", []),
        "002": ("data_incomplete", ["missing_figure:occupied_area_m2"]),
        "003": ("protected", ["new_complex"]),
    }


def test_a_park_with_stars_is_a_and_takes_no_place(tables: dict[str, DataFrame]) -> None:
    parks = {
        r["object_code"][-4:]: r for r in tables["grade"].where("object_kind_code = 'small_park'").collect()
    }
    starred, plain = parks["P002"], parks["P001"]
    assert (starred["final_grade"], starred["rank_in_list"], starred["object_grade_reasons"]) == (
        "A", None, ["five_stars"],
    )  # fmt: skip
    # one ranked park: no place in A or B, and 5 % of one rounded up is one D
    assert (plain["final_grade"], plain["rank_in_list"], plain["list_size"]) == ("D", 1, 1)
    # tax per mu: P001 has parcel 1 (50 / 10 mu), P002 parcel 2 (50 / 10): the median is 5, so 20 points;
    # eight dimensions of 80 points of 100 give 8 each
    assert plain["total_score"] == 20 + 8 * 8
    assert plain["ranked_in_code"] == "330200" and plain["district_code"] == DISTRICT


def test_services_with_and_without_land_have_lists_of_their_own(tables: dict[str, DataFrame]) -> None:
    rows = {
        (r["object_code"], r["indicator_code"]): r
        for r in tables["values"].where("object_kind_code = 'service_firm'").collect()
    }
    assert {code for firm, code in rows if firm == "s1"} == {"S1", "S2", "S3", "S4", "S5", "S6", "I5"}
    assert {code for firm, code in rows if firm == "s7"} == {"S1", "S2", "S3", "S4", "S7", "I1", "I5"}
    # 40 万元 on 500 m²: 8 for each 100 m²; 40 on 2 mu: 20
    assert rows["s1", "S5"]["value"] == 8 and rows["s7", "I1"]["value"] == 20
    assert rows["s1", "S5"]["statistics_firm_count"] == 1


def test_a_building_has_its_share_of_the_parcel(tables: dict[str, DataFrame]) -> None:
    found = {r["object_code"]: r for r in tables["unit"].where("object_kind_code = 'building'").collect()}
    first = found[f"{parcel_id('1')}F0001"]
    # parcel 1: 50 万元; eight buildings, seven of 3000 m² and one of 1999: 50 x 3000 / 22999, cut
    assert first["tax_contribution_wan_yuan"] == Decimal("6.522022")
    assert first["occupied_area_m2"] == 2700


def test_core_tables_are_in_todays_districts_and_flag_contradictions(spark: SparkSession) -> None:
    sent = {"period": "2023", "reported_district_code": "330204"}
    parks = park(
        frame(spark, "raw.gov_park", [{**sent, "park_code": "330212P001", "park_kind_code": "small_micro"}]),
        frame(
            spark, "raw.gov_park_assessment",
            [{**sent, "park_code": "330212P001", "park_dimension_code": "safety", "dimension_points": "70"}],
        ),
    ).collect()  # fmt: skip
    assert [(r["district_code"], r["points_safety"], r["points_digital"]) for r in parks] == [
        ("330212", 70, None)
    ]
    plain = {**sent, "parcel_id": parcel_id("1"), "building_area_m2": "100", "let_share_pct": "100"}
    houses = building(
        frame(
            spark, "raw.gov_building",
            [{**plain, "building_code": c, "vacant_area_m2": v} for c, v in (("a", "1"), ("b", None))],
        )
    ).collect()  # fmt: skip
    assert {r["building_code"]: r["building_flags"] for r in houses} == {"a": ["let_though_vacant"], "b": []}
    complexes = service_complex(
        frame(
            spark, "raw.gov_service_complex",
            [{**sent, "complex_code": "c", "building_area_m2": "10", "occupied_area_m2": "11",
              "resident_firm_count": 3, "local_firm_count": 4}],
        )
    ).collect()  # fmt: skip
    assert complexes[0]["building_flags"] == ["more_local_than_residents", "more_used_than_built"]
    services = service_firm(
        frame(spark, "raw.gov_service_annual", [{**sent, "uscc": "x"}, {**sent, "uscc": "y"}]),
        frame(spark, "core.enterprise", [{**YEAR, "uscc": "y"}, {**YEAR, "uscc": "z"}]),
    ).collect()
    assert {r["uscc"]: r["is_in_industry"] for r in services} == {"x": False, "y": True}


def test_a_scope_names_codes_that_exist() -> None:
    document = object_scope().model_dump(mode="json")
    document["service"]["excluded_divisions"] = ["66", "01"]
    with pytest.raises(
        ValidationError, match=r"unknown codes \['01'\]; see schemas/codes/service_division\.csv"
    ):
        ObjectScope.model_validate(document)


def test_no_object_is_scored_by_a_range() -> None:
    """The worst value of a list is that of one object."""
    one = object_rules().book.for_(DISTRICT, "2023")
    document = one.model_dump(mode="json")
    document["lists"]["parcel"]["indicators"]["I8"] |= {"scoring": "min_max", "baseline": {"method": "range"}}
    book = object_rules().book.replace(parse_rule_set("x.yml", document))
    with pytest.raises(RejectedError, match=r"lists\.parcel\.indicators\.I8: a range names the worst"):
        ObjectRules(object_scope(), book).check()
    object_rules().check()


def test_lists_of_the_city_are_ranked_in_the_city() -> None:
    rules = object_rules()
    assert [
        k
        for k in ("zone", "industrial_area", "area_part", "small_park", "service_complex")
        if not rules.is_ranked_in_city(k)
    ] == []
    assert not any(
        rules.is_ranked_in_city(k) for k in ("parcel", "building", "service_own_land", "service_no_land")
    )
    assert {place for place, _, _ in rules.items()} == {*code_list("district")}


def test_a_grade_is_explained_with_its_arithmetic(tables: dict[str, DataFrame]) -> None:
    [grade] = [r.asDict() for r in tables["grade"].where("object_kind_code = 'building'").limit(1).collect()]
    values = [r.asDict() for r in tables["values"].collect()]
    rules = next(one for _, _, one in object_rules().items() if one.id == grade["rule_set_id"])

    def query(sql: str, *key: Any) -> list[Row]:
        if "rule_set" in sql:
            return [{"content": rules.model_dump_json()}]
        found = [v for v in values if (v["object_kind_code"], v["object_code"], v["year"]) == key]
        return sorted(found, key=lambda v: v["indicator_code"])

    lines = explain_object(grade, query)
    assert grade["object_name"] in lines[0] and "工业楼宇" in lines[0]
    assert [line[:2] for line in lines[1:4]] == ["B1", "B2", "B3"]
    # occupied 2,700 of 3,000 m²: 0.9 of 30 points
    assert "2,700 平方米 ÷ 3,000 平方米 = 0.9" in lines[2] and "= 27 分" in lines[2]
    assert "≠" not in "".join(lines) and lines[-1].endswith(grade["final_grade"])
