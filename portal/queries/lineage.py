"""What a table is made of 数据血缘: from the feeds over the tables in between, and the tables that are made of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, get_args

from portal.queries.titles import Named
from schemas.contract import contracts

#: From left to right: feeds and the quarantine, tables further back, tables that the asked one reads, itself, and the
#: tables that read it.
Stage = Literal["source", "back", "input", "own", "after"]
STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True, order=True)
class Node:
    """A table of the lineage."""

    table: str
    title: Named = field(compare=False)
    stage: Stage


@dataclass(frozen=True)
class Lineage:
    """Tables before and after one, and which is made of which: (input, table), those among ``back`` included."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]

    @property
    def feeds(self) -> tuple[str, ...]:
        """Names of the feeds behind the table."""
        sources = (node.table for node in self.nodes if node.stage == "source")
        return tuple(name.removeprefix("raw.") for name in sources if name.startswith("raw."))


@cache
def lineage(table: str) -> Lineage:
    """The lineage of a table by the job graph; of a table that no job makes, itself alone."""
    made_of = _made_of()
    stages: dict[str, Stage] = {name: "after" for name, inputs in made_of.items() if table in inputs}
    before = _before(table, made_of)
    for name in before:
        stages[name] = "source" if name not in made_of else "input" if name in made_of[table] else "back"
    stages[table] = "own"
    edges = [
        (given, name)
        for name, inputs in made_of.items()
        for given in inputs
        if given in stages and (name in before or name == table or (given == table and name in stages))
    ]
    nodes = (Node(name, _title(name), stage) for name, stage in sorted(stages.items()))
    return Lineage(tuple(nodes), tuple(sorted(edges)))


@cache
def _made_of() -> Mapping[str, tuple[str, ...]]:
    from pipeline.registry import registry

    return {
        name: tuple(sorted({given.table for given in job.inputs.values()}))
        for name, job in registry().items()
    }


def _before(table: str, made_of: Mapping[str, tuple[str, ...]]) -> set[str]:
    found: set[str] = set()
    waiting = [table]
    while waiting:
        new = set(made_of.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def _title(name: str) -> Named:
    spec = contracts().get(name)
    return Named(name, spec.title.zh, spec.title.en) if spec else Named(name, name, name)


# --- the picture -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Placed:
    """A node's place: column and row, counted from 0."""

    node: Node
    column: int
    row: float


def placed(found: Lineage) -> Iterator[Placed]:
    """A column for each stage that has any node. In it the nodes stand where the tables made of them stand."""
    columns = [[node for node in found.nodes if node.stage == stage] for stage in STAGES]
    columns = [nodes for nodes in columns if nodes]
    height = max(map(len, columns))
    rows: dict[str, float] = {}
    for column, nodes in reversed(list(enumerate(columns))):
        middle = {
            node: _middle(rows[b] for a, b in found.edges if a == node.table and b in rows) for node in nodes
        }
        ordered = [node for _, node in sorted((middle[node], node) for node in nodes)]
        top = (height - len(nodes)) / 2
        rows |= {node.table: top + place for place, node in enumerate(ordered)}
        yield from (Placed(node, column, rows[node.table]) for node in ordered)


def _middle(rows: Iterable[float]) -> float:
    known = list(rows)
    return sum(known) / len(known) if known else 0
