"""Bad rows for every check of the profiles' suites. Functions spoil rows and return what failed checks must name."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tests.expectations.good_city import FIRMS, Row, code_of

Rows = list[Row]


def _profiles(rows: Rows) -> dict[str, str]:
    """Of a period's sixty firms, the first of every three is above scale and reports."""
    period = "month" if "month" in rows[0] else "year"
    rows[1]["power_kwh"] += 1
    rows[2]["tax_total_wan_yuan"] += 1
    graded = next(r for r in rows[3:] if r["final_grade"] == "B")
    graded["final_grade"] = "A"
    rows[7]["grade_history"] = []
    rows[8]["tax_per_mu_wan_yuan"] += 1
    monthly = next(r for r in rows[9:] if r["output_ytd_wan_yuan"])
    monthly["output_ytd_wan_yuan"] += 1
    rows[12]["main_node_share"] = Decimal("0.4")
    rows[14]["growth_notes"] = []
    rows[16]["size_class_code"] = "large"
    rows[17]["tax_completeness"] = Decimal("0.5")
    rows[18]["land_as_of"] = "2024"
    rows[19]["risk_reasons"] = ["grade_d"]
    rows[20]["open_listing_codes"] = ["tax_grade_d"]
    removed = rows.pop(-1)
    return {
        "firms_of_directory": f"{removed['uscc']}|{period}={removed[period]}",
        "figures_of_source": code_of(1),
        "tax_total_adds_up": code_of(2),
        "grades_of_source": graded["uscc"],
        "history_ends_with_grade": code_of(7),
        "per_mu_of_source": code_of(8),
        "months_of_source": monthly["uscc"],
        "node_of_source": code_of(12),
        "growth_noted": code_of(14),
        "size_limits": code_of(16),
        "completeness_recomputes": code_of(17),
        "times_within_period": code_of(18),
        "risk_by_reasons": code_of(19),
        "listings_counted": code_of(20),
    }


_GROWTH = ("tax", "output", "revenue", "power", "energy")


def _profile(rows: Rows) -> dict[str, str]:
    """Rows are of 2022 and 2023, in this order."""
    named = _profiles(rows)
    for column in _GROWTH:
        rows[FIRMS + 15][f"{column}_growth_pct"] = Decimal(77)
    for row in rows[FIRMS:]:
        row["profile_completeness"] = Decimal("0.1")
    return named | {
        **{f"{c}_growth_recomputes": code_of(15) for c in _GROWTH},
        "completeness_steady": "year=2023",
    }


def _profile_month(rows: Rows) -> dict[str, str]:
    """The figures are of 2022; as if they were of 2023, they would have a year before."""
    named = _profiles(rows)
    rows[15]["figures_year"] = "2023"
    for column in _GROWTH:
        rows[15][f"{column}_growth_pct"] = Decimal(77)
    return named | {f"{c}_growth_recomputes": code_of(15) for c in _GROWTH}


def _tags(rows: Rows, *, last: str) -> dict[str, str]:
    """Two periods of the table or one; ``last`` names the last one."""
    period, of_last = last.split("=")
    of_first = min(r[period] for r in rows)
    above = [r for r in rows if r["tag_code"] == "above_scale" and r[period] == of_first]
    firms = [r for r in rows if r["tag_code"].startswith("size_") and r[period] == of_first]
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
        if r[period] == of_last and r["tag_code"] == "above_scale"
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
        "tags_per_firm": last,
    }


def _tag(rows: Rows) -> dict[str, str]:
    return _tags(rows, last="year=2023") | {"shares_steady": "tag_code=energy_jump"}


def _tag_month(rows: Rows) -> dict[str, str]:
    return _tags(rows, last="month=2023-05")


def _scores(rows: Rows, last: str) -> dict[str, str]:
    """Each period has twenty firms, which form one peer group; ``last`` names the last period."""
    period, of_last = last.split("=")
    removed = rows.pop(-1)
    rows[0]["comprehensive_score"] = Decimal(100)
    for column in [c for c in rows[0] if c.endswith("_score") and c != "comprehensive_score"]:
        rows[0][column] = Decimal(1)
    rows[1]["missing_dimensions"] = ["credit"]
    rows[2]["rank_in_city"] = None
    rows[3]["rank_in_city"] = 20
    rows[5]["peer_percentile_pct"] = Decimal("0.5")
    rows[6]["indicator_percentiles"] = ["output_wan_yuan=101.0000"]
    rows[7]["change_dimension_code"] = "green"
    swapped = [r for r in rows[8:] if r[period] == of_last and r["rank_in_peers"]]
    first, last_ranked = (
        min(swapped, key=lambda r: r["rank_in_peers"]),
        max(swapped, key=lambda r: r["rank_in_peers"]),
    )
    first["comprehensive_score"], last_ranked["comprehensive_score"] = (
        last_ranked["comprehensive_score"],
        first["comprehensive_score"],
    )
    unscored = [r for r in rows[8:] if r[period] == of_last and r not in (first, last_ranked)]
    for row in unscored[:8]:
        row["comprehensive_score"] = row["rank_in_city"] = row["rank_in_peers"] = None
    return {
        "firms_in_scope": removed["uscc"],
        "total_among_parts": rows[0]["uscc"],
        "missing_named": rows[1]["uscc"],
        "ranked_with_total": rows[2]["uscc"],
        "city_ranks_follow_totals": rows[3]["uscc"],
        "peer_ranks_follow_totals": last,
        "peer_percentile_of_rank": rows[5]["uscc"],
        "indicators_in_bounds": "output_wan_yuan=101",
        "change_has_mover": rows[7]["uscc"],
        "totals_there": last,
    }


def _score(rows: Rows) -> dict[str, str]:
    return _scores(rows, "year=2023")


def _score_month(rows: Rows) -> dict[str, str]:
    return _scores(rows, "month=2023-05")


BAD_PROFILE: dict[str, Callable[[Rows], dict[str, str]]] = {
    "profile.comprehensive_score": _score,
    "profile.comprehensive_score_month": _score_month,
    "profile.enterprise_profile": _profile,
    "profile.enterprise_profile_month": _profile_month,
    "profile.enterprise_tag": _tag,
    "profile.enterprise_tag_month": _tag_month,
}
