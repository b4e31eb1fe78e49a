"""Suite 全市结果运用: the city's totals are those of its firms."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "year, measure_code, final_grade"

SUITE = Suite(
    "resource.consequence_city",
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
    ),
)  # fmt: skip
