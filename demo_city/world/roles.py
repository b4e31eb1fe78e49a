"""The demo city's chain roles (产业链环节): each firm's true nodes in the ten value chains, and its products.

A chain firm makes the products of one to three nodes; a part of them is registered under a class of none of these
nodes. All other firms make products outside the chains. Gaps are planted at every scale: nodes without a firm, with one
or two small firms, or with one firm that makes nearly everything. The platform never reads the roles; it must derive
them from classes, declared products and purchases.

The module stays in one piece, above 300 lines: each step of the draw depends on the state that earlier steps left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from demo_city.world.chains import Nodes, Products, listed_products, nodes, products_of
from demo_city.world.draws import Bools, Floats, Ints, stream
from demo_city.world.figures import Base
from demo_city.world.parameters import Parameters
from demo_city.world.population import ABOVE, ABSENT, BELOW, Population
from schemas.contract import code_list

#: Shares are integers in 0.01 %; this is 100 %.
WHOLE = 10_000
#: Minimum number of firms of an ordinary node at scale 1; small firms beside a dominant firm.
_FEWEST, _BESIDE = 3, 3
#: Largest size of a firm beside a dominant firm, as a share of it: three of them leave it 0.87 of the node.
_BESIDE_SIZE = 0.05


@dataclass(frozen=True)
class Roles:
    """Roles and product lines of all firms. A role is a firm in a node; a line is a product of a role.

    Node ``len(nodes)`` stands for products outside all chains. Shares of a firm's revenue, in 0.01 %, add up to 10,000
    over its roles and over its lines. Both are in the order of firms.
    """

    nodes: Nodes
    products: Products
    firm: Ints
    node: Ints
    share: Ints
    line_firm: Ints
    line_node: Ints
    line_product: Ints
    line_share: Ints
    #: Firms whose registered class belongs to none of their nodes.
    has_wrong_class: Bools

    @property
    def outside(self) -> int:
        return len(self.nodes)


@dataclass
class _Draw:
    """State of the draw: up to three nodes for each firm, -1 for none.

    One class, longer than others: each step depends on the state that earlier steps left.
    """

    p: Parameters
    population: Population
    chains: Nodes
    rng: np.random.Generator
    classes: Sequence[str]
    size: Floats
    #: Position of each firm's registered class and division.
    class_of: Ints = field(init=False)
    division_of: Ints = field(init=False)
    #: Whether a node has a class (class x node).
    has: Bools = field(init=False)
    #: Weights of the nodes for a firm of a class or division; 0 for nodes with a planted gap.
    by_class: Floats = field(init=False)
    by_division: Floats = field(init=False)
    #: Weights of the nodes of a class's division that the class itself does not belong to.
    by_neighbours: Floats = field(init=False)
    #: First division of each node.
    first_division: Ints = field(init=False)
    node: Ints = field(init=False)
    #: By firm: its class belongs to none of its nodes; its node is fixed by a gap or a minimum.
    wrong: Bools = field(init=False)
    is_fixed: Bools = field(init=False)

    def __post_init__(self) -> None:
        known = list(code_list("industry_class"))
        divisions = sorted({code[:2] for code in known})
        position, division_at = {c: n for n, c in enumerate(known)}, {d: n for n, d in enumerate(divisions)}
        division = np.array([division_at[code[:2]] for code in known])
        self.class_of = np.array([position[code] for code in self.classes])
        self.division_of = division[self.class_of]
        self.has = np.zeros((len(known), len(self.chains)), dtype=bool)
        weight = np.zeros(self.has.shape)
        for n, classes in enumerate(self.chains.classes):
            for rank, code in enumerate(c for c in classes if c in position):
                self.has[position[code], n] = True
                weight[position[code], n] = (1 + rank) ** -1.5
        weight[:, self.chains.positions(self.p.chain_gaps.all)] = 0
        self.by_class = weight
        # a class counts in its division by its number of firms
        firms_of_class = np.bincount(self.class_of, minlength=len(known))
        self.by_division = np.zeros((len(divisions), len(self.chains)))
        np.add.at(self.by_division, division, weight * firms_of_class[:, None])
        self.by_neighbours = np.where(self.has, 0.0, self.by_division[division])
        firms = len(self.classes)
        self.first_division = np.argmax(self.by_division > 0, axis=0)
        self.node = np.full((firms, 3), -1)
        self.wrong = np.zeros(firms, dtype=bool)
        self.is_fixed = np.zeros(firms, dtype=bool)

    def pick(self, weights: Floats, row: Ints) -> Ints:
        """A node for each entry of ``row``, drawn by the weights of that row; -1 if all are 0."""
        reached = np.cumsum(weights, axis=1)
        total = reached[:, -1]
        aim = self.rng.random(len(row)) * total[row]
        picked = np.empty(len(row), dtype=np.int64)
        for start in range(0, len(row), 20_000):  # in slices, so that rows x nodes fits into the CPU cache
            part = slice(start, start + 20_000)
            picked[part] = (aim[part, None] >= reached[row[part]]).sum(axis=1)
        return np.where(total[row] > 0, np.minimum(picked, len(self.chains) - 1), -1)

    def first_nodes(self) -> None:
        """Draw the main node of each firm; ``wrong_class_share`` of the chain firms get a node outside their class."""
        q, share = self.population, self.p.market.wrong_class_share
        in_class = self.by_class.sum(axis=1)[self.class_of] > 0
        main = self.pick(self.by_class, self.class_of)
        whole = self.by_division.sum(axis=1)[self.division_of]
        near = self.by_neighbours.sum(axis=1)[self.class_of]
        # The larger the part of the division that a class does not cover, the likelier it is the wrong one.
        chance = np.divide(near, whole, out=np.zeros(len(main)), where=whole > 0)
        chance[(q.giant >= 0)[q.firm_site] | q.tail[q.firm_site]] = 0
        # wrong firms k x (of class + others) are the share of the chain firms, of class + k x others
        others = float(chance[~in_class].sum())
        chance *= share * int(in_class.sum()) / max(float(chance.sum()) - share * others, 1.0)
        wrong = np.flatnonzero(self.rng.random(len(main)) < chance)
        main[wrong] = self.pick(self.by_neighbours, self.class_of[wrong])
        self.wrong[wrong] = True
        self.node[:, 0] = main

    def further_nodes(self) -> None:
        """Draw second and third nodes, of the firm's class or of another class of its division."""
        q, market = self.population, self.p.market
        above = q.firm_site < q.first_above
        chain = self.node[:, 0] >= 0
        for column, share in ((1, market.second_role_share), (2, market.third_role_share)):
            chance = np.where(above, share.above, share.below)
            more = np.flatnonzero(
                chain & (self.rng.random(len(chain)) < chance) & (self.node[:, column - 1] >= 0)
            )
            division = np.where(
                self.wrong[more], self.first_division[self.node[more, 0]], self.division_of[more]
            )
            near = self.pick(self.by_class, self.class_of[more])
            far = self.pick(self.by_division, division)
            node = np.where(self.wrong[more] | (near < 0) | (self.rng.random(len(more)) < 0.4), far, near)
            clash = (node[:, None] == self.node[more]).any(axis=1)
            clash |= self.wrong[more] & self.has[self.class_of[more], node]
            self.node[more, column] = np.where(clash, -1, node)

    def candidates(self, node: int, fits: Bools) -> Ints:
        """Firms that may take a node, best first: of the node's classes, of its divisions, of its chain."""
        of_class = self.has[self.class_of, node]
        classes = np.flatnonzero(self.has[:, node])
        divisions = np.unique([self._division(c) for c in classes.tolist()])
        of_division = np.isin(self.division_of, divisions)
        chain = self.chains.codes[node].partition("-")[0]
        kin = np.array([code.partition("-")[0] == chain for code in self.chains.codes])
        of_chain = (self.has & kin[None, :]).any(axis=1)[self.class_of]
        rank = np.select([of_class, of_division, of_chain], [0, 1, 2], 3)
        firms = np.flatnonzero(fits & (rank < 3) & ~self.is_fixed)
        return firms[np.argsort(rank[firms], kind="stable")]

    def _division(self, position: int) -> int:
        """Position of the division of a class."""
        code = list(code_list("industry_class"))[position]
        return sorted({c[:2] for c in code_list("industry_class")}).index(code[:2])

    def give(self, firms: Ints, node: int) -> None:
        """Make ``node`` the only node of the firms."""
        self.node[firms] = -1
        self.node[firms, 0] = node
        self.wrong[firms] = ~self.has[self.class_of[firms], node]
        self.is_fixed[firms] = True

    def plant(self) -> None:
        """Plant the gaps with firms that keep their status in all years, and ensure buyers of the lacking products."""
        gaps, chains, q = self.p.chain_gaps, self.chains, self.population
        large, small = self._steady(ABOVE), self._steady(BELOW)
        large &= ~np.isin(q.giant[q.firm_site], np.flatnonzero([m.group == "16" for m in self.p.landmarks]))
        for node in chains.positions(gaps.single_point):
            firms = self.candidates(node, large)
            of_class = firms[self.has[self.class_of[firms], node]] if len(firms) else firms
            firms = of_class if len(of_class) else firms
            leader = firms[[int(np.argmax(self.size[firms]))]]
            self.give(leader, node)
            beside = self.candidates(node, small)[: 40 * _BESIDE]
            of_class = beside[self.has[self.class_of[beside], node]]
            beside = of_class if len(of_class) >= _BESIDE else beside
            order = beside[np.argsort(self.size[beside], kind="stable")]
            # the largest firms that leave the leader its share, also after some years
            count = int(np.searchsorted(self.size[order], _BESIDE_SIZE * self.size[leader[0]], side="right"))
            self.give(order[max(count - _BESIDE, 0) :][:_BESIDE], node)
        for number, node in enumerate(chains.positions(gaps.weak)):
            self.give(self.candidates(node, small)[: 1 + number % 2], node)
        planted = set(chains.positions(gaps.all))
        for node in chains.positions((*gaps.missing, *gaps.weak)):
            buyers = [to for start, to, _ in chains.edges if start == node and to not in planted]
            self.fill([to for to in buyers if chains.is_industrial[to]][:1], 2)
        least = min(_FEWEST, int(_FEWEST * q.scale))
        ordinary = np.flatnonzero(chains.is_industrial).tolist()
        self.fill([node for node in ordinary if node not in planted], least)

    def fill(self, wanted: list[int], least: int) -> None:
        """Give each node firms that are in the directory in all years, until it has ``least`` of them."""
        steady = self._steady(ABOVE) | self._steady(BELOW)
        giant = self.population.giant[self.population.firm_site] >= 0
        for node in wanted if least else ():
            count = int(((self.node == node).any(axis=1) & steady).sum())
            if count >= least:
                continue
            main = np.bincount(self.node[:, 0][self.node[:, 0] >= 0], minlength=len(self.chains))
            spare = (self.node[:, 0] < 0) | (main[self.node[:, 0]] > 2 * _FEWEST)
            free = self.candidates(node, steady & ~giant & spare & ~(self.node == node).any(axis=1))
            if not len(free):
                free = self.candidates(node, steady & ~giant & ~(self.node == node).any(axis=1))
            self.give(free[: least - count], node)

    def _steady(self, status: int) -> Bools:
        """Firms that are in the directory with the same ``status`` in all years."""
        q = self.population
        years = sorted(q.firm)
        same = np.ones(q.sites, dtype=bool)
        for year in years:
            same &= (q.firm[year] == q.firm[years[0]]) & (q.status[year] == status)
        steady = np.zeros(len(q.firm_site), dtype=bool)
        steady[q.firm[years[0]][same & (q.status[years[0]] != ABSENT)]] = True
        return steady


