"""Ingest: complete drops of the landing folder → raw tables, quarantine, and the register of deliveries.

Each table gets one commit a run, however many files arrive. The commit to raw.delivery comes last and alone
makes a delivery count: what a killed run left in the other tables is invisible, and the next run removes it.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ingest.load import Inbox, Loaded, load
from ingest.readers.files import check_file, read_records
from ingest.readers.headings import some, unknown_headings
from ingest.readers.kept import kept
from ingest.readers.records import Records
from ingest.register.corrections import Correction, corrected, corrections, mapping_hash, upto
from ingest.register.deliveries import DELIVERY, QUARANTINE, Drop, checksum_of, find_drops
from ingest.register.standing import Decision, decision_of, judged, way_back, why_out
from schemas.contract import Contract, contract, feed, feeds
from schemas.errors import RejectedError, UserError
from schemas.periods import check_asked, check_sent, is_within, named, overlap, overlapping, remedy
from schemas.register import HELD, in_force, latest_mapping, stands, table_version
from warehouse import tables
from warehouse.settings import settings
from warehouse.state import remove, write_whole
from warehouse.tables import DataFile

Progress = Callable[[str, str, int], None]


def silent(stage: str, what: str, rows: int) -> None:
    """Progress nobody looks at."""


@dataclass
class FileReport:
    """What became of one file. Records in = raw + quarantined, always."""

    feed: str
    file: str
    period: str
    state: str  # taken | held | repeated | rejected
    records_in: int = 0
    records_raw: int = 0
    records_quarantined: int = 0
    message: str = ""


@dataclass
class IngestReport:
    files: list[FileReport] = field(default_factory=list)
    #: Feeds that have no table in the database that was asked for all of them.
    absent: list[str] = field(default_factory=list)

    @property
    def taken(self) -> list[FileReport]:
        return [f for f in self.files if f.state == "taken"]

    @property
    def rejected(self) -> list[FileReport]:
        return [f for f in self.files if f.state == "rejected"]

    @property
    def held(self) -> list[FileReport]:
        """What was taken in and does not count, since too many records were refused."""
        return [f for f in self.files if f.state == "held"]


@dataclass(frozen=True)
class Work:
    """What a run has in hand: register and corrections as they were found, a folder for what waits for its commits."""

    known: list[dict[str, Any]]
    made: Mapping[str, Sequence[Correction]]
    inbox: Inbox
    report: IngestReport
    progress: Progress
    #: A person said that what comes takes the place of deliveries whose periods overlap with its own.
    replaces: bool = False
    #: Who accepts what comes although too many of its records are refused.
    accepted_by: str | None = None


@dataclass(frozen=True)
class Taken:
    """A delivery's files, waiting for their commits."""

    spec: Contract
    drop: Drop
    headings: list[str]
    mapping_hash: str
    loaded: Loaded
    #: Number of the last correction that was applied.
    corrected_upto: int | None = None
    #: How it stands: one with too many refused records is held.
    decision: Decision | None = None


def deliveries() -> list[dict[str, Any]]:
    """Rows of raw.delivery."""
    rows: list[dict[str, Any]] = tables.rows(DELIVERY).to_pylist()
    return rows


def ingest(
    names: Sequence[str] | None = None,
    drops: Iterable[Drop] | None = None,
    progress: Progress = silent,
    *,
    period: str | None = None,
    replaces: bool = False,
    accepted_by: str | None = None,
) -> IngestReport:
    """Take in everything new: of the named feeds, or the given drops; of one period only where that is named.

    A file that cannot be taken is reported and left where it is; the others go on. What lies in another version of
    a feed's table than the one in force is mapped into that one first.

    Args:
        replaces: what comes takes the place of deliveries whose periods overlap with its own.
        accepted_by: who accepts files although too many of their records are refused; otherwise they are held.

    Raises:
        UsageError: the named period is none.
    """
    check_asked(period)
    given = list(drops) if drops is not None else None

    def bring(spec: Contract, work: Work) -> list[Taken]:
        found = _found(spec, work.report) if given is None else [d for d in given if d.feed == spec.table]
        found = [d for d in found if is_within(d.period, period)]
        return map_moved(spec, work, period) + _read_new(spec, found, work, is_named=given is not None)

    return take_in(_chosen(names, given), bring, progress, replaces=replaces, accepted_by=accepted_by)


