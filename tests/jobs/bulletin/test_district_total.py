"""bulletin.district_total: which second sum is withheld, so that the first does not follow from the city's."""

from __future__ import annotations

from pyspark.sql import SparkSession

from tests.jobs.bulletin.golden import firm
from tests.jobs.bulletin.world import published
from tests.oracles.bulletin import Firm

HAISHU, JIANGBEI, BEILUN, ZHENHAI = "330203", "330205", "330206", "330211"


def _some(district: str, number: int, output: str) -> list[Firm]:
    return [firm(f"{district}-{n}", district, output) for n in range(number)]


def _outputs(spark: SparkSession, *firms: Firm) -> dict[str | None, object]:
    """District → output, or the reason why it is not shown."""
    rows = published(spark, firms)["district"]
    return {
        key[1]: next((r.split(":")[0] for r in row.reasons if "output" in r), row.figures["output_wan_yuan"])
        for key, row in rows.items()
    }


def test_the_smallest_other_district_is_withheld_as_well(spark: SparkSession) -> None:
    firms = _some(HAISHU, 2, "100") + _some(JIANGBEI, 5, "100") + _some(BEILUN, 4, "100")
    # two firms and four of Beilun: six, of which none has more than 80 %
    assert _outputs(spark, *firms) == {HAISHU: "few_firms", JIANGBEI: 625, BEILUN: "secondary"}


def test_a_small_district_hides_no_giant(spark: SparkSession) -> None:
    """Beilun is smallest, but with its 4 x 100 the giant of 10000 would have nearly all of what is empty."""
    firms = [firm("giant", HAISHU, "10000"), *_some(BEILUN, 4, "100"), *_some(JIANGBEI, 5, "2000")]
    firms += _some(ZHENHAI, 9, "2000")
    # 10000 to 16000 beside at least 5 x 1600: 67 %
    assert _outputs(spark, *firms) == {
        HAISHU: "few_firms",
        BEILUN: 500,
        JIANGBEI: "secondary",
        ZHENHAI: 18000,
    }


def test_two_empty_districts_that_hide_each_other_suffice(spark: SparkSession) -> None:
    firms = _some(HAISHU, 2, "100") + _some(JIANGBEI, 2, "100") + _some(BEILUN, 4, "100")
    assert _outputs(spark, *firms) == {HAISHU: "few_firms", JIANGBEI: "few_firms", BEILUN: 500}


def test_where_no_district_suffices_all_are_withheld(spark: SparkSession) -> None:
    """The giant's 10000 to 16000 beside 2 x 2500: each alone is too little, both are enough for the city."""
    firms = [firm("giant", HAISHU, "10000"), *_some(BEILUN, 3, "1000"), *_some(JIANGBEI, 3, "1000")]
    tables = published(spark, firms)
    [city] = tables["city"].values()
    assert city.figures["output_wan_yuan"] == 12500 + 6 * 1250
    assert _outputs(spark, *firms) == {HAISHU: "few_firms", BEILUN: "secondary", JIANGBEI: "secondary"}


def test_where_the_citys_sum_is_withheld_its_parts_are(spark: SparkSession) -> None:
    firms = [firm("giant", HAISHU, "10000"), *_some(BEILUN, 4, "100")]
    assert _outputs(spark, *firms) == {HAISHU: "few_firms", BEILUN: "secondary"}
    [city] = published(spark, firms)["city"].values()
    assert "dominated:output_wan_yuan" in city.reasons


def test_firms_below_scale_have_rows_and_groups_of_their_own(spark: SparkSession) -> None:
    below = [firm(f"b{n}", HAISHU, None, tax="20", is_above=False) for n in range(3)]
    above = [firm(f"a{n}", HAISHU, None, tax="2000") for n in range(3)]
    rows = published(spark, below + above)["district"]
    assert {key[2]: row.figures["tax_total_wan_yuan"] for key, row in rows.items()} == {False: 60, True: 6000}
