"""Failures that a user can cause. Each message is one line that says what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A failure that is shown as one line, without a traceback; the process exits with ``exit_code``."""

    exit_code = 1


class UsageError(UserError):
    """The command was called wrongly (unknown feed, table or option): exit code 2."""

    exit_code = 2


class RejectedError(UserError):
    """An input was refused or the gate failed: exit code 1; nothing was written in part."""


def similar(name: str, known: Iterable[str]) -> str:
    """The part of a message that names the known names most like an unknown one; empty if none is.

    >>> similar("gov_taxes", ["gov_tax", "ent_need"])
    'similar: gov_tax; '
    """
    found = get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"similar: {', '.join(found)}; " if found else ""
