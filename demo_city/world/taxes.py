"""Taxes of the firms in a year (税收): the contribution by component, and the statistical tax. Money in 万元.

VAT, export offset and income tax are shares of value added, exports and profit. They stay below their legal limits, and
one factor of their odds in each district (see ``shares.py``) fits the taxes to the district's target.
"""

from __future__ import annotations

import numpy as np

from demo_city.world.draws import Bools, Floats
from demo_city.world.figures import TAXES
from demo_city.world.population import LANDED, in_groups
from demo_city.world.setting import Setting
from demo_city.world.shares import factor_of, odds_of

#: Largest VAT against value added: 13 %, as pay and profit bear it and purchases deduct it with a lag. Assumed.
MOST_VAT = 0.18
#: Export exempt-offset against exports: the rate of VAT. Income tax against profit: its rate.
MOST_OFFSET, MOST_INCOME = 0.13, 0.25
#: Usual VAT and income tax against value added and profit, before the fit. Assumed.
_VAT, _INCOME = 0.10, 0.18
#: Urban maintenance, education and local education surcharges on VAT, offset and consumption tax.
_SURCHARGE = 0.12
#: Consumption tax of giants against revenue: cars and refining. Assumed.
_CONSUMPTION = {"36": 0.03, "25": 0.08}
#: Income tax of the landmarks against its limit. Assumed.
_LANDMARK_INCOME = 0.92
#: Largest factor of the odds in a district, so that no firms pile up at the limits if its target is out of reach.
_MOST_FACTOR = 20.0
#: Firms to which VAT is refunded have less output, and firms that may be dormant less revenue, 万元. Assumed.
_REFUND_BELOW, _DORMANT_BELOW = 20_000.0, 60.0


def taxes_of(s: Setting, money: dict[str, Floats], revenue: Floats) -> dict[str, Floats]:
    """Tax contribution by component; the firms above scale of each district add up to its target.

    Args:
        money: the accounts of the firms above scale.
        revenue: revenue of all firms.
    """
    large, small = _large(s, money), _small(s, revenue)
    return {key: np.where(s.above, large[key], small[key]) for key in TAXES}


def statistical_tax(s: Setting, taxes: dict[str, Floats]) -> Floats:
    """Surcharges, consumption tax and VAT payable; without income tax and export offset. 0 below scale.

    VAT payable of the year is not the VAT paid in it; that of all but the landmarks is fitted to the city's total.
    """
    payable = np.where(s.above, np.maximum(taxes["vat"], 0), 0.0)
    rest = np.where(s.above, taxes["consumption"] + taxes["surcharge"], 0.0)
    own = np.where(s.landmark, 0.0, payable * s.base.tax_traits["payable"])
    fixed = rest + np.where(s.landmark, payable, 0.0)
    left = s.total("tax_paid_stat", s.p.grown("tax", s.year)) - fixed.sum()
    stat: Floats = fixed + own * (max(left, 0.0) / max(own.sum(), 1e-9))
    return stat


def _refunded(s: Setting, money: dict[str, Floats]) -> Bools:
    """Small exporters and small firms at a loss whose input VAT is refunded (出口退税、留抵退税)."""
    may = (money["export_value"] > 0) | (money["profit"] < 0)
    refunded: Bools = s.above & s.states["refund"] & may & (money["output"] < _REFUND_BELOW)
    return refunded & ~s.population.tail & (s.population.giant < 0)


def _large(s: Setting, money: dict[str, Floats]) -> dict[str, Floats]:
    """Taxes as above scale, fitted to the districts' targets."""
    refunded = _refunded(s, money)
    taxes = _unfitted(s, money)
    given = sum_of(taxes) + _SURCHARGE * taxes["consumption"]
    limits, odds = _limits(money), _odds(s)
    parts = limits * odds / (1 + odds)
    parts[:2, s.landmark] = np.minimum(_of_landmarks(s, ("vat", "export_offset")), limits[:2])[:, s.landmark]
    parts[2, s.landmark] = _LANDMARK_INCOME * limits[2, s.landmark]
    parts[1, refunded] = 0.0
    other = parts[2] + taxes["land_use"] + taxes["property"] + taxes["other"]
    parts[0, refunded] = -(other * s.base.tax_traits["refund"])[refunded]

    free = s.above & ~s.landmark & ~refunded
    settled = np.where(free, 0.0, parts.sum(axis=0) + _surcharge(parts)) + given
    parts[:, free] = _fitted(s, odds[:, free], limits[:, free], settled, free)
    vat, offset, income = parts
    surcharge = _surcharge(parts) + _SURCHARGE * taxes["consumption"]
    return taxes | {"vat": vat, "export_offset": offset, "income": income, "surcharge": surcharge}


