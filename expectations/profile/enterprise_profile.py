"""Suite 企业画像: every firm of the directory, figures as in their sources, completeness, dates of figures."""

from __future__ import annotations

from expectations.checks.profile_rows import profile_checks
from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "profile.enterprise_profile",
    (
        *profile_checks("year"),
        Check(
            "completeness_steady",
            "画像完整度较上年下降不到十个百分点",
            "The mean completeness of firms above scale falls by less than ten points from the year before",
            """WITH means AS (SELECT year, avg(profile_completeness) AS mean, count(*) AS firms
                FROM {table} WHERE is_above_scale GROUP BY ALL)
            SELECT c.year, p.mean AS before, c.mean AS now FROM means c JOIN means p
            ON CAST(p.year AS INTEGER) + 1 = CAST(c.year AS INTEGER)
            WHERE p.mean - c.mean >= 0.1 AND c.firms >= 5""",
            level="warn",
        ),
    ),
)
