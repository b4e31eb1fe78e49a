"""Names of the demo city's firms and villages (企业名称): made up, unique, each with the ending （合成）.

A firm's name consists of a place (行政区划), a made-up 字号 of two or three syllables, a trade (行业) after its
class, and a legal form (组织形式). ``names.yml`` has the parts. Firms of one place and one trade have different 字号,
so no name occurs twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo_city.cells import take
from demo_city.world.base_year import STAFF
from demo_city.world.base_year import Sizes as Sites
from demo_city.world.draws import Bools, Floats, Ints, stream
from demo_city.world.parameters import Parameters
from demo_city.world.population import Population
from schemas.contract import ContractError
from schemas.definition import Definition, read_definition

NAMES = Path(__file__).with_name("names.yml")
#: Ending of every name: no real firm is meant.
SYNTHETIC = "（合成）"
LIMITED, JOINT_STOCK, WORKS, PARTNERSHIP = range(4)
FORMS = ("有限公司", "股份有限公司", "厂", "厂（普通合伙）")


class VillageParts(Definition):
    prefixes: str
    surnames: str
    cores: str


class Least(Definition):
    """Least size of a firm: persons, and revenue in 万元."""

    persons: float
    revenue: float


class NameParts(Definition):
    """Parts of the names and their shares."""

    syllables: str
    thirds: str
    three_syllable_share: float
    avoid: frozenset[str]
    joint_stock_share: dict[str, float]
    joint_stock_least: Least
    works_share: float
    partnership_share: float
    place_shares: dict[str, tuple[float, float, float]]
    general: tuple[str, ...]
    general_share: float
    technology_share: float
    trades: dict[str, tuple[str, ...]]
    villages: VillageParts

    def trades_of(self, class_code: str) -> tuple[str, ...]:
        """Trade words of a class: those of its longest prefix."""
        return next(self.trades[class_code[:n]] for n in (4, 3, 2) if class_code[:n] in self.trades)


@cache
def name_parts() -> NameParts:
    """The parts, validated.

    Raises:
        ContractError: names.yml is not well formed.
    """
    return read_definition(NameParts, NAMES, ContractError, "demo_city/world/names.yml")


@cache
def _styles() -> tuple[list[str], list[str]]:
    """All 字号 of two and of three syllables, without those that would read like a brand."""
    parts = name_parts()
    pairs = [a + b for a in parts.syllables for b in parts.syllables if a != b and a + b not in parts.avoid]
    triples = [
        pair + c for pair in pairs for c in parts.thirds if c not in pair and pair[1] + c not in parts.avoid
    ]
    return pairs, triples


@dataclass(frozen=True)
class _Sizes:
    """How large each firm is when it begins, as far as its name shows it."""

    above: Bools
    joint_stock: Floats


def firm_names(
    p: Parameters, population: Population, sites: Sites, output: dict[int, Floats], classes: list[str]
) -> pa.Array:
    """Names of all firms but the village collectives, for example 宁波恒泰精密模具有限公司（合成）.

    ``sites``: sizes of the base year; ``output``: of each site by year, 万元.
    """
    rng = stream(population.seed, "names")
    sizes = _sizes(population, sites, output)
    places, place = _places(p, population, sizes.above, rng.random(len(classes)))
    form = _forms(sizes, rng.random(len(classes)))
    trades, trade = _trades(classes, form, rng)
    style = _unique_styles(place * len(trades) + trade, rng)
    own = pc.binary_join_element_wise(
        take(places, place), style, take(trades, trade), take(FORMS, form), SYNTHETIC, ""
    )
    names = own.to_pylist()
    for number, landmark in enumerate(p.landmarks):
        for firm in np.flatnonzero(population.giant[population.firm_site] == number).tolist():
            names[firm] = f"{places[0]}{landmark.name}{FORMS[LIMITED]}{SYNTHETIC}"
    return pa.array(names)


def _sizes(population: Population, sites: Sites, output: dict[int, Floats]) -> _Sizes:
    q, parts = population, name_parts()
    above = q.firm_site < q.first_above
    kinds = [
        (q.giant >= 0)[q.firm_site],
        q.tail[q.firm_site],
        above & (q.size[q.firm_site] > 0.43),  # the larger third of a standard normal score
        above,
    ]
    shares = parts.joint_stock_share
    chance = np.select(kinds, [shares[k] for k in ("giant", "tail", "larger", "above")], shares["below"])
    made = np.empty(len(q.firm_site))
    for year in output:
        born = q.firm_born == year
        made[born] = output[year][q.firm_site[born]]
    usual = sites.output[q.firm_site]
    persons = sites.staff[q.firm_site] * (made / usual) ** STAFF
    least = parts.joint_stock_least
    few = (persons < least.persons) | (made * sites.turnover[q.firm_site] < least.revenue)
    return _Sizes(above, np.where(few, 0.0, chance))


def _places(p: Parameters, population: Population, above: Bools, draw: Floats) -> tuple[list[str], Ints]:
    """Places that names begin with, and the place of each firm: the city, the province, or its district."""
    short = [d.name[:-1] for d in p.districts]
    full = [f"宁波市{d.name[:-1]}" if d.name.endswith("区") else d.name for d in p.districts]
    shares = name_parts().place_shares
    reached = np.cumsum([shares["below"], shares["above"]], axis=1)[above.astype(np.int64)]
    kind = (draw[:, None] >= reached).sum(axis=1)
    district = population.district[population.firm_site]
    place = np.select([kind == 0, kind == 1, kind == 2], [0, 1, 2 + district], 2 + len(short) + district)
    return ["宁波", "浙江", *short, *full], place


def _forms(sizes: _Sizes, draw: Floats) -> Ints:
    """Legal form of each firm; works and partnerships only below scale."""
    parts, below = name_parts(), ~sizes.above
    works = below & (draw > 1 - parts.works_share)
    partnership = below & (draw > 1 - parts.partnership_share)
    return np.select(
        [partnership, works, draw < sizes.joint_stock], [PARTNERSHIP, WORKS, JOINT_STOCK], LIMITED
    )


def _trades(classes: list[str], form: Ints, rng: np.random.Generator) -> tuple[list[str], Ints]:
    """All trade words, and the word of each firm: one of its class, with 科技 or as a general word for companies."""
    parts = name_parts()
    words = sorted({word for words in parts.trades.values() for word in words})
    known, firm_class = np.unique(np.array(classes), return_inverse=True)
    choices = [[words.index(word) for word in parts.trades_of(code)] for code in known.tolist()]
    width = max(map(len, choices))
    table = np.array([(c * width)[:width] for c in choices])
    count = np.array([len(c) for c in choices])[firm_class]
    draw = rng.random((3, len(classes)))
    trade = table[firm_class, (draw[0] * count).astype(np.int64)]
    company = (form == LIMITED) | (form == JOINT_STOCK)
    industrial = ~np.isin(np.array([code[:2] for code in known]), ["16", "44", "45", "46"])[firm_class]
    trade += np.where(company & industrial & (draw[1] < parts.technology_share), len(words), 0)
    general = company & industrial & (draw[1] > 1 - parts.general_share)
    pick = 2 * len(words) + (draw[2] * len(parts.general)).astype(np.int64)
    # no name has 科技 twice
    every = [*words, *(f"{word}科技" for word in words), *parts.general]
    return every, np.where(general, pick, trade)


def _unique_styles(cell: Ints, rng: np.random.Generator) -> pa.Array:
    """A 字号 for each firm that no other firm of its cell (place and trade) has."""
    pairs, triples = _styles()
    rank = _ranks(cell)
    offset = rng.integers(0, len(triples), int(cell.max()) + 1)[cell]
    three = (rng.random(len(cell)) < name_parts().three_syllable_share) | (rank >= len(pairs))
    if int(rank.max()) >= len(triples):
        raise ContractError("demo_city/world/names.yml: give more syllables, a trade has too many firms")
    second = len(pairs) + (offset + rank * _step(len(triples))) % len(triples)
    return take([*pairs, *triples], np.where(three, second, (offset + rank * _step(len(pairs))) % len(pairs)))


def styles(number: Ints) -> pa.Array:
    """A 字号 for each number, for names of other things than firms; distinct for numbers below some thousands."""
    pairs, _ = _styles()
    return take(pairs, number * _step(len(pairs)) % len(pairs))


def _ranks(group: Ints) -> Ints:
    """Position of each entry among those of its group, in their order.

    >>> _ranks(np.array([5, 2, 5, 5, 2])).tolist()
    [0, 0, 1, 2, 1]
    """
    order = np.argsort(group, kind="stable")
    grouped = group[order]
    starts = np.searchsorted(grouped, grouped)
    rank = np.empty(len(group), dtype=np.int64)
    rank[order] = np.arange(len(group)) - starts
    return rank


def _step(size: int) -> int:
    """A step that visits all positions of a table, far from the one before.

    >>> _step(10)
    7
    """
    step = int(size * 0.618)
    while np.gcd(step, size) != 1:
        step += 1
    return step


def village_names(p: Parameters, district: Ints, seed: int) -> list[str]:
    """Names of village collectives (村股份经济合作社), unique in their district."""
    parts = name_parts().villages
    cores = [*parts.cores, *(s + c for s in parts.surnames for c in parts.cores)]
    size = len(parts.prefixes) * len(cores)
    number = (_ranks(district) * _step(size) + district * 7 + seed) % size
    prefix, core = np.divmod(number, len(cores))
    return [
        f"{p.districts[d].name}{parts.prefixes[a]}{cores[b]}村股份经济合作社{SYNTHETIC}"
        for d, a, b in zip(district.tolist(), prefix.tolist(), core.tolist(), strict=True)
    ]


def is_joint_stock(names: pa.Array) -> Bools:
    """Whether a name is that of a joint-stock company (股份有限公司)."""
    joint_stock: Bools = pc.ends_with(names, FORMS[JOINT_STOCK] + SYNTHETIC).to_numpy(zero_copy_only=False)
    return joint_stock


def renamed(name: str) -> str:
    """The name after a change of form; no other firm has it.

    >>> renamed("宁波恒泰模具有限公司（合成）"), renamed("宁波恒泰模具厂（合成）")
    ('宁波恒泰模具股份有限公司（合成）', '宁波恒泰模具有限公司（合成）')
    >>> renamed("宁波恒泰模具股份有限公司（合成）")
    '宁波恒泰模具集团股份有限公司（合成）'
    """
    limited, joint_stock, works, partnership = (form + SYNTHETIC for form in FORMS)
    if name.endswith(joint_stock):
        return name.removesuffix(joint_stock) + "集团" + joint_stock
    for form, later in ((limited, joint_stock), (partnership, limited), (works, limited)):
        if name.endswith(form):
            return name.removesuffix(form) + later
    raise ValueError(f"{name}: no form of a firm")
