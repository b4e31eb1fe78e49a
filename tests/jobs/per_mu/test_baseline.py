"""per_mu.baseline: published, or computed from the list's own graded units."""

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
