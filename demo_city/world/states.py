"""States of firms that come and go (状态转移): a loss, R&D, new products, exports.

Each is a Markov chain by site: the share of firms with it stays, and some firms enter and leave it every year.
"""

from __future__ import annotations

import numpy as np

from demo_city.world.draws import Bools, Floats, stream
from demo_city.world.parameters import Parameters
from demo_city.world.population import Population

#: What drifts from year to year besides output, and by how much (standard deviation of the logarithm). Assumed.
_DRIFTS = {
    "margin": 0.06,
    "gain": 0.25,
    "tax": 0.10,
    "staff": 0.06,
    "energy": 0.08,
    "rd": 0.15,
    "new": 0.2,
    "export": 0.2,
}
#: Part of a drift that is left after a year.
_KEPT = 0.9


#: Part of the firms that may enter or leave a state in which they would have much at stake: those with the least.
_CHANGING = 0.4


def states_of(
    p: Parameters, population: Population, stakes: dict[str, Floats], year: int
) -> dict[str, Bools]:
    """Whether each site's firm is in each state of the parameters in the year. All large firms have R&D.

    Args:
        stakes: what is at stake by state; a firm that exports most of its output does not stop within a year.
    """
    large = (population.giant >= 0) | population.tail
    rng = stream(population.seed, "states")
    states, changing = {}, {}
    for name, state in p.states.items():
        states[name] = rng.random(population.sites) < state.share
        changing[name] = _changing(state.changing, stakes.get(name), large)
    for y in range(p.base_year + 1, year + 1):
        rng = stream(population.seed, f"states-{y}")
        for name, state in p.states.items():
            draw = rng.random(population.sites)
            # as many firms enter as leave
            stays = draw >= changing[name] / 2 / state.share
            enters = draw < changing[name] / 2 / (1 - state.share)
            states[name] = np.where(states[name], stays, enters)
    return states | {"rd": states["rd"] | large}


def _changing(chance: float, stake: Floats | None, large: Bools) -> Floats | float:
    """Chance of a change by site: if something is at stake, only smaller firms with little at stake change."""
    if stake is None:
        return chance
    little = (stake < np.quantile(stake, _CHANGING)) & ~large
    return np.where(little, chance / _CHANGING, 0.0)


def drifts_of(p: Parameters, population: Population, year: int) -> dict[str, Floats]:
    """Factors by kind of figure, 1 in the base year; they return slowly to 1."""
    logs = {name: np.zeros(population.sites) for name in _DRIFTS}
    damp = np.where(population.giant >= 0, p.paths.giant_damping, 1.0)
    for y in range(p.base_year + 1, year + 1):
        rng = stream(population.seed, f"drifts-{y}")
        for name, spread in _DRIFTS.items():
            logs[name] = _KEPT * logs[name] + damp * spread * rng.standard_normal(population.sites)
    return {name: np.exp(log) for name, log in logs.items()}
