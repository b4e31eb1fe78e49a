"""What a figure may show 数据能公开到哪一步: the sensitivity and legal basis of derived columns.

``schemas/lineage.csv`` has for each column of a derived table the columns that it is made of
(``python -m pipeline.lineage`` writes it from the jobs). A column is as sensitive as the most sensitive of them, and
its legal basis is the strictest of the feeds behind them. A contract may show a column more openly only by a
disclosure, which says why. A column made of rules alone is public, as the rules are.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.field import LEGAL_BASES, SENSITIVITIES, Column, LegalBasis, Sensitivity

if TYPE_CHECKING:
    from schemas.contract import Contract


@dataclass(frozen=True)
class Standing:
    """What a column may show, and on what it rests."""

    sensitivity: Sensitivity
    legal_basis: LegalBasis
    rests_on_consent: bool
    #: It may be shown as that because it stands for several firms; their number must be told with it.
    is_counted: bool = False

    def with_(self, other: Standing) -> Standing:
        """The stricter of both in each respect."""
        return Standing(
            max(self.sensitivity, other.sensitivity, key=SENSITIVITIES.index),
            max(self.legal_basis, other.legal_basis, key=LEGAL_BASES.index),
            self.rests_on_consent or other.rests_on_consent,
            self.is_counted or other.is_counted,
        )


#: Of a column made of rules alone.
OPEN = Standing("public", "administration", False)
#: Of a column that was not traced yet: until ``python -m pipeline.lineage`` has run, nobody may see it.
UNTRACED = Standing(SENSITIVITIES[-1], LEGAL_BASES[-1], True)


def settled(contracts: Mapping[str, Contract], lineage: Path) -> dict[str, Contract]:
    """The contracts, with what follows from their sources in each column and derived table."""
    graph = _Graph(contracts, read_lineage(lineage))
    return {name: graph.settled(spec) for name, spec in contracts.items()}


def read_lineage(path: Path) -> dict[str, tuple[str, ...]]:
    """Column (``area.table.column``) → the columns that it is made of; empty if the file does not exist."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        _, *lines = csv.reader(file)
    return {f"{table}.{column}": tuple(made_of.split()) for table, column, made_of in lines}


class _Graph:
    """Contracts and what their columns are made of."""

    def __init__(self, contracts: Mapping[str, Contract], made_of: Mapping[str, tuple[str, ...]]) -> None:
        self.contracts = contracts
        self.made_of = made_of
        self.columns = {
            f"{name}.{column.name}": (spec, column)
            for name, spec in contracts.items()
            for column in spec.columns
        }
        self._found: dict[str, Standing] = {}

    def settled(self, spec: Contract) -> Contract:
        columns = [self._settled(spec, column) for column in spec.columns]
        bases = (c.legal_basis for c in columns) if spec.layer == "staged" else [spec.legal_basis]
        return spec.model_copy(
            update={"columns": tuple(columns), "legal_basis": max(bases, key=LEGAL_BASES.index)}
        )

    def _settled(self, spec: Contract, column: Column) -> Column:
        name = f"{spec.name}.{column.name}"
        standing = self.standing(name)
        return column.model_copy(
            update={
                "sensitivity": standing.sensitivity,
                "legal_basis": standing.legal_basis,
                "rests_on_consent": standing.rests_on_consent,
                "made_of": tuple(sorted(self.made_of.get(name, ()), key=self._strictest_first)),
                "disclosed": spec.disclosure_of(column.name),
            }
        )

    def _strictest_first(self, source: str) -> tuple[int, str]:
        return -SENSITIVITIES.index(self.standing(source).sensitivity), source

    def standing(self, name: str) -> Standing:
        if name not in self._found:
            self._found[name] = self._standing(name)
        return self._found[name]

    def _standing(self, name: str) -> Standing:
        if name not in self.columns:  # a source of another version of the contracts
            return UNTRACED
        spec, column = self.columns[name]
        if spec.layer != "staged":
            return Standing(column.sensitivity, spec.legal_basis, column.sensitivity == "statistics")
        made = self._of_sources(name)
        disclosure = spec.disclosure_of(column.name)
        if disclosure:
            is_counted = disclosure.counted_by is not None
            rests = made.rests_on_consent and not is_counted
            return Standing(disclosure.shown_as, made.legal_basis, rests, is_counted)
        if column.stated:
            return made.with_(replace(OPEN, sensitivity=column.stated))
        return made

    def _of_sources(self, name: str) -> Standing:
        """The strictest of what a column is made of, whatever its contract says."""
        if name not in self.made_of:
            return UNTRACED
        return reduce(Standing.with_, {self.standing(source) for source in self.made_of[name]}, OPEN)

    def faults(self) -> Iterator[str]:
        for spec in self.contracts.values():
            if spec.layer != "staged":
                continue
            for column in spec.columns:
                yield from self._faults(spec, column)

    def _faults(self, spec: Contract, column: Column) -> Iterator[str]:
        where = f"{spec.name}.{column.name}"
        file = f"schemas/{spec.area}/{spec.table}.yml"
        if where not in self.made_of:
            yield f"{where} is not in schemas/lineage.csv; run python -m pipeline.lineage"
            return
        made, disclosure = self._of_sources(where), spec.disclosure_of(column.name)
        if disclosure:
            if not made.is_counted and not _is_opener(disclosure.shown_as, made.sensitivity):
                yield (
                    f"{where} is {made.sensitivity} by what it is made of; take it out of `disclosed` in {file}, it "
                    "needs no reason"
                )
        elif column.stated and _is_opener(column.stated, made.sensitivity):
            source = self._source(where, lambda s: s.sensitivity == made.sensitivity)
            yield (
                f"{where} is said to be {column.stated}, but it is made of {source} ({made.sensitivity}); say nothing "
                f"of its sensitivity, or add to {file}: disclosed: [{{columns: [{column.name}], "
                f"shown_as: {column.stated}, because: who may show it, by which document}}]"
            )
        elif made.is_counted and _is_opener(made.sensitivity, "statistics"):
            source = self._source(where, lambda s: s.is_counted)
            yield (
                f"{where} is made of {source}, which may be shown only if it stands for enough firms; add to {file}: "
                f"disclosed: [{{columns: [{column.name}], shown_as: {made.sensitivity}, because: …, counted_by: column "
                "with the number of firms, least_firms: 3}], without a count only if no firm's figure can be inferred"
            )

    def _source(self, name: str, is_it: Callable[[Standing], bool]) -> str:
        """The first column that a column is made of for which something holds."""
        return next(source for source in self.made_of[name] if is_it(self.standing(source)))


def _is_opener(one: Sensitivity, other: Sensitivity) -> bool:
    return SENSITIVITIES.index(one) < SENSITIVITIES.index(other)


def faults(contracts: Mapping[str, Contract], lineage: Path) -> list[str]:
    """Columns that a contract shows more openly than what they are made of, without a reason; or with one too many."""
    return list(_Graph(contracts, read_lineage(lineage)).faults())


def withheld(spec: Contract, row: Mapping[str, Any]) -> frozenset[str]:
    """Columns of a row that rest on too few firms: one of them could work out another's figure.

    A row whose count is missing does not rest on firms' figures.
    """
    return frozenset(
        name
        for disclosure in spec.disclosed
        if disclosure.counted_by
        and (count := row[disclosure.counted_by]) is not None
        and count < (disclosure.least_firms or 0)
        for name in disclosure.columns
    )
