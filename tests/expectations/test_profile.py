"""The suites of the profiles on the good city, and a check that needs more firms than it has."""

from __future__ import annotations

from decimal import Decimal

import pytest

from schemas.contract import contract
from tests.expectations.bad_profile import BAD_PROFILE
from tests.expectations.conftest import Judge
from tests.expectations.good_city import City, Row, code_of, row_for


def test_good_profiles_pass(judge: Judge) -> None:
    report = judge(tables=tuple(BAD_PROFILE))
    assert [v for v in report.verdicts if not v.success] == []
    assert report.passed and report.suites == 2 * len(BAD_PROFILE)


def scored(number: int, percentile: Decimal, rank: int) -> Row:
    return row_for(
        contract("profile.comprehensive_score"), uscc=code_of(1000 + number), year="2022", figures_year="2022",
        peer_level_code="city", peer_group="city", comprehensive_score=percentile, peer_percentile_pct=percentile,
        rank_in_peers=rank, rank_in_city=rank, peer_count=300, scored_count=300, credit_score=percentile,
        missing_dimensions=["scale", "efficiency", "growth", "innovation", "green", "digital", "contribution"],
    )  # fmt: skip


@pytest.mark.parametrize("crowded", [False, True])
def test_percentiles_are_spread_evenly(city: City, judge: Judge, crowded: bool) -> None:
    """300 firms put 30 in each tenth; if the upper half are all at 100, one tenth has half of the firms."""
    rows = []
    for number in range(300):
        rank = 1 if crowded and number >= 150 else 300 - number
        percentile = (Decimal(100 * (300 - rank + 1)) / 300).quantize(Decimal("0.0001"))
        rows.append(scored(number, percentile, rank))
    city["profile.comprehensive_score"] = rows
    report = judge("profile.comprehensive_score")
    found = [v for v in report.verdicts if v.expectation == "percentiles_flat"]
    assert [v.success for v in found] == [not crowded]
    if crowded:
        assert any("tenth=9" in key for key in found[0].failing_keys)
