"""The landing folder: complete drops that were not ingested yet become deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ingest.load import Inbox
from ingest.readers.files import check_file, read_records
from ingest.readers.headings import some, unknown_headings
from ingest.readers.records import Records
from ingest.register.deliveries import Drop
from ingest.register.placing import placed
from ingest.register.standing import why_out
from ingest.ways.manifest import checksum_of, find_drops
from ingest.ways.remap import map_moved
from ingest.ways.run import (
    FileReport,
    IngestReport,
    Taken,
    Work,
    chosen,
    entry_of,
    load_drop,
    rows_of,
    take_in,
)
from schemas.contract import Feed
from schemas.errors import RejectedError, UserError
from schemas.periods import check_asked, check_sent, is_within
from schemas.register import latest_mapping, stands
from warehouse.progress import Progress, silent
from warehouse.settings import settings


def ingest(
    names: Sequence[str] | None = None,
    drops: Iterable[Drop] | None = None,
    progress: Progress = silent,
    *,
    period: str | None = None,
    replaces: bool = False,
    accepted_by: str | None = None,
) -> IngestReport:
    """Ingest all new drops of the named feeds, or the given drops; with a period, only those of that period.

    A file that cannot be ingested is reported and stays where it is; the others go on. Deliveries in an older version
    of a feed's table are remapped into the current version first.

    Args:
        replaces: the new deliveries replace deliveries whose periods overlap with theirs.
        accepted_by: who accepts files although too many of their records are refused; otherwise they are held.

    Raises:
        UsageError: the named period is no period.
    """
    check_asked(period)
    given = list(drops) if drops is not None else None

    def bring(spec: Feed, work: Work) -> list[Taken]:
        of_feed = (
            _drops_of(spec, work.report) if given is None else [d for d in given if d.feed == spec.table]
        )
        wanted = [d for d in of_feed if is_within(d.period, period)]
        return map_moved(spec, work, period) + _read_new(spec, wanted, work, is_named=given is not None)

    return take_in(chosen(names, given), bring, progress, replaces=replaces, accepted_by=accepted_by)


def _drops_of(spec: Feed, report: IngestReport) -> list[Drop]:
    """Complete drops of a feed; a broken manifest is reported and does not stop the others."""
    folder = settings().landing / spec.table
    refused: list[RejectedError] = []
    drops = find_drops(folder, refused)
    report.files += [FileReport(spec.table, folder.name, "", "rejected", message=str(e)) for e in refused]
    return drops


def _read_new(spec: Feed, drops: Iterable[Drop], work: Work, *, is_named: bool = False) -> list[Taken]:
    """Deliveries of the drops that were not ingested yet.

    Args:
        is_named: a person named the files, so a file whose delivery is withdrawn or held is refused, not skipped.
    """
    seen = {delivery: rows[0] for delivery, rows in latest_mapping(work.known, spec).items()}
    known = list(work.known)
    taken: list[Taken] = []
    for drop in drops:
        entry = FileReport(drop.feed, drop.path.name, drop.period, "taken")
        if first := seen.get(drop.delivery_id):
            if first["source_file"] == drop.path.name and (stands(first) or not is_named):
                continue  # the drop itself, ingested by an earlier run
            entry.state, entry.message = "repeated", f"the same file as {first['source_file']}"
            if not stands(first):
                entry.state = "rejected" if is_named else "repeated"
                entry.message += f", and {why_out(first)}"
        else:
            try:
                check_sent(drop.period, spec, drop.path.name)
                drop = replace(  # noqa: PLW2901
                    placed(drop, spec, known, said=work.replaces), accepted_by=work.accepted_by
                )
                taken.append(load_drop(spec, drop, _checked(drop, spec, work.inbox), work.inbox))
                rows = rows_of(taken[-1], known)
                seen[drop.delivery_id] = rows[0]
                known += rows
                entry = entry_of(drop, taken[-1])
                if entry.state == "taken" and (unknown := unknown_headings(spec.source, taken[-1].headings)):
                    entry.message = f"new headings, kept in the original record: {some(unknown)}"
                work.progress("ingest", f"{spec.table} {drop.period}", entry.records_in)
            except UserError as error:
                entry.state, entry.message = "rejected", str(error)
        work.report.files.append(entry)
    return taken


def _checked(drop: Drop, spec: Feed, inbox: Inbox) -> Records:
    scratch = inbox.folder / "scratch" / drop.delivery_id
    scratch.mkdir(parents=True)
    try:
        check_file(drop.path, drop.path.name)
        before = _identity(drop.path)
        if checksum_of(drop.path) != drop.checksum:
            raise RejectedError(
                f"{drop.path.name}: its checksum is not that of its manifest; send both again"
            )
        records = read_records(drop.path, spec, scratch)
        if _identity(drop.path) != before:
            raise RejectedError(f"{drop.path.name}: changed while it was read; the next run tries it again")
    except OSError as error:
        raise RejectedError(f"{drop.path.name}: not readable: {error.strerror}") from None
    if drop.records is not None and drop.records != records.count:
        raise RejectedError(
            f"{drop.path.name}: {records.count} records, its manifest says {drop.records}; send it again"
        )
    return records


def _identity(path: Path) -> tuple[int, ...]:
    """Inode, size and times of a file: they change when the file is written to or replaced."""
    status = path.lstat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
