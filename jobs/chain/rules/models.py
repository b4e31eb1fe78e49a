"""Chain models 产业链模型: the nodes of each signature chain as validated, versioned data.

Each file ``schemas/chains/<CHAIN>.yml`` holds one chain: its nodes 节点 with tier 上中下游, classes of GB/T 4754-2017
(likeliest first), products (``schemas/codes/product.csv``), substitutes 替代, and the nodes it feeds with a typical
cost share. A product belongs to at most one node of all chains, so a declared product determines its maker's node; a
class seldom does (3525 covers all moulds, 3670 most parts of a car). An installation adds chains of its own in
``chains/*.yml`` of the folder that ``BRAIN_SCHEMAS`` names; ``fed_by`` then adds edges from nodes of another file.

The module is one, above 300 lines: most of a model's definition is in the checks that are made when it is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from jobs.rules.base import RuleDocument, Rules
from schemas.contract import CHAINS, SCHEMAS, code_list, digest, schema_folders
from schemas.definition import Definition, Titles, first_error, read_mapping
from schemas.errors import RejectedError, UsageError

MODELS = SCHEMAS / CHAINS
KIND = Titles(zh="产业链模型", en="chain models")

Tier = Literal["up", "mid", "down"]
TIERS: tuple[Tier, ...] = ("up", "mid", "down")

Year = Annotated[int, Field(ge=2000, le=2100)]
Share = Annotated[Decimal, Field(gt=0, le=100, decimal_places=2)]


class Feed(Definition):
    """An edge: the other node, and the share (per cent) of this supply in all purchases of the node that is fed."""

    node: str
    cost_share_pct: Share


class _Valid(Definition):
    """Holds from the first year to the last, both included; without a last year it has no end."""

    valid_from: Year
    valid_to: Year | None = None

    def holds_in(self, year: int) -> bool:
        return self.valid_from <= year and (self.valid_to is None or year <= self.valid_to)


class Node(_Valid):
    """A node of a chain; enterprises have positions in its leaves."""

    chain_code: str
    code: str
    title: Titles
    tier: Tier
    #: Code of the group that it is shown under, if any.
    parent: str | None = None
    classes: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    #: Nodes whose products can replace this node's.
    substitutes: tuple[str, ...] = ()
    feeds: tuple[Feed, ...] = ()
    fed_by: tuple[Feed, ...] = ()

    @property
    def is_covered(self) -> bool:
        """Whether the directory of enterprises can contain its makers: it covers industry only (06 to 46)."""
        return any(code in code_list("industry_class") for code in self.classes)


class Chain(_Valid):
    """A signature chain 标志性产业链."""

    code: str
    title: Titles
    source: str
    #: Leaves, in the order of the file.
    nodes: tuple[Node, ...]
    #: Nodes that only group others; no enterprise has a position in them.
    groups: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Edge:
    """``from_node`` feeds ``to_node`` and supplies ``cost_share_pct`` per cent of its purchases."""

    from_node: str
    to_node: str
    cost_share_pct: Decimal


@dataclass(frozen=True)
class ChainModels(Rules):
    """All chains, or those of one year (see ``valid``)."""

    chains: tuple[Chain, ...]

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The leaves of every chain, chain by chain."""
        return tuple(node for chain in self.chains for node in chain.nodes)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        return tuple(Edge(n.code, f.node, f.cost_share_pct) for n in self.nodes for f in n.feeds)

    @cached_property
    def product_nodes(self) -> Mapping[str, str]:
        """Product code → code of its only node."""
        return {product: node.code for node in self.nodes for product in node.products}

    @cached_property
    def by_code(self) -> Mapping[str, Node]:
        return {node.code: node for node in self.nodes}

    def node(self, code: str) -> Node:
        """The leaf with a code.

        Raises:
            UsageError: it does not exist.
        """
        try:
            return self.by_code[code]
        except KeyError:
            raise UsageError(f"no chain node {code}; see schemas/chains") from None

    def valid(self, year: int | str) -> ChainModels:
        """The models in force in a year (or the year of a period such as ``2024-12``); edges among their nodes only."""
        return _restricted(self, int(str(year)[:4]))

    def describe(self) -> list[RuleDocument]:
        """One document for each chain."""
        return [
            RuleDocument.of(
                f"chain-{chain.code}", KIND, chain.title, chain.source, chain.model_dump(mode="json")
            )
            for chain in self.chains
        ]

    def fingerprint(self, period: str) -> str:
        """Hash of the chains of the period's year, without titles, source and years of validity."""
        year = period[:4]
        # every table of the chains asks for every period, each time that stale periods are looked up
        if year not in self._fingerprints:
            models = self.valid(year)
            self._fingerprints[year] = digest(
                [_without(_UNTOLD, chain.model_dump(mode="json")) for chain in models.chains]
            )
        return self._fingerprints[year]

    @cached_property
    def _fingerprints(self) -> dict[str, str]:
        """Hashes by year."""
        return {}


