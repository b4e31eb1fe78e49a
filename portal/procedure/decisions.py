"""Decisions of the procedure: the only place that says who may decide what, in which order, and when.

Each function checks, tells the audit log, and writes the journal in one transaction; then the decision's file is
delivered. A city account decides for every district, a district's for its own; an enterprise confirms and objects for
itself, or a district does so for it with the paper it sent. Days are those of the home (``ingest.register.today``).

The module is one, above 300 lines: every decision is checked against the same standing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ingest.register.today import today
from jobs.per_mu.rules.procedure import Step, procedure
from portal.access.viewer import Viewer
from portal.accounts import audit
from portal.procedure import journal
from portal.procedure.delivery import deliver, sendable
from portal.procedure.errors import IncompleteError, NotAllowedError, ProcedureError, TakenError
from portal.procedure.facts import (
    ADJUSTMENT,
    CONFIRMATION,
    DECISION,
    OBJECTION,
    PUBLICATION,
    STEP,
    Firm,
    Standing,
    asked,
    firm,
    is_within,
    latest_number,
    standing,
)
from schemas.coded import title
from schemas.contract import code_list
from schemas.working_days import UnknownYearError, is_working_day, last_of, on_or_after, working_days

#: Steps that a later version repeats.
REPEATED = ("published", "executed")
MOST_TEXT = 500


@dataclass(frozen=True)
class Decided:
    """What a decision wrote: the feed's record."""

    feed: str
    record: Mapping[str, Any]


# --- steps ------------------------------------------------------------------------------------------------


def advance(
    by: Viewer,
    district: str,
    year: str,
    step: str,
    *,
    document: str = "",
    days: int | None = None,
    start: date | None = None,
    until: date | None = None,
    reason: str = "",
) -> Decided:
    """Decide the next step of a district's year.

    Args:
        document: number of the notice, minutes or decision.
        days: working days of the step's window; the most that the rules allow if neither it nor ``until`` is given.
        start: first day of the window; the next working day from today on if omitted.
        until: last day of the window, for a year whose holidays the calendar does not have yet.
        reason: why a published list is replaced.

    Raises:
        ProcedureError: it is not this account's to decide, not its turn, or lacks something; or it was decided already.
    """
    _check_place(by, district, year)
    if step not in procedure().codes:
        raise IncompleteError(
            f"没有步骤 {step}。", f"there is no step {step}; there are {', '.join(procedure().codes)}"
        )
    rule, day = procedure().step(step), today().day
    with _deciding() as db:
        now = standing(district, year)
        version = _version(now, step, reason)
        _check_turn(now, rule, version, day)
        if "document" in rule.needs:
            _need(document, "请填写文号。", "give the number of the document")
        window = _window(rule, day, start, days, until)
        if step == "executed":
            published = now.steps[("published", version)]["decided_date"]
            window = {"window_start_date": _next_month(published).isoformat()}
        record = {
            "district_code": district,
            "evaluation_step_code": step,
            "evaluation_version": version,
            "decided_date": day.isoformat(),
            "document_code": document.strip() or None,
            "procedure_reason": _text(reason) or None,
            **window,
            **_decider(by),
        }
        rows = _grades(district, year) if step == "published" else []
        audit.record(by, "procedure.step", f"{district}/{year}/{step}", record | {"grades": len(rows)})
        for row in rows:
            content = row | {
                "district_code": district, "evaluation_version": version, "decided_date": day.isoformat(),
                "document_code": document.strip(), "procedure_reason": _text(reason) or None, **_decider(by),
            }  # fmt: skip
            journal.append(db, by, PUBLICATION, year, district, year, f"{row['uscc']}|{version}", content)
        journal.append(db, by, STEP, year, district, year, f"{district}|{step}|{version}", record)
    return _delivered(STEP, record)


def _version(now: Standing, step: str, reason: str) -> int:
    """The version that a step belongs to: a published list is replaced by a further one, with a reason."""
    if step not in REPEATED or now.version == 0:
        return 1
    if step == "executed":
        return now.version
    if ("executed", now.version) not in now.steps:
        raise ProcedureError(
            f"第{now.version}版已发布，请先登记执行。",
            f"version {now.version} is published; decide its execution before a further version",
        )
    _need(
        reason,
        "更正已发布结果须写明理由。",
        "a further version needs a reason: say why the published list is replaced",
    )
    return now.version + 1