def draw_roles(p: Parameters, population: Population, base: Base, classes: Sequence[str]) -> Roles:
    """Draw roles and product lines of all firms. ``classes`` are the firms' registered classes."""
    q, chains = population, nodes()
    rng = stream(q.seed, "chain-roles")
    size = base.money["revenue"][q.firm_site]
    draw = _Draw(p, q, chains, rng, classes, size)
    draw.first_nodes()
    draw.further_nodes()
    draw.plant()
    goods = products_of(p, chains)
    firm, node, share = _shares(draw)
    lines = _lines(draw, goods, firm, node, share)
    return Roles(chains, goods, firm, node, share, *lines, has_wrong_class=draw.wrong)


def _shares(draw: _Draw) -> tuple[Ints, Ints, Ints]:
    """Firm, node and share of the roles: the first node has most, and some firms also earn outside all chains."""
    rng, outside = draw.rng, len(draw.chains)
    firms = len(draw.node)
    node = np.concatenate([draw.node, np.full((firms, 1), -1)], axis=1)
    weight = rng.uniform([0.55, 0.25, 0.12, 0.05], [0.85, 0.45, 0.2, 0.3], (firms, 4))
    chain = node[:, 0] >= 0
    some = chain & (rng.random(firms) < draw.p.market.outside_share) & ~draw.is_fixed
    node[some, 3] = outside
    node[~chain, 0] = outside
    weight[node < 0] = 0
    part = np.rint(weight / weight.sum(axis=1, keepdims=True) * WHOLE).astype(np.int64)
    part[:, 0] += WHOLE - part.sum(axis=1)
    _hold_back(draw, node, part)
    firm, column = np.nonzero(part > 0)
    return firm, node[firm, column], part[firm, column]


