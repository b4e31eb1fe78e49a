"""The yearly procedure: where a district's year stands, its objections, confirmations and published grades.

Released rows come from the release as the viewer may see it; decisions that no release has yet come from the feeds'
tables and the journal, and say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from jobs.per_mu.rules.procedure import procedure
from portal.procedure.facts import Standing, standing, steps_of, window_of
from portal.queries.release import Query
from portal.queries.titles import Named
from schemas.coded import title


@dataclass(frozen=True)
class StepRow:
    """One step of a district's year; ``is_pending`` if it was decided and no release has it yet."""

    code: str
    title: Named
    version: int
    #: done, due or waiting.
    state: str
    planned: date
    decided: date | None
    window_start: date | None
    window_end: date | None
    working_days: int | None
    document: str | None
    reason: str | None
    account: str | None
    is_pending: bool
    records: int | None = None
    still_open: int | None = None
    silent: int | None = None


@dataclass(frozen=True)
class ObjectionRow:
    """One objection as it stands now."""

    code: str
    uscc: str
    name: str | None
    kind: Named
    indicator: Named | None
    claimed: Decimal | None
    evidence: str
    raised: date
    #: The window in which it was raised; ``None`` outside of every one.
    window: Named | None
    state: Named
    decided: date | None
    reason: str | None
    value: Decimal | None
    present: Decimal | None
    is_pending: bool

    @property
    def is_open(self) -> bool:
        return self.state.code == "open"


@dataclass(frozen=True)
class Place:
    """A district in a list of districts: the step that is due, and since when the last one is done."""

    district: Named
    due: Named | None
    planned: date | None
    last: Named | None
    decided: date | None


@dataclass(frozen=True)
class ChangedGrade:
    """A published grade that the present data do not give: a correction waits for publication."""

    uscc: str
    name: str | None
    list: Named
    #: Missing for a firm that is graded now and stands in no published list.
    published: str | None
    computed: str | None
    cause: Named


def named(list_name: str, code: str) -> Named:
    """A code with today's titles: a decision may be newer than the release."""
    found = title(list_name, code)
    return Named(code, found.zh, found.en)


def years(query: Query) -> list[str]:
    """Years with an evaluation, the latest first."""
    return [row["year"] for row in query("SELECT DISTINCT year FROM per_mu.procedure ORDER BY year DESC")]


def districts(query: Query, year: str) -> list[str]:
    """Districts with an evaluation in the year."""
    rows = query("SELECT DISTINCT district_code FROM per_mu.procedure WHERE year = ? ORDER BY 1", year)
    return [row["district_code"] for row in rows]


def chain(query: Query, district: str, year: str, known: Standing | None = None) -> list[StepRow]:
    """The steps of a district's year in their order, later versions of the published list last."""
    known = known or standing(district, year)
    released = {
        (row["evaluation_step_code"], row["evaluation_version"]): row
        for row in query(
            "SELECT * FROM per_mu.procedure WHERE district_code = ? AND year = ?", district, year
        )
    }
    rules = procedure()
    first = next((code for code in rules.codes if known.step(code) is None), None)
    keys = [(code, 1) for code in rules.codes]
    keys += sorted((k for k in known.steps if k[1] > 1), key=lambda k: (k[1], rules.codes.index(k[0])))
    rows = []
    for code, version in keys:
        done, row = known.steps.get((code, version), {}), released.get((code, version), {})
        state = "done" if done else "due" if code == first else "waiting"
        rows.append(
            StepRow(
                code,
                named("evaluation_step", code),
                version,
                state,
                rules.step(code).planned_date(year),
                done.get("decided_date"),
                done.get("window_start_date"),
                done.get("window_end_date"),
                done.get("working_days_count"),
                done.get("document_code"),
                done.get("procedure_reason"),
                done.get("decider_account"),
                bool(done) and not row.get("decided_date"),
                row.get("step_record_count"),
                row.get("open_count"),
                row.get("silent_count"),
            )
        )
    return rows


