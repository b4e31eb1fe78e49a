"""Suite 评价基准值: of the evaluation year, above zero, not moved by one unit, published values without slips.

A baseline that is computed from a list moves with the list's largest units, so the list's median is compared with the
year before instead (``expectations/per_mu/indicator_value.py``).
"""

from __future__ import annotations

from expectations.checks.part_year import figures_as_of
from expectations.checks.year_before import FEW
from expectations.gate.suite import Check, Suite

#: A unit with a quarter of its list's tax, just below a giant's, lifts the quotient of totals by a third.
MOVED = "4 / 3.0"

SUITE = Suite(
    "per_mu.baseline",
    (
        figures_as_of(),
        Check(
            "of_the_year",
            "基准值年度即评价年度",
            "The baseline is of the evaluation year: its rule set is the year's",
            "SELECT year, district_code, list_code, indicator_code, rule_set_id FROM {table} "
            "WHERE right(rule_set_id, 4) <> year",
        ),
        Check(
            "above_zero",
            "基准值大于零",
            "A baseline by which values are divided is above zero",
            "SELECT year, district_code, list_code, indicator_code FROM {table} "
            "WHERE value <= 0 AND scoring_code IN ('ratio', 'ratio_less')",
        ),
        Check(
            "units_behind",
            "参算单元数与指标值一致",
            "A computed baseline names the units whose value is behind it, an end of a range one, a published one none",
            """SELECT b.year, b.district_code, b.list_code, b.indicator_code FROM {table} b
            LEFT JOIN (SELECT year, district_code, list_code, ranking_group, indicator_code, count(value) AS units
                FROM per_mu.indicator_value GROUP BY ALL) v
            ON v.year = b.year AND v.district_code = b.district_code AND v.list_code = b.list_code
                AND v.ranking_group = b.ranking_group AND v.indicator_code = b.indicator_code
            WHERE b.unit_count IS DISTINCT FROM CASE WHEN b.method_code = 'range' THEN (b.value IS NOT NULL)::INTEGER
                WHEN b.method_code <> 'fixed' THEN coalesce(units, 0)
                - CASE b.giant_treatment_code WHEN 'left_out' THEN b.giant_count ELSE 0 END END""",
        ),
        Check(
            "giants_treated",
            "执行值与龙头处理方式一致",
            "The baseline in force is that of its treatment of giants, and giants are counted",
            """SELECT year, district_code, list_code, indicator_code, giant_treatment_code FROM {table}
            WHERE giant_count <> len(giants) OR CASE giant_treatment_code
                WHEN 'published' THEN method_code <> 'fixed' OR value_with_giants IS NOT NULL
                    OR value_without_giants IS NOT NULL
                WHEN 'none' THEN giant_count > 0 OR value IS DISTINCT FROM value_with_giants
                    OR value IS DISTINCT FROM value_without_giants
                WHEN 'left_out' THEN giant_count = 0 OR value_without_giants IS NULL
                    OR value <> value_without_giants
                WHEN 'nothing_left' THEN giant_count = 0 OR value_without_giants IS NOT NULL
                    OR value IS DISTINCT FROM value_with_giants
                ELSE giant_count = 0 OR value IS DISTINCT FROM value_with_giants END""",
        ),
        Check(
            "no_unit_moves_it",
            "单个企业对基准值的影响不超过三分之一",
            "No single unit lifts or lowers a baseline of thirty units or more by more than a third",
            f"""WITH counted AS (
                SELECT v.uscc, b.year, b.district_code, b.list_code, b.ranking_group, b.indicator_code,
                    b.value AS baseline,
                    CASE b.method_code WHEN 'mean' THEN v.value ELSE v.numerator END::DOUBLE AS above,
                    CASE b.method_code WHEN 'mean' THEN 1 ELSE v.denominator END::DOUBLE AS below
                FROM {{table}} b JOIN per_mu.indicator_value v ON v.year = b.year
                    AND v.district_code = b.district_code AND v.list_code = b.list_code
                    AND v.ranking_group = b.ranking_group AND v.indicator_code = b.indicator_code
                WHERE b.method_code IN ('aggregate', 'mean') AND v.value IS NOT NULL
                    AND NOT (b.giant_treatment_code = 'left_out' AND list_contains(b.giants, v.uscc))),
            moved AS (
                SELECT *, sum(above) OVER w / sum(below) OVER w AS own,
                    (sum(above) OVER w - above) / nullif(sum(below) OVER w - below, 0) AS others
                FROM counted WINDOW w AS (PARTITION BY year, district_code, list_code, ranking_group, indicator_code)
                QUALIFY count(*) OVER w >= {FEW})
            SELECT m.year, m.district_code, m.list_code, m.indicator_code, m.uscc, e.enterprise_name, m.baseline,
                round(m.baseline * m.others / m.own, 6) AS without_it
            FROM moved m LEFT JOIN core.enterprise e ON e.uscc = m.uscc AND e.year = m.year
            WHERE m.own > 0 AND (m.others <= 0 OR greatest(m.own / m.others, m.others / m.own) > {MOVED})
            ORDER BY ALL""",
            level="warn",
        ),
        Check(
            "steady",
            "规定的基准值与上年相比在三分之一至三倍之间",
            "A published baseline stays between a third and three times the year before",
            """SELECT c.year, c.district_code, c.list_code, c.indicator_code FROM {table} c
            JOIN {table} p ON CAST(p.year AS INTEGER) + 1 = CAST(c.year AS INTEGER)
                AND p.district_code = c.district_code AND p.list_code = c.list_code
                AND p.ranking_group = c.ranking_group AND p.indicator_code = c.indicator_code
            WHERE c.method_code = 'fixed' AND c.value NOT BETWEEN p.value / 3 AND p.value * 3""",
            level="warn",
        ),
    ),
)
