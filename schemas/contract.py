"""Contracts: what each table is.

A contract is one YAML file ``schemas/<area>/<table>.yml``. It names columns of the field dictionary,
``schemas/fields/<area>.yml`` or, for fields of several areas, ``schemas/fields/shared.yml``. The dictionary defines
type, unit, titles, description, domain and sensitivity once. Arrow types, comments, row checks, the baseline suite and
the data dictionary are derived from both.

An installation adds its own feeds in a folder of the same layout (``raw/*.yml``, ``fields/*.yml`` or ``fields.yml``,
``units.yml``, ``codes/*.csv``; industry chains in ``chains/*.yml``, see jobs/chain/rules/models.py) that
``BRAIN_SCHEMAS`` names. It is read after the package's folder and cannot change the package's definitions.

The module is one, above 300 lines: contracts, code lists and units are read and cached together, since one reload
clears them all.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field, ValidationError, model_validator

from schemas.definition import Definition, Titles, first_error, read_mapping
from schemas.disclosure import settled
from schemas.errors import UsageError, UserError, similar
from schemas.field import LEGAL_BASES, Column, Disclosure, FieldEntry, LegalBasis, arrow_type, both
from schemas.source import MappedColumn, Source

SCHEMAS = Path(__file__).parent
#: Environment variable with the folder of an installation's own contracts.
EXTRA = "BRAIN_SCHEMAS"
#: Folder of industry chains (产业链); jobs (jobs/chain/rules/models.py) and the demo city each read it themselves.
CHAINS = "chains"
#: File with what each column of a derived table is made of; ``python -m pipeline.lineage`` writes it.
LINEAGE = "lineage.csv"
#: Placeholder in a proposal (ingest/proposal/infer.py) for what a person must decide.
UNDECIDED = "TODO"

#: Columns with the row's district, and with the firms that the row is about.
DISTRICT_COLUMNS = ("district_code", "reported_district_code")
FIRM_COLUMNS = ("uscc", "owner_uscc", "from_uscc", "seller_code", "claimants")

AccessKey = Literal["public", "official", "district", "uscc", "district_and_uscc", "town"]
#: Access key → columns by which a table's rows are cut, of which it must have one per group. docs/operations/access.md
#: says who sees which rows.
ACCESS_COLUMNS: Mapping[AccessKey, tuple[tuple[str, ...], ...]] = {
    "public": (),
    "official": (),
    "district": (DISTRICT_COLUMNS,),
    "uscc": (FIRM_COLUMNS,),
    "district_and_uscc": (
        FIRM_COLUMNS,
    ),  # a table without a district takes that of the firm in core.enterprise
    "town": (("town_code",), DISTRICT_COLUMNS, FIRM_COLUMNS),
}
Delivery = Literal["snapshot", "increment", "event", "derived"]
Layer = Literal["raw", "quarantine", "staged"]

#: Columns that say where a row came from. They are no part of a table's content.
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

#: Columns that every feed's table has in addition to those of its contract.
FEED_COLUMNS: Mapping[str, dict[str, bool]] = {
    name: {"required": True}
    for name in (
        "period", "row_id", "delivery_id", "source_file", "source_row", "source_record", "mapping_hash", "known_at",
    )
}  # fmt: skip


class ContractError(UserError):
    """A malformed contract, field, code list or mapping."""


class Contract(Definition):
    """One table: its grain, key, owner, legal basis and columns."""

    area: str
    table: str
    title: Titles
    description: str = Field(min_length=1)
    description_zh: str = ""
    grain: str = Field(min_length=1)
    key: tuple[str, ...] = Field(min_length=1)
    period: str | None = None
    owner: str = Field(min_length=1)
    #: A feed names it; that of a derived table follows from the feeds behind it.
    legal_basis: LegalBasis = LEGAL_BASES[-1]
    legal_source: str = Field(min_length=1)
    access_key: AccessKey
    delivery: Delivery
    #: Each version is a separate table. A new one is needed where columns are not only added.
    version: int = Field(default=1, ge=1)
    columns: tuple[Column, ...] = Field(min_length=1)
    #: Columns of a derived table that may be shown more openly than what they are made of.
    disclosed: tuple[Disclosure, ...] = ()

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
        """Columns of the content: all but provenance."""
        return [c.name for c in self.columns if c.name not in PROVENANCE]

    def column(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise UsageError(f"{self.name} has no column {name}; it has {', '.join(self.column_names)}")

    def disclosure_of(self, column: str) -> Disclosure | None:
        return next((d for d in self.disclosed if column in d.columns), None)

    @model_validator(mode="after")
    def _lawful(self) -> Contract:
        if self.layer != "staged":
            if "legal_basis" not in self.model_fields_set:
                raise ValueError("legal_basis: say on which basis the data may be used")
            if self.disclosed:
                raise ValueError(
                    "disclosed: only a derived table discloses; a feed's fields say their sensitivity"
                )
        named = [name for each in self.disclosed for name in each.columns]
        counted = [each.counted_by for each in self.disclosed if each.counted_by]
        if unknown := sorted({*named, *counted} - set(self.column_names)):
            raise ValueError(f"disclosed: {', '.join(unknown)} is not among the columns")
        if again := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"disclosed: {', '.join(again)} is named twice")
        return self

    @model_validator(mode="after")
    def _references(self) -> Contract:
        names = self.column_names
        for column in (*self.key, *((self.period,) if self.period else ())):
            if column not in names:
                raise ValueError(f"key or period column {column} is not among the columns")
        for name in self.key:
            if not self.column(name).required:
                raise ValueError(f"key column {name} must be required")
        for column in self.columns:
            earlier = column.domain.not_before
            if earlier and {c.type for c in self.columns if c.name in (earlier, column.name)} != {"date"}:
                raise ValueError(f"column {column.name}: not_before compares two dates of the table")
        if (self.delivery == "derived") == isinstance(self, Feed):
            raise ValueError(
                "a feed has a source block and a delivery other than derived; a derived table has neither"
            )
        return self

    def arrow_schema(self) -> pa.Schema:
        return pa.schema([pa.field(c.name, arrow_type(c.type), not c.required) for c in self.columns])

    def hash(self) -> str:
        """Hash of what rows depend on: columns with their types, key, period, delivery, version.

        Titles and descriptions do not change rows, and a domain only checks them.
        """
        columns = [[c.name, c.type, c.required] for c in self.columns]
        return digest([columns, self.key, self.period, self.delivery, self.version])


class Feed(Contract):
    """A table that a sender delivers, with its source."""

    source: Source

    @model_validator(mode="after")
    def _fed(self) -> Feed:
        names = self.column_names
        unmapped = set(names) - set(self.source.mapping) - PROVENANCE - {"period"}
        unknown = set(self.source.mapping) - set(names)
        if unmapped or unknown:
            raise ValueError(
                f"mapping: not mapped {sorted(unmapped)}, mapped but no column {sorted(unknown)}"
            )
        required = [n for n, m in self.source.mapping.items() if m.may_be_absent and self.column(n).required]
        if required:
            raise ValueError(f"mapping: {required} are required, so their headings may not be absent")
        event_time = self.source.event_time
        if event_time and (event_time not in names or self.column(event_time).type != "timestamp"):
            raise ValueError(f"event_time: {event_time} is not a timestamp column of the table")
        if self.source.database.withdraws and self.delivery != "snapshot":
            raise ValueError(
                "database.withdraws: only a snapshot withdraws rows; an event is never changed, and an increment "
                "says what is new"
            )
        return self

    def mapping_hash(self) -> str:
        """Hash of what maps a record to a row and of what checks the row; stored with each raw row.

        Besides headings it covers the factors of the sender's units and the codes of the code lists.
        """
        source = self.source
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
        ContractError: no such factor exists.
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


def table_comment(contract: Contract) -> str:
    described = both(contract.description_zh, contract.description)
    return f"{contract.title.zh} | {contract.title.en}. {described} Grain: {contract.grain}."


def digest(value: Any) -> str:
    """Short stable hash of a JSON-able value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# --- loading -----------------------------------------------------------------------------------


