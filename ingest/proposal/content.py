"""The field of a column by its values: check characters, code lists, patterns, dates."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from functools import cache

from ingest.mapping import DATES, MOMENT, NUMBER, WHOLE_NUMBER
from ingest.proposal.guesses import MOST, Guess, are_numbers, share
from ingest.proposal.words import SYNONYMS, plain
from ingest.texts import plain_number
from schemas import credit_code
from schemas.coded import Codes, titled
from schemas.contract import ContractError, feeds, fields
from schemas.field import FieldEntry

_MAX_WORDS = 30


def fit(column: Guess, name: str, entry: FieldEntry) -> float:
    """Share of the values that are valid in the field."""
    values, domain = column.values, entry.domain
    if domain.check == "uscc":
        return share(values, credit_code.is_valid)
    if domain.pattern:
        return share(values, re.compile(domain.pattern).fullmatch)
    if domain.codes or entry.type == "boolean":
        words = words_of(values, name, entry)
        known = set(_codes(domain.codes)) if domain.codes else set()
        return share(values, lambda v: v in words or v in known)
    return _fit_of_type(values, entry.type)


def _fit_of_type(values: Sequence[str], kind: str) -> float:
    if kind == "date":
        return share(values, lambda v: any(re.fullmatch(p, v) for p in DATES.values()))
    if kind == "timestamp":
        return share(values, re.compile(MOMENT).fullmatch)
    if kind.startswith(("decimal", "int", "bigint")):
        pattern = re.compile(NUMBER if kind.startswith("decimal") else WHOLE_NUMBER)
        return share(values, lambda v: bool(pattern.fullmatch(plain_number(v))))
    return 1.0 if not are_numbers(values) else 0.6


def telling(entry: FieldEntry, fitting: float) -> float:
    """Score by content alone; above 0 only for fields that few texts fit by chance."""
    if fitting < MOST:
        return 0.0
    if entry.domain.check:
        # a credit code is most likely the firm's own; fields for other firms' codes need a matching name
        return 0.8 if entry.en == fields()["uscc"].en else 0.5
    if entry.domain.pattern and len(entry.domain.pattern) > 6:
        return 0.7 * fitting
    if entry.domain.codes in ("industry_class", "district"):
        return 0.65 * fitting
    return 0.0


def date_formats(values: Sequence[str]) -> list[str]:
    """Formats of the dates, the most frequent first; empty if too few values are dates."""
    counts = {name: sum(bool(re.fullmatch(p, v)) for v in values) for name, p in DATES.items()}
    if sum(counts.values()) < MOST * len(values):
        return []
    return sorted((name for name, count in counts.items() if count), key=lambda name: -counts[name])


def words_of(values: Sequence[str], name: str, entry: FieldEntry) -> dict[str, str]:
    """Sender's word → code: for titles of the code list, and words of existing contracts."""
    words = set(itertools.islice(dict.fromkeys(values), _MAX_WORDS + 1))
    if len(words) > _MAX_WORDS:
        return {}
    known = _known_words(name, entry)
    if entry.domain.codes and words <= set(_codes(entry.domain.codes)):
        return {}  # the values are codes already
    return {word: known[plain(word)] for word in sorted(words) if plain(word) in known}


def _codes(name: str) -> Codes:
    """A code list; empty if it is derived from contracts that are not finished yet."""
    try:
        return titled(name)
    except ContractError:
        return {}


@cache
def _words_of_contracts() -> dict[str, dict[str, str]]:
    words: dict[str, dict[str, str]] = {}
    try:
        for spec in feeds().values():
            for name, mapped in spec.source.mapping.items():
                words.setdefault(name, {}).update({plain(w): c for w, c in (mapped.codes or {}).items()})
    except ContractError:
        pass
    return words


def _known_words(name: str, entry: FieldEntry) -> dict[str, str]:
    known = dict(_words_of_contracts().get(name, {}))
    if entry.type == "boolean":
        known |= {plain(word): flag for flag, words in SYNONYMS["flags"].items() for word in words}
    for code, titles in _codes(entry.domain.codes).items() if entry.domain.codes else ():
        known |= {plain(text): code for text in (code, titles.zh, titles.en)}
    return known
