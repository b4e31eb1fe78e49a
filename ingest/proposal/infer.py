"""A proposed contract for an unknown file, for a person to finish: ``./brain ingest --infer FILE``.

A contract with a remaining ``TODO`` is refused, so a guess never becomes a feed by itself.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingest.proposal.columns import assign, column_of, set_aside
from ingest.proposal.contract_text import contract_lines, field_lines
from ingest.proposal.guesses import Guess
from ingest.proposal.sample import Sample
from ingest.proposal.take import take
from schemas.contract import schema_folders, shown
from schemas.errors import UsageError


@dataclass
class Proposal:
    """Two YAML texts, with the sample and the guesses behind them."""

    sample: Sample
    columns: list[Guess]
    contract: str = ""
    fields: str = ""

    def as_row(self) -> dict[str, Any]:
        columns = [{k: v for k, v in asdict(c).items() if k != "values"} for c in self.columns]
        source = {k: v for k, v in asdict(self.sample).items() if k not in ("rows", "headings", "units")}
        return {**source, "columns": columns, "contract": self.contract, "fields": self.fields}


def infer(path: Path) -> Proposal:
    """Propose a contract for a file.

    Raises:
        RejectedError: the file is no table that could become a feed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        sample = take(path, Path(scratch))
    columns = [column_of(sample, place) for place in range(len(sample.headings))]
    set_aside(columns)
    assign([c for c in columns if not c.role])
    proposal = Proposal(sample, columns)
    proposal.contract = "\n".join(contract_lines(path.name, sample, columns)) + "\n"
    proposal.fields = "".join(f"{line}\n" for line in field_lines(columns))
    return proposal


def write(name: str, text: str) -> Path:
    """Write a proposal to the folder of contracts: the installation's, or else the package's.

    Raises:
        UsageError: the name is invalid or in use; nothing is overwritten.
    """
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise UsageError(
            f"{name}: a feed's name has small letters, digits and _ only, and begins with a letter"
        )
    for folder in schema_folders():
        if (taken := folder / "raw" / f"{name}.yml").exists():
            raise UsageError(f"{shown(taken)} exists already; give another name")
    path = schema_folders()[-1] / "raw" / f"{name}.yml"
    path.parent.mkdir(exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return path
