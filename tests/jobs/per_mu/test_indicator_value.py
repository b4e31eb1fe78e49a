"""per_mu.indicator_value: values and scores that a person can check."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from jobs.per_mu.rules.reading import rule_book
from tests.jobs.per_mu.world import WORLD, Results, Row, every_list, firm, indicator, small, tenant

# --- Huangyan's published example ---------------------------------------------------------------------


def published(year: str) -> list[Row]:
    """Figures that give 30 万/亩, 150 万/亩, 3 万/tce, 5000 万/t, 20 万/人, 0.03; below scale 8 万/亩, 0.2 元/kWh."""
    above = {
        "year": year, "land_area_mu": "10", "tax_income_wan_yuan": "200", "tax_other_wan_yuan": "1",
        "tax_land_use_wan_yuan": "-1", "value_added_wan_yuan": "1500", "energy_tce": "500", "emission_t": "0.3",
        "employees_average": "75", "rd_expense_wan_yuan": "30", "revenue_wan_yuan": "1000",
    }  # fmt: skip
    below = {"year": year, "land_area_mu": "10", "power_kwh": "4000000"}
    return [
        firm(f"above {year}", "100", **above),
        firm(f"no emissions {year}", "100", **{**above, "emission_t": None}),
        small(f"below {year}", "80", **below),
        small(f"below 3 mu {year}", "16", **{**below, "land_area_mu": "2", "power_kwh": "800000"}),
    ]


HUANGYAN = WORLD.district(
    *published("2022"),
    *published("2021"),
    shipped=(rule_book().get("huangyan-2022"), rule_book().get("huangyan-2021")),
)


def points(evaluated: Results, year: str, name: str) -> list[str]:
    """Scores in the order of the indicators, and their sum, to three digits as published."""
    rows = sorted(
        (
            r
            for r in evaluated.table("indicator_value", HUANGYAN, year)
            if r["uscc"].endswith(f"{name} {year}")
        ),
        key=lambda r: r["indicator_code"],
    )
    total = evaluated.by_firm("enterprise_grade", HUANGYAN, year)[f"{name} {year}"]["total_score"]
    assert sum(r["score"] for r in rows) == total
    return [str(v.quantize(Decimal("0.001"), ROUND_HALF_UP)) for v in (*(r["score"] for r in rows), total)]


def test_huangyan_2022_is_scored_as_published(evaluated: Results) -> None:
    # 30/24.097x30, 150/136.16x20, 3/2.694x20, 5000/4929.81x10, 20/18.14x10, 0.03/0.0302x10
    example = ["37.349", "22.033", "22.272", "10.142", "11.025", "9.934", "112.755"]
    assert points(evaluated, "2022", "above") == example
    # 8/11.5932x50, 0.2/0.2352x50
    for name in ("below", "below 3 mu"):
        assert points(evaluated, "2022", name) == ["34.503", "42.517", "77.020"]
    values = {
        c: evaluated.values(HUANGYAN, c, "2022")["above 2022"]["value"]
        for c in ("I1", "I2", "I3", "I4", "I5", "I6")
    }
    assert list(values.values()) == [30, 150, 3, 5000, 20, Decimal("0.03")]
    assert evaluated.values(HUANGYAN, "I7", "2022")["below 2022"]["value"] == Decimal("0.2")
    assert evaluated.values(HUANGYAN, "I7", "2022")["below 2022"]["denominator"] == 400  # 万千瓦时


def test_without_emissions_a_firm_gets_the_average_score_of_its_list(evaluated: Results) -> None:
    # the only other firm above scale has 10.142...
    row = evaluated.values(HUANGYAN, "I4", "2022")["no emissions 2022"]
    other = evaluated.values(HUANGYAN, "I4", "2022")["above 2022"]
    assert (row["note_code"], row["is_missing"], row["value"]) == ("group_average", True, None)
    assert row["score"] == other["score"] and other["note_code"] is None


def test_huangyan_2021_has_its_own_baselines(evaluated: Results) -> None:
    # 30/26.01x30, 150/132.27x20, 3/2.54x20, 5000/4861.08x10, 20/17.45x10, 0.03/0.0305x10
    assert points(evaluated, "2021", "above") == [
        "34.602",
        "22.681",
        "23.622",
        "10.286",
        "11.461",
        "9.836",
        "112.488",
    ]
    # 8/16.601058x50, 0.2/0.236565x50
    assert points(evaluated, "2021", "below") == ["24.095", "42.272", "66.367"]


# --- tax components -----------------------------------------------------------------------------------

TAXED = {
    "tax_export_offset_wan_yuan": "2", "tax_income_wan_yuan": "4", "tax_consumption_wan_yuan": "8",
    "tax_surcharge_wan_yuan": "16", "tax_land_use_wan_yuan": "32", "tax_property_wan_yuan": "64",
    "tax_other_wan_yuan": "128",
}  # fmt: skip
COMPONENTS = {
    components: WORLD.district(firm("a", "1", **TAXED), rule={"tax_components": components.split()})
    for components in (
        "vat", "export_offset", "income", "consumption", "surcharge", "land_use", "property", "other",
        "vat export_offset", "vat export_offset income consumption surcharge land_use property other",
    )
}  # fmt: skip


def test_only_the_named_tax_components_count(evaluated: Results) -> None:
    tax = [evaluated.values(d, "I1")["a"]["numerator"] for d in COMPONENTS.values()]
    assert tax == [1, 2, 4, 8, 16, 32, 64, 128, 3, 255]


# --- negative value added, cap, floor -----------------------------------------------------------------

RANGE = [
    firm("loss", "10", value_added_wan_yuan="-40"),
    firm("gain", "400", value_added_wan_yuan="500"),
    firm("refund", "-7", value_added_wan_yuan="50"),
]


def ranged(**changes: Any) -> str:
    return WORLD.district(
        *RANGE, rule={"lists": every_list(I1=indicator("50"), I2=indicator("50")), **changes}
    )


ZERO, KEEP = ranged(), ranged(negative_value_added="keep")
FLOOR, LOW_FLOOR = (
    ranged(negative_value_added="keep", floor="0"),
    ranged(negative_value_added="keep", floor="-5"),
)
CAP = ranged(cap_ratio="1.5", floor="0")


def scored(evaluated: Results, district: str, code: str) -> dict[str, tuple[Any, Any]]:
    return {n: (r["score"], r["note_code"]) for n, r in evaluated.values(district, code).items()}


def test_negative_value_added_scores_zero_or_its_own_negative_points(evaluated: Results) -> None:
    # value / 100 x 50
    gain, refund = (250, None), (25, None)
    assert scored(evaluated, ZERO, "I2") == {"loss": (0, "negative_zero"), "gain": gain, "refund": refund}
    assert scored(evaluated, KEEP, "I2") == {"loss": (-20, None), "gain": gain, "refund": refund}
    # the option is about value added: a negative tax keeps its negative points
    assert scored(evaluated, ZERO, "I1")["refund"] == (Decimal("-3.5"), None)


def test_points_stay_within_cap_and_floor(evaluated: Results) -> None:
    assert scored(evaluated, FLOOR, "I2")["loss"] == (0, "floored")
    assert scored(evaluated, FLOOR, "I1")["refund"] == (0, "floored")
    assert scored(evaluated, LOW_FLOOR, "I2")["loss"] == (-5, "floored")
    assert scored(evaluated, LOW_FLOOR, "I1")["refund"] == (Decimal("-3.5"), None)
    # 1.5 x 50 = 75 at most
    assert scored(evaluated, CAP, "I1") == {
        "loss": (5, None),
        "gain": (75, "capped"),
        "refund": (0, "floored"),
    }


# --- missing values -------------------------------------------------------------------------------------

EMITTERS = [
    firm("ten", "1", value_added_wan_yuan="10", emission_t="1"),
    firm("twenty", "1", value_added_wan_yuan="20", emission_t="1"),
    firm("five", "1", value_added_wan_yuan="5", emission_t="1"),
    firm("none", "1", value_added_wan_yuan="5", emission_t=None),
    firm("zero", "1", value_added_wan_yuan="5", emission_t="0"),
]


def missing(policy: str, *firms: Row) -> str:
    lists = every_list(I1=indicator("50"), I4=indicator("50", missing=policy))
    return WORLD.district(*(firms or EMITTERS), rule={"lists": lists})


AVERAGE, NOTHING, STRICT = missing("group_average"), missing("zero"), missing("data_incomplete")
MEDIAN = missing("group_median")
EMPTY, EMPTY_MEDIAN = missing("group_average", *EMITTERS[3:]), missing("group_median", *EMITTERS[3:])
GIANT = firm("giant", "1", value_added_wan_yuan="1000", emission_t="1")
SKEWED, SKEWED_MEDIAN = (missing(f"group_{how}", GIANT, *EMITTERS) for how in ("average", "median"))


def test_a_missing_value_is_scored_by_the_rule_sets_policy(evaluated: Results) -> None:
    # 10/100x50 = 5, 10 and 2.5; their average (5 + 10 + 2.5) / 3 = 5.833333
    found = scored(evaluated, AVERAGE, "I4")
    assert found["none"] == (Decimal("5.833333"), "group_average")
    assert found["zero"] == (Decimal("5.833333"), "zero_average")  # zero tonnes are a report
    assert [found[n][0] for n in ("ten", "twenty", "five")] == [5, 10, Decimal("2.5")]
    assert (
        scored(evaluated, NOTHING, "I4")["none"]
        == scored(evaluated, NOTHING, "I4")["zero"]
        == (0, "missing_zero")
    )
    assert set(scored(evaluated, STRICT, "I4")) == {"ten", "twenty", "five"}
    assert evaluated.statuses(STRICT)["none"] == ("data_incomplete", ["missing:emission_t"])
    assert evaluated.statuses(STRICT)["zero"] == ("data_incomplete", ["zero:emission_t"])
    assert scored(evaluated, MEDIAN, "I4")["none"] == (5, "group_median")
    assert scored(evaluated, MEDIAN, "I4")["zero"] == (5, "zero_median")
    for district in (EMPTY, EMPTY_MEDIAN):
        assert set(scored(evaluated, district, "I4").values()) == {(Decimal(0), "group_empty")}


def test_silence_pays_under_the_average_of_a_skewed_list_and_never_under_its_median(
    evaluated: Results,
) -> None:
    # scores 500, 10, 5 and 2.5: the average 129.375 is above three of four, the median is (5 + 10) / 2
    assert scored(evaluated, SKEWED, "I4")["none"] == (Decimal("129.375"), "group_average")
    assert scored(evaluated, SKEWED_MEDIAN, "I4")["none"] == (Decimal("7.5"), "group_median")


LOSSES = [
    *EMITTERS,
    firm("told", "1", value_added_wan_yuan="-5", emission_t="1"),
    firm("untold", "1", value_added_wan_yuan="-5", emission_t=None),
    firm("clean", "1", value_added_wan_yuan="-5", emission_t="0"),
]
LOST_MEDIAN, LOST_AVERAGE = missing("group_median", *LOSSES), missing("group_average", *LOSSES)


def test_a_loss_gets_no_points_whether_the_other_figure_is_told_or_not(evaluated: Results) -> None:
    """The score of a loss is nothing for every amount of emissions, so it does not hang on telling them."""
    for district in (LOST_MEDIAN, LOST_AVERAGE):
        found = scored(evaluated, district, "I4")
        assert [found[n] for n in ("told", "untold", "clean")] == [(0, "negative_zero")] * 3
        assert found["none"][0] > 0


#: ``missing_feeds`` names the feed of a report that a permit obliges the firm to send.
OWES = {"missing_feeds": ["gov_emission"]}


def withholding(policy: str, *firms: Row, **rule: Any) -> str:
    lists = every_list(I1=indicator("50"), I4=indicator("50", missing="group_median", withheld=policy))
    return WORLD.district(*firms, rule={"lists": lists, **rule})


SILENT = [
    *EMITTERS,
    firm("withholds", "1", value_added_wan_yuan="5", emission_t=None, **OWES),
    firm(
        "refused", "1", value_added_wan_yuan="5", emission_t=None, quarantined_feeds=["gov_emission"], **OWES
    ),
]
WITHHELD, AS_MISSING = withholding("zero", *SILENT), withholding("as_missing", *SILENT)
LOSS = firm("loss", "1", value_added_wan_yuan="-4", emission_t="1")
BELOW_ZERO = withholding("zero", LOSS, *SILENT, negative_value_added="keep")
TWO_OF_A_UNIT = withholding(
    "zero",
    *EMITTERS,
    firm("holder", "1", value_added_wan_yuan="20", emission_t="1"),
    tenant("silent tenant", "1", holder="holder", value_added_wan_yuan="20", emission_t=None, **OWES),
    tenants={"mode": "merge"},
)


def test_who_withholds_a_figure_that_it_owes_gets_no_points_and_who_owes_none_the_median(
    evaluated: Results,
) -> None:
    # the list's scores are 2.5, 5 and 10
    found = scored(evaluated, WITHHELD, "I4")
    assert found["withholds"] == (0, "withheld_zero")
    assert found["none"] == (5, "group_median") and found["zero"] == (5, "zero_median")
    # a faulty report was sent: the firm is not silent, and not graded before it is corrected
    assert evaluated.statuses(WITHHELD)["refused"] == ("data_incomplete", ["quarantined:gov_emission"])
    assert scored(evaluated, AS_MISSING, "I4")["withholds"] == (5, "group_median")
    assert evaluated.column("unit", "withheld_figures", AS_MISSING)["withholds"] == ["emission_t"]


def test_withholding_is_never_better_than_the_lowest_report(evaluated: Results) -> None:
    # -4/100x50 = -2
    found = scored(evaluated, BELOW_ZERO, "I4")
    assert found["loss"] == (-2, None) and found["withholds"] == (-2, "withheld_zero")


def test_a_unit_does_not_gain_by_a_member_that_withholds(evaluated: Results) -> None:
    # (20 + 20) / 1 t would be 40 万元/t, twice what the holder alone has
    row = evaluated.values(TWO_OF_A_UNIT, "I4")["holder"]
    assert (row["numerator"], row["denominator"], row["value"]) == (40, 1, None)
    assert (row["score"], row["note_code"]) == (0, "withheld_zero")
    assert evaluated.column("unit", "withheld_figures", TWO_OF_A_UNIT)["holder"] == ["emission_t"]


NO_LAND = [firm("landed", "30"), firm("landless", "30", land_area_mu="0")]
AVERAGED = {"lists": every_list(I1=indicator("100", missing="group_average"))}
NO_LAND_NO_POINTS = WORLD.district(*NO_LAND, rule={**AVERAGED, "zero_land": "zero_score"})
NO_LAND_TENANT = WORLD.district(
    tenant("rents", "30"),
    small("landless", "30", land_area_mu="0"),
    rule={**AVERAGED, "zero_land": "tenant_list"},
)


def test_zero_land_scores_zero_instead_of_the_average_if_the_rule_set_says_so(evaluated: Results) -> None:
    assert scored(evaluated, NO_LAND_NO_POINTS, "I1") == {"landed": (30, None), "landless": (0, "zero_land")}
    # tenants hold no land, so on their list the policy for missing values decides
    assert scored(evaluated, NO_LAND_TENANT, "I1") == {"rents": (30, None), "landless": (30, "zero_average")}


# --- rounding --------------------------------------------------------------------------------------------

THIRDS = [firm("a", "2", land_area_mu="3"), firm("b", "-2", land_area_mu="3")]


def thirds(**rounding: Any) -> str:
    lists = every_list(I1=indicator("50"), I8=indicator("50", "1", missing="zero"))
    return WORLD.district(*THIRDS, rule={"rounding": rounding, "lists": lists})


ROUNDED, CUT = thirds(value_scale=2, score_scale=3), thirds(value_scale=2, score_scale=3, mode="down")
SIX = thirds()


def test_values_and_scores_are_rounded_or_cut_as_the_rule_set_says(evaluated: Results) -> None:
    def both(district: str, name: str) -> tuple[str, str]:
        row = evaluated.values(district, "I1")[name]
        return str(row["value"]), str(row["score"])

    # the value is 2/3 = 0.666667; the score is the rounded value / 100 x 50
    assert both(SIX, "a") == ("0.666667", "0.333334")  # 0.666667/100x50 = 0.3333335, half up
    assert both(SIX, "b") == ("-0.666667", "-0.333334")  # away from zero
    assert both(ROUNDED, "a") == ("0.670000", "0.335000")
    assert both(ROUNDED, "b") == ("-0.670000", "-0.335000")
    assert both(CUT, "a") == ("0.660000", "0.330000")
    assert both(CUT, "b") == ("-0.660000", "-0.330000")  # cut, not floored


# --- merged units ----------------------------------------------------------------------------------------

MERGED = WORLD.district(
    firm("holder", "30", land_area_mu="2", value_added_wan_yuan="100"),
    tenant("tenant", "6", holder="holder", land_area_mu="1", value_added_wan_yuan="50"),
    tenant("silent", "3", holder="holder", land_area_mu="1"),
    rule={
        "tenants": {"mode": "merge"},
        "lists": {
            **every_list(I1=indicator("100")),
            "above_scale": {"indicators": {"I1": indicator("50"), "I2": indicator("50")}},
        },
    },
)
INHERITED = WORLD.district(
    firm("holder", "30", land_area_mu="2"),
    tenant("tenant", "6", holder="holder"),
    rule={"tenants": {"mode": "inherit"}},
)


def test_merged_firms_are_one_unit_with_the_sum_of_their_figures(evaluated: Results) -> None:
    tax, added = evaluated.values(MERGED, "I1"), evaluated.values(MERGED, "I2")
    assert set(tax) == set(added) == {"holder"}
    # (30 + 6 + 3) / (2 + 1 + 1); (100 + 50) / 4, the third firm reports no value added
    assert (tax["holder"]["numerator"], tax["holder"]["denominator"], tax["holder"]["value"]) == (
        39,
        4,
        Decimal("9.75"),
    )
    assert (added["holder"]["numerator"], added["holder"]["value"]) == (150, Decimal("37.5"))


def test_the_figures_of_a_tenant_that_inherits_are_not_counted(evaluated: Results) -> None:
    tax = evaluated.values(INHERITED, "I1")
    assert set(tax) == {"holder"} and tax["holder"]["value"] == 15


def test_every_unit_has_the_indicators_of_its_list_and_their_weights_sum_to_100(evaluated: Results) -> None:
    sums: dict[tuple[str, str], Decimal] = {}
    for row in evaluated.rows["indicator_value"]:
        key = (row["uscc"], row["year"])
        sums[key] = sums.get(key, Decimal(0)) + row["weight"]
    units = {
        (r["uscc"], r["year"])
        for r in evaluated.rows["population"]
        if r["eval_status_code"] == "graded" and r["unit_role_code"] == "own"
    }
    assert set(sums) == units and set(sums.values()) == {Decimal(100)}


# --- other formulas ------------------------------------------------------------------------------------

EXTREMES = WORLD.district(
    *(firm(name, tax) for name, tax in (("worst", "10"), ("middle", "60"), ("best", "110"))),
    # a giant is left out of the range; it scores as the best of the others
    *(firm(f"same{n}", "60") for n in range(8)),
    firm("giant", "100000"),
    rule={
        "lists": every_list(
            I1=indicator("100", {"method": "range", "giants": "without"}, scoring="min_max")
        ),
        "giant_from_units": 5,
    },
)  # fmt: skip


def test_minimum_and_maximum_score_twenty_to_a_hundred(evaluated: Results) -> None:
    """旌德县2022: weight x [20 + 80 (x - min) / (max - min)] / 100."""
    rows = evaluated.values(EXTREMES, "I1")
    assert {name: rows[name]["score"] for name in ("worst", "middle", "best", "giant")} == {
        "worst": 20, "middle": 60, "best": 100, "giant": 100,
    }  # fmt: skip
    assert (rows["middle"]["baseline"], rows["middle"]["worst_value"]) == (110, 10)
    assert rows["middle"]["scoring_code"] == "min_max"


EQUALS = WORLD.district(
    firm("one", "5"),
    firm("two", "5"),
    rule={"lists": every_list(I1=indicator("100", {"method": "range"}, scoring="min_max"))},
)


def test_a_range_without_width_scores_nobody(evaluated: Results) -> None:
    rows = evaluated.values(EQUALS, "I1").values()
    assert {(row["score"], row["note_code"], row["baseline"]) for row in rows} == {(0, "no_baseline", None)}


REVERSE = WORLD.district(
    firm("frugal", "1", energy_tce="10", value_added_wan_yuan="100"),
    firm("usual", "1", energy_tce="20", value_added_wan_yuan="100"),
    firm("wasteful", "1", energy_tce="50", value_added_wan_yuan="100"),
    firm("loss", "1", energy_tce="10", value_added_wan_yuan="-5"),
    rule={"lists": every_list(I21=indicator("100", "0.2", missing="group_median"))},
)


def test_where_less_is_better_the_score_falls_to_nothing_at_twice_the_baseline(evaluated: Results) -> None:
    rows = evaluated.values(REVERSE, "I21")
    # (2 - 0.1/0.2) x 100, (2 - 1) x 100; 0.5 is above twice 0.2
    assert {name: rows[name]["score"] for name in rows} == {
        "frugal": 150, "usual": 100, "wasteful": 0, "loss": 0,
    }  # fmt: skip
    # a loss divides nothing, and does not get the others' median either
    assert (rows["loss"]["value"], rows["loss"]["note_code"]) == (None, "negative_zero")


WATER = WORLD.district(
    firm("thirsty", "1", value_added_wan_yuan="600", water_m3="20000", cod_t="0.5"),
    rule={"lists": every_list(I9=indicator("40", "200"), I10=indicator("60", "1200"))},
)


def test_value_added_is_divided_by_water_and_by_single_pollutants(evaluated: Results) -> None:
    water, cod = (evaluated.values(WATER, code)["thirsty"] for code in ("I9", "I10"))
    # 600 / 2 = 300 元/m³: 300 / 200 x 40; 600 / 0.5 = 1,200 万元/t
    assert (water["denominator"], water["value"], water["score"]) == (2, 300, 60)
    assert (cod["value"], cod["score"]) == (1200, 60)
