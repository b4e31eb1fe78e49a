"""Who looks at which district's year of the procedure: every account, one with a district of its own at that alone."""

from __future__ import annotations

from portal.access import views
from portal.access.viewer import Viewer
from portal.queries.release import Query
from schemas.contract import contracts


def is_bound(viewer: Viewer) -> bool:
    """Whether the viewer has one district only."""
    return viewer.role in ("town", "enterprise") or (
        viewer.role in ("district", "analyst") and bool(viewer.scope)
    )


def place_of(query: Query, viewer: Viewer, year: str, chosen: str) -> str | None:
    """The district that the viewer looks at: its own where it has one, else the chosen one.

    ``None`` if it is a firm that is not in the year's evaluation.
    """
    if viewer.role == "enterprise":
        rows = query(
            "SELECT district_code FROM per_mu.population WHERE uscc = ? AND year = ?", viewer.scope, year
        )
        return str(rows[0]["district_code"]) if rows else None
    return viewer.scope[:6] if is_bound(viewer) else chosen


def sees_objections(viewer: Viewer) -> bool:
    """Whether the viewer sees objections that its rows of firms name; towns do not, as of their table."""
    return views.sees_rows(contracts()["per_mu.objection"], viewer.cut)


def sees_corrections(viewer: Viewer) -> bool:
    """Whether the viewer sees grades that wait for a correction: offices do, which see what was published."""
    return viewer.role != "enterprise" and views.sees_rows(contracts()["per_mu.publication"], viewer.cut)
