"""A proposal of a contract for an unknown file, for a person to finish: ``./brain ingest --infer FILE``.

Columns are placed by name (titles of the field dictionary, headings of existing contracts, ``synonyms.yml``) and by
content (check characters, code lists, patterns, dates, units). What only a person can know is ``TODO``, and a
contract with a ``TODO`` left is refused: a guess never becomes a feed by itself.
"""

from __future__ import annotations

import difflib
import itertools
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ingest.load import plain_number
from ingest.mapping import DATES, MOMENT, NUMBER, WHOLE_NUMBER
from ingest.proposal.sample import SYNONYMS, Sample, plain, take, unit_named
from schemas import credit_code
from schemas.coded import Codes, titled
from schemas.contract import (
    FEED_COLUMNS,
    PROVENANCE,
    UNDECIDED,
    ContractError,
    FieldEntry,
    contracts,
    fields,
    schema_folders,
    shown,
    units,
)
from schemas.errors import UsageError
from schemas.periods import is_period

#: Below this a field is no more likely than a new one.
_ENOUGH = 0.55
#: Share of a column's values that must be of a kind for the column to be of that kind.
_MOST = 0.8
_MAX_WORDS = 30
_EXAMPLES = 3
#: A mobile number, or a resident's identity number.
_PERSONAL = re.compile(r"1[3-9][0-9]{9}|[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])[0-3][0-9]{4}[0-9X]")


@dataclass
class Guess:
    """What a column of the file may be."""

    heading: str
    #: Heading without its unit.
    name: str
    unit: str | None
    examples: list[str]
    blanks: int
    is_unique: bool
    #: Name in the field dictionary; none where nothing fits.
    target: str | None = None
    score: float = 0.0
    date_format: list[str] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)
    is_written: bool = False
    #: Why the column is left out, or is the period.
    role: str = ""
    values: list[str] = field(default_factory=list, repr=False)

    @property
    def is_required(self) -> bool:
        return self.blanks == 0


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
    columns = [_column(sample, place) for place in range(len(sample.headings))]
    _set_aside(columns)
    _assign([c for c in columns if not c.role])
    proposal = Proposal(sample, columns)
    proposal.contract = "\n".join(_contract_lines(path.name, proposal)) + "\n"
    proposal.fields = "".join(f"{line}\n" for line in _field_lines(columns))
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


# --- columns -----------------------------------------------------------------------------------------


def _column(sample: Sample, place: int) -> Guess:
    cells = [row[place] for row in sample.rows]
    values = [cell for cell in cells if cell]
    name, unit = split_unit(sample.headings[place])
    if not unit and sample.units:
        unit = sample.units[place] or None
    if not unit and _share(values, lambda v: v.endswith(("%", "％"))) > _MOST:
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
    """
    >>> split_unit("用电量(万千瓦时)"), split_unit("Energy [MWh]"), split_unit("Consumption kWh"), split_unit("户号")
    (('用电量', '万千瓦时'), ('Energy', '兆瓦时'), ('Consumption', '千瓦时'), ('户号', None))
    """
    if found := re.fullmatch(r"(.+?)\s*[(（\[【]\s*([^()（）\[\]【】]+)\s*[)）\]】]", heading.strip()):
        if unit := unit_named(found[2]):
            return found[1], unit
    elif (found := re.fullmatch(r"(.+?)[\s_,，/]+(\S+)", heading.strip())) and (unit := unit_named(found[2])):
        return found[1], unit
    return heading, None


def _set_aside(columns: list[Guess]) -> None:
    """Columns that are the period, are left out by custom, or speak of persons."""
    for column in columns:
        key = plain(column.name)
        values = column.values
        if key in {plain(w) for w in SYNONYMS["period"]} and _period_length(column):
            if not any(c.role == "period" for c in columns):
                column.role = "period"
        elif key in {plain(w) for w in SYNONYMS["ignored"]}:
            column.role = "left out by custom"
        elif not values:
            column.role = "always empty"
        elif values == [str(i) for i in range(1, len(values) + 1)] and len(values) > 1:
            column.role = "a serial number"
        elif _share(values, lambda v: bool(_PERSONAL.fullmatch(v)) and not credit_code.is_valid(v)) > _MOST:
            column.role = "of persons: taking it in needs a legal basis"


def _period_length(column: Guess) -> int | None:
    """How much of the cell is the period; none where it is not written as ours."""
    for length in (4, 7, 10):
        if _share(column.values, lambda v, n=length: len(v) == n and is_period(v)) > _MOST:
            return length
    return None


