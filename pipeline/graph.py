"""The job graph: collected from the jobs' declared inputs; it decides what is stale and runs it.

A table's period is stale when its fingerprint changed. A fingerprint covers everything the period was made
from and nothing else: the deliveries that count and how current rows are chosen among theirs, the mapping, the
definitions and data that the job's code reaches (``pipeline/fingerprint.py``), the contract's columns, the rules of the
period, and the fingerprints of its inputs' periods. It covers no table versions, so OPTIMIZE and empty commits never
make anything stale, no titles and descriptions, and no engine; it is the same on every machine.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import cache, partial
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

import jobs
from ingest.register.deliveries import DELIVERY, QUARANTINE
from jobs.job import Input, Job
from pipeline.fingerprint import code_hash, definitions_hash, key_of
from pipeline.run_record import MadeOf, Recording, RunReport, TableRun, mark, packed, stored_made_of, why
from schemas.contract import Contract, contract, contracts, digest, feeds
from schemas.errors import RejectedError, UsageError
from schemas.periods import counted_twice, is_period, unsuitable
from schemas.register import current_deliveries, in_force, table_version
from warehouse import engine, releases, tables
from warehouse.progress import Progress, silent

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Fingerprints = dict[str, str]  # period -> fingerprint


class GraphError(RejectedError):
    """The jobs do not fit together."""


@cache
def registry() -> dict[str, Job]:
    """Every job, table → job, in an order in which they can run."""
    found: dict[str, Job] = {}
    for area in pkgutil.iter_modules(jobs.__path__):
        if not area.ispkg:
            continue
        package = importlib.import_module(f"jobs.{area.name}")
        for module in pkgutil.iter_modules(package.__path__, f"jobs.{area.name}."):
            job = getattr(importlib.import_module(module.name), "JOB", None)
            if isinstance(job, Job):
                if module.name != f"jobs.{job.table}":
                    raise GraphError(f"{module.name} makes {job.table}; its name must be the table's")
                found[job.table] = job
    try:
        order = list(TopologicalSorter(_reads(dict(sorted(found.items())))).static_order())
    except CycleError as error:
        raise GraphError(f"the jobs form a cycle: {' -> '.join(error.args[1])}") from None
    return {name: found[name] for name in order}


def _reads(jobs: Mapping[str, Job]) -> dict[str, set[str]]:
    """Table → those of these jobs' tables that it is made from."""
    return {name: {given.table for given in job.inputs.values()} & set(jobs) for name, job in jobs.items()}


def check() -> None:
    """The graph is well formed: every derived table has a job, every input is a table, drivers come first."""
    for name, spec in contracts().items():
        if spec.layer == "staged" and name not in registry():
            raise GraphError(f"{name} has a contract and no job; add jobs/{name.replace('.', '/')}.py")
    for job in registry().values():
        spec = contract(job.table)
        if not spec.period:
            raise GraphError(f"{job.table}: a job's table needs a period column")
        for given in job.inputs.values():
            contract(given.table)
            if given.feed and (given.table != QUARANTINE or given.feed not in feeds()):
                raise GraphError(
                    f"{job.table}: a part of {given.table} by feed {given.feed} is not to be had"
                )
        for name in job.givers:
            if name not in job.inputs:
                raise GraphError(f"{job.table}: {name} is to give its periods and is no input of it")
            if job.inputs[name].periods not in ("same", "year", "year_of"):
                raise GraphError(
                    f"{job.table}: {name} gives the periods; make it an input of the same period"
                )


def select(names: Iterable[str]) -> list[Job]:
    """The jobs of the named areas and tables, with everything they need from other jobs."""
    wanted: set[str] = set()
    for name in names:
        matches = [t for t in registry() if t == name or t.split(".")[0] == name]
        if not matches:
            areas = sorted({t.split(".")[0] for t in registry()})
            raise UsageError(f"unknown area or table {name}; areas: {', '.join(areas)}")
        wanted.update(matches)
    waiting = list(wanted)
    while waiting:
        for given in registry()[waiting.pop()].inputs.values():
            if given.table in registry() and given.table not in wanted:
                wanted.add(given.table)
                waiting.append(given.table)
    return [job for table, job in registry().items() if not wanted or table in wanted]


# --- fingerprints --------------------------------------------------------------------------------------


