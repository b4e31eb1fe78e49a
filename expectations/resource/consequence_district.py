"""Suite 区县结果运用: totals are those of the firms."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "year, district_code, measure_code, final_grade"

SUITE = Suite(
    "resource.consequence_district",
    (
        Check(
            "sums_of_firms",
            "合计与企业明细一致",
            "Counts and sums are those of resource.consequence",
            f"""SELECT {_KEY} FROM {{table}} t FULL JOIN (SELECT {_KEY}, count(*) AS n, sum(amount_wan_yuan) AS amount,
                    sum(quota_change_tce) AS quota FROM resource.consequence GROUP BY ALL) c USING ({_KEY})
            WHERE t.firm_count IS DISTINCT FROM c.n OR t.amount_wan_yuan IS DISTINCT FROM c.amount
                OR t.quota_change_tce IS DISTINCT FROM c.quota""",
        ),
        Check(
            "after",
            "差别化后等于差别化前加增减额",
            "After is before plus the amount, and never below zero",
            f"""SELECT {_KEY} FROM {{table}} WHERE after_wan_yuan IS DISTINCT FROM before_wan_yuan + amount_wan_yuan
                OR after_wan_yuan < 0""",
        ),
        Check(
            "least_firms",
            "披露基数不大于任何合计的企业数",
            "The fewest firms are at most those with a base and, where the measure touches any, those touched",
            f"""SELECT {_KEY} FROM {{table}} WHERE least_firm_count <>
                least(base_firm_count, CASE WHEN touched_firm_count > 0 THEN touched_firm_count END)""",
        ),
        Check(
            "before_within_tax",
            "差别化前不超过全部土地使用税",
            "The land-use tax of graded firms is at most that of all firms",
            """SELECT t.year FROM (SELECT year, sum(before_wan_yuan) AS before FROM {table}
                    WHERE measure_code = 'land_use_tax' GROUP BY year) t
                JOIN (SELECT year, sum(tax_land_use_wan_yuan) AS tax FROM core.enterprise_year GROUP BY year) y
                USING (year)
            WHERE t.before > y.tax""",
        ),
        Check(
            "relief_of_the_city",
            "减免占参评企业税款的三至九成",
            "Relief is 30 to 90 % of the graded firms' land-use tax: A and B are most of them, with 80 % or all of it",
            """SELECT year, sum(-amount_wan_yuan) / sum(before_wan_yuan) AS share FROM {table}
            WHERE measure_code = 'land_use_tax' GROUP BY year HAVING share NOT BETWEEN 0.3 AND 0.9""",
            level="warn",
        ),
    ),
)  # fmt: skip
