"""Suite 荣誉、处罚与失信: kinds, codes and dates."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "core.enterprise_event",
    (
        Check(
            "code_of_kind",
            "事件代码属于其类别",
            "Honours have honour codes, credit records credit codes, penalties and accidents penalty codes",
            """SELECT event_id, year, event_kind_code, event_code FROM {table} WHERE CASE event_kind_code
            WHEN 'honour' THEN event_code NOT IN (SELECT code FROM codes.honour)
            WHEN 'credit' THEN event_code NOT IN (SELECT code FROM codes.credit)
            ELSE event_code NOT IN (SELECT code FROM codes.penalty) END""",
        ),
        Check(
            "dates_ordered",
            "有效期不早于发生日期",
            "Validity does not end before the event",
            "SELECT event_id, year FROM {table} WHERE valid_until_date < event_date",
        ),
        Check(
            "date_in_year",
            "事件日期在年度内",
            "The event is dated in its year; a credit record may instead end in it; either may predate the first year",
            """SELECT event_id, year FROM {table} WHERE CAST(year(event_date) AS VARCHAR) <> year
            AND NOT (event_kind_code IN ('credit', 'honour') AND CAST(year(event_date) AS VARCHAR) < year
                AND (event_kind_code = 'credit' AND coalesce(CAST(year(valid_until_date) AS VARCHAR) = year, false)
                    OR year = (SELECT min(year) FROM {table})))""",
            level="warn",
        ),
        Check(
            "firm_known",
            "事件企业在册",
            "The firm is in the year's directory, except for five plus 5 % of a year's events",
            """SELECT t.year FROM {table} t LEFT JOIN core.enterprise e ON e.uscc = t.uscc AND e.year = t.year
            GROUP BY t.year HAVING count(*) FILTER (e.uscc IS NULL) > 5 + 0.05 * count(*)""",
            level="warn",
        ),
    ),
    may_be_empty=True,
    shrinks="fail",
)
