"""Comprehensive scores: percentiles, missing indicators, peers, ranks and changes that a person can check."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from jobs.profile.rules.evaluation import Evaluation, load
from tests.jobs.profile.conftest import Golden
from tests.jobs.profile.golden import MONTH
from tests.jobs.profile.world import Row, World, run, score
from warehouse.settings import CHECKOUT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Scores = dict[tuple[str, str], Row]


def firms() -> World:
    """Twelve firms of division 34 and ten of division 36 in 2022 and 2023, all small; outputs 1 to 12 and 1 to 10.

    34-12 has no staff figure, so no size class. 34-03 has the output of 34-02. That of 34-01 is 1.9, and 20 in 2023.
    """
    world = World()
    for division, number in (("34", 12), ("36", 10)):
        for n in range(1, number + 1):
            uscc = f"{division}-{n:02}"
            world.firm(uscc, "2022", "2023", industry_division_code=division)
            output = {"34-01": "1.9", "34-03": "2"}.get(uscc, str(n))
            for year in ("2022", "2023"):
                made = "20" if (uscc, year) == ("34-01", "2023") else output
                world.figures(
                    uscc, year, output_wan_yuan=made, revenue_wan_yuan="500",
                    employees_average=None if uscc == "34-12" else "50",
                )  # fmt: skip
    # below scale: neither scored nor a peer
    world.firm("small", "2023", is_above_scale=False, industry_division_code="34")
    world.figures("small", "2023", output_wan_yuan="1000", revenue_wan_yuan="500", employees_average="50")
    return world


@pytest.fixture(scope="module")
def rule(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """Scale (output alone) weighs 70, growth 12, innovation 8; the others weigh 2 each and are always missing."""
    raw: dict[str, Any] = copy.deepcopy(
        yaml.safe_load((CHECKOUT / "jobs/profile/rules" / "evaluation.yml").read_text(encoding="utf-8"))
    )
    nothing = {
        "efficiency": "labour_productivity_wan_yuan", "green": "energy_intensity", "digital": "report_month_count",
        "credit": "water_intensity", "contribution": "tax_total_wan_yuan",
    }  # fmt: skip
    for name, field in nothing.items():
        raw["dimensions"][name] = {"weight": 2, "indicators": {field: {"weight": 100}}}
    raw["dimensions"]["scale"] = {"weight": 70, "indicators": {"output_wan_yuan": {"weight": 100}}}
    raw["dimensions"]["growth"] = {"weight": 12, "indicators": {"output_growth_pct": {"weight": 100}}}
    raw["dimensions"]["innovation"] = {
        "weight": 8,
        "indicators": {"penalty_count": {"weight": 30, "better": "less"}, "rd_ratio_pct": {"weight": 70}},
    }
    path = tmp_path_factory.mktemp("rule") / "evaluation.yml"
    path.write_text(yaml.safe_dump(raw, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load(path)


@pytest.fixture(scope="module")
def scores(spark: SparkSession, rule: Evaluation) -> Scores:
    frame, _ = run(spark, firms(), ["2022", "2023"])
    return {(r["uscc"], r["period"]): r for r in score(frame, ["2023"], rule)}


def test_a_percentile_is_the_share_of_peers_at_or_below(scores: Scores) -> None:
    # eleven small firms of division 34: 100, 2, 2, 4, ..., 11; two are at or below 2, one of them the firm itself
    assert str(scores["34-02", "2023"]["scale_score"]) == "18.1818"  # 2/11
    assert scores["34-02", "2023"]["scale_score"] == scores["34-03", "2023"]["scale_score"]
    assert str(scores["34-04", "2023"]["scale_score"]) == "27.2727"  # 3/11
    assert str(scores["34-01", "2023"]["scale_score"]) == "100.0000"
    assert str(scores["36-01", "2023"]["scale_score"]) == "10.0000"


def test_peers_are_the_narrowest_group_with_ten_firms(scores: Scores) -> None:
    groups = {
        u: (scores[u, "2023"]["peer_level_code"], scores[u, "2023"]["peer_group"])
        for u in ("34-02", "34-12", "36-01")
    }
    # without a size class the twelve firms of the division are the peers
    assert groups == {
        "34-02": ("division_size", "34/small"), "34-12": ("division", "34"), "36-01": ("division_size", "36/small"),
    }  # fmt: skip
    # 34-12 has an output of 12, below that of 34-01 only: eleven of twelve
    assert str(scores["34-12", "2023"]["scale_score"]) == "91.6667"


def test_the_weight_of_missing_dimensions_goes_to_the_others(scores: Scores) -> None:
    row = scores["34-02", "2023"]
    # only 30 of innovation's weight of 100 is known, so innovation is missing
    assert row["missing_dimensions"] == [
        "efficiency",
        "innovation",
        "green",
        "digital",
        "credit",
        "contribution",
    ]
    # growth: ten of eleven do not grow, 10/11; total (70 x 18.1818 + 12 x 90.9091) / 82
    assert str(row["growth_score"]) == "90.9091"
    assert str(row["comprehensive_score"]) == "28.8248"


def test_equal_totals_share_the_better_rank(scores: Scores) -> None:
    places = {n: scores[f"34-{n:02}", "2023"]["rank_in_peers"] for n in (1, 11, 4, 2, 3)}
    # 34-02 and 34-03 share rank 10 of eleven
    assert places == {1: 1, 11: 2, 4: 9, 2: 10, 3: 10}
    row = scores["34-03", "2023"]
    assert (row["peer_count"], str(row["peer_percentile_pct"])) == (11, "18.1818")
    assert (scores["34-01", "2023"]["rank_in_city"], row["scored_count"]) == (1, 22)


def test_the_change_covers_the_dimensions_that_both_years_have(scores: Scores) -> None:
    # 2022 has no growth, since 2021 is unknown; scale, the only common dimension, rises from 1/11 to 11/11
    row = scores["34-01", "2023"]
    assert (str(row["score_change"]), row["change_dimension_code"]) == ("90.9091", "scale")
    assert str(row["change_part"]) == "90.9091"
    # 34-02 falls from 3/11 to 2/11
    assert str(scores["34-02", "2023"]["change_part"]) == "-9.0909"
    # in division 36 nothing changes
    still = scores["36-04", "2023"]
    assert (str(still["score_change"]), still["change_dimension_code"], still["change_part"]) == (
        "0.0000",
        None,
        None,
    )


def test_only_firms_above_scale_are_scored(scores: Scores) -> None:
    assert len(scores) == 22 and ("small", "2023") not in scores


def test_a_score_lists_the_percentiles_of_its_indicators(scores: Scores) -> None:
    assert scores["34-02", "2023"]["indicator_percentiles"] == [
        "output_wan_yuan=18.1818", "output_growth_pct=90.9091", "penalty_count=100.0000",
    ]  # fmt: skip


def test_a_firm_with_too_few_figures_has_no_total(golden: Golden) -> None:
    """The golden firms have few figures: credit alone, or credit with output and growth."""
    row = golden.scores["LARGE", "2023"]
    assert row["comprehensive_score"] is None and row["rank_in_city"] is None
    assert len(row["missing_dimensions"]) >= 4 and {p for _, p in golden.scores} == {"2023", "2024", MONTH}
