"""Contracts: what each table is.

A contract is one YAML file ``schemas/<area>/<table>.yml``. Its columns are names from the field
dictionary ``schemas/fields.yml``, where type, unit, titles, description, domain and sensitivity stand
once. Everything else (Spark schema, comments, row checks, baseline suite, data dictionary) is derived.

An installation adds feeds of its own in a folder of the same layout (``raw/*.yml``, ``fields.yml``,
``units.yml``, ``codes/*.csv``; industry chains in ``chains/*.yml``, see jobs/chain/models.py) that ``BRAIN_SCHEMAS``
names. It is read after the package's own and never changes what that says.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from schemas.errors import UsageError, UserError

SCHEMAS = Path(__file__).parent
#: Environment variable with the folder of an installation's own contracts.
EXTRA = "BRAIN_SCHEMAS"
#: Folder of industry chains (产业链): jobs and demo city read them, each by itself (jobs/chain/models.py).
CHAINS = "chains"
#: Code lists that an installation lengthens by codes of its own; every other list is closed.
OPEN_LISTS = frozenset({"chain", "product", "service_class"})
#: What a proposal (ingest/proposal/infer.py) has where a person must decide.
UNDECIDED = "TODO"

Sensitivity = Literal["public", "internal", "statistics", "personal"]
LegalBasis = Literal["administration", "statistics_only", "authorisation"]
AccessKey = Literal["district", "uscc", "district_and_uscc", "public"]
Delivery = Literal["snapshot", "increment", "event", "derived"]
Layer = Literal["raw", "quarantine", "staged"]

#: Columns that say where a row came from. They never take part in a table's content.
PROVENANCE = frozenset(
    {
        "delivery_id",
        "source_file",
        "source_row",
        "source_record",
        "mapping_hash",
        "known_at",
        "row_id",
    }
)

#: Columns that every feed's table has beside those its contract lists.
FEED_COLUMNS: Mapping[str, dict[str, bool]] = {
    "period": {"required": True},
    **{
        name: {"required": True}
        for name in (
            "row_id",
            "delivery_id",
            "source_file",
            "source_row",
            "source_record",
            "mapping_hash",
            "known_at",
        )
    },
}


class ContractError(UserError):
    """A contract, field, code list or mapping that is not well formed."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Titles(_Model):
    """A title in Chinese and in English."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Domain(_Model):
    """Values a field may take; each limit is optional, missing values are always judged by ``required``.

    ``codes`` names a list of schemas/coded.py; of an array each item is in it.
    """

    min: Decimal | None = None
    max: Decimal | None = None
    pattern: str | None = None
    codes: str | None = None
    check: Literal["uscc"] | None = None


class FieldEntry(_Model):
    """One entry of the field dictionary: a name means one thing and one unit everywhere."""

    type: str
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)
    description: str = Field(min_length=1)
    unit: str | None = None
    domain: Domain = Domain()
    sensitivity: Sensitivity = "internal"

    @field_validator("type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        arrow_type(value)
        return value

    @model_validator(mode="after")
    def _codes_are_texts(self) -> FieldEntry:
        if self.domain.codes and self.type not in ("string", "array<string>"):
            raise ValueError(f"domain: codes are texts, not {self.type}; use string or array<string>")
        if self.type.startswith("array") and self.domain != Domain(codes=self.domain.codes):
            raise ValueError("domain: of an array only codes can be judged, those of each item")
        return self


class Column(FieldEntry):
    """A field as used by one table."""

    name: str
    required: bool = False


DateFormat = Literal["yyyy-MM-dd", "yyyy/M/d", "yyyy年M月d日", "yyyyMMdd"]


def plain_heading(text: str) -> str:
    """A heading in one line: a line break within it is none between Chinese characters, and else a space.

    >>> plain_heading(" 用电量\\n(千瓦时) "), plain_heading("Energy\\r\\nMWh")
    ('用电量(千瓦时)', 'Energy MWh')
    """
    one_line = re.sub(r"(?<=[!-~])\s*[\r\n]\s*(?=[!-~])", " ", text.strip())
    return re.sub(r"\s+", " ", re.sub(r"\s*[\r\n]\s*", "", one_line))


def heading_key(text: str) -> str:
    """What makes two headings the same to a reader: neither line breaks and spaces nor the width of brackets.

    >>> heading_key("用电量（千瓦时）") == heading_key("用电量\\n (千瓦时)")
    True
    """
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


class MappedColumn(_Model):
    """How one of our columns is found in the sender's file."""

    heading: str | None = None
    constant: str | None = None
    unit: str | None = None
    codes: dict[str, str] | None = None
    #: yyyy-MM-dd (when left out), yyyy/M/d, yyyy年M月d日, yyyyMMdd; several where people type the file.
    date_format: DateFormat | tuple[DateFormat, ...] | None = None

    @property
    def date_formats(self) -> tuple[DateFormat, ...]:
        if isinstance(self.date_format, tuple):
            return self.date_format
        return (self.date_format or "yyyy-MM-dd",)

    @model_validator(mode="after")
    def _one_origin(self) -> MappedColumn:
        if (self.heading is None) == (self.constant is None):
            raise ValueError("a mapped column names either a heading or a constant")
        return self


