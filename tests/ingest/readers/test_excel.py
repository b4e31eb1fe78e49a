"""Workbooks as offices send them, numbers and dates as people type them, and complete and incomplete drops."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
import xlsxwriter

from ingest.load import Inbox, load
from ingest.readers.files import read_records
from ingest.register.deliveries import Drop
from ingest.ways.landing import ingest
from schemas.contract import Feed, feed
from schemas.source import Source
from tests.ingest.conftest import Put
from tests.workbooks import emission_headings
from warehouse import tables

GOOD = ["91350100M000100Y43", "91110000600037341L", "91370200797522673R"]
HEAD = "户号,户名,社会信用代码,电量(万千瓦时)"
WELL = f"{HEAD}\n3302000001,甲,{GOOD[0]},12.5\n".encode()
POWER = "gov_electricity"


def changed(name: str, **source: object) -> Feed:
    spec = feed(name)
    block = {**spec.source.model_dump(exclude_unset=True), **source}
    return spec.model_copy(update={"source": Source.model_validate(block)})


def test_headings_of_three_lines_a_title_a_unit_line_and_totals(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.merge_range(0, 0, 0, 2, "二〇二三年主要污染物排放")
        sheet.merge_range(1, 0, 3, 0, "信用代码")
        sheet.merge_range(1, 1, 1, 2, "废水")
        sheet.merge_range(2, 1, 2, 2, "有机")
        sheet.write_row(3, 1, ["化学需氧量", "氨氮"])
        sheet.write_row(4, 1, ["千克", "千克"])
        sheet.write_row(5, 0, [GOOD[0], 1, 2])
        sheet.write_row(7, 0, ["合 计", 1, 2])
    spec = changed(
        "gov_emission",
        title_rows=1,
        heading_rows=3,
        totals={"信用代码": "合计"},
        mapping={
            "uscc": {"heading": "信用代码"},
            "cod_t": {"heading": "废水/有机/化学需氧量", "unit": "千克"},
        },
        ignored=["废水/有机/氨氮"],
    )
    records = read_records(path, spec, tmp_path)
    assert records.headings == ["信用代码", "废水/有机/化学需氧量", "废水/有机/氨氮"]
    assert records.table["source_row"].to_pylist() == [6]
    assert records.table["cell_1"].to_pylist() == ["1"]


def test_two_lines_end_to_end_with_numbers_as_people_type_them(put: Put, tmp_path: Path) -> None:
    path = tmp_path / "e.xlsx"
    typed = ["1,234.5", "１２．５", "1.2万", "3亿", "7 ", "12.5%", 8.25]
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        emission_headings(sheet)
        sheet.write_row(2, 2, ["千克", "千克", "吨", "吨"])
        for row, text in enumerate(typed, start=3):
            sheet.write_row(row, 0, ["甲", GOOD[0], 1000, 2000, text, 4])
        sheet.write_row(3 + len(typed), 0, ["", "合计", 1, 2, 3, 4])
    spec = feed("gov_emission").model_copy(update={"delivery": "increment"})  # one firm, many rows
    records = read_records(path, spec, tmp_path)
    rows = mapped(spec, records, tmp_path)
    assert [str(r["so2_t"]) for r in rows] == [
        "1234.500000", "12.500000", "12000.000000", "300000000.000000", "7.000000", "8.250000",
    ]  # fmt: skip
    assert {str(r["cod_t"]) for r in rows} == {"1.000000"}
    assert 3 + 6 not in [r["source_row"] for r in rows]  # the percent sign


def mapped(spec: Feed, records: object, folder: Path) -> list[dict[str, object]]:
    """Accepted rows in the order of the file."""
    from datetime import UTC, datetime

    import pyarrow.parquet as pq

    drop = Drop(Path("e.xlsx"), spec.table, "2023", "", "0" * 64, None, datetime(2024, 3, 1, tzinfo=UTC))
    with Inbox(folder / "loaded") as inbox:
        loaded = load(spec, drop, records, inbox)  # type: ignore[arg-type]
        found = pa.concat_tables([pq.read_table(f.path, partitioning=None) for f in loaded.accepted])
    return sorted(found.to_pylist(), key=lambda r: r["source_row"])


def test_dates_as_texts_in_three_formats_and_as_date_cells(tmp_path: Path) -> None:
    path = tmp_path / "d.xlsx"
    spec = changed(
        "gov_honour",
        mapping={
            "uscc": {"heading": "代码"},
            "event_date": {"heading": "日期", "date_format": ["yyyy-MM-dd", "yyyy/M/d", "yyyy年M月d日"]},
        },
        heading_rows=1,
        title_rows=0,
        unit_rows=0,
        totals={},
        ignored=[],
    )
    spec = spec.model_copy(
        update={
            "columns": tuple(c for c in spec.columns if c.name in ("uscc", "event_date") or c.name in KEPT),
            "key": ("uscc",),
            "delivery": "increment",
        }
    )
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["代码", "日期"])
        for row, text in enumerate(
            ["2024-01-05", "2024/1/5", "2024年1月5日", "20240年1月5日", "2024.1.5"], start=1
        ):
            sheet.write_row(row, 0, [GOOD[0], text])
        sheet.write(6, 0, GOOD[0])
        sheet.write_datetime(6, 1, date(2024, 1, 5), book.add_format({"num_format": "yyyy/m/d"}))
    rows = mapped(spec, read_records(path, spec, tmp_path), tmp_path)
    assert [(r["source_row"], r["event_date"]) for r in rows] == [(n, date(2024, 1, 5)) for n in (2, 3, 4, 7)]


KEPT = {
    "row_id",
    "delivery_id",
    "source_file",
    "source_row",
    "source_record",
    "mapping_hash",
    "known_at",
    "period",
}


@pytest.mark.parametrize(
    ("said", "sent", "is_read"),
    [
        ("utf-8", "utf-8", True),
        ("utf-8", "utf-8-sig", True),
        ("utf-8-sig", "utf-8", True),
        ("utf-8-sig", "utf-8-sig", True),
        ("gb18030", "gbk", True),
        ("gb18030", "gb18030", True),
        ("utf-8", "gb18030", False),
        ("gb18030", "utf-8", False),
    ],
)
def test_the_contracts_encoding_is_checked(tmp_path: Path, said: str, sent: str, is_read: bool) -> None:
    from schemas.errors import RejectedError

    path = tmp_path / "e.csv"
    path.write_bytes(WELL.decode().encode(sent))
    spec = changed(POWER, encoding=said)
    if is_read:
        records = read_records(path, spec, tmp_path)
        assert (records.headings[0], records.table["cell_1"].to_pylist()) == ("户号", ["甲"])
    else:
        with pytest.raises(RejectedError):
            read_records(path, spec, tmp_path)


def test_a_file_without_manifest_is_not_ingested(put: Put) -> None:
    path = put(POWER, "e.csv", WELL)
    manifest = path.parent / "e.csv.manifest.json"
    text = manifest.read_text()
    manifest.unlink()
    assert ingest().files == [] and not tables.exists("raw.gov_electricity")
    (path.parent / "e.csv.manifest.json.part").write_text(text)
    assert ingest().files == []
    (path.parent / "e.csv.manifest.json.part").replace(manifest)
    assert [f.state for f in ingest().files] == ["taken"]


def test_a_half_written_file_is_refused_and_ingested_once_complete(put: Put) -> None:
    path = put(POWER, "e.csv", WELL)
    path.write_bytes(WELL[:-10])
    for _ in range(2):
        [file] = ingest().files
        assert file.state == "rejected" and "its checksum is not that of its manifest" in file.message
    assert not tables.exists("raw.gov_electricity")
    path.write_bytes(WELL)
    assert [(f.state, f.records_raw) for f in ingest().files] == [("taken", 1)]
    assert json.loads((path.parent / "e.csv.manifest.json").read_text())["file"] == "e.csv"
    assert ingest().files == []
