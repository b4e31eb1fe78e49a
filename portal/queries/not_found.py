"""Why no firm was found: lines for a terminal, with what doors need that have words of their own."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.errors import UsageError


class Unknown(UsageError):
    """No firm has the code or name.

    Its line is for a terminal; ``nearest`` are codes and names of the most similar firms, for doors with words of
    their own.
    """

    def __init__(self, said: str, nearest: Sequence[tuple[str, str]]) -> None:
        super().__init__(said)
        self.nearest = tuple(nearest)


class Disputed(UsageError):
    """Several firms claim an identifier; ``claimants`` are their codes."""

    def __init__(self, identifier: str, claimants: Sequence[str]) -> None:
        super().__init__(
            f"{identifier} is in dispute and identifies nobody; claimed by: {', '.join(claimants)}"
        )
        self.claimants = tuple(claimants)


class NotThatYear(UsageError):
    """The firm is in no directory of that year, but in those of ``years``."""

    def __init__(self, said: str, years: Sequence[str]) -> None:
        super().__init__(said)
        self.years = tuple(years)
