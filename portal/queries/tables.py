"""The catalogue 数据目录 for a reader: tables of a release, the dictionary of one, and rows that the reader may see.

The command line's catalogue (``portal.queries.catalogue``) describes a release's file as it is, without a reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.access import views
from portal.access.viewer import Cut
from portal.queries.release import Query
from portal.queries.titles import Named
from schemas.contract import Contract, contracts
from schemas.definition import Titles
from warehouse.releases import Release

#: Rows of a table that its page shows.
SAMPLE_ROWS = 20
#: Codes of a list that a table's page shows; longer lists have a page of their own.
CODES_SHOWN = 20


@dataclass(frozen=True)
class Listed:
    """A table of the release with the number of rows that the reader sees.

    ``found`` are its columns that a search found.
    """

    table: str
    title: Named
    description: Named
    owner: str
    is_seen: bool
    rows: int
    columns: int
    found: tuple[Named, ...]


@dataclass(frozen=True)
class CodeList:
    """A code list with the number of its codes; ``codes`` are empty if there are too many to show beside a column."""

    name: str
    count: int
    codes: tuple[Named, ...]


@dataclass(frozen=True)
class DescribedColumn:
    """A column of a table as the release's dictionary has it, and whether the reader sees its values."""

    name: str
    title: Named
    type: str
    unit: str
    description: Named
    code_list: CodeList | None
    sensitivity: str
    legal_basis: str
    rests_on_consent: bool
    made_of: tuple[str, ...]
    disclosed_because: str
    counted_by: str
    least_firms: int | None
    is_key: bool
    is_hidden: bool


@dataclass(frozen=True)
class Described:
    """A table with its columns."""

    spec: Contract
    title: Named
    description: Named
    #: Columns that identify a row.
    key: tuple[Named, ...]
    legal_basis: str
    columns: tuple[DescribedColumn, ...]
    is_seen: bool
    #: Rows that the reader sees, and all rows of the release.
    rows: int
    all_rows: int
    #: Statistics of single firms are shown with the firm's consent.
    is_withheld_in_part: bool


# --- all tables ------------------------------------------------------------------------------------------


def listed(query: Query, release: Release, cut: Cut, word: str = "") -> list[Listed]:
    """The release's tables in which every part of the word occurs: in name, title, description or a column's name."""
    known = _known(release)
    rows = _row_counts(query, release, cut, known)
    columns: dict[str, list[Named]] = {}
    for row in query("SELECT table_name, column_name, title_zh, title_en FROM release.dictionary"):
        column = Named(row["column_name"], row["title_zh"], row["title_en"])
        columns.setdefault(row["table_name"], []).append(column)
    parts = word.casefold().split()
    found = []
    for name, spec in known.items():
        own = columns.get(name, [])
        matching = [c for c in own if any(part in _text(c) for part in parts)]
        said = f"{name} {spec.title.zh} {spec.title.en} {spec.description_zh} {spec.description}".casefold()
        if all(part in said or any(part in _text(c) for c in matching) for part in parts):
            found.append(
                Listed(
                    name, _named(name, spec.title), Named(name, spec.description_zh, spec.description), spec.owner,
                    views.sees_rows(spec, cut), rows.get(name, 0), len(own), tuple(matching),
                )
            )  # fmt: skip
    return found


def _known(release: Release) -> dict[str, Contract]:
    """The release's tables that have a contract today; without one nobody knows who may see them."""
    return {name: contracts()[name] for name in sorted(release.tables) if name in contracts()}


def _named(code: str, titles: Titles) -> Named:
    return Named(code, titles.zh, titles.en)


def _text(column: Named) -> str:
    return f"{column.code} {column.zh} {column.en}".casefold()


