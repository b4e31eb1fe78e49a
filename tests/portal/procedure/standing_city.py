"""A built city whose day a test moves, and accounts that decide in it."""

from __future__ import annotations

from datetime import date

from portal.access.viewer import Viewer
from portal.queries.release import reading
from schemas.today import FILE, SyntheticDay
from warehouse.releases import open_release
from warehouse.settings import settings

DISTRICT, YEAR = "330282", "2024"
CLERK = Viewer("clerk", "district", DISTRICT)
COLLEAGUE = Viewer("colleague", "district", DISTRICT)
OTHER = Viewer("other", "district", "330203")
CITY = Viewer("office", "city")
TOWN = Viewer("town", "town", "330282002")


def on(day: str) -> date:
    """Move the home's day."""
    found = date.fromisoformat(day)
    settings().landing.mkdir(parents=True, exist_ok=True)
    (settings().landing / FILE).write_bytes(SyntheticDay(found).as_bytes())
    return found


def firms(count: int, *, grade: str = "") -> list[str]:
    """Graded firms above scale of the district."""
    with reading(open_release()) as query:
        rows = query(
            """SELECT uscc FROM per_mu.confirmation JOIN per_mu.enterprise_grade USING (uscc, year)
            WHERE year = ? AND confirmation.district_code = ? AND (final_grade = ? OR ? = '')
                AND NOT list_contains(list_transform(grade_reasons, x -> left(x, 5)), 'veto:') ORDER BY uscc""",
            YEAR, DISTRICT, grade, grade,
        )  # fmt: skip
    return [row["uscc"] for row in rows][:count]
