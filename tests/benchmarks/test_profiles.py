"""The profile's peer does the work of the profile's tables."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from tests.benchmarks.small_city import made


def test_growth_of_a_profile(tmp_path: Path) -> None:
    query = made(
        "profile",
        tmp_path,
        {
            "core.enterprise": [{"uscc": "甲", "year": "2024", "is_above_scale": True}],
            "core.enterprise_year": [
                {"uscc": "甲", "year": y, "output_wan_yuan": o, "tax_vat_wan_yuan": 5, "employees_average": 400}
                for y, o in (("2024", 1_331_000), ("2023", 1_100_000), ("2021", 1_000_000), ("2020", 7))
            ],
            "chain.node_enterprise": [
                {"uscc": "甲", "year": "2024", "chain_code": "GDMJ", "node_code": "GDMJ-M01",
                 "position_share": Decimal("0.75"), "confidence": Decimal(1)},
            ],
            "per_mu.enterprise_grade": [
                {"uscc": "甲", "year": y, "final_grade": g, "evaluation_version": 1}
                for y, g in (("2023", "A"), ("2024", "B"))
            ],
            "core.enterprise_event": [
                {"event_id": "1", "uscc": "甲", "year": "2022", "event_kind_code": "honour", "level_code": "national",
                 "event_code": "little_giant"},
            ],
        },
    )  # fmt: skip
    rows = query("FROM profile_enterprise_profile ORDER BY period")
    assert [r["period"] for r in rows] == ["2024", "2024-12"]
    for row in rows:
        assert round(row["output_growth_pct"], 6) == 21 and round(row["output_cagr_pct"], 6) == 10
        assert row["grade_history"] == ["2023=A", "2024=B"] and row["final_grade"] == "B"
        assert float(row["tax_total_wan_yuan"]) == 5
        assert (row["main_node_code"], row["node_output_wan_yuan"]) == ("GDMJ-M01", 998_250)


def test_percentiles_and_tags(tmp_path: Path) -> None:
    """Three firms are compared with the whole city; a firm below scale has tags but no score."""
    figures = ("output_wan_yuan", "value_added_wan_yuan", "employees_average")
    firms = [
        {"uscc": u, "month": "2024-12", "figures_year": "2024", "is_above_scale": u != "丁", "final_grade": "D",
         **dict.fromkeys(figures, n)}
        for n, u in enumerate("甲乙丙丁", 1)
    ]  # fmt: skip
    query = made("profile", tmp_path, {"profile.enterprise_profile_month": firms})
    scores = query(
        "SELECT uscc, scale_score, comprehensive_score FROM profile_comprehensive_score ORDER BY uscc"
    )
    scale_scores = {r["uscc"]: round(float(r["scale_score"]), 3) for r in scores}
    assert scale_scores == {"甲": 33.333, "乙": 66.667, "丙": 100}
    # the weight of scale alone is too small for a total
    assert {r["comprehensive_score"] for r in scores} == {None}
    tags = query("SELECT uscc, tag_code, tag_evidence FROM profile_enterprise_tag WHERE tag_code = 'grade_d'")
    assert sorted(t["uscc"] for t in tags) == sorted("甲乙丙丁")
    assert all("final_grade=D" in t["tag_evidence"] for t in tags)
