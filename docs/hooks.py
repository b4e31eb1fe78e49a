"""The data dictionary 数据字典: pages generated from the contracts whenever the site is built.

MkDocs calls `on_files`. The pages are not committed, so they cannot differ from the contracts. They depend on
`schemas` alone: neither a home nor an engine is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

#: MkDocs runs hooks without the checkout on its path.
CHECKOUT = Path(__file__).resolve().parent.parent
if str(CHECKOUT) not in sys.path:
    sys.path.insert(0, str(CHECKOUT))

from schemas.coded import titled, value_lists  # noqa: E402
from schemas.contract import Contract, Feed, code_list, code_lists, contracts, file_of  # noqa: E402
from schemas.field import Column, both  # noqa: E402

#: Folder of the pages below docs/.
FOLDER = "dictionary"
#: Longer code lists are summarised, not printed: classes of industry and products have hundreds of codes.
LONGEST_LIST = 100
AREAS = {
    "raw": ("原始层", "Feeds, as sent", "Senders' records in typed columns, append-only."),
    "quarantine": (
        "隔离区",
        "Quarantine",
        "Records that break their contract, with all reasons, and people's corrections.",
    ),
    "core": (
        "主体层",
        "Core",
        "One enterprise, one parcel, one year; everything else is computed from these tables.",
    ),
    "per_mu": (
        "亩均论英雄",
        "Per-mu evaluation",
        "From the population of a year to grades, districts and the city.",
    ),
    "chain": (
        "产业链",
        "Industry chains",
        "Nodes of the ten chains, their enterprises, and who supplies whom.",
    ),
    "bulletin": (
        "公报",
        "Bulletin",
        "What everybody may see: lists by name, and sums in which no firm shows.",
    ),
    "profile": (
        "企业画像",
        "Profiles",
        "All data about an enterprise in one row, its tags and its score.",
    ),
    "resource": (
        "资源要素",
        "Resource allocation",
        "What follows from a grade, firms and land of low efficiency, promises of land contracts.",
    ),
}
BASIS = {
    "administration": "行政管理 administration",
    "statistics_only": "仅限统计 statistics only",
    "authorisation": "授权使用 by authorisation",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to those of docs/."""
    from mkdocs.structure.files import File

    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def pages() -> dict[str, str]:
    """Path below docs/ → Markdown of every page of the dictionary."""
    by_area = {area: list(specs) for area, specs in groupby(contracts().values(), lambda spec: spec.area)}
    return {
        f"{FOLDER}/index.md": _index(by_area),
        **{f"{FOLDER}/{area}.md": _area(area, specs) for area, specs in by_area.items()},
        f"{FOLDER}/codes.md": _codes(),
    }


def _index(by_area: dict[str, list[Contract]]) -> str:
    lines = [
        "# 数据字典 Data dictionary",
        "",
        "Every table, generated from its contract when this site was built. The Delta tables and a release's file",
        "carry the same titles, units and descriptions (comments, `release.dictionary`, `release.code`).",
        "",
    ]
    for area in sorted(by_area, key=_rank):
        lines += [f"## {_area_title(area)}", "", "| table 表 | title 名称 | grain 粒度 |", "|---|---|---|"]
        lines += [
            _row(f"[`{spec.name}`]({area}.md#{spec.table})", f"{spec.title.zh} {spec.title.en}", spec.grain)
            for spec in by_area[area]
        ]
        lines.append("")
    return "\n".join([*lines, "Codes have [their own page](codes.md).", ""])


def _area(area: str, specs: Iterable[Contract]) -> str:
    _, _, what = AREAS.get(area, ("", "", ""))
    return "\n".join(
        [f"# {_area_title(area)}", "", what, "", *(line for spec in specs for line in _table(spec))]
    )