def feed_fingerprints(deliveries: list[dict[str, Any]]) -> dict[str, Fingerprints]:
    """Of every feed's periods, and of the quarantine's, whole and by feed, from the register of deliveries."""
    from pipeline.inputs import current_rows, of_deliveries

    chosen_by = definitions_hash(key_of(current_rows), key_of(of_deliveries))
    result: dict[str, Fingerprints] = {}
    refused: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for spec in feeds().values():
        by_period: dict[str, list[Any]] = {}
        for row in current_deliveries(deliveries, spec):
            mark = [row["delivery_id"], row["mapping_hash"]]
            by_period.setdefault(row["period"], []).append(mark)
            if row["records_quarantined"]:
                for known_as in (QUARANTINE, Input(QUARANTINE, feed=spec.table).known_as):
                    refused[known_as][row["period"]].append(mark)
        result[spec.name] = {
            p: digest([spec.hash(), chosen_by, sorted(marks)]) for p, marks in by_period.items()
        }
    spec = contract(QUARANTINE)
    for known_as, by_period in refused.items():
        result[known_as] = {
            p: digest([spec.hash(), chosen_by, sorted(marks)]) for p, marks in by_period.items()
        }
    return result


def needed(rule: str, period: str, available: Iterable[str]) -> list[str]:
    """Which of an input's periods an output period needs.

    >>> needed("year", "2024", ["2023", "2024-01", "2024-02"])
    ['2024-01', '2024-02']
    >>> needed("to_date", "2024-02", ["2023-02", "2024-01", "2024-02", "2024-03"])
    ['2024-01', '2024-02']
    >>> needed("nearest", "2023", ["2021-12", "2024-11", "2024-12"])
    ['2024-11', '2024-12']
    >>> needed("upto", "2023", ["2022", "2023", "2024"])
    ['2022', '2023']
    """
    available = list(available)
    if rule == "nearest":
        years = {p[:4] for p in available}
        period = min(years, key=lambda y: (abs(int(y) - int(period[:4])), y), default=period)
    tests: Mapping[str, Callable[[str], bool]] = {
        "same": lambda p: p == period,
        "year": lambda p: p[:4] == period,
        "nearest": lambda p: p[:4] == period[:4],
        "year_of": lambda p: p == period[:4],
        "to_date": lambda p: len(p) > 4 and p[:4] == period[:4] and p[: len(period)] <= period,
        "upto": lambda p: p[: len(period)] <= period,
        "all": lambda p: True,
    }
    return sorted(p for p in available if tests[rule](p))


def target_periods(job: Job, known: Mapping[str, Fingerprints]) -> list[str]:
    """The periods a table has: those that the inputs give which are named for it."""
    found: set[str] = set()
    for name, which in job.givers.items():
        given = job.inputs[name]
        periods = set(known.get(given.known_as, {}))
        if given.periods == "year":
            periods = {p[:4] for p in periods}
        found |= {max(periods)} if which == "last" and periods else periods
    return sorted(found)


def fingerprints(deliveries: list[dict[str, Any]]) -> dict[str, Fingerprints]:
    """What every table's periods should be made from, given these deliveries."""
    known = feed_fingerprints(deliveries)
    for job in registry().values():
        spec = contract(job.table)
        rules = job.rules() if job.rules else None
        made_by = [code_hash(job), spec.hash()]
        known[job.table] = {
            period: digest(
                [
                    made_by,
                    rules.fingerprint(period) if rules else None,
                    [
                        [name, given.known_as, p, known[given.known_as][p]]
                        for name, given in sorted(job.inputs.items())
                        for p in needed(given.periods, period, known.get(given.known_as, {}))
                    ],
                ]
            )
            for period in target_periods(job, known)
        }
    return known


def stored_fingerprints(name: str, version: int | None = None) -> Fingerprints:
    """What a table's periods were made from, as kept with its commits."""
    for entry in tables.commit_metadata(name, version):
        if "fingerprints" in entry:
            return dict(entry["fingerprints"])
    return {}


def made_by(name: str, version: int | None = None) -> str | None:
    """The engine, with its version, that made a table's periods last; None where none did, or nobody wrote it down."""
    for entry in tables.commit_metadata(name, version):
        if "fingerprints" in entry:
            return entry.get("engine")
    return None


# --- running -------------------------------------------------------------------------------------------