class TitledModels(ChainModels):
    """The same models for a table that shows the nodes' titles, which their fingerprint includes."""

    def fingerprint(self, period: str) -> str:
        titles = {node.code: node.title.model_dump() for node in self.valid(period).nodes}
        return digest([super().fingerprint(period), titles])


#: Fields of a model that affect no row of a year in which it holds.
_UNTOLD = frozenset({"title", "source", "valid_from", "valid_to"})


def _without(names: frozenset[str], part: Any) -> Any:
    if isinstance(part, dict):
        return {k: _without(names, v) for k, v in part.items() if k not in names}
    return [_without(names, entry) for entry in part] if isinstance(part, list) else part


def _restricted(models: ChainModels, year: int) -> ChainModels:
    held = {n.code for c in models.chains if c.holds_in(year) for n in c.nodes if n.holds_in(year)}

    def cut(node: Node) -> Node:
        return node.model_copy(
            update={
                "feeds": tuple(f for f in node.feeds if f.node in held),
                "substitutes": tuple(s for s in node.substitutes if s in held),
            }
        )

    return ChainModels(
        tuple(
            chain.model_copy(
                update={
                    "nodes": tuple(cut(n) for n in chain.nodes if n.code in held),
                    "groups": tuple(g for g in chain.groups if g.holds_in(year)),
                }
            )
            for chain in models.chains
            if chain.holds_in(year)
        )
    )


# --- loading ---------------------------------------------------------------------------------------


def load() -> ChainModels:
    """The shipped chains, and those of the installation.

    Raises:
        RejectedError: a model is not well formed; the line names file, node and fault.
    """
    own = (folder / CHAINS for folder in schema_folders()[1:])
    return _loaded((MODELS, *(folder for folder in own if folder.is_dir())))


def load_titled() -> TitledModels:
    """The same chains for a table that shows the nodes' titles."""
    return TitledModels(load().chains)


@cache
def _loaded(folders: tuple[Path, ...]) -> ChainModels:
    _prove_products(code_list("product"))
    models = load_models(*folders)
    if lost := sorted(set(code_list("chain")) - {chain.code for chain in models.chains}):
        raise RejectedError(
            f"chain {lost[0]} of schemas/codes/chain.csv has no model; add schemas/chains/{lost[0]}.yml"
        )
    return models


def load_models(*folders: Path) -> ChainModels:
    """All models of some folders.

    Raises:
        RejectedError: a model is not well formed; the line names file, node and fault.
    """
    files: dict[str, str] = {}
    chains: dict[str, Chain] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("*.yml"))):
        chain = _chain(path)
        if chain.code in chains:
            raise RejectedError(f"{path.name}: chain {chain.code} is in {files[chain.code]} already")
        chains[chain.code], files[chain.code] = chain, path.name
    order = {code: rank for rank, code in enumerate(code_list("chain"))}
    models = _with_inputs(ChainModels(tuple(sorted(chains.values(), key=lambda c: order[c.code]))), files)
    _prove(models, files)
    return models


def _chain(path: Path) -> Chain:
    """The chain of a file, checked as far as no other file is needed."""
    raw = read_mapping(path, RejectedError)
    listed = raw.pop("nodes", None)
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise RejectedError(f"{path.name}: nodes is a list of nodes, each a mapping with its code")
    code = raw.pop("chain_code", None)
    try:
        chain = Chain.model_validate({**raw, "code": code, "nodes": ()})
    except ValidationError as error:
        raise RejectedError(f"{path.name}: {first_error(error)}") from None
    known = code_list("chain").get(chain.code)
    if known is None:
        raise RejectedError(
            f"{path.name}: chain {chain.code} is not in schemas/codes/chain.csv; add it there"
        )
    if (known["zh"], known["en"]) != (chain.title.zh, chain.title.en):
        raise RejectedError(
            f"{path.name}: the title is {known['zh']} {known['en']} in schemas/codes/chain.csv"
        )
    nodes = [_node(path.name, chain, entry) for entry in listed]
    _prove_order(path.name, chain, chain)
    seen: set[str] = set()
    for node in nodes:
        if node.code in seen:
            raise RejectedError(f"{path.name}: {node.code}: the code is used twice")
        seen.add(node.code)
        _prove_order(path.name, chain, node)
    groups = {node.parent for node in nodes if node.parent}
    chain = chain.model_copy(
        update={
            "nodes": tuple(n for n in nodes if n.code not in groups),
            "groups": tuple(n for n in nodes if n.code in groups),
        }
    )
    _prove_groups(path.name, chain)
    for node in chain.nodes:
        _prove_leaf(path.name, node)
    return chain


