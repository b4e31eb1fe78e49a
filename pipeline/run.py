"""Runs the job graph: rebuilds stale periods, each table in one pass and one commit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.register.deliveries import DELIVERY
from jobs.job import Job
from pipeline.code_hash import code_hash
from pipeline.fingerprint import fingerprints, stale_periods, stored_fingerprints
from pipeline.periods import Fingerprints, input_periods
from pipeline.registry import reads, registry, select_jobs
from pipeline.run_record import MadeOf, Recording, RunReport, TableRun, mark, packed, stored_made_of, why
from schemas.contract import contract, digest, feeds
from schemas.errors import RejectedError
from schemas.periods import counted_twice, is_period, unsuitable
from schemas.register import current_deliveries, in_force, table_version
from warehouse import engine, releases, tables
from warehouse.progress import Progress, silent

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def run_tables(
    names: Iterable[str] = (),
    *,
    full: bool = False,
    period: str | None = None,
    progress: Progress = silent,
    finished: Callable[[TableRun], None] = lambda _: None,
) -> RunReport:
    """Rebuild the stale periods of tables: those whose inputs, code or rules changed.

    ``progress`` is called when a table begins and ``finished`` when it is built, from the thread that builds it.

    Args:
        names: areas and tables, with all that they depend on; every table if none is named.
        full: rebuild all periods, not only stale ones.
        period: rebuild this period only.
    """
    engine.kind()  # refuses an unknown engine before anything is read
    with tables.writing("run"):
        chosen = select_jobs(names)
        deliveries = tables.rows(DELIVERY).to_pylist()
        if not deliveries:
            raise RejectedError("nothing has been ingested yet; run ./brain ingest first")
        _check_versions(deliveries)
        _check_periods(deliveries)
        for job in chosen:  # a power cut can leave a broken commit; its table is rebuilt
            tables.drop_unconfirmed(tables.table_path(job.table), partial(releases.is_named, job.table))
        wanted = fingerprints(deliveries)
        if period is not None and not any(period in wanted[job.table] for job in chosen):
            raise RejectedError(f"no data for period {period}; periods with data: {_periods(wanted)}")
        recording = Recording()

        def refresh(job: Job) -> None:
            stored = stored_fingerprints(job.table)
            target = wanted[job.table]
            stale = sorted(p for p, mark in target.items() if full or stored.get(p) != mark)
            gone = sorted(set(stored) - set(target))
            if period is not None:
                stale, gone = [p for p in stale if p == period], []
            if not target:
                # a table without any data yet is created empty, so that it can be published
                tables.create_if_absent(contract(job.table))
            if stale or gone:
                progress("run", job.table, len(stale))
                begun = recording.elapsed()
                before, now = stored_made_of(job.table), _made_of(job, stale, wanted)
                reason = why(stale, gone, stored, target, before, now)
                _make(job, stale, gone, wanted, stored, deliveries)
                with recording.turn:
                    finished(recording.made(job.table, reason, stale, gone, begun))
            else:
                recording.fresh(job.table)

        order = [job.table for job in chosen]
        try:
            _in_order_and_memory(chosen, refresh, progress)
        except BaseException as error:  # the record also names the tables built before the failure
            recording.close(order, error)
            raise
        return recording.close(order)


def make_anew(names: Iterable[str], periods: Iterable[str]) -> None:
    """Rebuild periods of the named tables as a run does, but not their inputs.

    Raises:
        RejectedError: a table is not up to date.
    """
    wanted_names, asked = set(names), set(periods)
    with tables.writing("run"):
        deliveries = tables.rows(DELIVERY).to_pylist()
        wanted = fingerprints(deliveries)
        if stale := stale_periods(wanted):
            raise RejectedError(
                f"{next(iter(stale))} is not up to date with its inputs; run ./brain run first"
            )

        def again(job: Job) -> None:
            if chosen := sorted(asked & set(wanted[job.table])):
                _make(job, chosen, [], wanted, stored_fingerprints(job.table), deliveries)

        in_order((job for name, job in registry().items() if name in wanted_names), again)


def _check_versions(deliveries: list[dict[str, Any]]) -> None:
    """Refuse to build while a feed's deliveries are in another version of its table: they are not current."""
    for spec in feeds().values():
        if others := [d for d in in_force(deliveries, spec) if table_version(d) != spec.version]:
            raise RejectedError(
                f"{spec.name}: {len({d['delivery_id'] for d in others})} deliveries are in version "
                f"{table_version(others[0])} of the table, its contract says {spec.version}; "
                f"run ./brain ingest {spec.table} first"
            )


