"""core.zone: a year's register of development zones."""

from __future__ import annotations

from pyspark.sql import SparkSession

from jobs.core.zone import zone
from tests.frames import frame


def test_a_zone_is_in_todays_district(spark: SparkSession) -> None:
    """330204, Jiangdong, was merged into Yinzhou; 330100 is no district of Ningbo."""
    sent = [
        {"zone_code": f"{code}K01", "period": "2023", "zone_name": "甲开发区", "zone_name_en": "Zone A",
         "reported_district_code": code, "level_code": "national"}
        for code in ("330206", "330204", "330100")
    ]  # fmt: skip
    rows = {row["zone_code"]: row for row in zone(frame(spark, "raw.gov_zone", sent)).collect()}
    assert {code: (row["year"], row["district_code"]) for code, row in rows.items()} == {
        "330206K01": ("2023", "330206"),
        "330204K01": ("2023", "330212"),
        "330100K01": ("2023", "330200"),
    }
    assert rows["330206K01"]["zone_name_en"] == "Zone A"
