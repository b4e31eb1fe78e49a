"""Feeds from a sender's database: rows of a table → text cells, which are mapped like those of files.

The database prints every value as text, and the texts are streamed into Parquet in the inbox
(``ingest/ways/postgres.py``). DuckDB sorts them by their content only. No table is held in memory. One query is one
transaction, so a pull reads a table in one state.

A pull of a snapshot creates a delivery for each period and part, identified by its content like a file: a later
delivery supersedes it, and a row absent from the later one is withdrawn. A pull of increments or events leaves out the
rows that the platform has and delivers the others. So a watermark only saves reading: of a snapshot the unchanged
periods, of other feeds the rows before it. A lost or late watermark neither doubles nor loses a row.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from ingest.register.today import latest_moment
from ingest.ways.connections import Connection, UnreachableError
from ingest.ways.postgres import Reader
from ingest.ways.pull.additions import additions
from ingest.ways.pull.plan import plan_of, source_file, table_of
from ingest.ways.pull.reading import Asked, Reading
from ingest.ways.pull.snapshots import snapshots
from ingest.ways.pull.watermarks import Mark
from ingest.ways.remap import map_moved
from ingest.ways.run import FileReport, IngestReport, Taken, Work, take_in
from schemas.contract import Feed, feed, feeds
from schemas.errors import RejectedError, UsageError, UserError
from schemas.periods import check_asked, fault_of
from warehouse.progress import Progress, silent


def pull(
    names: Sequence[str] | None,
    connection: Connection,
    progress: Progress = silent,
    *,
    period: str | None = None,
    full: bool = False,
    replaces: bool = False,
    accepted_by: str | None = None,
    now: datetime | None = None,
) -> IngestReport:
    """Ingest what is new in a database: of the named feeds, or of all feeds that have a table there.

    A feed that cannot be read is reported and nothing of it is ingested; the other feeds go on.

    Args:
        period: read only this period, of the feeds that have such periods; in a table without a period column it is
            the period of all rows.
        replaces: the new deliveries replace deliveries whose periods overlap with theirs.
        full: read complete tables, whatever the watermarks say.
        accepted_by: who accepts deliveries although too many of their records are refused; otherwise they are held.
        now: the rows' ``known_at``, by which late records are judged; by default the start of the pull.

    Raises:
        RejectedError: the database cannot be reached, or refuses the user.
        UsageError: there is no such feed, or none of the feeds has such a period.
    """
    specs = _with_period([feed(name) for name in dict.fromkeys(names)] if names else feeds().values(), period)
    reader = Reader(connection)
    columns = reader.tables({spec.table: table_of(spec) for spec in specs})
    asked = Asked(reader, period, full, (now or latest_moment()).astimezone(UTC))
    marks: dict[str, Mark] = {}
    lost: list[UserError] = []

    def bring(spec: Feed, work: Work) -> list[Taken]:
        entries = len(work.report.files)
        try:
            if lost:
                raise lost[0]
            if spec.table not in columns:
                raise RejectedError(
                    f"{connection.name}: user {connection.user} finds no table {table_of(spec)}; create it, or name "
                    f"another one in schemas/raw/{spec.table}.yml (source: database: table)"
                )
            moved = map_moved(spec, work)
            plan = plan_of(spec, connection.name, columns[spec.table], period)
            reading = Reading(plan, asked, work)
            taken = moved + _take(reading)
            if reading.mark:
                marks[spec.table] = reading.mark
            return taken
        except UserError as error:
            if isinstance(error, UnreachableError):
                lost.append(error)
            del work.report.files[entries:]
            where = source_file(connection.name, spec)
            work.report.files.append(
                FileReport(spec.table, where, period or "", "rejected", message=str(error))
            )
            return []

    def remember() -> None:
        for name, mark in marks.items():
            mark.save(name)

    chosen = [s for s in specs if names or s.table in columns]
    report = take_in(chosen, bring, progress, remember, replaces=replaces, accepted_by=accepted_by)
    report.absent = [] if names else [s.table for s in specs if s.table not in columns]
    return report


def _with_period(specs: Iterable[Feed], period: str | None) -> list[Feed]:
    """The feeds that may have a period.

    Raises:
        UsageError: it is no period, or none of the feeds has such periods.
    """
    check_asked(period)
    given = list(specs)
    if period is None:
        return given
    faults = {spec.table: fault_of(period, spec) for spec in given}
    if all(faults.values()):
        raise UsageError(f"--period {period}: {next(iter(faults.values()))}")
    return [spec for spec in given if not faults[spec.table]]


def _take(reading: Reading) -> list[Taken]:
    """Uncommitted deliveries of what is new in a feed's table.

    Raises:
        RejectedError: the table cannot be read, is empty, or does not match the contract.
    """
    reading.scratch.mkdir(parents=True)
    try:
        taken = snapshots(reading) if reading.spec.delivery == "snapshot" else additions(reading)
    finally:
        shutil.rmtree(reading.scratch, ignore_errors=True)
    if not taken and not reading.is_told:
        reading.tell(reading.asked.period or "", "nothing new since the last pull")
    return taken
