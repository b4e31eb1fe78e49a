"""bulletin.city_total: sums of classes that a reader can check."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pyspark.sql import SparkSession

from tests.jobs.bulletin.golden import firm
from tests.jobs.bulletin.world import published
from tests.oracles.bulletin import Firm, Row


def _city(spark: SparkSession, *firms: Firm) -> dict[bool, Row]:
    return {key[2]: row for key, row in published(spark, firms)["city"].items()}


def test_firms_count_with_the_middle_of_their_class(spark: SparkSession) -> None:
    row = _city(
        spark,
        firm("a", "330203", "1730", tax="110", land="10"),  # 2000, 125, 12.5
        firm("b", "330203", "900", tax="-30", land="2"),  # 800, -31.5, 2
        firm("c", "330206", "1200", tax="45", land="7"),  # 1250, 50, 8
        firm("d", "330206", None, tax="10", land=None),  # -, 12.5, -
    )[True]
    assert row.firm_count == 4
    assert row.figures["output_wan_yuan"] == 4050
    assert row.figures["tax_total_wan_yuan"] == 156
    assert row.figures["land_area_mu"] == Decimal("22.5")
    assert row.figures["tax_per_mu_wan_yuan"] == Decimal("6.933333")  # 156 / 22.5
    # nobody reports energy: nothing is withheld
    assert row.figures["energy_tce"] is None and row.reasons == set()


def test_below_scale_has_no_quotient_because_many_have_no_land(spark: SparkSession) -> None:
    few = [firm(n, "330203", None, tax="20", land="1", is_above=False) for n in "abc"]
    row = _city(spark, *few)[False]
    assert row.figures["tax_total_wan_yuan"] == 60
    assert row.figures["land_area_mu"] == Decimal("3.75")
    assert row.figures["tax_per_mu_wan_yuan"] is None


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        (("100", "100"), "few_firms"),
        (("100", "100", "0"), "few_firms"),  # a firm without output is no protection
        (("100", "100", "100"), None),
        # 1000 to 1600 beside at least 2 x 160: at most 1600 of 1920, 83 %
        (("1000", "170", "170"), "dominated"),
        # beside at least 2 x 250: at most 1600 of 2100, 76 %
        (("1000", "250", "250"), None),
        (("-1000", "170", "170"), "dominated"),  # a loss hides no giant
        (("1000", "-170", "170"), "dominated"),
    ],
)
def test_a_sum_that_shows_a_firm_is_withheld(
    spark: SparkSession, outputs: tuple[str, ...], reason: str | None
) -> None:
    row = _city(spark, *(firm(f"f{n}", "330203", output, land="10") for n, output in enumerate(outputs)))[
        True
    ]
    assert {r for r in row.reasons if "output" in r} == ({f"{reason}:output_wan_yuan"} if reason else set())
    assert (row.figures["output_wan_yuan"] is None) == (reason is not None)


def test_a_quotient_needs_both_its_figures(spark: SparkSession) -> None:
    firms = [
        firm(n, "330203", None, tax=tax, land="10") for n, tax in (("a", "1000"), ("b", "1"), ("c", "1"))
    ]
    row = _city(spark, *firms)[True]
    assert row.figures["land_area_mu"] == Decimal("37.5")
    assert row.figures["tax_total_wan_yuan"] is row.figures["tax_per_mu_wan_yuan"] is None
