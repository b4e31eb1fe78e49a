"""Positions of firms in nodes: arithmetic that a person can check."""

from __future__ import annotations

from decimal import Decimal

import pytest

from jobs.chain.rules.models import load
from jobs.chain.rules.policy import ChainRules, Overrides, evidence_model
from schemas.errors import RejectedError
from tests.jobs.chain.golden import (
    BARE,
    BUYER,
    DECIDED,
    FAR,
    MISNAMED,
    ODD,
    ONCE,
    PADDER,
    SOLE,
    SPINNER,
    TAILOR,
    WEAVER,
)
from tests.jobs.chain.world import Results


def test_declared_shares_are_divided_by_their_sum(golden: Results) -> None:
    """60 and 20 of 80; the sales are all cloth: M01 (2 × 0.75 + 1 × 1) / 3, M02 (2 × 0.25) / 3, cut at six digits."""
    assert golden.shares(WEAVER) == {"TST-M01": "0.833334", "TST-M02": "0.166666"}
    assert golden.confirmed(WEAVER) == ["TST-M01", "TST-M02"]


def test_a_year_without_trades_uses_those_of_the_nearest_year(golden: Results) -> None:
    """The only trades are of December 2024: they count in 2023 too, and ``traded_year`` says so."""
    assert golden.shares(WEAVER, "2023") == golden.shares(WEAVER)
    assert {r["traded_year"] for r in golden.positions(WEAVER, "2023").values()} == {"2024"}


def test_confidence_is_weight_times_strength(golden: Results) -> None:
    """M01: product 0.75, sales 1 and class 1 have full strength: 0.45 + 0.40 + 0.20, capped at 1. It is a champion.

    M02 in 2023: product 0.25 is above 0.2, so full strength, 0.45; all purchases fit M02, 0.15; class 1712 is not in
    M02; honour 0.166666 × 0.5 of 0.5: 0.1 × 0.166666.
    """
    assert golden.positions(WEAVER)["TST-M01"]["confidence"] == 1
    before = golden.positions(WEAVER, "2023")["TST-M02"]
    assert before["honour_score"] == Decimal("0.083333") and before["confidence"] == Decimal("0.616667")
    assert before["is_champion"] and not golden.positions(TAILOR)["TST-D01"]["is_little_giant"]


def test_sales_confirm_where_the_class_does_not(golden: Results) -> None:
    row = golden.positions(SPINNER)["TST-U01"]
    assert row["position_share"] == 1 and row["is_confirmed"]
    assert row["position_reasons"] == ["class_evidence", "sold"]


def test_the_share_outside_all_chains_is_kept(golden: Results) -> None:
    assert golden.shares(PADDER) == {"OUT": "0.500000", "TST-U02": "0.500000"}
    assert golden.confirmed(PADDER) == ["TST-U02"]


def test_a_stray_product_is_kept_without_a_share(golden: Results) -> None:
    rows = golden.positions(ODD)
    assert rows["TST-M01"]["position_share"] == 1
    stray = rows["EXT-D01"]
    assert stray["position_share"] == 0 and not stray["is_confirmed"]
    assert stray["position_reasons"] == ["stray_product"]


def test_one_trade_far_from_the_class_confirms_no_node(golden: Results) -> None:
    """Class 1819: TST-D01 weighs 4 and products outside the chains 1; neither is confirmed."""
    assert golden.shares(FAR) == {"EXT-D01": "0.000000", "OUT": "0.200000", "TST-D01": "0.800000"}
    assert golden.confirmed(FAR) == []


def test_a_product_declared_once_and_bought_by_nobody_confirms_no_node(golden: Results) -> None:
    rows = golden.positions(ONCE)
    assert rows["TST-M02"]["position_reasons"] == ["class_evidence", "stray_product"]
    assert golden.confirmed(ONCE) == []


def test_a_product_code_with_another_products_name_gives_no_share(golden: Results) -> None:
    assert golden.shares(MISNAMED) == {"EXT-D01": "0.000000", "TST-U02": "1.000000"}
    assert golden.positions(MISNAMED)["EXT-D01"]["position_reasons"] == ["stray_product"]
    assert golden.confirmed(MISNAMED) == ["TST-U02"]


