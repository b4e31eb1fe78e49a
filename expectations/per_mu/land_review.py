"""Suite 土地调查核实清单: the firms whose land cannot carry them, with figures that say so."""

from __future__ import annotations

from expectations.checks.land_limit import LAND_LIMIT
from expectations.gate.suite import Check, Suite

_KEY = "uscc, year, land_measure_code"

SUITE = Suite(
    "per_mu.land_review",
    (
        Check(
            "firms_of_population",
            "清单与参评名单一致",
            "Exactly the firms and amounts that the population names as reasons",
            """SELECT coalesce(t.uscc, p.uscc) AS uscc, coalesce(t.year, p.year) AS year
            FROM {table} t FULL JOIN (SELECT uscc, year, unnest(status_reasons) AS reason FROM per_mu.population) p
            ON p.uscc = t.uscc AND p.year = t.year AND p.reason = 'land_too_small:' || t.land_measure_code
            WHERE t.uscc IS NULL AND p.reason LIKE 'land_too_small:%' OR p.uscc IS NULL""",
        ),
        Check(
            "land_below_least",
            "用地面积小于最少用地",
            "The recorded land is less than the least land, which is rounded",
            f"SELECT {_KEY}, land_area_mu, least_land_mu FROM {{table}} WHERE land_area_mu > least_land_mu",
        ),
        Check(
            "least_land_recomputes",
            "最少用地可复算",
            "The least land is the amount by the bound of the industry, to 1e-6",
            f"""SELECT {_KEY}, least_land_mu FROM {{table}} t
            JOIN rules.land_limit m ON m.division = t.industry_division_code
            WHERE abs(CAST(least_land_mu AS DOUBLE) - CAST(carried_amount AS DOUBLE) / CASE land_measure_code
                WHEN 'staff' THEN 2000 / (3 * m2_per_person)
                WHEN 'value_added' THEN value_added_per_mu ELSE tax_per_mu END) > 0.000001""",
        ),
        Check(
            "out_of_d",
            "上年D类企业今年因用地存疑不评级",
            "A firm graded D last year is not graded this year, because its land cannot carry it: to be verified first",
            """SELECT DISTINCT t.uscc, t.year, t.land_area_mu FROM {table} t JOIN per_mu.enterprise_grade g
                ON g.uscc = t.uscc AND CAST(g.year AS INTEGER) + 1 = CAST(t.year AS INTEGER)
            WHERE g.final_grade = 'D'""",
            level="warn",
        ),
    ),
    may_be_empty=True,
    rules=LAND_LIMIT,
)  # fmt: skip
