"""Checks of the published sums that need more than bad rows of one table."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.expectations.conftest import Judge
from tests.expectations.good_city import City

PARTS = {
    "bulletin.district_total": ("district_code", "330299"),
    "bulletin.division_total": ("industry_division_code", "13"),
}


@pytest.mark.parametrize("table", PARTS)
def test_one_empty_sum_of_few_firms_follows_from_the_others(table: str, city: City, judge: Judge) -> None:
    """One firm is in a part of its own: the part is empty, the other parts and the city are shown."""
    column, other = PARTS[table]
    moved = next(r for r in city["core.enterprise_year"] if r["is_above_scale"] and r["year"] == "2022")
    for name in ("core.enterprise", "core.enterprise_year"):
        for row in city[name]:
            if (row["uscc"], row["year"]) == (moved["uscc"], "2022") and column in row:
                row[column] = other
    figures = {name: None for name, value in city[table][0].items() if isinstance(value, Decimal)}
    alone = {**city[table][-1], **figures, "year": "2022", column: other, "row_id": "x", "firm_count": 1}
    alone["withheld_reasons"] = ["few_firms:land_area_mu"]
    city[table].append(alone)
    report = judge("core.enterprise", "core.enterprise_year", table, tables=[table])
    assert "cannot_be_derived" in {v.expectation for v in report.failures()}


@pytest.mark.parametrize("table", PARTS)
def test_parts_of_a_withheld_sum_are_not_shown(table: str, city: City, judge: Judge) -> None:
    assert "none_without_the_city" not in {v.expectation for v in judge(table).failures()}
    for row in city["bulletin.city_total"]:
        row["land_area_mu"] = None
    report = judge("bulletin.city_total", table, tables=[table])
    assert "none_without_the_city" in {v.expectation for v in report.failures()}
