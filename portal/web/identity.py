"""Who a request comes from: the account of its session, or the token that it carries."""

from __future__ import annotations

from fastapi import Request

from portal.access.viewer import VISITOR, Viewer
from portal.accounts import sessions, tokens
from portal.accounts.errors import AccountError, FirstPasswordError, TokenError

#: Key of the account in the session.
ACCOUNT = "account"
#: Path of the only page that a first password opens.
PASSWORD_PAGE = "/password"


def identify(request: Request) -> Viewer:
    """The viewer of a request.

    A token that does not hold is refused, so that a program notices; a session that does not hold any more is closed,
    and the reader is a visitor who may sign in again.

    Raises:
        TokenError: the token is unknown, expired or revoked.
    """
    if (given := request.headers.get("authorization")) is not None:
        kind, _, text = given.partition(" ")
        if kind.lower() == "bearer":
            return tokens.by_token(text.strip())
    content = request.session.get(ACCOUNT)
    if not content:
        return VISITOR
    try:
        return sessions.viewer_in(content, is_changing_password=request.url.path.endswith(PASSWORD_PAGE))
    except FirstPasswordError:
        request.state.must_change_password = True
        return VISITOR
    except AccountError:
        request.session.clear()
        return VISITOR


__all__ = ["ACCOUNT", "PASSWORD_PAGE", "TokenError", "identify"]
