"""Feeds from a sender's database: rows of a table → text cells → the way that files go.

The database prints every value as text, the texts are streamed into Parquet in the inbox (``ingest/ways/postgres.py``),
and DuckDB puts them in an order that depends on nothing but them; nothing is held in memory as a whole. One query is
one transaction: a pull has a table as it was at one moment.

Of a snapshot a pull makes a delivery for each period and part, known by its content like a file: a later one
supersedes it, and a row absent from that is withdrawn. Of increments and events what is held already is left out, and
the rest is a delivery. A watermark therefore only says what need not be read: of a snapshot the periods in which
nothing changed, of others the rows before it. It may be lost or lag behind, and nothing is doubled or missing.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

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
    """Take in what is new in a database: of the named feeds, or of all that have a table there.

    A feed that cannot be read is reported, nothing of it is taken in, and the others go on.

    Args:
        period: only this one, of the feeds that have such periods; where a table has no column for it, that of all
            its rows.
        replaces: what comes takes the place of deliveries whose periods overlap with its own.
        full: read whole tables, whatever the watermarks say.
        now: when the rows are known, by which late records are judged; the start of the pull where left out.

    Raises:
        RejectedError: the database cannot be reached, or does not let us in.
        UsageError: there is no such feed, or none of the feeds has such a period.
    """
    specs = _with_period([feed(name) for name in dict.fromkeys(names)] if names else feeds().values(), period)
    reader = Reader(connection)
    there = reader.tables({spec.table: table_of(spec) for spec in specs})
    asked = Asked(reader, period, full, (now or datetime.now(UTC)).astimezone(UTC))
    marks: dict[str, Mark] = {}
    lost: list[UserError] = []

    def bring(spec: Feed, work: Work) -> list[Taken]:
        entries = len(work.report.files)
        try:
            if lost:
                raise lost[0]
            if spec.table not in there:
                raise RejectedError(
                    f"{connection.name}: {connection.user} finds no table {table_of(spec)}; create it, or name "
                    f"another one in schemas/raw/{spec.table}.yml (source: database: table)"
                )
            moved = map_moved(spec, work)
            plan = plan_of(spec, connection.name, there[spec.table], period)
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

    chosen = [s for s in specs if names or s.table in there]
    report = take_in(chosen, bring, progress, remember, replaces=replaces, accepted_by=accepted_by)
    report.absent = [] if names else [s.table for s in specs if s.table not in there]
    return report


def _with_period(specs: Iterable[Feed], period: str | None) -> list[Feed]:
    """Those of the feeds that may have a period.

    Raises:
        UsageError: it is no period, or none of the feeds has such periods.
    """
    check_asked(period)
    found = list(specs)
    if period is None:
        return found
    faults = {spec.table: fault_of(period, spec) for spec in found}
    if all(faults.values()):
        raise UsageError(f"--period {period}: {next(iter(faults.values()))}")
    return [spec for spec in found if not faults[spec.table]]


def _take(reading: Reading) -> list[Taken]:
    """Deliveries of what is new in a feed's table, not yet committed.

    Raises:
        RejectedError: the table cannot be read, is empty, or is not what the contract says.
    """
    reading.scratch.mkdir(parents=True)
    try:
        taken = snapshots(reading) if reading.spec.delivery == "snapshot" else additions(reading)
    finally:
        shutil.rmtree(reading.scratch, ignore_errors=True)
    if not taken and not reading.is_told:
        reading.tell(reading.asked.period or "", "nothing new since it was read last")
    return taken
