"""The rules of all areas, as the jobs declare them: what a release shows and what suites read of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jobs.rules.base import Row, RuleDocument, Rules
from pipeline.registry import registry
from schemas.errors import RejectedError


def rules_in_force() -> Iterator[tuple[str, Rules]]:
    """Area and rules, each once: several jobs share the same rules."""
    seen: set[int] = set()
    for job in registry().values():
        if job.rules and id(rules := job.rules()) not in seen:
            seen.add(id(rules))
            yield job.area, rules


def rule_documents() -> list[tuple[str, RuleDocument]]:
    """Area and document, sorted by the document's id.

    Raises:
        RejectedError: two documents have the same id.
    """
    found: dict[str, tuple[str, RuleDocument]] = {}
    for area, rules in rules_in_force():
        for document in rules.describe():
            if found.setdefault(document.id, (area, document))[1] != document:
                raise RejectedError(f"two rule documents have the id {document.id}; give each its own")
    return [found[name] for name in sorted(found)]


def rule_hashes() -> dict[str, str]:
    """Id -> hash of every rule document in force."""
    return {document.id: document.hash for _, document in rule_documents()}


def rule_tables() -> dict[str, list[Row]]:
    """Name -> rows that suites read as ``rules.<name>``."""
    found: dict[str, list[Row]] = {}
    for _, rules in rules_in_force():
        for name, rows in rules.tables().items():
            found.setdefault(name, []).extend(rows)
    return found


def check_rules() -> list[dict[str, Any]]:
    """Check that what the rules refer to exists; return the number of documents of each kind.

    Raises:
        RejectedError: it does not; the message says what to add.
    """
    for _, rules in rules_in_force():
        rules.check()
    kinds = Counter(f"{document.kind.zh} {document.kind.en}" for _, document in rule_documents())
    return [{"definition": kind, "count": count} for kind, count in kinds.items()]


def as_release_tables() -> Mapping[str, Iterable[Mapping[str, Any]]]:
    """``release.rule_set`` (one row per document) and ``release.assumption`` (one per document and field)."""
    documents = rule_documents()
    return {
        "rule_set": [
            {
                "area": area, "rule_set_id": d.id, "rule_set_hash": d.hash, "title_zh": d.title.zh,
                "title_en": d.title.en, "source": d.source, "content": d.content,
            }
            for area, d in documents
        ],
        "assumption": [
            {"rule_set_id": d.id, "field": assumed.field, "why": assumed.why, "why_zh": assumed.why_zh}
            for _, d in documents
            for assumed in d.assumptions
        ],
    }  # fmt: skip