def _table(spec: Contract) -> Iterator[str]:
    """A table's section: definition, source and columns."""
    yield f"## {spec.name} {spec.title.zh} {spec.title.en} {{#{spec.table}}}"
    yield from ("", _text(both(spec.description_zh, spec.description)), "", "| | |", "|---|---|")
    yield _row("grain 粒度", spec.grain)
    yield _row("key 主键", ", ".join(f"`{name}`" for name in spec.key))
    yield _row("period 所属期", f"`{spec.period}`" if spec.period else "–")
    yield _row("owner 责任单位", spec.owner)
    yield _row("legal basis 法律依据", f"{BASIS[spec.legal_basis]}: {spec.legal_source}")
    yield _row("access key 访问范围", f"`{spec.access_key}`")
    yield _row("delivery 交付方式", f"`{spec.delivery}`")
    if isinstance(spec, Feed):
        source = spec.source
        yield _row(
            "sender 报送单位",
            source.sender if source.is_connected else f"{source.sender} (not connected yet)",
        )
        yield _row("form 格式", f"{source.format}, {source.encoding}")
        yield _row("cadence 频率", f"{source.cadence}, at most {source.lateness_days} days late")
        if source.topic:
            yield _row("topic 主题", f"`{source.topic}`")
    yield _row("contract 契约", f"`{file_of(spec)}`")
    yield from (
        "",
        "| column 字段 | type 类型 | unit 单位 | title 名称 | required 必填 | values 取值 | description 说明 "
        "| sensitivity 敏感级别 | made of 计算来源 |",
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for column in spec.columns:
        yield _row(
            f"`{column.name}`",
            f"`{column.type}`",
            column.unit or "",
            f"{column.zh} {column.en}",
            "✓" if column.required else "",
            _values(column),
            both(column.description_zh, column.description),
            column.sensitivity,
            _sources(column),
        )
    yield ""
    for disclosure in spec.disclosed:
        names = ", ".join(f"`{name}`" for name in disclosure.columns)
        counted = f" Withheld where `{disclosure.counted_by}` is below {disclosure.least_firms}."
        yield f"{names} {disclosure.shown_as}: {_text(disclosure.because)}{counted if disclosure.counted_by else ''}"
        yield ""


def _sources(column: Column) -> str:
    """Columns that a column is made of, by table: ``core.parcel: year, land_area_mu``."""
    by_table: dict[str, list[str]] = {}
    for source in column.made_of:
        table, _, name = source.rpartition(".")
        by_table.setdefault(table, []).append(name)
    return "; ".join(f"`{table}`: {', '.join(names)}" for table, names in by_table.items())


def _values(column: Column) -> str:
    """Allowed values of a column: a code list, limits, a pattern."""
    domain = column.domain
    values = [f"[{domain.codes}](codes.md#{domain.codes})"] if domain.codes else []
    values += [f"≥ {domain.min}"] if domain.min is not None else []
    values += [f"≤ {domain.max}"] if domain.max is not None else []
    values += [f"`{domain.pattern}`"] if domain.pattern else []
    values += [f"≥ `{domain.not_before}`"] if domain.not_before else []
    return ", ".join([*values, *(["credit code 信用代码"] if domain.check else [])])


def _codes() -> str:
    lines = ["# 代码表 Code lists", ""]
    lines += [
        "A column's domain names its list. Most lists are files in `schemas/codes/`; `schemas/coded.py` builds the",
        "others from other definitions, such as feeds and chain models.",
        "",
    ]
    for name in value_lists():
        rows = _rows(name)
        lines += [f"## {name} {{#{name}}}", ""]
        if len(rows) > LONGEST_LIST:
            reach = f"from `{rows[0]['code']}` to `{rows[-1]['code']}`"
            source = f"schemas/codes/{name}.csv" if name in code_lists() else "schemas/coded.py"
            lines += [f"{len(rows)} codes, {reach}: `{source}`.", ""]
            continue
        heads = list(rows[0]) if rows else ["code"]
        lines += [_row(*heads), _row(*("---" for _ in heads))]
        lines += [_row(*(row[head] or "" for head in heads)) for row in rows]
        lines.append("")
    return "\n".join(lines)


def _rows(name: str) -> list[Mapping[str, str]]:
    """Rows of a list: those of its file, or the codes and titles of a list that is built."""
    if name in code_lists():
        return list(code_list(name).values())
    return [{"code": code, "zh": titles.zh, "en": titles.en} for code, titles in titled(name).items()]


def _area_title(area: str) -> str:
    zh, en, _ = AREAS.get(area, ("", area, ""))
    return f"{zh} {en}".strip()


def _rank(area: str) -> tuple[int, str]:
    """Areas in the order of the data flow; an area that is not listed comes last."""
    order = list(AREAS)
    return (order.index(area) if area in order else len(order), area)


def _row(*cells: str) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|").replace("\n", " ")


def _text(text: str) -> str:
    """Text of a contract as Markdown: `<` and `*` are escaped, except in code."""
    parts = text.split("`")
    parts[::2] = [part.replace("<", "&lt;").replace("*", "\\*") for part in parts[::2]]
    return "`".join(parts)
