"""Faults in figures: taxes, electricity, social insurance, annual and cumulative monthly statistics."""

from __future__ import annotations

from demo_city.faults.plan import ACCEPTED, INCOMPLETE, Change, quarantined
from demo_city.faults.planner import Planner, times
from demo_city.world.figures import TAXES
from demo_city.world.population import ABOVE


def figures(planner: Planner, has_annual: bool) -> None:
    """Faults in taxes, electricity, social insurance and annual statistics."""
    vat, vat_type = "tax_vat_wan_yuan", quarantined("tax_vat_wan_yuan:type")
    planner.add(
        "tax_quarantined_graded",
        "gov_tax",
        planner.site(planner.large),
        {vat: "1.2亿"},
        vat_type,
        INCOMPLETE,
    )
    planner.add("unit_slip_unparsable", "gov_tax", planner.site(planner.small), {vat: "3500万"}, vat_type)
    slip: dict[str, Change] = {f"tax_{key}_wan_yuan": times("0.0001") for key in TAXES}
    planner.add("unit_slip_parsable", "gov_tax", planner.site(planner.large), slip, ACCEPTED)
    for site in (planner.site(planner.large), planner.site(planner.small)):
        missing = quarantined("tax_vat_wan_yuan:missing")
        outcomes = (missing, INCOMPLETE) if site in planner.large else (missing,)
        planner.add("missing_required", "gov_tax", site, {vat: None}, *outcomes)
    power = "power_kwh"
    many: dict[str, Change] = {power: times("10000")}
    planner.add("unit_slip_parsable", "gov_electricity", planner.site(planner.small), many, ACCEPTED)
    planner.add(
        "out_of_domain",
        "gov_electricity",
        planner.site(planner.small),
        {power: "-1.5000"},
        quarantined("power_kwh:domain"),
    )
    insured = "insured_count"
    domain, kind = quarantined("insured_count:domain"), quarantined("insured_count:type")
    planner.add("out_of_domain", "gov_social_insurance", planner.site(planner.small), {insured: "-5"}, domain)
    planner.add(
        "not_a_number", "gov_social_insurance", planner.site(planner.small), {insured: "约20人"}, kind
    )
    if not has_annual:
        return
    annual = "gov_statistics_annual"
    planner.add(
        "unit_slip_unparsable",
        annual,
        planner.site(planner.large),
        {"revenue_wan_yuan": "1.2亿"},
        quarantined("revenue_wan_yuan:type"),
        INCOMPLETE,
    )
    negative: dict[str, Change] = {"value_added_wan_yuan": lambda text: f"-{abs(int(text)) // 3 + 1}"}
    planner.add("negative_value_added", annual, planner.site(planner.large), negative, ACCEPTED)
    site = planner.site(planner.large)
    revenue = int(planner.city.year(planner.year).money["revenue"][site])
    planner.add("rd_above_revenue", annual, site, {"rd_expense_wan_yuan": str(revenue * 3 // 2)}, ACCEPTED)


def cumulative(planner: Planner, year: int) -> None:
    """Cumulative output that falls from one month to the next."""
    q = planner.city.population
    for _ in range(2):
        settled = [
            s
            for s in planner.large
            if q.status[year][s] == ABOVE and q.firm[year][s] == q.firm[planner.year][s]
        ]
        site = planner.site(settled)
        fall: dict[str, Change] = {"output_wan_yuan": times("0.5", places=0)}
        planner.add("cumulative_falls", "gov_statistics_monthly", site, fall, ACCEPTED, period=f"{year}-07")