def run(
    names: Iterable[str] = (),
    *,
    full: bool = False,
    period: str | None = None,
    progress: Progress = silent,
    finished: Callable[[TableRun], None] = lambda _: None,
) -> RunReport:
    """Bring tables up to date: only what inputs, code or rules made stale, in one pass for each table.

    ``progress`` is called when a table is begun and ``finished`` when it is made, from the thread that makes it.
    """
    engine.kind()  # one that there is not is refused before anything is looked at
    with tables.writing("run"):
        chosen = select(names)
        deliveries = tables.rows(DELIVERY).to_pylist()
        if not deliveries:
            raise RejectedError("nothing has been taken in yet; run ./brain ingest first")
        _check_versions(deliveries)
        _check_periods(deliveries)
        for job in chosen:  # what a run had made when the power went is made again
            tables.drop_unconfirmed(tables.table_path(job.table), partial(releases.is_named, job.table))
        wanted = fingerprints(deliveries)
        if period is not None and not any(period in wanted[job.table] for job in chosen):
            raise RejectedError(f"no data for period {period}; there are {_periods(wanted)}")
        recording = Recording()

        def refresh(job: Job) -> None:
            stored = stored_fingerprints(job.table)
            target = wanted[job.table]
            stale = sorted(p for p, mark in target.items() if full or stored.get(p) != mark)
            gone = sorted(set(stored) - set(target))
            if period is not None:
                stale, gone = [p for p in stale if p == period], []
            if not target:
                # a table for which no data have come yet is there, empty: it can be published
                tables.create_if_absent(contract(job.table))
            if stale or gone:
                progress("run", job.table, len(stale))
                begun = recording.elapsed()
                before, now = stored_made_of(job.table), _made_of(job, stale, wanted)
                reason = why(stale, gone, stored, target, before, now)
                _make(job, stale, gone, wanted, stored, deliveries)
                finished(recording.made(job.table, reason, stale, gone, begun))
            else:
                recording.fresh(job.table)

        order = [job.table for job in chosen]
        try:
            _in_order_and_memory(chosen, refresh, progress)
        except BaseException as error:  # what was made before it is told as well
            recording.close(order, error)
            raise
        return recording.close(order)


def make_anew(names: Iterable[str], periods: Iterable[str]) -> None:
    """Make periods of the named tables again, as a run does, and nothing of what they are made from.

    Raises:
        RejectedError: something is not up to date.
    """
    wanted_names, asked = set(names), set(periods)
    with tables.writing("run"):
        deliveries = tables.rows(DELIVERY).to_pylist()
        wanted = fingerprints(deliveries)
        if stale := _stale(wanted):
            raise RejectedError(
                f"{next(iter(stale))} is not up to date with its inputs; run ./brain run first"
            )

        def again(job: Job) -> None:
            if there := sorted(asked & set(wanted[job.table])):
                _make(job, there, [], wanted, stored_fingerprints(job.table), deliveries)

        _in_order((job for name, job in registry().items() if name in wanted_names), again)


def _check_versions(deliveries: list[dict[str, Any]]) -> None:
    """Refuse to make tables while a feed's deliveries lie in another version of its table: they do not count."""
    for spec in feeds().values():
        if others := [d for d in in_force(deliveries, spec) if table_version(d) != spec.version]:
            raise RejectedError(
                f"{spec.name}: {len({d['delivery_id'] for d in others})} deliveries lie in version "
                f"{table_version(others[0])} of the table, its contract says {spec.version}; "
                f"run ./brain ingest {spec.table} first"
            )


def _check_periods(deliveries: list[dict[str, Any]]) -> None:
    """Refuse to make tables of what would be added twice, or has no place in time: homes of old may hold such."""
    for spec in feeds().values():
        counting = current_deliveries(deliveries, spec)
        formless = unsuitable((row for row in counting if not is_period(row["period"])), spec)
        if faults := [*formless, *counted_twice(counting, spec)]:
            more = f" (and {len(faults) - 1} more, see ./brain check)" if len(faults) > 1 else ""
            raise RejectedError(f"{faults[0]}{more}")


def _in_order_and_memory(jobs: Iterable[Job], work: Callable[[Job], None], progress: Progress) -> None:
    """As :func:`_in_order`; where two tables do not fit into memory beside each other, the rest is made one by one."""
    done: set[str] = set()

    def once(job: Job) -> None:
        if job.table not in done:
            work(job)
            done.add(job.table)

    jobs = list(jobs)
    try:
        _in_order(jobs, once)
    except engine.MemoryFullError:
        progress("run", "memory is short: one table at a time", len(jobs) - len(done))
        _in_order(jobs, once, at_once=1)


