"""The demo city's sites and the firms on them (企业).

The city is a fixed set of sites (one array position each). A site has a district, a division group and a tenure. The
firm on it may change: when a firm leaves, another legal person takes over the site. So land and tenancy stay
consistent over the years, however many firms come and go. ``directory.py`` tells which firm is there in which year.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from demo_city.world.draws import Bools, Floats, Ints, Short, fit_table, shares_to_counts, stream
from demo_city.world.parameters import Parameters

ABSENT, BELOW, ABOVE = 0, 1, 2
#: Change of the firm's entry in the directory; positions in :data:`CHANGES`.
NONE, NEW, UPGRADED, DROPPED = 0, 1, 2, 3
CHANGES = ("none", "new", "upgraded", "dropped")
#: Tenure of a site: own parcel, lease on a surveyed parcel, rented rooms outside surveyed land.
LANDED, TENANT, ROOMS = 0, 1, 2
#: Age of the oldest firms in the base year: state works of the 1950s. Assumed.
_OLDEST = 65
#: Age beyond which fewer firms were founded the further back, because the private economy was young, and the years in
#: which the number falls to 1/e. Assumed.
_REFORM, _REFORM_YEARS = 28, 6


@dataclass
class Population:
    """Sites by position, firms (legal persons) by number, and the state of each year."""

    seed: int
    scale: float
    district: Ints
    group: Ints
    #: From 0: the landmarks, then the giants, in the order of the parameters; -1 for any other firm.
    giant: Ints
    #: Firms with output of 10 to 100 亿 that are no giants.
    tail: Bools
    #: Standard normal score of a site's size.
    size: Floats
    tenure: Ints
    #: First year with a firm on the site.
    appears: Ints
    #: Founding year of the base year's firm; the first year of a site that appears later.
    founded: Ints
    #: Number of the base year's firms above scale; they have the first positions.
    first_above: int
    #: Village collectives that operate as firms; their credit codes begin with N2.
    collective: Bools
    status: dict[int, Short] = field(default_factory=dict)
    change: dict[int, Short] = field(default_factory=dict)
    #: Number of the firm on each site, -1 if the site has none yet.
    firm: dict[int, Ints] = field(default_factory=dict)
    #: Site of each firm, its first year in the directory, and its founding year.
    firm_site: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    firm_born: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    firm_founded: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def sites(self) -> int:
        return len(self.district)

    def in_year(self, year: int) -> Ints:
        """Sites with a firm in the year's directory."""
        return np.flatnonzero(self.status[year] != ABSENT)


def draw_sites(p: Parameters, seed: int, scale: float, last_year: int) -> Population:
    """Draw the sites of all years up to ``last_year``, without the directory of any year."""
    rng = stream(seed, "population")
    table = _cells(p)
    district, group, giant = _above(p, scale, table)
    above = len(district)
    below_base = max(20, round(p.below_scale.firms * scale))
    added = max(1, round(below_base * (p.churn.below_in_share - p.churn.below_out_share)))
    later = np.repeat(np.arange(p.base_year + 1, last_year + 1), added)
    below = below_base + len(later)
    below_district, below_group = _below(p, table, below, rng)
    size = rng.standard_normal(above + below)
    tail = _tail(p, scale, group, giant, rng)
    appears = np.concatenate([np.full(above + below_base, p.base_year), later])
    population = Population(
        seed=seed,
        scale=scale,
        district=np.concatenate([district, below_district]),
        group=np.concatenate([group, below_group]),
        giant=np.concatenate([giant, np.full(below, -1)]),
        tail=np.concatenate([tail, np.zeros(below, dtype=bool)]),
        size=size,
        tenure=_tenure(p, giant, size[above:], below_base, rng),
        appears=appears,
        founded=appears.copy(),
        first_above=above,
        collective=np.zeros(above + below, dtype=bool),
    )
    cixi = next(i for i, d in enumerate(p.districts) if d.code == "330282")
    own_in_cixi = np.flatnonzero(population.district[above : above + below_base] == cixi)[:2] + above
    population.collective[own_in_cixi] = True
    _found(p, population)
    return population


