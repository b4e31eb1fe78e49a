"""Remapping: apply the current mapping and corrections to the kept original records."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingest.load import Loaded
from ingest.readers.kept import kept
from ingest.readers.records import Records
from ingest.register.corrections import corrected, mapping_hash
from ingest.register.deliveries import QUARANTINE, Drop
from ingest.register.placing import placed
from ingest.register.standing import decision_of
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
    taken_of,
)
from schemas.contract import Feed
from schemas.errors import RejectedError
from schemas.periods import check_asked, is_within
from schemas.register import in_force, latest_mapping, stands, table_version
from warehouse import tables
from warehouse.progress import Progress, silent


def remap(name: str, progress: Progress = silent) -> IngestReport:
    """Remap a feed's deliveries whose rows an older mapping or other corrections produced."""
    return replay([name], progress)


def replay(
    names: Sequence[str] | None = None, progress: Progress = silent, *, period: str | None = None
) -> IngestReport:
    """Remap the deliveries of several feeds, or of all; those with the current mapping and corrections stay.

    With a period, only deliveries that have records of it are remapped, each completely.

    Raises:
        UsageError: the period is no period.
    """
    check_asked(period)

    def bring(spec: Feed, work: Work) -> list[Taken]:
        return _remap_feed(spec, work, period=period)

    return take_in(chosen(names, None), bring, progress)


def map_moved(spec: Feed, work: Work, period: str | None = None) -> list[Taken]:
    """Remap a feed's deliveries that are in another version of its table than the current one."""
    return _remap_feed(spec, work, period=period, only_moved=True)


def _remap_feed(
    spec: Feed, work: Work, *, period: str | None = None, only_moved: bool = False
) -> list[Taken]:
    """Remap a feed's deliveries whose mapping, corrections or table version (or only the last) are not current.

    Held deliveries are remapped too, because they may then be within their band.
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
        work.progress("ingest", f"remap {spec.table} {drop.period}", drop.records or 0)
        try:
            if not stands(rows[0]):  # deliveries that came meanwhile may overlap with a held one
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


def load_again(spec: Feed, drop: Drop, row: dict[str, Any], work: Work) -> Taken:
    """A remapped delivery. Rows that the same mapping once wrote still exist; they are only registered again.

    Args:
        row: a row of the register from the delivery's last mapping.

    Raises:
        RejectedError: the tables have another number of its records than the register.
    """
    made = work.made.get(drop.delivery_id, [])
    # a remapped delivery that stands is not held: nothing, or an older delivery, would be in force instead
    drop = replace(drop, decision=decision_of(row), has_counted=stands(row))
    stamp = mapping_hash(spec, made)
    same = [d for d in work.known if (d["delivery_id"], d["mapping_hash"]) == (drop.delivery_id, stamp)]
    if same:
        last = [d for d in same if d["sequence"] == max(d["sequence"] for d in same)]
        return taken_of(spec, drop, row["headings"], _as_registered(last), made)
    records = kept_records(spec, row)
    if records.count != drop.records:
        raise RejectedError(
            f"{drop.path.name}: {drop.records} records registered, {records.count} found; nothing was remapped"
        )
    return load_drop(spec, drop, corrected(records, made, spec), work.inbox, made)


def _as_registered(rows: Iterable[dict[str, Any]]) -> Loaded:
    raw = Counter({d["period"]: d["records_raw"] for d in rows})
    return Loaded([], [], raw, Counter({d["period"]: d["records_quarantined"] for d in rows}))


def kept_records(spec: Feed, delivery: dict[str, Any]) -> Records:
    """The original records of a delivery as sent, from raw table and quarantine.

    All versions of the feed's table are read; only one has rows of the delivery's mapping.
    """
    which = [("delivery_id", "=", delivery["delivery_id"]), ("mapping_hash", "=", delivery["mapping_hash"])]
    columns = ["source_file", "source_row", "source_record"]
    by_file: dict[str, list[tuple[int, list[str]]]] = defaultdict(list)
    for folder in (*tables.all_versions(spec.name), *tables.all_versions(QUARANTINE)):
        rows = tables.open_folder(folder).to_pyarrow_table(columns=columns, filters=which)
        for file, number, cells in zip(*(rows[c].to_pylist() for c in columns), strict=True):
            by_file[file].append((number, cells))
    for records in by_file.values():
        records.sort(key=lambda r: r[0])
    return kept(by_file, delivery["headings"], spec)


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
