"""Suite 服务综合体: flags recompute, and the firms in a complex pay no more than all of it."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "core.service_complex",
    (
        Check(
            "flags_recompute",
            "矛盾标注可复算",
            "A complex is flagged exactly if its report contradicts itself",
            """SELECT complex_code, year, building_flags FROM {table}
            WHERE list_contains(building_flags, 'more_used_than_built')
                <> (coalesce(occupied_area_m2, 0) > building_area_m2)
            OR list_contains(building_flags, 'more_local_than_residents')
                <> (local_firm_count > resident_firm_count)""",
        ),
        Check(
            "firms_within",
            "规上企业税收不超过综合体合计",
            "The service firms in a complex pay no more tax than all firms in it",
            """SELECT t.complex_code, t.year FROM {table} t JOIN core.service_firm f
            ON f.complex_code = t.complex_code AND f.year = t.year
            GROUP BY t.complex_code, t.year, t.tax_contribution_wan_yuan
            HAVING sum(f.tax_contribution_wan_yuan) > t.tax_contribution_wan_yuan""",
            level="warn",
        ),
    ),
)
