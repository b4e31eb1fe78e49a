"""A workbook is read as a person sees it, or refused: formats, hidden and several sheets, formulas, merged cells."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import xlsxwriter
import yaml

from ingest.load import Inbox, load
from ingest.proposal.infer import infer
from ingest.readers.files import read_records
from ingest.register.corrections import correct
from ingest.register.deliveries import Drop
from ingest.register.quarantine import quarantined, record_of
from ingest.ways.landing import ingest
from ingest.ways.remap import replay
from schemas.contract import ContractError, Feed, parse_contract
from schemas.errors import RejectedError
from tests.ingest.conftest import Put
from tests.workbooks import ERROR, UNWORKED, OldSheet, old_workbook
from warehouse.settings import CHECKOUT

GOOD = ["91350100M000100Y43", "91110000600037341L", "91370200797522673R"]
HEADINGS = ["信用代码", "名称", "文号", "营业收入(万元)", "入驻率(%)", "日期"]
MAPPING = {
    "uscc": {"heading": "信用代码"},
    "enterprise_name": {"heading": "名称"},
    "document_code": {"heading": "文号"},
    "revenue_wan_yuan": {"heading": "营业收入(万元)", "unit": "万元"},
    "occupancy_pct": {"heading": "入驻率(%)"},
    "event_date": {"heading": "日期"},
}


def contract_of(form: str = "excel", **source: Any) -> Feed:
    block: dict[str, Any] = {
        "sender": "甲局",
        "format": form,
        "cadence": "yearly",
        "lateness_days": 1,
        "mapping": MAPPING,
    }
    block |= source
    raw = {
        "title": {"zh": "甲", "en": "A"},
        "description": "A feed.",
        "grain": "one row per firm",
        "key": ["uscc", "period"],
        "period": "period",
        "owner": "甲局",
        "legal_basis": "administration",
        "legal_source": "法",
        "access_key": "public",
        "delivery": "increment",
        "columns": {name: {"required": name == "uscc"} for name in block["mapping"]},
        "source": block,
    }
    spec = parse_contract("raw", "gov_of_test", raw)
    assert isinstance(spec, Feed)
    return spec


def line(number: int = 0, **cells: Any) -> list[Any]:
    """A record with the given cells, and the usual cells in the other columns."""
    usual = {
        "uscc": GOOD[number % 3],
        "enterprise_name": f"企业{number}",
        "document_code": "",
        "revenue_wan_yuan": 100.0,
    }
    return [{**usual, "occupancy_pct": 10.0, "event_date": "2024-01-05", **cells}[name] for name in MAPPING]


def new_workbook(path: Path, *sheets: OldSheet, is_1904: bool = False) -> Path:
    with xlsxwriter.Workbook(path, {"date_1904": is_1904}) as book:
        for content in sheets:
            sheet = book.add_worksheet(content.name)
            if content.is_hidden:
                sheet.hide()
            for row in content.hidden_lines:
                sheet.set_row(row, None, None, {"hidden": True})
            for column in content.hidden_columns:
                sheet.set_column(column, column, None, None, {"hidden": True})
            for row, cells in enumerate(content.lines):
                for column, cell in enumerate(cells):
                    _write(book, sheet, row, column, cell)
    return path


def _write(book: Any, sheet: Any, row: int, column: int, cell: Any) -> None:
    if cell is ERROR:
        sheet.write_formula(row, column, "=1/0", None, "#DIV/0!")
    elif cell is UNWORKED:
        sheet.write_formula(row, column, "=A1+1", None, "")
    elif isinstance(cell, tuple):
        sheet.write(row, column, cell[0], book.add_format({"num_format": cell[1]}))
    elif cell != "":
        sheet.write(row, column, cell)


def made(kind: str, folder: Path, lines: Iterable[Sequence[Any]], **said: Any) -> Path:
    sheet = OldSheet("表", [HEADINGS, *lines], **said)
    return (new_workbook if kind == "xlsx" else old_workbook)(folder / f"a.{kind}", sheet)


def rows_of(path: Path, spec: Feed, folder: Path) -> dict[Any, dict[str, Any]]:
    """Record number → row, with its reasons if it was refused; of several sheets (file, record number) → row."""
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    records = read_records(path, spec, scratch)
    drop = Drop(path, spec.table, "2023", "", "0" * 64, None, datetime(2024, 3, 1, tzinfo=UTC))
    with Inbox(folder / "loaded") as inbox:
        loaded = load(spec, drop, records, inbox)
        files = [*loaded.accepted, *loaded.refused]
        rows = [row for f in files for row in pq.read_table(f.path, partitioning=None).to_pylist()]
    several = len({row["source_file"] for row in rows}) > 1
    return {(r["source_file"], r["source_row"]) if several else r["source_row"]: r for r in rows}


def refused(path: Path, spec: Feed, folder: Path) -> str:
    with pytest.raises(RejectedError) as error:
        read_records(path, spec, folder)
    assert "\n" not in str(error.value)
    return str(error.value)


both = pytest.mark.parametrize("kind", ["xlsx", "xls"])


# --- numbers -----------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (85.0, "85.0000"),
        ((0.853, "0.0%"), "85.3000"),
        ((0.8534, "0%"), "85.3400"),
        ((85.3, '0.0"%"'), "85.3000"),
        ("85.3%", "85.3000"),
        ("85.3％", "85.3000"),
        (" 85.3 % ", "85.3000"),
        ((0.853, "0.000"), "0.8530"),
        ((0, "0%"), "0.0000"),
    ],
)
def test_a_share_is_read_as_the_cell_shows_it(tmp_path: Path, kind: str, cell: Any, value: str) -> None:
    path = made(kind, tmp_path, [line(occupancy_pct=cell)])
    assert str(rows_of(path, contract_of(), tmp_path)[2]["occupancy_pct"]) == value


@both
@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ((1234.5, "#,##0.00"), "1234.500000"),
        ((1234.5, "¥#,##0.00"), "1234.500000"),
        ((-5.0, "0.00_);(0.00)"), "-5.000000"),
        ((12.0, '0"万元"'), "12.000000"),
        (0.00001234, "0.000012"),
        ((1200000, "0.00E+00"), "1200000.000000"),
        (123456789.123457, "123456789.123457"),
    ],
)
def test_a_figure_is_read_as_the_cell_shows_it(tmp_path: Path, kind: str, cell: Any, value: str) -> None:
    row = rows_of(made(kind, tmp_path, [line(revenue_wan_yuan=cell)]), contract_of(), tmp_path)[2]
    if value.startswith("-"):
        assert row["reasons"] == ["revenue_wan_yuan:domain"] and row["source_record"][3] == "-5"
    else:
        assert str(row["revenue_wan_yuan"]) == value


@both
@pytest.mark.parametrize(
    "code", ["#,##0,", '0.00,,"百万"', '0!.0,"万"', "# ?/?", ";;;", '0"元"', '0.0"万"', "$#,##0", "0%"]
)
def test_a_cell_that_shows_another_figure_is_refused(tmp_path: Path, kind: str, code: str) -> None:
    """The figure is cut off by a comma, hidden, or in another unit or currency: the intended number is unknown."""
    found = rows_of(
        made(kind, tmp_path, [line(revenue_wan_yuan=(12345.0, code)), line(1)]), contract_of(), tmp_path
    )
    assert (
        set(found[2]["reasons"]) <= {"record:format", "revenue_wan_yuan:type"} and "reasons" not in found[3]
    )


def test_a_proposal_recognizes_shares_by_their_format(tmp_path: Path) -> None:
    lines: list[list[Any]] = [["信用代码", "入驻率"], *([code, (0.853, "0.0%")] for code in GOOD)]
    proposal = infer(new_workbook(tmp_path / "a.xlsx", OldSheet("表", lines)))
    [share] = [c for c in proposal.columns if c.heading == "入驻率"]
    assert (share.target, share.unit, share.examples) == ("occupancy_pct", "%", ["85.3%"])


@both
def test_a_format_matters_only_where_the_mapping_reads(tmp_path: Path, kind: str) -> None:
    lines = [[*HEADINGS, "比例"], [*line(), (12345.0, "#,##0,")], [*line(1), ERROR]]
    path = (new_workbook if kind == "xlsx" else old_workbook)(tmp_path / f"a.{kind}", OldSheet("表", lines))
    found = rows_of(path, contract_of(ignored=["比例"]), tmp_path)
    assert all("reasons" not in row for row in found.values())
    assert found[2]["source_record"][6] == "12345 ⟦#,##0,⟧"


@both
@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (330203000012345, "330203000012345"),
        ((1234, "000000"), "001234"),
        ((12, '"甬"0000'), "甬0012"),
        ("330203000012345678", "330203000012345678"),
        (330203000012345678, None),
        (330203000012345000.0, None),
        (3302030000123456, None),
        ((3302030000123456, "0"), None),
        ((3302001, "000-0000"), None),
        ((1200000, "0.00E+00"), None),
        ((45356.0, 'm"月"d"日"'), None),
    ],
)
def test_a_code_that_was_typed_as_a_number(tmp_path: Path, kind: str, cell: Any, code: str | None) -> None:
    row = rows_of(made(kind, tmp_path, [line(document_code=cell)]), contract_of(), tmp_path)[2]
    if code:
        assert row["document_code"] == code
    else:
        assert row["reasons"][0] in ("record:digits", "record:format")


@both
def test_a_figure_may_have_many_digits(tmp_path: Path, kind: str) -> None:
    row = rows_of(made(kind, tmp_path, [line(revenue_wan_yuan=12345678.12345678)]), contract_of(), tmp_path)[
        2
    ]
    assert (
        str(row["revenue_wan_yuan"]) == "12345678.123457" and row["source_record"][3] == "12345678.12345678"
    )


@both
@pytest.mark.parametrize("is_1904", [False, True])
def test_dates_by_their_format(tmp_path: Path, kind: str, is_1904: bool) -> None:
    serial = 45296.75 - (1462 if is_1904 else 0)
    codes = ["yyyy/m/d", 'yyyy"年"m"月"d"日"', 'yyyy"年"m"月"', 'm"月"d"日"', "General"]
    lines = [HEADINGS, *(line(event_date=(serial, code)) for code in codes)]
    write = new_workbook if kind == "xlsx" else old_workbook
    found = rows_of(
        write(tmp_path / f"a.{kind}", OldSheet("表", lines), is_1904=is_1904), contract_of(), tmp_path
    )
    assert [str(found[n].get("event_date")) for n in (2, 3)] == ["2024-01-05"] * 2
    assert [found[n]["reasons"][0] for n in (4, 5, 6)] == [
        "event_date:date",
        "record:format",
        "event_date:date",
    ]


@both
def test_formulas_and_errors_have_no_value(tmp_path: Path, kind: str) -> None:
    cells = [ERROR, UNWORKED, 1.0, ""]
    path = made(kind, tmp_path, [line(i, revenue_wan_yuan=cell) for i, cell in enumerate(cells)])
    found = rows_of(path, contract_of(), tmp_path)
    assert [found[n].get("reasons") for n in (2, 3, 4, 5)] == [
        ["record:formula"],
        ["record:formula"],
        None,
        None,
    ]


def test_a_figure_without_value_stays_refused_until_it_is_given(put: Put, tmp_path: Path) -> None:
    """This holds for an optional figure, and for kept records that are remapped."""
    path = tmp_path / "h.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        heads = [
            "编号",
            "企业/统一社会信用代码",
            "荣誉/类别",
            "荣誉/级别",
            "发文日期",
            "有效期至",
            "文号",
            "企业/名称",
        ]
        for row, cells in enumerate(
            [heads, [""] * 8, ["1", GOOD[0], "品牌", "市级", "2023-01-05", "", "甲1", "甲"]]
        ):
            sheet.write_row(row, 0, cells)
        sheet.write_formula(2, 5, "=1/0", None, "#DIV/0!")
    put("gov_honour", "h.xlsx", path)
    ingest()
    [row_id] = [sent.row["row_id"] for sent in quarantined("gov_honour")]
    for cell, now in ((("文号", "甲2"), ["record:formula"]), (("有效期至", "2025-01-05"), None)):
        correct(record_of(row_id), dict([cell]), "by phone", "甲")
        replay()
        assert next((sent.row["reasons"] for sent in quarantined("gov_honour")), None) == now


@pytest.mark.parametrize(
    ("shown", "is_read"),
    [({"num_format": "0.0%"}, False), ({"num_format": "0.00"}, True), ({"bg_color": "red"}, True)],
)
def test_a_format_that_depends_on_the_value(tmp_path: Path, shown: dict[str, str], is_read: bool) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate([HEADINGS, line(), line(1)]):
            sheet.write_row(row, 0, cells)
        rule = {"type": "cell", "criteria": "<", "value": 1}
        sheet.conditional_format("A2:Z9", rule | {"format": book.add_format({"bold": True})})
        sheet.conditional_format("A2:Z9", rule | {"format": book.add_format(shown)})
    if is_read:
        assert len(rows_of(path, contract_of(), tmp_path)) == 2
    else:
        assert "a conditional format changes how its numbers are shown" in refused(
            path, contract_of(), tmp_path
        )


@pytest.mark.parametrize("conditional", [(False, False), (True, False), (False, True)])
def test_a_format_that_depends_on_the_value_in_an_old_file(
    tmp_path: Path, conditional: tuple[bool, bool]
) -> None:
    sheet = OldSheet("表", [HEADINGS, line(), line(1)], conditional=conditional)
    path = old_workbook(tmp_path / "a.xls", sheet)
    if not any(conditional):
        assert len(rows_of(path, contract_of(), tmp_path)) == 2
    else:
        assert "a conditional format changes" in refused(path, contract_of(), tmp_path)


def test_zeros_that_the_sheet_hides(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.hide_zero()
        for row, cells in enumerate([HEADINGS, line(revenue_wan_yuan=0), line(1)]):
            sheet.write_row(row, 0, cells)
    found = rows_of(path, contract_of(), tmp_path)
    assert found[2]["reasons"][0] == "record:format" and "reasons" not in found[3]


# --- sheets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "key", "value", "right"),
    [
        ("csv", "sheet", "表一", "excel"),
        ("jsonl", "sheet", ["表一", "表二"], "excel"),
        ("csv", "sheet", "*", "excel"),
        ("csv", "title_rows", 1, "excel"),
        ("jsonl", "heading_rows", 2, "excel"),
        ("csv", "unit_rows", 1, "excel"),
        ("excel", "delimiter", ";", "csv"),
        ("jsonl", "delimiter", "\t", "csv"),
        ("excel", "encoding", "gb18030", "csv or jsonl"),
    ],
)
def test_a_key_that_the_format_does_not_read_is_refused_in_one_line(
    kind: str, key: str, value: object, right: str
) -> None:
    raw = yaml.safe_load((CHECKOUT / "schemas" / "raw" / "gov_energy.yml").read_text(encoding="utf-8"))
    raw["source"] |= {"format": kind, key: value}
    with pytest.raises(ContractError) as refused:
        parse_contract("raw", "gov_energy", raw)
    assert f"{key}: a file of format {kind} has none; leave {key} out, or say format: {right}" in str(
        refused.value
    )
    assert "\n" not in str(refused.value)


@both
def test_a_hidden_sheet_is_not_read(tmp_path: Path, kind: str) -> None:
    write = new_workbook if kind == "xlsx" else old_workbook
    sheets = OldSheet("今年", [HEADINGS, line(1)]), OldSheet("去年", [HEADINGS, line()], is_hidden=True)
    if kind == "xls":  # xlsxwriter cannot hide the first sheet
        sheets = sheets[::-1]
    path = write(tmp_path / f"a.{kind}", *sheets, OldSheet("Sheet3", []))
    assert [row["uscc"] for row in rows_of(path, contract_of(), tmp_path).values()] == [GOOD[1]]
    assert "no visible sheet 去年" in refused(path, contract_of(sheet="去年"), tmp_path)


@both
def test_the_contract_names_one_of_several_sheets(tmp_path: Path, kind: str) -> None:
    write = new_workbook if kind == "xlsx" else old_workbook
    names = ["海曙区", "江北区", "镇海区"]
    path = write(tmp_path / f"a.{kind}", *(OldSheet(n, [HEADINGS, line(i)]) for i, n in enumerate(names)))
    assert "3 sheets are not empty: 海曙区, 江北区, 镇海区; name the right one in the contract" in refused(
        path, contract_of(), tmp_path
    )
    [(number, row)] = rows_of(path, contract_of(sheet="江北区"), tmp_path).items()
    assert (number, row["uscc"], row["source_file"]) == (2, GOOD[1], f"a.{kind}")
    for wanted in ("*", names):
        found = rows_of(path, contract_of(sheet=wanted), tmp_path)
        assert {key: row["uscc"] for key, row in found.items()} == {
            (f"a.{kind}/{name}", 2): GOOD[i] for i, name in enumerate(names)
        }
        assert len({row["row_id"] for row in found.values()}) == 3
    assert "no visible sheet 鄞州区" in refused(path, contract_of(sheet=["海曙区", "鄞州区"]), tmp_path)
    assert "sheet: TODO  # '*' for all, or some of: [海曙区, 江北区, 镇海区]" in infer(path).contract


def test_sheets_that_are_not_read(tmp_path: Path) -> None:
    """An empty sheet, a very hidden one and a chart sheet are skipped; a protected sheet is read."""
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("空")
        book.add_worksheet("码").very_hidden()
        book.get_worksheet_by_name("码").write(0, 0, "密")
        chart = book.add_chart({"type": "bar"})
        chart.add_series({"values": "=表!$D$2:$D$2"})
        book.add_chartsheet("图").set_chart(chart)
        sheet = book.add_worksheet("表")
        sheet.protect("a")
        sheet.write_row(0, 0, HEADINGS)
        sheet.write_row(1, 0, line())
    assert list(rows_of(path, contract_of(), tmp_path)) == [2]


@both
def test_hidden_lines_and_columns(tmp_path: Path, kind: str) -> None:
    lines = [line(), line(1), line(2)]
    message = refused(made(kind, tmp_path, lines, hidden_lines=[2, 3]), contract_of(), tmp_path)
    assert "hidden lines 3, 4 have values" in message
    assert "column 名称 is hidden" in refused(
        made(kind, tmp_path, lines, hidden_columns=[1]), contract_of(), tmp_path
    )
    mapping = {name: m for name, m in MAPPING.items() if name != "enterprise_name"}
    spec = contract_of(mapping=mapping, ignored=["名称"])
    assert len(rows_of(made(kind, tmp_path, lines, hidden_columns=[1]), spec, tmp_path)) == 3


def test_a_filter_that_hides_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.autofilter(0, 0, 2, 5)
        sheet.filter_column(0, f"x == {GOOD[1]}")
        for row, cells in enumerate([HEADINGS, line(), line(1)]):
            sheet.write_row(row, 0, cells)
        sheet.set_row(1, None, None, {"hidden": True})
    assert "hidden lines 2 have values; remove the filter" in refused(path, contract_of(), tmp_path)


# --- merged cells, headings, totals --------------------------------------------------------------------


def test_a_tall_merged_cell_gives_its_text_to_all_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate([HEADINGS, line(), line(1), line(2), line(3)]):
            sheet.write_row(row, 0, cells)
        sheet.merge_range(1, 1, 3, 1, "集团")  # one name for three lines
        sheet.merge_range(3, 3, 4, 3, 100)  # one figure for two lines
        sheet.merge_range(5, 1, 9, 1, "下文")  # its lines have no other cells
    found = rows_of(path, contract_of(), tmp_path)
    assert [found[n]["enterprise_name"] for n in (2, 3)] == ["集团", "集团"]
    assert [found[n]["reasons"][0] for n in (4, 5)] == ["record:merged"] * 2
    assert [found[n]["source_record"][1] for n in (4, 5)] == ["集团", "企业3"]
    assert found[6]["reasons"][0] == "uscc:missing" and sorted(found) == [2, 3, 4, 5, 6]


def test_a_wide_merged_cell_belongs_to_no_column(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate([HEADINGS, line(), line(1)]):
            sheet.write_row(row, 0, cells)
        sheet.merge_range(2, 1, 2, 2, "乙")
        sheet.merge_range(3, 0, 3, 2, "合 计")
        sheet.write(3, 3, 200)
    found = rows_of(path, contract_of(totals={"名称": "合计"}), tmp_path)
    assert found[3]["reasons"] == ["record:merged"] and "reasons" not in found[2] and sorted(found) == [2, 3]


def test_total_lines_with_several_words(tmp_path: Path) -> None:
    lines = [line(), ["小 计", "", "", 100.0], line(1), ["小计", "", "", 100.0], ["合  计", "", "", 200.0]]
    path = made("xlsx", tmp_path, lines)
    found = rows_of(path, contract_of(totals={"信用代码": ["小计", "合计"]}), tmp_path)
    assert sorted(found) == [2, 4]
    assert yaml.safe_load(infer(path).contract)["source"]["totals"] == {"信用代码": ["小 计", "合  计"]}


BROKEN = ["信用\n代码", "名称", "文号", "营业收入\r\n（万元）", "入驻率\n (%)", "日期"]


def test_headings_with_line_breaks_in_excel(tmp_path: Path) -> None:
    path = new_workbook(tmp_path / "a.xlsx", OldSheet("表", [BROKEN, line(), line(1)]))
    found = rows_of(path, contract_of(), tmp_path)
    assert sorted(found) == [2, 3] and all("reasons" not in row for row in found.values())
    headings = [m["heading"] for m in yaml.safe_load(infer(path).contract)["source"]["mapping"].values()]
    assert headings[0] == "信用代码" and all("\n" not in h and "  " not in h for h in headings)


def test_headings_with_line_breaks_in_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    record = ",".join(str(c) for c in line())
    heading = ",".join(f'"{h}"' for h in BROKEN)
    path.write_bytes(f'{heading}\n{record}\n{record}\n\n\r\ntoo,few\n"{GOOD[2]}","a\n\nb",,1,2,\n'.encode())
    found = rows_of(path, contract_of("csv"), tmp_path)
    assert {n: row.get("reasons") for n, row in found.items()} == {
        2: None,
        3: None,
        6: ["record:cells"],
        7: None,
    }
    assert found[7]["enterprise_name"] == "a\n\nb"


def test_a_file_without_a_complete_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        ",".join(HEADINGS) + "\n" + f"{','.join(str(c) for c in line())},\n" * 3, encoding="utf-8"
    )
    assert "no record has as many cells as the 6 headings" in refused(path, contract_of("csv"), tmp_path)


# --- files that are no tables ------------------------------------------------------------------------


def test_files_that_a_desktop_adds_to_an_archive_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", f"{','.join(HEADINGS)}\n{','.join(str(c) for c in line())}\n")
        archive.writestr("__MACOSX/._a.csv", b"\0\5\x16\7")
        archive.writestr(".DS_Store", b"\0\0\0\1Bud1")
    assert list(rows_of(path, contract_of("csv"), tmp_path)) == [2]
    assert infer(path).sample.format == "csv"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__MACOSX/._a.csv", b"\0\5\x16\7")
    assert "an empty archive" in refused(path, contract_of("csv"), tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"a": 1},\n{"a": 2}]', "a JSON array; send JSON lines"),
        ('[\n  {\n    "a": 1\n  }\n]', "a JSON array; send JSON lines"),
        ('{"code": 200, "data": [{"a": 1}, {"a": 2}]}', "records within a JSON object"),
        ('{\n  "a": 1\n}', "JSON object over several lines"),
    ],
)
def test_a_file_of_one_json_value_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RejectedError, match=said):
        infer(path)
    if "object" not in said or "several" in said:
        assert said in refused(path, contract_of("jsonl"), tmp_path)


def test_a_sheet_that_declares_entities(tmp_path: Path) -> None:
    path, other = made("xlsx", tmp_path, [line()]), tmp_path / "b.xlsx"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            text = source.read(name)
            if name.endswith("sheet1.xml"):
                text = text.replace(b"<worksheet", b'<!DOCTYPE a [<!ENTITY b "1">]><worksheet', 1)
            target.writestr(name, text)
    assert "not readable as Excel: it declares entities" in refused(other, contract_of(), tmp_path)


@pytest.mark.parametrize("place", [600, 900, 1500, 2300])
def test_a_truncated_old_workbook(tmp_path: Path, place: int) -> None:
    path = made("xls", tmp_path, [line()])
    path.write_bytes(path.read_bytes()[:place])
    assert "not readable as Excel" in refused(path, contract_of(), tmp_path)
