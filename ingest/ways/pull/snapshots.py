"""Snapshots: each period and part of a table is a delivery, which supersedes the one before.

A row absent from the later delivery is withdrawn. So is a period absent from the table, if the contract says
``withdraws``.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingest.load import Loaded
from ingest.register.corrections import mapping_hash, upto
from ingest.register.deliveries import Drop
from ingest.register.placing import placed
from ingest.register.standing import why_out
from ingest.ways import postgres
from ingest.ways.pull.delivery import check_overlap, delivery, reported
from ingest.ways.pull.held import hold
from ingest.ways.pull.reading import Part, Reading
from ingest.ways.pull.watermarks import Mark
from ingest.ways.remap import load_again
from ingest.ways.run import Taken, load_drop, rows_of
from schemas.errors import RejectedError
from schemas.register import in_force, latest_mapping, stands
from warehouse.duck import literal

#: A row of the register.
Row = dict[str, Any]


def snapshots(reading: Reading) -> list[Taken]:
    """Deliveries of the changed periods, and empty deliveries of the removed periods.

    Raises:
        RejectedError: the table is empty, or has a year and its months.
    """
    plan, known = reading.plan, reading.work.known
    counting = in_force(known, reading.spec)
    last = reading.last()
    if last is None:
        reading.read_rows(plan.of_period)
        parts = reading.parts("pulled")
        if not parts:
            raise _empty(reading)
        removed = _removed(reading, counting, set(parts))
    else:
        parts, removed = _changed(reading, last, counting)
        if parts:
            listed = ", ".join(f"({literal(p)}, {literal(q)})" for p, q in parts)
            reading.read_rows([f"({plan.period_sql}, coalesce({plan.part_sql}, '')) IN ({listed})"])
            parts = reading.parts("pulled")
    check_overlap(reading, parts)
    withdrawn = [t for part in removed if (t := _withdrawn(reading, part))]
    register = [*known, *(row for t in withdrawn for row in rows_of(t, known))]
    taken = [_snapshot(reading, part, counting, register) for part in parts]
    return withdrawn + [t for t in taken if t]


def _empty(reading: Reading) -> RejectedError:
    """The error for an empty table, which is a fault and not the withdrawal of everything."""
    of_period = f" of {reading.asked.period}" if reading.asked.period else ""
    return RejectedError(
        f"{reading.plan.where}: no row{of_period} in the table; ask {reading.plan.source.sender}"
    )


# --- which periods -----------------------------------------------------------------------------------


def _ours(reading: Reading, counting: Iterable[Row]) -> list[Row]:
    """Deliveries that came from this table, the only ones that it can withdraw."""
    return [d for d in counting if d["source_file"] == reading.plan.where]


def _parts_of(registered: Iterable[Row]) -> set[Part]:
    return {(d["period"], d["part"] or "") for d in registered}


def _removed(reading: Reading, counting: Iterable[Row], present: set[Part]) -> list[Part]:
    """Periods and parts that the table no longer has, if the contract lets it withdraw them."""
    if not reading.plan.database.withdraws:
        return []
    held = _parts_of(d for d in _ours(reading, counting) if d["records_in"])
    return sorted(p for p in held - present if reading.asked.period in (None, p[0]))


def _changed(reading: Reading, last: Mark, counting: list[Row]) -> tuple[list[Part], list[Part]]:
    """Periods and parts to read again, by watermark and by keys, and the removed ones."""
    plan = reading.plan
    assert plan.watermark is not None
    reading.read("touched", [f"{postgres.watermark(plan.watermark)} AS watermark"], [reading.since(last)])
    reading.remember("touched")
    changed = set(reading.parts("touched"))
    if not plan.database.withdraws:
        return sorted(changed), []
    reading.read("keys_there", [f"{plan.cells[i]} AS c{i}" for i in plan.key_places], [])
    present = set(reading.parts("keys_there"))
    if not present:
        raise _empty(reading)
    ours = _ours(reading, counting)
    hold(reading, ours)
    others = _parts_of(counting) - _parts_of(ours)
    listed = ", ".join(["period", "part", *(f"coalesce(c{i}, '')" for i in plan.key_places)])
    differing = reading.sql(
        f"""SELECT DISTINCT period, part FROM (
            (SELECT {listed} FROM keys_there EXCEPT SELECT {listed} FROM held)
            UNION ALL (SELECT {listed} FROM held EXCEPT SELECT {listed} FROM keys_there))"""
    )
    changed |= {(p, q) for p, q in differing if (p, q) in present} - others
    return sorted(changed), _removed(reading, counting, present)


# --- their deliveries --------------------------------------------------------------------------------


def _snapshot(reading: Reading, part: Part, counting: list[Row], register: Sequence[Row]) -> Taken | None:
    """A period's rows as a delivery; None if the delivery in force has the same content.

    Args:
        counting: rows of the register that are in force.
        register: the register with the withdrawals of this run.
    """
    spec, work = reading.spec, reading.work
    drop, records = delivery(reading, reading.rows_of("pulled", part), part)
    if drop.delivery_id in {d["delivery_id"] for d in counting}:
        return None
    drop = placed(drop, spec, register, said=work.replaces)
    drop = replace(drop, accepted_by=work.accepted_by)
    known = latest_mapping(work.known, spec).get(drop.delivery_id)
    if known and not stands(known[0]):
        _leave_out(reading, drop, known[0])
        return None
    if known:  # the content of a superseded delivery: its rows still exist, so it is only registered again
        return reported(reading, load_again(spec, drop, known[0], work))
    return reported(reading, load_drop(spec, drop, records, work.inbox))


def _withdrawn(reading: Reading, part: Part) -> Taken | None:
    """An empty delivery that supersedes a removed period; None if it is itself withdrawn or held."""
    spec, work = reading.spec, reading.work
    period, name = part
    checksum = hashlib.sha256(b"").hexdigest()
    drop = Drop(Path(reading.plan.where), spec.table, period, name, checksum, 0, reading.asked.now)
    known = latest_mapping(work.known, spec).get(drop.delivery_id)
    if known and not stands(known[0]):
        _leave_out(reading, drop, known[0])
        return None
    made = work.made.get(drop.delivery_id, [])
    nothing = Loaded([], [], Counter({period: 0}), Counter())
    taken = Taken(spec, drop, reading.plan.headings, mapping_hash(spec, made), nothing, upto(made))
    return reported(reading, taken, "the table has no rows of this period any more; the period is withdrawn")


def _leave_out(reading: Reading, drop: Drop, row: Row) -> None:
    """Report rows of a withdrawn or held delivery; only a person can put them in force."""
    reading.tell(drop.period, f"the same rows as before, and {why_out(row)}")
