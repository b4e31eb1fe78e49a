"""Suite 工业楼宇: flags recompute, and buildings stand on known parcels."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "core.building",
    (
        Check(
            "flags_recompute",
            "矛盾标注可复算",
            "A building is flagged exactly if its survey contradicts itself",
            """SELECT building_code, year, building_flags FROM {table}
            WHERE list_contains(building_flags, 'let_though_vacant')
                <> (let_share_pct >= 100 AND coalesce(vacant_area_m2, 0) > 0)
            OR list_contains(building_flags, 'more_vacant_than_built')
                <> (coalesce(vacant_area_m2, 0) > building_area_m2)""",
        ),
        Check(
            "parcel_known_share",
            "所在宗地未登记的楼宇不超过2%",
            "At most five buildings plus 2 % of a year stand on parcels that the register lacks",
            """SELECT t.year FROM {table} t LEFT JOIN core.parcel p ON p.parcel_id = t.parcel_id AND p.year = t.year
            GROUP BY t.year HAVING count(*) FILTER (p.parcel_id IS NULL) > 5 + 0.02 * count(*)""",
            level="warn",
        ),
        Check(
            "flagged_share",
            "自相矛盾的楼宇不超过5%",
            "At most five buildings plus 5 % of a year contradict themselves",
            """SELECT year FROM {table} GROUP BY year
            HAVING count(*) FILTER (len(building_flags) > 0) > 5 + 0.05 * count(*)""",
            level="warn",
        ),
    ),
)
