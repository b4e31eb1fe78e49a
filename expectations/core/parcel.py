"""Suite 工业宗地: area, dates and the city's industrial land."""

from __future__ import annotations

from expectations.checks.towns import town_checks
from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "core.parcel",
    (
        Check(
            "dates_ordered",
            "约定竣工日期不早于取得日期",
            "The contractual completion is not before the grant",
            "SELECT parcel_id, year FROM {table} WHERE completion_due_date < acquired_date",
            level="warn",
        ),
        Check(
            "known_in_year",
            "取得日期不晚于年度末",
            "The land right was granted by the end of the year",
            "SELECT parcel_id, year FROM {table} WHERE CAST(year(acquired_date) AS VARCHAR) > year",
        ),
        Check(
            "district_of_code",
            "宗地代码中的区县有效",
            "The parcel code names a district of the city, or one that was merged into it",
            "SELECT parcel_id, year FROM {table} WHERE left(parcel_id, 6) NOT IN "
            "(SELECT code FROM codes.district UNION ALL SELECT code FROM codes.former_district)",
        ),
        Check(
            "industrial_land",
            "工业用地合计不超过79.5万亩（530平方公里）",
            "The city's industrial parcels do not exceed 795,000 mu (530 km², manufacturing plan)",
            "SELECT year FROM {table} GROUP BY year HAVING sum(parcel_area_mu) > 795000",
            level="warn",
        ),
        *town_checks("parcel_id", "宗地", "parcels"),
    ),
    shrinks="fail",
)
