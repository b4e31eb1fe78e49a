"""Suite 已发布评价等级: what was published stays, and later versions follow without a gap."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "uscc, year, evaluation_version"

SUITE = Suite(
    "per_mu.publication",
    (
        Check(
            "published_stays",
            "已发布内容不再更改",
            "A published grade does not change or disappear; a correction is a new version",
            """SELECT p.uscc, p.year, p.evaluation_version FROM previous_per_mu.publication p
            LEFT JOIN {table} t ON t.uscc = p.uscc AND t.year = p.year
                AND t.evaluation_version = p.evaluation_version
            WHERE t.uscc IS NULL OR t.final_grade <> p.final_grade OR t.total_score <> p.total_score""",
        ),
        Check(
            "versions_unbroken",
            "发布版本连续",
            "The versions of a district and year run from 1 without a gap",
            """SELECT district_code, year, max(evaluation_version) AS versions FROM {table} GROUP BY ALL
            HAVING max(evaluation_version) <> count(DISTINCT evaluation_version)""",
        ),
        Check(
            "published_after_final",
            "定档后方可发布",
            "A list is published on or after the day on which its grades were made final",
            f"""SELECT {_KEY} FROM {{table}} t LEFT JOIN (SELECT district_code AS place, year AS of_year,
                    decided_date AS final_date FROM per_mu.procedure WHERE evaluation_step_code = 'final') p
                ON p.place = t.district_code AND p.of_year = t.year
            WHERE coalesce(t.decided_date < p.final_date, true)""",
        ),
        Check(
            "corrections_wait",
            "无待更正发布的等级",
            "No published grade differs from the one that the present data give; a correction waits for publication",
            f"SELECT {_KEY}, final_grade, computed_grade FROM {{table}} WHERE grade_change_cause_code IS NOT NULL",
            level="warn",
        ),
    ),
    may_be_empty=True,
)
