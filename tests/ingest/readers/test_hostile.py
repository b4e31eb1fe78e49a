"""Hostile input gives one clear line or a quarantined record, in bounded memory; the rest of the feed goes on."""

from __future__ import annotations

import io
import json
import os
import resource
import struct
import subprocess
import sys
import zipfile
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import xlsxwriter

from ingest.readers.files import read_records
from ingest.ways.landing import ingest
from ingest.ways.manifest import MAX_MANIFEST_BYTES
from ingest.ways.run import FileReport
from tests.ingest.conftest import Put
from tests.workbooks import emission_headings
from warehouse import tables
from warehouse.settings import CHECKOUT, settings

GOOD = "91350100M000100Y43"
HEAD = "户号,户名,社会信用代码,电量(万千瓦时)"
LINE = f"3302000001,甲,{GOOD},12.5"
WELL = f"{HEAD}\n{LINE}\n".encode()
POWER = "gov_electricity"


def only_refused(put: Put, said: str, feed: str = POWER) -> FileReport:
    """Assert that the hostile file is refused in one short line and a good file beside it is ingested."""
    put(POWER, "well.csv", WELL)
    report = ingest()
    [refused] = report.rejected
    assert said in refused.message and refused.feed == feed, refused
    assert "\n" not in refused.message and len(refused.message) < 800
    assert [f.file for f in report.taken] == ["well.csv"]
    return refused


def reasons() -> dict[int, list[str]]:
    return {r["source_row"]: r["reasons"] for r in tables.rows("quarantine.record").to_pylist()}