class PeriodFrom(_Model):
    """Cell that a record's period is the beginning of: 4 characters are a year, 7 a month, 10 a day."""

    heading: str
    length: Literal[4, 7, 10]


#: Lengths of the names of a feed's periods (2024, 2024-03, 2024-03-31) by its cadence.
_PERIOD_LENGTHS: Mapping[str, tuple[int, ...]] = {
    "yearly": (4,),
    "yearly_then_monthly": (4, 7),
    "monthly": (7,),
    "daily": (10,),
    "continuous": (10,),
    "irregular": (4, 7, 10),
}

#: A part of a table's name in a database.
_TABLE_WORD = r"[^\x00-\x1f./\\\"]+"


class Database(_Model):
    """How a feed is read from a sender's database: one column for each heading of the mapping.

    A feed without this block is read in full, from the table that is named as the feed.
    """

    #: Table or view, with its schema where the user's search path does not find it.
    table: str | None = Field(default=None, pattern=rf"^{_TABLE_WORD}([.]{_TABLE_WORD})?$")
    #: Column with the period of each row, where no heading says it (period_from), and with its part.
    period: str = Field(default="period", min_length=1)
    part: str | None = Field(default=None, min_length=1)
    #: Column that only grows, a time or a whole number: what changed since the last pull is found by it.
    watermark: str | None = Field(default=None, min_length=1)
    #: Rows may be committed so much later than the watermark says: seconds, of a number its units.
    overlap: int = Field(default=0, ge=0)
    #: Keys are compared: a row that is gone is withdrawn in whatever period, and so is a period that is gone.
    withdraws: bool = False

    @model_validator(mode="after")
    def _overlap_of_a_watermark(self) -> Database:
        if self.overlap and self.watermark is None:
            raise ValueError("overlap goes with a watermark: name the column")
        return self


