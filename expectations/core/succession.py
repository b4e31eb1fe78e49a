"""Suite 承继关系: codes lead to the last successor, and a disputed code leads to itself."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "core.succession",
    (
        Check(
            "told_of",
            "承继均有变更事件依据",
            "Every succession rests on a reported change",
            """SELECT t.from_uscc, t.to_uscc, t.year FROM {table} t
            LEFT JOIN core.identity_event e ON e.from_uscc = t.from_uscc AND e.year <= t.year
                AND e.identity_event_kind_code IN ('merge', 'succession', 'branch')
            GROUP BY ALL HAVING count(e.event_id) = 0""",
        ),
        Check(
            "followed_to_the_last",
            "承继链条追溯至最后主体",
            "A successor is not itself succeeded when the succession begins, unless that is in dispute",
            """SELECT t.from_uscc, t.to_uscc, t.year FROM {table} t
            JOIN {table} n ON n.from_uscc = t.to_uscc AND n.to_uscc <> n.from_uscc
                AND n.valid_from_date <= t.valid_from_date
            LEFT JOIN {table} d ON d.from_uscc = t.to_uscc AND d.is_disputed AND d.year <= t.year
            WHERE t.to_uscc <> t.from_uscc AND d.from_uscc IS NULL""",
        ),
        Check(
            "disputed_stands_for_itself",
            "争议代码仍为自身",
            "Exactly the codes in dispute are their own successors",
            "SELECT from_uscc, to_uscc, year FROM {table} WHERE is_disputed <> (from_uscc = to_uscc)",
        ),
        Check(
            "begins_in_year",
            "承继起始日在年度内",
            "A succession begins in its year",
            "SELECT from_uscc, to_uscc, year FROM {table} "
            "WHERE CAST(year(valid_from_date) AS VARCHAR) <> year",
        ),
    ),
    may_be_empty=True,
    shrinks="fail",
)
