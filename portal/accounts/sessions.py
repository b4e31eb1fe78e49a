"""Sessions: what a signed cookie says about who signed in, and whether it still holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from portal.access.viewer import Viewer
from portal.accounts import database, store
from portal.accounts.errors import SessionEndedError
from schemas.errors import UsageError
from warehouse.settings import settings

#: A working day; a person signs in again after it.
LENGTH = timedelta(hours=8)


def opened(viewer: Viewer, *, is_openid: bool = False) -> dict[str, Any]:
    """Content of the cookie after a sign-in. The server signs it; it is not secret.

    Args:
        is_openid: the viewer comes from claims of the provider, so that no account of the home has its role.
    """
    content: dict[str, Any] = {"name": viewer.name, "at": database.as_text(database.now())}
    if is_openid:
        content |= {"issuer": settings().oidc_issuer} | store.seen(viewer)
    return content


def viewer_in(content: Mapping[str, Any], *, is_changing_password: bool = False) -> Viewer:
    """The viewer of a cookie's content: of an account as it is now, of claims as they were at the sign-in.

    Raises:
        SessionEndedError: it is older than ``LENGTH``, was ended, or is not readable.
        ClosedAccountError: the account is disabled or has expired.
        FirstPasswordError: the password has to be changed first.
    """
    try:
        name, at = content["name"], datetime.fromisoformat(content["at"])
        is_over = not timedelta(0) <= database.now() - at < LENGTH
    except (KeyError, TypeError, ValueError):
        raise SessionEndedError from None
    if is_over:
        raise SessionEndedError
    if "issuer" not in content:
        return store.viewer_of(name, at, is_changing_password=is_changing_password)
    if content["issuer"] != settings().oidc_issuer:  # the house has another provider now, or none
        raise SessionEndedError
    try:
        return Viewer(name, content["role"], content["scope"], frozenset(content["rights"]))
    except (KeyError, TypeError, UsageError):  # made by another version
        raise SessionEndedError from None
