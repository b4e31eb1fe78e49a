"""The process of the embedded engine: Sail in a network of its own, behind a socket that only its owner may open.

    python -m warehouse.engines.sail SOCKET

Sail listens on a TCP port and checks no token, and a port of the loopback is open to every user of a machine. In a
network namespace of its own nobody else reaches it; what comes through the socket, in a folder that is closed to
others, is passed on. Where the system allows no namespace the socket works all the same, and one line in the log,
which ``./brain status`` repeats, says what is open.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import struct
import sys
import threading
from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG = 1
_SIOCSIFFLAGS, _IFF_UP, _IFF_RUNNING = 0x8914, 0x1, 0x40
#: A message's part that is passed on at a time.
CHUNK = 1 << 18
#: Beside the socket: there when other users of the machine reach the engine's port.
OPEN = "open"


def die_with_parent() -> None:
    """Let the kernel end this process when the supervisor has gone, however it went."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def leave_network() -> bool:
    """Move this process, which has one thread yet, into a network of its own; whether that could be done.

    A child tries it first: some systems let a process leave and then refuse it the new network's loopback.
    """
    if sys.platform != "linux":
        return False
    child = os.fork()
    if child == 0:
        try:
            _leave()
        except OSError:
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        return False
    _leave()
    return True


def _leave() -> None:
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        # without the right to do so an ordinary user needs a user namespace as well, in which he keeps his name
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "no namespace")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _raise_loopback()


def _raise_loopback() -> None:
    import fcntl

    with socket.socket() as any_socket:
        request = struct.pack("16sh14x", b"lo", _IFF_UP | _IFF_RUNNING)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


def serve(path: Path) -> None:
    """Start Sail and pass on what comes through the socket, until ended."""
    is_closed = leave_network()
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    assert server.listening_address is not None
    if not is_closed:
        print(
            f"this system allows no network namespace: port {server.listening_address[1]} of the embedded engine is "
            "open to every user of this machine",
            flush=True,
        )
        path.with_name(OPEN).touch()
    os.umask(0o077)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(64)
    while True:
        client, _ = listener.accept()
        engine = socket.create_connection(server.listening_address)
        engine.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, target in ((client, engine), (engine, client)):
            threading.Thread(target=pass_on, args=(source, target), daemon=True).start()


def pass_on(source: socket.socket, target: socket.socket) -> None:
    """Pass on what one side says until it has no more to say."""
    buffer = memoryview(bytearray(CHUNK))
    try:
        while size := source.recv_into(buffer):
            target.sendall(buffer[:size])
    except OSError:
        pass
    finally:
        for side, how in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
            try:
                side.shutdown(how)
            except OSError:
                side.close()


if __name__ == "__main__":
    die_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    serve(Path(sys.argv[1]))