def take_in(
    specs: Iterable[Contract],
    bring: Callable[[Contract, Work], list[Taken]],
    progress: Progress,
    then: Callable[[], None] = lambda: None,
    **said: Any,
) -> IngestReport:
    """Take in what ``bring`` finds of each feed, in one commit for each table, the register's last.

    Args:
        then: done when everything counts, before anybody else may take in.
        said: what a person said of all that comes (``Work``).
    """
    with tables.writing("ingest"):
        _recover(progress)
        found: dict[str, list[Taken]] = {}
        with Inbox(settings().engine_folder / "inbox") as inbox:
            work = Work(deliveries(), corrections(), inbox, IngestReport(), progress, **said)
            for spec in specs:
                if taken := bring(spec, work):
                    found[spec.name] = taken
            _commit(found, progress)
        then()
        return work.report


def remap(name: str, progress: Progress = silent) -> IngestReport:
    """Apply today's mapping and corrections to the kept original records of a feed's deliveries that others made."""
    return replay([name], progress)


def replay(
    names: Sequence[str] | None = None, progress: Progress = silent, *, period: str | None = None
) -> IngestReport:
    """The same for several feeds, or all; what neither a mapping nor a correction has changed is left alone.

    With a period only deliveries that have records of it; they are mapped anew as a whole.

    Raises:
        UsageError: the period is none.
    """
    check_asked(period)

    def bring(spec: Contract, work: Work) -> list[Taken]:
        return _map_anew(spec, work, period=period)

    return take_in(_chosen(names, None), bring, progress)


def map_moved(spec: Contract, work: Work, period: str | None = None) -> list[Taken]:
    """What lies in another version of a feed's table than the one in force, mapped into that one."""
    return _map_anew(spec, work, period=period, only_moved=True)


def _map_anew(
    spec: Contract, work: Work, *, period: str | None = None, only_moved: bool = False
) -> list[Taken]:
    """A feed's deliveries whose mapping, corrections or table version (or only this) are not today's.

    Those that are held as well: mapped anew they may be within their band.
    """
    wanted = {
        row["delivery_id"]
        for with_held in (False, True)
        for row in in_force(work.known, spec, with_held=with_held)
    }
    known = list(work.known)
    taken: list[Taken] = []
    for delivery_id, rows in latest_mapping(work.known, spec).items():
        made = work.made.get(delivery_id, [])
        is_moved = table_version(rows[0]) != spec.version
        is_wanted = is_moved or (not only_moved and rows[0]["mapping_hash"] != mapping_hash(spec, made))
        is_of_period = any(is_within(row["period"], period) for row in rows)
        if not (delivery_id in wanted and is_wanted and is_of_period):
            continue
        drop = _drop_of(rows)
        work.progress("ingest", f"map {spec.table} {drop.period} anew", drop.records or 0)
        try:
            if not stands(rows[0]):  # others may have come in its place
                drop = placed(drop, spec, known)
        except RejectedError as error:
            work.report.files.append(
                FileReport(drop.feed, drop.path.name, drop.period, "rejected", message=str(error))
            )
            continue
        taken.append(load_again(spec, drop, rows[0], work))
        known += rows_of(taken[-1], known)
        work.report.files.append(entry_of(drop, taken[-1]))
    return taken


def load_again(spec: Contract, drop: Drop, row: dict[str, Any], work: Work) -> Taken:
    """A delivery mapped anew; rows that the same mapping made once are there still and only count again.

    Args:
        row: of the register, as the delivery was mapped last.

    Raises:
        RejectedError: the tables do not hold as many of its records as the register says.
    """
    made = work.made.get(drop.delivery_id, [])
    # what counts is not held when it is mapped anew: nothing, or something older, would count in its place
    drop = replace(drop, decision=decision_of(row), has_counted=stands(row))
    stamp = mapping_hash(spec, made)
    same = [d for d in work.known if (d["delivery_id"], d["mapping_hash"]) == (drop.delivery_id, stamp)]
    if same:
        last = [d for d in same if d["sequence"] == max(d["sequence"] for d in same)]
        return _taken(spec, drop, row["headings"], _as_registered(last), made)
    records = kept_records(spec, row)
    if records.count != drop.records:
        raise RejectedError(
            f"{drop.path.name}: {drop.records} records registered, {records.count} found; nothing was mapped anew"
        )
    return load_drop(spec, drop, corrected(records, made, spec), work.inbox, made)


def _as_registered(rows: Iterable[dict[str, Any]]) -> Loaded:
    raw = Counter({d["period"]: d["records_raw"] for d in rows})
    return Loaded([], [], raw, Counter({d["period"]: d["records_quarantined"] for d in rows}))