def _check_turn(now: Standing, rule: Step, version: int, day: date) -> None:
    """Refuse a step that is decided, whose turn has not come, or whose window before it is still open."""
    name = title("evaluation_step", rule.code)
    if done := now.steps.get((rule.code, version)):
        who = done.get("decider_account") or title("decider_role", done["decider_role_code"]).zh
        raise TakenError(
            f"{name.zh}已于 {done['decided_date']} 由 {who} 决定。",
            f"{name.en} was decided on {done['decided_date']} by {who}",
        )
    for code in procedure().before(rule.code):
        found = now.step(code)
        earlier = title("evaluation_step", code)
        if found is None:
            raise ProcedureError(
                f"尚未完成“{earlier.zh}”，不能进行“{name.zh}”。",
                f"{earlier.en} ({code}) has not been decided; it comes before {rule.code}",
            )
        end = found["window_end_date"]
        if procedure().step(code).window and (end is None or end >= day):
            raise ProcedureError(
                f"“{earlier.zh}”期限至 {end}，期满后方可进行“{name.zh}”。",
                f"{earlier.en} lasts until {end}; {rule.code} may be decided from the day after",
            )
    if rule.code == "joint_meeting" and (still := now.open_objections):
        raise ProcedureError(
            f"还有 {len(still)} 件异议未处理，请先作出决定。",
            f"{len(still)} objections have no decision yet; decide them before the joint meeting",
        )


def _window(
    rule: Step, day: date, start: date | None, days: int | None, until: date | None
) -> dict[str, Any]:
    """First and last day of a step's window and its working days, within what the rules allow."""
    if rule.window is None:
        return {}
    least, most = rule.window.least, rule.window.most
    if until is None and days is None:
        days = most
    try:
        first = start or on_or_after(day)
        if not is_working_day(first):
            raise IncompleteError(
                f"{first} 不是工作日，期限应自工作日起算。",
                f"{first} is no working day; a window begins on one",
            )
        last = until or last_of(first, days or 0)
        count: int | None = working_days(first, last)
    except UnknownYearError as error:
        if until is None:
            raise IncompleteError(
                f"节假日历尚无 {error.year} 年，请直接填写期限末日，或更新节假日历。", str(error)
            ) from None
        first, last, count = start or day, until, None
    if first < day:
        raise IncompleteError(
            f"期限首日 {first} 早于今天 {day}。", f"the window would begin on {first}, before today {day}"
        )
    if last < first or (count is not None and not least <= count <= most):
        raise IncompleteError(
            f"期限应为 {least} 至 {most} 个工作日，{first} 至 {last} 为 {count} 个。",
            f"the window lasts {least} to {most} working days; {first} to {last} are {count}",
        )
    return {
        "window_start_date": first.isoformat(),
        "window_end_date": last.isoformat(),
        "working_days_count": count,
    }


def _grades(district: str, year: str) -> list[dict[str, Any]]:
    """The grades to be published: those of the latest release, which must have the decision that made them final."""
    known = asked(
        "SELECT decided_date FROM per_mu.procedure WHERE district_code = ? AND year = ? "
        "AND evaluation_step_code = 'final' AND decided_date IS NOT NULL",
        district, year,
    )  # fmt: skip
    number = latest_number()
    if not known:
        raise ProcedureError(
            f"版本 {number} 尚未纳入定档决定，请在下一版本发布后再发布名单。",
            f"release {number} does not have the decision on final grades yet; publish after the next release",
        )
    rows = asked(
        "SELECT uscc, list_code, initial_grade, final_grade, total_score, rank_in_list FROM per_mu.enterprise_grade "
        "WHERE district_code = ? AND year = ? AND figures_as_of = year ORDER BY uscc",
        district, year,
    )  # fmt: skip
    if not rows:
        raise ProcedureError(
            f"版本 {number} 没有该区县 {year} 年的等级。",
            f"release {number} has no grades of {district} for {year}",
        )
    return [row | {"total_score": str(row["total_score"]), "release_number": number} for row in rows]


def _next_month(day: date) -> date:
    """
    >>> _next_month(date(2025, 12, 3)).isoformat()
    '2026-01-01'
    """
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


