"""Suite 亩均评价工作流程: steps in order, windows as long as the rules say, nothing final before the notice closed."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "district_code, year, evaluation_version, evaluation_step_code"
_STEPS = (
    "list_fixed", "land_publicity", "data_gathered", "sheets_offered", "initial_graded", "publicity",
    "joint_meeting", "final", "published", "executed",
)  # fmt: skip
_PLACE = f"list_position({list(_STEPS)}, evaluation_step_code)"

SUITE = Suite(
    "per_mu.procedure",
    (
        Check(
            "all_steps",
            "各区县各年度步骤齐全",
            "Every district and year has the ten steps once in version 1",
            """SELECT district_code, year, count(*) AS steps FROM {table} WHERE evaluation_version = 1
            GROUP BY ALL HAVING count(*) <> 10""",
        ),
        Check(
            "final_after_publicity",
            "公示期满后方可定档",
            "The meeting, the final grades and their publication come after the last day of the public notice",
            f"""SELECT {_KEY}, decided_date FROM (SELECT *, max(CASE WHEN evaluation_step_code = 'publicity'
                    THEN window_end_date END) OVER (PARTITION BY district_code, year) AS notice_ends FROM {{table}})
            WHERE evaluation_step_code IN ('joint_meeting', 'final', 'published') AND decided_date IS NOT NULL
                AND coalesce(decided_date <= notice_ends, true)""",
        ),
        Check(
            "steps_in_order",
            "各步骤依次进行",
            "A step is decided on or after the day of the one before it, which is decided as well",
            f"""SELECT {_KEY}, decided_date FROM {{table}} WHERE evaluation_version = 1
            QUALIFY decided_date IS NOT NULL AND {_PLACE} > 1 AND coalesce(
                lag(decided_date) OVER (PARTITION BY district_code, year ORDER BY {_PLACE}) > decided_date, true)""",
        ),
        Check(
            "windows_long_enough",
            "公示期为五至七个工作日",
            "A public notice lasts five to seven working days; unknown where the calendar lacked the year",
            f"""SELECT {_KEY}, working_days_count FROM {{table}}
            WHERE evaluation_step_code IN ('land_publicity', 'publicity') AND decided_date IS NOT NULL
                AND (window_start_date IS NULL OR window_end_date IS NULL
                    OR coalesce(working_days_count, 5) NOT BETWEEN 5 AND 7)""",
        ),
        Check(
            "versions_have_reason",
            "更正版本附理由且连续",
            "A later version of a published list gives its reason and follows the one before",
            f"""SELECT {_KEY} FROM {{table}} t WHERE evaluation_step_code = 'published' AND evaluation_version > 1
                AND (procedure_reason IS NULL OR NOT EXISTS (SELECT 1 FROM {{table}} b WHERE b.year = t.year
                    AND b.district_code = t.district_code AND b.evaluation_step_code = 'published'
                    AND b.evaluation_version = t.evaluation_version - 1 AND b.decided_date IS NOT NULL))""",
        ),
        Check(
            "objections_decided",
            "联席会议前异议均已处理",
            "No objection raised in its window is open once the joint meeting was held",
            """SELECT o.objection_code, o.district_code, o.year FROM per_mu.objection o JOIN {table} t
                ON t.district_code = o.district_code AND t.year = o.year AND t.evaluation_step_code = 'joint_meeting'
            WHERE t.decided_date IS NOT NULL AND o.objection_state_code = 'open'""",
            level="warn",
        ),
    ),
)
