"""Suite 评价指标值: every value and score recomputed from its row.

DuckDB divides decimals as doubles; a tolerance of one millionth allows for that.
"""

from __future__ import annotations

from expectations.checks.part_year import figures_as_of
from expectations.checks.year_before import FEW
from expectations.gate.suite import Check, Suite

_KEY = "uscc, year, indicator_code"
_PLAIN = "CAST(value AS DOUBLE) / CAST(baseline AS DOUBLE) * CAST(weight AS DOUBLE)"


def _apart(left: str, right: str) -> str:
    """Condition that two figures differ by more than a rounded last digit, plus 1e-9 for large figures."""
    return f"abs({left} - {right}) > 0.000001 + 0.000000001 * abs({right})"


def _silence_pays(notes: str) -> str:
    """Lists and indicators in which a typical silent unit has more points than a typical one that reports."""
    silent = f"is_missing AND {notes}"
    return f"""SELECT year, district_code, list_code, indicator_code,
            count(*) FILTER ({silent}) AS silent, median(score) FILTER ({silent}) AS their_points,
            count(value) AS reporting, median(score) FILTER (NOT is_missing) AS points
        FROM {{table}} GROUP BY ALL
        HAVING silent >= {FEW} AND reporting >= {FEW} AND their_points > points"""


SUITE = Suite(
    "per_mu.indicator_value",
    (
        figures_as_of(),
        Check(
            "units_of_population",
            "评价单元与名单一致",
            "Exactly the units graded in their own name, in their district and list",
            """SELECT coalesce(v.uscc, p.uscc) AS uscc, coalesce(v.year, p.year) AS year
            FROM (SELECT DISTINCT uscc, year, district_code, list_code FROM {table}) v
            FULL JOIN (SELECT * FROM per_mu.population
                WHERE eval_status_code = 'graded' AND unit_role_code = 'own') p
            ON p.uscc = v.uscc AND p.year = v.year
            WHERE v.uscc IS NULL OR p.uscc IS NULL
                OR p.district_code <> v.district_code OR p.list_code <> v.list_code""",
        ),
        Check(
            "weights_sum",
            "权重合计100分",
            "The weights of a unit's indicators sum to 100",
            "SELECT uscc, year FROM {table} GROUP BY uscc, year HAVING sum(weight) <> 100",
        ),
        Check(
            "value_recomputes",
            "指标值可由分子分母复算",
            "The value is numerator divided by denominator, to 1e-6",
            f"SELECT {_KEY}, value FROM {{table}} WHERE value IS NOT NULL AND ("
            "numerator IS NULL OR denominator IS NULL OR denominator = 0 OR "
            + _apart("CAST(value AS DOUBLE)", "CAST(numerator AS DOUBLE) / CAST(denominator AS DOUBLE)")
            + ")",
        ),
        Check(
            "missing_flag",
            "缺失标志与指标值一致",
            "A value is flagged as missing exactly if it is",
            f"SELECT {_KEY} FROM {{table}} WHERE is_missing <> (value IS NULL)",
        ),
        Check(
            "score_recomputes",
            "得分可复算",
            "Without a note the score is value divided by baseline times weight, to 1e-6",
            f"SELECT {_KEY}, score FROM {{table}} WHERE note_code IS NULL "
            f"AND (value IS NULL OR baseline IS NULL OR {_apart('CAST(score AS DOUBLE)', _PLAIN)})",
        ),
        Check(
            "score_by_note",
            "得分与计分说明一致",
            "A score follows its note: zero, not above the quotient if capped, not below it if floored",
            f"""SELECT {_KEY}, note_code, score FROM {{table}} WHERE CASE
            WHEN note_code IN ('missing_zero', 'negative_zero', 'zero_land', 'no_baseline', 'group_empty')
                THEN score <> 0
            WHEN note_code = 'capped' THEN CAST(score AS DOUBLE) > {_PLAIN} + 0.000001
            WHEN note_code = 'floored' THEN CAST(score AS DOUBLE) < {_PLAIN} - 0.000001
            ELSE false END""",
        ),
        Check(
            "baseline_of_year",
            "基准值取自同年同区同榜",
            "The baseline is that of the same year, district, list and indicator",
            """SELECT v.uscc, v.year, v.indicator_code FROM {table} v
            LEFT JOIN per_mu.baseline b ON b.year = v.year AND b.district_code = v.district_code
                AND b.list_code = v.list_code AND b.indicator_code = v.indicator_code
            WHERE b.year IS NULL OR b.value IS DISTINCT FROM v.baseline OR b.rule_set_id <> v.rule_set_id""",
        ),
        Check(
            "levels_steady",
            "各组指标中位数与上年相比在三分之一至三倍之间",
            "The median of a list of thirty units or more stays between a third and three times the year before",
            f"""WITH levels AS (
                SELECT CAST(year AS INTEGER) AS year, district_code, list_code, indicator_code, count(value) AS units,
                    median(CAST(value AS DOUBLE)) AS level
                FROM {{table}} GROUP BY ALL)
            SELECT n.year, n.district_code, n.list_code, n.indicator_code, round(b.level, 3) AS before,
                round(n.level, 3) AS now
            FROM levels n JOIN levels b ON b.year + 1 = n.year AND b.district_code = n.district_code
                AND b.list_code = n.list_code AND b.indicator_code = n.indicator_code
            WHERE n.units >= {FEW} AND b.units >= {FEW}
                AND n.level > 0 AND b.level > 0 AND n.level NOT BETWEEN b.level / 3 AND b.level * 3""",
            level="warn",
        ),
        Check(
            "silence_never_pays",
            "缺报企业得分中位数不高于报送企业",
            "Where thirty units or more report and thirty or more do not, those that do not have no more points",
            _silence_pays("note_code <> 'group_average'"),
        ),
        Check(
            "average_rewards_silence",
            "按同组平均计分时缺报企业得分不高于报送企业",
            "A published rule that scores missing values by the average does not give the silent more points",
            _silence_pays("note_code = 'group_average'"),
            level="warn",
        ),
        Check(
            "scores_bounded",
            "单项得分不超过权重的三倍",
            "No unit has more than three times an indicator's weight, as a rule set without a cap would allow",
            f"SELECT {_KEY}, score, weight FROM {{table}} WHERE score > 3 * weight",
            level="warn",
        ),
        Check(
            "tax_per_mu_p99",
            "亩均税收第99百分位低于2000万元/亩",
            "The 99th percentile of tax per mu is below 20 million yuan",
            "SELECT year FROM {table} WHERE indicator_code = 'I1' GROUP BY year "
            "HAVING quantile_cont(CAST(value AS DOUBLE), 0.99) >= 2000",
        ),
        Check(
            "tax_per_mu_median",
            "亩均税收中位数在0.1–500万元/亩之间",
            "The median of tax per mu is between a thousand and five million yuan",
            "SELECT year FROM {table} WHERE indicator_code = 'I1' AND value IS NOT NULL GROUP BY year "
            "HAVING median(CAST(value AS DOUBLE)) NOT BETWEEN 0.1 AND 500",
        ),
    ),
)