def schema_folders() -> list[Path]:
    """The package's folder, then the installation's own, if ``BRAIN_SCHEMAS`` names one.

    Raises:
        ContractError: ``BRAIN_SCHEMAS`` names something that is not a folder.
    """
    extra = os.environ.get(EXTRA, "")
    if not extra:
        return [SCHEMAS]
    folder = Path(extra).expanduser()
    if not folder.is_dir():
        raise ContractError(f"{EXTRA}={extra}: no such folder; create it or unset the variable")
    return [SCHEMAS, folder]


def reload() -> None:
    """Forget every cached definition, after files or ``BRAIN_SCHEMAS`` changed."""
    from schemas.coded import titled

    for kept in (fields, units, code_list, contracts, titled):
        kept.cache_clear()


@cache
def fields() -> dict[str, FieldEntry]:
    """The field dictionary, name → entry."""
    found: dict[str, FieldEntry] = {}
    file_of_field: dict[str, str] = {}
    for path in _field_files():
        raw = _mapping(path)
        if again := sorted(set(raw) & set(found)):
            where = file_of_field[again[0]]
            raise ContractError(f"{shown(path)}: {again[0]} is in {where} already; use that one")
        _refuse_undecided(path, raw)
        try:
            found |= {name: FieldEntry.model_validate(entry) for name, entry in raw.items()}
        except ValidationError as error:
            raise ContractError(f"{shown(path)}: {first_error(error)}") from None
        file_of_field |= dict.fromkeys(raw, shown(path))
    return found