def _assign(columns: list[Guess]) -> None:
    """Each field to one column at most; the likelier pair first."""
    pairs = [(score, c.heading, name, c) for c in columns for name, score in _scores(c).items()]
    taken: set[str] = set()
    for score, _, name, column in sorted(pairs, key=lambda p: (-p[0], p[1], p[2])):
        if score >= _ENOUGH and name not in taken and column.target is None:
            column.target, column.score = name, round(score, 2)
            taken.add(name)
    for column in columns:
        entry = fields()[column.target] if column.target else None
        column.date_format = _date_formats(column.values) if not entry or entry.type == "date" else []
        column.codes = _words(column.values, column.target, entry) if column.target and entry else {}
        is_number = (
            entry.type.startswith(("decimal", "int", "bigint")) if entry else _is_number(column.values)
        )
        column.is_written = is_number and any(plain_number(v) != v for v in column.values)


def _scores(column: Guess) -> dict[str, float]:
    """How likely each field is: what the name says, held against what the values are."""
    named = _by_name(column.name)
    found = {}
    for name, entry in _candidates().items():
        fitting = _fit(column, name, entry)
        by_content = _telling(entry, fitting)
        by_name = named.get(name, 0.0)
        if fitting > 0.5 and _has_factor(column.unit, entry):
            found[name] = max(by_name * (0.5 + 0.5 * fitting), by_content) + 0.1 * min(by_name, by_content)
    return found


@cache
def _candidates() -> dict[str, FieldEntry]:
    """Fields that a feed may bring: not those that only tables of ours have."""
    try:
        known = list(contracts().values())
    except ContractError:  # an unfinished proposal does not stop the next one
        known = []
    ours = {c.name for spec in known if not spec.source for c in spec.columns}
    sent = {name for spec in known if spec.source for name in spec.source.mapping}
    left_out = (ours - sent) | PROVENANCE | set(FEED_COLUMNS)
    return {n: e for n, e in fields().items() if n not in left_out and not e.type.startswith("array")}


@cache
def _names() -> dict[str, dict[str, float]]:
    """Plain heading → fields that are called so, with how well that is known."""
    found: dict[str, dict[str, float]] = {}

    def add(words: Sequence[str], name: str, weight: float) -> None:
        for word in words:
            score = found.setdefault(plain(split_unit(word)[0]), {})
            score[name] = max(score.get(name, 0), weight)

    for name, entry in _candidates().items():
        add([entry.zh, entry.en, name], name, 1.0)
    for name, words in SYNONYMS["fields"].items():
        add(words, name, 0.95)
    try:
        for spec in contracts().values():
            for name, mapped in spec.source.mapping.items() if spec.source else ():
                add([mapped.heading] if mapped.heading else [], name, 0.9)
    except ContractError:
        pass
    return found


def _by_name(name: str) -> dict[str, float]:
    """Fields that a heading names, or nearly; of joined headings ("废水/氨氮") the last part counts as well."""
    found: dict[str, float] = {}
    for text, weight in ((name, 1.0), (name.rsplit("/", 1)[-1], 0.9)):
        key = plain(text)
        for near in {key, *difflib.get_close_matches(key, _names(), n=3, cutoff=0.82)}:
            likeness = 1.0 if near == key else 0.85 * difflib.SequenceMatcher(None, key, near).ratio()
            for known, score in _names().get(near, {}).items():
                found[known] = max(found.get(known, 0.0), score * weight * likeness)
    return found


def _has_factor(unit: str | None, entry: FieldEntry) -> bool:
    return unit is None or unit == entry.unit or entry.unit in units().get(unit, {})


# --- content -----------------------------------------------------------------------------------------


def _share(values: Sequence[str], test: Any) -> float:
    return sum(bool(test(value)) for value in values) / len(values) if values else 0.0


def _fit(column: Guess, name: str, entry: FieldEntry) -> float:
    """Share of the values that the field would take."""
    values, domain = column.values, entry.domain
    if domain.check == "uscc":
        return _share(values, credit_code.is_valid)
    if domain.pattern:
        return _share(values, re.compile(domain.pattern).fullmatch)
    if domain.codes or entry.type == "boolean":
        words = _words(values, name, entry)
        known = set(_codes(domain.codes)) if domain.codes else set()
        return _share(values, lambda v: v in words or v in known)
    return _fit_of_type(values, entry.type)


def _fit_of_type(values: Sequence[str], kind: str) -> float:
    if kind == "date":
        return _share(values, lambda v: any(re.fullmatch(p, v) for p in DATES.values()))
    if kind == "timestamp":
        return _share(values, re.compile(MOMENT).fullmatch)
    if kind.startswith(("decimal", "int", "bigint")):
        pattern = re.compile(NUMBER if kind.startswith("decimal") else WHOLE_NUMBER)
        return _share(values, lambda v: bool(pattern.fullmatch(plain_number(v))))
    return 1.0 if not _is_number(values) else 0.6


