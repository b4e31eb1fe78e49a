"""Suite 企业年度数据: every firm of the directory, plausible figures, no unit slips, coverage.

The module is one, above 300 lines: all checks of one wide table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from expectations.checks.part_year import not_yet_sent
from expectations.checks.unit_slips import TAX_SIZE, TAX_SUM, list_ratio, own_history
from expectations.checks.year_before import city_total, compared, figures_new, order_kept, totals_steady
from expectations.gate.suite import Check, Level, Suite

#: Figures compared with the firm's own other years: id → (title zh, title en, SQL).
_OWN = {
    "tax": ("税收", "tax", TAX_SIZE),
    "declared_revenue": ("申报营业收入", "declared revenue", "declared_revenue_wan_yuan"),
    "power": ("用电量", "electricity", "power_kwh"),
    "energy": ("综合能耗", "energy", "energy_tce"),
    "water": ("用水量", "water", "water_m3"),
    "output": ("工业总产值", "output", "output_wan_yuan"),
    "revenue": ("营业收入", "revenue", "revenue_wan_yuan"),
    "value_added": ("工业增加值", "value added", "abs(value_added_wan_yuan)"),
    "land": ("用地面积", "land", "land_area_mu"),
}

#: Pairs whose ratio is compared with the list's median of the year.
_PAIRS = {
    "tax_to_revenue": (
        "税收与申报营业收入之比",
        "Tax to declared revenue",
        TAX_SIZE,
        "declared_revenue_wan_yuan",
    ),
    "revenue_to_insured": (
        "申报营业收入与参保人数之比",
        "Declared revenue to insured persons",
        "declared_revenue_wan_yuan",
        "insured_count",
    ),
    "power_to_revenue": (
        "用电量与申报营业收入之比",
        "Electricity to declared revenue",
        "power_kwh",
        "declared_revenue_wan_yuan",
    ),
    "statistics_to_tax_revenue": (
        "统计与申报营业收入之比",
        "Revenue in statistics to revenue declared",
        "revenue_wan_yuan",
        "declared_revenue_wan_yuan",
    ),
    "output_to_employees": ("产值与用工之比", "Output to employees", "output_wan_yuan", "employees_average"),
}

_TOTALS = {
    "tax": TAX_SUM,
    "output": "output_wan_yuan",
    "value_added": "value_added_wan_yuan",
    "power": "power_kwh",
    "energy": "energy_tce",
}


#: Figures compared with the year before, by district and by scale. Land is left out, because it should not change.
_YEAR_BEFORE = {
    "tax": f"CASE WHEN tax_vat_wan_yuan IS NOT NULL THEN {TAX_SUM} END",
    "declared_revenue": "declared_revenue_wan_yuan",
    "power": "power_kwh",
    "energy": "energy_tce",
    "emission": "emission_t",
    "water": "water_m3",
    "insured": "insured_count",
    "output": "output_wan_yuan",
    "revenue": "revenue_wan_yuan",
    "value_added": "value_added_wan_yuan",
    "employees": "employees_average",
    "rd_expense": "rd_expense_wan_yuan",
}


def _unit_slips() -> Iterator[Check]:
    for id_, (zh, en, sql) in _OWN.items():
        yield Check(
            f"{id_}_unit_slip",
            f"{zh}无成批的量级差错（与本企业其他年度比）",
            f"No batch of unit slips in {en}, compared with the firm's other years",
            own_history(sql),
        )
    for id_, (zh, en, numerator, denominator) in _PAIRS.items():
        yield Check(
            f"{id_}_slip",
            f"{zh}无成批的量级差错（与同组中位数比）",
            f"{en}: no batch of unit slips, compared with the list's median",
            list_ratio(numerator, denominator),
        )


def _totals() -> Iterator[Check]:
    for id_, sql in _TOTALS.items():
        zh, en, _ = _OWN[id_]
        yield Check(
            f"{id_}_total_steady",
            f"全市{zh}合计（不含变动最大企业）与上年相比在三分之一至三倍之间",
            f"The city's total {en}, without the firm that changed most, "
            "stays between a third and three times the year before",
            city_total("year", sql),
        )


#: Annual and monthly statistics replace each other, so both are reported missing under one name.
_FEEDS = "SELECT feed FROM feeds.feed UNION ALL SELECT 'gov_statistics'"

_COVERAGE = f"""
    SELECT f.year, f.is_above_scale, s.feed, f.firms, coalesce(g.missing, 0) AS missing,
        1 - coalesce(g.missing, 0) / f.firms AS share
    FROM (SELECT year, is_above_scale, count(*) AS firms FROM {{source}} GROUP BY ALL) f
    CROSS JOIN ({_FEEDS}) s
    LEFT JOIN (SELECT year, is_above_scale, feed, count(*) AS missing FROM (
        SELECT year, is_above_scale, unnest(missing_feeds) AS feed FROM {{source}}) GROUP BY ALL) g
    ON g.year = f.year AND g.is_above_scale = f.is_above_scale AND g.feed = s.feed"""


def _coverage(id_: str, points: int, *, against: Literal["year", "release"], level: Level) -> Check:
    """Share of the directory's firms with a row per feed; fewer than five firms are no loss of coverage."""
    now = _COVERAGE.format(source="{table}")
    before = _COVERAGE.format(source="{table}" if against == "year" else "previous_core.enterprise_year")
    ahead = 1 if against == "year" else 0
    # what is not yet sent lowers no coverage; what a release had must not be lost
    due = f" AND NOT {not_yet_sent('n.feed', 'n.year')}" if against == "year" else ""
    zh, en = {"year": ("上年", "year before"), "release": ("上一版本", "last release")}[against]
    return Check(
        id_,
        f"数据源覆盖率较{zh}下降不到{points}个百分点",
        f"A feed's coverage of the directory falls by less than {points} points from the {en}",
        f"""WITH now AS ({now}), before AS ({before})
        SELECT n.year, n.is_above_scale, n.feed, round(100 * b.share, 1) AS before_pct,
            round(100 * n.share, 1) AS now_pct
        FROM now n JOIN before b ON CAST(b.year AS INTEGER) + {ahead} = CAST(n.year AS INTEGER)
            AND b.is_above_scale = n.is_above_scale AND b.feed = n.feed
        WHERE b.share - n.share >= {points / 100} AND (b.share - n.share) * n.firms >= 5{due}""",
        level=level,
    )


