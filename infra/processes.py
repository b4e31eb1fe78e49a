"""Server processes that outlive their starter: identified by process id and start time, never by name."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psutil

#: Interval between two checks of a starting or ending server.
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class ServerProcess:
    """A process, identified by id and start time, since ids are reused."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> ServerProcess:
        return cls(pid, psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """The process if it is alive."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) < 1 and is_alive(process):
                return process
        return None

    def end(self, *signals: tuple[signal.Signals, float]) -> None:
        """Send the signals in turn, each with seconds to obey, then SIGKILL; stop once process and children ended."""
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
    """Whether a process runs. A zombie does not: it only waits for its parent; if we are the parent, it is reaped.

    A process whose first thread has ended while others continue also looks like a zombie, as Java does while it stops.
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
    """Wait until the server is ready; False if it ended or was not ready in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.find():
        if is_ready():
            return True
        time.sleep(LOOK_SECONDS)
    return False


# --- ports -----------------------------------------------------------------------------------------


def listens(port: int) -> bool:
    """Whether something listens on the port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def choose_ports(wanted: Iterable[int | None]) -> list[int]:
    """For each wanted port that port if it is free, else (and for None) another one; all differ."""
    with contextlib.ExitStack() as held:
        return [_hold(held, port) for port in wanted]


def _hold(held: contextlib.ExitStack, port: int | None) -> int:
    probe = held.enter_context(socket.socket())
    # ignore closing connections (TIME_WAIT) of a predecessor
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", port or 0))
    except OSError:
        probe.bind(("127.0.0.1", 0))
    return int(probe.getsockname()[1])