def _in_order(jobs: Iterable[Job], work: Callable[[Job], None], at_once: int = engine.AT_ONCE) -> None:
    """Each job after those it reads from, two at a time: one is planned while the other one's tasks run."""
    by_table = {job.table: job for job in jobs}
    order = TopologicalSorter(_reads(by_table))
    order.prepare()
    ready: deque[str] = deque()
    running: dict[Future[None], str] = {}
    with engine.workers(at_once) as pool:
        while order.is_active():
            ready += order.get_ready()
            # none waits in the pool, where a free thread would begin it before a failure is seen
            while ready and len(running) < at_once:
                table = ready.popleft()
                running[pool.submit(work, by_table[table])] = table
            for finished in wait(running, return_when=FIRST_COMPLETED).done:
                finished.result()
                order.done(running.pop(finished))


def _periods(wanted: Mapping[str, Fingerprints]) -> str:
    return ", ".join(sorted({p for job in registry().values() for p in wanted[job.table]}))


def stale_tables(deliveries: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Table → periods that are not what they should be made from."""
    return _stale(fingerprints(deliveries))


def _stale(wanted: Mapping[str, Fingerprints]) -> dict[str, list[str]]:
    result = {}
    for name in registry():
        stored = stored_fingerprints(name)
        odd = {p for p in {*stored, *wanted[name]} if stored.get(p) != wanted[name].get(p)}
        if odd:
            result[name] = sorted(odd)
    return result


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
    arguments: dict[str, Any] = {
        name: read_input(given, stale, wanted, deliveries) for name, given in job.inputs.items()
    }
    if job.rules:
        arguments["rules"] = job.rules()
    return job.transform(**arguments)


def _made_of(job: Job, periods: Iterable[str], wanted: Mapping[str, Fingerprints]) -> MadeOf:
    """What periods are made of, part by part: the same as goes into their fingerprints."""
    rules = job.rules() if job.rules else None
    own = {"code": code_hash(job), "contract": contract(job.table).hash()}
    found: MadeOf = {}
    for period in periods:
        parts = own | ({"rules": rules.fingerprint(period)} if rules else {})
        given: dict[str, list[str]] = {}
        for one in job.inputs.values():
            known = wanted.get(one.known_as, {})
            given.setdefault(one.table, []).extend(
                f"{p} {known[p]}" for p in needed(one.periods, period, known)
            )
        found[period] = {name: mark(text) for name, text in parts.items()}
        found[period] |= {name: mark(digest(of)) for name, of in given.items()}
    return found


def read_input(
    given: Input,
    periods: Iterable[str],
    wanted: Mapping[str, Fingerprints],
    deliveries: list[dict[str, Any]],
) -> DataFrame:
    """An input's rows for the periods that are to be made; of a feed the current view."""
    from pyspark.sql import functions as F

    available = wanted.get(given.known_as, {})
    use = sorted({p for period in periods for p in needed(given.periods, period, available)})
    spec = contract(given.table)
    frame = tables.read(given.table)
    if given.table == QUARANTINE:
        return _current_quarantine(frame, deliveries, given.feed).where(F.col("period").isin(use))
    if spec.source:
        return _current_feed(frame, spec, deliveries, use)
    return frame.where(F.col(spec.period or "").isin(use))


def _current_feed(
    frame: DataFrame, spec: Contract, deliveries: list[dict[str, Any]], periods: list[str]
) -> DataFrame:
    from pyspark.sql import functions as F

    from pipeline.inputs import current_rows

    current = [d for d in current_deliveries(deliveries, spec) if d["period"] in periods]
    return current_rows(frame.where(F.col("period").isin(periods)), current, spec)


def _current_quarantine(frame: DataFrame, deliveries: list[dict[str, Any]], only: str | None) -> DataFrame:
    from pipeline.inputs import of_deliveries

    read = [spec for spec in feeds().values() if only in (None, spec.table)]
    current = [d for spec in read for d in current_deliveries(deliveries, spec)]
    return frame.where(of_deliveries(d for d in current if d["records_quarantined"]))
