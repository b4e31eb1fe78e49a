"""The published tables agree with the oracle on generated cities, and no attack on them finds a firm."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.jobs.bulletin.world import farthest, generated, others_of_their_classes, published
from tests.oracles import bulletin as oracle
from tests.oracles.bulletin import LEAST, Firm, Table, class_of, known_sums, shows_a_firm

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CITIES = 60
ONCE = settings(
    max_examples=2, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def cities(seed: int) -> dict[str, list[Firm]]:
    chance = random.Random(seed)
    return {str(year): generated(str(year), chance) for year in range(2000, 2000 + CITIES)}


@ONCE
@given(st.integers())
def test_the_tables_agree_with_the_oracle(spark: SparkSession, seed: int) -> None:
    firms = [firm for city in cities(seed).values() for firm in city]
    found = published(spark, firms)
    wanted = {
        "city": oracle.city(firms),
        "district": oracle.district(firms),
        "division": oracle.division(firms),
    }
    for table, rows in wanted.items():
        assert found[table] == rows, table
    reasons = {
        r.partition(":")[0]
        for t in ("district", "division")
        for row in found[t].values()
        for r in row.reasons
    }
    assert reasons == {"few_firms", "dominated", "secondary"}, "the generated cities reach every rule"


# --- one release ---------------------------------------------------------------------------------------------


def amounts_of(firms: list[Firm], figure: str, unit: str) -> dict[str, list[Decimal]]:
    """Cell → exact amounts of the firms above scale; the firms without a division are a cell of their own."""
    cells: dict[str, list[Decimal]] = defaultdict(list)
    for firm in firms:
        if firm.is_above and (value := firm.figures[figure]) is not None:
            cells[f"{unit}:{getattr(firm, unit)}"].append(value)
    return cells


def learned(tables: dict[str, Table], city: list[Firm], figure: str) -> list[list[Decimal]]:
    """Amounts behind every sum that is shown, or follows from those that are, for the firms above scale."""
    year = city[0].year
    total = tables["city"].get((year, "city", True))
    cells: dict[str, list[Decimal]] = {}
    known: list[list[Decimal]] = []
    equations = []
    is_shown = total is not None and total.figures[figure] is not None
    for unit in ("district", "division"):
        own = amounts_of(city, figure, unit)
        cells |= own
        rows = {f"{unit}:{key[1]}": row for key, row in tables[unit].items() if key[0] == year and key[2]}
        empty = {name: 1 for name in own if name not in rows or rows[name].figures[figure] is None}
        known += [own[name] for name in own if name not in empty]
        equations.append(empty | ({} if is_shown else {"total": -1}))
    cells["total"] = [v for f in city if f.is_above and (v := f.figures[figure]) is not None]
    if is_shown:
        known.append(cells["total"])
    sums = known_sums([e for e in equations if e]) if cells["total"] else []
    # a sum in which the total stands on one side and its parts on the other is none
    return known + [[a for name in names for a in cells[name]] for names in sums]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_sum_that_is_shown_or_follows_shows_a_firm(spark: SparkSession, seed: int) -> None:
    by_year = cities(seed)
    tables = published(spark, [firm for city in by_year.values() for firm in city])
    attacked = [
        (year, figure, sizes)
        for year, city in by_year.items()
        for figure in LEAST
        for sizes in learned(tables, city, figure)
    ]
    assert len(attacked) > 1000
    assert [a for a in attacked if shows_a_firm(a[2])] == []


def test_the_attack_finds_a_cell_that_follows() -> None:
    """A test of the attack: without the second empty cell, the first follows from the total."""
    assert known_sums([{"a": 1}]) == [{"a"}]
    assert known_sums([{"a": 1, "b": 1}]) == [{"a", "b"}]
    assert known_sums([{"a": 1, "b": 1}, {"b": 1}]) == [{"a"}, {"b"}]
    assert known_sums([{"a": 1, "total": -1}]) == []
    assert shows_a_firm([Decimal(81), Decimal(10), Decimal(9)]) and shows_a_firm([Decimal(1), Decimal(1)])
    assert not shows_a_firm([Decimal(80), Decimal(10), Decimal(10)])


# --- several releases ------------------------------------------------------------------------------------------


@ONCE
@given(st.integers())
def test_releases_tell_no_more_of_a_firm_than_its_class(spark: SparkSession, seed: int) -> None:
    """Any other amounts of the same classes give the same tables, cell by cell and reason by reason.

    So from all releases together, whoever joined, left or was corrected between them, nobody can exclude these other
    amounts, and each is more than a fifth from the true one.
    """
    real = cities(seed)
    twins = {
        str(int(y) + CITIES): others_of_their_classes(city, str(int(y) + CITIES)) for y, city in real.items()
    }
    tables = published(spark, [firm for city in (real | twins).values() for firm in city])
    for table in tables.values():
        of_real = {key: row for key, row in table.items() if key[0] in real}
        of_twins = {(str(int(k[0]) - CITIES), *k[1:]): row for k, row in table.items() if k[0] in twins}
        assert of_real == of_twins
    for firm in (firm for city in real.values() for firm in city):
        for figure, value in firm.figures.items():
            if value and class_of(value, Decimal(LEAST[figure])):
                assert abs(farthest(figure, value) - value) > abs(value) / 5


def differences(before: dict[str, Table], after: dict[str, Table], figure: str) -> set[Decimal]:
    """Differences of every sum that two releases of one year show."""
    return {
        old - new
        for name, table in before.items()
        for (year, unit, is_above), row in table.items()
        for later in [after[name].get((str(int(year) + 1), unit, is_above))]
        if later is not None
        and (old := row.figures[figure]) is not None
        and (new := later.figures[figure]) is not None
    }


def test_a_firm_that_leaves_shows_its_class_in_every_difference(spark: SparkSession) -> None:
    """An attacker compares two releases: the differences of all cells are one number, that of the firm's class."""
    chance = random.Random(5)
    found = 0
    releases: list[list[Firm]] = []
    gone: list[Firm] = []
    for year in range(2000, 2120, 2):
        city = [f for f in generated(str(year), chance) if f.is_above and f.division]
        if len(city) > 8:
            gone.append(city[0])
            later = [replace(f, year=str(year + 1)) for f in city[1:]]
            releases += [city, later]
    tables = published(spark, [firm for city in releases for firm in city])
    for firm in gone:
        of_year = {n: {k: r for k, r in t.items() if k[0] == firm.year} for n, t in tables.items()}
        for figure, value in firm.figures.items():
            told = differences(of_year, tables, figure) - {Decimal(0)}
            least = Decimal(LEAST[figure])
            expected = oracle.counted(value, least) if value else Decimal(0)
            assert told <= {expected}, (firm, figure)
            found += bool(told)
    assert found > 20


def test_exact_sums_would_show_the_firm_that_leaves() -> None:
    """A test of the attack: with exact sums the difference is the firm's figure."""
    firms = [
        Firm("2024", f"f{n}", "330203", "36", True, {"output_wan_yuan": Decimal(100 + n)}) for n in range(9)
    ]
    exact = sum((f.figures["output_wan_yuan"] or Decimal(0) for f in firms), Decimal(0))
    without = sum((f.figures["output_wan_yuan"] or Decimal(0) for f in firms[1:]), Decimal(0))
    assert exact - without == 100
    [before, after] = (
        oracle.city(some)["2024", "city", True].figures["output_wan_yuan"] for some in (firms, firms[1:])
    )
    assert before is not None and after is not None and before - after == 125  # the class 100 to 160
