"""per_mu.enterprise_grade: totals, ranks, quotas, vetoes and protections. Points are tax (万元) on one mu."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from tests.jobs.per_mu.world import (
    WORLD,
    Results,
    Row,
    event,
    every_list,
    every_list_of,
    firm,
    indicator,
    quota,
    small,
    tenant,
    veto,
)


def ten(**of: Row) -> list[Row]:
    """Firms a to j with 100, 90, ... 10 points; ``of`` changes single firms."""
    return [firm(name, str(100 - 10 * place), **of.get(name, {})) for place, name in enumerate("abcdefghij")]


def few(*points: str) -> list[Row]:
    return [firm(name, p) for name, p in zip("abcdefghij", points, strict=False)]


VETOES = {"safety_fatal": "direct_d", "quality_major": "not_above_c"}

# --- quotas -------------------------------------------------------------------------------------------

SEVEN = few("70", "60", "50", "40", "30", "20", "10")
DOWN, UP, NEAREST = (
    WORLD.district(*SEVEN, rule={"quota": quota(rounding=r)}) for r in ("floor", "ceil", "half_up")
)
HALF = WORLD.district(*SEVEN[:5], rule={"quota": quota(a="0.1", b="0.3", d="0.1", rounding="half_up")})
MIXED = WORLD.district(
    *SEVEN, rule={"quota": {**quota(), "rounding": {"A": "floor", "B": "floor", "D": "ceil"}}}
)


def test_quotas_are_rounded_as_the_rule_set_says(evaluated: Results) -> None:
    # of 7: A 1.4, B 2.8, D 1.4
    assert evaluated.grades(DOWN) == "ABBCCCD"
    assert evaluated.grades(UP) == "AABBBDD"
    assert evaluated.grades(NEAREST) == "ABBBCCD"
    assert evaluated.grades(MIXED) == "ABBCCDD"  # published practice: A and B down, D up
    # of 5: A 0.5 and D 0.5 are one each, B 1.5 is two
    assert evaluated.grades(HALF) == "ABBCD"


OUTSIDE = [
    *few("50", "40", "30", "20"),
    *(firm(f"x{n}", industry_code="4411", industry_division_code="44") for n in range(3)),
    *(firm(f"y{n}", registered_date=date(2023, 1, 1)) for n in range(3)),
    small("elsewhere", registered_date=date(2023, 1, 1)),
    firm("incomplete", None),
]
COUNTS: dict[str, Any] = {"exempt_industries": ["44"], "protection": {"new_firm": {"years": 2}}}


def counting(**counted: bool) -> str:
    return WORLD.district(
        *OUTSIDE, rule={**COUNTS, "quota": quota(a="0.2", b="0.2", d="0.2", rounding="floor", **counted)}
    )


NOBODY, EXEMPT, PROTECTED = counting(), counting(count_exempt=True), counting(count_protected=True)
BOTH = counting(count_exempt=True, count_protected=True)


def test_the_rule_set_says_whether_exempt_and_protected_firms_count_in_a_quota(evaluated: Results) -> None:
    # shares of 0.2 each: of 4 graded 0.8; with 3 exempt or 3 protected 1.4; with both 2
    assert evaluated.grades(NOBODY) == "CCCC"
    assert evaluated.grades(EXEMPT) == evaluated.grades(PROTECTED) == "ABCD"
    # more seats than firms: D has at least its share, A and B at most theirs
    assert evaluated.grades(BOTH) == "AADD"
    assert {row["list_size"] for row in evaluated.table("enterprise_grade", BOTH)} == {4}


OWN_QUOTA = WORLD.district(
    *few("50", "40"),
    small("s", "10"),
    small("t", "5"),
    rule={
        "quota": quota(a="1", b="0", d="0"),
        "lists": {
            **every_list(I1=indicator("100")),
            "below_scale_lt3": {"indicators": {"I1": indicator("100")}, "quota": quota(a="0", b="0", d="1")},
        },
    },
)


def test_a_list_may_have_a_quota_of_its_own(evaluated: Results) -> None:
    assert evaluated.grades(OWN_QUOTA) == "AADD"


# --- ties ---------------------------------------------------------------------------------------------

TIED = few("50", "40", "40", "20", "20")


def edge(how: str, *firms: Row, **shares: str) -> str:
    given = {"a": "0.4", "b": "0.2", "d": "0.2", **shares}
    return WORLD.district(*(firms or TIED), rule={"quota": quota(**given, edge=how)})


CHAIN, ALL_IN, ALL_OUT = edge("tie_break"), edge("all_in"), edge("all_out")
EQUAL = {how: edge(how, *few("7", "7", "7", "7", "7")) for how in ("tie_break", "all_in", "all_out")}


def test_ties_at_a_quotas_edge_are_broken_or_stay_together_as_the_rule_set_says(evaluated: Results) -> None:
    # of 5: A 2, B 1, D 1; b and c tie at the edge of A, d and e at the edge of D
    assert (
        evaluated.grades(CHAIN) == "ABBDD"
    )  # equal in tax per mu too: the worse grade, whatever their codes
    assert evaluated.grades(ALL_IN) == "AAACC"  # both get the better grade; no seat is left in B
    assert evaluated.grades(ALL_OUT) == "ABBDD"  # both get the worse grade
    assert evaluated.column("enterprise_grade", "is_tie", CHAIN) == {
        "a": False, "b": True, "c": True, "d": True, "e": True
    }  # fmt: skip
    for district in (CHAIN, ALL_IN, ALL_OUT):
        ranks = evaluated.column("enterprise_grade", "rank_in_list", district)
        assert ranks == {"a": 1, "b": 2, "c": 2, "d": 4, "e": 4}
    # of 5, as many rank no better: 5, 4, 4, 2, 2
    shares = evaluated.column("enterprise_grade", "percentile_pct", CHAIN)
    assert shares == {"a": 100, "b": 80, "c": 80, "d": 40, "e": 40}


def test_when_all_totals_are_equal_the_edge_rule_decides(evaluated: Results) -> None:
    assert evaluated.grades(EQUAL["tie_break"]) == "DDDDD"
    assert evaluated.grades(EQUAL["all_in"]) == "AAAAA"
    assert evaluated.grades(EQUAL["all_out"]) == "DDDDD"


BRAND = {"bonuses": [{"honour": "brand", "level": "national", "points": "2"}]}
BY_TAX = WORLD.district(
    firm("a", "38"), firm("b", "40"), firm("c", "40"),
    rule={**BRAND, "quota": quota(a="0.34", b="0", d="0")},
    events=[event("a", "honour", "brand", "national")],
)  # fmt: skip
NO_TAX = WORLD.district(
    firm("b", declared_revenue_wan_yuan="5"), firm("a", declared_revenue_wan_yuan="5"),
    rule={"lists": every_list(I8=indicator("100"))},
)  # fmt: skip


def test_equal_totals_are_ranked_by_tax_per_mu_and_never_by_credit_code(evaluated: Results) -> None:
    # 38 + 2 = 40: all equal; tax 40 before 38. A has one seat, which b and c cannot share
    assert evaluated.column("enterprise_grade", "rank_in_list", BY_TAX) == {"b": 1, "c": 1, "a": 3}
    assert evaluated.grades(BY_TAX) == "CCC"
    assert evaluated.column("enterprise_grade", "rank_in_list", NO_TAX) == {"a": 1, "b": 1}


LISTS = WORLD.district(
    firm("a", "10"), small("b", "30"), small("c", "20", land_area_mu="4"), small("d", "10")
)


def test_ranks_are_given_within_the_list(evaluated: Results) -> None:
    # 10, 30, 20/4 = 5, 10: points of two lists are not compared
    rows = evaluated.by_firm("enterprise_grade", LISTS)
    places = {
        n: (r["list_code"], r["rank_in_list"], r["list_size"], r["percentile_pct"]) for n, r in rows.items()
    }
    assert places == {
        "a": ("above_scale", 1, 1, 100),
        "b": ("below_scale_lt3", 1, 2, 100),
        "c": ("below_scale_ge3", 1, 1, 100),
        "d": ("below_scale_lt3", 2, 2, 50),
    }
    assert not rows["a"]["is_tie"]  # only equal totals within a list are a tie


# --- points -------------------------------------------------------------------------------------------

CAPPED: dict[str, Any] = {
    "bonuses": [
        {"honour": "brand", "level": "national", "points": "6"},
        {"honour": "listed", "level": "national", "points": "6"},
    ],
    "penalties": {"minor_fine": "1.5"},
}
EVENTS = [
    event("a", "honour", "brand", "national"),
    event("a", "honour", "listed", "national"),
    *(event("a", "penalty", "minor_fine") for _ in range(3)),
]
CAPS = WORLD.district(firm("a", "50"), rule={**CAPPED, "bonus_cap": "10", "penalty_cap": "4"}, events=EVENTS)
FREE = WORLD.district(firm("a", "50"), rule=CAPPED, events=EVENTS)


def test_bonus_and_penalty_are_capped_separately(evaluated: Results) -> None:
    def total(district: str) -> tuple[Any, ...]:
        [row] = evaluated.table("enterprise_grade", district)
        return tuple(row[c] for c in ("indicator_score", "bonus_points", "penalty_points", "total_score"))

    assert total(CAPS) == (50, 10, 4, 56)  # 12 and 4.5 before the caps
    assert total(FREE) == (50, 12, Decimal("4.5"), Decimal("57.5"))


# --- vetoes -------------------------------------------------------------------------------------------


def vetoed(*events: Row, firms: list[Row] | None = None, protection: Row | None = None, **quotas: Any) -> str:
    """Ten firms with quotas A 2, B 4, D 2."""
    rule = {"vetoes": VETOES, "quota": quota(**quotas), "protection": protection or {}}
    return WORLD.district(*(firms or ten()), rule=rule, events=events)


KEPT = vetoed(veto("a"))
REFILLED = vetoed(veto("a"), refill_vetoed=True)
BESIDE_D = vetoed(veto("a"), refill_vetoed=True, vetoed_count_in_d=False)


def test_a_vetoed_firms_seat_in_a_stays_empty(evaluated: Results) -> None:
    assert evaluated.initial(KEPT) == "AABBBBCCDD"
    assert evaluated.grades(KEPT) == "DABBBBCCDD"
    assert evaluated.reasons(KEPT) == {"a": ["veto:safety_fatal"]}


def test_a_vetoed_firms_seat_in_a_is_refilled_if_the_rule_set_says_so(evaluated: Results) -> None:
    # A: b, c; B: d to g; a has one of the two seats in D, so only j stays in D
    assert evaluated.initial(REFILLED) == "AABBBBCCDD"
    assert evaluated.grades(REFILLED) == "DAABBBBCCD"
    assert evaluated.reasons(REFILLED) == {
        "a": ["veto:safety_fatal"], "c": ["refill"], "g": ["refill"], "i": ["refill"]
    }  # fmt: skip
    assert evaluated.column("enterprise_grade", "rank_in_list", REFILLED)["a"] == 1  # the rank stays


def test_a_rule_set_may_exclude_vetoed_firms_from_the_quota_of_d(evaluated: Results) -> None:
    assert evaluated.grades(BESIDE_D) == "DAABBBBCDD"


NOT_A = vetoed(veto("a", "quality_major"))
NOT_A_REFILLED = vetoed(veto("a", "quality_major"), refill_vetoed=True)
LAST_NOT_A = vetoed(veto("j", "quality_major"), refill_vetoed=True)
LAST_SAVED = vetoed(veto("j", "quality_major"), veto("a"), veto("b"), refill_vetoed=True)


def test_a_veto_may_bar_a_firm_from_a_and_b_only(evaluated: Results) -> None:
    # 昌乐: such a firm cannot be A or B
    assert evaluated.grades(NOT_A) == "CABBBBCCDD"
    assert evaluated.grades(NOT_A_REFILLED) == "CAABBBBCDD"
    assert evaluated.reasons(NOT_A_REFILLED) == {
        "a": ["veto:quality_major"], "c": ["refill"], "g": ["refill"]
    }  # fmt: skip


def test_the_last_firm_fills_its_seat_in_d_although_it_is_barred_from_a(evaluated: Results) -> None:
    # i and j fill D, as without the veto: h must not fall to D because of j
    assert evaluated.grades(LAST_NOT_A) == "AABBBBCCDD"
    assert evaluated.reasons(LAST_NOT_A) == {"j": ["veto:quality_major"]}
    # the two vetoed firms fill D: A is c, d; B is e to h; C is i, j
    assert evaluated.grades(LAST_SAVED) == "DDAABBBBCC"


MANY = vetoed(veto("a"), veto("b"), veto("c"), veto("j"), refill_vetoed=True)


def test_more_vetoes_than_seats_in_d_leave_no_seat_for_others(evaluated: Results) -> None:
    # A is d, e; B is f to i; only the vetoed firms are D
    assert evaluated.grades(MANY) == "DDDAABBBBD"


TWICE = vetoed(veto("b"), veto("b", event_id="again"), veto("b", "quality_major"))


def test_several_vetoes_are_named_once_each(evaluated: Results) -> None:
    assert evaluated.reasons(TWICE) == {"b": ["veto:safety_fatal", "veto:quality_major"]}


# --- protection from D ----------------------------------------------------------------------------------

ROSE = {"j": {"directory_change_code": "upgraded"}}
GUARD = {"upgraded": "not_below_c"}


def guarded(*events: Row, overrides: bool = True, **quotas: Any) -> str:
    firms = ten(**ROSE)
    rule = {
        "vetoes": VETOES, "quota": quota(**quotas), "upgraded_list": "above_scale",
        "protection": {**GUARD, "veto_overrides": overrides},
    }  # fmt: skip
    return WORLD.district(*firms, rule=rule, events=events)


SAVED, OVERRIDDEN = guarded(), guarded(veto("j"))
STRONG, WEAK_VETO = guarded(veto("j"), overrides=False), guarded(veto("j", "quality_major"))
STRONG_REFILL = guarded(veto("j"), overrides=False, refill_vetoed=True)


def test_protection_keeps_a_firm_out_of_d_unless_a_veto_overrides_it(evaluated: Results) -> None:
    protected = "protection:upgraded"
    assert evaluated.initial(SAVED) == "AABBBBCCDD"
    assert evaluated.grades(SAVED) == "AABBBBCCDC"
    assert evaluated.reasons(SAVED) == {"j": [protected]}
    assert evaluated.grades(OVERRIDDEN) == "AABBBBCCDD"  # 昌乐: except by veto
    assert evaluated.reasons(OVERRIDDEN) == {"j": ["veto:safety_fatal"]}
    assert evaluated.grades(STRONG) == "AABBBBCCDC"
    assert evaluated.reasons(STRONG) == {"j": ["veto:safety_fatal", protected]}
    # a veto that bars from A and B does not put a firm into D
    assert evaluated.grades(WEAK_VETO) == "AABBBBCCDC"


def test_a_vetoed_firm_that_protection_saves_takes_no_seat_in_d(evaluated: Results) -> None:
    assert evaluated.grades(STRONG_REFILL) == "AABBBBCDDC"  # D is h, i; j is C


# --- tenants ------------------------------------------------------------------------------------------


def house(mode: str) -> str:
    return WORLD.district(
        firm("a holder", "90"),
        tenant("b tenant", "1", holder="a holder"),
        tenant("c vetoed", "1", holder="a holder"),
        tenant("d honoured", "1", holder="a holder"),
        firm("e holder", "5"),
        tenant("f of d", "99", holder="e holder"),
        tenant("g upgraded", "99", holder="e holder", directory_change_code="upgraded"),
        firm("h", "50"),
        rule={
            "tenants": {"mode": mode}, "vetoes": VETOES, "protection": GUARD, **BRAND,
            "quota": quota(a="0.34", b="0", d="0.34"),
        },
        events=[veto("c vetoed"), event("d honoured", "honour", "brand", "national")],
    )  # fmt: skip


INHERIT, MERGE, SEPARATE = house("inherit"), house("merge"), house("separate")


def test_tenants_inherit_the_holders_final_grade_and_keep_their_own_vetoes(evaluated: Results) -> None:
    # above scale: 90 A, 50 C, 5 D
    assert evaluated.grades(INHERIT) == "AADADDCC"
    unit = f"inherited:{INHERIT}-"
    assert evaluated.reasons(INHERIT) == {
        "b tenant": [f"{unit}a holder"],
        "c vetoed": [f"{unit}a holder", "veto:safety_fatal"],
        "d honoured": [f"{unit}a holder"],
        "f of d": [f"{unit}e holder"],
        "g upgraded": [f"{unit}e holder", "protection:upgraded"],
    }
    rows = evaluated.by_firm("enterprise_grade", INHERIT)
    assert rows["c vetoed"]["initial_grade"] == "A"
    follower = rows["d honoured"]
    assert (follower["total_score"], follower["bonus_points"], follower["list_code"]) == (90, 0, "tenant")
    assert follower["rank_in_list"] is None and follower["percentile_pct"] is None
    assert follower["evaluation_uscc"] == f"{INHERIT}-a holder" and follower["list_size"] == 3


def test_merged_tenants_share_the_result_of_the_summed_figures(evaluated: Results) -> None:
    rows = evaluated.by_firm("enterprise_grade", MERGE)
    # (90 + 3 x 1) / 4 mu = 23.25; (5 + 99 + 99) / 3 = 67.666667; 50
    assert rows["a holder"]["total_score"] == rows["b tenant"]["total_score"] == Decimal("23.25")
    assert rows["e holder"]["total_score"] == rows["f of d"]["total_score"] == Decimal("67.666667")
    assert evaluated.grades(MERGE) == "DDDDAAAC"
    assert rows["b tenant"]["grade_reasons"] == [f"shared:{MERGE}-a holder"]
    assert rows["c vetoed"]["grade_reasons"] == [f"shared:{MERGE}-a holder", "veto:safety_fatal"]


def test_separate_tenants_are_ranked_among_themselves(evaluated: Results) -> None:
    rows = evaluated.by_firm("enterprise_grade", SEPARATE)
    assert {n: r["rank_in_list"] for n, r in rows.items() if r["list_code"] == "tenant"} == {
        "f of d": 1, "g upgraded": 1, "d honoured": 3, "b tenant": 4, "c vetoed": 4,
    }  # fmt: skip
    assert rows["d honoured"]["total_score"] == 3  # 1 + 2


# --- versions and years -------------------------------------------------------------------------------

HISTORY = WORLD.district(
    firm("a", "10", year="2021"), firm("b", "20", year="2021"),
    firm("a", "10", year="2022"), firm("b", "5", year="2022"),
    rules={"2021": {"quota": quota(a="0.5", b="0", d="0.5")}, "2022": {"quota": quota(a="0.5", b="0.5", d="0")}},
    events=[veto("b", year="2021")],
)  # fmt: skip


def test_each_year_is_graded_by_its_own_rule_set_and_figures(evaluated: Results) -> None:
    assert (evaluated.grades(HISTORY, "2021"), evaluated.grades(HISTORY, "2022")) == ("DA", "AB")
    ids = {
        (r["year"], r["rule_set_id"])
        for r in evaluated.rows["enterprise_grade"]
        if r["district_code"] == HISTORY
    }
    assert ids == {("2021", f"r{HISTORY}-2021"), ("2022", f"r{HISTORY}-2022")}


# the figures of 2019 reach only to June
PART = WORLD.district(
    *(
        firm(name, points, year="2019", figures_as_of="2019-06")
        for name, points in (("a", "30"), ("b", "10"))
    ),
    tenant("c", "5", holder="a", year="2019", figures_as_of="2019-06"),
    rules={"2019": {"quota": quota(a="0.5", b="0", d="0.5"), "tenants": {"mode": "inherit"}}},
    parcels=[{"parcel_id": "of a", "owner_uscc": "a", "year": "2019"}],
)


def test_grades_on_part_of_a_year_are_a_pre_evaluation_in_every_table(evaluated: Results) -> None:
    grades = evaluated.by_firm("enterprise_grade", PART, "2019")
    assert {name: (r["final_grade"], r["status_code"]) for name, r in grades.items()} == {
        "a": ("A", "pre_evaluation"), "b": ("D", "pre_evaluation"), "c": ("A", "pre_evaluation"),
    }  # fmt: skip
    for table in (
        "population",
        "unit",
        "baseline",
        "indicator_value",
        "enterprise_grade",
        "district_summary",
    ):
        rows = evaluated.table(table, PART, "2019")
        assert rows and {r["figures_as_of"] for r in rows} == {"2019-06"}, table


def test_first_results_are_initial_and_supersede_nothing(evaluated: Results) -> None:
    rows = evaluated.rows["enterprise_grade"]
    assert {
        (r["evaluation_version"], r["supersedes"], r["status_code"]) for r in rows if r["year"] != "2019"
    } == {(1, None, "initial")}
    hashes = {r.id: r.hash for r in WORLD.rule_sets}
    assert all(r["rule_set_hash"] == hashes[r["rule_set_id"]] for r in rows)
    assert all(r["grade_reasons"] for r in rows if r["initial_grade"] != r["final_grade"])
    assert len({r["row_id"] for r in rows}) == len(rows) == len({(r["uscc"], r["year"]) for r in rows})


# --- groups of industries, places that carry -----------------------------------------------------------

GROUPED = WORLD.district(
    *(
        firm(f"a{n}", points, industry_code="1711", industry_division_code="17")
        for n, points in enumerate((9, 8, 7, 1))
    ),
    *(
        firm(f"b{n}", points, industry_code="3670", industry_division_code="36")
        for n, points in enumerate((4, 3, 2, 1))
    ),
    *(
        firm(f"c{n}", points, industry_code="2614", industry_division_code="26")
        for n, points in enumerate((6, 5))
    ),
    rule={
        "lists": every_list_of(
            {"textiles": ["17"], "vehicles": ["367", "37"]}, I1=indicator("100", {"method": "aggregate"})
        ),
        "quota": quota("0.25", "0.5", "0.25"),
    },
)


def test_a_list_may_be_ranked_by_groups_of_industries(evaluated: Results) -> None:
    """海宁市2013: each group has its own order, baselines and places; the industries left are a group of their own."""
    grades = evaluated.by_firm("enterprise_grade", GROUPED)
    assert "".join(row["final_grade"] for _, row in sorted(grades.items())) == "ABBDABBDBC"
    assert {row["ranking_group"]: row["list_size"] for row in grades.values()} == {
        "textiles": 4, "vehicles": 4, "other": 2,
    }  # fmt: skip
    bases = {
        row["ranking_group"]: row["value"]
        for row in evaluated.table("baseline", GROUPED)
        if row["list_code"] == "above_scale"
    }
    # 25, 10 and 11 万元 on 4, 4 and 2 mu
    assert bases == {"textiles": Decimal("6.25"), "vehicles": Decimal("2.5"), "other": Decimal("5.5")}


def _carrying(carry: bool) -> str:
    return WORLD.district(
        *(firm(f"a{n}", 10 - n) for n in range(7)),
        *(small(f"b{n}", 10 - n, land_area_mu="4", land_own_mu="4") for n in range(7)),
        *(small(f"c{n}", 10 - n) for n in range(6)),
        rule={"quota": quota("0.2", "0.4", "0.1", carry=carry)},
    )


CARRYING, ROUNDED = _carrying(carry=True), _carrying(carry=False)


def test_fractions_of_places_pass_to_the_next_list(evaluated: Results) -> None:
    def seats(district: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, row in sorted(evaluated.by_firm("enterprise_grade", district).items()):
            found[name[0]] = found.get(name[0], "") + row["final_grade"]
        return found

    # 1.4 A and 2.8 B of seven, 1.2 and 2.4 of six, each rounded down; 0.7 D of seven gives none
    assert seats(ROUNDED) == {"a": "ABBCCCC", "b": "ABBCCCC", "c": "ABBCCC"}
    # A: 1.4 → 1, 2.8 → 2, 4.0 → 4; B: 2.8 → 2, 5.6 → 5, 8.0 → 8; D: 0.7 → 0, 1.4 → 1, 2.0 → 2
    assert seats(CARRYING) == {"a": "ABBCCCC", "b": "ABBBCCD", "c": "AABBBD"}
