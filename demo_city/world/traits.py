"""Traits of the demo city's firms (企业特征): what makes their accounts, taxes, staff and energy differ for good."""

from __future__ import annotations

import numpy as np

from demo_city.world.base_energy import energy_of
from demo_city.world.base_year import Sizes
from demo_city.world.classes import Codes
from demo_city.world.draws import Floats, stream
from demo_city.world.figures import YI, Base
from demo_city.world.parameters import Parameters
from demo_city.world.permits import draw_permits
from demo_city.world.population import Population, in_groups
from demo_city.world.shares import odds_of

#: Process industries: little R&D, few new products and exports against their output.
_PROCESS = ("16", "25", "31", "32", "44", "45-46")
#: Technical industries, and their R&D against that of the others. Assumed.
_TECHNICAL, _MORE = ("27", "34", "35", "36", "37", "38", "39", "40"), 1.7


def base_figures(p: Parameters, population: Population, sizes: Sizes, land_mu: Floats, works: Codes) -> Base:
    """Draw the traits: ``land_mu`` is the land that each site uses, ``works`` the industry class on it."""
    rng, f, n = stream(population.seed, "figures"), p.firm, population.sites
    first = np.arange(n) < population.first_above
    process = in_groups(p, population, _PROCESS)
    revenue = sizes.output * sizes.turnover
    rd = np.minimum(f.rd_median * np.exp(f.rd_sigma * rng.standard_normal(n)), 0.9 * f.rd_max) / 100
    more = np.where(in_groups(p, population, _TECHNICAL), _MORE, 1.0)
    rd_share = np.where(process, rng.uniform(0.003, 0.01, n), np.minimum(rd * more, 0.9 * f.rd_max / 100))
    new, abroad = rng.beta(1.7, 2.2, n), rng.beta(0.9, 1.2, n)
    energy, power = energy_of(
        p, population, works, first, revenue=revenue, value_added=sizes.value_added, rng=rng
    )
    burnt = np.maximum(energy - power * 0.30 / 1000, 0.0)
    permit_rng = stream(population.seed, "permits")
    permit, emissions = draw_permits(p, population, works, sizes, burnt=burnt, rng=permit_rng)
    size_factor = (np.maximum(sizes.output, 1.0) / f.output_median) ** f.gain_size_exponent
    tax_traits = _tax_traits(rng, n)
    return Base(
        money={
            "output": sizes.output,
            "value_added": sizes.value_added,
            "revenue": revenue,
            "rd_expense": revenue * rd_share,
        },
        va_rate=sizes.value_added / np.maximum(sizes.output, 1e-9),
        turnover=sizes.turnover,
        sales=np.clip(rng.normal(0.98, 0.02, n), 0.8, 1.05),
        rd_share=rd_share,
        new_odds=odds_of(new, 1.0) * np.where(process, 0.2, 1.0),
        stakes={"rd": rd, "new_products": new, "export": abroad},
        export_odds=odds_of(np.clip(abroad, 0.005, 0.95), 1.0) * np.where(process, 0.1, 1.0),
        gain=f.gain_median / 100 * size_factor * np.exp(f.gain_sigma * rng.standard_normal(n)),
        loss=np.minimum(f.loss_mean / 100 * (0.1 + rng.exponential(0.9, n)), 0.4),
        tax_traits=tax_traits,
        pay=_least_pay(p, population, rng),
        small_tax_rate=_small_tax_rate(p, population, revenue, tax_traits["vat"]),
        land_mu=land_mu,
        staff=sizes.staff,
        energy=energy,
        power=power,
        emissions=emissions,
        permit=permit,
    )


def _tax_traits(rng: np.random.Generator, n: int) -> dict[str, Floats]:
    """Factors of the firms' taxes, each about 1 on average; ``refund``: VAT refunded against the other taxes."""
    return {
        "vat": np.exp(0.6 * rng.standard_normal(n) - 0.18),
        "export_offset": rng.uniform(0.6, 0.98, n),
        "income": rng.uniform(0.6, 1.2, n),
        "property": rng.uniform(0.5, 1.5, n),
        "payable": rng.uniform(0.9, 1.1, n),
        "refund": rng.uniform(1.05, 2.0, n),
    }


def _least_pay(p: Parameters, population: Population, rng: np.random.Generator) -> Floats:
    """What a year's work costs each firm at least, with social insurance: 万元 a person in the base year. Assumed.

    The landmarks have no profit beyond it that the city's total decides, so theirs is the cost of work and wear.
    """
    large = (population.giant >= 0) | population.tail
    pay: Floats = np.where(large, 6.5, 5.2) * np.exp(0.12 * np.abs(rng.standard_normal(population.sites)))
    for number, landmark in enumerate(p.landmarks):
        pay[population.giant == number] = landmark.pay
    return pay


def _small_tax_rate(p: Parameters, population: Population, revenue: Floats, factor: Floats) -> Floats:
    """Tax per revenue of each site below scale; the base year's firms pay the city's total."""
    small = (population.appears == p.base_year) & (np.arange(population.sites) >= population.first_above)
    goal = p.below_scale.tax * YI * population.scale
    rate: Floats = factor * (goal / (revenue * factor)[small].sum())
    return rate
