"""Suite 异议办理情况: decisions with reasons, and none on an objection outside of its window."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "objection_code, year"

SUITE = Suite(
    "per_mu.objection",
    (
        Check(
            "decision_has_reason",
            "处理决定均有理由",
            "A decided objection has its day and its reasons",
            f"""SELECT {_KEY} FROM {{table}}
            WHERE objection_state_code IN ('refused', 'accepted', 'accepted_pending', 'accepted_applied')
                AND (decided_date IS NULL OR coalesce(procedure_reason, '') = '')""",
        ),
        Check(
            "decided_after_raised",
            "决定不早于提出",
            "No objection is decided before it is raised",
            f"SELECT {_KEY} FROM {{table}} WHERE decided_date < raised_date",
        ),
        Check(
            "window_admits",
            "所在公示期包含提出日期",
            "The window named contains the day on which the objection was raised",
            """SELECT t.objection_code, t.year, t.raised_date FROM {table} t JOIN per_mu.procedure p
                ON p.district_code = t.district_code AND p.year = t.year AND p.evaluation_version = 1
                AND p.evaluation_step_code = t.evaluation_step_code
            WHERE coalesce(t.raised_date NOT BETWEEN p.window_start_date AND p.window_end_date, true)""",
        ),
        Check(
            "corrections_arrive",
            "采纳的异议数据已更正",
            "A figure that was decided upon has arrived in the data once the grades are final",
            """SELECT t.objection_code, t.year, t.decided_value, t.present_value FROM {table} t
            JOIN per_mu.procedure p ON p.district_code = t.district_code AND p.year = t.year
                AND p.evaluation_step_code = 'final'
            WHERE t.objection_state_code = 'accepted_pending' AND p.decided_date IS NOT NULL""",
            level="warn",
        ),
    ),
    may_be_empty=True,
)
