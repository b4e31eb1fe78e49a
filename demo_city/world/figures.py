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
#: Classes of discharge permits: 重点, 简化, 登记管理, none.
KEY, SIMPLIFIED, REGISTERED, UNPERMITTED = 0, 1, 2, 3
POLLUTANTS = ("cod", "nh3n", "so2", "nox")


@dataclass(frozen=True)
class Base:
    """What each site's firm is like: figures of the base year and traits that last.

    Money in 万元, energy in tons of standard coal, power in kWh, emissions in tons, land in mu.
    """

    #: Output, value added, revenue, and R&D as usual for a firm that has any.
    money: dict[str, Floats]
    #: Value added per output, and revenue per output.
    va_rate: Floats
    turnover: Floats
    #: Sales per output; R&D per revenue; odds of the shares of new products and exports (see ``shares.py``).
    sales: Floats
    rd_share: Floats
    new_odds: Floats
    export_odds: Floats
    #: R&D, new products and exports as compared within the firm's kind of industry, by state (see ``states.py``).
    stakes: dict[str, Floats]
    #: Profit per revenue of a firm with a profit, and loss per revenue of one at a loss.
    gain: Floats
    loss: Floats
    #: Factors of the firm's taxes and of its refunds, by kind of tax; below scale: tax per revenue in the base year.
    tax_traits: dict[str, Floats]
    small_tax_rate: Floats
    #: Least cost of a person's work in the base year, 万元.
    pay: Floats
    land_mu: Floats
    staff: Floats
    energy: Floats
    power: Floats
    emissions: dict[str, Floats]
    #: Class of the discharge permit: ``KEY`` to ``UNPERMITTED``.
    permit: Ints

    @property
    def has_permit(self) -> Bools:
        """Whether a firm on the site, if above scale, has a permit with amounts, so that it reports emissions."""
        holds: Bools = (self.permit == KEY) | (self.permit == SIMPLIFIED)
        return holds


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