#: Largest share of a firm in an ordinary node: only planted nodes are dominated by one firm.
_MOST = 0.55


def _hold_back(draw: _Draw, node: Ints, part: Ints) -> None:
    """Firms too large for an ordinary node shift the excess to products outside all chains."""
    q, outside = draw.population, len(draw.chains)
    excluded = [*draw.chains.positions(draw.p.chain_gaps.all), outside]
    last = min(max(q.firm), draw.p.base_year + 4)  # however far the city is drawn
    in_last_year = np.zeros(len(node), dtype=bool)
    in_last_year[q.firm[last][q.in_year(last)]] = True
    for column in range(3):
        present = (node[:, :3] >= 0) & in_last_year[:, None]
        output = draw.size[:, None] * part[:, :3] / WHOLE
        total = np.bincount(node[:, :3][present], weights=output[present], minlength=outside + 1)
        count = np.bincount(node[:, :3][present], minlength=outside + 1)
        firm = np.flatnonzero((node[:, column] >= 0) & ~np.isin(node[:, column], excluded))
        of, mine = node[firm, column], output[firm, column]
        rest = np.maximum(total[of] - mine * in_last_year[firm], 0)
        large = (mine > _MOST * (rest + mine)) & (count[of] >= _FEWEST)
        firm, rest = firm[large], rest[large]
        most = np.maximum(rest * _MOST / (1 - _MOST) / draw.size[firm] * WHOLE, 100).astype(np.int64)
        excess = np.maximum(part[firm, column] - most, 0)
        part[firm, column] -= excess
        part[firm, 3] += excess
        node[firm, 3] = outside


