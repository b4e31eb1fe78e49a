"""Functions of the DAGs' tasks. They load Spark and the job graph when a task runs, never at parse time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from table_log import logged_by_table, tell

from schemas.contract import connected_groups
from schemas.errors import RejectedError, UserError

#: For every task: a refused input or a failed gate is final, any other failure (a lost engine) is retried.
TASK_DEFAULTS: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": 3.0,
    "max_retry_delay": timedelta(minutes=10),
    "owner": "brain",
}

#: The only partition of consumers: they ask the graph what is stale, whatever the periods of the events.
STALE = "stale"

RELEASE = Asset("release", uri="brain://release", group="release")

Context = MutableMapping[str, Any]


def asset(table: str) -> Asset:
    """The asset of a table; its partitions are the table's periods."""
    return Asset(table, uri=f"brain://{table.replace('.', '/')}", group=table.split(".", maxsplit=1)[0])


def ingest_group(group: str, context: Context) -> dict[str, Any]:
    """Ingest what is new of a group's feeds; announce the feeds and periods that changed.

    Inputs of stale tables are announced again although they arrived earlier: if a task died between its commit and its
    end, its event is lost, and nothing else would start its consumers.
    """
    from ingest.register import arrivals
    from ingest.register.deliveries import QUARANTINE

    params = context["params"]
    feeds = [spec.table for spec in connected_groups()[group]]
    is_whole = not any(params[name] for name in ("feed", "period", "remap", "connection", "replaces"))
    came = arrivals.drops(feeds)
    if is_whole:
        arrivals.begin(group, came | arrivals.registered(feeds), arrivals.now())
    with _final_when_refused():
        report = _take_in([params["feed"]] if params["feed"] else feeds, params)
    seen = came | arrivals.registered(feeds)
    changed: dict[str, set[str]] = defaultdict(set)
    for file in report.taken:
        changed[f"raw.{file.feed}"].add(file.period)
        if file.records_quarantined:
            changed[QUARANTINE].add(file.period)
    for name, periods in _awaited().items():
        if name.removeprefix("raw.") in feeds:
            changed[name] |= periods
    _announce(context, changed)
    if is_whole:
        arrivals.done(group, seen, arrivals.now(), [f"{f.feed}/{f.file}" for f in report.rejected])
    return {
        "taken": len(report.taken),
        "records_in": sum(f.records_in for f in report.taken),
        "records_quarantined": sum(f.records_quarantined for f in report.taken),
        "rejected": [f"{f.feed}/{f.file}: {f.message}" for f in (*report.rejected, *report.held)],
    }


def _take_in(feeds: list[str], params: Mapping[str, Any]) -> Any:
    """Ingest from a database where a connection is named, else from the landing folder or the kept records."""
    period, replaces = params["period"], params["replaces"]
    if params["connection"]:
        from ingest.ways.database import pull

        return pull(feeds, database_connection(params["connection"]), tell, period=period, replaces=replaces)
    from ingest.ways.landing import ingest
    from ingest.ways.remap import replay

    if params["remap"]:
        return replay(feeds, tell, period=period)
    return ingest(feeds, progress=tell, period=period, replaces=replaces)


def database_connection(name: str) -> Any:
    """An Airflow connection, from any of Airflow's backends, as a connection for pulling feeds.

    Raises:
        RejectedError: Airflow has no connection of this name, or the driver of its database is missing.
    """
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    from ingest.ways.connections import parse_connection

    try:
        found = Connection.get(name)
    except AirflowNotFoundException:
        raise RejectedError(
            f"Airflow has no connection {name}; add it there, or set AIRFLOW_CONN_<NAME>"
        ) from None
    return parse_connection(name, found.get_uri())


def refuse_rejected(report: Mapping[str, Any]) -> None:
    """Fail when files were rejected: the others were ingested, but a person has to look."""
    if rejected := report["rejected"]:
        with _final_when_refused():
            raise RejectedError("not ingested: " + "; ".join(rejected))


