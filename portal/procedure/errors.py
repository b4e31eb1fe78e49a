"""Refusals of the procedure, each one sentence in the reader's language that says what to do."""

from __future__ import annotations

from portal.accounts.errors import AccountError


class ProcedureError(AccountError):
    """A decision that cannot be made now, or not in this form."""

    status = 409
    code = "procedure"


class NotAllowedError(ProcedureError):
    """The account may not decide this."""

    status = 403
    code = "procedure_not_allowed"


class TakenError(ProcedureError):
    """It was decided already, perhaps a moment ago by somebody else."""

    code = "procedure_decided"


class IncompleteError(ProcedureError):
    """A reason, a document, a day or a value is missing or cannot be."""

    status = 422
    code = "procedure_incomplete"


class JournalError(ProcedureError):
    """The journal cannot be read or written."""

    status = 503
    code = "procedure_unavailable"
