"""Airflow runs every DAG in this process, without its servers."""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import chain
from pathlib import Path
from typing import Any
from unittest import mock

from ingest.register import arrivals
from portal.services import history
from portal.services.orchestration import DAGS, prepare_airflow
from schemas.contract import connected_groups
from schemas.errors import RejectedError, UserError
from warehouse.progress import Progress, silent
from warehouse.settings import settings

#: Logger on which tasks report their progress: (stage, what, rows).
PROGRESS_LOG = "brain.progress"
#: Airflow's name for the folder of the DAGs.
BUNDLE = "dags-folder"
Dags = dict[str, Any]


def load_dags() -> Dags:
    """Load Airflow and the DAGs, and write the DAGs to the database of in-process runs.

    This takes seconds and depends on no data, so that a thread can do it while other work runs.

    Raises:
        RejectedError: Airflow cannot import a DAG file, or the database could not be created.
    """
    prepare_airflow()
    with _airflow_logs():
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.dag_processing.dagbag import sync_bag_to_db
        from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor

        bag = read_dags()
        DagBundlesManager().sync_bundles_to_db()
        sync_bag_to_db(bag, BUNDLE, None)
        # the first request builds the API that tasks report to, which takes seconds
        InProcessTestSupervisor._api_client().dag_runs.get_count("publish")
    return dict(bag.dags)


def read_dags() -> Any:
    """The DAG files as Airflow reads them.

    Raises:
        RejectedError: Airflow cannot import a DAG file.
    """
    from airflow.dag_processing.dagbag import BundleDagBag

    bag = BundleDagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name=BUNDLE)
    if bag.import_errors:
        file, error = next(iter(bag.import_errors.items()))
        raise RejectedError(f"{Path(file).name} is no DAG file: {error.strip().splitlines()[-1]}")
    return bag


def run_dags_in_process(
    progress: Progress = silent,
    loaded: Future[Dags] | None = None,
    arrived: Iterable[str] = (),
) -> dict[str, dict[str, Any]]:
    """Ingest all feeds, compute the tables and publish: Airflow runs one DAG after the other in this process.

    ``dag.test()`` triggers no consumers, so the DAGs run in the order of the graph. The DAG of the tables computes
    what is stale. Airflow's own output goes to ``logs/airflow-run.log``, a task's output to the task's log. As under
    the scheduler, a rejected file does not stop the others: they are processed to the end, then the failure is raised.
    Finished runs are also copied to the history in the servers' database, if it exists.

    Args:
        loaded: the result of :func:`load_dags`, if another thread is computing it.
        arrived: groups of feeds to ingest first; the iterator may wait for each group.

    Returns:
        DAG → what its task reported.

    Raises:
        UserError: a task's failure that a user can correct (RejectedError, GateFailed), as it was raised.
        RejectedError: another failure; the line names the log.
    """
    config = settings()
    dags = loaded.result() if loaded else load_dags()
    refused: BaseException | None = None
    reports: dict[str, dict[str, Any]] = {}
    try:
        with _airflow_logs(), _progress_to(progress), _nothing_to_sync():
            for name in order(dags, arrived):
                report, failure = _run(dags[name])
                if not report:
                    raise failure or RejectedError(f"the DAG {name} had to wait for others; run it again")
                reports[name] = report
                refused = refused or failure
    finally:
        history.copy_finished_runs(config)
    if refused:
        raise refused
    return reports


def order(dags: Dags, arrived: Iterable[str] = ()) -> Iterator[str]:
    """DAG ids in the order of running: groups of feeds, arrived ones first, then the tables, then publish.

    Within each of these by priority, as under the scheduler. A group at rest is omitted: under the scheduler its run
    would wait for new files without delaying others. DAGs that depend on the date and not on deliveries, like the one
    about overdue feeds, are omitted too.
    """

    def tagged(tag: str) -> list[str]:
        named = [name for name, dag in dags.items() if tag in dag.tags]
        return sorted(named, key=lambda name: -max(t.priority_weight for t in dags[name].tasks))

    feeds = {
        f"ingest_{group}": (group, [s.table for s in specs]) for group, specs in connected_groups().items()
    }
    taken = set()
    for name in chain((f"ingest_{group}" for group in arrived), tagged("raw")):
        if name not in taken and not arrivals.is_at_rest(*feeds[name]):
            yield name
        taken.add(name)
    yield from (*tagged("area"), "publish")


