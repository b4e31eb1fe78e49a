"""A table of a release as a viewer sees it: which columns there are, which are hidden, and of which type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from portal.access import views
from portal.access.shelf import Shelf
from portal.access.viewer import Cut
from portal.api import values
from portal.api.problems import Problem
from schemas.contract import Contract, contracts
from schemas.errors import UsageError
from schemas.field import Column
from warehouse.releases import Release, release_numbers


@dataclass(frozen=True, eq=False)
class Shown:
    """A table as a viewer sees it."""

    spec: Contract
    cut: Cut
    #: Columns in the release's file, in the order of the contract.
    present: tuple[Column, ...]

    @cached_property
    def hidden(self) -> frozenset[str]:
        return views.hidden(self.spec, self.cut)

    @cached_property
    def has_flag(self) -> bool:
        """Whether rows say that statistics are withheld for want of consent."""
        return views.may_be_withheld(self.spec, self.cut)

    @cached_property
    def columns(self) -> Mapping[str, Column | None]:
        """Columns of which the viewer sees values; ``None`` is the flag of withheld statistics."""
        found: dict[str, Column | None] = {c.name: c for c in self.present if c.name not in self.hidden}
        return {**found, views.WITHHELD: None} if self.has_flag else found

    @cached_property
    def key(self) -> tuple[Column, ...]:
        return tuple(self.spec.column(name) for name in self.spec.key)

    def kind(self, name: str) -> values.Kind:
        column = self.columns[name]
        return values.kind(column) if column else values.FLAG

    def value(self, name: str) -> str:
        """SQL of a column's value."""
        column = self.columns[name]
        return values.value(column) if column else name

    def in_json(self, name: str) -> str:
        column = self.columns[name]
        return f"{values.in_json(column)} AS {name}" if column else name

    def in_csv(self, name: str) -> str:
        column = self.columns[name]
        return f"{values.in_csv(column)} AS {name}" if column else name

    @cached_property
    def all_in_json(self) -> str:
        """SQL of all columns; a row by its key must not wait for it to be put together."""
        return ", ".join(map(self.in_json, self.columns))

    def as_it_is(self, name: str) -> str:
        return f"{self.value(name)} AS {name}"


def shown(shelf: Shelf, release: Release, name: str, cut: Cut) -> Shown:
    """A table as a viewer sees it.

    Raises:
        Problem: 404, the release has no such table; 403, the viewer sees no row of it.
    """
    return permitted(described(shelf, release, name, cut))


def permitted(table: Shown) -> Shown:
    """
    Raises:
        Problem: 403, the viewer sees no row of the table.
    """
    spec = table.spec
    if not views.sees_rows(spec, table.cut):
        raise Problem(
            403, "table-not-yours",
            f"您的账户无权查看 {spec.title.zh}（{spec.name}）的数据；/api/v1/tables 列出可以查看的表。",
            f"Your account sees no rows of {spec.name} ({spec.title.en}); /api/v1/tables says which tables it sees.",
            table=spec.name,
        )  # fmt: skip
    return table


def described(shelf: Shelf, release: Release, name: str, cut: Cut) -> Shown:
    """A table with its columns, whether or not the viewer sees rows of it.

    Raises:
        Problem: 404, the release has no such table.
    """
    if name not in contracts() or name not in release.manifest["tables"]:
        near = similar(name, release.manifest["tables"])
        raise Problem(
            404, "unknown-table",
            f"发布 {release.number} 没有表 {name[:80]}；/api/v1/tables 列出全部表。",
            f"Release {release.number} has no table {name[:80]}; /api/v1/tables lists all.",
            similar=near,
        )  # fmt: skip
    return _described(release.file, name, cut, columns_of(shelf, release)[name])


@lru_cache(maxsize=4096)
def _described(_file: Path, name: str, cut: Cut, columns: tuple[str, ...]) -> Shown:
    spec = contracts()[name]
    return Shown(spec, cut, tuple(c for c in spec.columns if c.name in columns))


_COLUMNS: dict[Path, Mapping[str, tuple[str, ...]]] = {}


def columns_of(shelf: Shelf, release: Release) -> Mapping[str, tuple[str, ...]]:
    """Table → columns in the release's file, which never changes."""
    if release.file not in _COLUMNS:
        with shelf.whole(release) as query:
            rows = query(
                """SELECT schema_name || '.' || table_name AS name, list(column_name) AS columns
                FROM duckdb_columns() WHERE database_name = current_database() GROUP BY ALL"""
            )
        _COLUMNS[release.file] = {row["name"]: tuple(row["columns"]) for row in rows}
    return _COLUMNS[release.file]


def kept(shelf: Shelf, number: int | None) -> Release:
    """A release by number, or the latest.

    Raises:
        Problem: 410, the release is no longer kept; 404, it never was; 409, there is none yet.
    """
    try:
        return shelf.release(number)
    except UsageError:
        numbers = release_numbers()
    if not numbers:
        raise Problem(
            409, "no-release", "还没有任何发布；请先运行 ./brain publish。",
            "There is no release yet; ./brain publish makes one.",
        )  # fmt: skip
    if number is not None and 0 < number < numbers[-1]:
        raise Problem(
            410, "release-gone",
            f"发布 {number} 已不再保留；现有 {listed(numbers)}。",
            f"Release {number} is no longer kept; there are {listed(numbers)}.",
            kept=numbers,
        )  # fmt: skip
    raise Problem(
        404, "unknown-release",
        f"没有这个发布；现有 {listed(numbers)}。", f"There is no such release; there are {listed(numbers)}.",
        kept=numbers,
    )  # fmt: skip


def listed(numbers: list[int]) -> str:
    """
    >>> listed([1, 2, 3]), listed(list(range(1, 100)))
    ('1, 2, 3', '1 … 99')
    """
    return ", ".join(map(str, numbers)) if len(numbers) <= 10 else f"{numbers[0]} … {numbers[-1]}"


def similar(name: str, known: Mapping[str, object] | frozenset[str]) -> list[str]:
    """Names most like an unknown one."""
    from difflib import get_close_matches

    return get_close_matches(name[:80], list(known), n=3, cutoff=0.6)
