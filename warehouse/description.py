"""The schema ``release`` of a release file: facts of the release, verdicts, deliveries, dictionary, codes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.coded import titled, value_lists
from schemas.contract import fields, published_contracts
from schemas.field import comment
from warehouse.duck import building, literal

if TYPE_CHECKING:
    import pyarrow as pa

#: Tables of the schema ``release`` in every release file, with their comments.
DESCRIPTION = {
    "info": "版本说明 | About this release. One row per key.",
    "verdict": "校验结果 | Verdicts of the gate. One row per suite and expectation.",
    "rule_set": "规则集 | Rule sets in force. One row per rule set, complete as JSON.",
    "assumption": "规则假设 | Assumptions of rule sets. One row per rule set and field.",
    "delivery": "批次登记 | Deliveries ingested. One row per delivery, entry (mapping or decision) and period.",
    "quarantine": "隔离统计 | Quarantined records. One row per feed, period and reason.",
    "correction": "更正统计 | Corrected records. One row per feed, period and heading.",
    "dictionary": "数据字典 | Data dictionary. One row per published column.",
    "code": "代码表 | Code lists. One row per list and code.",
}


#: Comments of their columns that the field dictionary does not have.
_TERMS = {
    "key": "项目 | Key.",
    "value": "内容 | Value.",
    "suite": "校验套件 | Suite.",
    "table": "表 | Table judged.",
    "table_name": "表 | Table.",
    "column_name": "字段 | Column.",
    "expectation": "校验项 | Expectation.",
    "title_zh": "中文名称 | Title in Chinese.",
    "title_en": "英文名称 | Title in English.",
    "level": "级别 | fail blocks publication, warn is reported.",
    "success": "是否通过 | Whether the expectation held.",
    "evaluated": "检查行数 | Rows evaluated.",
    "unexpected": "不符行数 | Rows that fail the expectation.",
    "failing_keys": "不符主键 | Up to 20 keys of such rows.",
    "details": "说明 | Why it could not be evaluated, where it was not.",
    "area": "领域 | Area whose jobs apply it.",
    "source": "依据 | Source of the rule: document and article.",
    "content": "规则全文 | The rule set as JSON.",
    "field": "规则字段 | Field of the rule set, by its dotted path.",
    "why": "理由 | Why it is assumed.",
    "why_zh": "中文理由 | Why it is assumed, in Chinese; empty where the reason has both languages.",
    "reason": "隔离原因 | Reason, as column:rule.",
    "records": "记录数 | Records.",
    "is_current": "是否计入 | Whether its rows are current: not withdrawn, not held, not superseded.",
    "type": "类型 | Type.",
    "unit": "单位 | Unit.",
    "description_zh": "说明 | Description in Chinese.",
    "description": "英文说明 | Description in English.",
    "sensitivity": "敏感级别 | Sensitivity.",
    "legal_basis": "法律依据 | Strictest legal basis of the feeds behind it.",
    "rests_on_consent": "须企业授权 | Whether it is made of the firm's own statistics.",
    "made_of": "计算来源 | Columns that its value is made of; empty if it is made of rules alone.",
    "disclosed_because": "公开理由 | Why it may be shown more openly than what it is made of.",
    "counted_by": "披露基数字段 | Column with the number of firms behind it.",
    "least_firms": "最少企业数 | Fewest firms with which it may be shown.",
    "list": "代码表 | Code list.",
    "code_list": "代码表 | Code list of the values, or of the items of an array; titles: release.code.",
    "code": "代码 | Code.",
    "zh": "中文 | In Chinese.",
    "en": "英文 | In English.",
}


def describe(path: Path, tables: Mapping[str, pa.Table]) -> None:
    """Add the schema ``release`` with the given tables to a release file."""
    known = fields()
    with building(path) as connection:
        connection.execute("CREATE SCHEMA release")
        for name, given in tables.items():
            connection.register("given", given)
            connection.execute(f"CREATE TABLE release.{name} AS SELECT * FROM given")
            connection.unregister("given")
            connection.execute(f"COMMENT ON TABLE release.{name} IS {literal(DESCRIPTION[name])}")
            for column in given.column_names:
                text = _TERMS.get(column) or comment(known[column])
                connection.execute(f'COMMENT ON COLUMN release.{name}."{column}" IS {literal(text)}')


def codes() -> list[dict[str, Any]]:
    """The code lists: one row per list and code, for joins."""
    return [
        {"list": name, "code": code, "zh": titles.zh, "en": titles.en}
        for name in value_lists()
        for code, titles in titled(name).items()
    ]


def dictionary() -> list[dict[str, Any]]:
    """The data dictionary: one row per published column."""
    return [
        {
            "table_name": spec.name, "column_name": c.name, "type": c.type, "unit": c.unit,
            "title_zh": c.zh, "title_en": c.en, "description_zh": c.description_zh,
            "description": c.description, "code_list": c.domain.codes,
            "sensitivity": c.sensitivity, "legal_basis": c.legal_basis, "rests_on_consent": c.rests_on_consent,
            "made_of": list(c.made_of),
            "disclosed_because": c.disclosed.because if c.disclosed else None,
            "counted_by": c.disclosed.counted_by if c.disclosed else None,
            "least_firms": c.disclosed.least_firms if c.disclosed else None,
        }
        for spec in published_contracts()
        for c in spec.columns
    ]  # fmt: skip