def _telling(entry: FieldEntry, fitting: float) -> float:
    """Content alone names a field where few texts would fit by chance."""
    if fitting < _MOST:
        return 0.0
    if entry.domain.check:
        # a code is first of all the firm's own; other holders of codes are known by name
        return 0.8 if entry.en == fields()["uscc"].en else 0.5
    if entry.domain.pattern and len(entry.domain.pattern) > 6:
        return 0.7 * fitting
    if entry.domain.codes in ("industry_class", "district"):
        return 0.65 * fitting
    return 0.0


def _is_number(values: Sequence[str]) -> bool:
    return _share(values, lambda v: bool(re.fullmatch(NUMBER, plain_number(v)))) > _MOST


def _date_formats(values: Sequence[str]) -> list[str]:
    """Ways in which the dates are written, the most frequent first; none where most values are no dates."""
    found = {name: sum(bool(re.fullmatch(p, v)) for v in values) for name, p in DATES.items()}
    if sum(found.values()) < _MOST * len(values):
        return []
    return sorted((name for name, times in found.items() if times), key=lambda name: -found[name])


def _words(values: Sequence[str], name: str, entry: FieldEntry) -> dict[str, str]:
    """The sender's words that stand for codes: titles of the list, or words of existing contracts."""
    words = set(itertools.islice(dict.fromkeys(values), _MAX_WORDS + 1))
    if len(words) > _MAX_WORDS:
        return {}
    known = _known_words(name, entry)
    if entry.domain.codes and words <= set(_codes(entry.domain.codes)):
        return {}  # codes already
    return {word: known[plain(word)] for word in sorted(words) if plain(word) in known}


def _codes(name: str) -> Codes:
    """A code list; without codes where it follows from contracts that are not finished yet."""
    try:
        return titled(name)
    except ContractError:
        return {}


@cache
def _words_of_contracts() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    try:
        for spec in contracts().values():
            for name, mapped in spec.source.mapping.items() if spec.source else ():
                found.setdefault(name, {}).update({plain(w): c for w, c in (mapped.codes or {}).items()})
    except ContractError:
        pass
    return found


def _known_words(name: str, entry: FieldEntry) -> dict[str, str]:
    known = dict(_words_of_contracts().get(name, {}))
    if entry.type == "boolean":
        known |= {plain(word): flag for flag, words in SYNONYMS["flags"].items() for word in words}
    for code, titles in _codes(entry.domain.codes).items() if entry.domain.codes else ():
        known |= {plain(text): code for text in (code, titles.zh, titles.en)}
    return known


# --- the two texts -----------------------------------------------------------------------------------


def _contract_lines(file: str, proposal: Proposal) -> Iterator[str]:
    sample = proposal.sample
    names = _column_names(proposal.columns)
    key = _key(proposal.columns, names)
    yield f"# Proposed by ./brain ingest --infer from the first {len(sample.rows):,} records of {file!r}."
    yield f"# A person decides what is {UNDECIDED}; until then check and ingest refuse the contract."
    yield from (f"# Note: {note}." for note in sample.notes)
    yield f"title: {{zh: {UNDECIDED}, en: {UNDECIDED}}}"
    yield f"description: {UNDECIDED}  # what the rows speak of; whether figures are cumulative"
    yield f"grain: {f'one row per {key[0]} and period' if key else UNDECIDED}"
    yield f"key: [{', '.join([*(key or [UNDECIDED]), 'period'])}]"
    yield "period: period"
    yield f"owner: {UNDECIDED}  # the office or company that answers for the data"
    yield f"legal_basis: {UNDECIDED}  # administration, statistics_only or authorisation"
    yield f"legal_source: {UNDECIDED}  # document and article"
    yield f"access_key: {UNDECIDED}  # who may see a row: district, uscc, district_and_uscc or public"
    yield f"delivery: {UNDECIDED}  # snapshot, increment or event"
    yield "columns:"
    for column, name in names:
        required = " {required: true}" if column.is_required or name in key else ""
        yield f"  {name}:{required}{_doubt(column)}"
    yield from _source_lines(proposal, names)


def _doubt(column: Guess) -> str:
    if column.target is None:
        return f"  # {UNDECIDED} name it; e.g. {_scalar(' | '.join(column.examples))}"
    return (
        f"  # likely ({column.score:.2f}); e.g. {_scalar(column.examples[0])}" if column.score < 0.85 else ""
    )