def zipped(*members: tuple[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return content.getvalue()


def patched(content: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    """A zip with other bytes at an offset of all its headers of one kind."""
    changed = bytearray(content)
    at = content.find(signature)
    while at >= 0:
        changed[at + offset : at + offset + len(value)] = value
        at = content.find(signature, at + 4)
    return bytes(changed)


# --- archives --------------------------------------------------------------------------------------


def test_a_flat_zip_bomb(put: Put) -> None:
    bomb = patched(zipped(("e.csv", WELL)), b"PK\x01\x02", 24, struct.pack("<I", 0xFFFFFFF0))
    put(POWER, "bomb.zip", patched(bomb, b"PK\x03\x04", 22, struct.pack("<I", 0xFFFFFFF0)))
    only_refused(put, "unpacks to 4.0 GiB; it is not unpacked")


def test_a_nested_zip_bomb(put: Put) -> None:
    put(POWER, "nested.zip", zipped(("inner.zip", zipped(("e.csv", b"0" * (1 << 20))))))
    only_refused(put, "'inner.zip' is an archive; send its files instead")


def test_a_zip_with_wrong_sizes_in_its_directory(put: Put, cold_home: Path) -> None:
    lying = zipped(("e.csv", WELL + b"0" * (64 << 20)))
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        lying = patched(lying, signature, offset, struct.pack("<I", len(WELL)))
    put(POWER, "lying.zip", lying)
    only_refused(put, "not readable as a zip archive")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../../e.csv", "a path outside the archive"), ("..\\e.csv", "a path outside"), ("/e.csv", "a path outside"),
        ("C:e.csv", "a path outside"), ("e\n.csv", "an unprintable character in its name"),
    ],
)  # fmt: skip
def test_a_path_outside_the_archive(put: Put, cold_home: Path, name: str, said: str) -> None:
    put(POWER, "slip.zip", zipped((name, WELL)))
    only_refused(put, said)
    assert not list(cold_home.parent.rglob("e.csv"))


def test_a_link_in_an_archive(put: Put) -> None:
    link = zipfile.ZipInfo("e.csv")
    link.external_attr = 0o120777 << 16
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    put(POWER, "link.zip", content.getvalue())
    only_refused(put, "is a link; it is not unpacked")


def test_an_empty_and_an_encrypted_archive(put: Put) -> None:
    put(POWER, "empty.zip", zipped())
    only_refused(put, "an empty archive")
    (settings().landing / POWER / "empty.zip.manifest.json").unlink()
    locked = patched(zipped(("e.csv", WELL)), b"PK\x01\x02", 8, b"\x01\x00")
    put(POWER, "locked.zip", patched(locked, b"PK\x03\x04", 6, b"\x01\x00"))
    [refused] = ingest().rejected
    assert "is encrypted; send it without a password" in refused.message


# --- links and changing files ----------------------------------------------------------------------


def test_a_link_in_the_landing_folder(put: Put, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_bytes(WELL)
    path = put(POWER, "link.csv", WELL + b"\n")
    path.unlink()
    path.symlink_to(tmp_path / "secret.csv")
    only_refused(put, "link.csv: a link or a device, not a file")


def test_a_file_replaced_while_it_is_read(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(POWER, "e.csv", WELL)

    def replaced(*given: object) -> object:
        records = read_records(*given)  # type: ignore[arg-type]
        path.with_suffix(".new").write_bytes(WELL.replace(b"12.5", b"99.9"))
        path.with_suffix(".new").replace(path)
        return records

    with monkeypatch.context() as patch:
        patch.setattr("ingest.ways.landing.read_records", replaced)
        [refused] = ingest().rejected
    assert "changed while it was read" in refused.message
    path.write_bytes(WELL)
    assert [f.records_raw for f in ingest().taken] == [1]


# --- manifests -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"file": "../../x"}, "names '../../x'; the manifest of bad.csv must name it"),
        ({"feed": "gov_tax"}, "it names feed 'gov_tax' but is in the folder of gov_electricity"),
        ({"sent_at": "2099-01-01T00:00:00Z"}, "sent_at 2099-01-01 is in the future"),
        ({"sent_at": "9999-12-31T23:59:59-12:00"}, "is no time of sending"),
        ({"sha256": "../x"}, "sha256"),
        ({"period": "2024-02-31"}, "period"),
        ({"part": "a\nb"}, "part"),
    ],
)
def test_a_manifest_with_an_invalid_value(put: Put, said: dict[str, str], message: str) -> None:
    put(POWER, "bad.csv", WELL + b"\n", **said)
    only_refused(put, message)


def test_a_sent_at_a_little_ahead_is_accepted(put: Put) -> None:
    put(POWER, "e.csv", WELL, sent_at=(datetime.now(UTC) + timedelta(hours=20)).isoformat())
    assert len(ingest().taken) == 1


def test_a_manifest_that_is_no_json(put: Put) -> None:
    path = put(POWER, "bad.csv", WELL + b"\n")
    (path.parent / "bad.csv.manifest.json").write_bytes(b"\x00{not json")
    only_refused(put, "bad.csv.manifest.json: Invalid JSON")


def test_a_manifest_of_a_gibibyte_is_not_read(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(POWER, "bad.csv", WELL + b"\n")
    manifest = path.parent / "bad.csv.manifest.json"
    os.truncate(manifest, 1 << 30)
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda p: pytest.fail("read") if p == manifest else read(p))
    only_refused(put, "1,073,741,824 bytes; a manifest has at most 1,048,576")
    assert MAX_MANIFEST_BYTES == 1 << 20


def test_a_name_with_a_line_break(put: Put) -> None:
    put(POWER, "a\nb.csv", WELL + b"\n")
    only_refused(put, "an unprintable character in the name")


# --- memory ----------------------------------------------------------------------------------------

_IN_A_PROCESS = """
import resource, sys, tempfile
from pathlib import Path
from ingest.readers.files import read_records
from schemas.contract import feed
from schemas.errors import RejectedError
with tempfile.TemporaryDirectory() as scratch:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        print(read_records(Path(sys.argv[1]), feed(sys.argv[2]), Path(scratch)).count)
    except RejectedError as error:
        print(error)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


def read_alone(path: Path, feed: str) -> tuple[str, int, float]:
    """Read a file in a separate process: its output, the MiB that it needed, and its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", _IN_A_PROCESS, str(path), feed],
        capture_output=True, text=True, check=True, cwd=CHECKOUT, timeout=200,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    output, grown = done.stdout.strip().splitlines()
    return output, int(grown), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    ("feed", "start", "said"),
    [
        (POWER, WELL, "a record of more than 8 MiB"),
        (POWER, b"", "not readable as CSV"),
        ("ent_need", b"", "a line of more than 8 MiB"),
    ],
)
def test_a_line_of_two_gibibytes(tmp_path: Path, feed: str, start: bytes, said: str) -> None:
    path = tmp_path / "long.csv"
    path.write_bytes(start)
    os.truncate(path, 2 << 30)
    message, grown, seconds = read_alone(path, feed)
    assert said in message
    assert grown < 300 and seconds < 20


