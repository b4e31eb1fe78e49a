"""What each column of each derived table is made from, and the file that keeps it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jobs.job import Job
from pipeline.lineage.values import LineageError
from pipeline.registry import registry
from schemas.contract import contract

if TYPE_CHECKING:
    from pipeline.lineage.session import Recorder

#: Column → the columns of the job's inputs (``area.table.column``) that it is made of, sorted.
MadeOf = Mapping[str, tuple[str, ...]]


def traced(job: Job) -> MadeOf:
    """What each column of a job's table is made of.

    Raises:
        LineageError: the plan cannot be followed; the line names the table and what is not known.
    """
    from pipeline.lineage.session import RecordingSession

    session = RecordingSession()
    inputs: dict[str, Any] = {name: session.input(given) for name, given in job.inputs.items()}
    rules = {"rules": job.rules()} if job.rules else {}
    try:
        frame = session.recorder.made(job.transform(**inputs, **rules))
        _check_collected(session.recorder)
    except LineageError as error:
        raise LineageError(f"{job.table}: {error}") from None
    return {column.name: tuple(sorted(column.value.sources)) for column in frame.columns}


def _check_collected(recorder: Recorder) -> None:
    """Check that figures that the code collected went into a table; only periods may steer the code otherwise."""
    if recorder.is_written_down:
        return
    steering = [name for name in sorted(recorder.collected) if not _is_period(name)]
    if steering:
        raise LineageError(
            f"the code collects {', '.join(steering)} and writes no table of it, so its columns cannot be followed; "
            "compute with columns, or write what was collected into a table (jobs/columns/rows.py, literal_table)"
        )


def _is_period(column: str) -> bool:
    table, _, name = column.rpartition(".")
    return name == contract(table).period


def all_traced() -> dict[str, MadeOf]:
    """Table → what its columns are made of, for every job, by table and in the order of the columns."""
    return {name: traced(job) for name, job in sorted(registry().items())}


def as_csv(made: Mapping[str, MadeOf]) -> str:
    """The file's text: one line per column, its sources separated by spaces."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("table", "column", "made_of"))
    for table, columns in made.items():
        lines.writerows((table, name, " ".join(sources)) for name, sources in columns.items())
    return text.getvalue()
