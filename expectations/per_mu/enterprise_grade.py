"""Suite 企业评价等级: totals, ranks, quotas, vetoes, reasons, and final results unchanged since publication."""

from __future__ import annotations

from expectations.checks.part_year import figures_as_of
from expectations.gate.suite import Check, Suite

_KEY = "uscc, year, evaluation_version"
_LIST = "year, district_code, list_code, ranking_group, evaluation_version"

#: The result in force: the latest version.
_IN_FORCE = (
    "(SELECT * FROM {table} QUALIFY "
    "evaluation_version = max(evaluation_version) OVER (PARTITION BY uscc, year))"
)

#: Used if a rule set's share is not given: no published rule gives A to more than a quarter of a list.
_MOST_A = "0.25"

SUITE = Suite(
    "per_mu.enterprise_grade",
    (
        figures_as_of(),
        Check(
            "graded_firms",
            "参评企业均有等级",
            "Exactly the graded firms have a grade, each in its district and town",
            f"""SELECT coalesce(g.uscc, p.uscc) AS uscc, coalesce(g.year, p.year) AS year
            FROM {_IN_FORCE} g
            FULL JOIN (SELECT * FROM per_mu.population WHERE eval_status_code = 'graded') p
            ON p.uscc = g.uscc AND p.year = g.year
            WHERE g.uscc IS NULL OR p.uscc IS NULL OR p.district_code <> g.district_code
                OR p.town_code IS DISTINCT FROM g.town_code""",
        ),
        Check(
            "total_adds_up",
            "综合得分等于指标得分加减分",
            "The total is indicator score plus bonus less penalty, to 1e-6",
            f"SELECT {_KEY}, total_score FROM {{table}} "
            "WHERE abs(total_score - (indicator_score + bonus_points - penalty_points)) > 0.000001",
        ),
        Check(
            "total_recomputes",
            "指标得分可由指标表复算",
            "The indicator score is the sum of the unit's scores, to 1e-6",
            f"""SELECT g.uscc, g.year, g.indicator_score, v.score FROM {_IN_FORCE} g
            LEFT JOIN (SELECT uscc, year, sum(score) AS score FROM per_mu.indicator_value GROUP BY ALL) v
            ON v.uscc = g.evaluation_uscc AND v.year = g.year
            WHERE v.uscc IS NULL OR abs(v.score - g.indicator_score) > 0.000001""",
        ),
        Check(
            "ranks_complete",
            "榜单名次完整",
            "A rank is one more than the number of better firms of the list, and the list has its size",
            f"""SELECT {_KEY}, rank_in_list FROM {{table}} WHERE rank_in_list IS NOT NULL
            QUALIFY rank_in_list <> rank() OVER (PARTITION BY {_LIST} ORDER BY rank_in_list)
                OR list_size <> count(*) OVER (PARTITION BY {_LIST})""",
        ),
        Check(
            "ranks_follow_totals",
            "名次与得分一致",
            "No firm ranks above one with a higher total",
            f"""SELECT {_KEY} FROM {{table}} WHERE rank_in_list IS NOT NULL
            QUALIFY total_score > lag(total_score) OVER (PARTITION BY {_LIST} ORDER BY rank_in_list)""",
        ),
        Check(
            "equals_are_treated_alike",
            "同名次企业初评等级相同",
            "Firms of one rank have one total and one initial grade",
            f"""SELECT {_LIST}, rank_in_list FROM {{table}} WHERE rank_in_list IS NOT NULL GROUP BY ALL
            HAVING count(DISTINCT initial_grade) > 1 OR count(DISTINCT total_score) > 1""",
        ),
        Check(
            "list_can_be_ranked",
            "同名次企业不超过榜单的十分之一",
            "Ten firms or more that share a rank are at most a tenth of the list; else its indicators do not order it",
            f"""SELECT {_LIST}, rank_in_list, list_size, count(*) AS equal_firms
            FROM {{table}} WHERE rank_in_list IS NOT NULL GROUP BY ALL
            HAVING count(*) >= 10 AND count(*) > 0.1 * list_size""",
            level="warn",
        ),
        Check(
            "grades_follow_ranks",
            "初评等级与名次一致",
            "No firm has a better initial grade than one that ranks above it",
            f"""SELECT {_KEY} FROM {{table}} WHERE rank_in_list IS NOT NULL
            QUALIFY initial_grade < lag(initial_grade) OVER (PARTITION BY {_LIST} ORDER BY rank_in_list)""",
        ),
        Check(
            "quota_a",
            "A类占比不超过规则集上限",
            "Initial A grades stay within the rule set's share of the list, ties aside",
            f"""SELECT g.year, g.district_code, g.list_code, g.in_a, g.firms FROM (
                SELECT {_LIST}, rule_set_id, count(*) AS firms,
                    count(*) FILTER (initial_grade = 'A' AND NOT is_tie) AS in_a
                FROM {{table}} WHERE rank_in_list IS NOT NULL GROUP BY ALL) g
            LEFT JOIN rules.quota q ON q.rule_set_id = g.rule_set_id
            LEFT JOIN (SELECT year, district_code, list_code, ranking_group, count(*) AS firms FROM per_mu.population
                WHERE eval_status_code IN ('exempt', 'protected') GROUP BY ALL) x
            ON x.year = g.year AND x.district_code = g.district_code AND x.list_code = g.list_code
                AND x.ranking_group = g.ranking_group
            WHERE g.in_a > coalesce(q.share_a, {_MOST_A}) * (g.firms + coalesce(x.firms, 0)) + 1""",
        ),
        Check(
            "quota_d",
            "D类占比不低于规则集下限",
            "Initial D grades fill the rule set's share of the list, ties aside",
            f"""SELECT g.year, g.district_code, g.list_code, g.in_d, g.firms FROM (
                SELECT {_LIST}, rule_set_id, count(*) AS firms,
                    count(*) FILTER (initial_grade = 'D' OR is_tie) AS in_d
                FROM {{table}} WHERE rank_in_list IS NOT NULL GROUP BY ALL) g
            JOIN rules.quota q ON q.rule_set_id = g.rule_set_id
            WHERE g.in_d < floor(q.share_d * g.firms)""",
        ),
        Check(
            "vetoed_not_above_c",
            "被否决企业不得为A、B类",
            "No vetoed firm is graded A or B",
            f"""SELECT g.uscc, g.year, g.final_grade FROM {_IN_FORCE} g
            JOIN (SELECT DISTINCT uscc, year FROM per_mu.adjustment
                WHERE adjustment_kind_code = 'veto' AND effect_code <> 'none') a
            ON a.uscc = g.uscc AND a.year = g.year WHERE g.final_grade IN ('A', 'B')""",
        ),
        Check(
            "change_has_reason",
            "调档均有原因",
            "Where the final grade differs from the initial one, a reason is given",
            f"SELECT {_KEY}, initial_grade, final_grade FROM {{table}} "
            "WHERE initial_grade <> final_grade AND len(grade_reasons) = 0",
        ),
        Check(
            "part_year_is_never_final",
            "年中数据只作预评价",
            "Grades on part of a year are a pre-evaluation, never initial or final; others are no pre-evaluation",
            f"SELECT {_KEY}, status_code, figures_as_of FROM {{table}} "
            "WHERE (figures_as_of <> year) <> (status_code = 'pre_evaluation')",
        ),
        Check(
            "versions_follow",
            "每家企业一个现行结果",
            "A firm has one computed result a year; published versions are in per_mu.publication",
            f"""SELECT {_KEY} FROM {{table}} WHERE coalesce(supersedes, 0) <> evaluation_version - 1
            UNION ALL SELECT uscc, year, count(*) FROM {{table}} GROUP BY uscc, year HAVING count(*) > 1""",
        ),
        Check(
            "final_as_published",
            "最终结果与已发布等级一致",
            "A final or corrected result is the grade published last; any other is a correction that waits",
            """SELECT g.uscc, g.year, g.final_grade, p.final_grade AS published
            FROM (SELECT * FROM {table} WHERE status_code IN ('final', 'corrected')) g
            JOIN (SELECT * FROM per_mu.publication WHERE is_in_force) p ON p.uscc = g.uscc AND p.year = g.year
            WHERE p.final_grade <> g.final_grade""",
        ),
        Check(
            "final_after_publicity",
            "公示期满并定档后方为最终结果",
            "A result is final or corrected only after its district's notice closed and the grades were made final",
            f"""SELECT {_KEY}, status_code FROM {{table}} t LEFT JOIN (
                SELECT district_code AS place, year AS of_year,
                    max(CASE WHEN evaluation_step_code = 'final' THEN decided_date END) AS final_date,
                    max(CASE WHEN evaluation_step_code = 'publicity' THEN window_end_date END) AS notice_ends
                FROM per_mu.procedure GROUP BY ALL) p ON p.place = t.district_code AND p.of_year = t.year
            WHERE t.status_code IN ('final', 'corrected') AND coalesce(p.final_date <= p.notice_ends, true)""",
        ),
        Check(
            "grades_steady",
            "等级分布与上年相近",
            "No grade's share of the city's graded firms moves by more than ten points from the year before",
            f"""WITH shares AS (
                SELECT year, grade, count(*) AS firms,
                    count(*) FILTER (final_grade = grade) / count(*) AS share
                FROM {_IN_FORCE} CROSS JOIN (SELECT code AS grade FROM codes.grade) GROUP BY year, grade)
            SELECT c.year, c.grade FROM shares c JOIN shares p ON p.grade = c.grade
                AND CAST(p.year AS INTEGER) + 1 = CAST(c.year AS INTEGER)
            WHERE abs(c.share - p.share) > 0.1 AND c.firms >= 100""",
            level="warn",
        ),
    ),
    rules={"quota": {"rule_set_id": "VARCHAR", "share_a": "DOUBLE", "share_d": "DOUBLE"}},
)
