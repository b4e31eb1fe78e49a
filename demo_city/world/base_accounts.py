"""The base year's accounts and taxes (基年财务与税收)."""

from __future__ import annotations

import numpy as np

from demo_city.world.draws import Bools, Floats, scale_to
from demo_city.world.figures import TAXES, YI
from demo_city.world.parameters import Parameters
from demo_city.world.population import LANDED, Population
from demo_city.world.raking import district_targets, raked_by_district


def statement(
    p: Parameters,
    population: Population,
    first: Bools,
    *,
    output: Floats,
    value_added: Floats,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """Revenue, sales, profit, R&D, new products and exports, 万元; totals of the ``first`` firms are the plan's."""
    f, n, scale = p.firm, population.sites, population.scale
    process = np.array([d.group in ("25", "31", "32", "44", "45-46", "16") for d in p.divisions])[
        population.group
    ]
    money = {"output": output, "value_added": value_added}

    def to_total(key: str, values: Floats, cap: Floats | None = None) -> Floats:
        scaled = values.copy()
        scaled[first] = scale_to(
            values[first], p.total(key).value * YI * scale, None if cap is None else cap[first]
        )
        return scaled

    money["revenue"] = to_total("revenue", output * rng.uniform(0.9, 1.05, n))
    money["sales_output"] = output * np.clip(rng.normal(0.98, 0.02, n), 0.8, 1.08)
    size_bonus = 1.5 * np.log(np.maximum(output, 1.0) / f.output_median)
    margin = np.clip(rng.normal(f.margin_mean, f.margin_sd, n) + size_bonus, -40, 30) / 100
    margin[population.giant >= 0] = np.maximum(margin[population.giant >= 0], 0.06)
    profit = money["revenue"] * margin
    losses = profit[first & (profit < 0)].sum()
    gains = np.maximum(profit, 0)
    gains[first] = scale_to(
        gains[first],
        p.total("profit").value * YI * scale - losses,
        0.8 * np.maximum(value_added, 0)[first] + 1,
    )
    money["profit"] = np.where(profit < 0, profit, gains)
    share = np.minimum(f.rd_median * np.exp(f.rd_sigma * rng.standard_normal(n)), f.rd_max) / 100
    share[rng.random(n) < f.rd_none_share] = 0
    share[process] = np.minimum(share[process], rng.uniform(0.003, 0.01, n)[process])
    money["rd_expense"] = to_total("rd_expense", money["revenue"] * share, money["revenue"] * f.rd_max / 100)
    new = rng.beta(1.2, 1.8, n) * (rng.random(n) > 0.3) * np.where(process, 0.3, 1.0)
    money["new_product_output"] = to_total("new_product_output", output * new, output * 0.98)
    abroad = rng.beta(0.9, 1.2, n) * (rng.random(n) < f.export_share) * np.where(process, 0.15, 1.0)
    money["export_value"] = to_total("export_value", output * abroad, output * 0.99)
    return money


def taxes_of(
    p: Parameters,
    population: Population,
    first: Bools,
    *,
    money: dict[str, Floats],
    land_mu: Floats,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """Tax contribution by component, 万元; the ``first`` firms of each district add up to its target."""
    f, n = p.firm, population.sites
    va, revenue = money["value_added"], money["revenue"]
    vat = 0.125 * va * np.exp(0.6 * rng.standard_normal(n) - 0.18)
    offset = 0.13 * money["export_value"] * np.exp(0.3 * rng.standard_normal(n) - 0.045)
    income = 0.16 * np.maximum(money["profit"], 0) * rng.uniform(0.6, 1.2, n)
    cars = np.array([d.group == "36" for d in p.divisions])[population.group] & (population.giant >= 0)
    consumption = np.where(cars, 0.01 * revenue, 0.0)
    owns = population.tenure == LANDED
    taxes = {
        "vat": vat,
        "export_offset": offset,
        "income": income,
        "consumption": consumption,
        "surcharge": 0.12 * (vat + offset + consumption),
        # 6 yuan per square metre: 6 x 666.67 / 10,000 = 0.4 万元 per mu
        "land_use": np.where(owns, 0.4 * land_mu, 0.0),
        "property": np.where(owns, 0.7 * land_mu, 0.0) * rng.uniform(0.5, 1.5, n),
        "other": 0.0012 * revenue,
    }
    refund = (rng.random(n) < f.tax_zero_share) & (population.giant < 0) & ~population.tail
    for key in ("export_offset", "income", "consumption", "surcharge"):
        taxes[key] = np.where(refund, 0.0, taxes[key])
    back = taxes["land_use"] + taxes["property"] + taxes["other"]
    taxes["vat"] = np.where(refund, -back * rng.choice([1.0, 1.6], n), taxes["vat"])
    for number, landmark in enumerate(p.landmarks):
        at = population.giant == number
        for key, value in landmark.tax.items():
            taxes[key][at] = value * YI * population.scale
    total = np.sum([taxes[key] for key in TAXES], axis=0)
    free = first & (population.giant != 0) & (population.giant != 1) & ~refund
    district = np.where(first, population.district, -1)
    targets = district_targets(p, "tax", population.scale, "tax_contribution")
    factor = np.divide(
        raked_by_district(total, district, free, targets), total, out=np.ones(n), where=free & (total > 0)
    )
    return {key: value * factor for key, value in taxes.items()}


def statistical_tax(
    p: Parameters, population: Population, first: Bools, taxes: dict[str, Floats], rng: np.random.Generator
) -> Floats:
    """Surcharges, consumption tax and VAT payable, 万元; without income tax and export offset."""
    payable = np.maximum(taxes["vat"], 0) * rng.uniform(0.9, 1.1, population.sites)
    stat = payable + taxes["consumption"] + taxes["surcharge"]
    stat[first] = scale_to(stat[first], p.total("tax_paid_stat").value * YI * population.scale)
    return stat