def kept_records(spec: Contract, delivery: dict[str, Any]) -> Records:
    """The original records of a delivery as they were sent, put together from raw and quarantine.

    Whatever version of the feed's table they lie in: only that one has rows of the delivery's mapping.
    """
    which = [("delivery_id", "=", delivery["delivery_id"]), ("mapping_hash", "=", delivery["mapping_hash"])]
    columns = ["source_file", "source_row", "source_record"]
    by_file: dict[str, list[tuple[int, list[str]]]] = defaultdict(list)
    for folder in (*tables.all_versions(spec.name), *tables.all_versions(QUARANTINE)):
        found = tables.open_folder(folder).to_pyarrow_table(columns=columns, filters=which)
        for file, number, cells in zip(*(found[c].to_pylist() for c in columns), strict=True):
            by_file[file].append((number, cells))
    for records in by_file.values():
        records.sort(key=lambda r: r[0])
    return kept(by_file, delivery["headings"], spec)


# --- reading -----------------------------------------------------------------------------------------


def _chosen(names: Sequence[str] | None, drops: list[Drop] | None) -> list[Contract]:
    if drops is not None:
        return [feeds()[name] for name in dict.fromkeys(d.feed for d in drops)]
    return [contract(feed(n).name) for n in names] if names else list(feeds().values())


def _found(spec: Contract, report: IngestReport) -> list[Drop]:
    """Complete drops of a feed; a broken manifest is reported and does not hold up the others."""
    folder = settings().landing / spec.table
    refused: list[RejectedError] = []
    drops = find_drops(folder, refused)
    report.files += [FileReport(spec.table, folder.name, "", "rejected", message=str(e)) for e in refused]
    return drops


def _read_new(spec: Contract, drops: Iterable[Drop], work: Work, *, is_named: bool = False) -> list[Taken]:
    """What was not taken in yet.

    Args:
        is_named: a person named the files: one that came and was taken back is refused, and not passed over.
    """
    seen = {delivery: rows[0] for delivery, rows in latest_mapping(work.known, spec).items()}
    known = list(work.known)
    taken: list[Taken] = []
    for drop in drops:
        entry = FileReport(drop.feed, drop.path.name, drop.period, "taken")
        if first := seen.get(drop.delivery_id):
            if first["source_file"] == drop.path.name and (stands(first) or not is_named):
                continue  # the drop itself, taken in by an earlier run
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
                assert spec.source is not None
                if entry.state == "taken" and (unknown := unknown_headings(spec.source, taken[-1].headings)):
                    entry.message = f"new headings, kept in the original record: {some(unknown)}"
                work.progress("ingest", f"{spec.table} {drop.period}", entry.records_in)
            except UserError as error:
                entry.state, entry.message = "rejected", str(error)
        work.report.files.append(entry)
    return taken


def placed(drop: Drop, spec: Contract, known: Sequence[dict[str, Any]], *, said: bool = False) -> Drop:
    """The drop, marked as a replacement where it is said to be one and its period overlaps with one that counts.

    A later delivery of a replacement's own period and part is one as well.

    Args:
        known: the register, with what this run has taken in so far.
        said: a person said that it replaces, whatever its manifest says.

    Raises:
        RejectedError: it would be added to a delivery whose period lies within its own, or the other way round.
    """
    plain = replace(drop, replaces=False)
    rows = [d for d in known if d["feed"] == spec.table]
    if not any(overlap(d["period"], drop.period) for d in rows) or not (there := _beside(plain, spec, rows)):
        return plain
    what = f"{drop.path.name}: its period {drop.period} overlaps with {there['period']} ({named(there)}), which counts"
    if spec.delivery != "snapshot":
        raise RejectedError(f"{what}; of {spec.delivery}s none replaces another: {remedy(there)}")
    takes_over = any(
        d.get("is_replacement") and (d["period"], d["part"] or "") == (drop.period, drop.part)
        for d in in_force(rows, spec)
    )
    if not (said or drop.replaces or takes_over):
        raise RejectedError(
            f"{what}; say so where it replaces that: replaces: true in the manifest, or ingest --replaces; else "
            f"{remedy(there)}"
        )
    replacing = replace(drop, replaces=True)
    if left := _beside(replacing, spec, rows):
        raise RejectedError(
            f"{what}; it does not replace what was sent later or has all parts: {remedy(left)}"
        )
    return replacing