def check_expected(context: Context) -> dict[str, Any]:
    """Fail with one line that names overdue feeds; otherwise return the number of feeds by state."""
    from ingest.register.entries import deliveries
    from ingest.register.expected import expectations, missing_line
    from ingest.register.today import on

    day = context["params"]["today"]
    today = on(date.fromisoformat(day) if day else None)
    found = expectations(deliveries(), today.day, calendars=today.calendars)
    if line := missing_line(found):
        raise AirflowFailException(f"overdue on {today.words}: {line}")
    return dict(Counter(expectation.state for expectation in found))


def make_tables(context: Context) -> dict[str, Any]:
    """Rebuild the stale periods of all or the named tables; announce the rebuilt tables with their record.

    Tables that no release has yet are announced again, for the reason given at ``ingest_group``, unless a run of
    ``publish`` is queued or running.
    """
    from pipeline.run import run_tables

    params = context["params"]
    with _final_when_refused(), logged_by_table() as groups:
        report = run_tables(
            params["only"],
            full=params["full"],
            period=params["period"],
            progress=groups.begin,
            finished=groups.end,
        )
    lost = {} if _is_on_its_way("publish") else _unreleased()
    _announce(
        context,
        lost | report.made,
        {
            one.table: {"rows": one.rows, "seconds": one.seconds, "reason": one.reason}
            for one in report.tables
        },
    )
    return report.as_record()


def publish_release(context: Context) -> dict[str, Any]:
    """Publish a release; skip while a table is stale, since the run that rebuilds it starts this DAG again."""
    from ingest.register.entries import deliveries
    from pipeline import publish
    from pipeline.fingerprint import stale_tables

    with _final_when_refused():
        _wait_for(stale_tables(deliveries()))
        try:
            report = publish.publish(tell)
        except publish.GateFailed:
            raise
        except RejectedError:
            _wait_for(stale_tables(deliveries()))  # files were ingested between the two checks
            raise
    number = report.release.number
    _announce(context, {RELEASE.name: [str(number)]} if report.is_new else {})
    return {"release": number, "is_new": report.is_new, "written": list(report.written)}


def _wait_for(stale: Iterable[str]) -> None:
    if names := sorted(stale):
        raise AirflowSkipException(f"waiting for {', '.join(names)}")


def _awaited() -> dict[str, set[str]]:
    """Feeds and periods that are inputs of stale tables."""
    from ingest.register.entries import deliveries
    from pipeline.fingerprint import feed_fingerprints, stale_tables
    from pipeline.periods import input_periods
    from pipeline.registry import registry

    known = deliveries()
    given = feed_fingerprints(known)
    awaited: dict[str, set[str]] = defaultdict(set)
    for table, stale in stale_tables(known).items() if known else ():
        for needed in registry()[table].inputs.values():
            if needed.known_as in given:
                awaited[needed.table] |= {
                    p
                    for period in stale
                    for p in input_periods(needed.periods, period, given[needed.known_as])
                }
    return awaited


def _is_on_its_way(dag: str) -> bool:
    """Whether a DAG has a queued or running run; its tasks have not begun, since only one task runs at a time."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    return bool(RuntimeTaskInstance.get_dr_count(dag_id=dag, states=["queued", "running"]))


def _unreleased() -> dict[str, list[str]]:
    """Tables that changed since the last release, with all their periods."""
    from pipeline.fingerprint import stored_fingerprints
    from pipeline.registry import registry
    from warehouse import releases, tables

    last = releases.last_release()
    pinned = last.made_from["inputs"] if last else {}
    return {
        name: sorted(stored_fingerprints(name))
        for name in registry()
        if tables.exists(name) and tables.version(name) != pinned.get(name)
    }


@contextmanager
def _final_when_refused() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise AirflowFailException(str(error)) from error


def _announce(
    context: Context,
    changed: Mapping[str, Iterable[str]],
    details: Mapping[str, dict[str, Any]] | None = None,
) -> None:
    """Emit one event for each changed table and period, with the table's details; none for unchanged tables.

    Airflow announces every outlet that a task has when it succeeds, so the outlets are narrowed to what changed.
    """
    outlets = {n: RELEASE if n == RELEASE.name else asset(n) for n, periods in changed.items() if periods}
    context["task"].outlets = list(outlets.values())
    for name, outlet in outlets.items():
        events = context["outlet_events"][outlet]
        events.add_partitions(sorted(changed[name]))
        events.extra.update((details or {}).get(name, {}))