def _cells(p: Parameters) -> Floats:
    """Expected number of firms above scale by district and division group, without group 16 (one plant)."""
    seed = np.full((len(p.districts), len(p.divisions)), 0.1)
    for i, district in enumerate(p.districts):
        for j, division in enumerate(p.divisions):
            if division.only and district.code not in division.only:
                seed[i, j] = 0.0
                continue
            for weight, leading in zip((5, 3, 2, *[1] * 8), district.leading, strict=False):
                if leading in division.codes:
                    seed[i, j] = weight
    seed[:, next(j for j, d in enumerate(p.divisions) if d.group == "16")] = 0.0
    rows = np.array([float(d.firms) for d in p.districts])
    columns = np.array([0.0 if d.group == "16" else float(d.firms) for d in p.divisions])
    return fit_table(seed, rows, columns)


def _above(p: Parameters, scale: float, table: Floats) -> tuple[Ints, Ints, Ints]:
    """District, group and giant number of each firm above scale in the base year."""
    firms = max(4 * len(p.districts), round(p.total("firms").value * scale))
    rows = shares_to_counts([d.firms for d in p.districts], firms, minimum=3)
    codes = {d.code: i for i, d in enumerate(p.districts)}
    groups = {d.group: j for j, d in enumerate(p.divisions)}
    special = [(codes[m.district], groups[m.group]) for m in p.landmarks]
    kept = round(len(p.giants) * min(scale, 1.0))
    special += [(codes[d], groups[g]) for d, g, _ in p.giants[:kept]]
    taken = np.zeros_like(table)
    for cell in special:
        taken[cell] += 1
    spare = np.maximum(rows - taken.sum(axis=1).astype(np.int64), 0)
    wanted = np.maximum(table * (firms / table.sum()) - taken, 0.02 * (table > 0))
    counts = _controlled_rounding(wanted, spare)
    i, j = np.divmod(np.repeat(np.arange(counts.size), counts.ravel()), counts.shape[1])
    district = np.concatenate([[d for d, _ in special], i]).astype(np.int64)
    group = np.concatenate([[g for _, g in special], j]).astype(np.int64)
    giant = np.concatenate([np.arange(len(special)), np.full(len(i), -1)]).astype(np.int64)
    return district, group, giant


def _controlled_rounding(table: Floats, rows: Ints) -> Ints:
    """Round to integers with exact row sums: round cumulative sums down the columns, then adjust each row."""
    table = table * (rows / np.maximum(table.sum(axis=1), 1e-12))[:, None]
    running = np.rint(np.cumsum(table.ravel(order="F"))).astype(np.int64)
    counts = np.diff(running, prepend=0).reshape(table.shape, order="F")
    for i, row in enumerate(rows.tolist()):
        while (gap := row - int(counts[i].sum())) != 0:
            off = (table[i] - counts[i]) * np.sign(gap)
            off[(counts[i] == 0) & (gap < 0)] = -np.inf
            off[table[i] <= 0] = -np.inf
            counts[i, int(np.argmax(off))] += np.sign(gap)
    return counts