SUITE = Suite(
    "core.enterprise_year",
    (
        Check(
            "one_as_of_a_year",
            "同一年度数据截至一致且属于该年",
            "The figures of a year reach equally far for all firms, and not into another year",
            """SELECT year FROM {table} GROUP BY year
            HAVING count(DISTINCT figures_as_of) > 1 OR max(left(figures_as_of, 4)) <> year""",
        ),
        Check(
            "same_firms",
            "企业与名录一致",
            "Exactly the firms of core.enterprise",
            """SELECT coalesce(e.uscc, t.uscc) AS uscc, coalesce(e.year, t.year) AS year
            FROM {table} t FULL JOIN core.enterprise e ON e.uscc = t.uscc AND e.year = t.year
            WHERE t.uscc IS NULL OR e.uscc IS NULL
                OR e.is_above_scale <> t.is_above_scale OR e.district_code <> t.district_code""",
        ),
        Check(
            "missing_named",
            "税收缺失均有说明",
            "Where tax is missing, gov_tax is named among the missing or quarantined feeds",
            "SELECT uscc, year FROM {table} WHERE tax_vat_wan_yuan IS NULL "
            "AND NOT list_contains(list_concat(missing_feeds, quarantined_feeds), 'gov_tax')",
        ),
        Check(
            "power_missing_named",
            "用电量缺失均有说明",
            "Where electricity is missing, gov_electricity is named among the missing or quarantined feeds",
            "SELECT uscc, year FROM {table} WHERE power_kwh IS NULL "
            "AND NOT list_contains(list_concat(missing_feeds, quarantined_feeds), 'gov_electricity')",
            level="warn",
        ),
        Check(
            "owed_reports_named",
            "持排污许可证而无排放数据的均有说明",
            "Exactly where a permit obliges a firm to report emissions and it has none, gov_emission is named missing",
            """SELECT uscc, year, permit_class_code FROM {table} WHERE list_contains(missing_feeds, 'gov_emission')
            <> (coalesce(permit_class_code IN ('key', 'simplified'), false) AND emission_t IS NULL)""",
        ),
        Check(
            "permits_kept",
            "上年持排污许可证的规上企业今年仍持证",
            "Of the firms above scale that a permit obliged last year, at most five plus 5 % have none this year",
            """SELECT t.year, count(*) AS holders, count(*) FILTER (t.permit_class_code IS NULL
                OR t.permit_class_code = 'registered') AS without
            FROM {table} t JOIN {table} b ON b.uscc = t.uscc AND CAST(b.year AS INTEGER) + 1 = CAST(t.year AS INTEGER)
            WHERE t.is_above_scale AND b.permit_class_code IN ('key', 'simplified')
            GROUP BY t.year HAVING without > 5 + 0.05 * holders""",
            level="warn",
        ),
        Check(
            "emissions_of_permit",
            "排放量不低于许可排放量的1%",
            "At most five firms plus 5 % of a year's reporters emit less than a hundredth of what their permits allow",
            """SELECT year, count(*) AS reporters, count(*) FILTER (emission_t < 0.01 * emission_permitted_t) AS tiny
            FROM {table} WHERE emission_t IS NOT NULL AND emission_permitted_t > 0
            GROUP BY year HAVING tiny > 5 + 0.05 * reporters""",
            level="warn",
        ),
        Check(
            "feeds_known",
            "数据源名称有效",
            "Missing and quarantined feeds are feeds of the platform",
            "SELECT uscc, year, feed FROM (SELECT uscc, year, "
            "unnest(list_concat(missing_feeds, quarantined_feeds)) AS feed FROM {table}) "
            f"WHERE feed NOT IN ({_FEEDS})",
        ),
        Check(
            "within_year",
            "数据起止日在年度内",
            "The figures' first and last day are in the year",
            "SELECT uscc, year FROM {table} WHERE CAST(year(valid_from_date) AS VARCHAR) <> year "
            "OR CAST(year(valid_to_date) AS VARCHAR) <> year OR valid_from_date > valid_to_date",
        ),
        Check(
            "land_parts",
            "用地面积等于自用与租用之和",
            "Land is land in own use plus leased land",
            "SELECT uscc, year, land_area_mu FROM {table} WHERE land_area_mu IS NOT NULL "
            "AND abs(land_area_mu - coalesce(land_own_mu, 0) - coalesce(land_lease_mu, 0)) > 0.001",
        ),
        Check(
            "land_reconciles",
            "用地面积与宗地使用合计相符",
            "Land is the sum of the firm's uses of parcels",
            """SELECT t.uscc, t.year, t.land_area_mu, u.used_mu FROM {table} t
            LEFT JOIN (SELECT uscc, year, sum(used_area_mu) AS used_mu FROM core.parcel_use GROUP BY ALL) u
            ON u.uscc = t.uscc AND u.year = t.year
            WHERE abs(coalesce(t.land_area_mu, 0) - coalesce(u.used_mu, 0)) > 0.001""",
        ),
        Check(
            "negative_tax_share",
            "负税收不超过10%",
            "At most five firms plus 10 % of a year have negative tax (refunds)",
            "SELECT year FROM {table} GROUP BY year "
            f"HAVING count(*) FILTER ({TAX_SUM} < 0) > 5 + 0.1 * count(*)",
        ),
        Check(
            "negative_value_added_share",
            "负增加值不超过10%",
            "At most five firms plus 10 % of a year have negative value added",
            """SELECT year FROM {table} GROUP BY year HAVING
            count(*) FILTER (value_added_wan_yuan < 0) > 5 + 0.1 * count(value_added_wan_yuan)""",
        ),
        Check(
            "rd_above_revenue",
            "研发费用不高于营业收入",
            "R&D expenditure does not exceed revenue",
            "SELECT uscc, year FROM {table} WHERE rd_expense_wan_yuan > revenue_wan_yuan",
            level="warn",
        ),
        Check(
            "rd_above_revenue_share",
            "研发费用高于营业收入的企业不超过0.5%",
            "At most five firms plus 0.5 % of a year's reporting firms have R&D above revenue",
            """SELECT year FROM {table} GROUP BY year HAVING
            count(*) FILTER (rd_expense_wan_yuan > revenue_wan_yuan) > 5 + 0.005 * count(revenue_wan_yuan)""",
        ),
        Check(
            "sales_to_output",
            "产销率在50%–150%之间",
            "The ratio of sales to output is between 50 and 150 %",
            "SELECT uscc, year FROM {table} WHERE output_wan_yuan > 0 "
            "AND sales_output_wan_yuan NOT BETWEEN output_wan_yuan * 0.5 AND output_wan_yuan * 1.5",
            level="warn",
        ),
        Check(
            "city_sales_to_output",
            "全市产销率在50%–150%之间",
            "The city's ratio of sales to output is between 50 and 150 %",
            """SELECT year FROM {table}
            WHERE output_wan_yuan IS NOT NULL AND sales_output_wan_yuan IS NOT NULL
            GROUP BY year HAVING sum(output_wan_yuan) > 0 AND sum(sales_output_wan_yuan)
                NOT BETWEEN 0.5 * sum(output_wan_yuan) AND 1.5 * sum(output_wan_yuan)""",
        ),
        Check(
            "energy_values",
            "等价值能耗不低于当量值能耗",
            "Energy at equivalent value is not below calorific value, except for five plus 5 % of a year's firms",
            """SELECT year FROM {table} GROUP BY year HAVING
            count(*) FILTER (energy_calorific_tce > energy_tce) > 5 + 0.05 * count(energy_tce)""",
        ),
        Check(
            "patents_of_kinds",
            "有效发明专利不多于有效专利",
            "Invention patents in force do not exceed patents in force",
            "SELECT uscc, year FROM {table} WHERE inventions_valid_count > patents_valid_count",
        ),
        Check(
            "exports_to_revenue",
            "海关出口额不高于营业收入的三倍",
            "Exports exceed three times revenue in at most five firms plus 5 % of a year's exporters",
            """SELECT year FROM {table} WHERE revenue_wan_yuan > 0 GROUP BY year HAVING
            count(*) FILTER (customs_export_wan_yuan > 3 * revenue_wan_yuan)
                > 5 + 0.05 * count(customs_export_wan_yuan)""",
            level="warn",
        ),
        *_unit_slips(),
        *_totals(),
        *totals_steady("district_totals", "district_code", "各区县", "a district"),
        *totals_steady("scale_totals", "is_above_scale", "规上、规下企业", "firms above and below scale"),
        *figures_new(),
        *order_kept(),
        _coverage("coverage_year", 10, against="year", level="fail"),
        _coverage("coverage_year_warn", 5, against="year", level="warn"),
        _coverage("coverage_release", 10, against="release", level="fail"),
    ),
    summary=compared(
        _YEAR_BEFORE,
        groups=(("district_code",), ("is_above_scale",), ("district_code", "is_above_scale")),
        ranked_within="is_above_scale",
    ),
    shrinks="fail",
)
