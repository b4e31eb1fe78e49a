"""发布 Releases: the timeline, one release with verdicts and what is new in it, and what changed between two.

These pages speak of releases by number and read the latest one for their frame; ``/releases/N/zh/…`` is another thing,
the prefix that reopens an older release for every page.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import Response

from portal.access import records
from portal.access.viewer import OFFICES
from portal.queries import changes, gate, publications
from portal.queries.changes import MovedGrade, Pair, RowChange, TableChange
from portal.queries.gate import Verdict
from portal.queries.publications import Entry, Publication, Refused
from portal.web import words
from portal.web.frame import Asked, Frame, Known
from portal.web.pages.data import cell

if TYPE_CHECKING:
    from collections.abc import Iterator

router = APIRouter()

#: Releases of the timeline on a page.
SHOWN = 50
Number = Annotated[int, Path(ge=1, le=10**9)]


@router.get("/releases")
def releases_page(frame: Asked, before: Annotated[int | None, Query(ge=1)] = None) -> Response:
    entries = [entry for entry in publications.timeline() if before is None or entry.number < before]
    last = _refused(frame)
    return frame.render(
        "releases.html",
        nav="releases",
        api_url="/api/v1/releases",
        entries=[
            _entry_row(frame, entry, entries[place + 1 :]) for place, entry in enumerate(entries[:SHOWN])
        ],
        following=frame.here(before=entries[SHOWN - 1].number) if len(entries) > SHOWN else None,
        first=frame.here(before=None) if before else None,
        refused=last,
    )


def _entry_row(frame: Frame, entry: Entry, older: Sequence[Entry]) -> dict[str, Any]:
    found = entry.publication
    if found is None:
        return {"number": entry.number, "is_damaged": True}
    return {
        "number": entry.number,
        "is_damaged": False,
        "created_at": found.created_at[:16].replace("T", " "),
        "rollback_of": found.rollback_of,
        "tables": len(found.tables),
        "rows": found.rows,
        "changed": [frame.name(publications.table_title(name)) for name in entry.changed],
        "is_first": entry.is_first,
        "checks": found.checks,
        "warnings": found.warnings,
        "code_version": found.code_version,
        "before": next((other.number for other in older if other.publication), None),
    }


# --- what the gate refused -------------------------------------------------------------------------------


@router.get("/releases/failed")
def failed_page(frame: Known) -> Response:
    if not frame.viewer.may("quarantine"):
        raise HTTPException(
            403,
            frame.t(
                "未通过的发布只向有“数据质量”权限的账户开放",
                "refused publications are for accounts with the right to data quality",
            ),
        )
    last = _refused(frame)
    return frame.render(
        "failed.html",
        nav="releases",
        refused=last,
        failures=_verdict_rows(frame, last.failures) if last else [],
        warnings=_verdict_rows(frame, last.warnings) if last else [],
    )


def _refused(frame: Frame) -> Refused | None:
    return publications.refused() if frame.viewer.may("quarantine") else None


def _verdict_rows(frame: Frame, verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Verdicts of the gate's report, which nobody has cut for the viewer yet."""
    return [
        {
            **_verdict_row(frame, one),
            "failing": one.failing_keys if records.sees_failing_keys(one.table, frame.viewer) else (),
            "details": one.details if records.sees_failing_keys(one.table, frame.viewer) else "",
        }
        for one in verdicts
    ]


def _verdict_row(frame: Frame, one: Verdict) -> dict[str, Any]:
    return {
        "name": frame.name(one.title),
        "table": frame.name(publications.table_title(one.table)),
        "table_code": one.table,
        "level": frame.t("提示", "warning") if one.level == "warn" else frame.t("拦截", "blocks"),
        "unexpected": one.unexpected,
        "evaluated": one.evaluated,
        "failing": one.failing_keys,
        "details": one.details,
    }


# --- one release -----------------------------------------------------------------------------------------


@router.get("/releases/{release}")
def release_page(frame: Asked, release: Number) -> Response:
    found = _publication(frame, release)
    earlier = publications.release_before(release)
    before = publications.publication(earlier) if earlier else None
    shelf, cut = frame.shelf, frame.viewer.cut
    with shelf.reading(shelf.release(release), cut) as query:
        failed = gate.warnings(query)
        rules = publications.rule_sets(query, before)
        delivered = publications.delivered(query, None)
        if earlier:
            with shelf.reading(shelf.release(earlier), cut) as old:
                delivered = publications.delivered(query, old)
    changed = publications.changed_tables(before, found) if before else ()
    return frame.render(
        "release.html",
        nav="releases",
        api_url=f"/api/v1/releases/{release}",
        found=found,
        created_at=found.created_at[:16].replace("T", " "),
        earlier=earlier,
        later=_later(release),
        is_office=frame.viewer.role in OFFICES,
        failed=[_verdict_row(frame, one) for one in failed],
        tables=[_table_row(frame, name, found, before, changed) for name in found.tables],
        gone=[frame.name(publications.table_title(name)) for name in changed if name not in found.tables],
        changed_count=len(changed),
        rules=rules,
        rules_changed=sum(rule.is_changed for rule in rules),
        delivered=[_delivered_row(frame, one) for one in delivered],
        reopened=f"/releases/{release}/{frame.lang}/",
    )


