"""Excel files in the offices' layout, read back with another library and as XML."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from portal.exports import excel
from portal.exports.excel import Column, Sheet
from schemas.errors import UsageError

COLUMNS = (
    Column("企业名称"),
    Column("年度", kind="year"),
    Column("税收", "万元", kind="decimal", group="实绩"),
    Column("职工", "人", kind="integer", group="实绩"),
    Column("增速", kind="percent", decimals=1),
    Column("取得日期", kind="date"),
    Column("报送时间", kind="time"),
)
ROW = (
    "甲厂",
    2024,
    Decimal("1234.56"),
    1200,
    Decimal("12.5"),
    date(2020, 3, 1),
    datetime(2025, 4, 5, 23, 30, tzinfo=UTC),
)
#: What could be taken as a formula, a link, a number or markup.
TEXTS = (
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", '=HYPERLINK("http://a.example","x")', "{=1}", "0012",
    "http://a.example", "mailto:a@b.example", "<f>1</f>", "a&b", "\x07", "\uffff", "\ud800", "=cmd|' /C calc'!A0", "",
)  # fmt: skip


def written(**given: Any) -> bytes:
    sheet: dict[str, Any] = {
        "title": "亩均评价", "unit_line": "年度：2024", "columns": COLUMNS, "rows": [ROW], "office": "市亩均办",
        "made_on": date(2026, 11, 9), "release": 12,
    }  # fmt: skip
    stream = io.BytesIO()
    Sheet(**sheet | given).write(stream)
    return stream.getvalue()


def lines(file: bytes) -> list[list[Any]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(file))
    return list(book.get_sheet_by_index(0).to_python(skip_empty_area=False))


def part(file: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(file)) as package:
        return package.read(name).decode("utf-8")


def page(file: bytes) -> str:
    return part(file, "xl/worksheets/sheet1.xml")


def test_lines_stand_in_the_offices_order() -> None:
    found = lines(written(footnotes=["税收为实际贡献", "以发布数据为准"]))
    assert [line[0] for line in found] == [
        "亩均评价",
        "年度：2024",
        "企业名称",
        "",
        "甲厂",
        "口径：税收为实际贡献",
        "口径：以发布数据为准",
        "制表单位：市亩均办　　制表日期：2026年11月9日　　数据版本：发布12",
        "制表人：　　　　　　　　审核人：　　　　　　　　负责人：",
    ]
    assert found[2] == ["企业名称", "年度", "实绩", "", "增速", "取得日期", "报送时间"]
    assert found[3] == ["", "", "税收\n（万元）", "职工\n（人）", "", "", ""]


def test_values_keep_their_kind() -> None:
    name, year, tax, people, growth, acquired, sent = lines(written())[4]
    assert (name, year, tax, people, growth) == ("甲厂", 2024, 1234.56, 1200, 0.125)
    assert acquired == date(2020, 3, 1)
    assert sent == datetime(2025, 4, 6, 7, 30)  # noqa: DTZ001 - 23:30 UTC is 7:30 in Ningbo


def test_numbers_have_formats() -> None:
    styles = part(written(), "xl/styles.xml")
    written_out = {"#,##0", "#,##0.00", "0.0%", "yyyy-mm-dd", "yyyy-mm-dd hh:mm", "@"}
    assert set(re.findall(r'formatCode="([^"]*)"', styles)) == written_out
    assert 'numFmtId="1" ' in styles  # 0, which Excel has itself, for years


def test_a_text_stays_a_text() -> None:
    file = written(
        columns=[Column("文字"), Column("数", kind="decimal")], rows=[(text, text) for text in TEXTS]
    )
    assert "<f>" not in page(file) and "<f " not in page(file) and "hyperlink" not in page(file)
    assert set(re.findall(r'<c [^>]*t="(\w+)"', page(file))) == {"inlineStr"}
    assert "<v>" not in page(file)
    read = lines(file)[3 : 3 + len(TEXTS)]
    # half a surrogate and U+FFFF are no characters of XML
    assert [line[0] for line in read] == [
        text.replace("\ud800", "?").replace("\uffff", "_xFFFF_") for text in TEXTS
    ]
    assert [line[0] for line in read] == [line[1] for line in read]


def test_texts_around_the_table_are_no_formulas() -> None:
    evil = "=1+1"
    file = written(
        title=evil, unit_line=evil, footnotes=[evil], office=evil, rows=[(evil, evil)],
        columns=[Column(evil, group=evil), Column(evil, evil)],
    )  # fmt: skip
    assert "<f>" not in page(file)
    assert [line[0] for line in lines(file)][:5] == [evil] * 5


def test_a_missing_value_is_no_zero() -> None:
    missing = (None, None, None, float("nan"), Decimal("NaN"), None, None)
    assert lines(written(rows=[missing]))[4] == ["—"] * 7


def test_what_excel_cannot_hold_is_said_as_text() -> None:
    before = date(1899, 12, 31)
    long = "长" * 40_000
    columns = [Column("日期", kind="date"), Column("说明"), Column("是否"), Column("标签")]
    [shown] = lines(written(columns=columns, rows=[(before, long, True, ["甲", "乙"])]))[3:4]
    assert shown == ["1899-12-31", "长" * 32_766 + "…", "是", "甲、乙"]


def test_headings_are_merged_over_their_columns_and_lines() -> None:
    merged = set(re.findall(r'<mergeCell ref="([^"]+)"', page(written())))
    assert merged == {
        "A1:G1",
        "A2:G2",
        "C3:D3",
        "A3:A4",
        "B3:B4",
        "E3:E4",
        "F3:F4",
        "G3:G4",
        "A6:G6",
        "A7:G7",
    }
    one = page(written(columns=[Column("甲")], rows=[("a",)]))
    assert "mergeCell" not in one


def test_it_prints_on_landscape_a4_with_headings_and_page_numbers() -> None:
    file = written()
    assert re.search(r'<pageSetup paperSize="9"[^>]* orientation="landscape"', page(file))
    assert 'fitToHeight="0"' in page(file) and '<pane xSplit="1" ySplit="4"' in page(file)
    assert "第 &amp;P 页，共 &amp;N 页" in page(file)
    book = part(file, "xl/workbook.xml")
    assert "'亩均评价'!$3:$4" in book or "亩均评价!$3:$4" in book
    assert "$A$1:$G$7" in book


def test_a_chinese_character_is_two_wide() -> None:
    columns = [Column("甲"), Column("名称" * 8), Column("说明", width=33), Column("数", kind="decimal")]
    file = written(columns=columns, rows=[("x", "y", "z" * 100, Decimal("123456789012.5"))])
    widths = [float(width) for width in re.findall(r'<col [^>]*width="([0-9.]+)"', page(file))]
    assert [round(width) for width in widths] == [11, 35, 34, 21]  # Excel adds 0.7 for the cell's edges


def test_synthetic_data_and_english() -> None:
    assert lines(written(is_synthetic=True))[0][0] == "【合成数据】亩均评价"
    file = written(
        title="Per-mu evaluation", language="en", is_synthetic=True, columns=[Column("Firm"), Column("Tie")],
        rows=[("A", False)], footnotes=["tax paid"],
    )  # fmt: skip
    assert [line[0] for line in lines(file)] == [
        "[Synthetic data] Per-mu evaluation",
        "年度：2024",
        "Firm",
        "A",
        "Scope: tax paid",
        "Prepared by: 市亩均办　　Date: 2026-11-09　　Data: release 12",
        "Prepared: ________________    Checked: ________________    Responsible: ________________",
    ]
    assert lines(file)[3][1] == "no"


def test_no_rows_is_said() -> None:
    assert lines(written(rows=[]))[4][0] == "无记录"


def test_the_same_table_has_the_same_content() -> None:
    assert page(written()) == page(written())
    assert part(written(), "docProps/core.xml") == part(written(), "docProps/core.xml")


def test_too_many_rows_are_refused_and_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel, "_MOST_ROWS", 10)
    assert len(lines(written(columns=[Column("甲")], rows=[("x",)] * 5))) == 10
    stream = io.BytesIO()
    sheet = Sheet("甲", "", [Column("甲")], [("x",)] * 6, "", date(2026, 1, 1), 1)
    with pytest.raises(UsageError, match="holds 10 rows"):
        sheet.write(stream)
    assert stream.getvalue() == b""


def test_rows_are_taken_as_they_are_written() -> None:
    """Rows of a long table must not be collected: only those that decide the widths are held."""
    alive: set[int] = set()
    most = 0

    class Text(str):
        __slots__ = ()

        def __del__(self) -> None:
            alive.discard(id(self))

    def rows() -> Iterator[Sequence[object]]:
        nonlocal most
        for number in range(2000):
            text = Text(number)
            alive.add(id(text))
            most = max(most, len(alive))
            yield (text,)
            del text

    written(columns=[Column("甲")], rows=rows())
    assert excel._MEASURED <= most < 2 * excel._MEASURED + 10


def test_a_sheet_has_a_name_that_excel_accepts() -> None:
    for title in ("a" * 40, "[2024]/?*:\\", "'引'", ""):
        with zipfile.ZipFile(io.BytesIO(written(title=title))) as package:
            [name] = re.findall(r'<sheet name="([^"]*)"', package.read("xl/workbook.xml").decode("utf-8"))
        assert 1 <= len(name) <= 31 and not re.search(r"[\[\]:*?/\\]|^'|'$", name)
