"""The process of the embedded engine: Sail in its own network namespace, behind a socket that only its owner may open.

    python -m warehouse.engines.sail SOCKET

Sail listens on a TCP port and checks no token, and every user of a machine can open a loopback port. In its own network
namespace nobody else reaches the port; this process forwards what arrives at the socket, which is in a folder closed to
other users. Where the system allows no namespace, the socket works all the same; one line in the log, which
``./brain status`` repeats, says which port is open.
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
#: Bytes that are forwarded at a time.
CHUNK = 1 << 18
#: File beside the socket; it exists when other users of the machine reach the engine's port.
OPEN = "open"


def die_with_parent() -> None:
    """Let the kernel end this process when the supervisor has ended, however it ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def leave_network() -> bool:
    """Move this process, still single-threaded, into its own network namespace; return whether that succeeded.

    A child tries it first: some systems allow the namespace and then refuse its loopback interface.
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
        # an unprivileged user needs a user namespace as well, in which user and group ids stay the same
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
    """Start Sail and forward connections of the socket to it, until terminated."""
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
    """Forward bytes from one side to the other until the first closes."""
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
