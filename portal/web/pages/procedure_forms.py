"""年度工作流程 Forms of the procedure's page, and its notice as files: each is a door to portal.procedure.decisions."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Query
from fastapi.responses import RedirectResponse, Response

from ingest.register.today import today
from portal.exports import notice as notices
from portal.exports.file_name import content_disposition, file_name
from portal.procedure import decisions
from portal.procedure.errors import ProcedureError
from portal.queries import procedure as queries
from portal.queries.notice import notice
from portal.web.exports import EXCEL
from portal.web.filters import Code, Year
from portal.web.frame import Frame, Known
from portal.web.frame import facts as facts_of
from portal.web.pages.procedure import place_of, shown
from portal.web.security import check_token

router = APIRouter()

Text = Annotated[str, Form(max_length=600)]
Short = Annotated[str, Form(max_length=100)]
Line = Annotated[str, Query(max_length=100)]
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


# --- forms ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sent:
    """What every form of the page sends: by whom, and of which district's year."""

    frame: Frame
    csrf_token: str
    year: str
    district: str

    def decide(self, act: Callable[[], object]) -> Response:
        """Decide, and lead back to the page; a refusal is told on the page."""
        frame = self.frame
        check_token(frame.request, self.csrf_token)
        if frame.pinned:
            raise HTTPException(409, frame.t("请在最新版本上操作", "decide on the latest release"))
        try:
            act()
        except ProcedureError as error:
            return shown(frame, self.year, self.district, error.told(frame.lang), error.status)
        return RedirectResponse(frame.url("/procedure", year=self.year, district=self.district), 303)


def _sent(frame: Known, csrf_token: Short, year: Short, district: Short) -> Sent:
    return Sent(frame, csrf_token, year, district)


Asked = Annotated[Sent, Depends(_sent)]


@router.post("/procedure/step")
def step(
    sent: Asked,
    step: Short,
    document: Short = "",
    days: Annotated[str, Form(pattern="^[0-9]{0,2}$")] = "",
    start: Short = "",
    until: Short = "",
    reason: Text = "",
) -> Response:
    return sent.decide(
        lambda: decisions.advance(
            sent.frame.viewer, sent.district, sent.year, step, document=document,
            days=int(days) if days else None, start=_day(start), until=_day(until), reason=reason,
        )
    )  # fmt: skip


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise HTTPException(422, "write a day like 2025-08-11") from None


@router.post("/procedure/confirm")
def confirm(sent: Asked, uscc: Short, document: Short = "") -> Response:
    return sent.decide(lambda: decisions.confirm(sent.frame.viewer, uscc, sent.year, document=document))


@router.post("/procedure/object")
def object_(
    sent: Asked,
    uscc: Short,
    kind: Short,
    evidence: Text,
    indicator: Short = "",
    claimed: Short = "",
    document: Short = "",
) -> Response:
    return sent.decide(
        lambda: decisions.object_(
            sent.frame.viewer, uscc, sent.year, kind, evidence, indicator=indicator, claimed=claimed,
            document=document,
        )
    )  # fmt: skip


@router.post("/procedure/decide")
def decide(
    sent: Asked, objection: Short, decision: Short, reason: Text, value: Short = "", document: Short = ""
) -> Response:
    return sent.decide(
        lambda: decisions.decide(
            sent.frame.viewer, sent.district, sent.year, objection, decision, reason, value=value,
            document=document,
        )
    )  # fmt: skip


@router.post("/procedure/adjust")
def adjust(
    sent: Asked, uscc: Short, grade: Short, reason: Short, text: Text, document: Short = ""
) -> Response:
    return sent.decide(
        lambda: decisions.adjust(sent.frame.viewer, uscc.strip(), sent.year, grade, reason, text, document)
    )


# --- the notice ---------------------------------------------------------------------------------------------


@router.get("/procedure/notice.{ending}")
def notice_file(
    frame: Known,
    ending: str,
    year: Year,
    district: Code,
    document: Line = "",
    office: Line = "",
    telephone: Line = "",
    address: Line = "",
) -> Response:
    """The notice as Word or its list as Excel; what the clerk types stands in it, nothing is invented."""
    if ending not in ("docx", "xlsx"):
        raise HTTPException(404)
    frame.audit_list("per_mu.publication")
    with frame.reading() as query:
        place = place_of(query, frame.viewer, year, district)
        # others see a part of the firms, which would be a wrong notice
        if not decisions.may_decide(frame.viewer, place) or place not in queries.districts(query, year):
            raise HTTPException(404)
        release = frame.release or frame.shelf.release()
        content = notice(query, place, year, release.number)
    if not content.graded:
        raise HTTPException(404, frame.t("没有可公示的等级", "there are no grades to be published"))
    contact = notices.Contact(document, office, telephone, address)
    synthetic, out = facts_of(frame, release).is_synthetic, io.BytesIO()
    if ending == "docx":
        notices.write_word(out, content, contact, today().day, is_synthetic=synthetic)
    else:
        notices.sheet(content, contact, today().day, is_synthetic=synthetic).write(out)
    name = file_name(notices.title(content), release=release.number, ending=ending)
    headers = {"content-disposition": content_disposition(name)}
    return Response(out.getvalue(), media_type=WORD if ending == "docx" else EXCEL, headers=headers)