class Source(_Model):
    """How a feed arrives and how the sender's words become ours."""

    sender: str
    #: False while contract and mapping are agreed but the sender does not deliver yet: nothing is expected of it.
    is_connected: bool = True
    format: Literal["csv", "jsonl", "excel"]
    encoding: Literal["utf-8", "utf-8-sig", "gb18030"] = "utf-8"
    delimiter: str = ","
    #: Excel: lines above the headings, heading lines (merged headings are joined with "/"), unit lines to skip.
    title_rows: int = Field(default=0, ge=0)
    heading_rows: int = Field(default=1, ge=1)
    unit_rows: int = Field(default=0, ge=0)
    #: Excel: the sheet that is read, or several, or "*" for every visible one; left out where the file has only one.
    sheet: str | tuple[str, ...] = ()
    #: Feeds of a group are taken in by one DAG, ``ingest_<group>``; those without one by ``ingest_other``.
    group: str = Field(default="", pattern=r"^[a-z_]*$")
    cadence: Literal["yearly", "monthly", "yearly_then_monthly", "daily", "continuous", "irregular"]
    lateness_days: int = Field(ge=0)
    #: Months that are told of with the next one: January's industry statistics come with February's.
    merged_months: tuple[int, ...] = ()
    #: Where each record says itself which period it speaks of; otherwise the manifest says it for the whole file.
    period_from: PeriodFrom | None = None
    #: Column that says when an event happened, and what becomes of records that come later than allowed.
    event_time: str | None = None
    late: Literal["keep", "quarantine"] = "keep"
    #: Kafka topic with the same records as JSON; a feed without one is not streamed.
    topic: str | None = None
    #: The same records in a sender's database.
    database: Database = Database()
    mapping: dict[str, MappedColumn]
    #: Headings that the sender has and that we leave out on purpose.
    ignored: tuple[str, ...] = ()
    #: Rows whose cell under the heading is the word, or one of several, are no records (totals lines).
    totals: dict[str, str | tuple[str, ...]] = {}
    #: Share of a period's records that may be quarantined before the gate refuses it.
    quarantine_band: float = Field(default=0.02, ge=0, le=1)
    #: Share of the previous period's records that a period must at least bring.
    volume_band: float = Field(default=0.9, ge=0, le=1)

    #: People typed the numbers: full-width digits, 1,234.5 and 1.2万 are read as numbers. Left out: in Excel only.
    written_numbers: bool | None = None

    @property
    def headings(self) -> list[str]:
        """Headings that the mapping needs, each once."""
        wanted = [m.heading for m in self.mapping.values() if m.heading]
        return list(dict.fromkeys(wanted + ([self.period_from.heading] if self.period_from else [])))

    def named(self, headings: Iterable[str]) -> list[str]:
        """The headings of a file as the contract writes them, where they are the same to a reader."""
        ours = {heading_key(h): h for h in (*self.totals, *self.ignored, *self.headings)}
        exact = {*self.totals, *self.ignored, *self.headings}
        return [h if h in exact else ours.get(heading_key(h), plain_heading(h)) for h in headings]

    @property
    def sheets(self) -> tuple[str, ...]:
        return (self.sheet,) if isinstance(self.sheet, str) else self.sheet

    @property
    def total_words(self) -> dict[str, tuple[str, ...]]:
        """Heading → words that make a line one of totals."""
        return {h: (words,) if isinstance(words, str) else words for h, words in self.totals.items()}

    @property
    def period_lengths(self) -> tuple[int, ...]:
        """Lengths of the names of its periods; where records say theirs, of no other."""
        return (self.period_from.length,) if self.period_from else _PERIOD_LENGTHS[self.cadence]

    @model_validator(mode="after")
    def _periods_of_the_cadence(self) -> Source:
        if self.period_from and self.period_from.length not in _PERIOD_LENGTHS[self.cadence]:
            raise ValueError(
                f"period_from: length {self.period_from.length} is no period of a feed that comes {self.cadence}"
            )
        return self

    @property
    def reads_written_numbers(self) -> bool:
        return self.format == "excel" if self.written_numbers is None else self.written_numbers


