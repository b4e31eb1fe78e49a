"""``./brain demo``: a synthetic city's files, every DAG by Airflow in this process, a release, and what came out."""

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

#: The gate holds the city's sums against the year before; below this scale they hang on a single firm.
LEAST_SCALE = 0.01


@dataclass(frozen=True)
class DemoReport:
    """What lies in the landing folder, what each DAG reported, and the release that is now the latest."""

    city: GenerationReport
    dags: dict[str, dict[str, Any]]
    release: Release

    @property
    def is_new(self) -> bool:
        return bool(self.dags["publish"]["is_new"])


def run_demo(spec: CitySpec, progress: Progress) -> DemoReport:
    """Generate the city's files (kept when the same ones lie there), run every DAG, publish.

    Groups of feeds are taken in while others are being written, by a process of their own. Meanwhile Airflow is loaded
    and the engine is started: each takes several seconds. Nobody waits for the engine before the first table is made.
    One at a time per home: a second one then finds that all is done.
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
    """Start the engine in the background; what goes wrong shows again, in full, where it is needed."""
    with contextlib.suppress(Exception):
        engine.warm_up()
