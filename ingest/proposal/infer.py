"""A proposal of a contract for an unknown file, for a person to finish: ``./brain ingest --infer FILE``.

A contract with a ``TODO`` left is refused: a guess never becomes a feed by itself.
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
    """Two YAML texts and what they rest on."""

    sample: Sample
    columns: list[Guess]
    contract: str = ""
    fields: str = ""

    def as_row(self) -> dict[str, Any]:
        columns = [{k: v for k, v in asdict(c).items() if k != "values"} for c in self.columns]
        said = {k: v for k, v in asdict(self.sample).items() if k not in ("rows", "headings", "units")}
        return {**said, "columns": columns, "contract": self.contract, "fields": self.fields}


def infer(path: Path) -> Proposal:
    """
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
    """Put a proposal where contracts are read from: the installation's folder, or else the package's.

    Raises:
        UsageError: the name is none, or taken; nothing is overwritten.
    """
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise UsageError(f"{name}: a feed's name is small letters, digits and _")
    for folder in schema_folders():
        if (taken := folder / "raw" / f"{name}.yml").exists():
            raise UsageError(f"{shown(taken)} is there already; give another name")
    path = schema_folders()[-1] / "raw" / f"{name}.yml"
    path.parent.mkdir(exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return path