def _below(p: Parameters, table: Floats, n: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """District and group of firms below scale: distributed like those above scale, without process industries."""
    share = np.array([d.firms for d in p.districts], dtype=np.float64)
    district = rng.permutation(np.repeat(np.arange(len(share)), shares_to_counts(share, n)))
    light = table * np.array([d.group not in ("25", "44", "45-46", "10") for d in p.divisions])[None, :]
    reached = np.cumsum(light / light.sum(axis=1, keepdims=True), axis=1)
    group = (rng.random(n)[:, None] > reached[district]).sum(axis=1)
    return district, np.minimum(group, len(p.divisions) - 1)


def _tail(p: Parameters, scale: float, group: Ints, giant: Ints, rng: np.random.Generator) -> Bools:
    """Firms with output of 10 to 100 亿 besides the giants; likelier in divisions with a high output per firm."""
    weight = np.array([d.value_added / d.firms / d.va_rate for d in p.divisions])[group]
    weight[giant >= 0] = 0
    count = min(round(p.firm.tail_firms * scale), int((weight > 0).sum()))
    chosen = np.zeros(len(group), dtype=bool)
    keys = rng.random(len(weight)) ** (1 / np.maximum(weight, 1e-9))
    chosen[np.argsort(-keys, kind="stable")[:count]] = True
    return chosen


def _tenure(p: Parameters, giant: Ints, size: Floats, below_base: int, rng: np.random.Generator) -> Ints:
    """Tenure of the sites above, then of those below scale: of the latter, the larger ones have land more often."""
    tenure = np.where(rng.random(len(giant)) < p.firm.tenant_share, TENANT, LANDED)
    tenure[giant >= 0] = LANDED
    b, joint = p.below_scale, p.below_scale.land_size_correlation
    landed = (b.landed_3mu + b.landed_small) / b.firms
    score = joint * size + np.sqrt(1 - joint**2) * rng.standard_normal(len(size))
    rank = np.empty(len(size))
    rank[np.argsort(-score, kind="stable")] = (np.arange(len(size)) + 0.5) / len(size)
    renting = np.where(rank < landed + (1 - landed) * b.surveyed_tenant_share, TENANT, ROOMS)
    # Surveyed parcels are full after the base year: later firms have a parcel of their own, or rooms elsewhere.
    renting[below_base:] = ROOMS
    return np.concatenate([tenure, np.where(rank < landed, LANDED, renting)]).astype(np.int64)


def closing_chance(p: Parameters, age: Ints) -> Floats:
    """Chance that a firm below scale closes in a year, by age: young firms close more often than others."""
    churn = p.churn
    young = churn.young_years * churn.below_in_share
    usual = churn.below_out_share / (1 + young * (churn.young_out_times - 1))
    chance: Floats = np.where(age < churn.young_years, churn.young_out_times, 1.0) * usual
    return chance


def _shares_of_ages(p: Parameters) -> Floats:
    """Share of each age below scale.

    A bisection finds the past growth at which as many firms are new in the base year as in later years.
    """
    ages, churn = np.arange(_OLDEST + 1), p.churn
    new = churn.below_in_share / (1 + churn.below_in_share - churn.below_out_share)
    alive = np.cumprod(np.concatenate([[1.0], 1 - closing_chance(p, ages)[:-1]]))
    alive *= np.exp(-np.maximum(ages - _REFORM, 0) / _REFORM_YEARS)
    low, high = 0.9, 1.1
    for _ in range(40):
        growth = (low + high) / 2
        share: Floats = alive / growth**ages
        share /= share.sum()
        low, high = (growth, high) if share[0] < new else (low, growth)
    return share


def _shares_of_ages_above(p: Parameters) -> Floats:
    """Share of each age above scale, a gamma distribution from two years on: few are above scale sooner."""
    years = np.arange(_OLDEST + 1) - 2 + 0.5
    share: Floats = np.maximum(years, 0) * np.exp(-2 * years / (p.churn.above_mean_age - 2))
    share /= share.sum()
    return share


def _found(p: Parameters, population: Population) -> None:
    """Draw the founding years of the base year's firms.

    Below scale, ages are those of a steady flow: each year as many firms are founded as in the years that follow the
    base year, and the young ones among them close more often. Firms above scale are older.
    """
    rng = stream(population.seed, "founded")
    base = np.flatnonzero(population.appears == p.base_year)
    above = base < population.first_above
    age = rng.choice(_OLDEST + 1, len(base), p=_shares_of_ages(p))
    old = rng.choice(_OLDEST + 1, len(base), p=_shares_of_ages_above(p))
    old[population.giant[base] >= 0] += 12
    old = np.minimum(old, _OLDEST)
    age = np.where(above, old, age)
    age[population.collective[base]] = 20
    population.founded[base] = p.base_year - age


def in_groups(p: Parameters, population: Population, groups: Collection[str]) -> Bools:
    """Sites of the named division groups."""
    named: Bools = np.array([d.group in groups for d in p.divisions])[population.group]
    return named
