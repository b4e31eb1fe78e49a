"""The firms' industry classes (行业小类, GB/T 4754-2017): drawn by the weights of ``classes.yml`` in this folder.

A class belongs to a works, so a firm that takes over a site goes on with it. Classes fit the size: smelters, refineries
and shipyards are large, wind farms small, and the largest firms of a group make cars, basic chemicals or power.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from demo_city.world.base_year import Sizes
from demo_city.world.draws import Bools, Floats, Ints, stream
from demo_city.world.figures import YI
from demo_city.world.parameters import Division, Parameters, classes_of
from demo_city.world.population import BELOW, Population
from schemas.contract import ContractError
from schemas.definition import Definition, read_definition

Codes = npt.NDArray[np.str_]
CLASSES = Path(__file__).with_name("classes.yml")
#: Most output that a person counts for in the size of a works, 亿元.
_PER_PERSON = 0.05


class Leaders(Definition):
    """Classes of a group's largest firms, largest first; ``always`` of them at every scale, in these districts."""

    classes: tuple[str, ...]
    always: int = 0
    districts: tuple[str, ...] = ()


class ClassEnergy(Definition):
    """Energy of a class against its group; ``only_power``: classes whose only energy is electricity."""

    factors: dict[str, float]
    only_power: tuple[str, ...]


class ClassWeights(Definition):
    """Per mille of each group's firms by class, factors by district, limits of size, classes of the largest firms."""

    weights: dict[str, dict[str, float]]
    never: tuple[str, ...]
    local: dict[str, dict[str, float]]
    leaders: dict[str, Leaders]
    #: Least or most output of the base year, 亿元, and the classes that have this limit.
    least_output: dict[float, tuple[str, ...]]
    most_output: dict[float, tuple[str, ...]]
    energy: ClassEnergy

    @property
    def large(self) -> frozenset[str]:
        """Classes that need a large works."""
        return frozenset(c for classes in self.least_output.values() for c in classes)

    def of(self, division: Division) -> dict[str, float]:
        """Weight of each class of a division group; classes that the data does not name share the rest to 1,000.

        Raises:
            ContractError: a class is of another group, or the weights exceed 1,000.
        """
        codes = [c for code in division.codes for c in classes_of(f"{code:02d}")]
        named = self.weights[division.group]
        others = [c for c in codes if c not in named and c not in self.never]
        rest = 1000 - sum(named.values())
        if set(named) - set(codes) or rest < 0:
            raise ContractError(
                f"demo_city/world/classes.yml: {division.group}: give classes of the group, up to 1,000"
            )
        return dict.fromkeys(codes, 0.0) | named | {c: rest / len(others) for c in others}


@cache
def class_weights() -> ClassWeights:
    """The weights, validated.

    Raises:
        ContractError: classes.yml is not well formed.
    """
    return read_definition(ClassWeights, CLASSES, ContractError, "demo_city/world/classes.yml")


def site_classes(p: Parameters, population: Population, sizes: Sizes) -> Codes:
    """Industry class of the works on each site, drawn by its group, district and size, or given to the site."""
    q, data, output = population, class_weights(), sizes.output / YI
    size = np.minimum(output, _PER_PERSON * sizes.staff)
    reached = np.searchsorted(sorted(data.least_output), size, side="right")
    exceeded = np.searchsorted(sorted(data.most_output), output)
    drawn = _drawn(p, q, np.arange(q.sites), reached, exceeded, stream(q.seed, "classes"))
    known = _known(p)
    given = _given_classes(p, q, {code: n for n, code in enumerate(known)})
    codes: Codes = np.array(known)[np.where(given >= 0, given, drawn)]
    return codes


def class_codes(p: Parameters, population: Population, works: Codes) -> list[str]:
    """Industry class of each firm: that of its ``works``; a small firm on a large works' site has another class."""
    q, codes = population, works[population.firm_site]
    begins_small = np.zeros(len(codes), dtype=bool)
    for year, status in q.status.items():
        begins_small |= (q.firm_born == year) & (status[q.firm_site] == BELOW)
    firms = np.flatnonzero(begins_small & np.isin(codes, list(class_weights().large)))
    none = np.zeros(len(firms), dtype=np.int64)
    drawn = _drawn(p, q, q.firm_site[firms], none, none, stream(q.seed, "classes-of-successors"))
    codes[firms] = np.array(_known(p))[drawn]
    listed: list[str] = codes.tolist()
    return listed


