"""resource.consequence and its reversals: golden cases whose arithmetic a person can check."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from jobs.resource.consequence import consequence
from jobs.resource.consequence_correction import consequence_correction
from jobs.resource.consequence_district import consequence_district
from jobs.resource.power_price_month import power_price_month
from jobs.resource.rules.consequences import consequence_rules
from jobs.resource.rules.efficiency import Efficiency, efficiency_rules
from jobs.resource.rules.measures import Consequences
from jobs.resource.rules.promises import Promises, promise_rules
from tests.frames import frame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Row = dict[str, Any]
RULES = consequence_rules()


def grade(uscc: str, year: int, letter: str, version: int = 1, **given: Any) -> Row:
    return {
        "uscc": uscc, "year": str(year), "final_grade": letter, "evaluation_version": version,
        "supersedes": version - 1 or None, "list_code": "above_scale", "figures_as_of": str(year), **given,
    }  # fmt: skip


def figures(uscc: str, year: int, **given: Any) -> Row:
    return {"uscc": uscc, "year": str(year), **given}


def results(spark: SparkSession, grades: list[Row]) -> tuple[DataFrame, DataFrame]:
    """Grades as computed and as published: the years of a firm with several versions are published in August."""
    corrected = {(g["uscc"], g["year"]) for g in grades if g["evaluation_version"] > 1}
    published = [
        {**g, "decided_date": date(int(g["year"]) + 1, 8, 10)}
        for g in grades
        if (g["uscc"], g["year"]) in corrected
    ]
    computed = [g for g in grades if (g["uscc"], g["year"]) not in corrected]
    return frame(spark, "per_mu.enterprise_grade", computed), frame(spark, "per_mu.publication", published)


def tables(
    spark: SparkSession, grades: list[Row], amounts: list[Row], codes: list[Row] | None = None
) -> tuple[DataFrame, DataFrame, DataFrame, DataFrame]:
    return (
        frame(spark, "core.enterprise_year", amounts),
        *results(spark, grades),
        frame(spark, "core.succession", codes or []),
    )


def amounts_of(rows: Any) -> dict[tuple[str, str, str], Decimal | None]:
    return {(r["uscc"], r["year"], r["measure_code"]): r["amount_wan_yuan"] for r in rows}


def test_relief_and_surcharges_by_grade(spark: SparkSession) -> None:
    firms = {"a": "A", "b": "B", "c": "C", "d": "D"}
    given = tables(
        spark,
        [grade(uscc, 2023, letter) for uscc, letter in firms.items()],
        [
            figures(uscc, 2023, tax_land_use_wan_yuan="12.5", power_kwh="1000000", water_m3="3000",
                    emission_t="2", energy_tce="400")
            for uscc in firms
        ],
    )  # fmt: skip
    rows = consequence(*given, rules=RULES).collect()
    found = amounts_of(rows)
    tax = {uscc: found[uscc, "2023", "land_use_tax"] for uscc in firms}
    # 100 % and 80 % of 12.5
    assert tax == {"a": Decimal("-12.5"), "b": Decimal(-10), "c": 0, "d": 0}
    # 1,000,000 kWh x 0.3 = 300,000 yuan; 3,000 m3 x 1 = 0.3 万元; 2 t x 1,000 = 0.2 万元
    d = {measure: found["d", "2023", measure] for measure in ("power_price", "water_price", "emission_fee")}
    assert d == {"power_price": 30, "water_price": Decimal("0.3"), "emission_fee": Decimal("0.2")}
    assert {uscc for uscc, _, measure in found if measure == "power_price"} == {"d"}
    quota = {r["uscc"]: r["quota_change_tce"] for r in rows if r["measure_code"] == "energy_quota"}
    assert quota == {"c": -20, "d": -40}
    treated = {(r["uscc"], r["treatment_code"]) for r in rows if r["treatment_code"]}
    assert treated == {
        ("a", "credit_preferred"), ("c", "credit_limited"), ("d", "credit_no_new"), ("d", "honours_barred"),
    }  # fmt: skip


def test_the_document_holds_to_its_last_day_and_is_assumed_to_continue(spark: SparkSession) -> None:
    given = tables(
        spark,
        [grade("a", year, "A") for year in (2020, 2021)],
        [figures("a", year, tax_land_use_wan_yuan=1) for year in (2020, 2021)],
    )
    rows = {
        r["year"]: r
        for r in consequence(*given, rules=RULES).collect()
        if r["measure_code"] == "land_use_tax"
    }
    # applied from September of the next year: 2021-09 is within the document, 2022-09 is not
    assert [(y, rows[y]["consequence_rule_id"], rows[y]["is_assumed"]) for y in ("2020", "2021")] == [
        ("2020", "land_use_tax_2019", False), ("2021", "land_use_tax_continued", True),
    ]  # fmt: skip
    assert rows["2020"]["executed_from_month"] == "2021-09"


def test_relief_counts_only_land_that_the_firm_uses_itself(spark: SparkSession) -> None:
    given = tables(
        spark,
        [grade("a", 2023, "A"), grade("none", 2023, "A")],
        [figures("a", 2023, tax_land_use_wan_yuan=10, land_own_mu=30, land_let_mu=10), figures("none", 2023)],
    )
    rows = {
        r["uscc"]: r
        for r in consequence(*given, rules=RULES).collect()
        if r["measure_code"] == "land_use_tax"
    }
    # 30 of 40 mu
    assert (rows["a"]["base_share"], rows["a"]["amount_wan_yuan"]) == (Decimal("0.75"), Decimal("-7.5"))
    assert rows["a"]["consequence_note_code"] == "let_land"
    assert (rows["none"]["amount_wan_yuan"], rows["none"]["consequence_note_code"]) == (None, "no_base")


def test_years_in_d_go_on_over_a_year_without_grade_and_over_a_new_code(spark: SparkSession) -> None:
    grades = [
        *(grade("hidden", year, "D") for year in (2020, 2021, 2023)),
        *(
            grade("better", year, letter)
            for year, letter in ((2020, "D"), (2021, "D"), (2022, "C"), (2023, "D"))
        ),
        *(grade("old", year, "D") for year in (2020, 2021)),
        *(grade("new", year, "D") for year in (2022, 2023)),
    ]
    codes = [
        {
            "from_uscc": "old", "to_uscc": "new", "year": "2022", "identifier_kind_code": "former_uscc",
            "valid_from_date": date(2022, 3, 1),
        }
    ]  # fmt: skip
    # each year has figures of some firm: a run computes the years that have
    amounts = [figures(u, 2023, power_kwh=10000) for u in ("hidden", "better", "new")]
    amounts += [figures("hidden", year) for year in (2020, 2021, 2022)]
    given = tables(spark, grades, amounts, codes)
    found = consequence(*given, rules=RULES).where("measure_code = 'power_price'").collect()
    rows = {(r["uscc"], r["year"]): r for r in found}
    years = {key: r["years_in_d_count"] for key, r in rows.items()}
    assert (years["hidden", "2023"], years["better", "2023"]) == (3, 1)
    assert (years["old", "2021"], years["new", "2022"], years["new", "2023"]) == (2, 3, 4)
    # 10,000 kWh at 0.4 and 0.3 yuan
    assert rows["hidden", "2023"]["amount_wan_yuan"] == Decimal("0.4")
    assert rows["better", "2023"]["amount_wan_yuan"] == Decimal("0.3")


def test_a_correction_is_refunded_also_in_the_years_that_counted_it(spark: SparkSession) -> None:
    grades = [
        grade("a", 2021, "D"), grade("a", 2022, "D"), grade("a", 2022, "B", 2), grade("a", 2023, "D"),
    ]  # fmt: skip
    amounts = [figures("a", y, power_kwh=100_000, tax_land_use_wan_yuan=5) for y in (2021, 2022, 2023)]
    given = tables(spark, grades, amounts)
    found = amounts_of(consequence(*given, rules=RULES).collect())
    assert found["a", "2023", "power_price"] == 3 and ("a", "2022", "power_price") not in found
    back = {(r["year"], r["measure_code"]): r for r in consequence_correction(*given, rules=RULES).collect()}
    # 2022: D to B gives 3 万元 of surcharge back, and 4 of tax
    due = {
        measure: back["2022", measure]["difference_wan_yuan"] for measure in ("power_price", "land_use_tax")
    }
    assert due == {"power_price": -3, "land_use_tax": -4}
    # 2023 was the third year in D (4 万元) and is the first (3)
    third = back["2023", "power_price"]
    assert (third["amount_before_wan_yuan"], third["amount_after_wan_yuan"]) == (4, 3)
    assert (third["difference_wan_yuan"], third["settlement_code"]) == (-1, "refund")
    assert (third["corrected_year"], third["corrected_version"], third["grade_before"]) == ("2022", 2, "D")
    assert (back["2022", "honours"]["treatment_before_code"], back["2022", "honours"]["settlement_code"]) == (
        "honours_barred", "no_money",
    )  # fmt: skip
    assert {year for year, _ in back} == {"2022", "2023"}


def test_a_firm_that_only_a_correction_grades_is_charged_all_of_it(spark: SparkSession) -> None:
    grades = [grade("b", 2022, "A"), grade("b", 2022, "A", 2), grade("a", 2022, "D", 2)]
    given = tables(spark, grades, [figures("a", 2022, power_kwh=100_000)])
    rows = consequence_correction(*given, rules=RULES).where("measure_code = 'power_price'").collect()
    assert [(r["grade_before"], r["difference_wan_yuan"], r["settlement_code"]) for r in rows] == [
        (None, 3, "recovery")
    ]


def test_a_firm_that_a_corrected_list_leaves_out_gets_its_surcharge_back(spark: SparkSession) -> None:
    grades = [grade("b", 2022, "A"), grade("b", 2022, "A", 2), grade("a", 2022, "D")]
    published = [{**g, "decided_date": date(2023, 10, 20)} for g in grades]
    given = (
        frame(spark, "core.enterprise_year", [figures("a", 2022, power_kwh=100_000)]),
        frame(spark, "per_mu.enterprise_grade", []),
        frame(spark, "per_mu.publication", published),
        frame(spark, "core.succession", []),
    )
    rows = consequence(*given, rules=RULES).collect()
    assert {r["uscc"] for r in rows} == {"b"}
    # published on 20 October, applied from November
    assert {(r["executed_from_month"], r["is_month_assumed"]) for r in rows} == {("2023-11", False)}
    back = consequence_correction(*given, rules=RULES).where("measure_code = 'power_price'").collect()
    assert [(r["grade_before"], r["final_grade"], r["difference_wan_yuan"]) for r in back] == [
        ("D", None, -3)
    ]


def test_what_was_published_stands_whatever_is_computed_since(spark: SparkSession) -> None:
    given = (
        frame(spark, "core.enterprise_year", [figures("a", 2022, power_kwh=100_000)]),
        frame(spark, "per_mu.enterprise_grade", [grade("a", 2022, "B"), grade("new", 2022, "D")]),
        frame(spark, "per_mu.publication", [{**grade("a", 2022, "D"), "decided_date": date(2023, 8, 1)}]),
        frame(spark, "core.succession", []),
    )
    rows = consequence(*given, rules=RULES).where("measure_code = 'power_price'").collect()
    assert [(r["uscc"], r["amount_wan_yuan"]) for r in rows] == [("a", 3)]


def test_months_before_a_late_publication_are_billed_by_the_year_before(spark: SparkSession) -> None:
    months = [
        {"meter_account_code": "m", "uscc": "d", "period": month, "power_kwh": "10000"}
        for month in ("2024-09", "2024-11", "2024-12")
    ]
    rows = power_price_month(
        frame(spark, "raw.gov_electricity", months),
        frame(spark, "per_mu.enterprise_grade", [grade("d", 2022, "D")]),
        frame(spark, "per_mu.publication", [{**grade("d", 2023, "B"), "decided_date": date(2024, 11, 15)}]),
        frame(spark, "core.succession", []),
        rules=RULES,
    ).collect()
    # 2023 holds from December 2024 on
    assert {(r["month"], r["evaluation_year"]) for r in rows} == {("2024-09", "2022"), ("2024-11", "2022")}


def test_a_pre_evaluation_has_no_consequences(spark: SparkSession) -> None:
    given = tables(spark, [grade("a", 2025, "A", figures_as_of="2025-05")], [figures("a", 2025)])
    assert consequence(*given, rules=RULES).collect() == []


def test_a_meter_account_is_billed_by_the_grade_of_who_has_it(spark: SparkSession) -> None:
    grades = [grade("d", 2022, "D"), grade("d", 2023, "C"), grade("b", 2022, "B"), grade("b", 2023, "D")]
    months = [
        {"meter_account_code": "m1", "uscc": uscc, "period": month, "power_kwh": "20000"}
        for uscc, month in (
            ("d", "2024-07"),
            ("b", "2024-08"),
            ("b", "2024-09"),
            ("d", "2024-10"),
            ("d", "2022"),
        )
    ]
    given = tables(spark, grades, [])[1:]
    rows = power_price_month(frame(spark, "raw.gov_electricity", months), *given, rules=RULES).collect()
    # until August 2024 the results of 2022 hold, from September on those of 2023; the account moves to b and back
    assert {(r["month"], r["uscc"], r["evaluation_year"], r["surcharge_wan_yuan"]) for r in rows} == {
        ("2024-07", "d", "2022", Decimal("0.6")), ("2024-09", "b", "2023", Decimal("0.6")),
    }  # fmt: skip


def test_a_corrected_grade_gives_the_months_charges_back(spark: SparkSession) -> None:
    grades = [grade("d", 2022, "D"), grade("d", 2022, "C", 2)]
    months = [{"meter_account_code": "m1", "uscc": "d", "period": "2024-01", "power_kwh": "20000"}]
    given = tables(spark, grades, [])[1:]
    [row] = power_price_month(frame(spark, "raw.gov_electricity", months), *given, rules=RULES).collect()
    assert (row["final_grade"], row["surcharge_wan_yuan"], row["first_surcharge_wan_yuan"]) == (
        "C",
        0,
        Decimal("0.6"),
    )
    assert row["difference_wan_yuan"] == Decimal("-0.6")


def test_totals_count_the_firms_behind_them(spark: SparkSession) -> None:
    given = tables(
        spark,
        [grade(u, 2023, "A") for u in "abc"] + [grade("e", 2023, "B")],
        [figures("a", 2023, tax_land_use_wan_yuan=1), figures("b", 2023, tax_land_use_wan_yuan=2),
         figures("c", 2023), figures("e", 2023, tax_land_use_wan_yuan=0)],
    )  # fmt: skip
    rows = {
        r["final_grade"]: r
        for r in consequence_district(consequence(*given, rules=RULES)).collect()
        if r["measure_code"] == "land_use_tax"
    }
    a = rows["A"]
    assert (a["firm_count"], a["touched_firm_count"], a["no_base_firm_count"], a["least_firm_count"]) == (
        3,
        2,
        1,
        2,
    )
    assert (a["before_wan_yuan"], a["amount_wan_yuan"], a["after_wan_yuan"]) == (3, -3, 0)
    assert (rows["B"]["touched_firm_count"], rows["B"]["least_firm_count"]) == (0, 0)


# --- rules ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"valid_from": "2021-06-01"}, "both hold for a district"),
        ({"measure": "rain"}, "unknown measure"),
        ({"base": None}, "a rate needs a base"),
        ({"steps": [{"grade": "C", "from_years_in_d": 2, "rate": 1}]}, "only grade D"),
        ({"district_codes": ["330200"]}, "unknown district"),
    ],
)
def test_a_measure_that_cannot_hold_is_refused(change: Row, said: str) -> None:
    given = RULES.given.model_dump(mode="json")
    given["measures"][1] |= change
    with pytest.raises(ValueError, match=said):
        Consequences.model_validate(given)


def test_every_assumption_of_the_area_has_its_reason_in_both_languages() -> None:
    documents = [d for rules in (RULES, efficiency_rules(), promise_rules()) for d in rules.describe()]
    notes = [note for document in documents for note in document.assumptions]
    assert len(notes) > 20 and all(note.why and note.why_zh for note in notes)
    assert all(one.source for one in RULES.given.measures)


def test_other_rules_that_cannot_hold_are_refused() -> None:
    given = efficiency_rules().given.model_dump(mode="json")
    given["firms"]["measures"] = given["firms"]["measures"][:1]
    with pytest.raises(ValueError, match="no measure for"):
        Efficiency.model_validate(given)
    promised = promise_rules().given.model_dump(mode="json")
    del promised["indicators"]["rd"]
    with pytest.raises(ValueError, match="exactly once"):
        Promises.model_validate(promised)
