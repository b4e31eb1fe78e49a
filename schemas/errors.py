"""Failures a user can cause. Each is one line that says what to do."""

from __future__ import annotations


class UserError(Exception):
    """A failure shown as one line, without a traceback; the process exits with ``exit_code``."""

    exit_code = 1


class UsageError(UserError):
    """The command was called wrongly (unknown feed, table or option): exit code 2."""

    exit_code = 2


class RejectedError(UserError):
    """An input was refused or a gate failed: exit code 1; nothing was half-written."""
