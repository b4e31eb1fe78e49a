"""The two texts of a proposal: a contract, and entries of the field dictionary; ``TODO`` marks a person's decisions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from ingest.mapping import NUMBER, WHOLE_NUMBER
from ingest.proposal.guesses import Guess, are_numbers, period_length
from ingest.proposal.sample import Sample
from ingest.texts import plain_number
from schemas.contract import UNDECIDED, fields


def contract_lines(file: str, sample: Sample, columns: Sequence[Guess]) -> Iterator[str]:
    """A contract for the file, as YAML."""
    names = _column_names(columns)
    key = _key(columns, names)
    yield f"# Proposed by ./brain ingest --infer from the first {len(sample.rows):,} records of {file!r}."
    yield f"# A person must decide each {UNDECIDED}; until then check and ingest refuse the contract."
    yield from (f"# Note: {note}." for note in sample.notes)
    yield f"title: {{zh: {UNDECIDED}, en: {UNDECIDED}}}"
    yield f"description: {UNDECIDED}  # what the rows cover; whether figures are cumulative"
    yield f"grain: {f'one row per {key[0]} and period' if key else UNDECIDED}"
    yield f"key: [{', '.join([*(key or [UNDECIDED]), 'period'])}]"
    yield "period: period"
    yield f"owner: {UNDECIDED}  # the office or company that answers for the data"
    yield f"legal_basis: {UNDECIDED}  # administration, statistics_only or authorisation"
    yield f"legal_source: {UNDECIDED}  # document and article"
    yield f"access_key: {UNDECIDED}  # who may see a row: public, official, district, uscc, district_and_uscc or town"
    yield f"delivery: {UNDECIDED}  # snapshot, increment or event"
    yield "columns:"
    for column, name in names:
        required = " {required: true}" if column.is_required or name in key else ""
        yield f"  {name}:{required}{_doubt(column)}"
    yield from _source_lines(sample, columns, names)


def _doubt(column: Guess) -> str:
    if column.target is None:
        return f"  # {UNDECIDED} name it; e.g. {_scalar(' | '.join(column.examples))}"
    return (
        f"  # likely ({column.score:.2f}); e.g. {_scalar(column.examples[0])}" if column.score < 0.85 else ""
    )


def _source_lines(sample: Sample, columns: Sequence[Guess], names: list[tuple[Guess, str]]) -> Iterator[str]:
    yield "source:"
    yield f"  sender: {UNDECIDED}"
    yield f"  format: {sample.format}"
    if sample.encoding:
        yield f"  encoding: {sample.encoding}"
    if sample.delimiter not in (None, ","):
        yield f"  delimiter: {_scalar(sample.delimiter)}"
    if sample.sheets:
        yield f"  sheet: {UNDECIDED}  # '*' for all, or some of: {_flow(sample.sheets)}"
    for name, usual in (("title_rows", 0), ("heading_rows", 1), ("unit_rows", 0)):
        if (count := getattr(sample, name)) != usual:
            yield f"  {name}: {count}"
    yield f"  group: {UNDECIDED}  # feeds of a group are ingested together, e.g. energy"
    yield f"  cadence: {UNDECIDED}  # yearly, monthly, yearly_then_monthly, daily, continuous or irregular"
    yield f"  lateness_days: {UNDECIDED}  # days after the period's end"
    for column in columns:
        if column.role == "period":
            yield f"  period_from: {{heading: {_scalar(column.heading)}, length: {period_length(column)}}}"
    if sample.format != "excel" and any(column.is_written for column, _ in names):
        yield "  written_numbers: true"
    if sample.totals:
        words = {h: words[0] if len(words) == 1 else words for h, words in sample.totals.items()}
        yield f"  totals: {_flow(words)}"
    yield "  mapping:"
    for column, name in names:
        yield f"    {name}: {_flow(_mapped(column))}"
    left_out = [c for c in columns if c.role not in ("", "period")]
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
    """Ingested columns with their names; a person must name columns without a field."""
    return [
        (c, c.target or f"{UNDECIDED}_{_new_name(c)}_{number}")
        for number, c in enumerate(columns, start=1)
        if not c.role
    ]


def _new_name(column: Guess) -> str:
    return "_".join(re.findall("[a-z0-9]+", column.name.casefold())) or "column"


def _key(columns: Sequence[Guess], names: list[tuple[Guess, str]]) -> list[str]:
    """The column with a distinct value in each record, or in each record of a period if records state their periods."""
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


def field_lines(columns: Sequence[Guess]) -> Iterator[str]:
    """Entries of the field dictionary for columns that match none of its fields."""
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
    if not are_numbers(column.values) or any(re.match("0[0-9]", n) for n in numbers):
        return "string"
    if column.unit is None and all(re.fullmatch(WHOLE_NUMBER, n) for n in numbers if re.fullmatch(NUMBER, n)):
        return "bigint"
    return "decimal(18,6)"


def _scalar(text: str | None) -> str:
    return _flow(text)


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**6)
    return text.removesuffix("...\n").strip().replace("\n", " ")
