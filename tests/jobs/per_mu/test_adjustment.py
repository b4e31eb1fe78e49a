"""per_mu.adjustment: points and effects of events, each with its reason in words."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from tests.jobs.per_mu.world import WORLD, Results, event, firm, quota, veto

RULES = {
    "bonuses": [
        {"honour": "brand", "level": "national", "points": "5"},
        {"honour": "brand", "level": "provincial", "points": "2.5"},
        {"honour": "green_factory", "level": "national", "points": "5", "category": "factory"},
        {"honour": "smart_factory", "level": "national", "points": "5", "category": "factory"},
    ],
    "vetoes": {"safety_fatal": "direct_d", "quality_major": "not_above_c"},
    "penalties": {"minor_fine": "1", "safety_fatal": "3"},
}
DISTRICT = WORLD.district(
    firm("a", "10"),
    firm("b", "10"),
    firm("exempt", "10", industry_code="4411", industry_division_code="44"),
    firm("other year", "10", year="2022"),
    rules={"2023": {**RULES, "exempt_industries": ["44"]}, "2022": {}},
    events=[
        event("a", "honour", "brand", "national", event_id="1"),
        event("a", "honour", "brand", "provincial", event_id="2"),
        event("a", "honour", "smart_factory", "national", event_id="4"),
        event("a", "honour", "green_factory", "national", event_id="3"),
        event("a", "honour", "brand", "municipal", event_id="5"),  # a level without points
        event("a", "honour", "listed", "national", event_id="6"),  # an honour without points
        veto("b", event_id="7"),
        veto("b", "quality_major", event_id="8"),
        event("b", "penalty", "minor_fine", event_id="9"),
        event("b", "honour", "brand", "national", event_id="10", valid_until_date=date(2023, 12, 30)),
        event("b", "honour", "brand", "provincial", event_id="11", valid_until_date=date(2023, 12, 31)),
        # awarded before the first delivery, and still valid
        event("b", "honour", "brand", "national", event_id="16", event_date=date(2021, 5, 1)),
        event("exempt", "penalty", "minor_fine", event_id="12"),
        event("other year", "penalty", "minor_fine", event_id="13", year="2022"),
        # the directory of 2022 does not list the firm
        event("a", "penalty", "minor_fine", event_id="14", year="2022"),
        event("unknown", "penalty", "minor_fine", event_id="15"),
    ],
)


def given(evaluated: Results, name: str, year: str = "2023") -> dict[str, tuple[Any, ...]]:
    """Event → adjustment, points, effect, reason."""
    return {
        row["event_id"].removeprefix(f"{DISTRICT}-"): (
            row["adjustment_code"], row["points"], row["effect_code"], row["reason_zh"]
        )
        for row in evaluated.table("adjustment", DISTRICT, year)
        if row["uscc"] == f"{DISTRICT}-{name}"
    }  # fmt: skip


def test_only_the_highest_bonus_of_a_category_counts(evaluated: Results) -> None:
    assert given(evaluated, "a") == {
        "1": ("bonus:brand:national", 5, "points", "国家级品牌：加5分"),
        "2": ("bonus:brand:provincial", 0, "none", "省级品牌：同类取高，不重复加分"),
        # equal points in one category: the first by event
        "3": ("bonus:green_factory:national", 5, "points", "国家级绿色工厂：加5分"),
        "4": ("bonus:smart_factory:national", 0, "none", "国家级智能工厂：同类取高，不重复加分"),
    }


def test_an_event_may_be_both_penalty_and_veto_and_lapsed_honours_do_not_count(evaluated: Results) -> None:
    found = {
        (row["adjustment_code"], row["points"], row["effect_code"], row["reason_zh"])
        for row in evaluated.table("adjustment", DISTRICT)
        if row["uscc"] == f"{DISTRICT}-b"
    }
    assert found == {
        ("veto:safety_fatal", Decimal(0), "direct_d", "安全生产死亡事故：一票否决，直接列为D类"),
        ("penalty:safety_fatal", Decimal(-3), "points", "安全生产死亡事故：扣3分"),
        ("veto:quality_major", Decimal(0), "not_above_c", "重大质量事件：一票否决，不高于C类"),
        ("penalty:minor_fine", Decimal(-1), "points", "一般行政处罚：扣1分"),
        # valid on 31 December; the national one lapsed the day before
        ("bonus:brand:provincial", Decimal("2.5"), "points", "省级品牌：加2.5分"),
    }


def test_an_event_is_judged_by_the_rule_set_of_its_year(evaluated: Results) -> None:
    assert given(evaluated, "other year", "2022") == {}
    assert given(evaluated, "exempt")["12"][1] == -1  # firms without a grade have adjustments too
    listed = {(r["uscc"], r["year"]) for r in evaluated.table("adjustment", DISTRICT)}
    assert listed == {(f"{DISTRICT}-{n}", "2023") for n in ("a", "b", "exempt")}


# --- credit repair -------------------------------------------------------------------------------------


def _repaired(rule: str) -> str:
    penalised: dict[str, Any] = {"repaired_date": date(2023, 9, 1), "repair_document_code": "甬信修1号"}
    return WORLD.district(
        *(firm(name, points) for name, points in (("repaired", 9), ("late", 8), ("never", 7), ("clean", 1))),
        rule={
            "vetoes": {"safety_fatal": "direct_d"},
            "repaired_veto": rule,
            "quota": quota("0.25", "0.5", "0"),
        },
        events=[
            veto("repaired", **penalised),
            veto("late", **{**penalised, "repaired_date": date(2024, 1, 1)}),
            veto("never"),
        ],
    )


REPAIRED = {rule: _repaired(rule) for rule in ("stays", "not_above_c", "lifted")}


def test_a_veto_that_was_repaired_within_the_year_follows_the_rule(evaluated: Results) -> None:
    grades = {
        rule: evaluated.column("enterprise_grade", "final_grade", district)
        for rule, district in REPAIRED.items()
    }
    assert {rule: g["repaired"] for rule, g in grades.items()} == {
        "stays": "D",
        "not_above_c": "C",
        "lifted": "A",
    }
    # a repair of the next year changes nothing in this one
    assert {(g["late"], g["never"]) for g in grades.values()} == {("D", "D")}
    told = {
        rule: row["reason_zh"]
        for rule, district in REPAIRED.items()
        for row in evaluated.table("adjustment", district)
        if row["uscc"].endswith("repaired")
    }
    assert told["stays"].endswith("一票否决，直接列为D类")
    assert told["not_above_c"].endswith("已于2023-09-01信用修复（甬信修1号），不高于C类")
    assert told["lifted"].endswith("已于2023-09-01信用修复（甬信修1号），不再否决")
