"""Suite 评价指标值: every value and score recomputed from its row.

DuckDB divides decimals as doubles; a tolerance of one millionth allows for that.
"""

from __future__ import annotations

from expectations.checks.land_limit import LAND_LIMIT
from expectations.checks.part_year import figures_as_of
from expectations.checks.year_before import FEW
from expectations.gate.suite import Check, Suite

_KEY = "uscc, year, indicator_code"
_RANKED = "year, district_code, list_code, ranking_group"
_SHARE = "CAST(value AS DOUBLE) / CAST(baseline AS DOUBLE)"
_REACHED = """(CAST(value AS DOUBLE) - CAST(worst_value AS DOUBLE))
    / (CAST(baseline AS DOUBLE) - CAST(worst_value AS DOUBLE))"""
#: The score by the formula, before cap and floor.
_PLAIN = f"""CAST(t.weight AS DOUBLE) * CASE t.scoring_code WHEN 'ratio' THEN {_SHARE}
    WHEN 'ratio_less' THEN greatest(0, 2 - {_SHARE})
    ELSE CAST(r.least_share AS DOUBLE) + (1 - CAST(r.least_share AS DOUBLE)) * least(1, greatest(0, {_REACHED})) END"""
#: Rows with the least share of the weight that their rule gives.
_WITH_LEAST = """{table} t LEFT JOIN rules.least_share r ON r.rule_set_id = t.rule_set_id
    AND r.list_code = t.list_code AND r.indicator_code = t.indicator_code"""


def _apart(left: str, right: str) -> str:
    """Condition that two figures differ by more than a rounded last digit, plus 1e-9 for large figures."""
    return f"abs({left} - {right}) > 0.000001 + 0.000000001 * abs({right})"


