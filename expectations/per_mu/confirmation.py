"""Suite 一企一单确认情况: the graded firms above scale, each in a state that its days allow."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "per_mu.confirmation",
    (
        Check(
            "firms_of_population",
            "与参评规上企业一致",
            "Exactly the graded firms above scale",
            """SELECT coalesce(t.uscc, p.uscc) AS uscc, coalesce(t.year, p.year) AS year FROM {table} t
            FULL JOIN (SELECT uscc, year FROM per_mu.population
                WHERE list_code = 'above_scale' AND eval_status_code = 'graded') p
            ON p.uscc = t.uscc AND p.year = t.year WHERE t.uscc IS NULL OR p.uscc IS NULL""",
        ),
        Check(
            "state_has_days",
            "确认状态与日期一致",
            "Who confirmed has a day, who did not has none, and nobody is awaited before sheets are offered",
            """SELECT uscc, year, confirmation_state_code FROM {table}
            WHERE (confirmation_state_code IN ('confirmed', 'reopened')) <> (confirmed_date IS NOT NULL)
                OR (confirmation_state_code IN ('awaited', 'silent') AND window_end_date IS NULL)""",
        ),
        Check(
            "silence_after_deadline",
            "逾期后方可视同无异议",
            "Nobody is silent before the initial grades, which come after the deadline",
            """SELECT t.uscc, t.year FROM {table} t LEFT JOIN per_mu.procedure p
                ON p.district_code = t.district_code AND p.year = t.year AND p.evaluation_step_code = 'initial_graded'
            WHERE t.confirmation_state_code = 'silent'
                AND coalesce(p.decided_date <= t.window_end_date, true)""",
        ),
        Check(
            "most_confirm",
            "逾期未确认企业不超过三分之一",
            "At most a third of a district's firms let the deadline pass; else the sheets did not reach them",
            """SELECT district_code, year, count(*) FILTER (confirmation_state_code = 'silent') AS silent FROM {table}
            GROUP BY ALL HAVING silent * 3 > count(*) AND count(*) >= 10""",
            level="warn",
        ),
    ),
)
