"""Suite 集团合并评价: groups have graded members, and their scores lie where those of a list do."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "per_mu.group_score",
    (
        Check(
            "members_known",
            "集团在成员表内",
            "A group and its controller are in core.group_member, reported by the year",
            """SELECT t.group_code, t.year FROM {table} t LEFT JOIN core.group_member m
            ON m.group_code = t.group_code AND m.year <= t.year
            GROUP BY t.group_code, t.year, t.member_count
            HAVING count(DISTINCT m.uscc) + count(DISTINCT m.controller_uscc) < t.member_count""",
        ),
        Check(
            "lead_graded",
            "牵头企业参评且在同一榜单",
            "The lead is a unit of the same list",
            """SELECT t.group_code, t.year FROM {table} t LEFT JOIN per_mu.unit u ON u.uscc = t.uscc AND u.year = t.year
            WHERE u.uscc IS NULL OR u.district_code <> t.district_code OR u.list_code <> t.list_code""",
        ),
        Check(
            "rank_recomputes",
            "相当名次可复算",
            "The rank is one more than the units of the list with a higher score",
            """SELECT t.group_code, t.year FROM {table} t JOIN per_mu.unit l ON l.uscc = t.uscc AND l.year = t.year
            JOIN per_mu.enterprise_grade g ON g.year = t.year AND g.district_code = t.district_code
                AND g.list_code = t.list_code AND g.ranking_group = l.ranking_group
                AND g.evaluation_version = 1 AND g.rank_in_list IS NOT NULL
            GROUP BY t.group_code, t.year, t.rank_beside, t.indicator_score
            HAVING count(*) FILTER (g.indicator_score > t.indicator_score) + 1 <> t.rank_beside""",
        ),
        Check(
            "best_not_below_least",
            "成员最高得分不低于最低得分",
            "The best member's score is not below the least one's",
            "SELECT group_code, year FROM {table} WHERE best_member_score < least_member_score",
        ),
    ),
    may_be_empty=True,
)
