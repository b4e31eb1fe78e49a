"""Figures of firms (经济指标) in the base year and in each year.

A year's figures are integers in the senders' smallest units, so that the files hold exact decimals.
"""

from __future__ import annotations

from dataclasses import dataclass

from demo_city.world.draws import Bools, Floats, Ints

YI = 10_000.0  # 1 亿元 in 万元
STATISTICS = (
    "output", "sales_output", "value_added", "revenue", "profit", "tax_paid_stat",
    "rd_expense", "new_product_output", "export_value",
)  # fmt: skip
TAXES = ("vat", "export_offset", "income", "consumption", "surcharge", "land_use", "property", "other")
POLLUTANTS = ("cod", "nh3n", "so2", "nox")


@dataclass(frozen=True)
class Base:
    """Figures of the base year by site, for each site both as a firm above scale and (``small_*``) as one below.

    Money in 万元, energy in tons of standard coal, power in kWh, emissions in tons.
    """

    money: dict[str, Floats]
    taxes: dict[str, Floats]
    employees: Floats
    energy: Floats
    power: Floats
    emissions: dict[str, Floats]
    has_permit: Bools
    small_revenue: Floats
    small_taxes: dict[str, Floats]
    small_staff: Floats
    small_power: Floats


@dataclass(frozen=True)
class Year:
    """Figures of one year by site, integers in the senders' smallest units; 0 if the site has none."""

    #: thousand yuan
    money: dict[str, Ints]
    #: 0.01 yuan
    taxes: dict[str, Ints]
    #: Revenue declared to the tax authority, 0.01 yuan.
    declared: Ints
    employees: Ints
    insured: Ints
    #: 0.01 tons of standard coal, at equivalent and at calorific value
    energy: Ints
    calorific: Ints
    #: kWh
    power: Ints
    #: grams for cod and nh3n, kilograms for so2 and nox
    emissions: dict[str, Ints]
