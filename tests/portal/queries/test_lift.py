"""What would lift a grade."""

from __future__ import annotations

from decimal import Decimal

import pytest

from portal.queries.lift import lift
from portal.queries.release import reading
from tests.portal.card_release import BOTTOM, EDGE_A, EVIL, GOOD, SAVED, VETOED
from warehouse.releases import Release


def test_indicators_stand_by_the_points_that_they_lack(release: Release) -> None:
    with reading(release) as query:
        found = lift(query, GOOD, "2024")
    assert found
    assert [(i.indicator.code, i.points_missing) for i in found.indicators] == [
        ("I2", 10), ("I1", Decimal("2.25")), ("I5", 2), ("I4", Decimal("1.2")), ("I3", 0), ("I6", 0),
    ]  # fmt: skip
    assert [i.note.code for i in found.indicators if i.note] == ["group_average"]


@pytest.mark.parametrize(
    ("uscc", "following", "missing"),
    [
        # the last in A stands there by refill; who is vetoed or saved marks no edge
        (GOOD, "A", "9.75"), (EDGE_A, None, None), (BOTTOM, "C", "39.875"), (EVIL, "B", "20"),
        (SAVED, "B", "40"), (VETOED, "C", "-70"),
    ],
)  # fmt: skip
def test_points_to_the_next_grade(
    release: Release, uscc: str, following: str | None, missing: str | None
) -> None:
    with reading(release) as query:
        found = lift(query, uscc, "2024")
    assert found
    assert (found.next_grade.code if found.next_grade else None) == following
    assert found.points_missing == (Decimal(missing) if missing else None)
