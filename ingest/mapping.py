"""Mapping: text cells of a sender's record → typed columns, and the reasons why a record is refused.

The mapping is DuckDB SQL, the same for files, databases and streams. DuckDB casts more texts than a sender may mean
(``0x1F``, ``1_000``, ``12.5`` as a whole number), so the expression states which texts are valid.

A reason is ``column:rule``:

- the rules of a column are missing, type, code, date, pattern, domain, check, order, formula, late and future;
- the rules of ``period``, if records state it, are missing and form (no real year, month or day);
- reasons of a complete record are ``record:cells`` (the number of cells differs from the number of headings),
  ``record:json``, ``record:field_twice`` (of a JSON object), ``record:nul``, ``record:size`` and
  ``record:encoding`` (of a message) and ``key:duplicate``;
- reasons of an Excel record are ``record:formula`` (a formula without a value), ``record:format`` (a cell shows another
  value than it holds), ``record:merged`` (a merged cell belongs to no single record or column) and ``record:digits`` (a
  code typed as a number with more digits than Excel keeps).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.coded import titled
from schemas.contract import ContractError, Feed, factor
from schemas.field import Column
from schemas.periods import PATTERNS
from schemas.source import MappedColumn, Source
from warehouse.duck import literal

#: Prefixes: the trimmed text of a column, and whether its check character is valid.
TEXT = "text_"
VALID = "valid_"
#: Trimmed text of the cell that states a record's period.
PERIOD_TEXT = "period_text"

NUMBER = r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?"
WHOLE_NUMBER = r"[+-]?[0-9]+"
#: Date format → pattern with year, month and day as groups.
DATES = {
    "yyyy-MM-dd": ("([12][0-9]{3})-([0-9]{2})-([0-9]{2})"),
    "yyyy/M/d": ("([12][0-9]{3})/([0-9]{1,2})/([0-9]{1,2})"),
    "yyyy年M月d日": ("([12][0-9]{3})年([0-9]{1,2})月([0-9]{1,2})日"),
    "yyyyMMdd": ("([12][0-9]{3})([0-9]{2})([0-9]{2})"),
}
MINUTE = r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]"
SECONDS = r":[0-5][0-9]([.][0-9]{1,6})?"
OFFSET = r"(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])"
MOMENT = f"{MINUTE}({SECONDS})?{OFFSET}?"
#: Times without an offset are China Standard Time.
_LOCAL_OFFSET = "+08:00"
#: A sender's clock may be ahead by this much.
AHEAD = "INTERVAL 10 MINUTES"


@dataclass(frozen=True)
class Mapping:
    """A feed's mapping as SQL over the columns ``text_<column>``, ``valid_<column>``, ``period_text``, ``known_at``
    and ``record_reason``; ``reasons`` also refer to the names of ``values``."""

    values: dict[str, str]
    reasons: list[str]
    period: str | None
    record_key: str


def mapping_of(spec: Feed) -> Mapping:
    """The SQL of a feed's mapping.

    Raises:
        ContractError: a unit has no factor, or a column has a type that no text can be cast to.
    """
    source = spec.source
    mapped = [(c, source.mapping[c.name]) for c in spec.columns if c.name in source.mapping]
    values = {c.name: value_of(text_of(c, m), c, m) for c, m in mapped}
    reasons = ["record_reason"]
    for column, m in mapped:
        reasons += faults_of(text_of(column, m), column, m)
    reasons += _event_time_faults(source)
    period = None
    if source.period_from:
        period = period_of(f"left({PERIOD_TEXT}, {source.period_from.length})", source.period_lengths)
        reasons.append(_reason(f"coalesce({PERIOD_TEXT}, '') = ''", "period:missing"))
        reasons.append(_reason(f"{PERIOD_TEXT} <> '' AND ({period}) IS NULL", "period:form"))
    key = [TEXT + k for k in spec.key if k in source.mapping and source.mapping[k].heading]
    return Mapping(values, reasons, period, f"concat_ws('|', {', '.join(key)})")


def period_of(text: str, lengths: Iterable[int]) -> str:
    """SQL: the text if it is a period of one of the lengths, else NULL; the same rules as in ``schemas.periods``."""
    cases = " ".join(
        f"WHEN {_matches(text, PATTERNS[n])}"
        f"{f' AND TRY_CAST({text} AS DATE) IS NOT NULL' if n == 10 else ''} THEN {text}"
        for n in lengths
    )
    return f"CASE {cases} END"


def text_of(column: Column, mapped: MappedColumn) -> str:
    """SQL of the sender's text; NULL if it is empty."""
    if mapped.constant is not None:
        return literal(mapped.constant)
    return f"nullif({TEXT}{column.name}, '')"


def value_of(text: str, column: Column, mapped: MappedColumn) -> str:
    """SQL of a column's value; NULL if the text is no value of its type or not in the mapping's codes."""
    if mapped.codes is not None:
        words = " ".join(f"WHEN {literal(a)} THEN {literal(b)}" for a, b in mapped.codes.items())
        text = f"CASE {text} {words} END"
    kind = column.type
    if kind == "string":
        return text
    if kind == "date":
        return _date(text, mapped)
    if kind == "timestamp":
        return _timestamp(text)
    if kind == "boolean":
        return f"CASE lower({text}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    if kind in ("int", "bigint"):
        return f"CASE WHEN {_matches(text, WHOLE_NUMBER)} THEN TRY_CAST({text} AS {kind}) END"
    if kind.startswith("decimal"):
        return _decimal(text, column, mapped)
    raise ContractError(f"column {column.name}: a feed cannot map to {kind}")


