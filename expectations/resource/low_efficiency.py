"""Suite 低效企业名单: every listed firm meets the conditions that it is listed for, and nobody leaves by silence."""

from __future__ import annotations

from expectations.checks.consequences import IN_FORCE
from expectations.checks.efficiency import EFFICIENCY
from expectations.checks.visits import VISITS
from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "resource.low_efficiency",
    (
        Check(
            "conditions_hold",
            "条件与数据相符",
            "Each condition holds by its figure and bound",
            """SELECT t.uscc, t.year FROM {table} t, rules.efficiency r WHERE
                list_contains(failed_conditions, 'grade_d') <> (coalesce(final_grade, '') = 'D')
                OR list_contains(failed_conditions, 'low_tax')
                    AND NOT coalesce(tax_per_mu_wan_yuan < tax_per_mu_bound, false)
                OR list_contains(failed_conditions, 'land_under_used') AND NOT coalesce(
                    persons_per_mu < persons_per_mu_bound AND land_own_mu >= r.land_from_mu
                    AND list_contains(failed_conditions, 'low_tax'), false)""",
        ),
        Check(
            "condition_or_unjudged",
            "在列企业必有条件，数据不全者暂留",
            "A listed firm meets a condition, or its data are incomplete and it was listed the year before",
            """SELECT t.uscc, t.year FROM {table} t
                LEFT JOIN {table} b ON b.uscc = t.uscc AND CAST(b.year AS INTEGER) + 1 = CAST(t.year AS INTEGER)
                LEFT JOIN per_mu.population p ON p.uscc = t.uscc AND p.year = t.year
            WHERE (len(t.failed_conditions) = 0) <> (t.listing_state_code = 'unjudged')
                OR t.listing_state_code = 'unjudged'
                    AND (b.uscc IS NULL OR p.eval_status_code IS DISTINCT FROM 'data_incomplete')""",
        ),
        Check(
            "every_d_is_listed",
            "D类企业全部在列",
            "Every firm graded D in a complete year is listed",
            f"""SELECT g.uscc, g.year FROM {IN_FORCE} g LEFT JOIN {{table}} t USING (uscc, year)
            WHERE g.final_grade = 'D' AND t.uscc IS NULL""",
        ),
        Check(
            "state_of_the_year_before",
            "在列状态与上年名单一致",
            "The state agrees with the list of the year before",
            """SELECT t.uscc, t.year FROM {table} t
                LEFT JOIN {table} b ON b.uscc = t.uscc AND CAST(b.year AS INTEGER) + 1 = CAST(t.year AS INTEGER)
            WHERE (b.uscc IS NOT NULL) <> (t.listing_state_code IN ('kept', 'unjudged'))
                OR t.listed_since_year > t.year
                OR (b.uscc IS NOT NULL AND t.listed_since_year <> b.listed_since_year)""",
        ),
        Check(
            "visits_of_feed",
            "走访次数、日期与结果同走访记录一致",
            "Number, last day and finding of the visits are those of the feed's records",
            f"""SELECT t.uscc, t.year, t.visit_count, f.n AS recorded FROM {{table}} t
                LEFT JOIN (SELECT l.uscc, l.year, count(*) AS n, max(v.visited_date) AS last_date,
                        first(v.visit_finding_code ORDER BY v.visited_date DESC, v.period DESC, v.visit_code DESC)
                            AS last_finding,
                        bool_or(v.is_repeated) AS is_repeated
                    FROM {{table}} l JOIN {VISITS} v ON v.uscc = l.uscc AND v.period >= l.listed_since_year
                        AND v.period <= l.year AND year(v.visited_date) > CAST(l.listed_since_year AS INTEGER)
                    GROUP BY l.uscc, l.year) f USING (uscc, year)
            WHERE NOT coalesce(f.is_repeated, false) AND (t.visit_count <> coalesce(f.n, 0)
                OR t.last_visit_date IS DISTINCT FROM f.last_date
                OR t.last_visit_finding_code IS DISTINCT FROM f.last_finding)""",
        ),
        Check(
            "visits_after_listing",
            "走访不早于列入",
            "A visit is made after the year that listed the firm, and has a day",
            """SELECT uscc, year, last_visit_date FROM {table}
            WHERE (visit_count > 0) <> (last_visit_date IS NOT NULL)
                OR year(last_visit_date) <= CAST(listed_since_year AS INTEGER)""",
        ),
        Check(
            "overdue_unvisited",
            "逾期未走访",
            "The firm's deadline has passed and nobody visited it",
            "SELECT uscc, year, deadline_date FROM {table} WHERE is_overdue AND visit_count = 0",
            level="warn",
        ),
        Check(
            "share_of_graded",
            "在列企业占参评企业二十分之一至四分之一",
            "Between a twentieth and a quarter of the graded firms are listed: a longer list cannot be worked off",
            """SELECT t.year, t.n, g.n AS graded FROM (SELECT year, count(*) AS n FROM {table} GROUP BY year) t
                JOIN (SELECT year, count(*) AS n FROM per_mu.population WHERE eval_status_code = 'graded'
                    GROUP BY year) g USING (year)
            WHERE t.n NOT BETWEEN 0.05 * g.n AND 0.25 * g.n AND g.n >= 100""",
            level="warn",
        ),
        Check(
            "good_grade_listed",
            "A类企业在列",
            "A firm graded A is listed for its tax: the grade's other indicators hide it",
            "SELECT uscc, year, tax_per_mu_wan_yuan, tax_per_mu_bound FROM {table} WHERE final_grade = 'A'",
            level="warn",
        ),
    ),
    rules=EFFICIENCY,
)  # fmt: skip