def _known(p: Parameters) -> list[str]:
    return [c for d in p.divisions for code in d.codes for c in classes_of(f"{code:02d}")]


def _drawn(
    p: Parameters, q: Population, site: Ints, reached: Ints, exceeded: Ints, rng: np.random.Generator
) -> Ints:
    """Position of a class for each site: ``reached`` and ``exceeded`` count the limits of size."""
    known, cumulative = _cumulative_weights(p)
    tier = reached * (len(class_weights().most_output) + 1) + exceeded
    row = (tier * len(p.districts) + q.district[site]) * len(p.divisions) + q.group[site]
    # row r has the cumulative shares r to r + 1, so one search serves all rows
    position: Ints = np.searchsorted(cumulative, row + rng.random(len(site)), side="right") % known
    return position


def _allowed(known: list[str]) -> tuple[Bools, Bools]:
    """Whether a class may be drawn, by the number of least outputs reached, and of most outputs exceeded."""
    data = class_weights()
    large = np.ones((len(data.least_output) + 1, len(known)), dtype=bool)
    for n, (_, classes) in enumerate(sorted(data.least_output.items())):
        large[: n + 1, np.isin(known, classes)] = False
    small = np.ones((len(data.most_output) + 1, len(known)), dtype=bool)
    for n, (_, classes) in enumerate(sorted(data.most_output.items())):
        small[n + 1 :, np.isin(known, classes)] = False
    return large, small


def _cumulative_weights(p: Parameters) -> tuple[int, Floats]:
    """Number of classes, and for each tier, district and group their cumulative shares plus the row's number."""
    data, known = class_weights(), _known(p)
    position = {code: n for n, code in enumerate(known)}
    weight = np.zeros((len(p.districts), len(p.divisions), len(known)))
    for g, division in enumerate(p.divisions):
        for code, value in data.of(division).items():
            weight[:, g, position[code]] = value
    for d, district in enumerate(p.districts):
        for code, factor in data.local.get(district.code, {}).items():
            weight[d, :, position[code]] *= factor
    large, small = _allowed(known)
    tiers = weight * (large[:, None, :] & small[None, :, :])[:, :, None, None, :]
    # a power station with few persons is too large for a supplier, and still is a power station
    none = ~tiers.any(axis=-1)
    tiers[none] = np.broadcast_to(weight * small[:, None, None, :], tiers.shape)[none]
    rows = tiers.reshape(-1, len(known))
    cumulative = np.cumsum(rows, axis=1)
    cumulative /= cumulative[:, -1:]
    cumulative += np.arange(len(rows), dtype=np.float64)[:, None]
    return len(known), cumulative.ravel()


def _given_classes(p: Parameters, population: Population, position: dict[str, int]) -> Ints:
    """Position of the class that a site has because of its size, -1 for all others."""
    given = np.full(population.sites, -1)
    for g, division in enumerate(p.divisions):
        if leaders := class_weights().leaders.get(division.group):
            sites = _leading_sites(p, population, g, leaders)
            codes = leaders.classes[: len(sites)]
            given[sites[: len(codes)]] = [position[code] for code in codes]
    for number, landmark in enumerate(p.landmarks):
        given[population.giant == number] = position[landmark.class_code]
    return given


def _leading_sites(p: Parameters, population: Population, group: int, leaders: Leaders) -> Ints:
    """The group's giants by output, then other large firms in the leaders' districts, up to ``always`` sites."""
    q = population
    giant = (q.group == group) & (q.giant >= len(p.landmarks))
    here = [n for n, d in enumerate(p.districts) if d.code in leaders.districts]
    other = (q.group == group) & (q.giant < 0) & np.isin(q.district, here)
    other &= np.arange(q.sites) < q.first_above
    output = np.array([0.0] * len(p.landmarks) + [size for _, _, size in p.giants])
    size = np.where(giant, 1e6 + output[q.giant], np.where(q.tail, 1e3, 0.0) + q.size)
    sites = np.flatnonzero(giant | other)
    return sites[np.argsort(-size[sites], kind="stable")][: max(int(giant.sum()), leaders.always)]