def _silence_pays(notes: str) -> str:
    """Lists and indicators in which a typical silent unit has more points than a typical one that reports.

    Units that withhold a figure are not among the silent: their zero points would hide what the others get. A median
    that lies between two scores is rounded once for the silent: a millionth of a point is no gain.
    """
    silent = f"is_missing AND note_code {notes} AND note_code <> 'withheld_zero'"
    return f"""SELECT {_RANKED}, indicator_code,
            count(*) FILTER ({silent}) AS silent, median(CAST(score AS DOUBLE)) FILTER ({silent}) AS their_points,
            count(value) AS reporting, median(CAST(score AS DOUBLE)) FILTER (NOT is_missing) AS points
        FROM {{table}} GROUP BY ALL
        HAVING silent >= {FEW} AND reporting >= {FEW} AND their_points > points + 0.000001"""


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
            "Without a note the score is the result of the formula, to 1e-6",
            f"SELECT uscc, year, t.indicator_code, score FROM {_WITH_LEAST} WHERE note_code IS NULL "
            f"AND (value IS NULL OR baseline IS NULL OR {_apart('CAST(score AS DOUBLE)', _PLAIN)})",
        ),
        Check(
            "score_by_note",
            "得分与计分说明一致",
            "A score follows its note: zero, not above the quotient if capped, not below it if floored",
            f"""SELECT uscc, year, t.indicator_code, note_code, score FROM {_WITH_LEAST} WHERE CASE
            WHEN note_code IN ('missing_zero', 'negative_zero', 'zero_land', 'no_baseline', 'group_empty')
                THEN score <> 0
            WHEN note_code = 'withheld_zero' THEN score > 0
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
                AND b.list_code = v.list_code AND b.ranking_group = v.ranking_group
                AND b.indicator_code = v.indicator_code
            WHERE b.year IS NULL OR b.value IS DISTINCT FROM v.baseline OR b.rule_set_id <> v.rule_set_id
                OR b.worst_value IS DISTINCT FROM v.worst_value OR b.scoring_code <> v.scoring_code""",
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
            _silence_pays("NOT IN ('group_average', 'zero_average')"),
        ),
        Check(
            "average_rewards_silence",
            "按同组平均计分时缺报企业得分不高于报送企业",
            "A published rule that scores missing values by the average does not give the silent more points",
            _silence_pays("IN ('group_average', 'zero_average')"),
            level="warn",
        ),
        Check(
            "untold_loss_never_pays",
            "增加值为负的企业缺报不多得分",
            "Where a told loss has no points, a loss whose other figure is missing has no more",
            f"""SELECT {_KEY}, score FROM (
                SELECT *, max(score) FILTER (NOT is_missing AND note_code = 'negative_zero') OVER (
                    PARTITION BY year, rule_set_id, indicator_code) AS told FROM {{table}})
            WHERE is_missing AND numerator < 0 AND score > told""",
        ),
        Check(
            "withholding_never_pays",
            "应报未报企业得分不高于任何报送企业",
            "A unit that withholds a figure which it owes has no points, and no more than any unit that reports",
            f"""SELECT {_KEY}, score, lowest FROM (
                SELECT *, min(score) FILTER (NOT is_missing) OVER (
                    PARTITION BY {_RANKED}, indicator_code) AS lowest FROM {{table}})
            WHERE note_code = 'withheld_zero' AND (score > 0 OR score > lowest)""",
        ),
        Check(
            "withheld_is_scored_so",
            "应报未报企业均按规则计分",
            "Where the rule set scores withheld figures apart, exactly the units that withhold one are scored so",
            """SELECT v.uscc, v.year, v.indicator_code, v.note_code FROM {table} v
            JOIN per_mu.unit u ON u.uscc = v.uscc AND u.year = v.year
            LEFT JOIN rules.withheld w ON w.rule_set_id = v.rule_set_id AND w.list_code = v.list_code
                AND w.indicator_code = v.indicator_code
            WHERE (v.note_code IS NOT DISTINCT FROM 'withheld_zero')
                <> (w.figure IS NOT NULL AND list_contains(u.withheld_figures, w.figure))""",
        ),
        Check(
            "withheld_share",
            "应报未报企业不超过应报企业的一成",
            "At most five units plus a tenth of a list's that report or owe a figure withhold it",
            """SELECT year, district_code, list_code, indicator_code, count(*) AS due,
                count(*) FILTER (note_code = 'withheld_zero') AS withheld
            FROM {table} WHERE NOT is_missing OR note_code = 'withheld_zero' GROUP BY ALL
            HAVING withheld > 5 + 0.1 * due""",
            level="warn",
        ),
        Check(
            "maxima_possible",
            "亩均税收与亩均增加值最大值在土地承载极限以内",
            "No unit's tax or value added per mu is above what any land can carry, where the rule set bounds it",
            f"""SELECT {_KEY}, value, most FROM {{table}}
            JOIN (SELECT 'I1' AS indicator_code, max(tax_per_mu) AS most FROM rules.land_limit
                UNION ALL SELECT 'I2', max(value_added_per_mu) FROM rules.land_limit) USING (indicator_code)
            WHERE value > most AND rule_set_id IN (SELECT rule_set_id FROM rules.judged_land)""",
        ),
        Check(
            "far_from_the_list",
            "指标值不超过同组中位数的一万倍",
            "No value is more than ten thousand times the median of its list, from thirty units on: that is a slip",
            f"""SELECT {_KEY}, value, level FROM (
                SELECT *, median(CAST(value AS DOUBLE)) OVER of_list AS level, count(value) OVER of_list AS units
                FROM {{table}} WINDOW of_list AS (PARTITION BY year, district_code, list_code, indicator_code))
            WHERE units >= {FEW} AND level > 0 AND value > 10000 * level""",
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
    rules={
        **LAND_LIMIT,
        "least_share": {
            "rule_set_id": "VARCHAR", "list_code": "VARCHAR", "indicator_code": "VARCHAR", "least_share": "DECIMAL(3,2)"
        },
        "withheld": {
            "rule_set_id": "VARCHAR", "list_code": "VARCHAR", "indicator_code": "VARCHAR", "figure": "VARCHAR"
        },
    },
)  # fmt: skip
