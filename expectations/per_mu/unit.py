"""Suite 评价单元数据: the units graded in their own name, with the sums of their firms."""

from __future__ import annotations

from expectations.checks.part_year import figures_as_of
from expectations.checks.year_before import compared, totals_steady
from expectations.gate.suite import Check, Suite
from schemas.contract import contract

#: Columns of core.enterprise_year that are summed unchanged.
_SUMS = tuple(
    sorted(
        set(contract("per_mu.unit").column_names)
        & {c.name for c in contract("core.enterprise_year").columns if c.unit}
    )
)
#: Those whose totals are compared with the year before.
_STEADY = (
    "declared_revenue_wan_yuan", "emission_t", "employees_average", "energy_tce", "land_area_mu", "power_kwh",
    "rd_expense_wan_yuan", "revenue_wan_yuan", "value_added_wan_yuan",
)  # fmt: skip

#: Figures compared with the year before, list by list.
_YEAR_BEFORE = {
    "tax_contribution": "tax_contribution_wan_yuan",
    **{
        column.rsplit("_", maxsplit=2 if column.endswith("_wan_yuan") else 1)[0]: column for column in _STEADY
    },
}

_MEMBERS = """SELECT p.evaluation_uscc AS uscc, year, count(*) AS firms, {sums}
    FROM per_mu.population p JOIN core.enterprise_year y USING (uscc, year)
    WHERE p.eval_status_code = 'graded' AND p.unit_role_code IN ('own', 'merged') GROUP BY ALL"""

SUITE = Suite(
    "per_mu.unit",
    (
        figures_as_of(),
        Check(
            "units_of_population",
            "评价单元与名单一致",
            "Exactly the units graded in their own name, in their district and list",
            """SELECT coalesce(u.uscc, p.uscc) AS uscc, coalesce(u.year, p.year) AS year
            FROM {table} u FULL JOIN (SELECT * FROM per_mu.population
                WHERE eval_status_code = 'graded' AND unit_role_code = 'own') p
            ON p.uscc = u.uscc AND p.year = u.year
            WHERE u.uscc IS NULL OR p.uscc IS NULL
                OR p.district_code <> u.district_code OR p.list_code <> u.list_code""",
        ),
        Check(
            "sums_of_members",
            "单元数据等于成员企业合计",
            "Every figure is the sum over the unit's firms",
            f"""SELECT u.uscc, u.year, u.member_count FROM {{table}} u
            LEFT JOIN ({_MEMBERS.format(sums=", ".join(f"sum(y.{c}) AS {c}" for c in _SUMS))}) m
            ON m.uscc = u.uscc AND m.year = u.year
            WHERE m.firms IS DISTINCT FROM u.member_count
                OR {" OR ".join(f"m.{c} IS DISTINCT FROM u.{c}" for c in _SUMS)}""",
        ),
        Check(
            "withheld_of_members",
            "应报未报数据与成员企业相符",
            "A figure is withheld exactly if a firm of the unit owes it and sent no report, not even a faulty one",
            """SELECT u.uscc, u.year, u.withheld_figures FROM {table} u LEFT JOIN (
                SELECT p.evaluation_uscc AS uscc, year, list_sort(list_distinct(list(d.figure))) AS withheld
                FROM per_mu.population p JOIN core.enterprise_year y USING (uscc, year)
                JOIN rules.duty d ON list_contains(y.missing_feeds, d.feed)
                    AND NOT list_contains(y.quarantined_feeds, d.feed)
                WHERE p.eval_status_code = 'graded' AND p.unit_role_code IN ('own', 'merged') GROUP BY ALL) m
            ON m.uscc = u.uscc AND m.year = u.year
            WHERE coalesce(m.withheld, []) <> list_sort(u.withheld_figures)""",
        ),
        *totals_steady("list_totals", "list_code", "各组", "a list's units"),
    ),
    summary=compared(_YEAR_BEFORE, groups=(("list_code",),)),
    rules={"duty": {"feed": "VARCHAR", "figure": "VARCHAR"}},
)
