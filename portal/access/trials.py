"""Who may try rules and see what they would move: officials, each for what they govern."""

from __future__ import annotations

from collections.abc import Iterable

from portal.access.viewer import Viewer

#: Roles that try rules. Firms, towns and visitors do not: an answer names firms of a whole list.
ROLES = ("city", "district", "analyst", "application")


def may_try(viewer: Viewer) -> bool:
    return viewer.role in ROLES


def may_try_in(viewer: Viewer, districts: Iterable[str]) -> bool:
    """Whether the viewer may try rules in these districts and see the answer: all, or only the own one."""
    return may_try(viewer) and (not viewer.scope or set(districts) == {viewer.scope})
