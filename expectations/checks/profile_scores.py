"""Checks shared by scores of years and of months: firms in scope, totals, consistent ranks, even percentiles."""

from __future__ import annotations

from expectations.checks.profile_tags import profiles_of
from expectations.gate.suite import Check

_DIMENSIONS = ("scale", "efficiency", "growth", "innovation", "green", "digital", "credit", "contribution")
_SCORES = ", ".join(f"{d}_score" for d in _DIMENSIONS)

#: Share of a period's firms in each tenth of the percentiles; wide, because a peer group may have only ten firms.
_LEAST, _MOST = 0.05, 0.16


def score_checks(period: str) -> tuple[Check, ...]:
    """Checks of scores of years (``period`` is ``year``) or of months."""
    key = f"uscc, {period}"
    return (
        Check(
            "firms_in_scope",
            "评价范围为规上企业",
            "Exactly the firms above scale of each period are scored",
            f"""SELECT coalesce(t.uscc, p.uscc) AS uscc, coalesce(t.{period}, p.{period}) AS {period} FROM {{table}} t
            FULL JOIN (SELECT * FROM {profiles_of(period)} WHERE is_above_scale) p
            ON p.uscc = t.uscc AND p.{period} = t.{period} WHERE t.uscc IS NULL OR p.uscc IS NULL""",
        ),
        Check(
            "total_among_parts",
            "总分介于各维度得分之间",
            "The total is between the lowest and the highest dimension score",
            f"SELECT {key}, comprehensive_score FROM {{table}} WHERE comprehensive_score IS NOT NULL "
            f"AND (comprehensive_score > greatest({_SCORES}) + 0.0001 "
            f"OR comprehensive_score < least({_SCORES}) - 0.0001)",
        ),
        Check(
            "missing_named",
            "缺失维度均有说明",
            "Exactly the dimensions without a score are named as missing",
            f"SELECT {key} FROM {{table}} WHERE "
            + " OR ".join(
                f"({d}_score IS NULL) <> list_contains(missing_dimensions, '{d}')" for d in _DIMENSIONS
            ),
        ),
        Check(
            "ranked_with_total",
            "有总分才有名次",
            "A firm has ranks exactly if it has a total",
            f"SELECT {key} FROM {{table}} WHERE (comprehensive_score IS NULL) <> (rank_in_city IS NULL) "
            "OR (comprehensive_score IS NULL) <> (rank_in_peers IS NULL)",
        ),
        Check(
            "city_ranks_follow_totals",
            "全市名次与总分一致",
            "The rank in the city is one more than the number of firms with a higher total",
            f"""SELECT {key}, rank_in_city FROM (SELECT *,
                rank() OVER (PARTITION BY {period} ORDER BY comprehensive_score DESC) AS expected_rank,
                count(*) OVER (PARTITION BY {period}) AS firms FROM {{table}} WHERE comprehensive_score IS NOT NULL)
            WHERE rank_in_city <> expected_rank OR scored_count <> firms""",
        ),
        Check(
            "peer_ranks_follow_totals",
            "同组名次与总分一致",
            "Among the same peers, a firm with a higher total ranks higher",
            f"""SELECT {key}, rank_in_peers FROM {{table}} WHERE comprehensive_score IS NOT NULL
            WINDOW w AS (PARTITION BY {period}, peer_group ORDER BY rank_in_peers, comprehensive_score DESC)
            QUALIFY comprehensive_score > lag(comprehensive_score) OVER w
                OR (comprehensive_score < lag(comprehensive_score) OVER w AND rank_in_peers = lag(rank_in_peers) OVER w)
            """,
        ),
        Check(
            "peer_percentile_of_rank",
            "同组百分位与名次一致",
            "The percentile is the share of the peers that do not rank above the firm",
            f"""SELECT {key}, peer_percentile_pct FROM {{table}} WHERE abs(peer_percentile_pct
                - 100.0 * (peer_count - rank_in_peers + 1) / peer_count) > 0.0001 OR rank_in_peers > peer_count""",
        ),
        Check(
            "percentiles_flat",
            "百分位分布均匀",
            f"Each tenth of the percentiles holds {_LEAST * 100:.0f} to {_MOST * 100:.0f} % of a period's firms",
            f"""SELECT {period}, tenth, count(f.uscc) AS firms FROM
            (SELECT DISTINCT {period}, scored_count FROM {{table}} WHERE scored_count >= 200) p
            CROSS JOIN range(10) AS r(tenth)
            LEFT JOIN (SELECT uscc, {period}, CAST(ceil(peer_percentile_pct / 10) AS INTEGER) - 1 AS tenth
                FROM {{table}} WHERE peer_percentile_pct IS NOT NULL) f USING ({period}, tenth)
            GROUP BY {period}, tenth, scored_count
            HAVING count(f.uscc) NOT BETWEEN {_LEAST} * scored_count AND {_MOST} * scored_count""",
        ),
        Check(
            "indicators_in_bounds",
            "指标百分位在0–100之间",
            "Indicator percentiles are above 0 and at most 100",
            f"""SELECT {key}, told FROM (SELECT {key}, unnest(indicator_percentiles) AS told FROM {{table}})
            WHERE NOT coalesce(TRY_CAST(split_part(told, '=', 2) AS DECIMAL(9, 4)) BETWEEN 0.0001 AND 100, false)""",
        ),
        Check(
            "change_has_mover",
            "得分变化均有主要变动维度",
            "Where the total changed, the dimension that changed it most is named with its part",
            f"""SELECT {key} FROM {{table}} WHERE (change_dimension_code IS NULL) <> (change_part IS NULL)
                OR (coalesce(score_change, 0) <> 0 AND change_dimension_code IS NULL)
                OR abs(score_change) > {len(_DIMENSIONS)} * abs(change_part) + 0.001""",
        ),
        Check(
            "totals_there",
            "规上企业有总分的不少于八成",
            "At least 80 % of a period's firms in scope have a total",
            f"""SELECT {period} FROM {{table}} GROUP BY {period}
            HAVING count(*) >= 10 AND count(comprehensive_score) < 0.8 * count(*)""",
            level="warn",
        ),
    )
