"""Failures that a user can cause. Each message is one line that says what to do."""

from __future__ import annotations


class UserError(Exception):
    """A failure that is shown as one line, without a traceback; the process exits with ``exit_code``."""

    exit_code = 1


class UsageError(UserError):
    """The command was called wrongly (unknown feed, table or option): exit code 2."""

    exit_code = 2


class RejectedError(UserError):
    """An input was refused or the gate failed: exit code 1; nothing was written in part."""
