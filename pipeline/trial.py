"""A trial 测算: tables of a release, computed again for one period on its frozen inputs, with other rules.

The jobs are those of a run, and so are the engine and the checks of what they computed. Inputs are the release's own
published versions, and of a feed the records and the register that the release was made of; a table that is itself on
trial is read from the trial. Nothing staged or published is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa

from ingest.register.deliveries import DELIVERY
from jobs.job import Input, Job
from jobs.rules.base import Rules
from pipeline.periods import input_periods
from pipeline.registry import registry
from pipeline.run import in_order
from schemas.contract import Feed, contract
from schemas.errors import RejectedError
from schemas.register import current_deliveries
from warehouse import engine, tables
from warehouse.engine import TRIAL
from warehouse.engines import Pinned
from warehouse.locks import held
from warehouse.progress import Progress, silent
from warehouse.settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame, SparkSession

    from schemas.contract import Contract
    from warehouse.releases import Release

#: Seconds that a trial waits for another one in the same home.
WAIT_SECONDS = 300


@dataclass(frozen=True)
class Trial:
    """Tables on trial: what is computed, for which period, by which rules instead of those in force."""

    release: Release
    #: Tables that are computed again, and those among their inputs that are on trial as well.
    tables: tuple[str, ...]
    period: str
    #: What jobs name as their rules → the rules that they get instead.
    rules: Mapping[Callable[[], Rules], Rules]
    #: Published table → column → values: other rows of it are not read. Only whoever knows the jobs can say which rows
    #: do not matter to the others.
    only: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the home's lock for trials.

    Raises:
        RejectedError: others kept it too long.
    """
    refusal = f"another trial has been running for {WAIT_SECONDS // 60} minutes; try again later"
    with held(
        settings().locks, TRIAL, WAIT_SECONDS, refusal, "another trial is running; this one waits for it"
    ):
        yield


def compute(trial: Trial, folder: Path, progress: Progress = silent) -> None:
    """Write the tables on trial below a folder, each as ``<area>.<table>/<period column>=<period>/*.parquet``.

    Raises:
        RejectedError: the release lacks an input, or the engine failed.
    """
    jobs = [registry()[name] for name in registry() if name in trial.tables]
    _check(trial, jobs)
    scratch = settings().engine_folder / "trial"

    def make(job: Job) -> None:
        spec = contract(job.table)
        progress("trial", job.table, 0)
        session = engine.connect(scratch=scratch)
        given: dict[str, Any] = {
            name: _own(session, contract(one.table), folder)
            if one.table in trial.tables
            else _frozen(session, one, trial, scratch)
            for name, one in job.inputs.items()
        }
        if job.rules:
            given["rules"] = trial.rules.get(job.rules) or job.rules()
        frame: DataFrame = job.transform(**given)
        place = folder / job.table
        frame.select(*spec.column_names).write.partitionBy(spec.period or "").parquet(str(place))
        tables.check_files(tables.files_in(place, spec), spec, [trial.period])

    in_order(jobs, make, scratch=scratch)


def _check(trial: Trial, jobs: Iterable[Job]) -> None:
    """Check that the release has what the present jobs read, and the tables that they are compared with.

    Raises:
        RejectedError: it lacks a table or a column, since it was made before.
    """
    number = trial.release.number
    for name in sorted({*trial.tables, *(given.table for job in jobs for given in job.inputs.values())}):
        if isinstance(contract(name), Feed):
            continue
        if name not in trial.release.tables:
            raise RejectedError(f"release {number} has no table {name}; run and publish a new release")
        table = trial.release.tables[name]
        known = {f.name for f in tables.open_folder(table.path, table.version).schema().fields}
        if lacking := [column for column in contract(name).column_names if column not in known]:
            raise RejectedError(
                f"release {number}: {name} has no column {lacking[0]} yet; run and publish a new release"
            )


def _frozen(session: SparkSession, given: Input, trial: Trial, scratch: Path) -> DataFrame:
    """An input as the release froze it, with only the periods that the trial's period depends on."""
    from pyspark.sql import functions as F

    spec = contract(given.table)
    if isinstance(spec, Feed):
        return _feed(session, given, spec, trial, scratch)
    table = trial.release.tables[given.table]
    files = _files(table.path, table.version)
    use = input_periods(given.periods, trial.period, {period for period, _ in files})
    chosen = tuple((period, path) for period, path in files if period in use)
    rows = engine.kind().read(session, Pinned(spec, table.path, table.version, chosen), scratch)
    rows = rows.where(F.col(spec.period or "").isin(use))
    for column, values in trial.only.get(given.table, {}).items():
        rows = rows.where(F.col(column).isin(list(values)))
    return rows


def _feed(session: SparkSession, given: Input, spec: Feed, trial: Trial, scratch: Path) -> DataFrame:
    """A feed's current view by the register and the records that the release was made of."""
    from pyspark.sql import functions as F

    from pipeline.inputs import current_rows

    versions: Mapping[str, int] = trial.release.manifest["inputs"]
    current = current_deliveries(tables.rows(DELIVERY, version=versions[DELIVERY]).to_pylist(), spec)
    use = input_periods(given.periods, trial.period, {row["period"] for row in current})
    folder, version = tables.table_path(given.table), versions.get(given.table)
    files = [] if version is None else _files(folder, version)
    chosen = tuple((period, path) for period, path in files if period in use)
    rows = engine.kind().read(session, Pinned(spec, folder, version or 0, chosen), scratch)
    rows = rows.where(F.col("period").isin(use))
    return current_rows(rows, [row for row in current if row["period"] in use], spec)


def _files(folder: Path, version: int) -> list[tuple[str, Path]]:
    """Period and path of each file of a table at a version."""
    found: pa.Table = tables.check_data(tables.open_folder(folder, version), folder)
    period = next(name for name in found.column_names if name.startswith("partition."))
    return [
        (str(of), folder / unquote(path))
        for of, path in zip(found.column(period).to_pylist(), found.column("path").to_pylist(), strict=True)
    ]


def _own(session: SparkSession, spec: Contract, folder: Path) -> DataFrame:
    """A table that the trial has computed already."""
    columns = ", ".join(f"{c.name} {c.type}" for c in spec.columns if c.name != spec.period)
    if not any((folder / spec.name).glob("*/*.parquet")):
        none = session.createDataFrame([], f"{columns}, {spec.period} string")
        return none.select(*spec.column_names)
    rows = session.read.schema(f"{columns}, {spec.period} string").parquet(str(folder / spec.name))
    return rows.select(*spec.column_names)
