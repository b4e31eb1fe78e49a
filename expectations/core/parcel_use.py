"""Suite 宗地使用: uses fit into the parcel's area."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "core.parcel_use",
    (
        Check(
            "not_overallotted",
            "各户用地合计不超过宗地面积",
            "The uses of a parcel do not exceed its area",
            """SELECT parcel_id, year FROM {table} GROUP BY parcel_id, year
            HAVING sum(used_area_mu) > max(parcel_area_mu) + 0.000001 * count(*)""",
        ),
        Check(
            "not_negative",
            "用地面积不为负",
            "No use is negative",
            "SELECT parcel_id, uscc, use_type_code, year FROM {table} WHERE used_area_mu < 0",
        ),
        Check(
            "parcel_known",
            "宗地在册且面积一致，或已标记",
            "The parcel is in core.parcel with the same area, or the use is flagged unknown_parcel",
            """SELECT u.parcel_id, u.uscc, u.year FROM {table} u
            LEFT JOIN core.parcel p ON p.parcel_id = u.parcel_id AND p.year = u.year
            WHERE CASE WHEN p.parcel_id IS NULL THEN NOT list_contains(u.land_flags, 'unknown_parcel')
                ELSE p.parcel_area_mu <> u.parcel_area_mu END""",
        ),
        Check(
            "town_of_parcel",
            "镇街与宗地一致",
            "The town is that of the parcel, or one of the district if the parcel is unknown",
            """SELECT u.parcel_id, u.uscc, u.year, u.town_code FROM {table} u
            LEFT JOIN core.parcel p ON p.parcel_id = u.parcel_id AND p.year = u.year
            WHERE CASE WHEN p.parcel_id IS NULL THEN left(u.town_code, 6) <> u.district_code
                ELSE p.town_code IS DISTINCT FROM u.town_code END""",
        ),
        Check(
            "unknown_parcel_share",
            "未登记宗地不超过2%",
            "At most five parcels plus 2 % of a year are unknown to the register",
            """SELECT year FROM {table} GROUP BY year HAVING count(DISTINCT parcel_id)
            FILTER (list_contains(land_flags, 'unknown_parcel')) > 5 + 0.02 * count(DISTINCT parcel_id)""",
            level="warn",
        ),
        Check(
            "own_use_without_lessor",
            "自用无出租方",
            "Own use has no lessor",
            "SELECT parcel_id, uscc, year FROM {table} "
            "WHERE use_type_code = 'own' AND lessor_uscc IS NOT NULL",
            level="warn",
        ),
        Check(
            "over_allotted_share",
            "超分宗地不超过5%",
            "At most five parcels plus 5 % of a year were allotted to more than 100 %",
            """SELECT year FROM {table} GROUP BY year HAVING count(DISTINCT parcel_id)
            FILTER (list_contains(land_flags, 'over_allotted')) > 5 + 0.05 * count(DISTINCT parcel_id)""",
            level="warn",
        ),
    ),
    shrinks="fail",
)
