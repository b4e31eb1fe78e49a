"""Trials that a server computes: one at a time, each in a process of its own, others wait in line.

The server imports no engine. The process is the command line with the same question; its answer lies in the home, where
every process finds it. The line itself is in the server's memory: after a restart a question is asked again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Literal

from portal.what_if.trial import Question, is_answered_again
from schemas.errors import UserError
from warehouse.settings import CHECKOUT, settings

#: Trials that may wait; a trial takes seconds, so a longer line only hides that something is stuck.
MOST = 8
#: Seconds after which a trial is stopped.
LONGEST = 600
#: Failures that are remembered.
REMEMBERED = 50

State = Literal["waiting", "running", "failed"]


class LineFullError(UserError):
    """Too many trials wait."""


@dataclass(frozen=True)
class Asked:
    """A question as the command line takes it."""

    id: str
    release: int
    year: str
    fields: tuple[str, ...]
    district: str | None

    def command(self) -> list[str]:
        changes = [part for field in self.fields for part in ("--set", field)]
        where = ["--district", self.district] if self.district else []
        of = ["--release", str(self.release), "--year", self.year]
        return [sys.executable, "-m", "portal.cli", "whatif", *of, *where, *changes, "--json"]


class Turns:
    """The line of one server."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: OrderedDict[str, Asked] = OrderedDict()
        self._running: str | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._failed: OrderedDict[str, str] = OrderedDict()
        self._thread: Thread | None = None

    def ask(self, asked: Asked) -> None:
        """Put a question into the line, unless it is there.

        Raises:
            LineFullError: the line is full.
        """
        with self._lock:
            if asked.id == self._running or asked.id in self._waiting:
                return
            if len(self._waiting) >= MOST:
                raise LineFullError(f"{MOST} trials wait already; try again in a minute")
            self._failed.pop(asked.id, None)
            self._waiting[asked.id] = asked
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._work, name="what-if", daemon=True)
                self._thread.start()

    def state(self, ident: str) -> tuple[State, str] | None:
        """What became of a question that is not answered: its state, and its place in the line or its failure."""
        with self._lock:
            if ident == self._running:
                return "running", ""
            if ident in self._waiting:
                return "waiting", str(list(self._waiting).index(ident) + 1)
            if ident in self._failed:
                return "failed", self._failed[ident]
        return None

    def close(self) -> None:
        """Stop what runs; nothing waits any more."""
        with self._lock:
            self._waiting.clear()
            if self._process is not None:
                self._process.terminate()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                ident, asked = self._waiting.popitem(last=False)
                self._running = ident
            failure = self._run(asked)
            with self._lock:
                self._running = self._process = None
                if failure:
                    self._failed[ident] = failure
                    while len(self._failed) > REMEMBERED:
                        self._failed.popitem(last=False)

    def _run(self, asked: Asked) -> str:
        """Compute a trial; the failure's line, or nothing."""
        process = subprocess.Popen(
            asked.command(),
            cwd=CHECKOUT,
            env={**os.environ, **settings().environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        with self._lock:
            self._process = process
        try:
            _, said = process.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return f"it took longer than {LONGEST // 60} minutes"
        if process.returncode == 0:
            return ""
        lines = said.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].removeprefix("brain: ") if lines else "it ended without an answer"


def begin(turns: Turns, question: Question, changes: Sequence[str], district: str | None) -> None:
    """Put a question into the line, unless it is answered; the answer of one asked again is used again.

    Raises:
        LineFullError: the line is full.
    """
    if not is_answered_again(question):
        turns.ask(Asked(question.id, question.release.number, question.year, tuple(changes), district))
