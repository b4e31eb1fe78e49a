"""What the tasks of the DAGs do. Spark and the job graph are loaded here, when a task runs, never at parse."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from schemas.errors import UserError

#: Every task: a refused input or a failed gate is final, anything else (a lost engine) is tried again.
TASK_DEFAULTS: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": 3.0,
    "max_retry_delay": timedelta(minutes=10),
    "owner": "brain",
}

#: The one partition of consumers: they ask the graph what is stale, whichever periods the events were about.
STALE = "stale"

RELEASE = Asset("release", uri="brain://release", group="release")

progress_log = logging.getLogger("brain.progress")

Context = MutableMapping[str, Any]


def asset(table: str) -> Asset:
    """The asset of a table; its partitions are the table's periods."""
    return Asset(table, uri=f"brain://{table.replace('.', '/')}", group=table.split(".", maxsplit=1)[0])


def ingest_feeds(context: Context) -> dict[str, Any]:
    """Take in what is new in the landing folder; announce the feeds and periods that got something."""
    from jobs.ingest.ingest import QUARANTINE, ingest

    feed = context["params"]["feed"]
    with _final_when_refused():
        report = ingest([feed] if feed else None, progress=_progress)
    changed: dict[str, set[str]] = defaultdict(set)
    for file in report.taken:
        changed[f"raw.{file.feed}"].add(file.period)
        if file.records_quarantined:
            changed[QUARANTINE].add(file.period)
    _announce(context, changed)
    return {
        "taken": len(report.taken),
        "records_in": sum(f.records_in for f in report.taken),
        "records_quarantined": sum(f.records_quarantined for f in report.taken),
        "rejected": [f"{f.feed}/{f.file}: {f.message}" for f in report.rejected],
    }


def refuse_rejected(report: Mapping[str, Any]) -> None:
    """Fail when files could not be taken in: the others were, but somebody has to look."""
    if rejected := report["rejected"]:
        raise AirflowFailException("not taken in: " + "; ".join(rejected))


def run_area(area: str, context: Context) -> dict[str, Any]:
    """Bring an area up to date, with whatever it needs; announce the tables and periods that were made."""
    from jobs import graph

    params = context["params"]
    with _final_when_refused():
        report = graph.run([area], full=params["full"], period=params["period"], progress=_progress)
    _announce(context, report.made)
    return {"made": report.made, "fresh": report.fresh}


def publish_release(context: Context) -> dict[str, Any]:
    """Make a release, unless something upstream has still to be made: then its own run will lead here again."""
    from jobs import graph, publish
    from jobs.ingest.ingest import deliveries

    with _final_when_refused():
        if stale := graph.stale_tables(deliveries()):
            raise AirflowSkipException(f"waiting for {', '.join(stale)}")
        report = publish.publish(_progress)
    number = report.release.number
    _announce(context, {RELEASE.name: [str(number)]} if report.is_new else {})
    return {"release": number, "is_new": report.is_new, "written": list(report.written)}


def _progress(stage: str, what: str, rows: int) -> None:
    progress_log.info("%s %s %s", stage, what, rows)


@contextmanager
def _final_when_refused() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise AirflowFailException(str(error)) from error


def _announce(context: Context, changed: Mapping[str, Iterable[str]]) -> None:
    """Emit one event for each changed table and period, and none for tables that stayed as they were.

    Airflow announces every outlet that a task has when it succeeds, so the outlets are narrowed to what changed.
    """
    outlets = {n: RELEASE if n == RELEASE.name else asset(n) for n, periods in changed.items() if periods}
    context["task"].outlets = list(outlets.values())
    for name, outlet in outlets.items():
        context["outlet_events"][outlet].add_partitions(sorted(changed[name]))
