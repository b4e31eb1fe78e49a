"""Shares below a limit, fitted to a total: no share reaches its limit, so none pile up there."""

from __future__ import annotations

import numpy as np

from demo_city.world.draws import Bools, Floats


def odds_of(share: Floats, most: Floats | float) -> Floats:
    """Odds of each share against its limit: 0 for none, growing without bound towards the limit."""
    part = np.clip(share / most, 0.0, 1 - 1e-9)
    odds: Floats = part / (1 - part)
    return odds


def fitted(odds: Floats, most: Floats | float, weight: Floats, total: float) -> Floats:
    """Amounts: share x weight, with all odds multiplied by one factor, so that they add up to ``total``.

    A bisection finds the factor. Small shares so change in proportion, and large ones stay below ``most``. If the total
    is out of reach, the amounts are close to ``most`` x weight.

    >>> fitted(np.array([1.0, 1.0, 0.0]), 0.9, np.array([10.0, 20.0, 30.0]), 9.0).round(6).tolist()
    [3.0, 6.0, 0.0]
    """
    factor = factor_of(odds, most, weight, total)
    amounts: Floats = most * weight * (factor * odds / (1 + factor * odds))
    return amounts


def factor_of(odds: Floats, most: Floats | float, weight: Floats, total: float) -> float:
    """The factor of the odds at which shares x weights add up to ``total``."""
    low, high = -20.0, 20.0
    largest = most * weight
    for _ in range(70):
        middle = (low + high) / 2
        scaled = np.exp(middle) * odds
        reached = float((largest * (scaled / (1 + scaled))).sum())
        low, high = (middle, high) if reached < total else (low, middle)
    return float(np.exp(low))


def joined(active: Bools, may: Bools, weight: Floats, needed: float) -> Bools:
    """The active sites; in a small city the largest others join until their weight reaches what is needed."""
    have = float(weight[active].sum())
    if have >= needed:
        return active
    others = np.flatnonzero(may & ~active)
    others = others[np.argsort(-weight[others], kind="stable")]
    count = int(np.searchsorted(np.cumsum(weight[others]), needed - have)) + 1
    with_others = active.copy()
    with_others[others[:count]] = True
    return with_others
