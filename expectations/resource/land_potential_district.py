"""Suite 区县可盘活用地: sums are those of the parcels."""

from __future__ import annotations

from expectations.checks.efficiency import EFFICIENCY
from expectations.gate.suite import Check, Suite

_KEY = "year, district_code"

SUITE = Suite(
    "resource.land_potential_district",
    (
        Check(
            "sums_of_parcels",
            "合计与宗地明细一致",
            "Land that could be freed is that of the parcels, and land that of the register",
            f"""SELECT {_KEY} FROM {{table}} t
                LEFT JOIN (SELECT {_KEY}, sum(freed_mu) AS freed, count(*) AS n FROM resource.land_potential
                    GROUP BY ALL) p USING ({_KEY})
                LEFT JOIN (SELECT {_KEY}, sum(parcel_area_mu) AS land FROM core.parcel GROUP BY ALL) c USING ({_KEY})
            WHERE t.freed_mu <> coalesce(p.freed, 0) OR t.potential_parcel_count <> coalesce(p.n, 0)
                OR t.land_total_mu IS DISTINCT FROM c.land""",
        ),
        Check(
            "aims_of_the_city",
            "区县目标之和等于规划目标",
            "The districts' aims sum to the plan's, to the rounding of ten parts",
            """SELECT t.year FROM {table} t, rules.efficiency r GROUP BY t.year, r.aim_mu
            HAVING abs(sum(t.aim_mu) - r.aim_mu) > 10""",
        ),
        Check(
            "share_of_land",
            "可盘活用地不超过三成",
            "At most 30 % of a district's industrial land could be freed: more says that survey or register lack users",
            f"SELECT {_KEY}, freed_share_pct FROM {{table}} WHERE freed_share_pct > 30",
            level="warn",
        ),
    ),
    rules=EFFICIENCY,
)  # fmt: skip