def _field_files() -> Iterator[Path]:
    """Files of the field dictionary; an installation with few fields may keep them in one file."""
    for folder in schema_folders():
        yield from sorted(folder.glob("fields/*.yml"))
        yield from folder.glob("fields.yml")


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


@cache
def _about_lists() -> dict[str, Any]:
    return read_mapping(SCHEMAS / "code_lists.yml", ContractError)


def spoken_lists() -> list[str]:
    """Code lists whose codes people write themselves, such as grades."""
    return list(_about_lists()["spoken"])


def lists_together() -> dict[str, list[str]]:
    """Combined list → the lists it combines."""
    return dict(_about_lists()["together"])


def code_lists() -> list[str]:
    """Names of all code lists."""
    return sorted({path.stem for folder in schema_folders() for path in (folder / "codes").glob("*.csv")})


@cache
def code_list(name: str) -> dict[str, dict[str, str]]:
    """A code list ``schemas/codes/<name>.csv``: code → row. An open list includes the installation's codes."""
    import csv

    paths = _present(f"codes/{name}.csv")
    if not paths:
        raise ContractError(f"unknown code list {name}: add schemas/codes/{name}.csv")
    # an installation may extend open lists alone
    if len(paths) > 1 and name not in _about_lists()["open"]:
        raise ContractError(
            f"{shown(paths[1])}: there is schemas/codes/{name}.csv already; give it another name"
        )
    found: dict[str, dict[str, str]] = {}
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            rows = {row["code"]: row for row in csv.DictReader(file)}
        for code, row in rows.items():
            if not ((row.get("zh") or "").strip() and (row.get("en") or "").strip()):
                raise ContractError(f"{shown(path)}: {code} needs a title in zh and in en")
        if again := sorted(set(rows) & set(found)):
            raise ContractError(f"{shown(path)}: {again[0]} is in schemas/codes/{name}.csv already")
        found |= rows
    return found


def parse_contract(area: str, table: str, raw: dict[str, Any], where: str = "") -> Contract:
    """Build a contract from its YAML; the field dictionary defines its columns."""
    where = where or f"schemas/{area}/{table}.yml"
    if not isinstance(raw, dict):
        raise ContractError(f"{where}: not a mapping")
    _refuse_undecided(where, raw)
    raw = dict(raw)
    names = dict(raw.get("columns") or {})
    if like := raw.pop("like", None):
        other = _file_of(like, where)
        names |= {name: given for name, given in other["columns"].items() if name not in names}
        raw.setdefault("disclosed", other.get("disclosed", []))
    if raw.get("source"):
        names |= FEED_COLUMNS
    columns = []
    for name, override in names.items():
        if name not in fields():
            raise ContractError(f"{where}: field {name} is unknown; add it to schemas/fields/{area}.yml")
        # a description of its own replaces the field's in both languages
        own = {"description_zh": "", **override} if "description" in (override or {}) else override or {}
        stated = {"stated": own.get("sensitivity")}
        columns.append({**fields()[name].model_dump(), "name": name, **own, **stated})
    try:
        kind = Feed if raw.get("source") else Contract
        return kind.model_validate({**raw, "area": area, "table": table, "columns": columns})
    except ValidationError as error:
        raise ContractError(f"{where}: {first_error(error)}") from None


