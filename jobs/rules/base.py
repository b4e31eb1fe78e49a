"""What the rules of any area offer to the machine that runs, judges and publishes tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from schemas.contract import digest
from schemas.definition import Definition, Titles

Row = Mapping[str, Any]


class Assumption(Definition):
    """A field of a rule document that no source orders, by its dotted path, and why it is as it is."""

    field: str
    why: str


@dataclass(frozen=True)
class RuleDocument:
    """A document of policy as a release shows it: a rule set, a chain model, the tags.

    ``content`` is the whole document as JSON, ``hash`` identifies what it says.
    """

    id: str
    kind: Titles
    title: Titles
    source: str
    hash: str
    content: str
    assumptions: tuple[Assumption, ...] = ()

    @classmethod
    def of(
        cls,
        document_id: str,
        kind: Titles,
        title: Titles,
        source: str,
        content: Any,
        assumptions: Iterable[Assumption] = (),
    ) -> Self:
        """The document of a content that JSON can hold; its hash is that of all of it."""
        text = json.dumps(content, ensure_ascii=False)
        return cls(document_id, kind, title, source, digest(content), text, tuple(assumptions))


class Rules:
    """Policy as data, handed to a job as a parameter."""

    def fingerprint(self, period: str) -> str:
        """Identify everything in the rules that bears on a period."""
        raise NotImplementedError

    def describe(self) -> Sequence[RuleDocument]:
        """The documents that the rules were read from; several rules may rest on one."""
        raise NotImplementedError

    def tables(self) -> Mapping[str, Iterable[Row]]:
        """Rows that suites read as ``rules.<name>``; a suite says which it reads, and their columns."""
        return {}

    def check(self) -> None:
        """See that what the rules need elsewhere is there.

        Raises:
            RejectedError: one line that says what to add.
        """