class Contract(_Model):
    """One table: its grain, key, owner, basis in law, and columns."""

    area: str
    table: str
    title: Titles
    description: str = Field(min_length=1)
    grain: str = Field(min_length=1)
    key: tuple[str, ...] = Field(min_length=1)
    period: str | None = None
    owner: str = Field(min_length=1)
    legal_basis: LegalBasis
    legal_source: str = Field(min_length=1)
    access_key: AccessKey
    delivery: Delivery
    #: Another one is another table: its columns cannot be had from the old one's by adding some.
    version: int = Field(default=1, ge=1)
    columns: tuple[Column, ...] = Field(min_length=1)
    source: Source | None = None

    @property
    def name(self) -> str:
        return f"{self.area}.{self.table}"

    @property
    def layer(self) -> Layer:
        if self.area in ("raw", "quarantine"):
            return self.area  # type: ignore[return-value]
        return "staged"

    @property
    def column_names(self) -> list[str]:
        return [c.name for c in self.columns]

    @property
    def content_columns(self) -> list[str]:
        """Columns that make up the content: provenance left out."""
        return [c.name for c in self.columns if c.name not in PROVENANCE]

    def column(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise UsageError(f"{self.name} has no column {name}; it has {', '.join(self.column_names)}")

    @model_validator(mode="after")
    def _references(self) -> Contract:
        names = self.column_names
        for column in (*self.key, *((self.period,) if self.period else ())):
            if column not in names:
                raise ValueError(f"key or period column {column} is not among the columns")
        for name in self.key:
            if not self.column(name).required:
                raise ValueError(f"key column {name} must be required")
        if (self.source is None) == (self.delivery != "derived"):
            raise ValueError(
                "a feed has a source block and a delivery other than derived; a derived table has neither"
            )
        if self.source:
            unmapped = set(names) - set(self.source.mapping) - PROVENANCE - {"period"}
            unknown = set(self.source.mapping) - set(names)
            if unmapped or unknown:
                raise ValueError(
                    f"mapping: not mapped {sorted(unmapped)}, mapped but no column {sorted(unknown)}"
                )
            event_time = self.source.event_time
            if event_time and (event_time not in names or self.column(event_time).type != "timestamp"):
                raise ValueError(f"event_time: {event_time} is no timestamp column of the table")
            if self.source.database.withdraws and self.delivery != "snapshot":
                raise ValueError(
                    "database.withdraws: only a snapshot withdraws rows; an event is never changed, and an increment "
                    "says what is new"
                )
        return self

    def arrow_schema(self) -> pa.Schema:
        return pa.schema([pa.field(c.name, arrow_type(c.type), not c.required) for c in self.columns])

    def spark_ddl(self) -> str:
        """Column list of CREATE TABLE, with comments in both languages."""
        return ", ".join(
            f"`{c.name}` {c.type.upper()}{' NOT NULL' if c.required else ''} COMMENT '{_quote(comment(c))}'"
            for c in self.columns
        )

    def hash(self) -> str:
        """Identify what rows can depend on: columns with their types, key, period, delivery, version.

        Titles and descriptions make no row, and a domain only judges them.
        """
        columns = [[c.name, c.type, c.required] for c in self.columns]
        return digest([columns, self.key, self.period, self.delivery, self.version])

    def mapping_hash(self) -> str:
        """Identify what made a row of a record, and what it was judged by; shown beside each raw row.

        With the headings count the factors of the units that the sender uses and the codes of the lists.
        """
        source = self.source
        assert source is not None
        parts = {"mapping", "totals", "period_from", "event_time", "late", "written_numbers"}
        return digest(
            [
                source.model_dump(mode="json", include=parts, exclude_defaults=True),
                [_judged(c, source.mapping[c.name]) for c in self.columns if c.name in source.mapping],
                source.lateness_days if source.late == "quarantine" else None,
            ]
        )


def _judged(column: Column, mapped: MappedColumn) -> list[Any]:
    from schemas.coded import titled

    domain = column.domain
    return [
        column.name,
        column.type,
        column.required,
        f"{factor(column, mapped):f}",
        domain.model_dump(mode="json", exclude_defaults=True),
        sorted(titled(domain.codes)) if domain.codes else None,
    ]


def factor(column: Column, mapped: MappedColumn) -> Decimal:
    """Exact factor from the sender's unit to the column's.

    Raises:
        ContractError: there is none.
    """
    sent = mapped.unit
    if sent is None or sent == column.unit:
        return Decimal(1)
    try:
        return units()[sent][column.unit or ""]
    except KeyError:
        raise ContractError(
            f"column {column.name}: no factor from {sent} to {column.unit}; add it to schemas/units.yml"
        ) from None


def comment(column: FieldEntry) -> str:
    """The comment of a column in any engine: Chinese and English title, unit, description, code list."""
    unit = f" [{column.unit}]" if column.unit else ""
    codes = f" Code list: {column.domain.codes}." if column.domain.codes else ""
    return f"{column.zh} | {column.en}{unit}. {column.description}{codes}"


def table_comment(contract: Contract) -> str:
    return f"{contract.title.zh} | {contract.title.en}. {contract.description} Grain: {contract.grain}."


def digest(value: Any) -> str:
    """Short stable hash of a JSON-able value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ")


_SIMPLE: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "array<string>": pa.list_(pa.string()),
}


def arrow_type(text: str) -> pa.DataType:
    """
    >>> arrow_type("decimal(18,6)")
    Decimal128Type(decimal128(18, 6))
    """
    if text in _SIMPLE:
        return _SIMPLE[text]
    if match := re.fullmatch(r"decimal\((\d+),(\d+)\)", text):
        return pa.decimal128(int(match[1]), int(match[2]))
    raise ValueError(f"unknown type {text}; use {', '.join(_SIMPLE)} or decimal(p,s)")


# --- loading -----------------------------------------------------------------------------------


def schema_folders() -> list[Path]:
    """The package's folder, then the installation's own, if ``BRAIN_SCHEMAS`` names one.

    Raises:
        ContractError: it names something that is no folder.
    """
    extra = os.environ.get(EXTRA, "")
    if not extra:
        return [SCHEMAS]
    folder = Path(extra).expanduser()
    if not folder.is_dir():
        raise ContractError(f"{EXTRA}={extra}: no such folder; make it or unset the variable")
    return [SCHEMAS, folder]


def reload() -> None:
    """Read every definition anew, after its files or ``BRAIN_SCHEMAS`` changed."""
    from schemas.coded import titled

    for kept in (fields, units, code_list, contracts, titled):
        kept.cache_clear()


@cache
def fields() -> dict[str, FieldEntry]:
    """The field dictionary, name → entry."""
    found: dict[str, FieldEntry] = {}
    for path in _present("fields.yml"):
        raw = _mapping(path)
        if again := sorted(set(raw) & set(found)):
            raise ContractError(f"{shown(path)}: {again[0]} is in schemas/fields.yml already; use that one")
        _refuse_undecided(path, raw)
        try:
            found |= {name: FieldEntry.model_validate(entry) for name, entry in raw.items()}
        except ValidationError as error:
            raise ContractError(f"{shown(path)}: {first_error(error)}") from None
    return found


@cache
def units() -> dict[str, dict[str, Decimal]]:
    """Exact factors: ``units()[from][to]``; multiply a value in ``from`` to get one in ``to``."""
    found: dict[str, dict[str, Decimal]] = {}
    for path in _present("units.yml"):
        for sent, factors in _mapping(path).items():
            for unit, factor in factors.items():
                value = Decimal(str(factor))
                if found.setdefault(sent, {}).setdefault(unit, value) != value:
                    raise ContractError(
                        f"{shown(path)}: {sent} to {unit} is {found[sent][unit]:f} in schemas/units.yml, not {value:f}"
                    )
    return found


def code_lists() -> list[str]:
    """Names of all code lists."""
    return sorted({path.stem for folder in schema_folders() for path in (folder / "codes").glob("*.csv")})


@cache
def code_list(name: str) -> dict[str, dict[str, str]]:
    """A code list ``schemas/codes/<name>.csv``: code → row; of an open list, the installation's codes too."""
    import csv

    paths = _present(f"codes/{name}.csv")
    if not paths:
        raise ContractError(f"unknown code list {name}: add schemas/codes/{name}.csv")
    if len(paths) > 1 and name not in OPEN_LISTS:
        raise ContractError(
            f"{shown(paths[1])}: there is schemas/codes/{name}.csv already; give it another name"
        )
    found: dict[str, dict[str, str]] = {}
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            rows = {row["code"]: row for row in csv.DictReader(file)}
        if again := sorted(set(rows) & set(found)):
            raise ContractError(f"{shown(path)}: {again[0]} is in schemas/codes/{name}.csv already")
        found |= rows
    return found


def parse_contract(area: str, table: str, raw: dict[str, Any], where: str = "") -> Contract:
    """Build a contract from its YAML; columns are looked up in the field dictionary."""
    where = where or f"schemas/{area}/{table}.yml"
    if not isinstance(raw, dict):
        raise ContractError(f"{where}: not a mapping")
    _refuse_undecided(where, raw)
    names = dict(raw.get("columns") or {})
    if raw.get("source"):
        names |= FEED_COLUMNS
    columns = []
    for name, override in names.items():
        if name not in fields():
            raise ContractError(f"{where}: column {name} is not in schemas/fields.yml; add it there first")
        columns.append({**fields()[name].model_dump(), "name": name, **(override or {})})
    try:
        return Contract.model_validate({**raw, "area": area, "table": table, "columns": columns})
    except ValidationError as error:
        raise ContractError(f"{where}: {first_error(error)}") from None


@cache
def contracts() -> dict[str, Contract]:
    """Every contract, ``area.table`` → contract, in the order of area and name."""
    found: dict[str, Contract] = {}
    for path in _contract_files():
        contract = parse_contract(path.parent.name, path.stem, _read_yaml(path), shown(path))
        if contract.name in found:
            raise ContractError(
                f"{shown(path)}: {contract.name} is a contract of the package; give it another name"
            )
        found[contract.name] = contract
    return dict(sorted(found.items()))


def _contract_files() -> Iterator[Path]:
    """A derived table needs a job of the package, so that an installation adds feeds only."""
    package, *extra = schema_folders()
    yield from sorted(path for path in package.glob("*/*.yml") if path.parent.name != CHAINS)
    for folder in extra:
        yield from sorted(folder.glob("raw/*.yml"))


def file_of(contract: Contract) -> str:
    """The file that a contract stands in, as a message names it."""
    return shown(_present(f"{contract.area}/{contract.table}.yml")[-1])


def shown(path: Path) -> str:
    """A definition's file as a message names it."""
    return f"schemas/{path.relative_to(SCHEMAS)}" if path.is_relative_to(SCHEMAS) else str(path)


def _present(name: str) -> list[Path]:
    return [path for folder in schema_folders() if (path := folder / name).exists()]


def _refuse_undecided(where: Path | str, raw: Any) -> None:
    """A proposal is no definition until a person has decided what it leaves open."""
    for field, text in _texts(raw):
        if re.match(rf"{UNDECIDED}\b|{UNDECIDED}_", text):
            file = where if isinstance(where, str) else shown(where)
            raise ContractError(f"{file}: {field} is still {UNDECIDED}; a person must decide it")


def _texts(raw: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a definition, names included, with its place."""
    if isinstance(raw, str):
        yield field, raw
    elif isinstance(raw, Mapping):
        for name, value in raw.items():
            here = f"{field}.{name}" if field else str(name)
            yield here, str(name)
            yield from _texts(value, here)
    elif isinstance(raw, list):
        for number, value in enumerate(raw):
            yield from _texts(value, f"{field}.{number}")


def _mapping(path: Path) -> dict[str, Any]:
    raw = _read_yaml(path)
    if raw is not None and not isinstance(raw, dict):
        raise ContractError(f"{shown(path)}: not a mapping")
    return raw or {}


def contract(name: str) -> Contract:
    """The contract of ``area.table``.

    Raises:
        UsageError: there is no such table.
    """
    try:
        return contracts()[name]
    except KeyError:
        raise UsageError(f"unknown table {name}; known: {', '.join(contracts())}") from None


def feeds() -> dict[str, Contract]:
    """Contracts that are fed from outside, feed name (``gov_tax``) → contract."""
    return {c.table: c for c in contracts().values() if c.source}


def feed(name: str) -> Contract:
    """The contract of a feed, named ``gov_tax`` or ``raw.gov_tax``."""
    try:
        return feeds()[name.removeprefix("raw.")]
    except KeyError:
        raise UsageError(f"unknown feed {name}; known: {', '.join(feeds())}") from None


def connected_groups() -> dict[str, list[Contract]]:
    """Group → its feeds whose senders deliver, both in the order of names; a group without one is left out."""
    found: dict[str, list[Contract]] = {}
    for spec in feeds().values():
        if spec.source and spec.source.is_connected:
            found.setdefault(spec.source.group or "other", []).append(spec)
    return dict(sorted(found.items()))


def first_error(error: ValidationError) -> str:
    """One line out of pydantic's report."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where + ': ' if where else ''}{first['msg']}{more}"


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.load(
            path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        )
    except yaml.YAMLError as error:
        raise ContractError(f"{path.name}: not readable as YAML: {str(error).splitlines()[0]}") from None
