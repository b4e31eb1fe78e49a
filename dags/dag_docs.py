"""Documentation of the DAGs in the UI, generated from the contracts."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.contract import Contract, Feed, contract

BASIS = {
    "administration": "行政管理 administration",
    "statistics_only": "仅限统计 statistics only",
    "authorisation": "授权使用 by authorisation",
}
CADENCE = {
    "yearly": "每年 yearly",
    "monthly": "每月 monthly",
    "yearly_then_monthly": "先年后月 yearly, then monthly",
    "daily": "每日 daily",
    "continuous": "实时 continuous",
    "irregular": "不定期 irregular",
}
#: Titles of the package's groups of feeds; an installation's own group has its name as title.
GROUP = {
    "credit": "信用 credit",
    "devices": "设备 devices",
    "energy": "能源 energy",
    "enterprise_reports": "企业填报 enterprise reports",
    "environment": "环境 environment",
    "evaluation": "评价流程 evaluation procedure",
    "innovation": "创新 innovation",
    "land": "土地 land",
    "market": "市场 market",
    "other": "其他 other",
    "people": "人员 people",
    "projects": "项目 projects",
    "registry": "登记 registry",
    "services": "服务业 services",
    "statistics": "统计 statistics",
    "tax": "税务 tax",
}


def group_title(group: str) -> str:
    """A group's title in both languages."""
    return GROUP.get(group, group)


def title(name: str) -> str:
    """A table's title in both languages."""
    spec = contract(name)
    return f"{spec.title.zh} {spec.title.en}"


def tables_md(names: Iterable[str]) -> str:
    """A Markdown table: one row for each table, with grain, owner and legal basis."""
    head = "| 表 table | 名称 title | 粒度 grain | 责任单位 owner | 法律依据 legal basis |\n|---|---|---|---|---|\n"
    return head + "\n".join(_row(contract(name)) for name in names)


def feeds_md(specs: Iterable[Feed]) -> str:
    """A Markdown table of feeds: as ``tables_md``, with cadence and allowed lateness."""
    head = (
        "| 数据源 feed | 名称 title | 粒度 grain | 责任单位 owner | 法律依据 legal basis "
        "| 频率 cadence | 允许延迟（天） days late |\n|---|---|---|---|---|---|---|\n"
    )
    rows = []
    for spec in specs:
        rows.append(f"{_row(spec)} {CADENCE[spec.source.cadence]} | {spec.source.lateness_days} |")
    return head + "\n".join(rows)


def _row(spec: Contract) -> str:
    basis = f"{BASIS[spec.legal_basis]}（{spec.legal_source}）"
    return f"| `{spec.name}` | {spec.title.zh} {spec.title.en} | {spec.grain} | {spec.owner} | {basis} |"
