"""Suite 公示名单: the list names exactly those whom the evaluation grades, exempts or protects."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "bulletin.grade_list",
    (
        Check(
            "firms_of_population",
            "名单与参评企业名单一致",
            "Firms, lists and statuses are those of the population in complete years",
            """SELECT coalesce(t.uscc, p.uscc) AS uscc, coalesce(t.year, p.year) AS year FROM {table} t
            FULL JOIN (SELECT * FROM per_mu.population WHERE figures_as_of = year
                AND eval_status_code IN ('graded', 'exempt', 'protected')) p ON p.uscc = t.uscc AND p.year = t.year
            WHERE (p.district_code, p.list_code, p.eval_status_code)
                IS DISTINCT FROM (t.district_code, t.list_code, t.eval_status_code)""",
        ),
        Check(
            "grades_in_force",
            "等级为现行版本的调档后等级",
            "A graded firm has the grade published last, or the computed one before; no other firm has a grade",
            """SELECT t.uscc, t.year FROM {table} t LEFT JOIN (SELECT * FROM per_mu.enterprise_grade
                QUALIFY evaluation_version = max(evaluation_version) OVER (PARTITION BY uscc, year)) g
                ON g.uscc = t.uscc AND g.year = t.year
            LEFT JOIN (SELECT * FROM per_mu.publication WHERE is_in_force) p ON p.uscc = t.uscc AND p.year = t.year
            WHERE t.final_grade IS DISTINCT FROM CASE WHEN g.uscc IS NOT NULL
                    THEN coalesce(p.final_grade, g.final_grade) END
                OR (t.final_grade IS NOT NULL) <> (t.eval_status_code = 'graded')""",
        ),
    ),
)
