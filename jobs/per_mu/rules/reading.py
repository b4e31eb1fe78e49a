"""Reading rule sets: inheritance between files, and differences by year."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.models import Notes, RuleSet
from schemas.definition import first_error, read_mapping
from schemas.errors import RejectedError

RULE_SETS = Path(__file__).parent / "rule_sets"


# --- loading ---------------------------------------------------------------------------------------


def load_rule_book(folder: Path = RULE_SETS) -> RuleBook:
    """Every rule set of a folder.

    Raises:
        RejectedError: a file is not well formed; the line names file, field and fault.
    """
    raw = {path.name: read_mapping(path, RejectedError) for path in sorted(folder.glob("*.yml"))}
    return RuleBook(rule_set for name in raw for rule_set in _expand(name, raw))


@cache
def rule_book() -> RuleBook:
    """The rule book shipped with the platform."""
    return load_rule_book()


def read_rule_file(path: Path) -> list[RuleSet]:
    """The rule sets of one file that may extend those shipped (what-if).

    Raises:
        RejectedError: the file is not well formed.
    """
    shipped = {p.name: read_mapping(p, RejectedError) for p in sorted(RULE_SETS.glob("*.yml"))}
    return list(_expand(path.name, {**shipped, path.name: read_mapping(path, RejectedError)}))


def _expand(name: str, raw: Mapping[str, dict[str, Any]]) -> Iterable[RuleSet]:
    document = _inherited(name, raw, ())
    if document.pop("abstract", False):
        return
    years = [str(y) for y in document.pop("years", None) or []]
    by_year = {str(y): entry for y, entry in (document.pop("by_year", None) or {}).items()}
    if not years or set(by_year) - set(years):
        raise RejectedError(f"{name}: give `years`, and in `by_year` only those years")
    for year in years:
        own = merge(document, by_year.get(year) or {})
        base = str(own.get("id") or name.removesuffix(".yml"))
        own |= {"id": base if base.endswith(f"-{year}") else f"{base}-{year}", "year": year}
        yield parse_rule_set(name, own)


def parse_rule_set(name: str, document: Mapping[str, Any]) -> RuleSet:
    """A rule set from its mapping; ``proven`` removes fields from the inherited assumptions.

    Raises:
        RejectedError: it is not well formed; the line names file, field and fault.
    """
    own = dict(document)
    try:
        notes = Notes.model_validate({k: own.pop(k, None) or () for k in ("assumptions", "proven")})
        proven = {note.field for note in notes.proven}
        own["assumptions"] = [n for n in notes.assumptions if n.field not in proven]
        for field in ("lists", "vetoes", "penalties"):
            own[field] = _present({} if own.get(field) is None else own[field])
        if isinstance(own["lists"], Mapping):
            own["lists"] = {code: _present(rules, "indicators") for code, rules in own["lists"].items()}
        return RuleSet.model_validate(own)
    except ValidationError as error:
        raise RejectedError(f"{name}: {first_error(error)}") from None


def _present(part: Any, inside: str | None = None) -> Any:
    """A mapping, or its entry ``inside``, without the entries that ``null`` removes.

    Anything but a mapping is returned unchanged, for the model to reject.
    """
    if not isinstance(part, Mapping):
        return part
    if inside is not None:
        return {**part, inside: _present(part.get(inside))}
    return {k: v for k, v in part.items() if v is not None}


def _inherited(name: str, raw: Mapping[str, dict[str, Any]], seen: tuple[str, ...]) -> dict[str, Any]:
    own = dict(raw[name])
    parent = own.pop("extends", None)
    if parent is None:
        return own
    parent_name = f"{parent}.yml"
    if parent_name not in raw or parent_name in (*seen, name):
        raise RejectedError(f"{name}: extends {parent}, which is unknown or extends this one")
    base = _inherited(parent_name, raw, (*seen, name))
    for own_only in ("abstract", "id"):
        base.pop(own_only, None)
    return merge(base, own)


def merge(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """``own`` over ``base``: mappings merge, notes are concatenated, everything else is replaced.

    >>> merge({"a": {"x": 1, "y": 2}, "b": [1]}, {"a": {"y": 3}, "b": [2]})
    {'a': {'x': 1, 'y': 3}, 'b': [2]}
    """
    merged = dict(base)
    for key, value in own.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(old, value)
        elif key in ("assumptions", "proven") and isinstance(old, list):
            merged[key] = [*old, *(value or [])]
        else:
            merged[key] = value
    return merged
