"""The ten value chains (产业链) and the products of their nodes, read as data.

Models and products come from ``schemas/chains`` and ``schemas/codes/product.csv``: other nodes give another city.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np

from demo_city.world.draws import Bools, Ints
from demo_city.world.parameters import Parameters
from schemas.contract import CHAINS, SCHEMAS, ContractError, code_list
from schemas.definition import read_mapping

MODELS = SCHEMAS / CHAINS
#: Industrial divisions of GB/T 4754-2017: only their firms are in the directory.
FIRST_DIVISION, LAST_DIVISION = "06", "46"


@dataclass(frozen=True)
class Nodes:
    """Nodes of all chains by position; ``edges`` are (from, to, share of the buyer's purchases in percent)."""

    codes: tuple[str, ...]
    titles: tuple[str, ...]
    classes: tuple[tuple[str, ...], ...]
    products: tuple[tuple[str, ...], ...]
    edges: tuple[tuple[int, int, float], ...]

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def is_industrial(self) -> Bools:
        """Nodes that firms of the directory may belong to."""
        return np.array([any(map(is_industrial, classes)) for classes in self.classes], dtype=bool)

    def positions(self, codes: Iterable[str]) -> list[int]:
        """Positions of nodes.

        Raises:
            ContractError: the models have no such node.
        """
        known = {code: n for n, code in enumerate(self.codes)}
        if unknown := [code for code in codes if code not in known]:
            raise ContractError(f"demo_city/world/parameters.yml: no chain model has the node {unknown[0]}")
        return [known[code] for code in codes]


@dataclass(frozen=True)
class Products:
    """Products by position: first those of the product list, then industry classes and services outside it."""

    codes: tuple[str, ...]
    names: tuple[str, ...]
    #: Position of a product of the same class or division that another node makes; its own if none exists.
    neighbour: Ints
    #: Positions of goods and services that belong to no chain.
    noise: Ints

    def __len__(self) -> int:
        return len(self.codes)


def is_industrial(code: str) -> bool:
    """Whether a code of GB/T 4754-2017 is of an industrial division.

    >>> is_industrial("3670"), is_industrial("6520")
    (True, False)
    """
    return FIRST_DIVISION <= code[:2] <= LAST_DIVISION


@cache
def nodes() -> Nodes:
    """Nodes of all chain models; nodes without classes or products only group others and are left out."""
    entries = [
        node
        for path in sorted(MODELS.glob("*.yml"))
        for node in read_mapping(path, ContractError)["nodes"]
        if node.get("classes") and node.get("products")
    ]
    position = {node["code"]: n for n, node in enumerate(entries)}
    return Nodes(
        codes=tuple(position),
        titles=tuple(node["title"]["zh"] for node in entries),
        classes=tuple(tuple(map(str, node["classes"])) for node in entries),
        products=tuple(tuple(map(str, node["products"])) for node in entries),
        edges=tuple(
            (position[node["code"]], position[feed["node"]], float(feed["cost_share_pct"]))
            for node in entries
            for feed in node.get("feeds") or ()
            if feed["node"] in position
        ),
    )


def listed_products() -> dict[str, tuple[str, str]]:
    """Product → its name and industry class; the name has no character that CSV or JSON must quote."""
    with (SCHEMAS / "codes" / "product.csv").open(encoding="utf-8", newline="") as file:
        plain = str.maketrans({",": "、", '"': "", "\\": ""})
        return {
            row["code"]: (row["zh"].translate(plain), row.get("industry_class") or row["code"][:4])
            for row in csv.DictReader(file)
        }


def _goods(title: str) -> str:
    """Product name derived from the title of an industry class.

    >>> _goods("卷烟制造")
    '卷烟'
    """
    for ending in ("制造", "加工", "生产"):
        if len(title) > len(ending) + 1:
            title = title.removesuffix(ending)
    return title


def products_of(p: Parameters, chains: Nodes) -> Products:
    """All products that firms may make: those of the nodes and those of other industries."""
    listed = listed_products()
    home = {product: n for n, of_node in enumerate(chains.products) for product in of_node}
    names = {code: name for code, (name, _) in listed.items()}
    names |= {code: code for code in home if code not in names}
    names |= {
        code: _goods(row["zh"]) for code, row in code_list("industry_class").items() if code not in names
    }
    names |= {noise.code: noise.zh for noise in p.market.noise}
    codes = tuple(names)
    position = {code: n for n, code in enumerate(codes)}
    neighbour = np.arange(len(codes))
    of_class: dict[str, list[str]] = {}
    for code in home:
        for prefix in (code[:4], code[:2]):
            of_class.setdefault(prefix, []).append(code)
    for code, node in home.items():
        others = [c for prefix in (code[:4], code[:2]) for c in of_class[prefix] if home[c] != node]
        if others:
            neighbour[position[code]] = position[others[len(others) // 3]]
    noise = np.array([position[n.code] for n in p.market.noise])
    return Products(codes, tuple(names.values()), neighbour, noise)
