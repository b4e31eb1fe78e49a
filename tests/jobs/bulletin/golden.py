"""Firms of golden cases: each is one line of district, division, output and land."""

from __future__ import annotations

from decimal import Decimal

from tests.oracles.bulletin import Firm


def firm(
    name: str,
    district: str,
    output: str | None,
    *,
    division: str | None = "36",
    tax: str | None = None,
    land: str | None = None,
    is_above: bool = True,
) -> Firm:
    figures = {"output_wan_yuan": output, "tax_total_wan_yuan": tax, "land_area_mu": land}
    return Firm(
        "2024", name, district, division, is_above, {n: Decimal(v) if v else None for n, v in figures.items()}
    )