def _node(file: str, chain: Chain, entry: Mapping[str, Any]) -> Node:
    defaults = {"chain_code": chain.code, "valid_from": chain.valid_from, "valid_to": chain.valid_to}
    if "chain_code" in entry:
        raise RejectedError(f"{file}: {entry.get('code')}: chain_code stands once, at the head of the file")
    try:
        node = Node.model_validate({**defaults, **entry})
    except ValidationError as error:
        raise RejectedError(
            f"{file}: {entry.get('code', 'a node without a code')}: {first_error(error)}"
        ) from None
    if not node.code.startswith(f"{chain.code}-"):
        raise RejectedError(f"{file}: {node.code}: a node's code begins with {chain.code}-")
    return node


def _with_inputs(models: ChainModels, files: Mapping[str, str]) -> ChainModels:
    """The models with each ``fed_by`` turned into an edge of the supplying node."""
    more: dict[str, list[Feed]] = defaultdict(list)
    for node in models.nodes:
        for feed in node.fed_by:
            if feed.node not in models.by_code:
                raise _refusal(files, node, f"is fed by {feed.node}, which is no leaf of any chain")
            more[feed.node].append(Feed(node=node.code, cost_share_pct=feed.cost_share_pct))

    def joined(node: Node) -> Node:
        return node.model_copy(update={"feeds": (*node.feeds, *more[node.code]), "fed_by": ()})

    return ChainModels(
        tuple(c.model_copy(update={"nodes": tuple(joined(n) for n in c.nodes)}) for c in models.chains)
    )


# --- checks ----------------------------------------------------------------------------------------


def _refusal(files: Mapping[str, str], node: Node, what: str) -> RejectedError:
    return RejectedError(f"{files[node.chain_code]}: {node.code}: {what}")


def _prove_order(file: str, chain: Chain, part: Chain | Node) -> None:
    if part.valid_to is not None and part.valid_to < part.valid_from:
        raise RejectedError(
            f"{file}: {part.code}: valid_to {part.valid_to} is before valid_from {part.valid_from}"
        )
    end, last = part.valid_to or 9999, chain.valid_to or 9999
    if part.valid_from < chain.valid_from or end > last:
        raise RejectedError(f"{file}: {part.code}: holds in years in which its chain does not")


def _prove_groups(file: str, chain: Chain) -> None:
    groups = {group.code: group for group in chain.groups}
    for group in chain.groups:
        for name in ("classes", "products", "substitutes", "feeds", "fed_by", "parent"):
            if getattr(group, name):
                raise RejectedError(f"{file}: {group.code}: is the parent of others, so it has no {name}")
    for node in chain.nodes:
        if node.parent and node.parent not in groups:
            raise RejectedError(f"{file}: {node.code}: parent {node.parent} is no node of the file")
        if node.parent and groups[node.parent].tier != node.tier:
            raise RejectedError(f"{file}: {node.code}: its parent {node.parent} is of another tier")


def _prove_leaf(file: str, node: Node) -> None:
    where = f"{file}: {node.code}: "
    listed = code_list("product")
    for name in ("classes", "products"):
        if not getattr(node, name):
            raise RejectedError(f"{where}a leaf has at least one of its {name}")
    for name, codes in (
        ("classes", node.classes),
        ("products", node.products),
        ("substitutes", node.substitutes),
        ("feeds", tuple(feed.node for feed in node.feeds)),
    ):
        if twice := _first_twice(codes):
            raise RejectedError(f"{where}{name} names {twice} twice")
    for code in node.classes:
        if code not in code_list("industry_class") and code not in code_list("service_class"):
            raise RejectedError(
                f"{where}unknown class {code}; see schemas/codes/industry_class.csv, service_class.csv"
            )
    for product in node.products:
        if product not in listed:
            raise RejectedError(f"{where}unknown product {product}; add it to schemas/codes/product.csv")
        if (of := listed[product]["industry_class"]) not in node.classes:
            raise RejectedError(f"{where}product {product} is of class {of}, which is none of the node's")


