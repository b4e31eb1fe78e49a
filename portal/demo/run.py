"""``./brain demo``: write a synthetic city's files, run every DAG by Airflow in this process, publish a release."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from portal.demo.generation import Generation
from portal.services.in_process import load_dags, run_dags_in_process
from warehouse import engine, releases, tables
from warehouse.progress import Progress
from warehouse.releases import Release
from warehouse.settings import settings

if TYPE_CHECKING:
    from demo_city.city import CitySpec, GenerationReport

#: The gate compares the city's sums with the year before; below this scale they depend on a single firm.
LEAST_SCALE = 0.01


@dataclass(frozen=True)
class DemoReport:
    """The generated files, what each DAG reported, and the latest release."""

    city: GenerationReport
    dags: dict[str, dict[str, Any]]
    release: Release

    @property
    def is_new(self) -> bool:
        return bool(self.dags["publish"]["is_new"])


def run_demo(spec: CitySpec, progress: Progress) -> DemoReport:
    """Generate the city's files (the same ones are kept), run every DAG, publish.

    A separate process writes the files, and groups of feeds are ingested while it writes others. Meanwhile threads load
    Airflow and start the engine, each of which takes several seconds; only the first table waits for the engine.
    A home runs one demo at a time; a second one waits and then finds nothing to do.
    """
    with tables.writing("demo"):
        return _run_demo(spec, progress)


def _run_demo(spec: CitySpec, progress: Progress) -> DemoReport:
    if _has_work(spec):
        threading.Thread(target=_warm_engine, daemon=True).start()
    with ThreadPoolExecutor(max_workers=1) as background, Generation(spec, progress) as generation:
        loaded = background.submit(load_dags)
        arrived = generation.groups()
        first = next(arrived)
        if not loaded.done():
            progress("airflow", "loading", 0)
        dags = run_dags_in_process(progress, loaded, chain([first], arrived))
        return DemoReport(generation.report(), dags, releases.open_release())


def _has_work(spec: CitySpec) -> bool:
    from demo_city.city import is_there

    config = settings()
    return not (releases.release_numbers() and is_there(spec, config.landing, config.home / "truth"))


def _warm_engine() -> None:
    """Start the engine in the background. A failure is ignored here: the first use of the engine reports it."""
    with contextlib.suppress(Exception):
        engine.warm_up()
