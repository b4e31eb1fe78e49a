"""Suite 参评企业名单: every firm of the directory, with one status and its reasons."""

from __future__ import annotations

from expectations.checks.land_limit import LAND_LIMIT
from expectations.checks.part_year import figures_as_of, not_yet_sent
from expectations.gate.suite import Check, Suite

#: Feeds without which no firm can be graded.
_NEEDED = ", ".join(
    f"('{feed}')"
    for feed in (
        "gov_tax", "gov_statistics", "gov_energy", "gov_emission", "gov_electricity", "gov_land_parcel",
        "gov_land_survey",
    )
)  # fmt: skip

#: No rule set covers any of the year's firms.
_NO_RULES = "bool_and(list_contains(status_reasons, 'no_rule_set'))"

SUITE = Suite(
    "per_mu.population",
    (
        figures_as_of(),
        Check(
            "same_firms",
            "名单与名录一致",
            "Exactly the firms of core.enterprise, each in its district and town",
            """SELECT coalesce(e.uscc, t.uscc) AS uscc, coalesce(e.year, t.year) AS year
            FROM {table} t FULL JOIN core.enterprise e ON e.uscc = t.uscc AND e.year = t.year
            WHERE t.uscc IS NULL OR e.uscc IS NULL OR e.district_code <> t.district_code
                OR e.town_code IS DISTINCT FROM t.town_code""",
        ),
        Check(
            "above_scale_by_directory",
            "规上榜单与名录一致",
            "The list above scale is that of the directory; the rule set decides on upgraded and dropped firms",
            """SELECT t.uscc, t.year, t.list_code FROM {table} t
            JOIN core.enterprise e ON e.uscc = t.uscc AND e.year = t.year
            WHERE e.directory_change_code NOT IN ('upgraded', 'dropped')
            AND (t.list_code = 'above_scale') <> e.is_above_scale""",
        ),
        Check(
            "graded_with_land",
            "参评企业（租赁榜除外）有用地",
            "Graded firms outside the tenants' list have land, unless the rule set scores zero land with zero",
            """SELECT t.uscc, t.year, t.land_area_mu FROM {table} t
            WHERE t.eval_status_code = 'graded' AND t.unit_role_code = 'own' AND t.list_code <> 'tenant'
            AND coalesce(t.land_area_mu, 0) <= 0 AND NOT EXISTS (
                SELECT 1 FROM per_mu.indicator_value v
                WHERE v.uscc = t.uscc AND v.year = t.year AND v.note_code = 'zero_land')""",
        ),
        Check(
            "graded_with_tax",
            "税收缺失或被隔离的企业不评级",
            "No firm with missing or quarantined tax is graded in its own name",
            """SELECT t.uscc, t.year FROM {table} t
            JOIN core.enterprise_year y ON y.uscc = t.uscc AND y.year = t.year
            WHERE t.eval_status_code = 'graded' AND t.unit_role_code = 'own'
            AND (list_contains(y.quarantined_feeds, 'gov_tax')
                OR (list_contains(y.missing_feeds, 'gov_tax') AND y.tax_vat_wan_yuan IS NULL))""",
        ),
        Check(
            "reasons_given",
            "未参评均有原因",
            "Every firm that is not graded has a reason",
            "SELECT uscc, year, eval_status_code FROM {table} "
            "WHERE eval_status_code <> 'graded' AND len(status_reasons) = 0",
        ),
        Check(
            "unit_of_evaluation",
            "评价单元有效",
            "The unit of evaluation is the firm itself, or a firm graded in its own name",
            """SELECT t.uscc, t.year, t.evaluation_uscc FROM {table} t
            LEFT JOIN {table} u ON u.uscc = t.evaluation_uscc AND u.year = t.year
            WHERE (t.unit_role_code = 'own') <> (t.evaluation_uscc = t.uscc)
            OR (t.unit_role_code <> 'own' AND (u.uscc IS NULL
                OR u.eval_status_code <> 'graded' OR u.unit_role_code <> 'own'))""",
        ),
        Check(
            "graded_by_rule_set",
            "参评企业均有规则集",
            "Every graded firm names the rule set of its year",
            "SELECT uscc, year, rule_set_id FROM {table} WHERE eval_status_code = 'graded' "
            "AND (rule_set_hash IS NULL OR right(coalesce(rule_set_id, ''), 4) <> year)",
        ),
        Check(
            "data_incomplete_share",
            "数据不全企业不超过10%",
            "At most ten firms plus 10 % of a year have incomplete data",
            """SELECT year FROM {table} GROUP BY year HAVING
            count(*) FILTER (eval_status_code = 'data_incomplete') > 10 + 0.1 * count(*)""",
            level="warn",
        ),
        Check(
            "land_carries",
            "参评企业用地足以承载其用工与增加值",
            "The land of a firm that is graded by its own figures can carry its staff and value added",
            """SELECT t.uscc, t.year, t.land_area_mu FROM {table} t
            JOIN rules.judged_land j ON j.rule_set_id = t.rule_set_id
            JOIN core.enterprise e ON e.uscc = t.uscc AND e.year = t.year
            JOIN core.enterprise_year y ON y.uscc = t.uscc AND y.year = t.year
            JOIN rules.land_limit m ON m.division = e.industry_division_code
            WHERE t.eval_status_code = 'graded' AND t.unit_role_code <> 'inherits' AND t.land_area_mu > 0
            AND CAST(t.land_area_mu AS DOUBLE) + 0.000001 < greatest(
                coalesce(y.employees_average, y.insured_count, 0) * m.m2_per_person * 3 / 2000,
                coalesce(y.value_added_wan_yuan, 0) / m.value_added_per_mu)""",
        ),
        Check(
            "land_too_small_share",
            "用地不足以承载的企业不超过0.5%",
            "At most five firms plus 0.5 % of a district's firms with land have land that cannot carry them",
            """SELECT year, district_code, count(*) FILTER (land_area_mu > 0) AS landed, count(*) FILTER (
                len(list_filter(status_reasons, reason -> reason LIKE 'land_too_small:%')) > 0) AS too_small
            FROM {table} GROUP BY ALL HAVING too_small > 5 + 0.005 * landed""",
            level="warn",
        ),
        Check(
            "somebody_graded",
            "每年均有参评企业（数据尚未报送或无评价规则的年度除外）",
            "Every year has graded firms, except one whose feeds are not all sent yet, or that has no rules",
            f"""SELECT year FROM {{table}} t GROUP BY year HAVING count(*) FILTER (eval_status_code = 'graded') = 0
                AND NOT {_NO_RULES}
                AND NOT EXISTS (SELECT 1 FROM (VALUES {_NEEDED}) f(feed) WHERE {not_yet_sent("f.feed", "t.year")})""",
        ),
        Check(
            "year_has_rules",
            "每年均有评价规则",
            "Every year has a rule set: enter the year's rules before anybody can be graded",
            f"SELECT year FROM {{table}} GROUP BY year HAVING {_NO_RULES}",
            level="warn",
        ),
    ),
    rules=LAND_LIMIT,
)
