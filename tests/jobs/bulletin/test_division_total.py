"""bulletin.division_total: firms above scale by industry; those without a division are a part that is never shown."""

from __future__ import annotations

from pyspark.sql import SparkSession

from tests.jobs.bulletin.golden import firm
from tests.jobs.bulletin.world import published
from tests.oracles.bulletin import Firm


def _outputs(spark: SparkSession, *firms: Firm) -> dict[str | None, object]:
    rows = published(spark, firms)["division"]
    return {
        key[1]: next((r.split(":")[0] for r in row.reasons if "output" in r), row.figures["output_wan_yuan"])
        for key, row in rows.items()
    }


def _some(division: str | None, number: int, *, is_above: bool = True) -> list[Firm]:
    return [
        firm(f"{division}-{n}", "330203", "100", division=division, is_above=is_above) for n in range(number)
    ]


def test_firms_above_scale_are_added_by_division(spark: SparkSession) -> None:
    firms = _some("36", 3) + _some("26", 4) + _some("13", 5, is_above=False)
    assert _outputs(spark, *firms) == {"36": 375, "26": 500}


def test_two_firms_without_a_division_do_not_follow_from_the_city(spark: SparkSession) -> None:
    """City less both divisions would be the output of two firms."""
    assert _outputs(spark, *_some("36", 3), *_some("26", 4), *_some(None, 2)) == {
        "36": "secondary",
        "26": 500,
    }


def test_three_firms_without_a_division_may_follow(spark: SparkSession) -> None:
    assert _outputs(spark, *_some("36", 3), *_some("26", 4), *_some(None, 3)) == {"36": 375, "26": 500}