def _row_counts(query: Query, release: Release, cut: Cut, known: Mapping[str, Contract]) -> dict[str, int]:
    """Rows that the reader sees. A release names the rows of its tables, so only tables seen in part are counted."""
    conditions = {name: views.rows(spec, cut, "") for name, spec in known.items() if name in query.tables}
    counts = {name: release.tables[name].rows for name, where in conditions.items() if where == "true"}
    in_part = [name for name, where in conditions.items() if where not in ("true", "false")]
    if in_part:
        counting = (f"SELECT '{name}' AS name, count(*) AS rows FROM {name}" for name in in_part)
        counts |= {row["name"]: row["rows"] for row in query(" UNION ALL ".join(counting))}
    return counts


# --- one table -------------------------------------------------------------------------------------------


def described(query: Query, release: Release, cut: Cut, name: str) -> Described | None:
    """A table with its columns; ``None`` if the release has no such table."""
    known = _known(release)
    if name not in known or name not in query.tables:
        return None
    spec = known[name]
    columns = tuple(_columns(query, spec, cut))
    return Described(
        spec=spec,
        title=_named(name, spec.title),
        description=Named(name, spec.description_zh, spec.description),
        key=tuple(column.title for column in columns if column.is_key),
        legal_basis=spec.legal_basis,
        columns=columns,
        is_seen=views.sees_rows(spec, cut),
        rows=_row_counts(query, release, cut, {name: spec}).get(name, 0),
        all_rows=release.tables[name].rows,
        is_withheld_in_part=views.may_be_withheld(spec, cut),
    )


def _columns(query: Query, spec: Contract, cut: Cut) -> list[DescribedColumn]:
    rows = query("SELECT * FROM release.dictionary WHERE table_name = ?", spec.name)
    lists = _code_lists(query, sorted({row["code_list"] for row in rows if row["code_list"]}))
    hidden = views.hidden(spec, cut)
    order = {name: place for place, name in enumerate(spec.column_names)}
    return [
        DescribedColumn(
            name=row["column_name"],
            title=Named(row["column_name"], row["title_zh"], row["title_en"]),
            type=row["type"] or "",
            unit=row["unit"] or "",
            description=Named("", row.get("description_zh") or "", row["description"] or ""),
            code_list=lists.get(row["code_list"]),
            sensitivity=row["sensitivity"] or "",
            legal_basis=row.get("legal_basis") or "",
            rests_on_consent=bool(row.get("rests_on_consent")),
            made_of=tuple(row.get("made_of") or ()),
            disclosed_because=row.get("disclosed_because") or "",
            counted_by=row.get("counted_by") or "",
            least_firms=row.get("least_firms"),
            is_key=row["column_name"] in spec.key,
            is_hidden=row["column_name"] in hidden,
        )
        for row in sorted(rows, key=lambda row: order.get(row["column_name"], len(order)))
    ]


def _code_lists(query: Query, names: list[str]) -> dict[str, CodeList]:
    if not names:
        return {}
    rows = query(
        f"""SELECT list, count(*) AS n,
            list({{'code': code, 'zh': zh, 'en': en}} ORDER BY place)[:{CODES_SHOWN}] AS codes
        FROM (SELECT list, code, zh, en, row_number() OVER () AS place FROM release.code)
        WHERE list_contains(?, list) GROUP BY list""",
        names,
    )
    return {
        row["list"]: CodeList(
            row["list"], row["n"],
            tuple(Named(**code) for code in row["codes"]) if row["n"] <= CODES_SHOWN else (),
        )
        for row in rows
    }  # fmt: skip


def codes(query: Query, name: str) -> list[Named]:
    """The codes of a list; none if the release has no such list."""
    rows = query("SELECT code, zh, en FROM release.code WHERE list = ? ORDER BY code", name)
    return [Named(row["code"], row["zh"], row["en"]) for row in rows]


def sample(query: Query, spec: Contract, cut: Cut) -> list[dict[str, Any]]:
    """The first rows that the reader may see, without columns hidden from the reader."""
    hidden = sorted(views.hidden(spec, cut) & set(spec.column_names))
    if not views.sees_rows(spec, cut):
        return []
    rows = query(f"SELECT * FROM {spec.name} LIMIT {SAMPLE_ROWS}")
    return [{name: value for name, value in row.items() if name not in hidden} for row in rows]