def test_a_class_alone_confirms_a_node_only_if_no_other_has_it(golden: Results) -> None:
    assert golden.shares(BARE) == {"OUT": "1.000000"} and golden.confirmed(BARE) == []
    assert golden.shares(SOLE) == {"TST-M01": "1.000000"} and golden.confirmed(SOLE) == ["TST-M01"]


def test_class_and_purchases_together_confirm_one_node(golden: Results) -> None:
    """Class 1713: M01 2/6, M02 4/6 of the weight; wadding is 0.4 of M01's inputs: 2 × 0.45 against 4 × 0.05."""
    row = golden.positions(BUYER)["TST-M01"]
    assert row["purchase_score"] == Decimal("0.4")
    # 0.333333 × 0.45 = 0.15 and 0.666667 × 0.05 = 0.033333, of 0.183333; the larger takes the remainder of the cuts
    assert golden.shares(BUYER) == {"TST-M01": "0.818184", "TST-M02": "0.181816"}
    assert golden.confirmed(BUYER) == ["TST-M01"] and "class_and_purchases" in row["position_reasons"]
    # it counts as a firm of the node, but does not prove that the node exists
    figures = golden.one("node_metrics", node_code="TST-M01", year="2024")
    assert (figures["firm_count"], figures["proven_count"]) == (4, 3)


def test_products_without_shares_count_equally(golden: Results) -> None:
    assert golden.shares(TAILOR) == {"EXT-M01": "0.500000", "TST-D01": "0.500000"}


def test_an_override_decides_the_positions(golden: Results) -> None:
    rows = golden.positions(DECIDED)
    assert {n: f"{r['position_share']}" for n, r in rows.items() if r["position_share"]} == {
        "EXT-D01": "0.250000", "OUT": "0.750000"
    }  # fmt: skip
    assert rows["EXT-D01"]["override_reason"] == "贸易公司（〔2024〕3号）"
    assert golden.confirmed(DECIDED) == ["EXT-D01"]


def test_the_shares_of_every_firm_sum_to_one(golden: Results) -> None:
    sums: dict[tuple[str, str], Decimal] = {}
    for row in golden.rows["node_enterprise"]:
        key = row["uscc"], row["year"]
        sums[key] = sums.get(key, Decimal(0)) + row["position_share"]
    assert set(sums.values()) == {Decimal(1)} and len(sums) == 17


GOOD = {"uscc": "A", "positions": {"OUT": 100}, "from_year": 2024, "reason": "r", "document": "d"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"positions": {"OUT": 90}}, "sum to 100"),
        ({"positions": {"OUT": 110, "XTCX-M01": -10}}, "above 0"),
        ({"to_year": 2023}, "before from_year"),
        ({"document": ""}, "document"),
        ({"since": 2024}, "since"),
    ],
)
def test_an_invalid_override_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Overrides.model_validate({"overrides": [GOOD | change]})


def test_overlapping_overrides_of_a_firm_are_refused() -> None:
    Overrides.model_validate({"overrides": [GOOD | {"to_year": 2024}, GOOD | {"from_year": 2025}]})
    with pytest.raises(ValueError, match="two overrides"):
        Overrides.model_validate({"overrides": [GOOD, GOOD | {"from_year": 2030}]})


def test_an_override_into_an_unknown_node_is_refused_in_one_line() -> None:
    given = Overrides.model_validate({"overrides": [GOOD | {"positions": {"XTCX-M99": 100}}]})
    with pytest.raises(RejectedError, match="unknown node XTCX-M99") as refused:
        ChainRules(load(), evidence_model(), given)
    assert "\n" not in str(refused.value)


def test_an_override_makes_only_its_years_stale() -> None:
    plain = ChainRules(load(), evidence_model(), Overrides())
    given = Overrides.model_validate({"overrides": [GOOD | {"to_year": 2024}]})
    decided = ChainRules(load(), evidence_model(), given)
    assert plain.fingerprint("2023") == decided.fingerprint("2023")
    assert plain.fingerprint("2024") != decided.fingerprint("2024")
