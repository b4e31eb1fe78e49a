"""Suite 主体变更事件: predecessor and successor, names and dates."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "core.identity_event",
    (
        Check(
            "kind_of_identity",
            "集团成员关系不是主体变更",
            "Group memberships are not changes of identity",
            "SELECT event_id, year FROM {table} WHERE identity_event_kind_code = 'group'",
        ),
        Check(
            "renamed_itself",
            "更名前后为同一主体且名称不同",
            "A change of name keeps the firm and states two different names",
            """SELECT event_id, year FROM {table} WHERE identity_event_kind_code = 'rename'
            AND (from_uscc <> to_uscc OR former_name IS NULL OR enterprise_name IS NULL
                OR former_name = enterprise_name)""",
        ),
        Check(
            "becomes_another",
            "除更名外前后主体不同",
            "Every other change is between two codes and has a first day",
            """SELECT event_id, year FROM {table} WHERE identity_event_kind_code <> 'rename'
            AND (from_uscc = to_uscc OR valid_from_date IS NULL)""",
            level="warn",
        ),
        Check(
            "dates_ordered",
            "终止日期不早于生效日期",
            "A change does not end before it begins",
            "SELECT event_id, year FROM {table} WHERE valid_to_date < valid_from_date",
        ),
        Check(
            "told_in_time",
            "生效日期不晚于报送年度",
            "A change is not reported before the year in which it begins",
            "SELECT event_id, year FROM {table} WHERE CAST(year(valid_from_date) AS VARCHAR) > year",
        ),
        Check(
            "successor_known",
            "承继企业在册",
            "The successor is in a directory, except for five plus 5 % of a year's changes",
            """SELECT t.year FROM {table} t LEFT JOIN (SELECT DISTINCT uscc FROM core.enterprise) e
            ON e.uscc = t.to_uscc GROUP BY t.year HAVING count(*) FILTER (e.uscc IS NULL) > 5 + 0.05 * count(*)""",
            level="warn",
        ),
    ),
    may_be_empty=True,
    shrinks="fail",
)