# --- confirmations and objections ------------------------------------------------------------------------------


def confirm(by: Viewer, uscc: str, year: str, *, document: str = "") -> Decided:
    """Confirm a firm's sheet (一企一单).

    Raises:
        ProcedureError: the firm has no sheet, the time is not open or over, or the sheet is confirmed.
    """
    known = _own_firm(by, uscc, year, document)
    if not known.sheet_hash:
        raise ProcedureError(
            "该企业本年度没有须确认的清单。", f"{uscc} has no sheet to be confirmed for {year}"
        )
    day = today().day
    with _deciding() as db:
        now = standing(known.district, year)
        own = [row for row in now.confirmations if row["uscc"] == uscc]
        if any(row["sheet_hash"] in (None, known.sheet_hash) for row in own):
            raise TakenError("该清单已确认。", "this sheet is confirmed already")
        offered = now.step("sheets_offered")
        if offered is None or day < offered["window_start_date"]:
            raise ProcedureError("一企一单尚未开始确认。", "the sheets are not offered for confirmation yet")
        # a sheet that changed since it was confirmed may be confirmed again until the grades are final
        is_over = now.step("final") is not None if own else day > offered["window_end_date"]
        if is_over:
            raise ProcedureError(
                f"确认期限已于 {offered['window_end_date']} 届满，逾期未确认视同无异议。",
                f"the time to confirm ended on {offered['window_end_date']}; silence counts as no objection",
            )
        code = f"QR{year}-{uscc}-{len(own) + 1}"
        record = {
            "confirmation_code": code, "uscc": uscc, "confirmed_date": day.isoformat(),
            "sheet_hash": known.sheet_hash, **_decider(by),
        }  # fmt: skip
        audit.record(by, "procedure.confirm", uscc, record | {"document": document})
        journal.append(db, by, CONFIRMATION, year, known.district, year, code, record)
    return _delivered(CONFIRMATION, record)


def object_(
    by: Viewer,
    uscc: str,
    year: str,
    kind: str,
    evidence: str,
    *,
    indicator: str = "",
    claimed: str = "",
    document: str = "",
) -> Decided:
    """Object to land, a figure or a grade, with evidence, while it is on public notice.

    Args:
        claimed: the value that the firm holds to be right: of the indicator, or mu of land.

    Raises:
        ProcedureError: no window admits it now, or evidence or value is missing.
    """
    known = _own_firm(by, uscc, year, document)
    if kind not in code_list("objection_kind"):
        raise IncompleteError(
            f"没有异议类别 {kind}。", f"there is no kind {kind}; there are land, figure and grade"
        )
    _need(evidence, "请写明依据。", "say what the evidence is")
    indicators = sendable(OBJECTION, "indicator_code")
    if kind == "figure" and indicator not in indicators:
        raise IncompleteError("请选择指标。", f"name the indicator: {', '.join(indicators)}")
    value = None if kind == "grade" else _number(claimed)
    day = today().day
    with _deciding() as db:
        now = standing(known.district, year)
        step = _admitting(now, kind, day)
        number = len(journal.entries(db, OBJECTION, year=year)) + 1
        record = {
            "objection_code": f"YP{year}{number:06d}",
            "uscc": uscc,
            "year": year,
            "objection_kind_code": kind,
            "indicator_code": indicator if kind == "figure" else None,
            "claimed_value": value,
            "evidence_text": _text(evidence),
            "raised_date": day.isoformat(),
            "window_end_date": now.steps[(step, 1)]["window_end_date"].isoformat(),
        }
        audit.record(by, "procedure.object", uscc, record | {"document": document})
        code = str(record["objection_code"])
        journal.append(db, by, OBJECTION, f"{day:%Y-%m}", known.district, year, code, record)
    return _delivered(OBJECTION, record)


