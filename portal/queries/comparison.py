"""A table in two releases 版本对比: the rows that came, went or changed by key, as one reader sees them in both.

Pages and API compare through it. A period with the same content in both releases is not read, unless the tables that
decide on who sees its rows differ: consents for statistics of single firms, and the directory for rows that follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property

from portal.access import consent, views
from portal.access.viewer import Cut
from schemas.contract import PROVENANCE, Contract, contract
from schemas.duckdb_types import is_year
from warehouse.content import Contents
from warehouse.duck import literal
from warehouse.releases import Release


def shown(name: str) -> str:
    """SQL of a column in the type that readers see; years were texts in older releases."""
    return f"CAST({name} AS INTEGER) AS {name}" if is_year(name) else name


@dataclass(frozen=True)
class Comparison:
    """A table in two releases that both have it with the same key."""

    spec: Contract
    cut: Cut
    before: Release
    after: Release
    #: Columns of the content that the reader sees in both, and the flag of withheld statistics where it belongs.
    columns: tuple[str, ...]

    @cached_property
    def periods(self) -> tuple[str, ...] | None:
        """Periods in which the reader may see a change; ``None`` if the whole table has to be read."""
        old, new = (one.get(self.spec.name) for one in self._contents)
        if self.spec.period is None or old is None or new is None:
            is_other = has_other_content(self.before, self.after, self.spec.name)
            return None if is_other or not self._is_seen_alike(None) else ()
        return tuple(
            period
            for period in sorted({*old, *new})
            if old.get(period) != new.get(period) or not self._is_seen_alike(period)
        )

    @cached_property
    def _contents(self) -> tuple[Contents, Contents]:
        return self.before.contents, self.after.contents

    def rows(self, old: str, new: str, shown: Callable[[str], str] = shown) -> str:
        """SQL of the rows that differ: ``kind`` (came, went, changed), the key as ``k_…``, old and new content as
        ``a_…`` and ``b_…``.

        Args:
            old: catalogue of the reader's views of the earlier release.
            new: that of the later one.
            shown: SQL of a column, under its own name, in the form in which it is wanted.
        """
        key, where = self.spec.key, self._where()
        columns = ", ".join(map(shown, self.columns))
        before, after = (f"(SELECT {columns} FROM {one}.{self.spec.name}{where})" for one in (old, new))
        came, went = f"a.{key[0]} IS NULL", f"b.{key[0]} IS NULL"
        differs = [f"a.{n} IS DISTINCT FROM b.{n}" for n in self.columns if n not in key]
        found = [
            f"CASE WHEN {came} THEN 'came' WHEN {went} THEN 'went' ELSE 'changed' END AS kind",
            *(f"coalesce(a.{name}, b.{name}) AS k_{name}" for name in key),
            *(f"{side}.{name} AS {side}_{name}" for side in "ab" for name in self.columns),
        ]
        return (
            f"SELECT {', '.join(found)} FROM {before} a FULL JOIN {after} b "
            f"ON {' AND '.join(f'a.{name} = b.{name}' for name in key)} WHERE {' OR '.join([came, went, *differs])}"
        )

    def _where(self) -> str:
        if self.periods is None:
            return ""
        if not self.periods:
            return " WHERE false"
        return f" WHERE {self.spec.period} IN ({', '.join(map(literal, self.periods))})"

    def _is_seen_alike(self, period: str | None) -> bool:
        """Whether the tables that decide on who sees a period's rows, or all rows, are the same in both releases."""
        year = period[:4] if period else None
        if views.may_be_withheld(self.spec, self.cut) and not all(
            self._is_same(name, year) for name in consent.NEEDS
        ):
            return False
        follows_directory = "core.enterprise" in views.rows(self.spec, self.cut, "file")
        # a firm sees its district's rows of all years
        return not follows_directory or self._is_same(
            "core.enterprise", None if self.cut.role == "enterprise" else year
        )

    def _is_same(self, name: str, year: str | None) -> bool:
        old, new = (one.get(name) for one in self._contents)
        if old is None or new is None:
            return name not in self.before.tables and name not in self.after.tables
        assert contract(name).period == "year"
        return old == new if year is None else old.get(year) == new.get(year)


def comparison(
    spec: Contract,
    cut: Cut,
    before: Release,
    after: Release,
    columns_before: Collection[str],
    columns_after: Collection[str],
) -> Comparison | None:
    """The comparison of a table; ``None`` if it has another key, or columns of other meaning, in one of the releases.

    Args:
        columns_before: columns that the reader sees in the earlier release, and the flag of withheld statistics.
        columns_after: those in the later one.
    """
    columns = tuple(
        name
        for name in (*spec.column_names, views.WITHHELD)
        if name in columns_before and name in columns_after and name not in PROVENANCE
    )
    is_same_version = _version(before, spec.name) == _version(after, spec.name)
    found = Comparison(spec, cut, before, after, columns)
    return found if is_same_version and set(spec.key) <= set(columns) else None


def has_other_content(before: Release, after: Release, table: str) -> bool:
    """Whether a table differs between two releases, or is in one of them alone."""
    old, new = before.tables.get(table), after.tables.get(table)
    return old is None or new is None or old.content_hash != new.content_hash


def _version(release: Release, table: str) -> int:
    """Version of the table's contract; a manifest names those above 1."""
    return int(release.manifest.get("table_versions", {}).get(table, 1))
