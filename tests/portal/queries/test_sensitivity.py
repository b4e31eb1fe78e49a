"""The smallest shifts of weight for a firm, and who is D with what would lift it."""

from __future__ import annotations

import pytest

from portal.queries.release import reading
from portal.queries.sensitivity import at_bottom, weight_shifts
from schemas.errors import UsageError
from tests.portal.card_release import BOTTOM, EDGE_A, GOOD
from warehouse.releases import Release


def test_shifts_are_smallest_first_and_lift_the_firm(release: Release) -> None:
    with reading(release) as query:
        grade, found = weight_shifts(query, GOOD, "2024")
    assert grade == "B"
    assert [shift.points for shift in found] == sorted(shift.points for shift in found)
    assert found
    assert all(shift.grade == "A" and 0 < shift.points <= 20 for shift in found)


def test_a_firm_with_the_best_grade_or_none_is_refused(release: Release) -> None:
    with reading(release) as query:
        with pytest.raises(UsageError, match="best grade"):
            weight_shifts(query, EDGE_A, "2024")
        with pytest.raises(UsageError, match="no grade"):
            weight_shifts(query, GOOD, "1999")


def test_who_is_d_and_what_would_lift_it(release: Release) -> None:
    with reading(release) as query:
        found, total = at_bottom(query, "2024", "", 50)
        rows = query(
            "SELECT uscc FROM per_mu.enterprise_grade WHERE year = '2024' AND final_grade = 'D' "
            "AND rank_in_list IS NOT NULL"
        )
        first, same_total = at_bottom(query, "2024", "", 1)
    assert {one.uscc for one in found} == {row["uscc"] for row in rows} >= {BOTTOM}
    assert total == same_total == len(rows)
    assert len(first) == 1
    [bottom] = [one for one in found if one.uscc == BOTTOM]
    assert bottom.lift.points_missing
