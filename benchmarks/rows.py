"""The result of a benchmark: one row for each figure, with its goal and, if there is one, a peer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
Say = Callable[[str], None]


def row(what: str, measured: float, goal: str, peer: str = "", peer_seconds: float | None = None) -> Row:
    """A figure, the peer's figure, and their ratio."""
    ratio = round(measured / peer_seconds, 2) if peer_seconds else None
    return {
        "what": what,
        "measured": round(measured, 2),
        "goal": goal,
        "peer": f"{peer}: {peer_seconds:.2f}" if peer_seconds else peer,
        "ratio": ratio,
    }
