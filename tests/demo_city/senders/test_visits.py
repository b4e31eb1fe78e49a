"""Visits to firms: who is visited, when and for what, without a draw that others share."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from demo_city.senders.schedule import deliveries
from demo_city.senders.visits import deliveries as files
from demo_city.senders.visits import low_tax
from demo_city.world.city import City, build_city
from demo_city.world.parameters import parameters

Row = dict[str, str | None]


def rows_of(city: City, year: int) -> dict[str, list[Row]]:
    """Month of the file → its records."""
    return {part: build().table().to_pylist() for _, _, part, build in files(city, year)}


@pytest.fixture(scope="module", params=[2020, 2023])
def year(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_visits_are_made_on_weekdays_in_the_autumn_after_the_year(city: City, year: int) -> None:
    found = rows_of(city, year)
    assert list(found) == [f"{year + 1}-{month}" for month in (10, 11, 12)]
    for month, rows in found.items():
        days = [date.fromisoformat(str(row["走访日期"])) for row in rows]
        assert days and all(f"{day:%Y-%m}" == month and day.weekday() < 5 for day in days)


def test_most_visits_are_to_firms_that_pay_little_tax_on_their_land(city: City, year: int) -> None:
    rows = [row for some in rows_of(city, year).values() for row in some]
    low = set(city.uscc(low_tax(city, year), year).to_pylist())
    of = {purpose: [r for r in rows if r["走访事由"] == purpose] for purpose in {r["走访事由"] for r in rows}}
    assert set(of) == {"低效整治", "助企服务", "安全检查", "项目推进"}
    visited = {row["统一社会信用代码"] for row in of["低效整治"]}
    assert visited <= low and 0.6 < len(visited) / len(low) < 0.8
    assert len(of["低效整治"]) > len(visited), "some are visited twice"
    assert len(of["低效整治"]) > len(rows) / 2
    findings = Counter(row["走访结果"] for row in of["低效整治"])
    assert set(findings) == {"整改完成", "整改推进", "未推进", "停产", "拒绝配合"}
    assert all(row["走访结果"] is None for name, some in of.items() if name != "低效整治" for row in some)
    assert all((row["约定措施"] is None) == (row["走访结果"] in (None, "拒绝配合")) for row in rows)


def test_every_visit_has_a_number_of_its_own_over_all_years(city: City) -> None:
    numbers = [
        row["走访编号"] for y in (2020, 2021, 2022) for some in rows_of(city, y).values() for row in some
    ]
    assert len(numbers) == len(set(numbers)) > 100


def test_the_smallest_city_has_visits_in_every_file() -> None:
    small = build_city(parameters(), 2020, 0.005)
    assert all(len(rows) > 3 for y in range(2020, 2024) for rows in rows_of(small, y).values())


def test_the_last_year_has_no_visits_before_its_results(city: City) -> None:
    sent = [
        (period, part)
        for name, period, part, _ in deliveries(city, (2022, 2023))
        if name == "gov_enterprise_visit"
    ]
    assert sent == [("2022", f"2023-{month}") for month in (10, 11, 12)]
