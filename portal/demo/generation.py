"""The demo city's files, written by a process of their own, so that what is complete can be taken in meanwhile."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.contract import connected_groups
from schemas.errors import RejectedError, UserError
from warehouse.progress import Progress
from warehouse.settings import CHECKOUT, settings

if TYPE_CHECKING:
    from demo_city.city import CitySpec, GenerationReport


class Generation:
    """A city on its way to the landing folder. Where it lies there already, nothing is started.

    At the end of the context the process is gone, whether it was through or not; what it did not finish the next one
    writes anew.
    """

    def __init__(self, spec: CitySpec, progress: Progress) -> None:
        self._spec = spec
        self._progress = progress
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Generation:
        from demo_city.city import is_there

        config = settings()
        if not is_there(self._spec, config.landing, config.home / "truth"):
            config.logs.mkdir(parents=True, exist_ok=True)
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "portal.demo.generation", json.dumps(dataclasses.asdict(self._spec))],
                    cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            if self._process.stdout:
                self._process.stdout.close()

    def groups(self) -> Iterator[str]:
        """Groups of feeds, each when all its files lie there; told is what is written while somebody waits.

        Raises:
            RejectedError: the city could not be written.
        """
        others = dict.fromkeys(connected_groups())
        for told in self._told():
            if "group" in told:
                others.pop(told["group"], None)
                yield told["group"]
            elif "error" in told:
                raise RejectedError(told["error"])
            else:
                self._progress("generate", told["feed"], told["records"])
        if self._process and self._process.wait():
            raise RejectedError(f"the demo city could not be written; see {self._log}")
        yield from others  # of which the city's years have no file, or all of a city that is kept

    def report(self) -> GenerationReport:
        """What lies in the landing folder, when all groups were told."""
        from demo_city.city import generate

        config = settings()
        found = generate(self._spec, config.landing, config.home / "truth")
        return dataclasses.replace(found, kept=self._process is None)

    def _told(self) -> Iterator[dict[str, Any]]:
        if self._process and self._process.stdout:
            yield from map(json.loads, self._process.stdout)

    @property
    def _log(self) -> Path:
        return settings().logs / "generate.log"


def main() -> None:
    """Write the city that the argument names, and tell of each file and each complete group in a line of JSON."""
    from demo_city.city import CitySpec, generate

    def tell(**what: object) -> None:
        print(json.dumps(what), flush=True)

    given = json.loads(sys.argv[1])
    spec = CitySpec(given["scale"], given["seed"], tuple(given["years"]))
    config = settings()
    try:
        generate(
            spec,
            config.landing,
            config.home / "truth",
            lambda feed, records: tell(feed=feed, records=records),
            lambda group: tell(group=group),
        )
    except UserError as error:
        tell(error=str(error))
    except OSError as error:
        tell(error=f"the demo city could not be written: {error.strerror}: {error.filename}")


if __name__ == "__main__":
    main()
