"""Releases opened for viewers: one DuckDB instance for all releases and viewers of a process.

A release's file is attached once. Each :class:`~portal.access.viewer.Cut` has a catalogue of its own, in memory, with a
view per table (:mod:`portal.access.views`) under the table's own name: a query that reads ``per_mu.enterprise_grade``
runs unchanged for everybody and sees the viewer's rows. Statements are those of :mod:`portal.queries` and of the API,
which builds them from contracts; no door takes SQL, which could name the attached file itself.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

from ingest.register.today import today
from portal.access import consent, views
from portal.access.answers import Answers
from portal.access.description import of_description, tables_of
from portal.access.viewer import Cut
from portal.queries.release import Facts, Query
from schemas.contract import contracts
from schemas.errors import UserError
from warehouse import duck
from warehouse.releases import MANIFEST, Release, open_release
from warehouse.settings import Settings, settings

#: Memory of DuckDB for all viewers; what exceeds it goes to disk.
MEMORY_LIMIT = "192MB"
#: Release files, and catalogues of viewers, that stay open while nobody reads them.
OPEN_FILES = 4
OPEN_CUTS = 64
#: Connections of a catalogue that wait for the next request.
IDLE = 8


@dataclass
class _File:
    """An attached release file."""

    alias: str
    #: Table → its columns.
    tables: dict[str, list[str]]
    facts: Facts
    readers: int = 0


@dataclass
class _Catalogue:
    """The views of a cut on a file, on a day of consents."""

    alias: str
    file: _File
    idle: list[Query] = field(default_factory=list)
    readers: int = 0


class Shelf:
    """The releases of a home, opened for viewers. It may be used by several threads."""

    def __init__(self, config: Settings | None = None, memory: str = MEMORY_LIMIT) -> None:
        self._config = config or settings()
        self._root = duck.connect()
        self._root.execute(f"SET memory_limit = '{memory}'")
        # many readers ask at once: a statement on several threads takes more of the processor, and no less time
        self._root.execute("SET threads = 1")
        spill = self._config.portal / "spill"
        spill.parent.mkdir(parents=True, exist_ok=True)  # DuckDB makes the last folder alone
        self._root.execute(f"SET temp_directory = {duck.literal(str(spill))}")
        self._lock = threading.RLock()
        self._files: OrderedDict[Path, _File] = OrderedDict()
        self._cuts: OrderedDict[tuple[Path, Path, Cut | None, date], _Catalogue] = OrderedDict()
        self._releases: dict[tuple[int, int], Release] = {}
        self._number = 0
        self._answers = Answers()

    def close(self) -> None:
        self._root.close()

    # --- releases --------------------------------------------------------------------------------------

    def release(self, number: int | None = None) -> Release:
        """A release by number, or the latest one; a new one is seen at once.

        Raises:
            UsageError: it does not exist.
            RejectedError: it is damaged.
        """
        latest = self._latest()
        if latest is None:
            return open_release(number)
        wanted = number if number is not None else latest
        manifest = self._config.releases / f"manifest-{wanted}.json"
        try:
            key = (wanted, manifest.stat().st_mtime_ns)
        except OSError:
            return open_release(number)
        with self._lock:
            if key in self._releases and self._releases[key].file.exists():
                return self._releases[key]
        release = open_release(number)
        with self._lock:
            if len(self._releases) > OPEN_FILES:
                self._releases.clear()
            self._releases[key] = release
        return release

    def _latest(self) -> int | None:
        """The highest number of a manifest; reading names is all that a request costs while nothing changes."""
        try:
            found = [MANIFEST.fullmatch(name.name) for name in self._config.releases.iterdir()]
        except OSError:
            return None
        return max((int(match[1]) for match in found if match), default=None)

    # --- reading ---------------------------------------------------------------------------------------

    @contextmanager
    def reading(self, release: Release, cut: Cut) -> Iterator[Query]:
        """A release as a viewer may see it. Its ``whole`` is the release without cuts."""
        with self._query(release, None) as whole, self._query(release, cut) as query:
            query.whole = whole
            yield query

    def whole(self, release: Release) -> AbstractContextManager[Query]:
        """A release with all its rows, for what the portal says to everybody about the release itself."""
        return self._query(release, None)

    @contextmanager
    def _query(self, release: Release, cut: Cut | None) -> Iterator[Query]:
        catalogue, query = self._borrow(release, cut)
        is_well = False
        try:
            yield query
            is_well = True
        finally:
            # a connection in an unknown state is not used again
            self._return(catalogue, query if is_well else None)

    def _borrow(self, release: Release, cut: Cut | None) -> tuple[_Catalogue, Query]:
        newest = self._newest(release) if cut else release
        key = (release.file, newest.file, cut, today().day)
        with self._lock:
            catalogue = self._cuts.get(key) or self._catalogue(release, newest, cut, key)
            self._cuts.move_to_end(key)
            catalogue.readers += 1
            catalogue.file.readers += 1
            if catalogue.idle:
                return catalogue, catalogue.idle.pop()
        connection = self._root.cursor()
        connection.execute(f"USE {catalogue.alias}")
        connection.execute(
            "SET TimeZone = 'UTC'"
        )  # a setting of the session, which a cursor does not inherit
        keep = partial(self._answers.rows, catalogue.alias)
        return catalogue, Query(connection, catalogue.file.facts, keep)

    def _return(self, catalogue: _Catalogue, query: Query | None) -> None:
        with self._lock:
            catalogue.readers -= 1
            catalogue.file.readers -= 1
            if query is not None and len(catalogue.idle) < IDLE:
                catalogue.idle.append(query)
            self._tidy()

    # --- files and catalogues --------------------------------------------------------------------------

    def _newest(self, release: Release) -> Release:
        """The release with the newest content: a consent that is withdrawn in it opens no older release either.

        A rollback has the file of an earlier release, so the file with the highest number is the newest content.
        """
        names = {path.name for path in self._config.releases.iterdir()}
        numbers = [int(match[1]) for name in names if (match := MANIFEST.fullmatch(name))]
        newest = max((n for n in numbers if f"release-{n}.duckdb" in names), default=release.number)
        try:
            return self.release(newest)
        except UserError:  # damaged
            return release

    def _catalogue(
        self, release: Release, newest: Release, cut: Cut | None, key: tuple[Path, Path, Cut | None, date]
    ) -> _Catalogue:
        file = self._attached(release)
        self._files.move_to_end(release.file)
        if cut is None:
            catalogue = _Catalogue(file.alias, file)
        else:
            self._number += 1
            catalogue = _Catalogue(f"cut_{self._number}", file)
            self._root.execute(f"ATTACH ':memory:' AS {catalogue.alias}")
            self._create_views(catalogue, cut, self._consents(file, self._attached(newest), key[3]))
        self._cuts[key] = catalogue
        return catalogue

    def _attach(self, release: Release) -> _File:
        self._number += 1
        alias = f"file_{self._number}"
        self._root.execute(f"ATTACH {duck.literal(str(release.file))} AS {alias} (READ_ONLY)")
        connection = self._root.cursor()
        connection.execute(f"USE {alias}")
        file = self._files[release.file] = _File(
            alias, tables_of(self._root, alias), Facts(Query(connection))
        )
        return file

    def _attached(self, release: Release) -> _File:
        return self._files.get(release.file) or self._attach(release)

    def _consents(self, file: _File, newest: _File, day: date) -> str:
        """The relation with the consents of a day, which hold by the file and by the newest one; made when needed."""
        self._root.execute("ATTACH IF NOT EXISTS ':memory:' AS consents")
        own = self._consents_of(file, day)
        if newest is file:
            return own
        latest, both = self._consents_of(newest, day), f"{own}_{newest.alias}"
        purposes = ", ".join(f"a.{purpose} AND b.{purpose} AS {purpose}" for purpose in consent.PURPOSES)
        self._root.execute(
            f"""CREATE TABLE IF NOT EXISTS {both} AS SELECT a.uscc, a.year, {purposes}
            FROM {own} a JOIN {latest} b ON b.uscc = a.uscc AND b.year = a.year ORDER BY a.uscc, a.year"""
        )
        return both

    def _consents_of(self, file: _File, day: date) -> str:
        name = f"consents.{file.alias}_{day:%Y%m%d}"
        select = consent.consents(file.alias, file.tables, day)
        self._root.execute(f"CREATE TABLE IF NOT EXISTS {name} AS {select}")
        return name

    def _create_views(self, catalogue: _Catalogue, cut: Cut, consents: str) -> None:
        file, alias = catalogue.file, catalogue.alias
        known = contracts()
        statements = []
        for name, columns in file.tables.items():
            area, _, table = name.partition(".")
            if area == "release":
                statements.append((area, table, of_description(file.alias, table, cut)))
            elif name in known:
                select = views.select(known[name], columns, cut, file.alias, consents)
                statements.append((area, table, select))
        self._root.execute("BEGIN")
        for area in sorted({area for area, _, _ in statements}):
            self._root.execute(f"CREATE SCHEMA {alias}.{area}")
        for area, table, select in statements:
            self._root.execute(f"CREATE VIEW {alias}.{area}.{table} AS {select}")
        self._root.execute("COMMIT")

    def _tidy(self) -> None:
        """Close what nobody reads and has not been read for longest."""
        for key, catalogue in list(self._cuts.items()):
            is_surplus = len(self._cuts) > OPEN_CUTS or (
                len(self._files) > OPEN_FILES and catalogue.file.readers == 0
            )
            if is_surplus and catalogue.readers == 0:
                del self._cuts[key]
                catalogue.idle.clear()
                if catalogue.alias != catalogue.file.alias:
                    self._root.execute(f"DETACH {catalogue.alias}")
        for path, file in list(self._files.items()):
            if len(self._files) > OPEN_FILES and file.readers == 0:
                del self._files[path]
                file.facts.close()
                with_name = (
                    f"SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, '{file.alias}_')"
                )
                for (table,) in self._root.execute(with_name).fetchall():
                    self._root.execute(f"DROP TABLE consents.{table}")
                self._root.execute(f"DETACH {file.alias}")
