"""The demo city's firms, year by year (名录).

The city is a fixed set of sites (one array position each). A site has a district, a division group and a tenure. The
firm on it may change: when a firm leaves, another legal person takes over the site. So land and tenancy stay
consistent over the years, however many firms come and go.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from demo_city.world.draws import Bools, Floats, Ints, fit_table, shares_to_counts, stream
from demo_city.world.parameters import Parameters, classes_of

ABSENT, BELOW, ABOVE = 0, 1, 2
#: Change of the firm's entry in the directory; positions in :data:`CHANGES`.
NONE, NEW, UPGRADED, DROPPED = 0, 1, 2, 3
CHANGES = ("none", "new", "upgraded", "dropped")
#: Tenure of a site: own parcel, lease on a surveyed parcel, rented rooms outside surveyed land.
LANDED, TENANT, ROOMS = 0, 1, 2


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
    #: Number of the base year's firms above scale; they have the first positions.
    first_above: int
    #: Village collectives that operate as firms; their credit codes begin with N2.
    collective: Bools
    status: dict[int, Ints] = field(default_factory=dict)
    change: dict[int, Ints] = field(default_factory=dict)
    #: Number of the firm on each site, -1 if the site has none yet.
    firm: dict[int, Ints] = field(default_factory=dict)
    #: Site and first year of each firm.
    firm_site: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    firm_born: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def sites(self) -> int:
        return len(self.district)

    def in_year(self, year: int) -> Ints:
        """Sites with a firm in the year's directory."""
        return np.flatnonzero(self.status[year] != ABSENT)


def populate(p: Parameters, seed: int, scale: float, last_year: int) -> Population:
    """Draw the sites and simulate the directory's changes from the base year to ``last_year``."""
    rng = stream(seed, "population")
    table = _cells(p)
    district, group, giant = _above(p, scale, table)
    above = len(district)
    below_base = max(20, round(p.below_scale.firms * scale))
    net = p.churn.below_in_share - p.churn.below_out_share
    added = max(1, round(below_base * net))
    years = range(p.base_year, last_year + 1)
    below = below_base + added * (len(years) - 1)
    below_district, below_group = _below(p, table, below, rng)
    size = rng.standard_normal(above + below)
    tail = _tail(p, scale, group, giant, rng)
    population = Population(
        seed=seed,
        scale=scale,
        district=np.concatenate([district, below_district]),
        group=np.concatenate([group, below_group]),
        giant=np.concatenate([giant, np.full(below, -1)]),
        tail=np.concatenate([tail, np.zeros(below, dtype=bool)]),
        size=size,
        tenure=_tenure(p, giant, below, below_base, rng),
        first_above=above,
        collective=np.zeros(above + below, dtype=bool),
    )
    cixi = next(i for i, d in enumerate(p.districts) if d.code == "330282")
    own_in_cixi = np.flatnonzero(population.district[above : above + below_base] == cixi)[:2] + above
    population.collective[own_in_cixi] = True
    appears = np.full(population.sites, p.base_year)
    for i in range(1, len(years)):
        first = above + below_base + (i - 1) * added
        appears[first : first + added] = p.base_year + i
    _simulate(p, population, appears, years)
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


def _tenure(p: Parameters, giant: Ints, below: int, below_base: int, rng: np.random.Generator) -> Ints:
    tenure = np.where(rng.random(len(giant)) < p.firm.tenant_share, TENANT, LANDED)
    tenure[giant >= 0] = LANDED
    b = p.below_scale
    landed = (b.landed_3mu + b.landed_small) / b.firms
    draw = rng.random(below)
    renting = np.where(draw < landed + (1 - landed) * b.surveyed_tenant_share, TENANT, ROOMS)
    # Surveyed parcels are full after the base year: later firms have a parcel of their own, or rooms elsewhere.
    renting[below_base:] = ROOMS
    return np.concatenate([tenure, np.where(draw < landed, LANDED, renting)]).astype(np.int64)


def _simulate(p: Parameters, population: Population, appears: Ints, years: range) -> None:
    """Fill status, change and firm of each year."""
    above = population.first_above
    base = years[0]
    status = np.where(np.arange(population.sites) < above, ABOVE, BELOW)
    status[appears > base] = ABSENT
    firm = np.where(status != ABSENT, np.arange(population.sites), -1)
    born_site = [np.flatnonzero(status != ABSENT)]
    born_year = [np.full(len(born_site[0]), base)]
    # Firms are numbered in the order of their first year; in the base year by site.
    firm[status != ABSENT] = np.arange(len(born_site[0]))
    following = len(born_site[0])
    churn = p.churn
    for year in years:
        rng = stream(population.seed, f"directory-{year}")
        change = np.zeros(population.sites, dtype=np.int64)
        fresh = np.zeros(population.sites, dtype=bool)
        if year > base:
            status = status.copy()
            status[population.change[year - 1] == DROPPED] = BELOW
            fresh |= appears == year
            leaving = (status == BELOW) & (rng.random(population.sites) < churn.below_out_share)
            fresh |= leaving & ~population.collective
            status[appears == year] = BELOW
            change[fresh] = NEW
            may_rise = (status == BELOW) & (population.tenure != ROOMS) & ~fresh & ~population.collective
            may_rise &= population.change[year - 1] == NONE
            rising = _pick(rng, may_rise, population.size, round(churn.upgraded * population.scale))
            status[rising] = ABOVE
            change[rising] = UPGRADED
        settled = (status == ABOVE) & (change == NONE) & (population.giant < 0) & ~population.tail
        above_now = int((status == ABOVE).sum())
        falling = _pick(rng, settled, -population.size, round(churn.above_out_share * above_now))
        change[falling] = DROPPED
        settled[falling] = False
        renewed = _pick(
            rng, settled, np.zeros_like(population.size), round(churn.above_new_share * above_now)
        )
        change[renewed] = NEW
        settled[renewed] = False
        if year == base:
            change[_pick(rng, settled, -population.size, round(churn.upgraded * population.scale))] = UPGRADED
        else:
            fresh[renewed] = True
            firm = firm.copy()
            born = np.flatnonzero(fresh)
            firm[born] = following + np.arange(len(born))
            following += len(born)
            born_site.append(born)
            born_year.append(np.full(len(born), year))
        population.status[year], population.change[year], population.firm[year] = status, change, firm
    population.firm_site = np.concatenate(born_site)
    population.firm_born = np.concatenate(born_year)


def _pick(rng: np.random.Generator, candidates: Bools, preference: Floats, count: int) -> Ints:
    """``count`` of the candidates, drawn with weights exp(preference) (Gumbel keys)."""
    sites = np.flatnonzero(candidates)
    keys = preference[sites] + rng.gumbel(size=len(sites))
    return np.sort(sites[np.argsort(-keys, kind="stable")[:count]])


def class_codes(p: Parameters, population: Population) -> list[str]:
    """Industry class of each firm: a random class of its site's group; a landmark has the class of the parameters."""
    rng = stream(population.seed, "classes")
    draw = rng.random(len(population.firm_site))
    choices = [tuple(c for code in d.codes for c in classes_of(f"{code:02d}")) for d in p.divisions]
    groups = population.group[population.firm_site]
    codes = [
        choices[g][int(u * len(choices[g]))] for g, u in zip(groups.tolist(), draw.tolist(), strict=True)
    ]
    for number, landmark in enumerate(p.landmarks):
        site = int(np.flatnonzero(population.giant == number)[0])
        for firm in np.flatnonzero(population.firm_site == site):
            codes[firm] = landmark.class_code
    return codes
