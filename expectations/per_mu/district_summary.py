"""Suite 区县评价汇总: sums that a reader would check by hand.

A published table once named 36 participants but only 28 grades (Jingning 2023); the first three checks catch that.
"""

from __future__ import annotations

from expectations.checks.part_year import figures_as_of
from expectations.gate.suite import Check, Suite

_KEY = "year, district_code, list_code"
_STATUSES = "graded_count + exempt_count + protected_count + data_incomplete_count + out_of_scope_count"
_GRADES = "grade_a_count + grade_b_count + grade_c_count + grade_d_count"


def _per_mu(column: str, total: str, land: str = "land_total_mu") -> str:
    quotient = f"CAST({total} AS DOUBLE) / CAST({land} AS DOUBLE)"
    return (
        f"SELECT {_KEY}, {column} FROM {{table}} WHERE {column} IS NOT NULL AND ({land} = 0 "
        f"OR {total} IS NULL OR abs({column} - {quotient}) > 0.000001 + 0.000000001 * abs({quotient}))"
    )


def _per_mu_without_giants(figure: str) -> str:
    return _per_mu(
        f"{figure}_per_mu_without_giants_wan_yuan",
        f"{'tax_contribution' if figure == 'tax' else figure}_without_giants_wan_yuan",
        "land_without_giants_mu",
    )


def _half(without: str = "") -> str:
    """Where value added per mu stands although few firms report value added, or is missing although many do."""
    reporting = f"value_added_firm{without}_count"
    return (
        f"(value_added_per_mu{without}_wan_yuan IS NULL) <> "
        f"({reporting} = 0 OR 2 * {reporting} < landed_firm{without}_count)"
    )


def _counted(value_added: str, without: str = "") -> str:
    reporting = f"value_added_firm{without}_count"
    return f"{reporting} > landed_firm{without}_count OR ({value_added} IS NULL) <> ({reporting} = 0)"


def _least(firms: str) -> str:
    others = f"{firms}_without_giants_count"
    return f"least({others}, nullif({firms}_count - {others}, 0))"


