"""``./brain explain``: a published row, what it was made from, and the arithmetic of a grade in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from jobs.per_mu.explanation import explain_grade, grade_facts
from pipeline.evidence import Archive, Evidence
from portal.cli import console
from schemas.coded import title
from schemas.contract import PROVENANCE, Column, Contract, contract
from schemas.errors import UsageError
from warehouse.releases import Release

GRADES = "per_mu.enterprise_grade"


def parse_conditions(words: Sequence[str], spec: Contract) -> tuple[dict[str, str], str | None]:
    """``KEY=VALUE…`` and at most one column.

    >>> from schemas.contract import contract
    >>> parse_conditions(["year=2023", "final_grade"], contract("per_mu.enterprise_grade"))
    ({'year': '2023'}, 'final_grade')
    """
    where, column = {}, None
    for word in words:
        name, equals, value = word.partition("=")
        spec.column(name)
        if equals:
            where[name] = value
        elif column is None:
            column = name
        else:
            raise UsageError(f"one column at a time: {column} or {name}")
    if not where:
        raise UsageError(f"say which row of {spec.name}: {' '.join(f'{k}=…' for k in spec.key)}")
    return where, column


def explain(release: Release, table: str, words: Sequence[str]) -> tuple[Evidence, list[str], str | None]:
    """Evidence of a row, the arithmetic of the grades among the rows, and the column that was asked for."""
    spec = contract(table)
    where, column = parse_conditions(words, spec)
    with Archive(release) as archive:
        found = archive.explain(table, where)
        rows = found.rows if table == GRADES else []
        lines = [line for row in rows for line in (*explain_grade(grade_facts(row, archive.query)), "")]
    return found, lines[:-1], column


def as_rows(found: Evidence) -> list[dict[str, Any]]:
    """The evidence flat, for programs: one object per row of each table behind."""
    return [{"table": e.table, "where": e.where, "row": row} for e in found.walk() for row in e.rows]


def show(release: Release, found: Evidence, lines: list[str], column: str | None) -> None:
    """Print the row, the arithmetic, and the tree of evidence."""
    spec = contract(found.table)
    if release.manifest["synthetic"]:
        console.say("合成数据 Synthetic data")
    console.heading(f"{spec.name} {spec.title.zh} {spec.title.en} · 版本 release {release.number}")
    for row in found.rows:
        names = [column] if column else [n for n in spec.column_names if n != "row_id"]
        console.show([_told(spec, n, row[n]) for n in dict.fromkeys([*spec.key, *names])])
    if lines:
        console.heading("计算 Arithmetic")
        for line in lines:
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
