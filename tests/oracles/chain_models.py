"""The graph of the chain models in plain Python, written from its rules: edges, cycles, sums, connectedness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path

import yaml

Graph = Mapping[str, Mapping[str, Fraction]]


def graph_of(folder: Path) -> dict[str, dict[str, Fraction]]:
    """Node → the nodes it feeds, with their shares, read from the files."""
    nodes = {}
    for path in sorted(folder.glob("*.yml")):
        for node in yaml.safe_load(path.read_text(encoding="utf-8"))["nodes"]:
            nodes[node["code"]] = {
                f["node"]: Fraction(str(f["cost_share_pct"])) for f in node.get("feeds") or ()
            }
    return nodes


def is_acyclic(graph: Graph) -> bool:
    """Whether repeatedly removing the nodes that no node feeds removes all nodes."""
    left = dict(graph)
    while left:
        fed = {target for feeds in left.values() for target in feeds}
        if not (free := set(left) - fed):
            return False
        left = {code: feeds for code, feeds in left.items() if code not in free}
    return True


def bought(graph: Graph) -> dict[str, Fraction]:
    """Node → sum of the shares that feed it, per cent."""
    return {
        code: sum((feeds.get(code, Fraction(0)) for feeds in graph.values()), Fraction(0)) for code in graph
    }


def is_connected(graph: Graph, codes: Iterable[str]) -> bool:
    """Whether edges between the nodes connect all of them: a part grown from one node reaches every node."""
    members = set(codes)
    part = {min(members)}
    while True:
        more = {t for s in part for t in graph[s]} | {s for s, feeds in graph.items() if part & set(feeds)}
        grown = part | (more & members)
        if grown == part:
            return part == members
        part = grown
