"""Suite 对象评价指标值: values and scores recompute."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "object_kind_code, object_code, year, indicator_code"

SUITE = Suite(
    "per_mu.object_indicator_value",
    (
        Check(
            "of_graded_objects",
            "恰为参评对象",
            "Exactly the graded objects have indicators, whose weights sum to 100",
            """SELECT coalesce(t.object_code, u.object_code) AS object_code, coalesce(t.year, u.year) AS year
            FROM (SELECT object_kind_code, object_code, year, sum(weight) AS weights FROM {table} GROUP BY ALL) t
            FULL JOIN (SELECT * FROM per_mu.object_unit WHERE eval_status_code = 'graded') u
            ON u.object_kind_code = t.object_kind_code AND u.object_code = t.object_code AND u.year = t.year
            WHERE t.object_code IS NULL OR u.object_code IS NULL OR t.weights <> 100""",
        ),
        Check(
            "value_is_quotient",
            "指标值等于分子除以分母",
            "A value is numerator divided by denominator",
            f"""SELECT {_KEY} FROM {{table}} WHERE value IS NOT NULL
            AND abs(value - CAST(numerator AS DOUBLE) / CAST(denominator AS DOUBLE))
                > 0.000001 + 0.000000001 * abs(value)""",
        ),
        Check(
            "score_recomputes",
            "得分可复算",
            "A score without a note is value divided by baseline times weight",
            f"""SELECT {_KEY} FROM {{table}} WHERE note_code IS NULL AND scoring_code = 'ratio'
            AND abs(score - CAST(value AS DOUBLE) / CAST(baseline AS DOUBLE) * CAST(weight AS DOUBLE)) > 0.00001""",
        ),
        Check(
            "scores_bounded",
            "得分不超过权重的1.5倍、不小于零",
            "A score is between zero and one and a half times the weight",
            f"SELECT {_KEY} FROM {{table}} WHERE score < 0 OR score > 1.5 * weight",
        ),
    ),
)