def _beside(drop: Drop, spec: Contract, known: Sequence[dict[str, Any]]) -> Mapping[str, Any] | None:
    """A delivery that would count beside the drop although their periods overlap."""
    entry = {
        "feed": spec.table,
        "delivery_id": drop.delivery_id,
        "period": drop.period,
        "part": drop.part,
        "known_at": drop.known_at,
        "sequence": following(known),
        "records_in": 1,
        "is_replacement": drop.replaces,
    }
    for pair in overlapping(in_force([*known, entry], spec)):
        if entry in pair:
            return pair[0] if pair[1] is entry else pair[1]
    return None


def following(known: Iterable[dict[str, Any]]) -> int:
    """The register's next number."""
    return max((d["sequence"] for d in known), default=0) + 1


def _checked(drop: Drop, spec: Contract, inbox: Inbox) -> Records:
    scratch = inbox.folder / "scratch" / drop.delivery_id
    scratch.mkdir(parents=True)
    try:
        check_file(drop.path, drop.path.name)
        before = _identity(drop.path)
        if checksum_of(drop.path) != drop.checksum:
            raise RejectedError(f"{drop.path.name}: not the file its manifest names; send both again")
        records = read_records(drop.path, spec, scratch)
        if _identity(drop.path) != before:
            raise RejectedError(f"{drop.path.name}: changed while it was read; it is tried again next time")
    except OSError as error:
        raise RejectedError(f"{drop.path.name}: not readable: {error.strerror}") from None
    if drop.records is not None and drop.records != records.count:
        raise RejectedError(
            f"{drop.path.name}: {records.count} records, its manifest says {drop.records}; send it again"
        )
    return records


def _identity(path: Path) -> tuple[int, ...]:
    """What changes when a file is written to or another takes its place."""
    status = path.lstat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def load_drop(
    spec: Contract, drop: Drop, records: Records, inbox: Inbox, made: Sequence[Correction] = ()
) -> Taken:
    """Map a delivery's records into the inbox.

    Raises:
        RejectedError: the files do not hold as many records as were read.
    """
    stamp = mapping_hash(spec, made)
    loaded = load(spec, drop, records, inbox, stamp)
    if loaded.records != records.count:
        raise RejectedError(
            f"{drop.path.name}: {records.count} records read, {loaded.records} kept; nothing was taken in, run it again"
        )
    shutil.rmtree(inbox.folder / "scratch" / drop.delivery_id, ignore_errors=True)
    return _taken(spec, drop, records.headings, loaded, made)


def _taken(
    spec: Contract, drop: Drop, headings: list[str], loaded: Loaded, made: Sequence[Correction]
) -> Taken:
    decision = drop.decision if drop.has_counted else judged(spec, loaded, drop.accepted_by)
    return Taken(spec, drop, headings, mapping_hash(spec, made), loaded, upto(made), decision)


def entry_of(drop: Drop, taken: Taken) -> FileReport:
    raw, refused = taken.loaded.records_raw.total(), taken.loaded.records_quarantined.total()
    entry = FileReport(drop.feed, drop.path.name, drop.period, "taken", raw + refused, raw, refused)
    if taken.decision and taken.decision.standing_code == HELD:
        entry.state = "held"
        entry.message = (
            f"held, what counted before it counts on: {taken.decision.decision_reason}; ./brain quarantine show "
            f"{drop.feed} says why, {way_back(drop.delivery_id)}"
        )
    return entry


# --- writing -----------------------------------------------------------------------------------------


def _commit(work: dict[str, list[Taken]], progress: Progress) -> None:
    """The feeds' tables, the quarantine, and last the register that makes the deliveries count."""
    everything = [t for taken in work.values() for t in taken]
    if not everything:
        return
    for name in work:  # a contract that its table cannot follow is refused before anything is written
        if tables.exists(name):
            tables.columns_to_add(contract(name))
    refused = [file for t in everything for file in t.loaded.refused]
    marks = sorted({(t.drop.delivery_id, t.mapping_hash) for t in everything})
    _begin_journal([*work, QUARANTINE] if refused else list(work), marks)
    for name, taken in work.items():
        if accepted := [file for t in taken for file in t.loaded.accepted]:
            progress("ingest", name, sum(file.rows for file in accepted))
            _add(accepted, contract(name), len(taken))
    if refused:
        progress("ingest", QUARANTINE, sum(file.rows for file in refused))
        _add(refused, contract(QUARANTINE), len(everything))
    register([_registered(t) for t in everything])
    remove(_journal())


