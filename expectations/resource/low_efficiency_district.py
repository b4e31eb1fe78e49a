"""Suite 区县低效企业: counts are those of the lists, and everybody who left is accounted for."""

from __future__ import annotations

from expectations.checks.efficiency import EFFICIENCY
from expectations.gate.suite import Check, Suite

_KEY = "year, district_code"

SUITE = Suite(
    "resource.low_efficiency_district",
    (
        Check(
            "counts_of_lists",
            "与名单一致",
            "Listed and lifted firms are those of the two lists",
            f"""SELECT {_KEY} FROM {{table}} t
                LEFT JOIN (SELECT {_KEY}, count(*) AS n FROM resource.low_efficiency GROUP BY ALL) l USING ({_KEY})
                LEFT JOIN (SELECT {_KEY}, count(*) AS n FROM resource.lifted GROUP BY ALL) u USING ({_KEY})
            WHERE t.listed_count <> coalesce(l.n, 0) OR t.lifted_count <> coalesce(u.n, 0)""",
        ),
        Check(
            "states_sum",
            "各状态之和等于在列企业数",
            "The counts by state sum to the listed firms",
            f"""SELECT {_KEY} FROM {{table}}
            WHERE listed_count <> new_count + returned_count + kept_count + unjudged_count""",
        ),
        Check(
            "visited_of_list",
            "已走访企业数与名单一致且不超过在列企业",
            "Visited firms are those of the list with a visit, and no more than the listed ones",
            f"""SELECT {_KEY}, visited_firm_count FROM {{table}} t
                LEFT JOIN (SELECT {_KEY}, count(*) AS n FROM resource.low_efficiency WHERE last_visit_date IS NOT NULL
                    GROUP BY ALL) l USING ({_KEY})
            WHERE t.visited_firm_count <> coalesce(l.n, 0) OR t.visited_firm_count > t.listed_count""",
        ),
        Check(
            "nobody_is_lost",
            "上年在列企业去向齐全",
            "Of the firms listed the year before in the city each is listed, lifted or gone",
            """SELECT year FROM {table} GROUP BY year HAVING sum(listed_before_count)
                <> sum(kept_count + unjudged_count + lifted_count + gone_count)""",
        ),
        Check(
            "aims_of_the_city",
            "区县目标之和等于全市目标",
            "The districts' aims sum to the plan's, to the rounding of ten parts",
            """SELECT year, sum(aim_count) FROM {table}, rules.efficiency r GROUP BY year, r.aim_per_year
            HAVING abs(sum(aim_count) - r.aim_per_year) > 5""",
        ),
    ),
    rules=EFFICIENCY,
)  # fmt: skip
