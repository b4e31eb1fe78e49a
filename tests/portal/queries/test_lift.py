"""What would raise a grade."""

from __future__ import annotations

from decimal import Decimal

import pytest

from portal.queries.lift import lift
from portal.queries.release import reading
from tests.portal.card_release import BOTTOM, EDGE_A, EVIL, GOOD, SAVED, VETOED
from warehouse.releases import Release


def test_indicators_are_ordered_by_missing_points(release: Release) -> None:
    with reading(release) as query:
        result = lift(query, GOOD, "2024")
    assert result
    assert [(i.indicator.code, i.points_missing) for i in result.indicators] == [
        ("I2", 10), ("I1", Decimal("2.25")), ("I5", 2), ("I4", Decimal("1.2")), ("I3", 0), ("I6", 0),
    ]  # fmt: skip
    assert [i.note.code for i in result.indicators if i.note] == ["group_average"]


@pytest.mark.parametrize(
    ("uscc", "following", "missing"),
    [
        # the lowest A is a refill; vetoed and protected firms do not define the lowest total
        (GOOD, "A", "9.75"), (EDGE_A, None, None), (BOTTOM, "C", "39.875"), (EVIL, "B", "20"),
        (SAVED, "B", "40"), (VETOED, "C", "-70"),
    ],
)  # fmt: skip
def test_points_to_the_next_grade(
    release: Release, uscc: str, following: str | None, missing: str | None
) -> None:
    with reading(release) as query:
        result = lift(query, uscc, "2024")
    assert result
    assert (result.next_grade.code if result.next_grade else None) == following
    assert result.points_missing == (Decimal(missing) if missing else None)