def _date(text: str, mapped: MappedColumn) -> str:
    to = literal("-".join(rf"\{i}" for i in (1, 2, 3)))
    cases = " ".join(
        f"WHEN {_matches(text, DATES[name])} "
        f"THEN TRY_CAST(regexp_replace({text}, {literal(f'^{DATES[name]}$')}, {to}) AS DATE)"
        for name in mapped.date_formats
    )
    return f"CASE {cases} END"


def _timestamp(text: str) -> str:
    """ISO 8601; a time without an offset is China Standard Time."""
    seconds = f"CASE WHEN {text}[17] = ':' THEN '' ELSE ':00' END"
    offset = f"CASE WHEN {_matches(text, f'.*{OFFSET}')} THEN '' ELSE '{_LOCAL_OFFSET}' END"
    return (
        f"CASE WHEN {_matches(text, MINUTE + SECONDS + OFFSET)} THEN TRY_CAST({text} AS TIMESTAMPTZ) "
        f"WHEN {_matches(text, MOMENT)} "
        f"THEN TRY_CAST(concat(left({text}, 16), {seconds}, {text}[17:], {offset}) AS TIMESTAMPTZ) END"
    )


def _decimal(text: str, column: Column, mapped: MappedColumn) -> str:
    """The text times the exact factor, rounded once, half away from zero; the text is read to ten decimals."""
    value = factor(column, mapped)
    digits, scale = len(value.as_tuple().digits), max(-int(value.as_tuple().exponent), 0)
    exact = f"CAST({value:f} AS DECIMAL({max(digits, scale)},{scale}))"
    long = f"TRY_CAST(TRY_CAST({text} AS DECIMAL(30,10)) * {exact} AS {column.type})"
    # decimals of up to 18 digits are fast; longer ones take fifty times as long
    whole = 14 - max(digits, scale)
    short = rf"-?[0-9]{{1,{whole}}}([.][0-9]{{1,4}})?"
    product = f"CAST({text} AS DECIMAL({whole + 4},4)) * {exact}"
    cases = (
        f"WHEN {_matches(text, short)} THEN TRY_CAST({product} AS {column.type}) "
        f"WHEN {_matches(text, NUMBER)} THEN {long}"
    )
    return f"CASE {cases} END"


def faults_of(text: str, column: Column, mapped: MappedColumn) -> list[str]:
    """SQL of each reason that a column may give; NULL where the reason does not apply."""
    name = column.name
    faults = [_reason(f"({text}) IS NULL", f"{name}:missing")] if column.required else []
    rule = "code" if mapped.codes is not None else {"string": None, "date": "date"}.get(column.type, "type")
    if rule:
        faults.append(_reason(f"({text}) IS NOT NULL AND {name} IS NULL", f"{name}:{rule}"))
    is_free_text = column.type == "string" and mapped.codes is None and mapped.constant is None
    if is_free_text and not (column.domain.pattern or column.domain.codes or column.domain.check):
        faults.append(_reason(_is_formula(text), f"{name}:formula"))
    return faults + domain_faults(column)


def _matches(sql: str, pattern: str) -> str:
    return f"regexp_full_match({sql}, {literal(pattern)})"


def _is_formula(text: str) -> str:
    """SQL: whether a spreadsheet that opens an export would run the text (``=1+1``, ``@SUM(…)``, ``+cmd|…!A1``)."""
    return f"left({text}, 1) IN ('=', '@') OR {text} LIKE '+%|%!%' OR {text} LIKE '-%|%!%'"


def domain_faults(column: Column) -> list[str]:
    """SQL of each reason why a value is outside its domain; a missing value never is."""
    domain, name = column.domain, column.name
    faults = []
    if domain.min is not None:
        faults.append(_reason(f"{name} < {domain.min:f}", f"{name}:domain"))
    if domain.max is not None:
        faults.append(_reason(f"{name} > {domain.max:f}", f"{name}:domain"))
    if domain.pattern:
        faults.append(_reason(f"NOT {_matches(name, domain.pattern)}", f"{name}:pattern"))
    if domain.codes:
        codes = ", ".join(literal(code) for code in titled(domain.codes))
        faults.append(_reason(f"{name} NOT IN ({codes})", f"{name}:code"))
    if domain.check == "uscc":
        faults.append(_reason(f"{name} IS NOT NULL AND NOT {VALID}{name}", f"{name}:check"))
    if domain.not_before:
        faults.append(_reason(f"{name} < {domain.not_before}", f"{name}:order"))
    return faults


def _event_time_faults(source: Source) -> list[str]:
    """Reasons of a record's event time, compared with ``known_at`` and with the lateness that the contract allows."""
    name = source.event_time
    if name is None:
        return []
    faults = [_reason(f"{name} > known_at + {AHEAD}", f"{name}:future")]
    if source.late == "quarantine":
        faults.append(_reason(f"{name} < known_at - INTERVAL {source.lateness_days} DAYS", f"{name}:late"))
    return faults


def _reason(condition: str, reason: str) -> str:
    return f"CASE WHEN {condition} THEN '{reason}' END"