def _prove_products(listed: Mapping[str, Mapping[str, str]]) -> None:
    """Check the list of products: a code is the class and two more digits; a Chinese name is unique."""
    names: dict[str, str] = {}
    for code, row in listed.items():
        where, of = f"product.csv: {code}: ", row["industry_class"]
        if of not in code_list("industry_class") and of not in code_list("service_class"):
            raise RejectedError(
                f"{where}unknown class {of}; see schemas/codes/industry_class.csv, service_class.csv"
            )
        if not (len(code) == 6 and code.isdigit() and code.startswith(of)):
            raise RejectedError(f"{where}a product's code is its class {of} and two digits")
        if (other := names.setdefault(row["zh"], code)) != code:
            raise RejectedError(f"{where}{row['zh']} is {other} already")


def _first_twice(codes: Sequence[str]) -> str | None:
    return next((code for rank, code in enumerate(codes) if code in codes[:rank]), None)


def _prove(models: ChainModels, files: Mapping[str, str]) -> None:
    """Check all chains together; sums, cycles, tiers and connections for each year in which the models change."""
    home: dict[str, Node] = {}
    for node in models.nodes:
        for product in node.products:
            if (other := home.setdefault(product, node)) is not node:
                raise _refusal(files, node, f"product {product} has its home in {other.code} already")
        for name, code in (
            *(("feeds", feed.node) for feed in node.feeds),
            *(("substitutes", code) for code in node.substitutes),
        ):
            if code not in models.by_code:
                raise _refusal(files, node, f"{name} names {code}, which is no leaf of any chain")
            if not _overlap(node, models.by_code[code]):
                raise _refusal(files, node, f"{name} names {code}, and there is no year in which both hold")
        if node.code in node.substitutes:
            raise _refusal(files, node, "is named as its own substitute")
    starts = {part.valid_from for c in models.chains for part in (c, *c.nodes)}
    ends = {part.valid_to + 1 for c in models.chains for part in (c, *c.nodes) if part.valid_to}
    for year in sorted(starts | ends):
        _prove_year(models.valid(year), files, year)


def _overlap(one: Node, other: Node) -> bool:
    return max(one.valid_from, other.valid_from) <= min(one.valid_to or 9999, other.valid_to or 9999)


def _prove_year(models: ChainModels, files: Mapping[str, str], year: int) -> None:
    bought: dict[str, Decimal] = defaultdict(Decimal)
    for edge in models.edges:
        bought[edge.to_node] += edge.cost_share_pct
    for code, share in bought.items():
        if share > 100:
            raise _refusal(files, models.node(code), f"what feeds into it sums to {share} per cent in {year}")
    if cycle := _cycle({node.code: [feed.node for feed in node.feeds] for node in models.nodes}):
        raise _refusal(files, models.node(cycle[0]), f"feeds itself: {' → '.join(cycle)}")
    for chain in models.chains:
        for tier in TIERS:
            if not any(node.tier == tier for node in chain.nodes):
                raise RejectedError(f"{files[chain.code]}: no node of tier {tier} in {year}")
        if apart := _apart(chain):
            raise RejectedError(
                f"{files[chain.code]}: {apart}: no way over the chain's edges from {chain.nodes[0].code} in {year}"
            )


def _cycle(feeds: Mapping[str, Iterable[str]]) -> list[str]:
    """The nodes of a cycle in the order of its edges, the first one repeated at the end; empty without a cycle.

    >>> _cycle({"a": ["b"], "b": ["c"], "c": ["b"]})
    ['b', 'c', 'b']
    """
    done: set[str] = set()
    for start in feeds:
        way: list[str] = []
        ahead: list[Iterator[str]] = [iter((start,))]
        while ahead:
            code = next(ahead[-1], None)
            if code is None:
                ahead.pop()
                if way:
                    done.add(way.pop())
            elif code in way:
                return [*way[way.index(code) :], code]
            elif code not in done:
                way.append(code)
                ahead.append(iter(feeds[code]))
    return []


def _apart(chain: Chain) -> str | None:
    """A node that no path over the chain's own edges, in either direction, connects with its first node."""
    beside: dict[str, set[str]] = {node.code: set() for node in chain.nodes}
    for node in chain.nodes:
        for feed in node.feeds:
            if feed.node in beside:
                beside[node.code].add(feed.node)
                beside[feed.node].add(node.code)
    reached: set[str] = set()
    waiting = [chain.nodes[0].code]
    while waiting:
        code = waiting.pop()
        if code not in reached:
            reached.add(code)
            waiting += beside[code]
    return next((code for code in beside if code not in reached), None)
