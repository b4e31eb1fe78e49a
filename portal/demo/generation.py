"""Write the demo city's files in a separate process, so that complete groups of feeds can be ingested meanwhile."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.contract import connected_groups
from schemas.errors import RejectedError, UserError
from warehouse.progress import Progress
from warehouse.settings import CHECKOUT, settings

if TYPE_CHECKING:
    from demo_city.city import CitySpec, GenerationReport


class Generation:
    """Context manager that writes a city to the landing folder. If the same city is there already, nothing is started.

    At the end of the context the process is killed, finished or not. The next process writes unfinished files again.
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
                spec = json.dumps(dataclasses.asdict(self._spec), default=str)
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "portal.demo.generation", spec],
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
        """Groups of feeds, each as soon as all its files are in the landing folder; waiting reports progress.

        Raises:
            RejectedError: the city could not be written.
        """
        others = dict.fromkeys(connected_groups())
        for message in self._messages():
            if "group" in message:
                others.pop(message["group"], None)
                yield message["group"]
            elif "error" in message:
                raise RejectedError(message["error"])
            else:
                self._progress("generate", message["feed"], message["records"])
        if self._process and self._process.wait():
            raise RejectedError(f"the demo city could not be written; see {self._log}")
        yield from others  # groups without a file in the city's years, or all groups of a city that is kept

    def report(self) -> GenerationReport:
        """The generation report of the landing folder; call it after the last group."""
        from demo_city.city import generate

        config = settings()
        report = generate(self._spec, config.landing, config.home / "truth")
        return dataclasses.replace(report, kept=self._process is None)

    def _messages(self) -> Iterator[dict[str, Any]]:
        if self._process and self._process.stdout:
            yield from map(json.loads, self._process.stdout)

    @property
    def _log(self) -> Path:
        return settings().logs / "generate.log"


def main() -> None:
    """Write the city of the argument, and print a line of JSON for each file and each complete group."""
    from demo_city.city import CitySpec, generate

    def tell(**what: object) -> None:
        print(json.dumps(what), flush=True)

    given = json.loads(sys.argv[1])
    until = date.fromisoformat(given["until"]) if given["until"] else None
    spec = CitySpec(given["scale"], given["seed"], tuple(given["years"]), slips=given["slips"], until=until)
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