def _unfitted(s: Setting, money: dict[str, Floats]) -> dict[str, Floats]:
    """Consumption tax, land-use and property tax, and all other taxes."""
    base, revenue = s.base, money["revenue"]
    consumption = np.zeros(s.population.sites)
    for group, rate in _CONSUMPTION.items():
        at = in_groups(s.p, s.population, (group,)) & (s.population.giant >= 0)
        consumption[at] = rate * revenue[at]
    owns = s.population.tenure == LANDED
    own_consumption, own_other = _of_landmarks(s, ("consumption", "other"))
    return {
        "consumption": np.where(s.landmark, own_consumption, consumption),
        # 6 yuan per square metre: 6 x 666.67 / 10,000 = 0.4 万元 per mu
        "land_use": np.where(owns, 0.4 * base.land_mu, 0.0),
        "property": np.where(owns, 0.7 * base.land_mu, 0.0) * base.tax_traits["property"],
        "other": np.where(s.landmark, own_other, 0.0012 * revenue),
    }


def _of_landmarks(s: Setting, keys: tuple[str, ...]) -> Floats:
    """Taxes of the landmarks in the parameters, by component and site; they grow with the city's taxes."""
    level = s.p.grown("tax", s.year)
    return np.array([s.of_landmarks([m.tax[key] for m in s.p.landmarks], level) for key in keys])


def _limits(money: dict[str, Floats]) -> Floats:
    """Largest VAT, export offset and income tax of each site."""
    return np.array(
        [
            MOST_VAT * np.maximum(money["value_added"], 0),
            MOST_OFFSET * money["export_value"],
            MOST_INCOME * np.maximum(money["profit"], 0),
        ]
    )


def _odds(s: Setting) -> Floats:
    """Odds of usual VAT, export offset and income tax against their limits."""
    factor = s.base.tax_traits
    # Odds spread the firms with much VAT below its limit.
    vat = odds_of(np.full(s.population.sites, _VAT), MOST_VAT) * factor["vat"] * s.drift["tax"]
    income = _INCOME * factor["income"]
    return np.array([vat, odds_of(factor["export_offset"], 1.0), odds_of(income, MOST_INCOME)])


def _surcharge(parts: Floats) -> Floats:
    """Surcharges on VAT and export offset; none on refunds."""
    on_vat: Floats = _SURCHARGE * (np.maximum(parts[0], 0.0) + parts[1])
    return on_vat


def _fitted(s: Setting, odds: Floats, limits: Floats, settled: Floats, free: Bools) -> Floats:
    """VAT, export offset and income tax of the free firms, fitted to what the districts' targets leave for them."""
    goals = s.targets("tax", "tax_contribution", s.p.grown("tax", s.year))
    district, worth = (
        s.population.district[free],
        limits * np.array([[1 + _SURCHARGE], [1 + _SURCHARGE], [1.0]]),
    )
    left = goals - np.bincount(s.population.district[s.above], settled[s.above], len(goals))
    scaled = odds.copy()
    for d, goal in enumerate(left.tolist()):
        here = district == d
        factor = factor_of(odds[:, here], 1.0, worth[:, here], goal)
        scaled[:, here] *= np.clip(factor, 1 / _MOST_FACTOR, _MOST_FACTOR)
    # A district with few firms may miss its share, so fit all to the city's total.
    scaled *= factor_of(scaled, 1.0, worth, float(left.sum()))
    parts: Floats = limits * scaled / (1 + scaled)
    return parts


def sum_of(taxes: dict[str, Floats]) -> Floats:
    """Sum of the components."""
    total: Floats = np.sum(list(taxes.values()), axis=0)
    return total


def _small(s: Setting, revenue: Floats) -> dict[str, Floats]:
    """Taxes as below scale: the share of revenue falls as the city's tax grows less than its value added.

    Firms below scale export through traders, so they have no export offset. Dormant ones pay for their land only.
    """
    base = s.base
    burden = s.p.grown("tax", s.year) / s.level
    tax = base.small_tax_rate * burden * revenue * s.drift["tax"]
    owns = s.population.tenure == LANDED
    land_use = np.minimum(np.where(owns, 0.4 * base.land_mu, 0.0), 0.4 * tax)
    property_tax = np.minimum(np.where(owns, 0.5 * base.land_mu, 0.0), 0.2 * tax)
    dormant = s.states["dormant"] & (revenue < _DORMANT_BELOW)
    rest = np.where(dormant, 0.0, tax - land_use - property_tax)
    none = np.zeros(len(tax))
    return {
        "vat": 0.71 * rest,
        "export_offset": none,
        "income": 0.16 * rest,
        "consumption": none,
        "surcharge": 0.085 * rest,
        "land_use": land_use,
        "property": property_tax,
        "other": 0.045 * rest,
    }
