"""Interface between the rules of an area and the code that runs, checks and publishes tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from schemas.contract import digest
from schemas.definition import Definition, Titles

Row = Mapping[str, Any]


class Assumption(Definition):
    """A field of a rule document that no source prescribes: its dotted path, and the reason for its value.

    ``why_zh`` is for documents that a clerk reads; without it the reason itself has both languages.
    """

    field: str
    why: str
    why_zh: str = ""


@dataclass(frozen=True)
class RuleDocument:
    """A policy document as a release shows it: a rule set, a chain model, the tags.

    ``content`` is the complete document as JSON; ``hash`` identifies the content.
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
        """The document of a JSON-serialisable content; its hash covers all of it."""
        text = json.dumps(content, ensure_ascii=False)
        return cls(document_id, kind, title, source, digest(content), text, tuple(assumptions))


class Rules:
    """Policy as data, handed to a job as a parameter."""

    def fingerprint(self, period: str) -> str:
        """Hash of everything in the rules that affects a period's rows."""
        raise NotImplementedError

    def describe(self) -> Sequence[RuleDocument]:
        """The documents that the rules were read from; several rules may share one."""
        raise NotImplementedError

    def tables(self) -> Mapping[str, Iterable[Row]]:
        """Rows that suites read as ``rules.<name>``; each suite declares the tables and columns that it reads."""
        return {}

    def check(self) -> None:
        """Check that the definitions that the rules refer to exist.

        Raises:
            RejectedError: one line that says what to add.
        """
