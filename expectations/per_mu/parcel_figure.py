"""Suite 宗地使用人数据: the parts of a firm are its land and its figures, to the last digits."""

from __future__ import annotations

from expectations.checks.part_year import figures_as_of
from expectations.gate.suite import Check, Suite

#: Figure → its last digit: what is lost in cutting is less than one for each part.
_STEPS = {
    "value_added_wan_yuan": "0.000001", "revenue_wan_yuan": "0.000001", "declared_revenue_wan_yuan": "0.000001",
    "rd_expense_wan_yuan": "0.000001", "emission_t": "0.000001", "employees_average": "0.01", "energy_tce": "0.0001",
    "power_kwh": "0.01",
}  # fmt: skip


def _beyond(figure: str, step: str, whole: str) -> str:
    """The parts exceed the whole, or fall short by more than cutting can explain."""
    return (
        f"abs({figure}_parts) > abs({whole}) OR abs({whole}) - abs({figure}_parts) >= {step} * parts + {step}"
    )


_SUMS = ", ".join(f"sum({figure}) AS {figure}_parts" for figure in _STEPS)
_ANY = " OR ".join(_beyond(figure, step, f"y.{figure}") for figure, step in _STEPS.items())

SUITE = Suite(
    "per_mu.parcel_figure",
    (
        Check(
            "uses_of_parcels",
            "与宗地使用逐户一致",
            "Exactly the users of core.parcel_use, with their land",
            """SELECT coalesce(t.parcel_id, u.parcel_id) AS parcel_id, coalesce(t.uscc, u.uscc) AS uscc
            FROM {table} t FULL JOIN (SELECT parcel_id, uscc, year, sum(used_area_mu) AS used
                FROM core.parcel_use GROUP BY ALL) u
            ON u.parcel_id = t.parcel_id AND u.uscc = t.uscc AND u.year = t.year
            WHERE t.parcel_id IS NULL OR u.parcel_id IS NULL OR t.used_area_mu <> u.used""",
        ),
        Check(
            "parts_are_the_whole",
            "各宗地分摊数之和等于企业数",
            "A firm's parts never exceed its figures and fall short by less than a last digit each",
            f"""SELECT s.uscc, s.year FROM {{summary}} s JOIN core.enterprise_year y
            ON y.uscc = s.uscc AND y.year = s.year WHERE {_ANY}""",
        ),
        Check(
            "tax_of_units",
            "税收分摊数之和等于评价单元",
            "The tax of a firm evaluated alone is that of its unit",
            f"""SELECT s.uscc, s.year FROM {{summary}} s JOIN per_mu.unit u ON u.uscc = s.uscc AND u.year = s.year
            WHERE u.member_count = 1 AND ({_beyond("tax", "0.000001", "u.tax_contribution_wan_yuan")})""",
        ),
        Check(
            "shares_are_the_whole",
            "企业用地比例合计为100%",
            "The shares of a firm's land add up to 100 %, to the rounding",
            """SELECT uscc, year FROM {summary} WHERE abs(shares - 100) > 0.0001 * parts AND shares > 0""",
        ),
        figures_as_of(),
    ),
    summary=f"""SELECT uscc, year, count(*) AS parts, sum(firm_land_share_pct) AS shares,
        sum(tax_contribution_wan_yuan) AS tax_parts, {_SUMS} FROM {{table}} GROUP BY uscc, year""",
)
