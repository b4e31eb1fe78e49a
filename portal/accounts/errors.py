"""Refusals of accounts, tokens, sign-in and the audit log, each one sentence in the reader's language."""

from __future__ import annotations

from math import ceil
from typing import ClassVar

from schemas.errors import UserError


class AccountError(UserError):
    """A refusal; the command line prints ``en``, pages and API choose by language."""

    #: HTTP status of a page or an API answer.
    status: ClassVar[int] = 400
    #: Stable name for programs, the end of the API's problem type.
    code: ClassVar[str] = "account"

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en

    def told(self, lang: str) -> str:
        return self.zh if lang == "zh" else self.en


class WrongCallError(AccountError):
    """A name, a date or an option that cannot be; exit code 2."""

    status = 422
    code = "invalid"
    exit_code = 2


class UnknownNameError(AccountError):
    status = 404
    code = "unknown_name"
    exit_code = 2


class NameTakenError(AccountError):
    status = 409
    code = "name_taken"


class WeakPasswordError(AccountError):
    status = 422
    code = "weak_password"


class SignInError(AccountError):
    """Name or password is wrong: which of them is not told, so that nobody can try out names."""

    status = 401
    code = "sign_in"

    def __init__(self) -> None:
        super().__init__("账户名或密码不正确。", "the account name or the password is wrong")


class LockedError(AccountError):
    status = 429
    code = "locked"

    def __init__(self, seconds: float) -> None:
        self.retry_after_seconds = ceil(seconds)
        minutes = ceil(seconds / 60)
        super().__init__(
            f"登录失败次数过多，请在 {minutes} 分钟后重试，或请管理员重置密码。",
            f"too many failed sign-ins: try again in {minutes} min, or ask the administrator for a new password",
        )


class ClosedAccountError(AccountError):
    """The account is disabled or has expired; told only after the right password or in an own session."""

    status = 403
    code = "account_closed"


class FirstPasswordError(AccountError):
    """The account still has a password that somebody else has read; it may only be changed."""

    status = 403
    code = "first_password"

    def __init__(self) -> None:
        super().__init__("首次登录，请先修改密码。", "change the first password before anything else")


class SessionEndedError(AccountError):
    status = 401
    code = "session_ended"

    def __init__(self) -> None:
        super().__init__("登录已失效，请重新登录。", "the session has ended; sign in again")


class TokenError(AccountError):
    status = 401
    code = "token"


class UnknownTokenError(TokenError):
    code = "token_unknown"

    def __init__(self) -> None:
        super().__init__(
            "令牌不存在，请检查是否完整复制。", "there is no such token; check that it was copied completely"
        )


class ExpiredTokenError(TokenError):
    code = "token_expired"

    def __init__(self, name: str, day: str) -> None:
        super().__init__(
            f"令牌 {name} 已于 {day} 到期，请向管理员申请新令牌。",
            f"the token {name} expired on {day}; ask the administrator for a new one",
        )


class RevokedTokenError(TokenError):
    code = "token_revoked"

    def __init__(self, name: str, day: str) -> None:
        super().__init__(
            f"令牌 {name} 已于 {day} 撤销，请向管理员申请新令牌。",
            f"the token {name} was revoked on {day}; ask the administrator for a new one",
        )


class UnavailableError(AccountError):
    """Accounts cannot be read or written at the moment."""

    status = 503
    code = "accounts_unavailable"


class AuditError(AccountError):
    """The audit log cannot be written, so that what it should have recorded must not happen."""

    status = 503
    code = "audit_unavailable"


class OpenIdError(AccountError):
    """The provider's answer is refused."""

    status = 403
    code = "openid_refused"


class OpenIdUnavailableError(AccountError):
    status = 503
    code = "openid_unavailable"