def _file_of(name: str, where: str) -> dict[str, Any]:
    """Another contract's file. ``like: area.table`` adds its columns after the contract's own, and its disclosures."""
    paths = _present(f"{str(name).replace('.', '/')}.yml")
    if not paths:
        raise ContractError(f"{where}: like names {name}, which has no contract; name an existing table")
    return dict(read_mapping(paths[0], ContractError, shown(paths[0])))


@cache
def contracts() -> dict[str, Contract]:
    """Every contract, ``area.table`` → contract, in the order of area and name."""
    found: dict[str, Contract] = {}
    for path in _contract_files():
        contract = parse_contract(
            path.parent.name, path.stem, read_mapping(path, ContractError, shown(path)), shown(path)
        )
        if contract.name in found:
            raise ContractError(
                f"{shown(path)}: {contract.name} is a contract of the package; give it another name"
            )
        found[contract.name] = contract
    return settled(dict(sorted(found.items())), SCHEMAS / LINEAGE)


def _contract_files() -> Iterator[Path]:
    """Files of all contracts. An installation adds only feeds: a derived table needs a job of the package."""
    package, *extra = schema_folders()
    yield from sorted(path for path in package.glob("*/*.yml") if path.parent.name not in (CHAINS, "fields"))
    for folder in extra:
        yield from sorted(folder.glob("raw/*.yml"))


def file_of(contract: Contract) -> str:
    """A contract's file, as a message names it."""
    return shown(_present(f"{contract.area}/{contract.table}.yml")[-1])


def shown(path: Path) -> str:
    """A definition's file as a message names it."""
    return f"schemas/{path.relative_to(SCHEMAS)}" if path.is_relative_to(SCHEMAS) else str(path)


def _present(name: str) -> list[Path]:
    return [path for folder in schema_folders() if (path := folder / name).exists()]


def _refuse_undecided(where: Path | str, raw: Any) -> None:
    """Refuse a proposal that a person has not finished."""
    for field, text in _texts(raw):
        if re.match(rf"{UNDECIDED}\b|{UNDECIDED}_", text):
            file = where if isinstance(where, str) else shown(where)
            raise ContractError(f"{file}: {field} is still {UNDECIDED}; a person must decide it")


def _texts(raw: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a definition, names included, with its dotted path."""
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
    return read_mapping(path, ContractError, shown(path), may_be_empty=True)


def contract(name: str) -> Contract:
    """The contract of ``area.table``.

    Raises:
        UsageError: no such table exists.
    """
    try:
        return contracts()[name]
    except KeyError:
        raise UsageError(
            f"unknown table {name}; {similar(name, contracts())}./brain tables lists those of a release, "
            "./brain feeds all feeds"
        ) from None


def published_contracts() -> list[Contract]:
    """Contracts of the tables that a release holds."""
    return [spec for spec in contracts().values() if spec.layer == "staged"]


def feeds() -> dict[str, Feed]:
    """Feed name (``gov_tax``) → contract of the feed."""
    return {c.table: c for c in contracts().values() if isinstance(c, Feed)}


def feed(name: str) -> Feed:
    """The contract of a feed, named ``gov_tax`` or ``raw.gov_tax``."""
    try:
        return feeds()[name.removeprefix("raw.")]
    except KeyError:
        raise UsageError(
            f"unknown feed {name}; {similar(name.removeprefix('raw.'), feeds())}./brain feeds lists all"
        ) from None


def connected_groups() -> dict[str, list[Feed]]:
    """Group → its connected feeds, both sorted by name; a group without a connected feed is left out."""
    found: dict[str, list[Feed]] = {}
    for spec in feeds().values():
        if spec.source.is_connected:
            found.setdefault(spec.source.group or "other", []).append(spec)
    return dict(sorted(found.items()))
