"""Rows of a table that were ingested earlier, and the pulled rows that are new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ingest.register.deliveries import QUARANTINE
from ingest.ways.pull.plan import Plan
from ingest.ways.pull.reading import Reading
from warehouse import tables
from warehouse.duck import literal


def hold(reading: Reading, counting: Sequence[dict[str, Any]], periods: Sequence[str] | None = None) -> None:
    """Create the view ``held``: ingested records of deliveries, accepted or not, as sent, under the current headings.

    Args:
        counting: rows of the register, which name the deliveries.
        periods: only accepted rows of these periods.
    """
    spec, connection = reading.spec, reading.work.inbox.connection
    names = ("delivery_id", "mapping_hash", "period", "part", "headings")
    columns = {n: pa.array([d[n] for d in counting]) for n in names[:3]}
    columns["part"] = pa.array([d["part"] or "" for d in counting], pa.string())
    columns["headings"] = pa.array([d["headings"] for d in counting], pa.list_(pa.string()))
    connection.register("counting", pa.table(columns))
    sources: list[str] = []
    for name in (spec.name, QUARANTINE):
        for folder in tables.all_versions(name):
            rows = tables.open_folder(folder).to_pyarrow_dataset()
            if name == QUARANTINE:
                rows = rows.filter(pc.field("feed") == spec.table)
            elif periods is not None:
                rows = rows.filter(pc.field("period").isin(list(periods)))
            connection.register(view := f"held_{len(sources)}", rows)
            kept = "delivery_id, mapping_hash, period, known_at, source_row, source_record"
            sources.append(f"SELECT {kept} FROM {view}")
    cells = ", ".join(f"{_kept_cell(reading.plan, h)} AS c{i}" for i, h in enumerate(reading.plan.headings))
    reading.sql(
        f"""CREATE OR REPLACE TEMP VIEW held AS SELECT delivery_id, known_at, source_row, period, part, {cells}
        FROM ({" UNION ALL ".join(sources)}) JOIN counting USING (delivery_id, mapping_hash, period)"""
    )


def _kept_cell(plan: Plan, heading: str) -> str:
    if plan.source.format != "jsonl":
        return f"list_extract(source_record, list_position(headings, {literal(heading)}))"
    path = literal('$."' + heading.replace('"', '\\"') + '"')
    return f"CASE WHEN json_valid(source_record[1]) THEN json_extract_string(source_record[1], {path}) END"


def leave_out_held(reading: Reading) -> None:
    """Create the view ``fresh``: pulled rows that were not ingested yet.

    Events: as many copies of a line are left out as were ingested. Increments: the current row of a key is looked up
    among the pulled rows of that key; it and the rows before it are left out. So a row that returns to an earlier value
    is new.
    """
    _mark_rows(reading)
    if reading.spec.delivery == "event":
        _leave_out_copies(reading)
    else:
        _leave_out_up_to_current(reading)
    reading.sql("CREATE OR REPLACE TEMP VIEW fresh AS FROM left_over")


def _mark_rows(reading: Reading) -> None:
    """Create the views ``lately`` of pulled and ``earlier`` of ingested rows; they join by ``mark`` and ``row_key``."""
    plan = reading.plan
    if plan.source.period_from:
        cell = f"c{plan.headings.index(plan.source.period_from.heading)}"
        identity, period = "same", f"left(coalesce({cell}, ''), {plan.length})"
    else:
        identity, period = "json_array(period, part, same)::VARCHAR", "period"
    key = [period, *(f"coalesce(c{i}, '')" for i in plan.key_places)]
    same = reading.line([f"coalesce(c{i}, '')" for i in range(len(plan.cells))])
    for view, rows in (("lately", "pulled"), ("earlier", "held")):
        reading.sql(
            f"""CREATE OR REPLACE TEMP VIEW {view} AS SELECT *, sha256({identity}) AS mark FROM (
            SELECT *, {same} AS same, json_array({", ".join(key)})::VARCHAR AS row_key FROM {rows})"""
        )


def _leave_out_copies(reading: Reading) -> None:
    reading.sql(
        "CREATE OR REPLACE TEMP TABLE counted AS SELECT mark, count(*) AS copies FROM earlier "
        "WHERE mark IN (SELECT mark FROM lately) GROUP BY mark"
    )
    reading.sql(
        """CREATE OR REPLACE TEMP TABLE left_over AS SELECT * FROM (SELECT *,
            row_number() OVER (PARTITION BY mark ORDER BY watermark) AS copy FROM lately)
        LEFT JOIN counted USING (mark) WHERE copy > coalesce(copies, 0)"""
    )


def _leave_out_up_to_current(reading: Reading) -> None:
    reading.sql(
        """CREATE OR REPLACE TEMP TABLE counted AS SELECT row_key, mark FROM (SELECT *, row_number() OVER (
                PARTITION BY row_key ORDER BY known_at DESC, delivery_id DESC, source_row DESC) AS place
            FROM earlier WHERE row_key IN (SELECT row_key FROM lately)) WHERE place = 1"""
    )
    reading.sql(
        """CREATE OR REPLACE TEMP TABLE left_over AS SELECT * FROM (SELECT *,
                max(place) FILTER (is_held) OVER (PARTITION BY row_key) AS reached
            FROM (SELECT l.*, l.mark = c.mark AS is_held, row_number() OVER (
                    PARTITION BY row_key ORDER BY watermark NULLS FIRST, line) AS place
                FROM lately l LEFT JOIN counted c USING (row_key)))
        WHERE place > coalesce(reached, 0)"""
    )
