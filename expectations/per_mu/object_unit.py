"""Suite 评价对象与数据: every object has its row, and sums of objects are those of the firms on their land."""

from __future__ import annotations

from expectations.checks.part_year import figures_as_of
from expectations.gate.suite import Check, Suite

_KEY = "object_kind_code, object_code, year"
_REGISTERS = """SELECT 'parcel' AS kind, parcel_id AS code, year FROM core.parcel
    UNION SELECT 'parcel', parcel_id, year FROM per_mu.parcel_figure
    UNION ALL SELECT 'zone', zone_code, year FROM core.zone
    UNION ALL SELECT CASE park_kind_code WHEN 'small_micro' THEN 'small_park' ELSE park_kind_code END, park_code, year
        FROM core.park
    UNION ALL SELECT 'building', building_code, year FROM core.building
    UNION ALL SELECT 'service_firm', uscc, year FROM core.service_firm
    UNION ALL SELECT 'service_complex', complex_code, year FROM core.service_complex"""
#: Tax and value added per mu of firms above scale in zones of province level and above (manufacturing plan, 2019).
_PLAN_TAX, _PLAN_ADDED, _BAND = 56.2, 165.2, 0.2

SUITE = Suite(
    "per_mu.object_unit",
    (
        Check(
            "every_object",
            "登记的对象无一遗漏",
            "Exactly the parcels, zones, parks, buildings, services and complexes of the registers",
            f"""SELECT coalesce(t.object_kind_code, r.kind) AS object_kind_code,
                coalesce(t.object_code, r.code) AS object_code, coalesce(t.year, r.year) AS year
            FROM {{table}} t FULL JOIN ({_REGISTERS}) r
            ON r.kind = t.object_kind_code AND r.code = t.object_code AND r.year = t.year
            WHERE r.code IS NULL OR t.object_code IS NULL""",
        ),
        Check(
            "reasons_given",
            "未参评的对象均有原因",
            "An object that is not graded has a reason",
            f"SELECT {_KEY} FROM {{table}} WHERE eval_status_code <> 'graded' AND len(object_reasons) = 0",
        ),
        Check(
            "parcels_have_all_tax",
            "各地块税收之和等于企业分摊数之和",
            "The parcels of a year have the tax and the land of all firms on them",
            """SELECT t.year FROM (SELECT year, sum(tax_contribution_wan_yuan) AS tax, sum(land_area_mu) AS land
                FROM {table} WHERE object_kind_code = 'parcel' GROUP BY year) t
            JOIN (SELECT year, sum(tax_contribution_wan_yuan) AS tax, sum(used_area_mu) AS used
                FROM per_mu.parcel_figure GROUP BY year) f ON f.year = t.year
            WHERE t.tax <> f.tax OR t.land < f.used""",
        ),
        Check(
            "zones_have_their_parcels",
            "开发区用地与税收等于区内地块之和",
            "A zone has the land and the tax of its parcels",
            """SELECT t.object_code, t.year FROM {table} t LEFT JOIN (
                SELECT p.zone_code, p.year, sum(p.parcel_area_mu) AS land, sum(o.tax_contribution_wan_yuan) AS tax
                FROM core.parcel p JOIN {table} o ON o.object_kind_code = 'parcel' AND o.object_code = p.parcel_id
                    AND o.year = p.year WHERE p.zone_code IS NOT NULL GROUP BY ALL) z
            ON z.zone_code = t.object_code AND z.year = t.year
            WHERE t.object_kind_code = 'zone'
                AND (t.land_area_mu IS DISTINCT FROM z.land OR t.tax_contribution_wan_yuan IS DISTINCT FROM z.tax)""",
        ),
        Check(
            "buildings_within_parcels",
            "楼宇税收之和不超过所在地块",
            "The buildings of a parcel have no more tax than it",
            """SELECT p.object_code, p.year FROM {table} p JOIN core.building c
                ON c.parcel_id = p.object_code AND c.year = p.year
            JOIN {table} b ON b.object_kind_code = 'building' AND b.object_code = c.building_code AND b.year = c.year
            WHERE p.object_kind_code = 'parcel'
            GROUP BY p.object_code, p.year, p.tax_contribution_wan_yuan
            HAVING abs(sum(b.tax_contribution_wan_yuan)) > abs(p.tax_contribution_wan_yuan)""",
        ),
        Check(
            "counts_ordered",
            "属地企业数不超过入驻企业数、不超过使用人数",
            "Local firms are among the firms, and these among the users",
            f"""SELECT {_KEY} FROM {{table}} WHERE eval_status_code = 'graded'
            AND (local_firm_count > resident_firm_count OR resident_firm_count > user_count)""",
        ),
        Check(
            "land_within",
            "有税收数据的用地不超过企业用地",
            "Land with taxes on record is land of the firms, and that is land of the object",
            f"""SELECT {_KEY} FROM {{table}} WHERE taxed_land_mu > directory_land_mu
            OR directory_land_mu > land_area_mu AND object_kind_code = 'parcel'""",
        ),
        Check(
            "graded_share",
            "因数据不全未参评的对象不超过三成",
            "At most five objects plus three tenths of a kind and year are not graded for want of data",
            """SELECT object_kind_code, year FROM {table} GROUP BY ALL
            HAVING count(*) FILTER (eval_status_code = 'data_incomplete') > 5 + 0.3 * count(*)""",
            level="warn",
        ),
        Check(
            "zones_of_plan",
            "2020年开发区亩均税收、亩均增加值与规划2019年数相差不超过20%",
            "Tax and value added per mu of the reporting firms in zones in 2020 are within 20 % of the plan's of 2019",
            f"""SELECT year FROM {{table}} WHERE object_kind_code = 'zone' AND year = '2020' GROUP BY year
            HAVING abs(sum(reporting_tax_wan_yuan) / sum(reporting_land_mu) - {_PLAN_TAX}) > {_BAND * _PLAN_TAX}
            OR abs(sum(value_added_wan_yuan) / sum(reporting_land_mu) - {_PLAN_ADDED}) > {_BAND * _PLAN_ADDED}""",
            level="warn",
        ),
        figures_as_of(),
    ),
)