def workbook(path: Path, last: int, column: int = 0) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        emission_headings(sheet)
        sheet.write_row(2, 0, ["", "", "千克", "千克", "吨", "吨"])
        sheet.write_row(3, 0, ["甲", GOOD, 1, 2, 3, 4])
        sheet.write(last, column, "甲" if column == 0 else "far")
    return path


def test_a_million_empty_rows_in_excel(tmp_path: Path) -> None:
    message, grown, _ = read_alone(workbook(tmp_path / "a.xlsx", 1_048_575), "gov_emission")
    assert message == "2" and grown < 700


def test_a_cell_in_the_last_corner_of_a_sheet(tmp_path: Path) -> None:
    message, grown, _ = read_alone(workbook(tmp_path / "a.xlsx", 1_048_575, 16_383), "gov_emission")
    assert "17,179,869,184 cells up to line 1,048,576" in message and grown < 100


def test_a_long_text_that_many_cells_share(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for row in range(40_000):
            sheet.write(row, 0, "长" * 30_000)
    message, grown, _ = read_alone(path, "gov_emission")
    assert "its texts take 3.4 GiB" in message and grown < 100


# --- records ---------------------------------------------------------------------------------------


def test_a_header_of_a_million_columns(put: Put) -> None:
    put(POWER, "wide.csv", (HEAD + "," + ",".join(map(str, range(1_000_000))) + f"\n{LINE}\n").encode())
    only_refused(put, "1,000,004 columns in the heading; at most 2,000")


def test_a_json_record_of_a_million_fields(put: Put) -> None:
    put("ent_need", "wide.jsonl", json.dumps({f"f{i}": i for i in range(300_000)}).encode() + b"\n")
    only_refused(put, "at most 2,000 are read", "ent_need")


@pytest.mark.parametrize(
    "content",
    [
        f'{HEAD}\n3302000009,"乙,{GOOD},1\n{LINE}\n'.encode(),
        f'{HEAD}\n{LINE}\n3302000009,乙,{GOOD},"1\n3302000008,丙,{GOOD},2\n'.encode(),
        f'{HEAD}\n3302000009,乙,{GOOD},"1\n'.encode() + f"{LINE}\n".encode() * 300_000,
    ],
    ids=["broken record", "complete record", "many records"],
)
def test_a_file_with_an_unclosed_quote_is_refused(put: Put, content: bytes) -> None:
    put(POWER, "open.csv", content)
    only_refused(put, "never closed")


def test_a_quote_within_a_cell_is_a_quote(put: Put) -> None:
    put(POWER, "inch.csv", f'{HEAD}\n3302000001,5" 管,{GOOD},12.5\n'.encode())
    assert [f.records_raw for f in ingest().taken] == [1]


def test_gbk_within_utf_8(put: Put) -> None:
    put(POWER, "mixed.csv", WELL + f"3302000002,乙公司,{GOOD},1\n".encode("gbk"))
    only_refused(put, "not utf-8 as its contract says")


def test_utf_8_within_gb18030(put: Put) -> None:
    head = "用水户号,社会信用代码,用水量(立方米),水价类别\n".encode("gb18030")
    line = f"W330200001,{GOOD},1,工业用水".encode("gb18030") + b"\n"
    odd = f"W330200002,{GOOD},1,".encode() + "居民生活用水".encode() + b"\n"
    assert odd.decode("gb18030")  # strict decoding does not fail
    put("gov_water", "mixed.csv", head + line + odd)
    only_refused(put, "line 3 is UTF-8 in a file of GB18030", "gov_water")


def test_records_with_odd_cells_are_quarantined_one_by_one(put: Put) -> None:
    put(
        POWER,
        "odd.csv",
        (
            f"{HEAD}\n{LINE}\n3302000002,甲,{GOOD},{'9' * 400}\n3302000003,乙\0,{GOOD},1\n"
            f"3302000004,丙,{GOOD},=cmd|' /C calc'!A0\n"
        ).encode(),
    )
    [file] = ingest().files
    assert (file.records_raw, file.records_quarantined) == (1, 3)
    assert reasons() == {3: ["power_kwh:type"], 4: ["record:nul"], 5: ["power_kwh:type"]}


def need(**changed: object) -> dict[str, object]:
    valid = {"诉求编号": "SQ2024030001", "统一社会信用代码": GOOD, "诉求类别": "用地", "诉求内容": "要地"}
    valid |= {"提出日期": "2024-03-01", "办理状态": "已受理", "更新时间": "2024-03-02T08:00:00"}
    return {**valid, **changed}


def test_json_records_with_odd_values_are_quarantined_one_by_one(put: Put) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    ahead = (datetime.now(UTC) + timedelta(days=900)).isoformat(timespec="seconds")
    odd = [
        need(诉求编号="SQ2024030002"),
        need(诉求内容="=HYPERLINK(\"http://x\")"),
        need(诉求内容="+cmd|' /C calc'!A0"),
        need(诉求内容="a\0b"),
        need(提出日期="20240-03-01"),
        need(更新时间=ahead),
        need(诉求编号=int("9" * 400)),
    ]  # fmt: skip
    lines = [json.dumps(record, ensure_ascii=False) for record in odd]
    lines += [json.dumps(need())[:-1] + f', "x": {deep}}}', json.dumps(need())[:-1] + f', "诉求内容": {deep}']
    put(
        "ent_need",
        "odd.jsonl",
        ("\n".join(lines) + "\n").encode(),
        period="2024-03",
        sent_at="2024-03-05T00:00:00Z",
    )
    [file] = ingest().files
    found = reasons()
    assert file.state == "held", "most records are refused, more than the band allows"
    assert found[2] == found[3] == ["need_text:formula"]
    assert found[4] == ["record:nul"]
    assert found[5] == ["raised_date:date"]
    assert "changed_at:future" in found[6]
    assert found[7] == ["need_code:pattern"]
    assert found[9] == ["record:json"]
    assert file.records_in == 9 and 1 not in found


def test_formula_cells_in_excel(put: Put, tmp_path: Path) -> None:
    path = workbook(tmp_path / "f.xlsx", 3)
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(
            1,
            0,
            ["企业/名称", "企业/信用代码", "废水/化学需氧量", "废水/氨氮", "废气/二氧化硫", "废气/氮氧化物"],
        )
        for row in range(3, 7):
            sheet.write_row(row, 0, [f"企业{row}", GOOD, 1, 2, 3, 4])
        sheet.write_formula(4, 2, "=C4+1", None, 2)
        sheet.write_formula(5, 2, "=C4+1", None, "")
        sheet.write_formula(6, 2, "=1/0", None, "#DIV/0!")
        sheet.write_string(4, 0, "=cmd|' /C calc'!A0")
    put("gov_emission", "f.xlsx", path)
    ingest()
    found = reasons()
    assert found == {
        5: ["key:duplicate"],  # the stored value of a formula is valid
        6: ["record:formula", "cod_t:missing"],
        7: ["record:formula", "cod_t:missing"],
    }


def test_a_workbook_with_wrong_sizes_in_its_directory(put: Put, tmp_path: Path) -> None:
    content = workbook(tmp_path / "l.xlsx", 4).read_bytes()
    size = struct.pack("<I", 10)
    lying = patched(patched(content, b"PK\x01\x02", 24, size), b"PK\x03\x04", 22, size)
    assert zlib.crc32(lying) != zlib.crc32(content)
    put("gov_emission", "l.xlsx", lying)
    only_refused(put, "not readable as Excel", "gov_emission")
