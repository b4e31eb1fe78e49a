"""Increments and events: rows that the platform has are left out, and the others are a delivery."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from ingest.readers.records import Records
from ingest.register.deliveries import Drop
from ingest.register.placing import placed
from ingest.register.today import HERE
from ingest.ways.pull.delivery import check_overlap, delivery, reported
from ingest.ways.pull.held import hold, leave_out_held
from ingest.ways.pull.reading import Part, Reading
from ingest.ways.run import Taken, load_drop
from schemas.register import latest_rows


def additions(reading: Reading) -> list[Taken]:
    """Deliveries of the rows that the platform does not have yet."""
    last = reading.last()
    reading.read_rows([reading.since(last)] if last else reading.plan.of_period)
    states_period = reading.plan.length is not None
    parts = [_today(reading)] if states_period else reading.parts("pulled")
    check_overlap(reading, parts)
    periods = [p for (p,) in reading.sql("SELECT DISTINCT period FROM pulled WHERE period IS NOT NULL")]
    # with withdrawn and held deliveries: their rows must not come again by themselves
    known = latest_rows(reading.work.known, reading.spec)
    if known and periods:
        hold(reading, known, periods)
        leave_out_held(reading)
    else:
        reading.sql("CREATE OR REPLACE TEMP VIEW fresh AS FROM pulled")
    taken = []
    for part in parts:
        view = "fresh" if states_period else reading.rows_of("fresh", part)
        if reading.sql(f"SELECT 1 FROM {view} LIMIT 1"):
            taken.append(_addition(reading, *delivery(reading, view, part)))
    return taken


def _addition(reading: Reading, drop: Drop, records: Records) -> Taken:
    """A delivery of new rows. The same rows again, after other rows of their keys, are another delivery."""
    work = reading.work
    known = {d["delivery_id"] for d in work.known}
    drop = replace(placed(drop, reading.spec, work.known), accepted_by=work.accepted_by)
    while drop.delivery_id in known:
        drop = replace(drop, checksum=hashlib.sha256(drop.checksum.encode()).hexdigest())
    return reported(reading, load_drop(reading.spec, drop, records, work.inbox))


def _today(reading: Reading) -> Part:
    """Period of a delivery whose records state their own periods: that of the day of the pull, in China."""
    day = reading.asked.now.astimezone(HERE).date().isoformat()
    return day[: reading.plan.length], ""
