"""Bad rows for every check of the profiles' suites. Functions spoil rows and return what failed checks must name."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tests.expectations.good_city import FIRMS, Row, code_of

Rows = list[Row]


def _profile(rows: Rows) -> dict[str, str]:
    """Rows are of 2022, 2023 and May 2023, in this order. The first of every three firms is above scale and reports."""
    rows[1]["power_kwh"] += 1
    rows[2]["tax_total_wan_yuan"] += 1
    graded = next(r for r in rows[3:] if r["final_grade"] == "B")
    graded["final_grade"] = "A"
    rows[7]["grade_history"] = []
    rows[8]["tax_per_mu_wan_yuan"] += 1
    monthly = rows[2 * FIRMS + 9]
    monthly["output_ytd_wan_yuan"] += 1
    rows[12]["main_node_share"] = Decimal("0.4")
    for column in ("tax", "output", "revenue", "power", "energy"):
        rows[FIRMS + 15][f"{column}_growth_pct"] = Decimal(77)
    rows[14]["growth_notes"] = []
    rows[16]["size_class_code"] = "large"
    rows[17]["tax_completeness"] = Decimal("0.5")
    rows[18]["land_as_of"] = "2023"
    rows[19]["risk_reasons"] = ["grade_d"]
    rows[20]["open_listing_codes"] = ["tax_grade_d"]
    for row in rows[FIRMS : 2 * FIRMS]:
        row["profile_completeness"] = Decimal("0.1")
    removed = rows.pop(-1)
    return {
        "firms_of_directory": f"{removed['uscc']}|period=2023-05",
        "figures_of_source": code_of(1),
        "tax_total_adds_up": code_of(2),
        "grades_of_source": graded["uscc"],
        "history_ends_with_grade": code_of(7),
        "per_mu_of_source": code_of(8),
        "months_of_source": monthly["uscc"],
        "node_of_source": code_of(12),
        **{f"{c}_growth_recomputes": code_of(15) for c in ("tax", "output", "revenue", "power", "energy")},
        "growth_noted": code_of(14),
        "size_limits": code_of(16),
        "completeness_recomputes": code_of(17),
        "times_within_period": code_of(18),
        "risk_by_reasons": code_of(19),
        "listings_counted": code_of(20),
        "completeness_steady": "period=2023",
    }


def _tag(rows: Rows) -> dict[str, str]:
    above = [r for r in rows if r["tag_code"] == "above_scale" and r["period"] == "2022"]
    firms = [r for r in rows if r["tag_code"].startswith("size_") and r["period"] == "2022"]
    a, b, c = above[:3]
    a["uscc"] = code_of(999)
    b["tag_kind_code"] = "honour"
    c["tag_evidence"] = ["revenue"]
    again = firms[5] | {"tag_code": "size_medium", "row_id": "again"}
    apart = [
        firms[6] | {"tag_code": code, "tag_kind_code": "growth", "row_id": code}
        for code in ("fast_growth", "shrinking")
    ]
    watched = [
        r | {"tag_code": "energy_jump", "tag_kind_code": "watch", "row_id": f"{r['uscc']}{n}"}
        for n, r in enumerate(above[3:])
    ]
    many = [
        r | {"row_id": f"{r['row_id']}{n}", "tag_code": "exporter"}
        for r in rows
        if r["period"] == "2023-05" and r["tag_code"] == "above_scale"
        for n in range(20)
    ]
    rows += [again, *apart, *watched, *many]
    return {
        "firm_known": code_of(999),
        "one_kind": "tag_code=above_scale",
        "evidence_given": c["uscc"],
        "tags_of_profile": code_of(999),
        "one_size": again["uscc"],
        "no_contradiction": apart[0]["uscc"],
        "watch_share": "tag_code=energy_jump",
        "shares_steady": "tag_code=energy_jump",
        "tags_per_firm": "period=2023-05",
    }


def _score(rows: Rows) -> dict[str, str]:
    """Each period has twenty firms, which form one peer group."""
    removed = rows.pop(-1)
    rows[0]["comprehensive_score"] = Decimal(100)
    for column in [c for c in rows[0] if c.endswith("_score") and c != "comprehensive_score"]:
        rows[0][column] = Decimal(1)
    rows[1]["missing_dimensions"] = ["credit"]
    rows[2]["rank_in_city"] = None
    rows[3]["rank_in_city"] = 20
    swapped = [r for r in rows if r["period"] == "2023" and r["rank_in_peers"]]
    first, last = (
        min(swapped, key=lambda r: r["rank_in_peers"]),
        max(swapped, key=lambda r: r["rank_in_peers"]),
    )
    first["comprehensive_score"], last["comprehensive_score"] = (
        last["comprehensive_score"],
        first["comprehensive_score"],
    )
    rows[5]["peer_percentile_pct"] = Decimal("0.5")
    rows[6]["indicator_percentiles"] = ["output_wan_yuan=101.0000"]
    rows[7]["change_dimension_code"] = "green"
    for row in rows[40:]:
        row["comprehensive_score"] = row["rank_in_city"] = row["rank_in_peers"] = None
    return {
        "firms_in_scope": removed["uscc"],
        "total_among_parts": rows[0]["uscc"],
        "missing_named": rows[1]["uscc"],
        "ranked_with_total": rows[2]["uscc"],
        "city_ranks_follow_totals": rows[3]["uscc"],
        "peer_ranks_follow_totals": "period=2023",
        "peer_percentile_of_rank": rows[5]["uscc"],
        "indicators_in_bounds": "output_wan_yuan=101",
        "change_has_mover": rows[7]["uscc"],
        "totals_there": "period=2023-05",
    }


BAD_PROFILE: dict[str, Callable[[Rows], dict[str, str]]] = {
    "profile.comprehensive_score": _score,
    "profile.enterprise_profile": _profile,
    "profile.enterprise_tag": _tag,
}