@contextlib.contextmanager
def _nothing_to_sync() -> Iterator[None]:
    """Keep ``dag.test()`` from writing all DAGs of all bundles to the database each time: they are there already."""
    with mock.patch.dict(os.environ, {"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": "[]"}):
        yield


def _run(dag: Any) -> tuple[dict[str, Any], BaseException | None]:
    """Run a DAG without retries, so that a failure is reported at once.

    Returns:
        The first report of its tasks (empty if there is none, as after a failure or a skip), and the first failure.

    Raises:
        RejectedError: the run ended in another state than success, although no task reported a failure.
    """
    failures: list[BaseException] = []
    reports: list[dict[str, Any]] = []
    log = _airflow_output()
    for task in dag.tasks:
        task.retries = 0
        task.on_execute_callback = [lambda context: log.begin_task(context["ti"])]
        task.on_success_callback = task.on_skipped_callback = [lambda _: log.end_task()]
        task.on_failure_callback = [
            lambda context: failures.append(context["exception"]),
            lambda _: log.end_task(),
        ]
        if hasattr(task, "python_callable"):
            task.python_callable = _reporting(task.python_callable, reports)
    run = dag.test()
    log.end_task()
    report = next((r for r in reports if r), {})
    for failure in failures:
        return report, failure.__cause__ if isinstance(failure.__cause__, UserError) else failure
    if run.state != "success":
        raise RejectedError(f"the DAG {dag.dag_id} ended as {run.state}; see {log.path()}")
    return report, None


def _reporting(work: Callable[..., Any], reports: list[dict[str, Any]]) -> Callable[..., Any]:
    @functools.wraps(work)
    def reported(*args: Any, **kwargs: Any) -> Any:
        result = work(*args, **kwargs)
        if isinstance(result, dict):
            reports.append(result)
        return result

    return reported


# --- output of Airflow -----------------------------------------------------------------------------------


class _AirflowOutput(io.BufferedIOBase):
    """Stream for Airflow's log in this process: writes to the log of the running task, else to a common file.

    Airflow keeps the stream that it was given while loading, so this one is never closed.
    """

    name = "airflow"

    def __init__(self) -> None:
        super().__init__()
        self._task: Path | None = None
        self.text = io.TextIOWrapper(self, encoding="utf-8", write_through=True)

    def writable(self) -> bool:
        return True

    def write(self, line: Any) -> int:
        path = self._task or self.path()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            return file.write(line)

    def path(self) -> Path:
        """The common file."""
        return settings().logs / "airflow-run.log"

    def begin_task(self, ti: Any) -> None:
        """Write to a task instance's log from now on, at the path where the API server looks for it."""
        from airflow.utils.helpers import log_filename_template_renderer

        name = log_filename_template_renderer()(ti=ti, try_number=ti.try_number)
        self._task = settings().logs / "airflow" / name
        logging.getLogger("task").info("::group::Pre Execute")  # the task's runner ends it

    def end_task(self) -> None:
        """Write to the common file from now on."""
        self._task = None


@functools.cache
def _airflow_output() -> _AirflowOutput:
    return _AirflowOutput()


@contextlib.contextmanager
def _airflow_logs() -> Iterator[None]:
    """Keep Airflow's output out of the terminal, in the log format that its servers read."""
    with contextlib.redirect_stdout(_airflow_output().text), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from airflow.sdk.log import configure_logging

        configure_logging(json_output=True, output=_airflow_output())
        yield


@contextlib.contextmanager
def _progress_to(progress: Progress) -> Iterator[None]:
    handler = _ProgressHandler(progress)
    logger = logging.getLogger(PROGRESS_LOG)
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _ProgressHandler(logging.Handler):
    """Forwards a task's progress records to the progress display."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        assert isinstance(record.args, tuple)
        stage, what, rows = record.args
        self._progress(str(stage), str(what), int(str(rows)))
