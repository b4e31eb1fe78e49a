"""Suite 对象评价基准值: a baseline is above zero, and a graded list has one for each indicator."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "year, ranked_in_code, list_code, indicator_code"

SUITE = Suite(
    "per_mu.object_baseline",
    (
        Check(
            "above_zero",
            "基准值大于零",
            "A baseline is above zero",
            f"SELECT {_KEY} FROM {{table}} WHERE value <= 0",
        ),
        Check(
            "of_the_list",
            "参评对象达三个的榜单均有基准值",
            "A list with three graded objects has a value for each indicator that any of them has",
            f"""SELECT {_KEY} FROM {{table}} WHERE value IS NULL AND unit_count >= 3""",
        ),
        Check(
            "units_within_list",
            "参算对象数不超过榜单参评对象数",
            "No more objects are behind a baseline than its list has",
            f"""SELECT {_KEY} FROM {{table}} LEFT JOIN (SELECT year, ranked_in_code, list_code, count(*) AS graded
                FROM per_mu.object_unit WHERE eval_status_code = 'graded' GROUP BY ALL) u
            USING (year, ranked_in_code, list_code) WHERE unit_count > coalesce(graded, 0)""",
        ),
    ),
)
