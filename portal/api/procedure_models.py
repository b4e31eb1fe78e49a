"""What the procedure's addresses take and give: structs, from which the OpenAPI document has its models.

Fields of bodies are named as on the command line, fields of answers as in the field dictionary.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from portal.queries.own_sheet import Sheet, SheetValue
from portal.queries.procedure import ChangedGrade, ObjectionRow, Place, StepRow
from portal.queries.titles import Named

#: Texts of one line and of several; what a record may not carry is refused before it is decided.
_LINE, _LINES = r"^[^\u0000-\u001f\u007f]*$", r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$"
_CODES = "x-code-list"


def _code(codes: str, zh: str, en: str) -> Meta:
    return Meta(pattern=_LINE, max_length=100, description=f"{zh} {en}", extra_json_schema={_CODES: codes})


Year = Annotated[
    str,
    Meta(pattern=r"^20[0-9]{2}$", max_length=4, description="评价年度 evaluation year", examples=["2024"]),
]
District = Annotated[str, _code("district", "区县", "district, such as 330282")]
Uscc = Annotated[
    str, Meta(pattern=_LINE, max_length=100, description="统一社会信用代码 credit code of the firm")
]
Document = Annotated[
    str, Meta(pattern=_LINE, max_length=100, description="文号 number of the document or paper")
]
Number = Annotated[
    str,
    Meta(pattern=_LINE, max_length=100, description="数值，以文本表示 a decimal number as text", examples=["12.5"]),
]  # fmt: skip
Text = Annotated[
    str, Meta(pattern=_LINES, max_length=600, description="说明 in words; 500 characters are kept")
]


class Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """内容 What a request sends."""


# --- decisions ------------------------------------------------------------------------------------------------


class AdvanceStep(Body):
    """步骤 The next step of a district's year."""

    district: District
    year: Year
    step: Annotated[str, _code("evaluation_step", "步骤", "step")]
    document: Document = ""
    days: Annotated[int, Meta(ge=1, le=99, description="期限工作日数 working days of the window")] | None = (
        None
    )
    start: Annotated[date, Meta(description="期限首日 first day of the window")] | None = None
    until: (
        Annotated[date, Meta(description="期限末日，替代工作日数 last day of the window, instead of days")] | None
    ) = None  # fmt: skip
    reason: Text = ""


class ConfirmSheet(Body):
    """确认 The confirmation of a firm's sheet (一企一单)."""

    uscc: Uscc
    year: Year
    document: Document = ""


class RaiseObjection(Body):
    """异议 An objection to a firm's land, a figure or its grade."""

    uscc: Uscc
    year: Year
    kind: Annotated[str, _code("objection_kind", "异议类别", "kind")]
    evidence: Text
    indicator: (
        Annotated[str, _code("per_mu_indicator", "指标（数据异议）", "indicator, of a figure")] | None
    ) = None
    claimed: Number = ""
    document: Document = ""


class DecideObjection(Body):
    """异议处理 The decision on an objection, with reasons."""

    district: District
    year: Year
    objection: Annotated[
        str, Meta(pattern=_LINE, max_length=100, description="异议编号 number of the objection")
    ]
    decision: Annotated[str, _code("objection_decision", "决定", "decision")]
    reason: Text
    value: Number = ""
    document: Document = ""


class AdjustGrade(Body):
    """调档 A firm's grade, changed as the joint meeting decided."""

    uscc: Uscc
    year: Year
    grade: Annotated[str, _code("grade", "等级", "grade")]
    reason: Annotated[str, _code("grade_adjustment_reason", "调档理由", "reason")]
    text: Text
    document: Document


# --- answers --------------------------------------------------------------------------------------------------


class Answer(msgspec.Struct, forbid_unknown_fields=True):
    """内容 What an answer has."""


class DistrictStep(Answer):
    """区县的一个步骤 One step of a district's year; ``is_pending`` if it is decided and no release has it yet."""

    step: Named
    evaluation_version: int
    state: Literal["done", "due", "waiting"]
    planned_date: date
    decided_date: date | None
    window_start_date: date | None
    window_end_date: date | None
    working_days_count: int | None
    document_code: str | None
    procedure_reason: str | None
    is_pending: bool
    step_record_count: int | None
    open_count: int | None
    silent_count: int | None

    @classmethod
    def of(cls, row: StepRow) -> DistrictStep:
        return cls(
            row.title, row.version, row.state, row.planned, row.decided,  # type: ignore[arg-type]
            row.window_start, row.window_end, row.working_days, row.document, row.reason, row.is_pending,
            row.records, row.still_open, row.silent,
        )  # fmt: skip


class DistrictObjection(Answer):
    """区县的一件异议 One objection as it stands now."""

    objection_code: str
    uscc: str
    enterprise_name: str | None
    kind: Named
    indicator: Named | None
    claimed_value: Decimal | None
    evidence_text: str
    raised_date: date
    window: Named | None
    state: Named
    decided_date: date | None
    procedure_reason: str | None
    decided_value: Decimal | None
    is_pending: bool

    @classmethod
    def of(cls, row: ObjectionRow) -> DistrictObjection:
        return cls(
            row.code, row.uscc, row.name, row.kind, row.indicator, row.claimed, row.evidence, row.raised, row.window,
            row.state, row.decided, row.reason, row.value, row.is_pending,
        )  # fmt: skip


class WaitingCorrection(Answer):
    """待更正 A published grade that present data do not give, with what moved it."""

    uscc: str
    enterprise_name: str | None
    list: Named
    published_grade: str | None
    computed_grade: str | None
    cause: Named

    @classmethod
    def of(cls, row: ChangedGrade) -> WaitingCorrection:
        return cls(row.uscc, row.name, row.list, row.published, row.computed, row.cause)


class Figure(Answer):
    """指标值 One figure of a sheet."""

    indicator: Named
    value: Decimal | None

    @classmethod
    def of(cls, row: SheetValue) -> Figure:
        return cls(row.indicator, row.value)


class OwnSheet(Answer):
    """本企业的一企一单 The sheet of the firm that asks; ``is_pending`` if its confirmation is in no release yet."""

    uscc: str
    state: Named | None
    confirmed_date: date | None
    is_pending: bool
    values: list[Figure]

    @classmethod
    def of(cls, sheet: Sheet) -> OwnSheet:
        return cls(
            sheet.uscc, sheet.state, sheet.confirmed, sheet.is_pending, list(map(Figure.of, sheet.values))
        )


class DistrictYear(Answer):
    """区县年度 Where a district's year stands; ``may_decide`` if the account decides for the district."""

    release: int
    year: str
    district: Named
    published_version: int
    may_decide: bool
    steps: list[DistrictStep]
    objections: list[DistrictObjection]
    corrections: list[WaitingCorrection]
    sheet: OwnSheet | None


class DistrictProgress(Answer):
    """区县进展 The step of a district that is due, and the last one that is done."""

    district: Named
    last: Named | None
    decided_date: date | None
    due: Named | None
    planned_date: date | None

    @classmethod
    def of(cls, place: Place) -> DistrictProgress:
        return cls(place.district, place.last, place.decided, place.due, place.planned)


class YearProgress(Answer):
    """年度进展 The districts of a year, and the years that there are."""

    release: int
    years: list[str]
    year: str
    districts: list[DistrictProgress]