def _publication(frame: Frame, number: int) -> Publication:
    if found := publications.publication(number):
        return found
    frame.shelf.release(number)  # says whether it never was or is damaged
    raise HTTPException(409)


def _later(number: int) -> int | None:
    later = [entry.number for entry in publications.timeline() if entry.publication and entry.number > number]
    return min(later, default=None)


def _table_row(
    frame: Frame, name: str, found: Publication, before: Publication | None, changed: Sequence[str]
) -> dict[str, Any]:
    held, then = found.tables[name], before.tables.get(name) if before else None
    return {
        "name": frame.name(publications.table_title(name)),
        "code": name,
        "rows": held.rows,
        "difference": held.rows - then.rows if then else None,
        "is_changed": name in changed,
        "checks": held.checks,
        "failed": held.failed,
    }


def _delivered_row(frame: Frame, one: publications.Delivered) -> dict[str, Any]:
    return {
        "name": frame.name(one.feed),
        "deliveries": one.deliveries,
        "periods": "–".join(dict.fromkeys((one.first_period, one.last_period))),
        "records": one.records,
        "quarantined": one.quarantined,
    }


# --- two releases ----------------------------------------------------------------------------------------


@router.get("/releases/{release}/compare/{other}")
def compare_page(
    frame: Known,
    release: Number,
    other: Number,
    table: Annotated[str, Query(max_length=80, pattern=r"^([a-z_]+\.[a-z0-9_]+)?$")] = "",
) -> Response:
    first, second = sorted((release, other))
    found, then = _publication(frame, second), _publication(frame, first)
    with _opened(frame, first, second) as pair:
        moved, moved_total = changes.moved_grades(pair)
        differing = changes.table_changes(pair)
        shown = next((one for one in differing if one.table.code == table), None)
        rows = changes.changed_rows(pair, table) if shown else []
    if table and not shown:
        raise HTTPException(
            404,
            frame.t(
                f"{table} 在两个版本间没有变化，或不向您开放",
                f"{table} did not change between the two releases, or you may not see it",
            ),
        )
    return frame.render(
        "compare.html",
        nav="releases",
        api_url=f"/api/v1/tables/{table or changes.GRADES}/changes?from={first}&to={second}",
        first=first,
        second=second,
        numbers=[
            (str(entry.number), str(entry.number)) for entry in publications.timeline() if entry.publication
        ],
        same_code=found.code_version == then.code_version,
        codes=(then.code_version, found.code_version),
        rules=sorted(
            name
            for name in {*found.rule_sets, *then.rule_sets}
            if found.rule_sets.get(name) != then.rule_sets.get(name)
        ),
        tables=[_change_row(frame, one) for one in differing],
        moved=[_moved_row(frame, one) for one in moved],
        moved_total=moved_total,
        shown=shown,
        rows=[_row(frame, one) for one in rows],
        row_total=(shown.came or 0) + (shown.went or 0) + (shown.changed or 0) if shown else 0,
        cell=cell,
    )


@contextmanager
def _opened(frame: Frame, first: int, second: int) -> Iterator[Pair]:
    shelf, cut = frame.shelf, frame.viewer.cut
    before, after = shelf.release(first), shelf.release(second)
    with shelf.reading(before, cut) as old, shelf.reading(after, cut) as new:
        yield Pair(before, after, old, new, cut)


def _change_row(frame: Frame, one: TableChange) -> dict[str, Any]:
    return {
        "name": frame.name(one.table),
        "code": one.table.code,
        "periods": frame.t("、", ", ").join(one.periods),
        "came": one.came,
        "went": one.went,
        "changed": one.changed,
        "rows_before": one.rows_before,
        "rows_after": one.rows_after,
    }


def _moved_row(frame: Frame, one: MovedGrade) -> dict[str, Any]:
    return {
        "name": one.enterprise_name,
        "uscc": one.uscc,
        "year": one.year,
        "district": frame.name(one.district),
        "before": one.before,
        "after": one.after,
        "why": frame.t("规则变化", "other rules")
        if one.has_other_rules
        else frame.t("规则未变", "same rules"),
    }


def _row(frame: Frame, one: RowChange) -> dict[str, Any]:
    return {
        "name": " · ".join(cell(value) for _, value in one.key),
        "kind": frame.name(words.named(words.KIND, one.kind)),
        "columns": [(frame.name(column), cell(before), cell(after)) for column, before, after in one.columns],
    }
