"""Who looks at a release: an account's role, its scope and its rights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from schemas.contract import code_list
from schemas.credit_code import is_valid
from schemas.errors import UsageError

#: docs/operations/access.md says what each role sees.
Role = Literal["city", "district", "town", "enterprise", "analyst", "application", "public"]
#: ``statistics``: statistics of single firms without their consent (统计机构). ``quarantine``: quarantined records and
#: deliveries (数据质量). ``accounts``: accounts, tokens and the audit log (系统管理).
Right = Literal["statistics", "quarantine", "accounts"]

ROLES: tuple[Role, ...] = get_args(Role)
RIGHTS: tuple[Right, ...] = get_args(Right)
#: Role → what its scope names. Analysts and applications have a district, or no scope: then they see the whole city.
SCOPES: Mapping[Role, Literal["district", "town", "uscc"]] = {
    "district": "district",
    "town": "town",
    "enterprise": "uscc",
    "analyst": "district",
    "application": "district",
}
#: Roles whose scope may be empty.
UNBOUND: tuple[Role, ...] = ("analyst", "application")
#: Roles that serve offices; others have no rights.
OFFICES: tuple[Role, ...] = ("city", "district", "analyst", "application")


@dataclass(frozen=True)
class Cut:
    """What a viewer may see, without the name: accounts with the same cut see the same."""

    role: Role
    #: District code, town code or credit code, by role; empty if the role has none.
    scope: str = ""
    sees_statistics: bool = False


@dataclass(frozen=True)
class Viewer:
    """An account as the doors know it, checked: a viewer that exists is a lawful one.

    Raises:
        UsageError: the role does not exist, or scope or rights do not belong to it.
    """

    #: Account or token name for the audit log; empty for a visitor without an account.
    name: str
    role: Role
    scope: str = ""
    rights: frozenset[Right] = frozenset()

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise UsageError(f"there is no role {self.role}; there are {', '.join(ROLES)}")
        kind = SCOPES.get(self.role)
        if self.scope and kind is None:
            raise UsageError(f"the role {self.role} has no scope; leave {self.scope} out")
        if kind and not self.scope and self.role not in UNBOUND:
            raise UsageError(f"the role {self.role} needs a scope: a {_CODES[kind]}")
        if self.scope and kind and not _is_scope(kind, self.scope):
            raise UsageError(f"{self.scope} is no {_CODES[kind]}, which the role {self.role} needs")
        if unknown := sorted(self.rights - set(RIGHTS)):
            raise UsageError(f"there is no right {unknown[0]}; there are {', '.join(RIGHTS)}")
        if self.rights and self.role not in OFFICES:
            raise UsageError(f"the role {self.role} has no rights; only {', '.join(OFFICES)} have")

    @property
    def cut(self) -> Cut:
        return Cut(self.role, self.scope, "statistics" in self.rights)

    def may(self, right: Right) -> bool:
        return right in self.rights

    @property
    def is_visitor(self) -> bool:
        return self.role == "public"


#: A visitor without an account.
VISITOR = Viewer("", "public")

_CODES = {
    "district": "district code, such as 330282",
    "town": "town code, such as 330282002",
    "uscc": "credit code of 18 characters",
}


def _is_scope(kind: str, scope: str) -> bool:
    return is_valid(scope) if kind == "uscc" else scope in code_list(kind)