def _admitting(now: Standing, kind: str, day: date) -> str:
    """The step whose window admits an objection of this kind today."""
    told = []
    for code in procedure().admitting(kind):
        step, name = now.step(code), title("evaluation_step", code)
        if step is None:
            told.append((f"“{name.zh}”尚未开始", f"{name.en} has not begun"))
        elif is_within(step, day):
            return code
        else:
            span = f"{step['window_start_date']} – {step['window_end_date']}"
            told.append((f"“{name.zh}”为 {span}", f"{name.en} was {span}"))
    what = title("objection_kind", kind)
    raise ProcedureError(
        f"对{what.zh}的异议只能在公示期内提出：{'；'.join(zh for zh, _ in told)}，今天是 {day}。",
        f"an objection to {what.en.lower()} is raised within its notice: {'; '.join(en for _, en in told)}; "
        f"today is {day}",
    )


def decide(
    by: Viewer,
    district: str,
    year: str,
    objection: str,
    decision: str,
    reason: str,
    *,
    value: str = "",
    document: str = "",
) -> Decided:
    """Decide an objection, with reasons.

    Args:
        decision: accepted or refused.
        value: the value held to be right, if a figure or land is corrected.

    Raises:
        ProcedureError: there is no such open objection, reasons are missing, or it was decided already.
    """
    _check_place(by, district, year)
    if decision not in code_list("objection_decision"):
        raise IncompleteError("请选择采纳或不采纳。", "decide accepted or refused")
    _need(reason, "请写明理由。", "give the reasons")
    with _deciding() as db:
        now = standing(district, year)
        found = now.objections.get(objection)
        if found is None:
            raise ProcedureError(
                f"没有异议 {objection}。", f"{district} has no objection {objection} for {year}"
            )
        if done := now.decisions.get(objection):
            who = done.get("decider_account") or title("decider_role", done["decider_role_code"]).zh
            raise TakenError(
                f"该异议已于 {done['decided_date']} 由 {who} 决定。",
                f"{objection} was decided on {done['decided_date']} by {who}",
            )
        if not found["is_in_window"]:
            raise ProcedureError(
                f"该异议于 {found['raised_date']} 提出，不在公示期内，不予受理。",
                f"{objection} was raised on {found['raised_date']}, outside of every notice; it is not admitted",
            )
        is_grade = found.get("objection_kind_code") == "grade"
        held = None if decision == "refused" or is_grade else _number(value)
        record = {
            "objection_code": objection, "uscc": found["uscc"], "objection_decision_code": decision,
            "decided_date": today().day.isoformat(), "procedure_reason": _text(reason), "decided_value": held,
            "document_code": document.strip() or None, **_decider(by),
        }  # fmt: skip
        audit.record(by, "procedure.decide", objection, record)
        journal.append(db, by, DECISION, year, district, year, objection, record)
    return _delivered(DECISION, record)


# --- grades ------------------------------------------------------------------------------------------------


def adjust(by: Viewer, uscc: str, year: str, grade: str, reason: str, text: str, document: str) -> Decided:
    """Change a firm's grade as the joint meeting decided.

    Args:
        reason: code of the list ``grade_adjustment_reason``.
        text: the reasons in words.
        document: number of the minutes or decision.

    Raises:
        ProcedureError: the meeting has not been held, the firm has no grade or a veto, or something is missing.
    """
    known = firm(uscc, year)
    if known is None or known.final_grade is None:
        raise ProcedureError(
            "该企业本年度没有等级。", f"{uscc} has no grade for {year} in the latest release"
        )
    _check_place(by, known.district, year)
    if grade not in code_list("grade"):
        raise IncompleteError("请选择等级。", "give a grade from A to D")
    if reason not in code_list("grade_adjustment_reason"):
        reasons = ", ".join(code_list("grade_adjustment_reason"))
        raise IncompleteError("请选择调档理由。", f"give a reason: {reasons}")
    _need(text, "请写明理由。", "say why in words")
    _need(document, "请填写文号。", "give the number of the minutes or decision")
    if any(code.startswith("veto:") for code in known.grade_reasons) and grade < known.final_grade:
        raise ProcedureError(
            "一票否决不能以调档解除，请更正其所依据的处罚或事故记录。",
            "an adjustment does not lift a veto; the record of the penalty or accident has to be corrected",
        )
    if grade == known.final_grade:
        raise ProcedureError(f"该企业已是{grade}类。", f"{uscc} is graded {grade} already")
    with _deciding() as db:
        now = standing(known.district, year)
        if now.step("joint_meeting") is None:
            raise ProcedureError(
                "联席会议尚未召开，不能调档。", "grades are adjusted after the joint meeting (joint_meeting)"
            )
        if now.step("final") and not now.version:
            raise ProcedureError(
                "已定档，发布前不再调档；发布后可作更正。",
                "grades are final; adjust after publication, as a correction",
            )
        code = f"TD{year}-{uscc}-{now.version + 1}"
        if any(row["grade_adjustment_code"] == code for row in now.adjustments):
            raise TakenError(
                "该企业已调档，同一版本只调整一次。", f"{uscc} was adjusted already for this version"
            )
        record = {
            "grade_adjustment_code": code, "uscc": uscc, "district_code": known.district, "adjusted_grade": grade,
            "grade_adjustment_reason_code": reason, "procedure_reason": _text(text),
            "document_code": document.strip(), "decided_date": today().day.isoformat(), **_decider(by),
        }  # fmt: skip
        audit.record(by, "procedure.adjust", uscc, record | {"before": known.final_grade})
        journal.append(db, by, ADJUSTMENT, year, known.district, year, code, record)
    return _delivered(ADJUSTMENT, record)


