"""Figures of firms (经济指标): what is known of each for the base year, and of each year.

Results are whole numbers of the senders' smallest units, so that the files hold exact decimals.
"""

from __future__ import annotations

from dataclasses import dataclass

from demo_city.world.draws import Bools, Floats, Ints

YI = 10_000.0  # 万元 in 亿元
STATISTICS = (
    "output", "sales_output", "value_added", "revenue", "profit", "tax_paid_stat",
    "rd_expense", "new_product_output", "export_value",
)  # fmt: skip
TAXES = ("vat", "export_offset", "income", "consumption", "surcharge", "land_use", "property", "other")
POLLUTANTS = ("cod", "nh3n", "so2", "nox")


@dataclass(frozen=True)
class Base:
    """Figures of the base year by site, as if every site were above (and, in ``small_*``, below) scale."""

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
    """Figures of one year by site: whole numbers of the senders' smallest units; 0 where it has none."""

    #: thousand yuan
    money: dict[str, Ints]
    #: cents (0.01 yuan)
    taxes: dict[str, Ints]
    declared: Ints
    employees: Ints
    insured: Ints
    #: 0.01 tons of standard coal
    energy: Ints
    calorific: Ints
    #: kWh
    power: Ints
    #: grams for cod and nh3n, kilograms for so2 and nox
    emissions: dict[str, Ints]