def _add(files: Sequence[DataFile], spec: Contract, count: int) -> None:
    tables.create_if_absent(spec)
    tables.add_files(files, spec, {"deliveries": count})


@dataclass(frozen=True)
class Entry:
    """A delivery as the register has it: a row for each period of its records."""

    feed: str
    delivery_id: str
    part: str
    source_file: str
    checksum: str
    headings: list[str]
    mapping_hash: str
    known_at: datetime
    records_raw: Counter[str]
    records_quarantined: Counter[str]
    table_version: int
    corrected_upto: int | None = None
    is_replacement: bool = False
    decision: Decision | None = None

    def rows(self, sequence: int) -> list[dict[str, Any]]:
        apart = ("records_raw", "records_quarantined", "decision")
        shared = {k: v for k, v in vars(self).items() if k not in apart}
        shared |= vars(self.decision) if self.decision else {}
        counts = {
            period: (self.records_raw[period], self.records_quarantined[period])
            for period in sorted({*self.records_raw, *self.records_quarantined})
        }
        return [
            {
                **shared,
                "period": period,
                "sequence": sequence,
                "records_in": raw + refused,
                "records_raw": raw,
                "records_quarantined": refused,
            }
            for period, (raw, refused) in counts.items()
        ]


def register(entries: Sequence[Entry]) -> None:
    """Enter deliveries in their order; from now on they count."""
    with tables.writing("register"):
        numbered = enumerate(entries, start=following(deliveries()))
        rows = [row for number, entry in numbered for row in entry.rows(number)]
        tables.add_rows(rows, contract(DELIVERY), {"deliveries": len(entries)})


def rows_of(taken: Taken, known: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that a delivery will have in the register, after those that are known."""
    return _registered(taken).rows(following(known))


def _registered(taken: Taken) -> Entry:
    return Entry(
        feed=taken.drop.feed,
        delivery_id=taken.drop.delivery_id,
        part=taken.drop.part,
        source_file=taken.drop.path.name,
        checksum=taken.drop.checksum,
        headings=taken.headings,
        mapping_hash=taken.mapping_hash,
        known_at=taken.drop.known_at,
        records_raw=taken.loaded.records_raw,
        records_quarantined=taken.loaded.records_quarantined,
        table_version=taken.spec.version,
        corrected_upto=taken.corrected_upto,
        is_replacement=taken.drop.replaces,
        decision=taken.decision,
    )


# --- recovery ------------------------------------------------------------------------------------------


def _journal() -> Path:
    return settings().home / "ingest-journal.json"


def _begin_journal(names: Sequence[str], marks: Sequence[tuple[str, str]]) -> None:
    """Say which tables get rows of which deliveries and mappings, before the first of them has any."""
    write_whole(_journal(), json.dumps({"tables": list(names), "deliveries": marks}))


def _recover(progress: Progress) -> None:
    """Remove rows of deliveries that a killed run wrote without registering them."""
    if not _journal().exists():
        return
    try:
        begun = json.loads(_journal().read_text(encoding="utf-8"))
        names, marks = list(begun["tables"]), [(str(d), str(m)) for d, m in begun["deliveries"]]
    except (ValueError, KeyError, TypeError):
        raise RejectedError(
            f"{_journal()} is not readable: it says what an interrupted run had begun to take in; put it back from a "
            "copy of the home, or see docs/operations.md on what the disk has lost"
        ) from None
    # nobody was told that these commits count: the journal goes when the register is on disk
    for name in (*names, DELIVERY):
        tables.drop_unconfirmed(tables.table_path(name))
    registered = {(d["delivery_id"], d["mapping_hash"]) for d in deliveries()}
    orphans = sorted(set(marks) - registered)
    for name in names if orphans else ():
        if tables.exists(name):
            progress("ingest", f"removing what an interrupted run left in {name}", len(orphans))
            clauses = (f"(delivery_id = '{d}' AND mapping_hash = '{m}')" for d, m in orphans)
            tables.delete(contract(name), " OR ".join(clauses))
    remove(_journal())


def _drop_of(rows: Sequence[dict[str, Any]]) -> Drop:
    """The drop of a registered delivery, from its rows."""
    first = rows[0]
    return Drop(
        path=Path(first["source_file"]),
        feed=first["feed"],
        period=first["period"],
        part=first["part"] or "",
        checksum=first["checksum"],
        records=sum(r["records_in"] for r in rows),
        known_at=first["known_at"],
        replaces=bool(first.get("is_replacement")),
        registered_id=first["delivery_id"],
    )
