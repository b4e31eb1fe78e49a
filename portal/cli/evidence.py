"""Evidence on a screen: a published row, the arithmetic of its grade, and the tree of what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from pipeline.evidence import Evidence
from portal.cli import console
from portal.queries.explanation import Explanation
from schemas.coded import title
from schemas.contract import PROVENANCE, Contract, contract
from schemas.field import Column
from warehouse.releases import Release


def show(release: Release, explanation: Explanation, column: str | None) -> None:
    """Print the row, the arithmetic, and the tree of evidence."""
    found = explanation.evidence
    spec = contract(found.table)
    if release.manifest["synthetic"]:
        console.say("合成数据 Synthetic data")
    console.heading(f"{spec.name} {spec.title.zh} {spec.title.en} · 版本 release {release.number}")
    for row in found.rows:
        names = [column] if column else [n for n in spec.column_names if n != "row_id"]
        console.show([_told(spec, n, row[n]) for n in dict.fromkeys([*spec.key, *names])])
    if explanation.arithmetic:
        console.heading("计算 Arithmetic")
        for line in explanation.arithmetic:
            console.say(f"  {line}" if line else "")
    console.heading("依据 Evidence")
    tree = Tree(_label(found))
    _grow(tree, found)
    console.out.print(tree)


def told(correction: Mapping[str, Any]) -> str:
    """A correction in a line."""
    old = correction["old_text"] or ""
    new = "撤销 withdrawn" if correction["new_text"] is None else correction["new_text"]
    who = f"{correction['corrected_by']}, {correction['corrected_at']:%Y-%m-%d}"
    return f"{correction['heading']}: {old} → {new} ({correction['correction_reason']}; {who})"


def decided(decision: Mapping[str, Any]) -> str:
    """What was decided of a delivery, in a line."""
    titles = title("delivery_standing", decision["standing_code"])
    who = f"{decision['decided_by']}, {decision['decided_at']:%Y-%m-%d}"
    what = f"{titles.zh} {titles.en.lower()}"
    return f"{decision['source_file']} {decision['period']} {what} ({decision['decision_reason']}; {who})"


def _told(spec: Contract, name: str, value: Any) -> dict[str, Any]:
    column = spec.column(name)
    value = _in_words(column, value, with_code=name in spec.key)
    return {"column": name, "名称": column.zh, "value": value, "unit": column.unit or ""}


def _in_words(column: Column, value: Any, *, with_code: bool = False) -> str:
    """A value as a person reads it, codes by their titles.

    The code stands behind where people use it too (A, I1, 330203), and where one asks for the row by it.
    """
    codes = column.domain.codes
    if codes is None or value is None:
        return console.text(value)
    items = value if isinstance(value, list | tuple) else [value]
    return ", ".join(
        f"{told}（{item}）" if with_code or item == item.upper() else told
        for item, told in ((item, console.both(title(codes, item))) for item in items)
    )


def _label(evidence: Evidence) -> str:
    spec = contract(evidence.table)
    more = f", {evidence.total:,} rows" if evidence.total > len(evidence.rows) else ""
    again = " (见上 shown above)" if evidence.is_repeated else ""
    where = " ".join(f"{k}={v}" for k, v in evidence.where.items())
    return f"[bold]{spec.name}[/bold] {escape(spec.title.zh)} {escape(where)}{more}{again}"


def _grow(tree: Tree, evidence: Evidence) -> None:
    spec = contract(evidence.table)
    if not evidence.is_repeated and evidence.total <= len(evidence.rows):
        for row in evidence.rows:
            tree.add(escape(_line(spec, row)))
    for child in evidence.behind:
        _grow(tree.add(_label(child)), child)


def _line(spec: Contract, row: Mapping[str, Any]) -> str:
    """A row in a line: of a feed the file, record number and what was sent; else its figures."""
    if "source_record" in row:
        record = row["source_record"]
        cells = (
            "; ".join(f"{k}={v}" for k, v in record.items() if v)
            if isinstance(record, Mapping)
            else str(record)
        )
        why = ", ".join(title("quarantine_reason", reason).zh for reason in row.get("reasons", ()))
        reasons = f" 隔离 quarantined: {why}" if why else ""
        changed = "".join(f" 更正 corrected: {told(c)}" for c in row.get("corrections", ()))
        stood = "".join(f" 批次 delivery: {decided(d)}" for d in row.get("decisions", ()))
        number = row["source_row"]
        return f"{row['source_file']} 第 {number} 行 row {number}: {cells}{changed}{reasons}{stood}"
    shown = (
        f"{spec.column(name).zh}={_in_words(spec.column(name), value)}{spec.column(name).unit or ''}"
        for name, value in row.items()
        if name not in PROVENANCE and value not in (None, [])
    )
    return "; ".join(shown)
