"""Server processes that outlive who started them: found again by process id and start time, never by name."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psutil

#: Between two looks at a server that is starting.
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class ServerProcess:
    """A process id may be given to somebody else later; together with the start time it is one process."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> ServerProcess:
        return cls(pid, psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """The process when it is alive."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) < 1 and is_alive(process):
                return process
        return None

    def end(self, *signals: tuple[signal.Signals, float]) -> None:
        """Send the signals one after the other, each with seconds to obey, until it and its children are gone."""
        process = self.find()
        if process is None:
            return
        family = [process]
        with contextlib.suppress(psutil.NoSuchProcess):
            family += process.children(recursive=True)
        for number, seconds in (*signals, (signal.SIGKILL, 10)):
            for receiver in family if number == signal.SIGKILL else [process]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    receiver.send_signal(number)
            if _have_ended(family, seconds):
                return


def _have_ended(processes: list[psutil.Process], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(map(is_alive, processes)):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def is_alive(process: psutil.Process) -> bool:
    """Not so a zombie: it has ended, and is kept only until its parent, if that is us, asks how.

    A process whose first thread has ended while others work on looks like one, as Java does when it is stopped.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        if not process.is_running():
            return False
        if process.status() != psutil.STATUS_ZOMBIE:
            return True
        if process.ppid() != os.getpid():
            return process.num_threads() > 1
        try:
            process.wait(0)
        except psutil.TimeoutExpired:
            return True
    return False


def comes_up(process: ServerProcess, is_ready: Callable[[], bool], seconds: float) -> bool:
    """Wait until the server is ready; False when it ended, or was not ready in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.find():
        if is_ready():
            return True
        time.sleep(LOOK_SECONDS)
    return False


# --- ports -----------------------------------------------------------------------------------------


def listens(port: int) -> bool:
    """Whether somebody answers at the port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def choose_ports(wanted: Iterable[int | None]) -> list[int]:
    """For each wanted port itself where it is free, else (and for None) another one; no two are the same."""
    with contextlib.ExitStack() as held:
        return [_hold(held, port) for port in wanted]


def _hold(held: contextlib.ExitStack, port: int | None) -> int:
    probe = held.enter_context(socket.socket())
    # connections of a predecessor that are being closed do not count
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", port or 0))
    except OSError:
        probe.bind(("127.0.0.1", 0))
    return int(probe.getsockname()[1])
