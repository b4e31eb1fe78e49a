"""Suite 集团成员: controllers and shares."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "core.group_member",
    (
        Check(
            "not_its_own_controller",
            "成员不是自身的控股方",
            "No firm controls itself",
            "SELECT group_code, uscc, year FROM {table} WHERE uscc = controller_uscc",
        ),
        Check(
            "dates_ordered",
            "退出日期不早于加入日期",
            "A membership does not end before it begins",
            "SELECT group_code, uscc, year FROM {table} WHERE valid_to_date < valid_from_date",
        ),
        Check(
            "one_controller",
            "一个集团只有一个控股方",
            "A group reported in a year has one controller",
            "SELECT group_code, year FROM {table} GROUP BY ALL HAVING count(DISTINCT controller_uscc) > 1",
        ),
        Check(
            "shares_within_whole",
            "各控股方持股比例合计不超过100%",
            "The shares that controllers hold of a firm sum to at most 100 %",
            """SELECT uscc, year FROM {table} WHERE valid_to_date IS NULL GROUP BY ALL
            HAVING sum(holding_share_pct) > 100""",
        ),
    ),
    may_be_empty=True,
    shrinks="fail",
)
