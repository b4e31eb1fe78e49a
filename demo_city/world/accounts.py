"""Accounts of the firms above scale in a year (财务指标): they add up to the city's totals. Money in 万元."""

from __future__ import annotations

import numpy as np

from demo_city.world.draws import Bools, Floats, scale_to
from demo_city.world.population import in_groups
from demo_city.world.raking import MOST_VALUE_ADDED, fitted_value_added
from demo_city.world.setting import Setting
from demo_city.world.shares import fitted, joined, odds_of

#: Division groups without exports: energy and water, mining, tobacco.
_NO_EXPORTS = ("44", "45-46", "10", "16")
#: Largest profit against value added. Assumed.
_MOST_PROFIT = 0.75
#: Largest loss against revenue. Assumed.
_MOST_LOSS = 0.4
#: Least profit of the landmarks against revenue: a refinery and a cigarette works pay income tax each year. Assumed.
_LANDMARK_PROFIT = 0.01


def statement(s: Setting) -> dict[str, Floats]:
    """Output, sales, value added, revenue, R&D, new products and exports; 0 below scale."""
    above, base = s.above, s.base
    out = np.where(above, s.output, 0.0)
    negative = _at_loss(s) & (
        s.rng.random(len(out)) < s.p.firm.negative_value_added_share / s.p.states["loss"].share
    )
    money = {"output": out, "value_added": _value_added(s, out, negative)}
    money["revenue"] = _revenue(s)
    money["sales_output"] = out * np.clip(base.sales + 0.01 * s.rng.standard_normal(len(out)), 0.8, 1.05)
    most = s.p.firm.rd_max / 100
    rd = odds_of(base.rd_share, most) * s.drift["rd"]
    money["rd_expense"] = _part(s, "rd_expense", "rd", rd, most, money["revenue"])
    money["new_product_output"] = _part(
        s, "new_product_output", "new_products", base.new_odds * s.drift["new"], s.p.firm.new_product_max, out
    )
    money["export_value"] = _part(
        s,
        "export_value",
        "export",
        base.export_odds * s.drift["export"],
        s.p.firm.export_max,
        money["sales_output"],
    )
    return money


def _value_added(s: Setting, out: Floats, negative: Bools) -> Floats:
    va = out * s.base.va_rate
    va[negative] = -(out * s.rng.uniform(0.01, 0.06, len(out)))[negative]
    odds = odds_of(s.base.va_rate, MOST_VALUE_ADDED) * s.drift["margin"]
    return fitted_value_added(odds, out, va, s.district, s.free & ~negative, s.targets("value_added"))


def _revenue(s: Setting) -> Floats:
    """Revenue; that of firms near the threshold of 规上 is not scaled to the total."""
    revenue = np.where(s.above, s.output * s.base.turnover, 0.0)
    free = revenue > s.p.churn.falling_from
    revenue[free] = scale_to(revenue[free], s.total("revenue") - revenue[~free].sum())
    return revenue


def _at_loss(s: Setting) -> Bools:
    """Firms that the state of the year puts at a loss; the largest are not."""
    loss: Bools = s.states["loss"] & s.above & (s.population.giant < 0) & ~s.population.tail
    return loss


def profit_of(s: Setting, money: dict[str, Floats], persons: Floats) -> Floats:
    """Profit above scale: value added pays the statistical tax and the persons first; the rest has the city's total.

    Firms whose rest is negative make a loss, besides those that the state of the year puts at one.
    """
    value_added, revenue = money["value_added"], money["revenue"]
    wages = s.level / s.p.grown("employees", s.year)
    rest = value_added - money["tax_paid_stat"] - s.base.pay * wages * persons
    most = np.where(s.above, np.minimum(rest, _MOST_PROFIT * np.maximum(value_added, 0)), 0.0)
    lost = np.where(_at_loss(s), -revenue * np.minimum(s.base.loss * s.drift["gain"], _MOST_LOSS), 0.0)
    lost = np.maximum(np.minimum(lost, most), -_MOST_LOSS * revenue)
    settled = np.where(s.landmark, np.maximum(most, _LANDMARK_PROFIT * revenue), lost)
    room = np.where(_at_loss(s) | s.landmark, 0.0, np.maximum(most, 0.0))
    margin = revenue * s.base.gain * s.drift["gain"]
    odds = np.divide(margin, _MOST_PROFIT * value_added, out=np.zeros_like(room), where=room > 0)
    profit: Floats = settled + fitted(odds, 1.0, room, s.total("profit") - settled.sum())
    return profit


def _part(s: Setting, key: str, state: str, odds: Floats, most: float, whole: Floats) -> Floats:
    """A part of ``whole``, below ``most`` of it, of the firms in the state."""
    may, fixed = s.above, np.zeros_like(whole)
    if state == "export":
        may = may & ~in_groups(s.p, s.population, _NO_EXPORTS) & ~s.landmark
        fixed = s.of_landmarks([m.export for m in s.p.landmarks], s.volume)
    goal = s.total(key) - float(fixed.sum())
    # Shares stay moderate if the firms have room for 1.6 times the total.
    active = joined(s.states[state] & may, may, most * whole, 1.6 * goal)
    part: Floats = fixed + fitted(np.where(active, odds, 0.0), most, np.where(active, whole, 0.0), goal)
    return part
