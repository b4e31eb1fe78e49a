"""The job graph 作业图: every job that a module ``jobs/<area>/<table>.py`` declares, in an order that can run."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter

import jobs
from ingest.register.deliveries import QUARANTINE
from jobs.job import Job
from schemas.contract import contract, contracts, feeds
from schemas.errors import RejectedError, UsageError


class GraphError(RejectedError):
    """The jobs do not form a valid graph."""


@cache
def registry() -> dict[str, Job]:
    """Table → job, each job after those it reads from."""
    found: dict[str, Job] = {}
    for area in pkgutil.iter_modules(jobs.__path__):
        if not area.ispkg:
            continue
        package = importlib.import_module(f"jobs.{area.name}")
        for module in pkgutil.iter_modules(package.__path__, f"jobs.{area.name}."):
            job = getattr(importlib.import_module(module.name), "JOB", None)
            if isinstance(job, Job):
                if module.name != f"jobs.{job.table}":
                    raise GraphError(f"{module.name} builds {job.table}; give module and table the same name")
                found[job.table] = job
    try:
        order = list(TopologicalSorter(reads(dict(sorted(found.items())))).static_order())
    except CycleError as error:
        raise GraphError(f"the jobs form a cycle: {' -> '.join(error.args[1])}") from None
    return {name: found[name] for name in order}


def reads(jobs: Mapping[str, Job]) -> dict[str, list[str]]:
    """Table → the tables of these jobs that it is built from, sorted: every process has the same order of jobs."""
    return {
        name: sorted({given.table for given in job.inputs.values()} & set(jobs)) for name, job in jobs.items()
    }


def check_jobs() -> None:
    """Check that every staged table has a job and every job valid inputs and periods.

    Raises:
        GraphError: it has not; the message names the job.
        UsageError: an input is no table.
    """
    for name, spec in contracts().items():
        if spec.layer == "staged" and name not in registry():
            raise GraphError(f"{name} has a contract but no job; add jobs/{name.replace('.', '/')}.py")
    for job in registry().values():
        spec = contract(job.table)
        if not spec.period:
            raise GraphError(f"{job.table}: a job's table needs a period column")
        for given in job.inputs.values():
            contract(given.table)
            if given.feed and (given.table != QUARANTINE or given.feed not in feeds()):
                raise GraphError(
                    f"{job.table}: input {given.table} has no part for feed {given.feed}; leave the feed out"
                )
        for name in job.givers:
            if name not in job.inputs:
                raise GraphError(f"{job.table}: {name} is to give its periods but is no input; add the input")
            if job.inputs[name].periods not in ("same", "year", "year_of"):
                raise GraphError(
                    f"{job.table}: {name} gives the periods; read its periods by same, year or year_of"
                )


def select_jobs(names: Iterable[str]) -> list[Job]:
    """The jobs of the named areas and tables, with all jobs that they depend on; all jobs if none is named.

    Raises:
        UsageError: a name is neither an area nor a table.
    """
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