def _check_periods(deliveries: list[dict[str, Any]]) -> None:
    """Refuse to build from deliveries that would count twice or have no valid period: old homes may hold such."""
    for spec in feeds().values():
        current = current_deliveries(deliveries, spec)
        invalid = unsuitable((row for row in current if not is_period(row["period"])), spec)
        if faults := [*invalid, *counted_twice(current, spec)]:
            more = f" (and {len(faults) - 1} more, see ./brain check)" if len(faults) > 1 else ""
            raise RejectedError(f"{faults[0]}{more}")


def _in_order_and_memory(jobs: Iterable[Job], work: Callable[[Job], None], progress: Progress) -> None:
    """As :func:`in_order`; tables that do not fit into memory together are built one by one, then two at a time again.

    Raises:
        MemoryFullError: a table does not fit alone.
    """
    begun: set[str] = set()
    done: set[str] = set()

    def once(job: Job) -> None:
        if job.table not in done:
            begun.add(job.table)
            work(job)
            done.add(job.table)

    jobs = list(jobs)
    while True:
        try:
            return in_order(jobs, once)
        except engine.MemoryFullError:
            alone = begun - done
            progress("run", "memory is short: one table at a time", len(alone))
            in_order((job for job in jobs if job.table in alone), once, at_once=1)


def in_order(
    jobs: Iterable[Job],
    work: Callable[[Job], None],
    at_once: int = engine.AT_ONCE,
    scratch: Path | None = None,
) -> None:
    """Run each job after those it reads from, two at a time: one is planned while the tasks of the other run."""
    by_table = {job.table: job for job in jobs}
    order = TopologicalSorter(reads(by_table))
    order.prepare()
    ready: deque[str] = deque()
    running: dict[Future[None], str] = {}
    with engine.workers(at_once, scratch) as pool:
        while order.is_active():
            ready += order.get_ready()
            # no job waits in the pool: a free thread would begin it before a failure is noticed
            while ready and len(running) < at_once:
                table = ready.popleft()
                running[pool.submit(work, by_table[table])] = table
            for finished in wait(running, return_when=FIRST_COMPLETED).done:
                finished.result()
                order.done(running.pop(finished))


def _periods(wanted: Mapping[str, Fingerprints]) -> str:
    return ", ".join(sorted({p for job in registry().values() for p in wanted[job.table]}))


def _make(
    job: Job,
    stale: list[str],
    gone: list[str],
    wanted: Mapping[str, Fingerprints],
    stored: Fingerprints,
    deliveries: list[dict[str, Any]],
) -> None:
    marks = {p: m for p, m in stored.items() if p not in gone and p not in stale}
    marks |= {p: wanted[job.table][p] for p in stale}
    made_of = {p: m for p, m in stored_made_of(job.table).items() if p in marks} | _made_of(
        job, stale, wanted
    )
    metadata = {
        "fingerprints": dict(sorted(marks.items())),
        "made_of": packed(made_of),
        "engine": engine.kind().version(),
    }
    frame = _transformed(job, stale, wanted, deliveries)
    tables.replace_periods(frame, contract(job.table), [*stale, *gone], metadata)


def _transformed(
    job: Job, stale: list[str], wanted: Mapping[str, Fingerprints], deliveries: list[dict[str, Any]]
) -> DataFrame:
    from pipeline.inputs import read_input

    arguments: dict[str, Any] = {
        name: read_input(given, stale, wanted, deliveries) for name, given in job.inputs.items()
    }
    if job.rules:
        arguments["rules"] = job.rules()
    return job.transform(**arguments)


def _made_of(job: Job, periods: Iterable[str], wanted: Mapping[str, Fingerprints]) -> MadeOf:
    """What periods are built from, part by part: the parts that their fingerprints cover."""
    rules = job.rules() if job.rules else None
    own = {"code": code_hash(job), "contract": contract(job.table).hash()}
    made_of: MadeOf = {}
    for period in periods:
        parts = own | ({"rules": rules.fingerprint(period)} if rules else {})
        given: dict[str, list[str]] = {}
        for one in job.inputs.values():
            known = wanted.get(one.known_as, {})
            given.setdefault(one.table, []).extend(
                f"{p} {known[p]}" for p in input_periods(one.periods, period, known)
            )
        made_of[period] = {name: mark(text) for name, text in parts.items()}
        made_of[period] |= {name: mark(digest(of)) for name, of in given.items()}
    return made_of
