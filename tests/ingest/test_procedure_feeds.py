"""Records of the yearly procedure that a sender's file brings: what breaks a rule is quarantined with its reason."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ingest.register.deliveries import QUARANTINE
from ingest.ways.landing import ingest
from tests.ingest.conftest import Put
from warehouse import tables

USCC = "91350100M000100Y43"
OBJECTION = {
    "异议编号": "YY20230001", "统一社会信用代码": USCC, "评价年度": "2023", "异议类别": "等级",
    "指标": None, "主张数值": None, "依据": "排名有误", "提出日期": "2024-08-19", "公示截止日": "2024-08-19",
}  # fmt: skip
ADJUSTMENT = {
    "调档编号": "TD1", "统一社会信用代码": USCC, "区县代码": "330282", "调整后等级": "B", "调档理由": "整改完成",
    "说明": "复核", "文号": "会纪1号", "决定日期": "2024-08-28", "经办角色": "区县", "经办账户": None,
}  # fmt: skip


def refused(put: Put, feed: str, period: str, *records: Mapping[str, object]) -> list[list[str]]:
    """Reasons of the quarantined records of a file."""
    content = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()
    put(feed, "a.jsonl", content, period=period)
    [file] = ingest([feed], accepted_by="test").files
    assert file.records_in == len(records)
    return [row["reasons"] for row in tables.rows(QUARANTINE).to_pylist()]


def test_an_objection_after_its_notice_is_quarantined(put: Put) -> None:
    late = OBJECTION | {"异议编号": "YY20230002", "提出日期": "2024-08-20"}
    assert refused(put, "ent_objection", "2024-08", OBJECTION, late) == [["window_end_date:order"]]


def test_an_adjustment_without_reason_or_document_is_quarantined(put: Put) -> None:
    found = refused(
        put, "gov_grade_adjustment", "2023", ADJUSTMENT, ADJUSTMENT | {"调档编号": "TD2", "文号": None},
        ADJUSTMENT | {"调档编号": "TD3", "说明": None}, ADJUSTMENT | {"调档编号": "TD4", "调档理由": "关系好"},
    )  # fmt: skip
    assert sorted(found) == [
        ["document_code:missing"], ["grade_adjustment_reason_code:code"], ["procedure_reason:missing"],
    ]  # fmt: skip
