"""Parameters that differ between firms above and below scale (规上、规下)."""

from __future__ import annotations

from schemas.definition import Definition


class ByScale(Definition):
    """A figure of the firms above and of those below scale."""

    above: float
    below: float
