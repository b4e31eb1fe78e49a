"""Suite 差别化电价: every surcharge recomputes, and no firm is billed for electricity that it did not use."""

from __future__ import annotations

from expectations.checks.consequences import IN_FORCE, STEPS
from expectations.gate.suite import Check, Suite

_KEY = "meter_account_code, month"

SUITE = Suite(
    "resource.power_price_month",
    (
        Check(
            "surcharge_recomputes",
            "加价电费可复算",
            "Surcharges are kWh times the step, to 0.01 yuan; the difference is that of the two",
            f"""SELECT {_KEY} FROM {{table}} WHERE
                abs(surcharge_wan_yuan * 10000 - power_kwh * price_step_yuan) > 0.011
                OR abs(first_surcharge_wan_yuan * 10000 - power_kwh * first_price_step_yuan) > 0.011
                OR difference_wan_yuan <> surcharge_wan_yuan - first_surcharge_wan_yuan""",
        ),
        Check(
            "grade_in_force",
            "等级为当月执行年度的现行版本",
            "The grade is that in force of the year whose results hold in the month",
            f"""SELECT {_KEY}, t.uscc FROM {{table}} t
            LEFT JOIN {IN_FORCE} g ON g.uscc = t.uscc AND g.year = t.evaluation_year
            WHERE g.final_grade IS DISTINCT FROM t.final_grade OR g.evaluation_version <> t.evaluation_version
                OR CAST(t.month[:4] AS INTEGER) <= CAST(t.evaluation_year AS INTEGER)""",
        ),
        Check(
            "step_of_rule",
            "加价标准与规则一致",
            "The step is that of the rule for the years in D",
            f"""SELECT {_KEY}, price_step_yuan FROM {{table}} t
            WHERE EXISTS (FROM rules.consequence_step)
                AND CAST(price_step_yuan AS DOUBLE) IS DISTINCT FROM coalesce((SELECT arg_max(rate, from_years)
                    FROM rules.consequence_step s WHERE s.consequence_rule_id = t.consequence_rule_id
                    AND s.grade = t.final_grade AND s.from_years <= greatest(t.years_in_d_count, 1)), 0)""",
        ),
        Check(
            "within_the_year",
            "计价电量不超过企业全年用电量",
            "The kWh that are charged in a year are at most those of the firm's year",
            """SELECT t.uscc, t.calendar_year, t.kwh, y.power_kwh FROM (SELECT uscc, month[:4] AS calendar_year,
                    sum(power_kwh) AS kwh FROM {table} GROUP BY ALL) t
                JOIN core.enterprise_year y ON y.uscc = t.uscc AND CAST(y.year AS VARCHAR) = t.calendar_year
            WHERE t.kwh > y.power_kwh""",
        ),
        Check(
            "heavy_surcharge",
            "加价电费与企业税收相比过高",
            "A month's surcharge is above a million yuan: to be verified before it is billed",
            f"SELECT {_KEY}, uscc, surcharge_wan_yuan FROM {{table}} WHERE surcharge_wan_yuan > 100",
            level="warn",
        ),
    ),
    may_be_empty=True,
    rules=STEPS,
)  # fmt: skip