def _source_lines(proposal: Proposal, names: list[tuple[Guess, str]]) -> Iterator[str]:
    sample = proposal.sample
    yield "source:"
    yield f"  sender: {UNDECIDED}"
    yield f"  format: {sample.format}"
    if sample.encoding:
        yield f"  encoding: {sample.encoding}"
    if sample.delimiter not in (None, ","):
        yield f"  delimiter: {_scalar(sample.delimiter)}"
    if sample.sheets:
        yield f"  sheet: {UNDECIDED}  # '*' for all, or of these: {_flow(sample.sheets)}"
    for name, usual in (("title_rows", 0), ("heading_rows", 1), ("unit_rows", 0)):
        if (count := getattr(sample, name)) != usual:
            yield f"  {name}: {count}"
    yield f"  group: {UNDECIDED}  # feeds of a group are taken in together, e.g. energy"
    yield f"  cadence: {UNDECIDED}  # yearly, monthly, yearly_then_monthly, daily, continuous or irregular"
    yield f"  lateness_days: {UNDECIDED}  # days after the period's end"
    for column in proposal.columns:
        if column.role == "period":
            yield f"  period_from: {{heading: {_scalar(column.heading)}, length: {_period_length(column)}}}"
    if sample.format != "excel" and any(column.is_written for column, _ in names):
        yield "  written_numbers: true"
    if sample.totals:
        words = {h: words[0] if len(words) == 1 else words for h, words in sample.totals.items()}
        yield f"  totals: {_flow(words)}"
    yield "  mapping:"
    for column, name in names:
        yield f"    {name}: {_flow(_mapped(column))}"
    left_out = [c for c in proposal.columns if c.role not in ("", "period")]
    if left_out:
        yield "  ignored:"
        yield from (f"    - {_scalar(c.heading)}  # {c.role}" for c in left_out)


def _mapped(column: Guess) -> dict[str, Any]:
    mapped: dict[str, Any] = {"heading": column.heading}
    if column.unit:
        mapped["unit"] = column.unit
    if column.date_format and column.date_format != ["yyyy-MM-dd"]:
        several = len(column.date_format) > 1
        mapped["date_format"] = column.date_format if several else column.date_format[0]
    if column.codes and any(word != code for word, code in column.codes.items()):
        mapped["codes"] = column.codes
    return mapped


def _column_names(columns: Sequence[Guess]) -> list[tuple[Guess, str]]:
    """Columns that are taken in and their names; what has no field is named by a person."""
    return [
        (c, c.target or f"{UNDECIDED}_{_new_name(c)}_{number}")
        for number, c in enumerate(columns, start=1)
        if not c.role
    ]


def _new_name(column: Guess) -> str:
    return "_".join(re.findall("[a-z0-9]+", column.name.casefold())) or "column"


def _key(columns: Sequence[Guess], names: list[tuple[Guess, str]]) -> list[str]:
    """The column whose value no two records share, within a period where records say theirs."""
    periods = [c for c in columns if c.role == "period" and c.is_required]
    for column, name in sorted(names, key=lambda pair: not pair[1].endswith(("_code", "_id", "uscc"))):
        if not column.is_required or _is_measure(column):
            continue
        if column.is_unique or any(_unique_with(column, period) for period in periods):
            return [name]
    return []


def _is_measure(column: Guess) -> bool:
    if column.target:
        return fields()[column.target].type != "string"
    return bool(column.date_format) or column.unit is not None or any("." in v for v in column.values)


def _unique_with(column: Guess, period: Guess) -> bool:
    pairs = list(zip(column.values, period.values, strict=False))
    return len(column.values) == len(period.values) and len(set(pairs)) == len(pairs)


def _field_lines(columns: Sequence[Guess]) -> Iterator[str]:
    """Entries of the field dictionary for columns that are none of its fields."""
    for column, name in _column_names(columns):
        if column.target:
            continue
        entry: dict[str, Any] = {"type": _new_type(column)}
        if column.unit:
            entry["unit"] = column.unit
        is_english = column.name.isascii()
        entry |= {
            "zh": UNDECIDED if is_english else column.name,
            "en": column.name if is_english else UNDECIDED,
            "description": UNDECIDED,
        }
        if entry["type"].startswith(("decimal", "bigint")) and not any(
            v.startswith("-") for v in column.values
        ):
            entry["domain"] = {"min": 0}
        yield f"{name}: {_flow(entry)}  # e.g. {_scalar(' | '.join(column.examples))}"


def _new_type(column: Guess) -> str:
    if column.date_format:
        return "date"
    numbers = [plain_number(v) for v in column.values]
    if not _is_number(column.values) or any(re.match("0[0-9]", n) for n in numbers):
        return "string"
    if column.unit is None and all(re.fullmatch(WHOLE_NUMBER, n) for n in numbers if re.fullmatch(NUMBER, n)):
        return "bigint"
    return "decimal(18,6)"


def _scalar(text: str | None) -> str:
    return _flow(text)


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**6)
    return text.removesuffix("...\n").strip().replace("\n", " ")
