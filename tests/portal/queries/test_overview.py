"""The overview of a built city: what a reader of the city sees adds up, and agrees with the firms' own figures."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from portal.access.shelf import Shelf
from portal.access.viewer import Cut
from portal.queries import overview
from portal.queries.release import Query
from tests.jobs.per_mu.world import LISTS

#: Number and land of each list's firms in scope that have land, from the firms' own figures.
_OF_FIRMS = """
    SELECT p.year, count(*) AS n, sum(y.land_area_mu) AS land
    FROM per_mu.population p JOIN core.enterprise_year y USING (uscc, year)
    WHERE p.eval_status_code <> 'out_of_scope' AND y.land_area_mu > 0
    GROUP BY p.year, p.district_code, p.list_code"""


@pytest.fixture
def city(built_home: Path) -> Iterator[Query]:
    shelf = Shelf()
    with shelf.reading(shelf.release(), Cut("city")) as query:
        yield query
    shelf.close()


def test_districts_and_lists_add_up_to_the_city(city: Query) -> None:
    whole = {t.year: t for t in overview.by_year(city)}
    assert len(whole) == 3
    for year, total in whole.items():
        districts = [d.totals for d in overview.by_district(city, year)]
        lists = [t for name in LISTS for t in overview.by_year(city, [name]) if t.year == year]
        for parts in (districts, lists):
            for figure in ("firms", "graded", "land_mu", "tax_wan_yuan", "withheld_lists"):
                assert sum(getattr(t, figure) or 0 for t in parts) == getattr(total, figure), figure
        assert total.land_mu and total.tax_wan_yuan and total.tax_per_mu_wan_yuan
        assert abs(total.tax_per_mu_wan_yuan - total.tax_wan_yuan / total.land_mu) < Decimal("0.000001")


def test_the_citys_land_is_that_of_all_lists_with_three_firms(city: Query) -> None:
    lists = city.whole(_OF_FIRMS)
    for total in overview.by_year(city):
        seen = [r["land"] for r in lists if r["year"] == total.year and r["n"] >= 3]
        assert total.land_mu == sum(seen)
