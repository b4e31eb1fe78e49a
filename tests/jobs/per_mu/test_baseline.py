"""per_mu.baseline: published, or computed from the list's own graded units, with or without its giants."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.jobs.per_mu.world import WORLD, Results, every_list, firm, indicator

# tax and land: 10/1 = 10, 60/3 = 20, 90/2 = 45; the exempt and the incomplete firm do not count
FIRMS = [
    firm("a", "10", land_area_mu="1"),
    firm("b", "60", land_area_mu="3"),
    firm("c", "90", land_area_mu="2"),
    firm("exempt", "9999", industry_code="4411", industry_division_code="44"),
    firm("incomplete", None),
]


def found_by(method: str, *firms: dict[str, Any], **more: Any) -> str:
    rule = {"lists": every_list(I1=indicator("100", {"method": method, **more})), "exempt_industries": ["44"]}
    return WORLD.district(*(firms or FIRMS), rule=rule)


AGGREGATE, MEAN, MEDIAN = found_by("aggregate"), found_by("mean"), found_by("median")
EVEN = found_by("median", FIRMS[0], FIRMS[1], firm("z", "5"), firm("y", "20.000001"))
FIXED, DOUBLE = found_by("fixed", value="12.5"), found_by("aggregate", factor="2")
NEGATIVE = found_by("mean", firm("a", "-5"), firm("b", "3"))
TINY = found_by("median", firm("a", "0.000001"), factor="0.499999")


def test_each_method_computes_its_own_baseline(evaluated: Results) -> None:
    def own(district: str) -> Decimal | None:
        value: Decimal | None = evaluated.baseline(district, "above_scale", "I1")
        return value

    assert own(AGGREGATE) == Decimal("26.666667")  # (10 + 60 + 90) / (1 + 3 + 2) = 160/6
    assert own(MEAN) == 25  # (10 + 20 + 45) / 3
    assert own(MEDIAN) == 20
    assert own(EVEN) == Decimal("15")  # 5, 10, 20, 20.000001: the middle two are 10 and 20
    assert own(FIXED) == Decimal("12.5")
    assert own(DOUBLE) == Decimal("53.333334")  # twice 26.666667, as Huai'an takes twice the average
    assert own(NEGATIVE) is None  # (-5 + 3) / 2 = -1
    assert own(TINY) is None  # 0.000000499999 rounds to 0


def test_a_computed_baseline_names_the_units_behind_it(evaluated: Results) -> None:
    def units(district: str) -> dict[str, int | None]:
        rows = evaluated.table("baseline", district)
        return {r["list_code"]: r["unit_count"] for r in rows if r["indicator_code"] == "I1"}

    # the exempt and the incomplete firm have no value; lists without a unit have none
    assert units(MEAN) == {"above_scale": 3, "below_scale_ge3": 0, "below_scale_lt3": 0, "tenant": 0}
    assert units(EVEN)["above_scale"] == 4 and units(NEGATIVE)["above_scale"] == 2
    assert set(units(FIXED).values()) == {None}


def test_without_a_baseline_every_score_is_zero(evaluated: Results) -> None:
    for row in evaluated.values(NEGATIVE, "I1").values():
        assert (row["score"], row["note_code"], row["baseline"]) == (0, "no_baseline", None)


def test_every_list_of_the_rule_set_has_its_baselines_even_when_it_is_empty(evaluated: Results) -> None:
    rows = evaluated.table("baseline", MEAN)
    assert {r["list_code"]: r["value"] for r in rows} == {
        "above_scale": 25,
        "below_scale_ge3": None,
        "below_scale_lt3": None,
        "tenant": None,
    }
    assert {(r["method_code"], r["rule_set_id"], r["rule_source"]) for r in rows} == {
        ("mean", f"r{MEAN}-2023", "测试")
    }


# --- giants ----------------------------------------------------------------------------------------

#: Nine firms with 10 of tax on one mu each. With a giant of 910 on two mu the list's sum is 1000.
NINE = [firm(f"f{n}", "10", value_added_wan_yuan="50") for n in range(9)]
GIANT = firm("giant", "910", land_area_mu="2", value_added_wan_yuan="50")


def with_giants(*firms: dict[str, Any], giants: str = "without", **more: Any) -> str:
    method = {"method": "aggregate", "giants": giants}
    return WORLD.district(*firms, rule={"lists": every_list(I1=indicator("100", method)), **more})


LEFT_OUT, COUNTED = with_giants(*NINE, GIANT), with_giants(*NINE, GIANT, giants="with")
# the same list at other thresholds: 910 of 1000 is less than 92 %; 910 is 91 times the median of 10; ten units report
SHARE = with_giants(*NINE, GIANT, giant_share="0.92")
TIMES = with_giants(*NINE, GIANT, giant_times_median="91.000001")
EXACTLY = with_giants(*NINE, GIANT, giant_share="0.91", giant_times_median="91", giant_from_units=10)
UNITS = with_giants(*NINE, GIANT, giant_from_units=11)
# by value added alone: 5000 of 5450, and less tax than others
BY_VALUE_ADDED = with_giants(*NINE, firm("giant", "1", value_added_wan_yuan="5000"))
# two of eleven firms report value added, then six of twelve and six of thirteen: one of them has nearly all of it
FEW_REPORT = with_giants(
    *(firm(f"f{n}", "10") for n in range(9)), firm("a", "10", value_added_wan_yuan="1"),
    firm("b", "10", value_added_wan_yuan="5000"),
)  # fmt: skip


def reporting(units: int) -> str:
    few = [firm(f"a{n}", "10", value_added_wan_yuan="5") for n in range(5)]
    rest = [firm(f"f{n}", "10") for n in range(units - 6)]
    return with_giants(firm("giant", "10", value_added_wan_yuan="975"), *few, *rest, giant_from_units=6)


HALF_REPORT, LESS_THAN_HALF = reporting(12), reporting(13)
THREE, FOUR = (with_giants(*(firm(f"f{n}", "10") for n in range(number))) for number in (3, 4))
#: Thresholds that make everyone a giant.
ALL: dict[str, Any] = {"giant_share": "0.01", "giant_times_median": "1", "giant_from_units": 1}
EVERYONE = with_giants(*NINE, **ALL)
LOSSES = with_giants(*(firm(f"f{n}", "-1") for n in range(9)), firm("giant", "10"))
MEDIAN_WITHOUT = WORLD.district(
    *NINE, GIANT, firm("g", "12"),
    rule={"lists": every_list(I1=indicator("100", {"method": "median", "giants": "without"}))},
)  # fmt: skip
PUBLISHED_OF_GIANTS = WORLD.district(*NINE, GIANT, rule={"lists": every_list(I1=indicator("100", "58"))})


def told(results: Results, district: str) -> tuple[Any, ...]:
    [row] = [r for r in results.table("baseline", district) if r["list_code"] == "above_scale"]
    assert row["giant_count"] == len(row["giants"])
    names = [code.removeprefix(f"{district}-") for code in row["giants"]]
    columns = ("value", "value_with_giants", "value_without_giants", "giant_treatment_code")
    return (*(row[name] for name in columns), names)


def test_a_giant_is_left_out_of_the_baseline_or_counts_as_the_rule_says(evaluated: Results) -> None:
    with_it = Decimal("90.909091")  # 1000 / (9 + 2)
    assert told(evaluated, LEFT_OUT) == (10, with_it, 10, "left_out", ["giant"])
    assert told(evaluated, COUNTED) == (with_it, with_it, 10, "counted", ["giant"])
    assert told(evaluated, MEDIAN_WITHOUT) == (10, 10, 10, "left_out", ["giant"])


def test_a_giant_reaches_the_share_and_the_multiple_of_the_median_among_enough_units(
    evaluated: Results,
) -> None:
    assert told(evaluated, EXACTLY)[3:] == ("left_out", ["giant"])
    for district in (SHARE, TIMES, UNITS):
        assert told(evaluated, district)[3:] == ("none", [])
        assert told(evaluated, district)[0] == Decimal("90.909091")


def test_value_added_makes_a_giant_as_tax_does(evaluated: Results) -> None:
    # 91 / 10 with it, 90 / 9 without
    assert told(evaluated, BY_VALUE_ADDED) == (10, Decimal("9.1"), 10, "left_out", ["giant"])


def test_no_equal_firm_and_no_firm_among_few_that_report_is_a_giant(evaluated: Results) -> None:
    assert told(evaluated, HALF_REPORT) == (10, 10, 10, "left_out", ["giant"])
    for district in (THREE, FOUR, FEW_REPORT, LESS_THAN_HALF):
        assert told(evaluated, district) == (10, 10, 10, "none", [])


def test_where_nothing_is_left_without_giants_they_count(evaluated: Results) -> None:
    assert told(evaluated, EVERYONE) == (10, 10, None, "nothing_left", [f"f{n}" for n in range(9)])
    assert told(evaluated, LOSSES) == (Decimal("0.1"), Decimal("0.1"), None, "nothing_left", ["giant"])


def test_a_published_baseline_is_what_it_is(evaluated: Results) -> None:
    assert told(evaluated, PUBLISHED_OF_GIANTS) == (58, None, None, "published", ["giant"])
