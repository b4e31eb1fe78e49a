"""Suite 评价结果运用: amounts that steer money recompute from the rules, and add up to what is possible."""

from __future__ import annotations

from expectations.checks.consequences import IN_FORCE, STEPS
from expectations.gate.suite import Check, Suite

_KEY = "uscc, year, measure_code"

SUITE = Suite(
    "resource.consequence",
    (
        Check(
            "grade_in_force",
            "等级为完整年度的现行版本",
            "Grade and version are those in force, of a complete year",
            f"""SELECT t.uscc, t.year, t.measure_code FROM {{table}} t LEFT JOIN {IN_FORCE} g USING (uscc, year)
            WHERE (g.final_grade, g.evaluation_version) IS DISTINCT FROM (t.final_grade, t.evaluation_version)""",
        ),
        Check(
            "every_relief_and_surcharge",
            "A–D类企业均有土地使用税一行，D类企业均有加价",
            "Every graded firm has a row for land-use tax, and every firm in D one for electricity",
            f"""SELECT g.uscc, g.year FROM {IN_FORCE} g LEFT JOIN (SELECT uscc, year,
                bool_or(measure_code = 'land_use_tax') AS tax, bool_or(measure_code = 'power_price') AS power
                FROM {{table}} GROUP BY ALL) t USING (uscc, year)
            WHERE NOT coalesce(t.tax, false) OR (g.final_grade = 'D') <> coalesce(t.power, false)""",
        ),
        Check(
            "rate_of_rule",
            "标准与规则一致",
            "The rate is that of the rule for the grade and the years in D, and the rule holds in the month",
            f"""SELECT {_KEY}, rate FROM {{table}} t WHERE rate IS NOT NULL
                AND EXISTS (FROM rules.consequence_step) AND NOT EXISTS (
                SELECT 1 FROM rules.consequence_step s WHERE s.consequence_rule_id = t.consequence_rule_id
                    AND s.grade = t.final_grade AND s.rate = CAST(t.rate AS DOUBLE)
                    AND t.executed_from_month || '-01' <= s.valid_to
                    AND s.from_years = (SELECT max(from_years) FROM rules.consequence_step b
                        WHERE b.consequence_rule_id = t.consequence_rule_id AND b.grade = t.final_grade
                            AND b.from_years <= greatest(t.years_in_d_count, 1)))""",
        ),
        Check(
            "amount_recomputes",
            "金额可复算",
            "The amount is base times the share that counts times rate, to 0.01 yuan",
            f"""SELECT {_KEY}, amount_wan_yuan, quota_change_tce FROM {{table}} WHERE base_amount IS NOT NULL
                AND abs(coalesce(amount_wan_yuan * CASE base_name WHEN 'tax_land_use_wan_yuan' THEN 1 ELSE 10000 END,
                    quota_change_tce)::DOUBLE - base_amount::DOUBLE * base_share::DOUBLE * rate::DOUBLE)
                > 0.01 + 0.000002 * base_amount::DOUBLE""",
        ),
        Check(
            "amount_or_reason",
            "无金额必有原因",
            "An amount is missing only where the base is, with the reason",
            f"""SELECT {_KEY} FROM {{table}} WHERE rate IS NOT NULL
                AND ((coalesce(amount_wan_yuan, quota_change_tce) IS NULL)
                    <> (consequence_note_code IS NOT DISTINCT FROM 'no_base'))""",
        ),
        Check(
            "relief_within_tax",
            "减免不超过已缴税款",
            "Relief is at most the land-use tax on record; nothing else lowers a firm's cost",
            f"""SELECT {_KEY}, base_amount, amount_wan_yuan FROM {{table}}
            WHERE amount_wan_yuan < 0 AND (measure_code <> 'land_use_tax' OR -amount_wan_yuan > base_amount)""",
        ),
        Check(
            "years_in_d",
            "连续D类年数可复算",
            "Years in D are at least those that the firm's own results show, and at most the years on record",
            f"""WITH own AS (SELECT uscc, year, final_grade, count(*) FILTER (final_grade <> 'D') OVER (
                    PARTITION BY uscc ORDER BY year) AS span FROM {IN_FORCE}),
                counted AS (SELECT uscc, year, count(*) FILTER (final_grade = 'D') OVER (
                    PARTITION BY uscc, span ORDER BY year) AS years FROM own WHERE final_grade = 'D')
            SELECT t.uscc, t.year, t.measure_code, t.years_in_d_count FROM {{table}} t LEFT JOIN counted c
                USING (uscc, year)
            WHERE (t.final_grade = 'D') <> (t.years_in_d_count > 0) OR t.years_in_d_count < coalesce(c.years, 0)
                OR t.years_in_d_count > 1 + CAST(t.year AS INTEGER)
                    - (SELECT min(CAST(year AS INTEGER)) FROM per_mu.enterprise_grade)""",
        ),
        Check(
            "district_gain",
            "各区县减免占比与其税款占比相近",
            "A district's share of the city's relief is at most 1.5 times its share of the land-use tax",
            """WITH of_district AS (SELECT year, district_code, sum(base_amount) AS tax, sum(-amount_wan_yuan) AS relief
                FROM {table} WHERE measure_code = 'land_use_tax' GROUP BY ALL),
            shares AS (SELECT *, tax / sum(tax) OVER (PARTITION BY year) AS of_tax,
                relief / nullif(sum(relief) OVER (PARTITION BY year), 0) AS of_relief FROM of_district)
            SELECT year, district_code, of_tax, of_relief FROM shares WHERE of_relief > 1.5 * of_tax""",
            level="warn",
        ),
        Check(
            "hidden_from_d",
            "连续加价企业因数据不全不再加价",
            "A firm charged for grade D last year is not graded this year because its data are incomplete",
            """SELECT t.uscc, p.year, t.amount_wan_yuan FROM {table} t JOIN per_mu.population p
                ON p.uscc = t.uscc AND CAST(p.year AS INTEGER) = CAST(t.year AS INTEGER) + 1
            WHERE t.measure_code = 'power_price' AND p.eval_status_code = 'data_incomplete'""",
            level="warn",
        ),
        Check(
            "no_base_share",
            "缺少计算基数的企业不超过两成",
            "At most a fifth of the firms of a measure lack the figure that it is applied to",
            """SELECT year, measure_code, count(*) FILTER (base_amount IS NULL) AS without, count(*) AS firms
            FROM {table} WHERE rate <> 0 AND measure_code IN ('land_use_tax', 'power_price')
            GROUP BY ALL HAVING count(*) >= 20 AND 5 * without > firms""",
            level="warn",
        ),
    ),
    rules=STEPS,
)  # fmt: skip
