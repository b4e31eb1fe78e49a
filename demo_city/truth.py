"""What is true of the demo city (真值): files beside the landing folder, for tests alone; no job reads them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from csv import reader, writer
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv

from demo_city.delivery import replace
from demo_city.faults.frequent.spoil import COLUMNS
from demo_city.marker import dump
from demo_city.senders import consent, discharge_permit, true_events, true_land, true_positions
from demo_city.senders.schedule import Delivery
from demo_city.sending import Fault, File, Planted
from demo_city.world.city import City

TRUTH, IDENTITIES = "planted_faults.json", "identities.json"
#: The faults that are as frequent as in real feeds, one line for each.
FREQUENT = "frequent_faults.csv"
#: The true chain positions of firms and the planted gaps.
POSITIONS, GAPS = "chain_positions.csv", "chain_gaps.json"
#: Firms without consent to the per-mu evaluation, as the senders know it.
CONSENTS = "consents.json"
#: The permit holders that withhold their emission report.
WITHHELD = "withheld_reports.csv"
#: Parcels that were granted, sold, rebuilt or finished, and changes of their tenants, by year.
LAND_CHANGES = "land_changes.csv"
#: Firms that moved, rose above scale or fell below it.
EVENTS = "firm_events.csv"
FILES = (TRUTH, FREQUENT, IDENTITIES, POSITIONS, GAPS, CONSENTS, WITHHELD, LAND_CHANGES, EVENTS)

#: Deliveries with those of their files that are sent.
Sent = Sequence[tuple[Delivery, list[File]]]


def is_complete(truth: Path) -> bool:
    """Whether the folder has every truth file."""
    return all((truth / name).exists() for name in FILES)


def write_state(city: City, years: tuple[int, ...], truth: Path) -> None:
    """Write what is true of the complete ``years``."""
    replace(truth / POSITIONS, _csv(true_positions.positions(city, years)))
    replace(truth / GAPS, dump(true_positions.gaps(city)))
    replace(truth / CONSENTS, dump(consent.true_states(city, years)))
    replace(truth / LAND_CHANGES, _csv(true_land.changes(city, years)))
    replace(truth / WITHHELD, _csv(discharge_permit.withheld_reports(city, years)))
    replace(truth / EVENTS, _csv(true_events.firm_events(city, years)))


def write_planted(truth: Path, sent: Sent, planted: Mapping[int, Planted], *, is_continued: bool) -> None:
    """Write the planted and the frequent faults in the order of delivery.

    Args:
        planted: what the files written now have, by number of the delivery.
        is_continued: keep the faults of files that were there before.
    """
    place = {delivery[:3]: number for number, (delivery, _) in enumerate(sent)}
    new = [some for _, some in sorted(planted.items())]
    _write_faults(truth, place, [fault for some in new for fault in some.faults], is_continued)
    _write_slips(truth, place, [row for some in new for row in some.slips], is_continued)


def _write_faults(
    truth: Path, place: Mapping[tuple[str, str, str], int], new: list[Fault], is_continued: bool
) -> None:
    known: list[Fault] = json.loads((truth / TRUTH).read_text(encoding="utf-8")) if is_continued else []
    faults = sorted([*known, *new], key=lambda fault: place[fault["feed"], fault["period"], fault["part"]])
    order = ("id", "kind", "feed", "period", "part", "file", "key", "cells", "outcome")
    numbered = [{**fault, "id": f"F{number:03d}"} for number, fault in enumerate(faults, start=1)]
    replace(truth / TRUTH, dump([{name: fault[name] for name in order} for fault in numbered]))


def _write_slips(
    truth: Path, place: Mapping[tuple[str, str, str], int], new: list[tuple[str, ...]], is_continued: bool
) -> None:
    lines = (truth / FREQUENT).read_text(encoding="utf-8").splitlines() if is_continued else []
    known = [tuple(row) for row in reader(lines)][1:]
    rows = sorted([*known, *new], key=lambda row: place[row[0], row[1], row[2]])
    text = io.StringIO(newline="")
    writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    replace(truth / FREQUENT, text.getvalue().encode("utf-8"))


def write_identities(truth: Path, cases: list[dict[str, Any]], files: Sequence[str]) -> None:
    """Write the changes of identity that the registry has reported in the ``files`` sent by now."""
    reported = [name for name in files if name.startswith("gov_identity_change/")]
    told = [case for case in cases if any(case["told"] in name for name in reported)]
    replace(truth / IDENTITIES, dump(told))


def _csv(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    # pyarrow writes an empty chunk as bytes that it never set
    csv.write_csv(table.combine_chunks(), sink, csv.WriteOptions(include_header=False, quoting_style="none"))
    return ",".join(table.column_names).encode() + b"\n" + bytes(sink.getvalue())
