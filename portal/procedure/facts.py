"""What a decision rests on: the latest release's firms and grades, and what was decided so far, released or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from ingest.register.deliveries import DELIVERY
from ingest.register.entries import deliveries
from portal.procedure import journal
from schemas.contract import feed
from schemas.errors import UserError
from schemas.register import current_deliveries
from warehouse import duck, tables
from warehouse.releases import open_release
from warehouse.settings import settings

Row = Mapping[str, Any]
STEP, CONFIRMATION, OBJECTION, DECISION, ADJUSTMENT, PUBLICATION = (
    "gov_evaluation_step", "ent_confirmation", "ent_objection", "gov_objection_decision", "gov_grade_adjustment",
    "gov_grade_publication",
)  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """What was decided about a district's year: records of all feeds by key, and which of them no table has yet."""

    district: str
    year: str
    steps: Mapping[tuple[str, int], Row] = field(default_factory=dict)
    objections: Mapping[str, Row] = field(default_factory=dict)
    decisions: Mapping[str, Row] = field(default_factory=dict)
    confirmations: Sequence[Row] = ()
    adjustments: Sequence[Row] = ()

    @property
    def version(self) -> int:
        """The last published version; 0 before."""
        return max((version for code, version in self.steps if code == "published"), default=0)

    @property
    def open_objections(self) -> list[Row]:
        """Objections without a decision that were raised within their window."""
        return [
            row for code, row in self.objections.items() if code not in self.decisions and row["is_in_window"]
        ]

    def step(self, code: str) -> Row | None:
        return self.steps.get((code, 1))


def standing(district: str, year: str) -> Standing:
    """The standing of a district's year, with what the journal has and no table yet."""
    steps = steps_of(district, year)
    own = _firms(district, year)

    def of_firms(name: str) -> list[Row]:
        return [row for row in _records(name, year, district) if row["uscc"] in own or row.get("is_pending")]

    objections = {
        row["objection_code"]: {**row, "is_in_window": bool(window_of(steps, row))}
        for row in _objections(year, district)
        if row["uscc"] in own or row.get("is_pending")
    }
    return Standing(
        district,
        year,
        steps,
        objections,
        {row["objection_code"]: row for row in of_firms(DECISION)},
        of_firms(CONFIRMATION),
        [row for row in _records(ADJUSTMENT, year, district) if row["district_code"] == district],
    )


def steps_of(district: str, year: str) -> dict[tuple[str, int], Row]:
    """The decided steps of a district's year by code and version."""
    return {
        (row["evaluation_step_code"], int(row["evaluation_version"])): row
        for row in _records(STEP, year, district)
        if row["district_code"] == district
    }


def window_of(steps: Mapping[tuple[str, int], Row], objection: Row) -> str | None:
    """The step in whose window an objection was raised."""
    from jobs.per_mu.rules.procedure import procedure

    admitting = procedure().admitting(objection.get("objection_kind_code") or "figure")
    return next(
        (code for code in admitting if is_within(steps.get((code, 1)), objection["raised_date"])), None
    )


def is_within(step: Row | None, day: date) -> bool:
    """Whether a day lies in a step's window; a sender's record may lack its days."""
    first, last = (step[f"window_{end}_date"] if step else None for end in ("start", "end"))
    return bool(first and last and first <= day <= last)


# --- records, from tables and from the journal -----------------------------------------------------------


def _records(name: str, year: str, district: str) -> list[Row]:
    """A feed's records of the year: those in the table, and those of the journal that are not there yet."""
    found = {_key(name, row): row for row in _ingested(name, year)}
    for row in _pending(name, year, district):
        found.setdefault(_key(name, row), row)
    return list(found.values())


def _objections(year: str, district: str) -> list[Row]:
    found = {row["objection_code"]: row for row in _ingested(OBJECTION, None) if row["year"] == year}
    for row in _pending(OBJECTION, year, district):
        found.setdefault(row["objection_code"], row)
    return list(found.values())


def _key(name: str, row: Row) -> tuple[Any, ...]:
    return tuple(str(row[column]) for column in feed(name).key if column != "period")


def _ingested(name: str, period: str | None) -> Sequence[Row]:
    """Current rows of a feed's table as it is now; the first of a key holds, because an event never changes."""
    table = feed(name).name
    if not tables.exists(table) or not tables.exists(DELIVERY):
        return ()
    return _rows_of(settings().home, name, period, tables.version(table), tables.version(DELIVERY))


@lru_cache(maxsize=64)
def _rows_of(home: Path, name: str, period: str | None, version: int, register: int) -> Sequence[Row]:
    """Kept until the table or the register of deliveries changes: a page asks for all districts of a year."""
    spec = feed(name)
    current = {(d["delivery_id"], d["mapping_hash"]) for d in current_deliveries(deliveries(), spec)}
    filters = [("period", "=", period)] if period else None
    table = tables.open_table(spec.name, version).to_pyarrow_table(filters=filters)
    rows = [row for row in table.to_pylist() if (row["delivery_id"], row["mapping_hash"]) in current]
    rows.sort(key=lambda row: (row["known_at"], row["delivery_id"], row["source_row"]), reverse=True)
    return tuple({_key(name, row): row for row in rows}.values())


def _pending(name: str, year: str, district: str) -> list[Row]:
    with journal.reading() as db:
        found = journal.entries(db, name, district, year)
    return [{**_typed(name, entry.record), "is_pending": True} for entry in found]


def _typed(name: str, record: Row) -> dict[str, Any]:
    """A record of the journal, with dates as dates; columns that it does not have are null."""
    types = {column.name: column.type for column in feed(name).columns}
    return {
        column: date.fromisoformat(value) if value and kind == "date" else value
        for column, kind in types.items()
        for value in [record.get(column)]
    }


# --- the release -----------------------------------------------------------------------------------------


def _firms(district: str, year: str) -> set[str]:
    rows = asked("SELECT uscc FROM per_mu.population WHERE district_code = ? AND year = ?", district, year)
    return {row["uscc"] for row in rows}


def asked(sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of the latest release, or none while there is no release."""
    try:
        release = open_release()
    except UserError:
        return []
    with duck.connect(release.file, read_only=True) as db:
        found = db.execute(sql, list(values))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def latest_number() -> int:
    """Number of the latest release.

    Raises:
        UserError: there is none.
    """
    return open_release().number


@dataclass(frozen=True)
class Firm:
    """A firm of the evaluation, as the latest release has it."""

    uscc: str
    year: str
    district: str
    eval_status: str
    final_grade: str | None
    grade_reasons: tuple[str, ...]
    #: State and hash of its sheet; empty for firms without one.
    sheet_state: str
    sheet_hash: str


def firm(uscc: str, year: str) -> Firm | None:
    """The firm in a year's evaluation; ``None`` if the release does not have it."""
    rows = asked(
        """SELECT p.district_code, p.eval_status_code, g.final_grade, g.grade_reasons, c.confirmation_state_code,
            c.sheet_hash
        FROM per_mu.population p LEFT JOIN per_mu.enterprise_grade g USING (uscc, year)
        LEFT JOIN per_mu.confirmation c USING (uscc, year) WHERE p.uscc = ? AND p.year = ?""",
        uscc,
        year,
    )
    if not rows:
        return None
    [row] = rows
    return Firm(
        uscc, year, row["district_code"], row["eval_status_code"], row["final_grade"],
        tuple(row["grade_reasons"] or ()), row["confirmation_state_code"] or "", row["sheet_hash"] or "",
    )  # fmt: skip
