"""The comparison of a trial with its release, as SQL: one row per firm whose grade or status is in either of them.

A firm's reason is the first of these that holds: another status, another list, another unit of evaluation; another
veto, protection or refilled place; the quota (its place in the list would still give the old grade with the old number
of places); its own score, through the indicator that moved it most in the direction of its grade; else it was
displaced: others moved past it.
"""

from __future__ import annotations

from collections.abc import Sequence

from portal.what_if.worth import Worth
from warehouse.duck import literal

#: Those that follow from the rules of standing alone.
STANDING = ("per_mu.population", "per_mu.unit")
#: Tables of a trial that the comparison reads, beside the release's own.
TABLES = (
    *STANDING,
    "per_mu.baseline",
    "per_mu.indicator_value",
    "per_mu.adjustment",
    "per_mu.enterprise_grade",
)


def view(table: str) -> str:
    """Name of the view of a table on trial.

    >>> view("per_mu.unit")
    'trial_unit'
    """
    return f"trial_{table.partition('.')[2]}"


def movement(year: str, rules: Worth, districts: Sequence[str]) -> str:
    """SQL of the comparison in these districts, all if none is named; the views of :func:`view` exist."""
    here = f"district_code IN ({', '.join(map(literal, districts))})" if districts else "true"
    of_year = f"year = {literal(year)}"
    worth = ", ".join(
        f"('{g}', {share}::DECIMAL(9,6), {rules.surcharge[g]}::DECIMAL(9,6))"
        for g, share in rules.relief.items()
    )
    return f"""
WITH worth(grade, relief, surcharge) AS (VALUES {worth}),
pop_b AS (FROM per_mu.population WHERE {of_year} AND {here}),
pop_a AS (FROM trial_population WHERE {of_year} AND {here}),
grade_b AS (
    FROM per_mu.enterprise_grade WHERE {of_year}
    QUALIFY evaluation_version = max(evaluation_version) OVER (PARTITION BY uscc)
),
grade_a AS (FROM trial_enterprise_grade WHERE {of_year}),
edges AS (
    SELECT district_code, list_code, ranking_group, count(*) AS size,
        coalesce(max(rank_in_list) FILTER (initial_grade = 'A'), 0) AS last_a,
        coalesce(max(rank_in_list) FILTER (initial_grade IN ('A', 'B')), 0) AS last_b,
        count(*) FILTER (initial_grade = 'D') AS d
    FROM grade_b WHERE rank_in_list IS NOT NULL GROUP BY ALL
),
firms AS (
    SELECT uscc, coalesce(pa.district_code, pb.district_code) AS district_code,
        coalesce(pa.town_code, pb.town_code) AS town_code,
        pb.list_code AS list_before, pa.list_code AS list_after,
        pb.eval_status_code AS status_before, pa.eval_status_code AS status_after,
        pb.status_reasons AS why_before, pa.status_reasons AS why_after,
        pb.evaluation_uscc AS unit_before, pa.evaluation_uscc AS unit_after,
        coalesce(pa.land_area_mu, pb.land_area_mu) AS land_area_mu,
        b.final_grade AS grade_before, a.final_grade AS grade_after,
        b.grade_reasons AS reasons_before, a.grade_reasons AS reasons_after
    FROM pop_b pb FULL JOIN pop_a pa USING (uscc) LEFT JOIN grade_b b USING (uscc) LEFT JOIN grade_a a USING (uscc)
    WHERE a.uscc IS NOT NULL OR b.uscc IS NOT NULL OR pa.eval_status_code <> pb.eval_status_code
),
joined AS (
    SELECT f.*, ub.initial_grade AS initial_before, ua.initial_grade AS initial_after,
        ub.total_score AS total_before, ua.total_score AS total_after,
        ub.rank_in_list AS rank_before, ua.rank_in_list AS rank_after,
        ub.list_size AS size_before, ua.list_size AS size_after,
        ub.ranking_group AS group_before, ua.ranking_group AS group_after,
        (ua.bonus_points - ua.penalty_points) - (ub.bonus_points - ub.penalty_points) AS points_change,
        CASE WHEN ua.rank_in_list > ua.list_size - e.d THEN 'D' WHEN ua.rank_in_list <= e.last_a THEN 'A'
            WHEN ua.rank_in_list <= e.last_b THEN 'B' ELSE 'C' END AS with_old_places
    FROM firms f
    LEFT JOIN grade_b ub ON ub.uscc = f.unit_before LEFT JOIN grade_a ua ON ua.uscc = f.unit_after
    LEFT JOIN edges e ON e.district_code = f.district_code AND e.list_code = ua.list_code
        AND e.ranking_group = ua.ranking_group
),
moved AS (FROM joined WHERE grade_before IS DISTINCT FROM grade_after AND unit_before = unit_after
    AND grade_before IS NOT NULL AND grade_after IS NOT NULL),
scores AS (
    SELECT uscc, indicator_code, coalesce(a.score, 0) - coalesce(b.score, 0) AS change,
        CASE WHEN a.weight IS DISTINCT FROM b.weight THEN 'weight'
            WHEN a.value IS DISTINCT FROM b.value THEN 'value'
            WHEN a.baseline IS DISTINCT FROM b.baseline THEN 'baseline' ELSE 'limit' END AS through
    FROM (FROM per_mu.indicator_value WHERE {of_year} AND uscc IN (SELECT unit_after FROM moved)) b
    FULL JOIN (FROM trial_indicator_value WHERE {of_year} AND uscc IN (SELECT unit_after FROM moved)) a
    USING (uscc, indicator_code)
    UNION ALL
    SELECT DISTINCT unit_after, NULL, points_change, 'points' FROM moved WHERE points_change <> 0
),
most AS (
    SELECT uscc, first({_THROUGH} ORDER BY change DESC, indicator_code) FILTER (change > 0) AS up,
        first({_THROUGH} ORDER BY change, indicator_code) FILTER (change < 0) AS down
    FROM scores GROUP BY uscc
),
caused AS (
    SELECT j.*, CASE WHEN grade_after < grade_before THEN m.up ELSE m.down END AS through,
        CASE WHEN grade_before IS NOT DISTINCT FROM grade_after THEN NULL
            WHEN status_before IS DISTINCT FROM status_after THEN 'status'
            WHEN list_before IS DISTINCT FROM list_after OR group_before IS DISTINCT FROM group_after THEN 'list'
            WHEN unit_before IS DISTINCT FROM unit_after THEN 'unit'
            WHEN initial_before = initial_after THEN 'veto'
            WHEN with_old_places = initial_before THEN 'quota'
            WHEN (grade_after < grade_before AND total_after > total_before AND m.up IS NOT NULL)
                OR (grade_after > grade_before AND total_after < total_before AND m.down IS NOT NULL) THEN 'score'
            ELSE 'displaced' END AS cause_code
    FROM joined j LEFT JOIN most m ON m.uscc = j.unit_after
)
SELECT uscc, {literal(year)} AS year, enterprise_name, c.district_code, c.town_code, list_before, list_after,
    status_before, status_after, grade_before, grade_after, initial_before, initial_after, group_before, group_after,
    uscc = unit_before AS is_unit_before, uscc = unit_after AS is_unit_after,
    total_before, total_after, rank_before, rank_after,
    size_before, size_after, cause_code,
    CASE WHEN cause_code = 'score' THEN through.indicator_code END AS indicator_code,
    CASE WHEN cause_code = 'score' THEN through.through END AS through_code,
    CASE WHEN cause_code = 'score' THEN through.change END AS score_change,
    CASE cause_code WHEN 'status' THEN coalesce(why_after[1], why_before[1])
        WHEN 'veto' THEN coalesce(list_filter(reasons_after, lambda r: NOT list_contains(reasons_before, r))[1],
            list_filter(reasons_before, lambda r: NOT list_contains(reasons_after, r))[1]) END AS reason,
    c.land_area_mu, value_added_wan_yuan, {_TAX} AS tax_wan_yuan, tax_land_use_wan_yuan, power_kwh,
    (coalesce(tax_land_use_wan_yuan, 0) * coalesce(wb.relief, 0))::DECIMAL(24,6) AS relief_before,
    (coalesce(tax_land_use_wan_yuan, 0) * coalesce(wa.relief, 0))::DECIMAL(24,6) AS relief_after,
    (coalesce(power_kwh, 0) * coalesce(wb.surcharge, 0) * 0.0001)::DECIMAL(24,6) AS surcharge_before,
    (coalesce(power_kwh, 0) * coalesce(wa.surcharge, 0) * 0.0001)::DECIMAL(24,6) AS surcharge_after
FROM caused c
LEFT JOIN (FROM core.enterprise WHERE {of_year}) n USING (uscc)
LEFT JOIN (FROM core.enterprise_year WHERE {of_year}) y USING (uscc)
LEFT JOIN worth wb ON wb.grade = grade_before LEFT JOIN worth wa ON wa.grade = grade_after
ORDER BY c.district_code, uscc"""


_THROUGH = "{'indicator_code': indicator_code, 'through': through, 'change': change}"
#: All taxes that a firm paid, whatever a rule counts: before and after are then compared on the same money.
_TAX = " + ".join(
    f"coalesce(y.tax_{name}_wan_yuan, 0)"
    for name in (
        "vat",
        "export_offset",
        "income",
        "consumption",
        "surcharge",
        "land_use",
        "property",
        "other",
    )
)
