"""Columns of an unknown file: which one is the period, which are left out, and which field each other column is.

A column is matched with fields by name (titles of the field dictionary, headings of existing contracts,
``synonyms.yml``) and by content.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from functools import cache

from ingest.proposal.content import date_formats, fit, telling, words_of
from ingest.proposal.guesses import MOST, Guess, are_numbers, period_length, share
from ingest.proposal.sample import Sample
from ingest.proposal.words import SYNONYMS, plain, unit_named
from ingest.texts import plain_number
from schemas import credit_code
from schemas.contract import FEED_COLUMNS, PROVENANCE, ContractError, Feed, contracts, feeds, fields, units
from schemas.field import FieldEntry

#: Minimum score of a match; below it the column is a new field.
_ENOUGH = 0.55

_EXAMPLES = 3
#: A mobile number, or a resident's identity number.
_PERSONAL = re.compile(r"1[3-9][0-9]{9}|[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])[0-3][0-9]{4}[0-9X]")


def column_of(sample: Sample, place: int) -> Guess:
    """A column of the sample, before its field is guessed."""
    cells = [row[place] for row in sample.rows]
    values = [cell for cell in cells if cell]
    name, unit = split_unit(sample.headings[place])
    if not unit and sample.units:
        unit = sample.units[place] or None
    if not unit and share(values, lambda v: v.endswith(("%", "％"))) > MOST:
        unit = "%"
    return Guess(
        heading=sample.headings[place],
        name=name,
        unit=unit,
        examples=[text[:40] for text in dict.fromkeys(values)][:_EXAMPLES],
        blanks=len(cells) - len(values),
        is_unique=len(set(values)) == len(cells),
        values=[plain_number(v, unit) if unit and v.endswith((unit, "％")) else v for v in values],
    )


def split_unit(heading: str) -> tuple[str, str | None]:
    """Split a heading into name and unit.

    >>> split_unit("用电量(万千瓦时)"), split_unit("Energy [MWh]"), split_unit("Consumption kWh"), split_unit("户号")
    (('用电量', '万千瓦时'), ('Energy', '兆瓦时'), ('Consumption', '千瓦时'), ('户号', None))
    """
    if parts := re.fullmatch(r"(.+?)\s*[(（\[【]\s*([^()（）\[\]【】]+)\s*[)）\]】]", heading.strip()):
        if unit := unit_named(parts[2]):
            return parts[1], unit
    elif (parts := re.fullmatch(r"(.+?)[\s_,，/]+(\S+)", heading.strip())) and (unit := unit_named(parts[2])):
        return parts[1], unit
    return heading, None


def set_aside(columns: list[Guess]) -> None:
    """Set the role of columns that are the period or are left out: empty ones, serial numbers, data of persons."""
    for column in columns:
        key = plain(column.name)
        values = column.values
        if key in {plain(w) for w in SYNONYMS["period"]} and period_length(column):
            if not any(c.role == "period" for c in columns):
                column.role = "period"
        elif key in {plain(w) for w in SYNONYMS["ignored"]}:
            column.role = "left out by custom"
        elif not values:
            column.role = "always empty"
        elif values == [str(i) for i in range(1, len(values) + 1)] and len(values) > 1:
            column.role = "a serial number"
        elif share(values, lambda v: bool(_PERSONAL.fullmatch(v)) and not credit_code.is_valid(v)) > MOST:
            column.role = "personal data: ingesting it needs a legal basis"


def assign(columns: list[Guess]) -> None:
    """Assign fields to columns, each field to one column at most; the most likely pairs first."""
    pairs = [(score, c.heading, name, c) for c in columns for name, score in _scores(c).items()]
    taken: set[str] = set()
    for score, _, name, column in sorted(pairs, key=lambda p: (-p[0], p[1], p[2])):
        if score >= _ENOUGH and name not in taken and column.target is None:
            column.target, column.score = name, round(score, 2)
            taken.add(name)
    for column in columns:
        entry = fields()[column.target] if column.target else None
        column.date_format = date_formats(column.values) if not entry or entry.type == "date" else []
        column.codes = words_of(column.values, column.target, entry) if column.target and entry else {}
        is_number = (
            entry.type.startswith(("decimal", "int", "bigint")) if entry else are_numbers(column.values)
        )
        column.is_written = is_number and any(plain_number(v) != v for v in column.values)


def _scores(column: Guess) -> dict[str, float]:
    """Field → score of the column, from its name and its values."""
    named = _by_name(column.name)
    scores = {}
    for name, entry in _candidates().items():
        fitting = fit(column, name, entry)
        by_content = telling(entry, fitting)
        by_name = named.get(name, 0.0)
        if fitting > 0.5 and _has_factor(column.unit, entry):
            scores[name] = max(by_name * (0.5 + 0.5 * fitting), by_content) + 0.1 * min(by_name, by_content)
    return scores


@cache
def _candidates() -> dict[str, FieldEntry]:
    """Fields that a feed may have, without those that only derived tables have."""
    try:
        known = list(contracts().values())
    except ContractError:  # an unfinished contract must not stop the next proposal
        known = []
    ours = {c.name for spec in known if not isinstance(spec, Feed) for c in spec.columns}
    sent = {name for spec in known if isinstance(spec, Feed) for name in spec.source.mapping}
    left_out = (ours - sent) | PROVENANCE | set(FEED_COLUMNS)
    return {n: e for n, e in fields().items() if n not in left_out and not e.type.startswith("array")}


@cache
def _names() -> dict[str, dict[str, float]]:
    """Plain heading → fields of that name, each with the weight of its source."""
    names: dict[str, dict[str, float]] = {}

    def add(words: Sequence[str], name: str, weight: float) -> None:
        for word in words:
            score = names.setdefault(plain(split_unit(word)[0]), {})
            score[name] = max(score.get(name, 0), weight)

    for name, entry in _candidates().items():
        add([entry.zh, entry.en, name], name, 1.0)
    for name, words in SYNONYMS["fields"].items():
        add(words, name, 0.95)
    try:
        for spec in feeds().values():
            for name, mapped in spec.source.mapping.items():
                add([mapped.heading] if mapped.heading else [], name, 0.9)
    except ContractError:
        pass
    return names


def _by_name(name: str) -> dict[str, float]:
    """Field → likeness of its names to a heading; of joined headings ("废水/氨氮") the last part is compared too."""
    likely: dict[str, float] = {}
    for text, weight in ((name, 1.0), (name.rsplit("/", 1)[-1], 0.9)):
        key = plain(text)
        for near in {key, *difflib.get_close_matches(key, _names(), n=3, cutoff=0.82)}:
            likeness = 1.0 if near == key else 0.85 * difflib.SequenceMatcher(None, key, near).ratio()
            for known, score in _names().get(near, {}).items():
                likely[known] = max(likely.get(known, 0.0), score * weight * likeness)
    return likely


def _has_factor(unit: str | None, entry: FieldEntry) -> bool:
    return unit is None or unit == entry.unit or entry.unit in units().get(unit, {})