# --- checks that all share ------------------------------------------------------------------------------------


def may_decide(by: Viewer, district: str) -> bool:
    """Whether an account decides a district's procedure."""
    return by.role == "city" or (by.role == "district" and by.scope == district)


@contextmanager
def _deciding() -> Iterator[sqlite3.Connection]:
    """A transaction of the journal; what another process wrote between check and entry is refused as decided."""
    try:
        with journal.changing() as db:
            yield db
    except sqlite3.IntegrityError:
        raise TakenError(
            "刚刚已由他人决定，请刷新页面。", "somebody else has just decided this; look again"
        ) from None


def _delivered(name: str, record: Mapping[str, Any]) -> Decided:
    deliver()
    return Decided(name, record)


def _check_place(by: Viewer, district: str, year: str) -> None:
    if district not in code_list("district"):
        raise IncompleteError(f"没有区县 {district}。", f"there is no district {district}, such as 330282")
    if not may_decide(by, district):
        raise NotAllowedError(
            "只有本区县或市级账户可以作此决定。",
            f"the account {by.name} ({by.role}) may not decide this; the district's or the city's accounts may",
        )
    if not (year.isdecimal() and len(year) == 4):
        raise IncompleteError(f"{year} 不是年度。", f"{year} is no year, such as 2024")
    if int(year) >= today().day.year:
        raise ProcedureError(
            f"{year} 年尚未结束，不能评价。",
            f"{year} is not over yet; its evaluation begins in the year after",
        )


def _own_firm(by: Viewer, uscc: str, year: str, document: str) -> Firm:
    """The firm for which an account acts: its own, or one of its district whose paper it has."""
    known = firm(uscc, year)
    if by.role == "enterprise" and by.scope != uscc:
        raise NotAllowedError("只能为本企业办理。", f"the account {by.name} acts for {by.scope} only")
    if known is None:
        raise ProcedureError("本年度评价中没有该企业。", f"the evaluation of {year} has no firm {uscc}")
    if by.role != "enterprise":
        if not may_decide(by, known.district):
            raise NotAllowedError(
                "只有企业本身、本区县或市级账户可以办理。",
                f"the account {by.name} ({by.role}) may not act for {uscc}; the firm, its district or the city may",
            )
        _need(document, "代企业办理须填写其书面材料文号。", "name the paper that the firm sent (document)")
    return known


def _decider(by: Viewer) -> dict[str, str]:
    return {"decider_role_code": by.role, "decider_account": by.name}


def _need(text: str, zh: str, en: str) -> None:
    if not text.strip():
        raise IncompleteError(zh, en)


def _text(text: str) -> str:
    """One line of bounded length."""
    return " ".join(text.split())[:MOST_TEXT]


def _number(text: str) -> str:
    """A decimal number as text."""
    try:
        value = Decimal(text.strip().replace(",", ""))
        if not value.is_finite() or abs(value) >= Decimal(10) ** 17:
            raise ValueError
    except (ArithmeticError, ValueError):
        raise IncompleteError(
            "请填写数值。", f"give the value as a number, not {text.strip()[:40]!r}"
        ) from None
    return format(value.quantize(Decimal("0.000001")), "f")