def objections(query: Query, district: str, year: str, known: Standing | None = None) -> list[ObjectionRow]:
    """The district's objections of the year that the viewer may see, open ones first."""
    known = known or standing(district, year)
    released = {
        row["objection_code"]: row
        for row in query(
            "SELECT * FROM per_mu.objection WHERE district_code = ? AND year = ?", district, year
        )
    }
    seen = {
        row["uscc"]: row["enterprise_name"]
        for row in query(
            "SELECT uscc, enterprise_name FROM core.enterprise WHERE year = ? AND list_contains(?, uscc)",
            year,
            sorted({row["uscc"] for row in known.objections.values()}),
        )
    }
    rows = [
        _objection(known, row, released.get(code, {}), seen[row["uscc"]])
        for code, row in known.objections.items()
        if row["uscc"] in seen
    ]
    return sorted(rows, key=lambda row: (not row.is_open, row.raised, row.code))


def _objection(known: Standing, row: Any, released: Any, name: str | None) -> ObjectionRow:
    decision = known.decisions.get(row["objection_code"])
    window = window_of(known.steps, row)
    return ObjectionRow(
        row["objection_code"],
        row["uscc"],
        name,
        named("objection_kind", row["objection_kind_code"] or "figure"),
        named("per_mu_indicator", row["indicator_code"]) if row["indicator_code"] else None,
        _decimal(row["claimed_value"]),
        row["evidence_text"],
        row["raised_date"],
        named("evaluation_step", window) if window else None,
        named("objection_state", _state(decision, released, window)),
        decision["decided_date"] if decision else None,
        decision["procedure_reason"] if decision else None,
        _decimal(decision["decided_value"]) if decision else None,
        released.get("present_value"),
        not released or bool(decision) != bool(released.get("decided_date")),
    )


def _state(decision: Any, released: Any, window: str | None) -> str:
    """The state in the release, or what follows from a newer decision."""
    if decision is None:
        return "open" if window else "out_of_window"
    if released.get("decided_date"):
        return str(released["objection_state_code"])
    if decision["objection_decision_code"] == "refused":
        return "refused"
    return "accepted_pending" if decision["decided_value"] is not None else "accepted"


def places(year: str, districts: Iterable[str]) -> list[Place]:
    """Where each of these districts stands."""
    rules, found = procedure(), []
    for district in districts:
        steps = {code: row for (code, version), row in steps_of(district, year).items() if version == 1}
        due = next((code for code in rules.codes if code not in steps), None)
        last = next((code for code in reversed(rules.codes) if code in steps), None)
        found.append(
            Place(
                named("district", district),
                named("evaluation_step", due) if due else None,
                rules.step(due).planned_date(year) if due else None,
                named("evaluation_step", last) if last else None,
                steps[last]["decided_date"] if last else None,
            )
        )
    return found


#: A firm that is graded now and stands in no published list; the table of published grades has no row for it.
JOINED = Named("joined", "新参评", "Graded since")


def changed_grades(query: Query, district: str, year: str) -> Sequence[ChangedGrade]:
    """Where the version in force and the present data differ, with what moved it: a correction waits."""
    rows = query(
        """SELECT p.uscc, e.enterprise_name, p.list_code, p.final_grade, p.computed_grade,
            p.grade_change_cause_code AS cause
        FROM per_mu.publication p LEFT JOIN core.enterprise e USING (uscc, year)
        WHERE p.district_code = $1 AND p.year = $2 AND p.grade_change_cause_code IS NOT NULL
        UNION ALL SELECT g.uscc, g.enterprise_name, g.list_code, NULL, g.final_grade, 'joined'
        FROM per_mu.enterprise_grade g ANTI JOIN per_mu.publication p
            ON p.uscc = g.uscc AND p.year = g.year AND p.is_in_force
        WHERE g.district_code = $1 AND g.year = $2 AND g.status_code = 'correction_pending'
        ORDER BY ALL""",
        district,
        year,
    )
    return [
        ChangedGrade(
            row["uscc"],
            row["enterprise_name"],
            named("per_mu_list", row["list_code"]),
            row["final_grade"],
            row["computed_grade"],
            JOINED if row["cause"] == JOINED.code else named("grade_change_cause", row["cause"]),
        )
        for row in rows
    ]


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value)).normalize()