def _lines(
    draw: _Draw, goods: Products, firm: Ints, node: Ints, share: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """Lines of the roles: one to three products of the node, or one product outside all chains."""
    rng, chains = draw.rng, draw.chains
    position = {code: n for n, code in enumerate(goods.codes)}
    of_node = np.full((len(chains) + 1, max(map(len, chains.products))), -1)
    for n, codes in enumerate(chains.products):
        of_node[n, : len(codes)] = [position[c] for c in codes]
    offered = np.maximum((of_node >= 0).sum(axis=1), 1)[node]
    count = np.minimum(1 + (rng.random((2, len(node))) < [[0.5], [0.15]]).sum(axis=0), offered)
    first = (rng.random(len(node)) * offered).astype(np.int64)
    other = _outside_products(draw, goods, position)[firm]
    row = np.repeat(np.arange(len(node)), count)
    number = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    product = of_node[node[row], (first[row] + number) % offered[row]]
    product = np.where(node[row] == len(chains), other[row], product)
    # shares of one, two or three products in the role, percent
    split = np.array([[100, 0, 0], [60, 40, 0], [50, 30, 20]])[count[row] - 1, number]
    part = share[row] * split // 100
    rounding = share - np.bincount(row, weights=part, minlength=len(share)).astype(np.int64)
    part += np.where(number == 0, rounding[row], 0)
    return firm[row], node[row], product, part


def _outside_products(draw: _Draw, goods: Products, position: dict[str, int]) -> Ints:
    """A product outside all chains for each firm: of its class, else of its division, else a noise product."""
    rng = draw.rng
    home = {product for products in draw.chains.products for product in products}
    known = list(code_list("industry_class"))
    free: dict[str, list[int]] = {}
    for code, (_, of_class) in listed_products().items():
        if code not in home:
            free.setdefault(of_class, []).append(position[code])
    in_chain = np.flatnonzero(draw.has.sum(axis=1)).tolist()
    for n, code in enumerate(known):
        if n not in in_chain:
            free.setdefault(code, []).append(position[code])
    of_division: dict[str, list[int]] = {}
    for of_class, products in free.items():
        of_division.setdefault(of_class[:2], []).extend(products)
    choices = [free.get(c) or of_division.get(c[:2]) or goods.noise.tolist() for c in known]
    width = max(map(len, choices))
    table = np.array([[*c, *[-1] * (width - len(c))] for c in choices])
    count = np.array([len(c) for c in choices])[draw.class_of]
    at = (rng.random(len(count)) * count).astype(np.int64)
    products_at: Ints = table[draw.class_of, at]
    return products_at
