"""Suite 规上服务业企业: whether industry has a firm too, and the complexes in which firms are."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "core.service_firm",
    (
        Check(
            "in_industry_recomputes",
            "工业名录标志可复算",
            "A firm is marked exactly if the directory of industry has it in the year",
            """SELECT t.uscc, t.year FROM {table} t LEFT JOIN core.enterprise e ON e.uscc = t.uscc AND e.year = t.year
            WHERE t.is_in_industry <> (e.uscc IS NOT NULL)""",
        ),
        Check(
            "complex_known",
            "所在综合体当年在册",
            "The complex of a firm is one of the year",
            """SELECT t.uscc, t.year, t.complex_code FROM {table} t
            LEFT JOIN core.service_complex c ON c.complex_code = t.complex_code AND c.year = t.year
            WHERE t.complex_code IS NOT NULL AND c.complex_code IS NULL""",
            level="warn",
        ),
        Check(
            "above_scale",
            "低于规上标准的企业不超过2%",
            "At most five firms plus 2 % of a year are below every threshold (5,000,000 CNY and 50 persons)",
            """SELECT year FROM {table} GROUP BY year HAVING count(*) FILTER (
                revenue_wan_yuan < 500 AND employees_average < 50) > 5 + 0.02 * count(*)""",
            level="warn",
        ),
    ),
)
