"""core.enterprise: bad input never changes which enterprises belong to the population."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from jobs.core.enterprise import enterprise
from tests.frames import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

GOOD = "91350100M000100Y43"
OTHER = "91110000600037341L"
COLLECTIVE = "N2330212MF1234567F"  # right check character; python-stdnum rejects the leading letter
BAD = "91350100M000100Y4Z"


def firms(
    spark: SparkSession,
    directory: list[dict[str, Any]],
    registry: list[dict[str, Any]] = (),  # type: ignore[assignment]
    refused: list[dict[str, Any]] = (),  # type: ignore[assignment]
) -> dict[tuple[str, str], Any]:
    rows = enterprise(
        frame(spark, "raw.gov_statistics_directory", directory),
        frame(spark, "raw.gov_business_registry", list(registry)),
        frame(spark, "quarantine.record", list(refused)),
    ).collect()
    keys = [(r["uscc"], r["year"]) for r in rows]
    assert len(keys) == len(set(keys))
    return {(r["uscc"], r["year"]): r for r in rows}


def test_old_district_codes_become_todays_districts(spark: SparkSession) -> None:
    rows = firms(
        spark,
        [
            {"uscc": GOOD, "period": "2023", "reported_district_code": "330204"},
            {"uscc": OTHER, "period": "2023", "reported_district_code": "330283"},
        ],
    )
    assert rows[GOOD, "2023"]["district_code"] == "330212"
    assert rows[OTHER, "2023"]["district_code"] == "330213"
    assert "old_district_code" in rows[GOOD, "2023"]["identity_flags"]
    assert rows[GOOD, "2023"]["reported_district_code"] == "330204"


def test_codes_that_python_stdnum_rejects_are_valid(spark: SparkSession) -> None:
    from stdnum.cn import uscc as stdnum

    assert not stdnum.is_valid(COLLECTIVE)
    rows = firms(spark, [{"uscc": COLLECTIVE, "period": "2023"}])
    assert rows[COLLECTIVE, "2023"]["is_uscc_valid"]


def test_a_firm_stays_although_its_directory_row_is_quarantined(spark: SparkSession) -> None:
    record = {
        "uscc": BAD,
        "enterprise_name": "乙厂",
        "reported_district_code": "330206",
        "is_above_scale": True,
    }
    refused = [
        {
            "feed": "gov_statistics_directory", "period": "2023", "row_id": "x1", "uscc": BAD,
            "mapped_record": json.dumps(record), "reasons": ["uscc:check"],
        },
        {
            "feed": "gov_statistics_directory", "period": "2023", "row_id": "x2",
            "mapped_record": json.dumps({"enterprise_name": "无码"}), "reasons": ["uscc:missing"],
        },
        {
            "feed": "gov_statistics_directory", "period": "2023", "row_id": "x3", "uscc": GOOD,
            "mapped_record": json.dumps({"uscc": GOOD}), "reasons": ["key:duplicate"],
        },
    ]  # fmt: skip
    rows = firms(spark, [{"uscc": GOOD, "period": "2023"}], refused=refused)
    stand_in = "row-" + hashlib.md5(b"x2").hexdigest()[:14]
    assert set(rows) == {(GOOD, "2023"), (BAD, "2023"), (stand_in, "2023")}
    kept = rows[BAD, "2023"]
    assert (kept["enterprise_name"], kept["district_code"], kept["is_above_scale"]) == (
        "乙厂",
        "330206",
        True,
    )
    assert not kept["is_uscc_valid"]
    assert set(kept["identity_flags"]) == {"directory_quarantined", "invalid_uscc", "not_in_registry"}


def test_each_year_uses_the_registration_of_that_year(spark: SparkSession) -> None:
    registry = [
        {"uscc": GOOD, "period": "2022", "enterprise_name": "旧名"},
        {"uscc": GOOD, "period": "2023", "enterprise_name": "新名", "former_name": "旧名"},
    ]
    directory = [
        {"uscc": GOOD, "period": "2022", "enterprise_name": "旧名"},
        {"uscc": GOOD, "period": "2023", "enterprise_name": "旧名"},
    ]
    rows = firms(spark, directory, registry)
    assert rows[GOOD, "2022"]["identity_flags"] == []
    assert rows[GOOD, "2023"]["former_name"] == "旧名"
    assert set(rows[GOOD, "2023"]["identity_flags"]) == {"name_differs", "renamed"}
