"""What the tasks of the DAGs do. Spark and the job graph are loaded here, when a task runs, never at parse."""

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

Context = MutableMapping[str, Any]


def asset(table: str) -> Asset:
    """The asset of a table; its partitions are the table's periods."""
    return Asset(table, uri=f"brain://{table.replace('.', '/')}", group=table.split(".", maxsplit=1)[0])


def ingest_group(group: str, context: Context) -> dict[str, Any]:
    """Take in what is new of a group's feeds; announce the feeds and periods that got something.

    Announced again is what tables are waiting for although it came earlier: the event of a task that died
    between its commit and its end is lost, and nothing else would ever start its consumers.
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
    """From a database where a connection is named, else from the landing folder or the kept records."""
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
    """An Airflow connection, wherever Airflow keeps it, as feeds are read through it.

    Raises:
        RejectedError: Airflow has none of this name, or it is of a database whose driver is not there.
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
    """Fail when files could not be taken in: the others were, but somebody has to look."""
    if rejected := report["rejected"]:
        with _final_when_refused():
            raise RejectedError("not taken in: " + "; ".join(rejected))


def check_expected(context: Context) -> dict[str, Any]:
    """Fail while feeds are overdue, with one line that names them; otherwise say how many feeds stand how."""
    from ingest.register.entries import deliveries
    from ingest.register.expected import expectations, missing_line, today_here

    day = context["params"]["today"]
    found = expectations(deliveries(), date.fromisoformat(day) if day else today_here())
    if line := missing_line(found):
        raise AirflowFailException(f"not come: {line}")
    return dict(Counter(expectation.state for expectation in found))


def make_tables(context: Context) -> dict[str, Any]:
    """Bring tables up to date, all that are stale or the named ones; announce those that were made, with their record.

    Announced again are tables that no release holds yet, for the reason given at ``ingest_group``, unless a run of who
    needs them is on its way.
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
    """Make a release, unless something upstream has still to be made: then its own run will lead here again."""
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
            _wait_for(stale_tables(deliveries()))  # files came in between the two looks
            raise
    number = report.release.number
    _announce(context, {RELEASE.name: [str(number)]} if report.is_new else {})
    return {"release": number, "is_new": report.is_new, "written": list(report.written)}


def _wait_for(stale: Iterable[str]) -> None:
    if names := sorted(stale):
        raise AirflowSkipException(f"waiting for {', '.join(names)}")


def _awaited() -> dict[str, set[str]]:
    """Feeds and periods that stale tables are made from."""
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
    """Whether a DAG has a run that has its work before it: while this task is at work no other is."""
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
    context: Context, changed: Mapping[str, Iterable[str]], told: Mapping[str, dict[str, Any]] | None = None
) -> None:
    """Emit one event for each changed table and period, with what is told of the table; none for tables that stayed.

    Airflow announces every outlet that a task has when it succeeds, so the outlets are narrowed to what changed.
    """
    outlets = {n: RELEASE if n == RELEASE.name else asset(n) for n, periods in changed.items() if periods}
    context["task"].outlets = list(outlets.values())
    for name, outlet in outlets.items():
        events = context["outlet_events"][outlet]
        events.add_partitions(sorted(changed[name]))
        events.extra.update((told or {}).get(name, {}))
