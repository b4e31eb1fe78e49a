"""Reading rule sets: inheritance between files, differences by year, and an installation's own folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial, reduce
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.models import INDICATORS, Notes, RuleSet, own_rules
from schemas.definition import first_error, line_of, read_mapping
from schemas.errors import RejectedError

RULE_SETS = Path(__file__).parent / "rule_sets"
#: Files of rules by name, with their content.
Files = Mapping[str, tuple[Path, dict[str, Any]]]


# --- loading ---------------------------------------------------------------------------------------


def load_rule_book(folder: Path = RULE_SETS, own: Path | None = None) -> RuleBook:
    """Every rule set of a folder, and those of an installation's own, which go before them for a district and year.

    Raises:
        RejectedError: a file is not well formed; the line names file, line, field and fault.
    """
    shipped = _files(folder)
    book = RuleBook(rule_set for name in shipped for rule_set in _expand(name, shipped))
    if own is None:
        return book
    files = _files(own)
    if again := sorted(set(files) & set(shipped)):
        raise RejectedError(
            f"{own / again[0]}: a shipped rule set has this name; extend it under another name"
        )
    together = {**shipped, **files}
    own_book = RuleBook(rule_set for name in files for rule_set in _expand(name, together))
    return reduce(RuleBook.replace, own_book.all(), book)


@cache
def rule_book() -> RuleBook:
    """The rule book shipped with the platform, with the installation's own rule sets (``BRAIN_RULES``)."""
    return load_rule_book(own=own_rules())


def read_rule_file(path: Path) -> list[RuleSet]:
    """The rule sets of one file that may extend those in force (what-if).

    Raises:
        RejectedError: the file is not well formed.
    """
    own = own_rules()
    known = {**_files(RULE_SETS), **(_files(own) if own else {})}
    return list(_expand(path.name, {**known, path.name: (path, read_mapping(path, RejectedError))}))


def _files(folder: Path) -> Files:
    paths = (path for path in sorted(folder.glob("*.yml")) if path.name != INDICATORS)
    return {path.name: (path, read_mapping(path, RejectedError)) for path in paths}


def _expand(name: str, files: Files) -> Iterable[RuleSet]:
    document = _inherited(name, files, ())
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
        yield parse_rule_set(name, own, partial(_place, name, files, year))


def _place(name: str, files: Files, year: str, field: Sequence[str | int]) -> str:
    """The file and line in which a field of a rule set is written: its own file, or the nearest that it extends."""
    found: list[tuple[int, str]] = []
    at: str | None = name
    while at is not None:
        path, raw = files[at]
        for written in (("by_year", year, *field), tuple(field)):
            if hit := line_of(path, written):
                depth = hit[0] - (len(written) - len(field))
                found.append(
                    (depth, f"{at} line {hit[1]}" + ("" if at == name else f", which {name} extends"))
                )
        parent = raw.get("extends")
        at = f"{parent}.yml" if parent else None
    # of two files that have the field the nearer one decides
    deepest = max((depth for depth, _ in found), default=0)
    return next((text for depth, text in found if depth == deepest > 0), name)


def parse_rule_set(
    name: str, document: Mapping[str, Any], place: Callable[[Sequence[str | int]], str] | None = None
) -> RuleSet:
    """A rule set from its mapping; ``proven`` removes fields from the inherited assumptions.

    Args:
        place: tells file and line of a field, by its path.

    Raises:
        RejectedError: it is not well formed; the line names file, line, field and fault.
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
        where = place(error.errors()[0]["loc"]) if place else name
        raise RejectedError(f"{where}: {first_error(error)}") from None


def _present(part: Any, inside: str | None = None) -> Any:
    """A mapping, or its entry ``inside``, without the entries that ``null`` removes.

    Anything but a mapping is returned unchanged, for the model to reject.
    """
    if not isinstance(part, Mapping):
        return part
    if inside is not None:
        return {**part, inside: _present(part.get(inside))}
    return {k: v for k, v in part.items() if v is not None}


def _inherited(name: str, files: Files, seen: tuple[str, ...]) -> dict[str, Any]:
    own = dict(files[name][1])
    parent = own.pop("extends", None)
    if parent is None:
        return own
    parent_name = f"{parent}.yml"
    if parent_name not in files or parent_name in (*seen, name):
        raise RejectedError(f"{name}: extends {parent}, which is unknown or extends this one")
    base = _inherited(parent_name, files, (*seen, name))
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
