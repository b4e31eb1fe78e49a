"""core.enterprise_event and core.group_member: honours, penalties, credit records and group members."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from jobs.core.enterprise_event import enterprise_event
from jobs.core.group_member import group_member
from tests.frames import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

U, V = "91350100M000100Y43", "91110000600037341L"


def test_a_credit_record_is_valid_until_it_is_removed(spark: SparkSession) -> None:
    listed = {"event_id": "SX1", "uscc": U, "credit_code": "tax_grade_d", "listed_date": date(2022, 3, 1)}
    credits = [
        {**listed, "period": "2022"},
        {**listed, "period": "2024-02"},
        {**listed, "period": "2024-05", "removed_date": date(2024, 5, 6)},
    ]
    honour = {
        "event_id": "RY1", "uscc": U, "honour_code": "brand", "level_code": "national", "period": "2022",
        "event_date": date(2022, 1, 2),
    }  # fmt: skip
    rows = enterprise_event(
        frame(spark, "raw.gov_honour", [honour]),
        frame(spark, "raw.gov_penalty", []),
        frame(spark, "raw.gov_credit", credits),
    ).collect()
    found = {(r["event_id"], r["year"]): r for r in rows}
    assert len(found) == len(rows)
    # one row a year, with the state last reported in that year
    assert set(found) == {("RY1", "2022"), ("SX1", "2022"), ("SX1", "2024")}
    first, last = found["SX1", "2022"], found["SX1", "2024"]
    assert (first["event_kind_code"], first["event_code"], str(first["event_date"])) == (
        "credit",
        "tax_grade_d",
        "2022-03-01",
    )
    assert first["valid_until_date"] is None and str(last["valid_until_date"]) == "2024-05-06"


def test_the_latest_group_report_of_a_year_gives_controller_and_share(spark: SparkSession) -> None:
    told = {
        "event_id": "1", "identity_event_kind_code": "group", "from_uscc": U, "to_uscc": V, "period": "2023",
        "event_date": date(2020, 1, 1), "group_code": "JT1", "holding_share_pct": "51",
    }  # fmt: skip
    raised = told | {"event_id": "2", "event_date": date(2023, 6, 1), "holding_share_pct": "80"}
    other = told | {"event_id": "3", "identity_event_kind_code": "merge", "group_code": None}
    [row] = group_member(frame(spark, "raw.gov_identity_change", [told, raised, other])).collect()
    assert (row["group_code"], row["uscc"], row["controller_uscc"]) == ("JT1", U, V)
    assert (str(row["holding_share_pct"]), str(row["valid_from_date"])) == ("80.0000", "2023-06-01")
