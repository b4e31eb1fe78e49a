"""Rules on trial 测算规则: rule sets that would replace those of a release, from a file or from single fields."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import standing_rules
from jobs.per_mu.rules.models import ENTERPRISE_LISTS, RuleSet
from jobs.per_mu.rules.reading import parse_rule_set, read_rule_file
from schemas.definition import decimal_yaml
from schemas.errors import RejectedError, UsageError

#: Fields that name a rule set and do not affect a result.
NAMES = {"id", "title", "source", "assumptions", "valid_from", "valid_to", "district_codes"}
#: End of the id of a rule set on trial: its results are never taken for published ones.
SUFFIX = "-trial"


@dataclass(frozen=True)
class Replaced:
    """A rule set on trial and the one that it replaces in a district."""

    district_code: str
    before: RuleSet
    after: RuleSet


def book_of_release(documents: Iterable[Mapping[str, Any]]) -> RuleBook:
    """The rule sets of enterprises of a release, from its ``release.rule_set``; other documents are skipped.

    Raises:
        RejectedError: they have an older form, or what land can carry was other then.
    """
    sets, limits = [], None
    for row in documents:
        if row["rule_set_id"] == "land-limits":
            limits = row["rule_set_hash"]
        if not set(ENTERPRISE_LISTS) & set(json.loads(row["content"]).get("lists", ())):
            continue
        try:
            sets.append(RuleSet.model_validate_json(row["content"]))
        except ValidationError:
            raise RejectedError(
                f"rule set {row['rule_set_id']} of the release has an older form; run and publish a new release"
            ) from None
    book = RuleBook(sets)
    if limits != book.limits.document().hash:
        raise RejectedError("what land can carry was other in this release; run and publish a new release")
    return book


def from_file(path: Path, year: str) -> list[RuleSet]:
    """The rule sets of a file for a year; it may extend those that ship.

    Raises:
        RejectedError: the file is not well formed, or holds for other years only.
    """
    found = read_rule_file(path)
    chosen = [rule_set for rule_set in found if rule_set.year == year]
    if not chosen:
        years = ", ".join(sorted({r.year for r in found})) or "none"
        raise RejectedError(f"{path.name}: no rule for {year}; its `years` are: {years}")
    return chosen


def from_fields(fields: Sequence[str], rule_set: RuleSet) -> RuleSet:
    """A rule set with other values in some of its fields, each given as ``path.to.field=value``.

    Of a list's quota C gets the rest; a list without a quota of its own gets that of the rule set first.

    Raises:
        UsageError: it is not of this form.
        RejectedError: the rule would not be well formed; the line names the field.
    """
    document = rule_set.model_dump(mode="json")
    for given in fields:
        path, equals, text = given.partition("=")
        if not equals or not path:
            raise UsageError(f"{given}: give it as path.to.field=value")
        try:
            value = decimal_yaml(text)
        except (yaml.YAMLError, ArithmeticError):
            raise UsageError(f"{path}: {text} is not readable as a value") from None
        _put(document, path, value)
    return parse_rule_set(rule_set.id, document)


def _put(document: dict[str, Any], path: str, value: Any) -> None:
    *folders, last = path.split(".")
    part = document
    for name in folders:
        if name == "quota" and part.get(name) is None:
            part[name] = yaml.safe_load(yaml.safe_dump(document["quota"]))
        if not isinstance(part.get(name), dict):
            part[name] = {}
        part = part[name]
    part[last] = value
    if folders[-1:] == ["shares"] and last in ("A", "B", "D"):
        try:
            part["C"] = 1 - sum(Decimal(str(part[grade])) for grade in "ABD")
        except (KeyError, InvalidOperation):
            return  # the model tells what is wrong


def replaced(
    in_force: RuleBook, proposed: Iterable[RuleSet], year: str, district: str | None = None
) -> list[Replaced]:
    """What a trial replaces: for each district that a proposed rule names, the rule in force, if they differ.

    Args:
        district: the only district in which the proposed rules are tried.

    Raises:
        RejectedError: two proposed rules name a district, or none names the district.
        UsageError: there is no rule in force for a named district.
    """
    found: dict[str, Replaced] = {}
    named: set[str] = set()
    for rule_set in proposed:
        for code in rule_set.district_codes:
            if code in named:
                raise RejectedError(f"two rules on trial hold for district {code} in {year}: keep one")
            named.add(code)
            if district in (None, code):
                before = in_force.for_(code, year)
                if effect(before) != effect(rule_set):
                    ident = rule_set.id.removesuffix(SUFFIX) + SUFFIX
                    after = rule_set.model_copy(update={"id": ident, "district_codes": (code,)})
                    found[code] = Replaced(code, before, after)
    if district and named and district not in named:
        raise RejectedError(
            f"no rule on trial holds for district {district}; its district_codes: {sorted(named)}"
        )
    return [found[code] for code in sorted(found)]


def keeps_standing(changes: Iterable[Replaced]) -> bool:
    """Whether the rules on trial judge the same firms in the same lists, units and by the same tax."""
    return all(standing_rules(change.before) == standing_rules(change.after) for change in changes)


def effect(rule_set: RuleSet) -> dict[str, Any]:
    """Everything in a rule set but its names, with each amount as one text: 1.20 is 1.2."""
    return {name: _plain(value) for name, value in rule_set.model_dump(exclude=NAMES).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, (list, tuple)) else value


def book_with(in_force: RuleBook, changes: Sequence[Replaced]) -> RuleBook:
    """The book with the rules on trial in place of those that they replace."""
    by_id: dict[str, RuleSet] = {}
    for change in changes:
        key = f"{change.after.id} {change.after.model_dump_json(exclude={'district_codes'})}"
        known = by_id.get(key)
        codes = (*(known.district_codes if known else ()), change.district_code)
        by_id[key] = change.after.model_copy(update={"district_codes": codes})
    book = in_force
    for rule_set in by_id.values():
        book = book.replace(rule_set)
    return book
