"""Suite 评价基准值: of the evaluation year, above zero, and published values without slips in the rules' file.

A baseline that is computed from a list moves with the list's largest units, so the list's median is compared with the
year before instead (``expectations/per_mu/indicator_value.py``).
"""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "per_mu.baseline",
    (
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
            "A baseline is above zero",
            "SELECT year, district_code, list_code, indicator_code FROM {table} WHERE value <= 0",
        ),
        Check(
            "units_behind",
            "参算单元数与指标值一致",
            "A computed baseline names the units whose value is defined; a published one names none",
            """SELECT b.year, b.district_code, b.list_code, b.indicator_code FROM {table} b
            LEFT JOIN (SELECT year, district_code, list_code, indicator_code, count(value) AS units
                FROM per_mu.indicator_value GROUP BY ALL) v
            ON v.year = b.year AND v.district_code = b.district_code AND v.list_code = b.list_code
                AND v.indicator_code = b.indicator_code
            WHERE b.unit_count IS DISTINCT FROM CASE WHEN b.method_code <> 'fixed' THEN coalesce(units, 0) END""",
        ),
        Check(
            "steady",
            "规定的基准值与上年相比在三分之一至三倍之间",
            "A published baseline stays between a third and three times the year before",
            """SELECT c.year, c.district_code, c.list_code, c.indicator_code FROM {table} c
            JOIN {table} p ON CAST(p.year AS INTEGER) + 1 = CAST(c.year AS INTEGER)
                AND p.district_code = c.district_code AND p.list_code = c.list_code
                AND p.indicator_code = c.indicator_code
            WHERE c.method_code = 'fixed' AND c.value NOT BETWEEN p.value / 3 AND p.value * 3""",
            level="warn",
        ),
    ),
)
