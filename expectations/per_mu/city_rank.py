"""Suite 全市测算排名: an estimate, and marked as one."""

from __future__ import annotations

from expectations.checks.part_year import figures_as_of
from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "per_mu.city_rank",
    (
        figures_as_of(),
        Check(
            "labelled",
            "均标注“测算”",
            "Every row is labelled an estimate (测算): districts follow different rules",
            "SELECT uscc, year, label_zh FROM {table} WHERE label_zh <> '测算'",
        ),
        Check(
            "ranks_complete",
            "名次完整",
            "A rank is one more than the number of better units of a year's list, and the list has its size",
            """SELECT year, list_code, uscc, city_rank FROM {table}
            QUALIFY city_rank <> rank() OVER (PARTITION BY year, list_code ORDER BY city_rank)
                OR list_size <> count(*) OVER (PARTITION BY year, list_code)""",
        ),
        Check(
            "ranks_follow_totals",
            "名次与得分一致",
            "No firm ranks above one with a higher total",
            """SELECT uscc, year FROM {table}
            QUALIFY total_score > lag(total_score) OVER (PARTITION BY year, list_code ORDER BY city_rank)""",
        ),
        Check(
            "units_of_population",
            "评价单元与名单一致",
            "Exactly the units graded in their own name",
            """SELECT coalesce(t.uscc, p.uscc) AS uscc, coalesce(t.year, p.year) AS year FROM {table} t
            FULL JOIN (SELECT * FROM per_mu.population
                WHERE eval_status_code = 'graded' AND unit_role_code = 'own') p
            ON p.uscc = t.uscc AND p.year = t.year WHERE t.uscc IS NULL OR p.uscc IS NULL""",
        ),
    ),
)
