"""Suite 园区: parts belong to an area, and parks for small firms have their marks."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite
from schemas.contract import code_list

_MARKS = " + ".join(f"(points_{code} IS NULL)::INTEGER" for code in code_list("park_dimension"))

SUITE = Suite(
    "core.park",
    (
        Check(
            "parts_of_areas",
            "分片属于当年在册的集聚区",
            "A part belongs to an industrial area of the year",
            """SELECT p.park_code, p.year FROM {table} p LEFT JOIN {table} a
            ON a.park_code = p.parent_park_code AND a.year = p.year AND a.park_kind_code = 'industrial_area'
            WHERE p.park_kind_code = 'area_part' AND a.park_code IS NULL""",
        ),
        Check(
            "marks_given",
            "缺考评得分的小微企业园不超过三成",
            "At most five parks for small firms plus three tenths of a year lack points in a dimension",
            f"""SELECT year FROM {{table}} WHERE park_kind_code = 'small_micro' GROUP BY year
            HAVING count(*) FILTER ({_MARKS} > 0) > 5 + 0.3 * count(*)""",
            level="warn",
        ),
    ),
)
