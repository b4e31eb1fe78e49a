"""Suite 对象评价等级: totals, ranks and quotas."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "object_kind_code, object_code, year"
_LIST = "year, ranked_in_code, list_code"

SUITE = Suite(
    "per_mu.object_grade",
    (
        Check(
            "of_graded_objects",
            "恰为参评对象",
            "Exactly the graded objects have a grade",
            """SELECT coalesce(t.object_code, u.object_code) AS object_code, coalesce(t.year, u.year) AS year
            FROM {table} t FULL JOIN (SELECT * FROM per_mu.object_unit WHERE eval_status_code = 'graded') u
            ON u.object_kind_code = t.object_kind_code AND u.object_code = t.object_code AND u.year = t.year
            WHERE t.object_code IS NULL OR u.object_code IS NULL OR t.list_code <> u.list_code""",
        ),
        Check(
            "total_of_scores",
            "总分等于指标得分之和",
            "A total is the sum of the object's scores",
            """SELECT t.object_kind_code, t.object_code, t.year FROM {table} t LEFT JOIN (
                SELECT object_kind_code, object_code, year, sum(score) AS total FROM per_mu.object_indicator_value
                GROUP BY ALL) s USING (object_kind_code, object_code, year)
            WHERE s.total IS DISTINCT FROM t.total_score""",
        ),
        Check(
            "rank_recomputes",
            "名次与总分一致",
            "No object has a better total and a worse rank than another of its list",
            f"""SELECT {_KEY} FROM (SELECT *, max(rank_in_list) OVER (PARTITION BY {_LIST} ORDER BY total_score DESC
                RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE GROUP) AS before FROM {{table}}
                WHERE rank_in_list IS NOT NULL) WHERE before >= rank_in_list""",
        ),
        Check(
            "better_is_not_worse",
            "名次在前者等级不低于在后者",
            "An object has no worse grade than one that ranks behind it",
            f"""SELECT {_KEY} FROM (SELECT *, max(final_grade) OVER (PARTITION BY {_LIST} ORDER BY rank_in_list
                RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS worst FROM {{table}}
                WHERE rank_in_list IS NOT NULL) WHERE worst > final_grade""",
        ),
        Check(
            "share_of_a",
            "A类不超过20%",
            "Of the ranked objects of a list at most 20 % are A",
            f"""SELECT {_LIST} FROM {{table}} WHERE rank_in_list IS NOT NULL GROUP BY {_LIST}
            HAVING count(*) FILTER (final_grade = 'A') > 0.2 * count(*)""",
        ),
        Check(
            "stars_are_a",
            "四星、五星级园区为A类且不占名额",
            "A park of four or five stars is A and has no rank; all others have one",
            """SELECT t.object_kind_code, t.object_code, t.year FROM {table} t JOIN per_mu.object_unit u
            ON u.object_kind_code = t.object_kind_code AND u.object_code = t.object_code AND u.year = t.year
            WHERE (coalesce(u.star_count, 0) >= 4) <> (t.rank_in_list IS NULL)
                OR t.rank_in_list IS NULL AND t.final_grade <> 'A'""",
        ),
        Check(
            "list_size",
            "榜单规模等于有名次的对象数",
            "The size of a list is the number of its ranked objects",
            f"""SELECT {_LIST}, list_size FROM {{table}} WHERE rank_in_list IS NOT NULL GROUP BY {_LIST}, list_size
            HAVING count(*) <> list_size""",
        ),
    ),
)
