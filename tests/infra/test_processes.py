"""A server process is identified by its id and start time."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from infra.processes import ServerProcess, choose_ports
from warehouse import state
from warehouse.settings import CHECKOUT


def test_a_reused_process_id_is_not_the_server() -> None:
    me = ServerProcess.of(os.getpid())
    assert me.find() is not None
    other = ServerProcess(me.pid, me.started - 60)
    assert other.find() is None
    other.end((signal.SIGKILL, 0))  # spares us


def test_a_process_that_ignores_a_signal_is_killed() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as deaf:
        assert deaf.stdout is not None and deaf.stdout.readline()
        server = ServerProcess.of(deaf.pid)
        server.end((signal.SIGTERM, 0.2))
        assert server.find() is None


#: The first thread ends alone (Python's own means end all threads); the second waits until its input is closed.
FIRST_THREAD_ENDS = """
import ctypes, sys, threading
threading.Thread(target=lambda: (print(flush=True), sys.stdin.read())).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_process_whose_first_thread_has_ended_is_alive() -> None:
    command = [sys.executable, "-c", FIRST_THREAD_ENDS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        server = ServerProcess.of(process.pid)
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        assert server.find() is not None
        look = f"from infra.processes import ServerProcess; print(ServerProcess{(server.pid, server.started)}.find())"
        other = subprocess.run(
            [sys.executable, "-c", look], capture_output=True, text=True, check=True, cwd=CHECKOUT
        )
        assert other.stdout.startswith("psutil.Process")
        server.end((signal.SIGTERM, 10))
        assert not psutil.pid_exists(process.pid)


def test_ports_are_the_wanted_ones_if_free_and_never_equal() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        ports = choose_ports([taken, None, None])
    assert taken not in ports and len(set(ports)) == 3
    assert choose_ports(ports) == ports


def test_state_is_for_the_owner_only_and_broken_state_is_empty(tmp_path: Path) -> None:
    file = tmp_path / "server.json"
    assert state.read(file) == {}
    state.write_whole(file, '{"port": 1}')
    assert state.read(file) == {"port": 1}
    assert file.stat().st_mode & 0o077 == 0
    for broken in (b"", b"{", b"[1]", b"null", bytes(range(256))):
        file.write_bytes(broken)
        assert state.read(file) == {}
