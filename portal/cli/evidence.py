"""Evidence in a terminal: a published row, the arithmetic behind it, and the tree of rows it was computed from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from pipeline.evidence import Evidence
from portal.cli import console
from portal.queries.explanation import Explanation
from schemas.coded import title
from schemas.contract import PROVENANCE, Contract, contract, fields
from schemas.field import FieldEntry
from warehouse.releases import Release


def show(release: Release, explanation: Explanation, column: str | None) -> None:
    """Print the row, the arithmetic, and the tree of evidence."""
    found = explanation.evidence
    spec = contract(found.table)
    if release.manifest["synthetic"]:
        console.say("合成数据 Synthetic data")
    console.heading(f"{spec.name} {spec.title.zh} {spec.title.en} · 版本 release {release.number}")
    for row in found.rows:
        # an earlier release may lack columns of today, and have others
        held = sorted(row, key=lambda n: spec.column_names.index(n) if n in spec.column_names else len(row))
        names = [column] if column else [n for n in held if n != "row_id"]
        console.show([_cell_row(spec, n, row.get(n)) for n in dict.fromkeys([*spec.key, *names])])
    if explanation.arithmetic:
        console.heading("计算 Arithmetic")
        for line in explanation.arithmetic:
            console.say(f"  {line}" if line else "")
    console.heading("依据 Evidence")
    tree = Tree(_label(found))
    _grow(tree, found)
    console.out.print(tree)


def told(correction: Mapping[str, Any]) -> str:
    """One line about a correction."""
    old = correction["old_text"] or ""
    new = "撤销 withdrawn" if correction["new_text"] is None else correction["new_text"]
    who = f"{correction['corrected_by']}, {correction['corrected_at']:%Y-%m-%d}"
    return f"{correction['heading']}: {old} → {new} ({correction['correction_reason']}; {who})"


def decided(decision: Mapping[str, Any]) -> str:
    """One line about a decision on a delivery."""
    titles = title("delivery_standing", decision["standing_code"])
    who = f"{decision['decided_by']}, {decision['decided_at']:%Y-%m-%d}"
    what = f"{titles.zh} {titles.en.lower()}"
    return f"{decision['source_file']} {decision['period']} {what} ({decision['decision_reason']}; {who})"


def _cell_row(spec: Contract, name: str, value: Any) -> dict[str, Any]:
    column = _entry(spec, name)
    value = _in_words(column, value, with_code=name in spec.key)
    return {"column": name, "名称": column.zh, "value": value, "unit": column.unit or ""}


def _in_words(column: FieldEntry, value: Any, *, with_code: bool = False) -> str:
    """A value for reading, codes by their titles.

    The code follows its title if people use the code too (A, I1, 330203), or if it is part of the row's key.
    """
    codes = column.domain.codes
    if codes is None or value is None:
        return console.text(value)
    items = value if isinstance(value, list | tuple) else [value]
    return ", ".join(
        f"{titles}（{item}）" if with_code or item == item.upper() else titles
        for item, titles in ((item, console.both(title(codes, item))) for item in items)
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
    """One line about a row: file, record number and content of a feed's record; the figures of any other row."""
    if "source_record" in row:
        record = row["source_record"]
        cells = (
            "; ".join(f"{k}={v}" for k, v in record.items() if v)
            if isinstance(record, Mapping)
            else str(record)
        )
        why = ", ".join(title("quarantine_reason", reason).zh for reason in row.get("reasons", ()))
        reasons = f" 隔离 quarantined: {why}" if why else ""
        corrections = "".join(f" 更正 corrected: {told(c)}" for c in row.get("corrections", ()))
        decisions = "".join(f" 批次 delivery: {decided(d)}" for d in row.get("decisions", ()))
        number = row["source_row"]
        return f"{row['source_file']} 第 {number} 行 row {number}: {cells}{corrections}{reasons}{decisions}"
    shown = (
        f"{entry.zh}={_in_words(entry, value)}{entry.unit or ''}"
        for name, value in row.items()
        if name not in PROVENANCE and value not in (None, [])
        for entry in [_entry(spec, name)]
    )
    return "; ".join(shown)


def _entry(spec: Contract, name: str) -> FieldEntry:
    """A column as its table or the dictionary describes it; one that an earlier release had, by its name."""
    if name in spec.column_names:
        return spec.column(name)
    gone = FieldEntry(type="string", zh=name, en=name, description=name)
    return fields().get(name, gone)
