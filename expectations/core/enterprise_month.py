"""Suite 企业月度数据: single months add up, falls are flagged and rare, and totals are steady."""

from __future__ import annotations

from expectations.checks.year_before import city_total
from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "core.enterprise_month",
    (
        Check(
            "month_of_year",
            "月份在年度内",
            "The month is in its year",
            "SELECT uscc, month, year FROM {table} WHERE left(month, 4) <> year",
        ),
        Check(
            "months_add_up",
            "各月产值之和等于累计产值",
            "A year's single months add up to its last cumulative output",
            """SELECT uscc, year, sum(output_month_wan_yuan) AS months, max_by(output_ytd_wan_yuan, month) AS ytd
            FROM {table} GROUP BY uscc, year HAVING months <> ytd""",
        ),
        Check(
            "covered_add_up",
            "覆盖月数之和等于截至月份",
            "The months covered in a year add up to its last month",
            """SELECT uscc, year FROM {table} GROUP BY uscc, year
            HAVING sum(months_covered) <> CAST(right(max(month), 2) AS INTEGER)""",
        ),
        Check(
            "fall_flagged",
            "累计产值下降均已标记",
            "Exactly the falls in cumulative output are flagged",
            """SELECT uscc, month FROM {table}
            WHERE is_cumulative_fall IS DISTINCT FROM coalesce(output_month_wan_yuan < 0, false)""",
        ),
        Check(
            "falls_share",
            "累计值下降的企业不超过5%",
            "At most five firms plus 5 % of a month fall in cumulative output",
            "SELECT month FROM {table} GROUP BY month "
            "HAVING count(*) FILTER (is_cumulative_fall) > 5 + 0.05 * count(*)",
        ),
        Check(
            "total_steady",
            "全市月均产值（不含变动最大企业）与上月相比在三分之一至三倍之间",
            "The city's average monthly output, without the firm that changed most, "
            "stays between a third and three times the month before",
            city_total("month", "output_month_wan_yuan / months_covered"),
        ),
        Check(
            "firm_known",
            "企业在册",
            "The firm was in a directory by then, except for five plus 5 % of a month's firms",
            """SELECT t.month FROM {table} t LEFT JOIN (SELECT uscc, min(year) AS first FROM core.enterprise
                GROUP BY uscc) e ON e.uscc = t.uscc AND e.first <= t.year
            GROUP BY t.month HAVING count(*) FILTER (e.uscc IS NULL) > 5 + 0.05 * count(*)""",
            level="warn",
        ),
    ),
    may_be_empty=True,
    shrinks="fail",
)
