"""The public notice 公示 as a Word file and its list as Excel, in the offices' layout.

Word by python-docx, because an office edits and stamps the notice before it is posted. What only the clerk knows
(document number, telephone, address, office) comes from the clerk; what is not given is a line to be filled in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from portal.exports.excel import Column, Sheet
from portal.queries.notice import Notice

_BLANK = "＿＿＿＿＿＿＿＿"
_FONT, _TITLE_FONT = "仿宋", "宋体"
GRADES = {"A": "优先发展", "B": "鼓励提升", "C": "监管调控", "D": "落后整治"}


@dataclass(frozen=True)
class Contact:
    """What the clerk gives for the notice; empty is a line to be filled in."""

    document: str = ""
    office: str = ""
    telephone: str = ""
    address: str = ""


def title(notice: Notice) -> str:
    """
    >>> from portal.queries.titles import Named
    >>> title(Notice(Named("330282", "慈溪市", "Cixi"), "2024", 1, None, None, None, None, None, (), ()))
    '关于慈溪市2024年度工业企业亩均效益综合评价结果的公示'
    """
    what = "公示" if notice.version is None else "公布"
    return f"关于{notice.district.zh}{notice.year}年度工业企业亩均效益综合评价结果的{what}"


def _day(day: date | None) -> str:
    return f"{day.year}年{day.month}月{day.day}日" if day else _BLANK


def _paragraphs(notice: Notice, contact: Contact) -> Iterator[str]:
    counts = {grade: sum(row.grade == grade for row in notice.graded) for grade in GRADES}
    told = "、".join(f"{grade}类（{GRADES[grade]}）{n}家" for grade, n in counts.items())
    yield (
        "根据浙政发〔2018〕5号文件及本区县亩均效益综合评价办法，经数据汇集、企业确认和综合评价，"
        f"{notice.district.zh}{notice.year}年度参评工业企业共{len(notice.graded)}家，其中{told}；"
        f"免评、保护期及数据不全企业{len(notice.ungraded)}家。现将名单予以"
        f"{'公示' if notice.version is None else '公布'}。"
    )
    if notice.version is None:
        days = f"（{notice.working_days}个工作日）" if notice.working_days else ""
        yield f"公示时间：{_day(notice.first)}至{_day(notice.last)}{days}。"
        yield (
            "公示期内，企业对评价结果有异议的，可通过企业综合服务平台，或以书面形式加盖公章并附证明材料，向本单位提出；"
            "逾期提出的不予受理。"
        )
    elif notice.version > 1:
        yield f"本名单为第{notice.version}版，取代此前发布的名单。"
    yield f"联系电话：{contact.telephone or _BLANK}"
    yield f"联系地址：{contact.address or _BLANK}"


def write_word(
    stream: BinaryIO, notice: Notice, contact: Contact, made_on: date, *, is_synthetic: bool
) -> None:
    """The notice: heading, text, list by name and grade without points and ranks, exceptions with reasons."""
    from docx import Document
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml.ns import qn
    from docx.shared import Cm, Pt

    book = Document()
    page = book.sections[0]
    page.page_width, page.page_height = Cm(21), Cm(29.7)
    page.top_margin, page.bottom_margin, page.left_margin, page.right_margin = (
        Cm(3.7),
        Cm(3.5),
        Cm(2.8),
        Cm(2.6),
    )
    normal = book.styles["Normal"]
    normal.font.name, normal.font.size = _FONT, Pt(16)
    normal.element.rPr.rFonts.set(qn("w:eastAsia"), _FONT)

    def line(
        text: str, *, size: float = 16, bold: bool = False, align: object = None, indent: bool = False
    ) -> None:
        paragraph = book.add_paragraph()
        run = paragraph.add_run(text)
        run.bold, run.font.size = bold, Pt(size)
        if bold:
            run.font.name = _TITLE_FONT
            run._element.rPr.rFonts.set(qn("w:eastAsia"), _TITLE_FONT)
        paragraph.alignment = align
        if indent:
            paragraph.paragraph_format.first_line_indent = Pt(32)

    def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        grid = book.add_table(rows=1, cols=len(headings))
        grid.style = "Table Grid"
        for cell, heading in zip(grid.rows[0].cells, headings, strict=True):
            cell.text = heading
        for row in rows:
            for cell, text in zip(grid.add_row().cells, row, strict=True):
                cell.text = text
        for row in grid.rows:
            for cell in row.cells:
                for paragraph in cell.paragraphs:
                    for run in paragraph.runs:
                        run.font.size = Pt(10.5)

    centre, right = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT
    if is_synthetic:
        line("【合成数据，非真实企业】", size=12, align=centre)
    line(title(notice), size=22, bold=True, align=centre)
    line(contact.document or notice.document or f"文号：{_BLANK}", align=centre)
    for text in _paragraphs(notice, contact):
        line(text, indent=True)
    line("附件：1. 评价等级名单　2. 未评等级企业名单", indent=True)
    line(contact.office or f"发布单位：{_BLANK}", align=right)
    line(_day(made_on), align=right)
    book.add_page_break()
    line("附件1　评价等级名单", bold=True)
    table(
        ("序号", "名单", "企业名称", "统一社会信用代码", "等级"),
        [(str(n), r.list.zh, r.name, r.uscc, r.grade) for n, r in enumerate(notice.graded, start=1)],
    )
    line("附件2　未评等级企业名单", bold=True)
    table(
        ("序号", "企业名称", "统一社会信用代码", "状态", "原因"),
        [
            (str(n), r.name, r.uscc, r.status.zh, "；".join(one.zh for one in r.reasons))
            for n, r in enumerate(notice.ungraded, start=1)
        ],
    )
    line(f"名单只列等级，不列得分与名次。数据版本：发布{notice.release}。", size=10.5)
    book.core_properties.title = title(notice)
    book.save(stream)


def sheet(notice: Notice, contact: Contact, made_on: date, *, is_synthetic: bool) -> Sheet:
    """The list as an Excel sheet: graded firms first, then those without a grade with the reason."""
    rows: list[tuple[object, ...]] = [(r.list.zh, r.name, r.uscc, r.grade, None) for r in notice.graded]
    rows += [
        (None, r.name, r.uscc, r.status.zh, "；".join(one.zh for one in r.reasons)) for r in notice.ungraded
    ]
    return Sheet(
        title=f"{notice.district.zh}{notice.year}年度工业企业亩均效益综合评价结果名单",
        unit_line=f"年度：{notice.year}　公示期：{_day(notice.first)}至{_day(notice.last)}",
        columns=[
            Column("名单"),
            Column("企业名称"),
            Column("统一社会信用代码"),
            Column("等级或状态"),
            Column("原因"),
        ],
        rows=rows,
        office=contact.office or _BLANK,
        made_on=made_on,
        release=notice.release,
        footnotes=["名单只列等级，不列得分与名次；未评等级企业列明原因。"],
        is_synthetic=is_synthetic,
    )
