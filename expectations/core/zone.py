"""Suite 开发区名录: names are given, and every zone of a firm or parcel is in the register."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "core.zone",
    (
        Check(
            "zones_of_firms",
            "企业与宗地所在开发区均在名录内",
            "Each zone that a firm or parcel of the year is in has a row",
            """SELECT DISTINCT u.zone_code, u.year FROM (SELECT zone_code, year FROM core.enterprise
                UNION ALL SELECT zone_code, year FROM core.parcel) u
            LEFT JOIN {table} t ON t.zone_code = u.zone_code AND t.year = u.year
            WHERE u.zone_code IS NOT NULL AND t.zone_code IS NULL""",
            level="warn",
        ),
        Check(
            "named_in_both",
            "开发区有中英文名称",
            "A zone has its names in Chinese and in English",
            "SELECT zone_code, year FROM {table} WHERE trim(zone_name) = '' OR coalesce(trim(zone_name_en), '') = ''",
            level="warn",
        ),
        Check(
            "two_industries",
            "两个主导产业不相同",
            "The second leading industry is another than the first",
            "SELECT zone_code, year FROM {table} WHERE leading_division_code = second_division_code",
        ),
    ),
)