SUITE = Suite(
    "per_mu.district_summary",
    (
        figures_as_of(),
        Check(
            "statuses_sum",
            "各状态之和等于企业数",
            "The counts by status sum to the number of firms",
            f"SELECT {_KEY}, firm_count FROM {{table}} WHERE {_STATUSES} <> firm_count",
        ),
        Check(
            "grades_sum",
            "A–D类之和等于参评企业数",
            "The counts by grade sum to the number of graded firms",
            f"SELECT {_KEY}, graded_count FROM {{table}} WHERE {_GRADES} <> graded_count",
        ),
        Check(
            "firms_of_population",
            "企业数与名单一致",
            "The numbers of firms and of graded firms are those of the population",
            """SELECT coalesce(t.year, p.year) AS year,
                coalesce(t.district_code, p.district_code) AS district_code,
                coalesce(t.list_code, p.list_code) AS list_code
            FROM {table} t FULL JOIN (
                SELECT year, district_code, list_code, count(*) AS firms,
                    count(*) FILTER (eval_status_code = 'graded') AS graded
                FROM per_mu.population GROUP BY ALL) p
            ON p.year = t.year AND p.district_code = t.district_code AND p.list_code = t.list_code
            WHERE t.year IS NULL OR p.year IS NULL
                OR p.firms <> t.firm_count OR p.graded <> t.graded_count""",
        ),
        Check(
            "grades_of_firms",
            "等级数与等级表一致",
            "The city's counts by grade are those of per_mu.enterprise_grade",
            f"""SELECT t.year FROM (SELECT year, sum({_GRADES}) AS graded, sum(grade_a_count) AS in_a,
                    sum(grade_d_count) AS in_d FROM {{table}} GROUP BY year) t
            FULL JOIN (SELECT year, count(*) AS graded, count(*) FILTER (final_grade = 'A') AS in_a,
                    count(*) FILTER (final_grade = 'D') AS in_d
                FROM (SELECT * FROM per_mu.enterprise_grade QUALIFY evaluation_version
                    = max(evaluation_version) OVER (PARTITION BY uscc, year)) GROUP BY year) g USING (year)
            WHERE t.graded IS DISTINCT FROM coalesce(g.graded, 0) OR t.in_a IS DISTINCT FROM coalesce(g.in_a, 0)
                OR t.in_d IS DISTINCT FROM coalesce(g.in_d, 0)""",
        ),
        Check(
            "tax_per_mu",
            "亩均税收可复算",
            "Tax per mu is tax divided by land",
            _per_mu("tax_per_mu_wan_yuan", "tax_contribution_wan_yuan"),
        ),
        Check(
            "value_added_per_mu",
            "亩均增加值可复算",
            "Value added per mu is value added divided by land",
            _per_mu("value_added_per_mu_wan_yuan", "value_added_total_wan_yuan"),
        ),
        Check(
            "tax_per_mu_without_giants",
            "剔除龙头的亩均税收可复算",
            "Tax per mu without giants is tax divided by land, both without giants",
            _per_mu_without_giants("tax"),
        ),
        Check(
            "value_added_per_mu_without_giants",
            "剔除龙头的亩均增加值可复算",
            "Value added per mu without giants is value added divided by land, both without giants",
            _per_mu_without_giants("value_added"),
        ),
        Check(
            "giants_counted",
            "有用地企业数等于龙头与其余之和",
            "The firms with land are the giants and the others",
            f"SELECT {_KEY} FROM {{table}} WHERE landed_firm_count <> giant_count + landed_firm_without_giants_count",
        ),
        Check(
            "same_without_a_giant",
            "无龙头时两套数相同",
            "Where a list has no giant, both figures are the same",
            f"""SELECT {_KEY} FROM {{table}} WHERE giant_count = 0 AND (
                land_total_mu <> land_without_giants_mu
                OR tax_contribution_wan_yuan <> tax_contribution_without_giants_wan_yuan
                OR value_added_total_wan_yuan IS DISTINCT FROM value_added_without_giants_wan_yuan)""",
        ),
        Check(
            "without_giants_below_all",
            "剔除龙头后用地不大于全部",
            "Without giants there is no more land than with them",
            f"SELECT {_KEY} FROM {{table}} WHERE land_without_giants_mu > land_total_mu",
        ),
        Check(
            "giants_are_few",
            "龙头企业不超过企业数的十分之一",
            "Giants are at most a tenth of a list's firms with land: more do not dominate it",
            f"SELECT {_KEY}, giant_count FROM {{table}} WHERE giant_count > greatest(1, 0.1 * landed_firm_count)",
            level="warn",
        ),
        Check(
            "value_added_of_half",
            "半数以上有用地企业填报时才有亩均增加值",
            "Value added per mu is there where half of the firms with land report value added, and nowhere else",
            f"SELECT {_KEY} FROM {{table}} WHERE {_half()} OR {_half('_without_giants')}",
        ),
        Check(
            "value_added_counted",
            "填报增加值的企业属于有用地企业，无人填报时增加值为空",
            "Firms that report value added are firms with land, and where there are none value added is missing",
            f"SELECT {_KEY} FROM {{table}} WHERE {_counted('value_added_total_wan_yuan')}"
            f" OR {_counted('value_added_without_giants_wan_yuan', '_without_giants')}",
        ),
        Check(
            "least_firms",
            "披露基数为剔除龙头的企业数与龙头企业数中的较小值",
            "The fewest firms behind a sum without giants are those left or, if there are any, the giants",
            f"""SELECT {_KEY} FROM {{table}} WHERE least_firm_without_giants_count <> {_least("landed_firm")}
                OR least_value_added_firm_without_giants_count <> {_least("value_added_firm")}""",
        ),
        Check(
            "land_within_city",
            "用地合计不超过全市工业用地",
            "The firms' land does not exceed the city's 795,000 mu of industrial land (530 km²)",
            "SELECT year FROM {table} GROUP BY year HAVING sum(land_total_mu) > 795000",
            level="warn",
        ),
    ),
)
