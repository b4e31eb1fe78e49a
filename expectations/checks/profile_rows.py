"""Checks shared by profiles of years and of months: the firms of the directory, figures as in their sources, dates."""

from __future__ import annotations

from collections.abc import Iterator

from expectations.checks.growth import noted
from expectations.gate.suite import Check
from schemas.contract import code_list

#: Copied from core.enterprise_year, of the year of the figures.
_FIGURES = (
    "land_area_mu", "land_own_mu", "land_lease_mu", "land_let_mu", "tax_vat_wan_yuan", "tax_income_wan_yuan",
    "declared_revenue_wan_yuan", "energy_tce", "power_kwh", "water_m3", "emission_t", "employees_average",
    "insured_count", "output_wan_yuan", "sales_output_wan_yuan", "value_added_wan_yuan", "revenue_wan_yuan",
    "profit_wan_yuan", "export_value_wan_yuan", "customs_export_wan_yuan", "customs_import_wan_yuan",
    "rd_expense_wan_yuan", "new_product_output_wan_yuan", "patents_applied_count", "patents_granted_count",
    "inventions_valid_count", "patents_valid_count",
)  # fmt: skip
_TAXES = ("vat", "export_offset", "income", "consumption", "surcharge", "land_use", "property", "other")
_GRADES = ("final_grade", "total_score", "rank_in_list", "list_size")
#: Growth column → figure.
_GROWTH = {
    "tax_growth_pct": "tax_total_wan_yuan",
    "output_growth_pct": "output_wan_yuan",
    "revenue_growth_pct": "revenue_wan_yuan",
    "power_growth_pct": "power_kwh",
    "energy_growth_pct": "energy_tce",
}
#: Growth columns that cannot be computed again from the profiles alone.
_OTHER_GROWTH = {
    "declared_revenue_growth_pct": "declared_revenue_wan_yuan",
    "insured_growth_pct": "insured_count",
    "output_cagr_pct": "output_wan_yuan",
    "output_ytd_growth_pct": "output_ytd_wan_yuan",
    "tax_cagr_pct": "tax_total_wan_yuan",
    "value_added_growth_pct": "value_added_wan_yuan",
    "water_growth_pct": "water_m3",
}
#: Fields that count for a group's completeness.
_GROUPS = {code: tuple(row["fields"].split()) for code, row in code_list("profile_group").items()}

#: Profiles of years.
_YEARS = "profile.enterprise_profile"
#: Expected periods: each year of the directory; the latest month.
_PERIODS = {
    "year": "SELECT DISTINCT year FROM core.enterprise",
    # months before their year's directory have no profiles
    "month": """SELECT max(m.month) AS month, left(max(m.month), 4) AS year FROM core.enterprise_month m
        WHERE EXISTS (SELECT 1 FROM core.enterprise e WHERE e.year = left(m.month, 4)) HAVING count(*) > 0""",
}


def _differs(left: str, right: str, columns: tuple[str, ...]) -> str:
    return " OR ".join(f"{left}.{c} IS DISTINCT FROM {right}.{c}" for c in columns)


def _present(columns: tuple[str, ...]) -> str:
    return " + ".join(f"CAST({c} IS NOT NULL AS INTEGER)" for c in columns)


def _growth(key: str) -> Iterator[Check]:
    for name, figure in _GROWTH.items():
        yield Check(
            f"{name.removesuffix('_pct')}_recomputes",
            f"增速可由上年画像复算（{figure}）",
            f"Growth of {figure} is computed against the profile of the year before",
            f"""SELECT {key}, t.{name} FROM {{table}} t LEFT JOIN {_YEARS} p ON p.uscc = t.uscc
            AND p.year = CAST(CAST(t.figures_year AS INTEGER) - 1 AS VARCHAR)
            WHERE t.{name} IS NOT NULL AND p.uscc IS NOT NULL AND (p.{figure} IS NULL OR p.{figure} <= 0
                OR abs(t.{name} - (t.{figure} / p.{figure} - 1) * 100)
                    > 0.0001 + 1e-9 * abs(t.{name}))""",
        )


