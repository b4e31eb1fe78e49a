"""An ingestion run, whatever the ingestion path: it commits raw tables, then the quarantine, then the register.

Each table gets one commit a run, however many files arrive. The commit to raw.delivery comes last and alone puts
deliveries in force. What a killed run left in the other tables is not current, and the next run removes it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.load import Inbox, Loaded, load
from ingest.readers.records import Records
from ingest.register.corrections import Correction, corrections, mapping_hash, upto
from ingest.register.deliveries import QUARANTINE, Drop
from ingest.register.entries import Entry, deliveries, following, register
from ingest.register.standing import Decision, judged, way_back
from ingest.ways import journal
from schemas.contract import Contract, Feed, contract, feed, feeds
from schemas.errors import RejectedError
from schemas.register import HELD
from warehouse import tables
from warehouse.progress import Progress
from warehouse.settings import settings
from warehouse.tables import DataFile


@dataclass
class FileReport:
    """The outcome of one file. Records in = raw + quarantined, always."""

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
    """The outcome of all files of a run."""

    files: list[FileReport] = field(default_factory=list)
    #: Feeds without a table in the database, if a pull covers all feeds.
    absent: list[str] = field(default_factory=list)

    @property
    def taken(self) -> list[FileReport]:
        return [f for f in self.files if f.state == "taken"]

    @property
    def rejected(self) -> list[FileReport]:
        return [f for f in self.files if f.state == "rejected"]

    @property
    def held(self) -> list[FileReport]:
        """Files that were ingested and are not in force because too many records were refused."""
        return [f for f in self.files if f.state == "held"]


@dataclass(frozen=True)
class Work:
    """State of a run: register and corrections at its start, and the folder for uncommitted files."""

    known: list[dict[str, Any]]
    #: Delivery → its corrections.
    made: Mapping[str, Sequence[Correction]]
    inbox: Inbox
    report: IngestReport
    progress: Progress
    #: A person stated that the new deliveries replace those whose periods overlap with theirs.
    replaces: bool = False
    #: Who accepts new deliveries although too many of their records are refused.
    accepted_by: str | None = None


@dataclass(frozen=True)
class Taken:
    """A delivery with its uncommitted files."""

    spec: Feed
    drop: Drop
    headings: list[str]
    mapping_hash: str
    loaded: Loaded
    #: Number of the last correction that was applied.
    corrected_upto: int | None = None
    #: Its standing; a delivery with too many refused records is held.
    decision: Decision | None = None


def take_in(
    specs: Iterable[Feed],
    bring: Callable[[Feed, Work], list[Taken]],
    progress: Progress,
    then: Callable[[], None] = lambda: None,
    **said: Any,
) -> IngestReport:
    """Ingest what ``bring`` returns for each feed, in one commit for each table; the register's is last.

    Args:
        then: called when everything is registered, before another run may ingest.
        said: what a person stated about all new deliveries (fields of ``Work``).
    """
    with tables.writing("ingest"):
        journal.recover(progress)
        by_table: dict[str, list[Taken]] = {}
        with Inbox(settings().engine_folder / "inbox") as inbox:
            work = Work(deliveries(), corrections(), inbox, IngestReport(), progress, **said)
            for spec in specs:
                if taken := bring(spec, work):
                    by_table[spec.name] = taken
            _commit(by_table, progress)
        then()
        return work.report


def chosen(names: Sequence[str] | None, drops: list[Drop] | None) -> list[Feed]:
    """The feeds to ingest: those of the given drops, the named ones, or all."""
    if drops is not None:
        return [feeds()[name] for name in dict.fromkeys(d.feed for d in drops)]
    return [feed(n) for n in names] if names else list(feeds().values())


def load_drop(
    spec: Feed, drop: Drop, records: Records, inbox: Inbox, made: Sequence[Correction] = ()
) -> Taken:
    """Map a delivery's records into the inbox.

    Raises:
        RejectedError: the number of mapped records is not that of the records read.
    """
    stamp = mapping_hash(spec, made)
    loaded = load(spec, drop, records, inbox, stamp)
    if loaded.records != records.count:
        raise RejectedError(
            f"{drop.path.name}: {records.count} records read, {loaded.records} mapped; nothing was ingested, "
            "run it again"
        )
    shutil.rmtree(inbox.folder / "scratch" / drop.delivery_id, ignore_errors=True)
    return taken_of(spec, drop, records.headings, loaded, made)


def taken_of(
    spec: Feed, drop: Drop, headings: list[str], loaded: Loaded, made: Sequence[Correction]
) -> Taken:
    """An uncommitted delivery with its standing."""
    decision = drop.decision if drop.has_counted else judged(spec, loaded, drop.accepted_by)
    return Taken(spec, drop, headings, mapping_hash(spec, made), loaded, upto(made), decision)


def entry_of(drop: Drop, taken: Taken) -> FileReport:
    """The report's entry of a delivery that was ingested or is held."""
    raw, refused = taken.loaded.records_raw.total(), taken.loaded.records_quarantined.total()
    entry = FileReport(drop.feed, drop.path.name, drop.period, "taken", raw + refused, raw, refused)
    if taken.decision and taken.decision.standing_code == HELD:
        entry.state = "held"
        entry.message = (
            f"held, earlier deliveries stay in force: {taken.decision.decision_reason}; see ./brain quarantine show "
            f"{drop.feed}; {way_back(drop.delivery_id)}"
        )
    return entry


def rows_of(taken: Taken, known: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that the register will have for a delivery, numbered after the known ones."""
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


def _commit(by_table: dict[str, list[Taken]], progress: Progress) -> None:
    """Commit to the feeds' tables, the quarantine, and last the register, which puts the deliveries in force."""
    everything = [t for taken in by_table.values() for t in taken]
    if not everything:
        return
    for name in by_table:  # an incompatible change of a contract is refused before anything is written
        if tables.exists(name):
            tables.columns_to_add(contract(name))
    refused = [file for t in everything for file in t.loaded.refused]
    marks = sorted({(t.drop.delivery_id, t.mapping_hash) for t in everything})
    journal.begin([*by_table, QUARANTINE] if refused else list(by_table), marks)
    for name, taken in by_table.items():
        if accepted := [file for t in taken for file in t.loaded.accepted]:
            progress("ingest", name, sum(file.rows for file in accepted))
            _add(accepted, contract(name), len(taken))
    if refused:
        progress("ingest", QUARANTINE, sum(file.rows for file in refused))
        _add(refused, contract(QUARANTINE), len(everything))
    register([_registered(t) for t in everything])
    journal.end()


def _add(files: Sequence[DataFile], spec: Contract, count: int) -> None:
    tables.create_if_absent(spec)
    tables.add_files(files, spec, {"deliveries": count})
