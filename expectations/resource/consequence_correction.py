"""Suite 更正退补: what corrections take back leads exactly to the amounts in force."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "uscc, year, measure_code, corrected_year, corrected_version"

SUITE = Suite(
    "resource.consequence_correction",
    (
        Check(
            "versions_exist",
            "更正版本存在",
            "The correction is a version of the results on record",
            f"""SELECT {_KEY} FROM {{table}} t WHERE corrected_year > year OR NOT EXISTS (
                SELECT 1 FROM per_mu.publication g WHERE g.year = t.corrected_year
                    AND g.evaluation_version = t.corrected_version)""",
        ),
        Check(
            "difference",
            "退补额等于前后之差",
            "The difference is after less before, and its sign says who is paid",
            f"""SELECT {_KEY} FROM {{table}} WHERE difference_wan_yuan
                    <> coalesce(amount_after_wan_yuan, 0) - coalesce(amount_before_wan_yuan, 0)
                OR settlement_code <> CASE WHEN difference_wan_yuan < 0 THEN 'refund'
                    WHEN difference_wan_yuan > 0 THEN 'recovery' ELSE 'no_money' END""",
        ),
        Check(
            "leads_to_force",
            "末次更正后为现行金额",
            "After the last correction the amount is that in force",
            """SELECT l.uscc, l.year, l.measure_code FROM (SELECT * FROM {table} QUALIFY row_number() OVER (
                    PARTITION BY uscc, year, measure_code ORDER BY corrected_year DESC, corrected_version DESC) = 1) l
                LEFT JOIN resource.consequence c USING (uscc, year, measure_code)
            WHERE l.amount_after_wan_yuan IS DISTINCT FROM c.amount_wan_yuan
                OR l.treatment_after_code IS DISTINCT FROM c.treatment_code""",
        ),
        Check(
            "chain",
            "相邻更正首尾相接",
            "Each correction begins where the one before it ended",
            f"""SELECT {_KEY} FROM (SELECT *, lag(amount_after_wan_yuan) OVER w AS ended, count(*) OVER w AS n
                FROM {{table}} WINDOW w AS (PARTITION BY uscc, year, measure_code
                    ORDER BY corrected_year, corrected_version))
            WHERE n > 1 AND coalesce(ended, 0) <> coalesce(amount_before_wan_yuan, 0)""",
        ),
    ),
    may_be_empty=True,
)  # fmt: skip