def profile_checks(period: str) -> tuple[Check, ...]:
    """Checks of profiles of years (``period`` is ``year``) or of months."""
    key = f"t.uscc, t.{period}"
    return (
        Check(
            "firms_of_directory",
            "画像企业与名录一致",
            "Each period has exactly the firms of its year's directory",
            f"""WITH periods AS ({_PERIODS[period]})
            SELECT coalesce(t.uscc, e.uscc) AS uscc, coalesce(t.{period}, e.{period}) AS {period}
            FROM {{table}} t FULL JOIN (SELECT e.* EXCLUDE (year), p.* FROM core.enterprise e
                JOIN periods p ON p.year = e.year) e ON e.uscc = t.uscc AND e.{period} = t.{period}
            WHERE t.uscc IS NULL OR e.uscc IS NULL OR e.is_above_scale <> t.is_above_scale
                OR e.district_code <> t.district_code OR e.enterprise_name <> t.enterprise_name
                OR e.town_code IS DISTINCT FROM t.town_code""",
        ),
        Check(
            "figures_of_source",
            "年度数据与来源表一致",
            "Yearly figures are those of core.enterprise_year",
            f"""SELECT {key} FROM {{table}} t LEFT JOIN core.enterprise_year y
            ON y.uscc = t.uscc AND y.year = t.figures_year WHERE {_differs("t", "y", _FIGURES)}""",
        ),
        Check(
            "tax_total_adds_up",
            "税收合计等于各税种之和",
            "Tax paid is the sum of the recorded components",
            f"""SELECT {key}, t.tax_total_wan_yuan FROM {{table}} t LEFT JOIN core.enterprise_year y
            ON y.uscc = t.uscc AND y.year = t.figures_year WHERE t.tax_total_wan_yuan IS DISTINCT FROM
                CASE WHEN coalesce({", ".join(f"y.tax_{c}_wan_yuan" for c in _TAXES)}) IS NOT NULL
                THEN {" + ".join(f"coalesce(y.tax_{c}_wan_yuan, 0)" for c in _TAXES)} END""",
        ),
        Check(
            "grades_of_source",
            "评价等级与来源表一致",
            "Grade, score and rank are those in force in per_mu.enterprise_grade",
            f"""SELECT {key}, t.final_grade FROM {{table}} t LEFT JOIN (SELECT * FROM per_mu.enterprise_grade
                QUALIFY evaluation_version = max(evaluation_version) OVER (PARTITION BY uscc, year)) g
            ON g.uscc = t.uscc AND g.year = t.figures_year WHERE {_differs("t", "g", _GRADES)}""",
        ),
        Check(
            "history_ends_with_grade",
            "等级历史与当年等级一致",
            "The grade history ends with the grade, and years in D are counted only if the grade is D",
            f"""SELECT {key}, t.final_grade FROM {{table}} t
            WHERE (t.final_grade IS NOT NULL AND list_last(t.grade_history)
                IS DISTINCT FROM concat(t.figures_year, '=', t.final_grade))
                OR (t.final_grade IS NULL) <> (t.grade_d_years IS NULL)
                OR (t.final_grade = 'D') <> (t.grade_d_years > 0)""",
        ),
        Check(
            "per_mu_of_source",
            "亩均指标与来源表一致",
            "Values per mu are those of per_mu.indicator_value",
            f"""SELECT {key} FROM {{table}} t LEFT JOIN (SELECT uscc, year,
                max(value) FILTER (indicator_code = 'I1') AS tax, max(value) FILTER (indicator_code = 'I2') AS added
                FROM per_mu.indicator_value GROUP BY ALL) v ON v.uscc = t.uscc AND v.year = t.figures_year
            WHERE t.tax_per_mu_wan_yuan IS DISTINCT FROM v.tax
                OR t.value_added_per_mu_wan_yuan IS DISTINCT FROM v.added""",
        ),
        Check(
            "months_of_source",
            "月度数据与来源表一致",
            "Monthly figures are those of the firm's latest month in core.enterprise_month",
            f"""SELECT {key} FROM {{table}} t LEFT JOIN core.enterprise_month m
            ON m.uscc = t.uscc AND m.month = t.orders_as_of
            WHERE t.orders_as_of IS NOT NULL AND (m.uscc IS NULL OR {
                _differs(
                    "t",
                    "m",
                    (
                        "output_ytd_wan_yuan",
                        "new_orders_wan_yuan",
                        "orders_in_hand_wan_yuan",
                        "capacity_utilisation_pct",
                    ),
                )
            })""",
        ),
        Check(
            "node_of_source",
            "主要环节与来源表一致",
            "The share of the main node is the largest among the firm's nodes",
            f"""SELECT {key}, t.main_node_code FROM {{table}} t LEFT JOIN (
                SELECT uscc, year, max(position_share) AS share FROM chain.node_enterprise
                WHERE chain_code <> 'OUT' AND position_share > 0 GROUP BY ALL) n
            ON n.uscc = t.uscc AND n.year = t.figures_year
            WHERE t.main_node_share IS DISTINCT FROM n.share""",
        ),
        *_growth(key),
        noted(key, _GROWTH | _OTHER_GROWTH),
        Check(
            "size_limits",
            "规模划型符合2017办法",
            "Sizes 大, 中 and 小 meet both lower limits, 微 is below one",
            f"""SELECT {key}, t.size_class_code FROM {{table}} t WHERE NOT coalesce(CASE t.size_class_code
                WHEN 'large' THEN size_staff_count >= 1000 AND size_revenue_wan_yuan >= 40000
                WHEN 'medium' THEN size_staff_count >= 300 AND size_revenue_wan_yuan >= 2000
                    AND (size_staff_count < 1000 OR size_revenue_wan_yuan < 40000)
                WHEN 'small' THEN size_staff_count >= 20 AND size_revenue_wan_yuan >= 300
                    AND (size_staff_count < 300 OR size_revenue_wan_yuan < 2000)
                WHEN 'micro' THEN coalesce(size_staff_count < 20, false)
                    OR coalesce(size_revenue_wan_yuan < 300, false)
                ELSE size_staff_count IS NULL OR size_revenue_wan_yuan IS NULL END, false)""",
        ),
        Check(
            "completeness_recomputes",
            "完整度可复算",
            "Completeness is the share of the group's fields that have a value",
            f"SELECT {key} FROM {{table}} t WHERE "
            + " OR ".join(
                f"abs({g}_completeness - ({_present(c)}) / {len(c)}) > 0.00005" for g, c in _GROUPS.items()
            )
            + " OR abs(profile_completeness - ("
            + " + ".join(_present(c) for c in _GROUPS.values())
            + f") / {sum(map(len, _GROUPS.values()))}) > 0.00005",
        ),
        Check(
            "times_within_period",
            "数据时点不晚于画像期",
            "A group with figures states their date, which is not after the period",
            f"SELECT {key} FROM {{table}} t WHERE "
            + " OR ".join(
                f"({g}_as_of IS NULL) <> ({g}_completeness = 0) OR left({g}_as_of, 4) > t.year "
                f"OR (length({g}_as_of) = length(t.{period}) AND {g}_as_of > t.{period})"
                for g in _GROUPS
                if g != "register"
            ),
        ),
        Check(
            "risk_by_reasons",
            "风险等级与原因一致",
            "Exactly the firms without reasons are of low risk",
            f"SELECT {key}, t.risk_level_code FROM {{table}} t "
            "WHERE (len(t.risk_reasons) = 0) <> (t.risk_level_code = 'low') OR EXISTS (SELECT 1 FROM "
            "(SELECT unnest(t.risk_reasons) AS code) r WHERE r.code NOT IN (SELECT code FROM codes.risk_reason))",
        ),
        Check(
            "listings_counted",
            "在列失信记录数与代码一致",
            "A firm has open listings exactly if it has codes of them",
            f"SELECT {key} FROM {{table}} t WHERE open_listing_count < len(open_listing_codes) "
            "OR (open_listing_count = 0) <> (len(open_listing_codes) = 0)",
        ),
    )
