"""JSON lines: parsing lines together gives the same records as parsing each by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ingest.readers import json_lines, line_layout
from ingest.readers.files import read_records
from ingest.readers.records import RAW_TEXT, RECORD_REASON, SOURCE_ROW, Records
from schemas.contract import feed
from schemas.errors import RejectedError

SPEC = feed("ent_meter_reading")
PLAIN = '{"hh":"3300000001","xydm":"91330213MAYC26XQX7","sj":"2024-12-25T00:00:00+08:00","sz":80.23,"bl":4,"dl":2.0}'
#: Lines with the layout, nearly with it, and without: the result of each must not depend on the other lines.
ODD = [
    PLAIN.replace("80.23", number)
    for number in (
        "80.230", "-0", "1e5", "1E-5", "01", "+1", ".5", "5.", "NaN", "Infinity", "null", "true", "false", "True",
        '"80"', '""', "[1]", '{"a":1}', "",
    )
]  # fmt: skip
ODD += [
    PLAIN.replace("3300000001", text)
    for text in (
        "宁波", "a b", " a ", "\U0001f600", "é\xa0", '\\"', "\\u5b81\\u6ce2", "\\ud83d", "\\u0000", "\t", "\x00",
        "\x1f", "\x7f", "\\", "},{", "null",
    )
]  # fmt: skip
ODD += [
    PLAIN + " ",
    " " + PLAIN,
    PLAIN.replace(",", ", "),
    PLAIN.replace(":", ": ", 1),
    PLAIN.replace('"hh"', '"h\\u0068"'),
    PLAIN.replace('"hh":', '"hh":"first","hh":'),
    PLAIN.replace('"bl":4,', ""),
    PLAIN.replace('"bl":4', '"bl":4,"zz":[1,{"a":"b"}]'),
    PLAIN[:-1],
    PLAIN + PLAIN,
    "not json",
    "[]",
    "{}",
    "null",
    "\ufeff" + PLAIN,
    "\u3000",
    json.dumps(json.loads(PLAIN)),
    json.dumps(dict(reversed(json.loads(PLAIN).items())), separators=(",", ":")),
]


def read(content: bytes, folder: Path) -> Records:
    path = folder / "trial.jsonl"
    path.write_bytes(content)
    return read_records(path, SPEC, folder)


def one_by_one(content: bytes, folder: Path) -> Records:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "layout_of", lambda lines: {})
        return read(content, folder)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n \t\n"])
@pytest.mark.parametrize("block", [1 << 20, 1 << 11])
def test_lines_parsed_together_equal_lines_parsed_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, block: int
) -> None:
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", block)
    lines = [PLAIN, *(line for odd in ODD for line in (odd, PLAIN, PLAIN))]
    content = ("\ufeff" + end.join(lines)).encode("utf-8", "surrogatepass")
    together, alone = read(content, tmp_path), one_by_one(content, tmp_path)
    assert together.headings == alone.headings
    assert together.table.sort_by(SOURCE_ROW).to_pylist() == alone.table.sort_by(SOURCE_ROW).to_pylist()
    assert together.count == len(lines)
    valid = [r for r in together.table.to_pylist() if r[RECORD_REASON] is None]
    assert len(lines) * 2 // 3 < len(valid) < len(lines)


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_line_among_others_equals_the_line_parsed_alone(tmp_path: Path, odd: str) -> None:
    content = "\n".join([PLAIN, odd, PLAIN]).encode("utf-8", "surrogatepass")
    together, alone = read(content, tmp_path), one_by_one(content, tmp_path)
    assert together.table.to_pylist() == alone.table.sort_by(SOURCE_ROW).to_pylist()


def test_lines_that_are_alike_are_cut_at_their_quotes() -> None:
    """A line with the right number of quotes may still not have the layout."""
    layout = line_layout.layout_of([PLAIN])
    shifted = PLAIN.replace('"bl":4', '"bl":"4"').replace('"dl"', "dl")
    lines = [f"{line}\n" for line in (PLAIN, PLAIN.replace("80.23", "null"))]
    cells = line_layout._cut(pa.array(["cut off", *lines]).slice(1), layout)
    assert cells is not None
    assert cells["hh"].to_pylist() == ["3300000001"] * 2
    assert cells["sz"].to_pylist() == ["80.23", ""]
    assert shifted.count('"') == PLAIN.count('"')
    for line in (shifted, PLAIN.replace("80.23", "8O.23"), PLAIN.replace("hh", "gh"), PLAIN.replace(",", "")):
        assert line_layout._cut(pa.array([*lines, f"{line}\n"]), layout) is None


@pytest.mark.parametrize("extra", [["a b-c.(d)|[é]", "宁波", "$^*+?{}"], [f"f{n}" for n in range(180)]])
def test_fields_of_any_name_and_number(tmp_path: Path, extra: list[str]) -> None:
    more = "".join(f',"{name}":{n}' for n, name in enumerate(extra))
    lines = [PLAIN[:-1] + more + "}", PLAIN, PLAIN[:-1] + more.replace(":0", ":[0]") + "}"]
    content = "\n".join(lines).encode()
    assert len(line_layout.layout_of(lines)) == 6 + len(extra)
    together, alone = read(content, tmp_path), one_by_one(content, tmp_path)
    assert together.table.to_pylist() == alone.table.sort_by(SOURCE_ROW).to_pylist()
    assert pc.is_null(together.table[RECORD_REASON]).to_pylist() == [True] * 3


def test_records_keep_their_order_whatever_they_look_like(tmp_path: Path) -> None:
    """The order matters: of records with the same key the first one is accepted."""
    lines = [PLAIN, PLAIN.replace(",", ", "), PLAIN, "not json", PLAIN.replace(":", ": "), PLAIN]
    table = read("\n".join(lines).encode(), tmp_path).table
    assert table[SOURCE_ROW].to_pylist() == sorted(table[SOURCE_ROW].to_pylist())
    assert table[RAW_TEXT].to_pylist() == lines


def test_a_file_that_is_not_utf8_is_refused_in_one_line(tmp_path: Path) -> None:
    content = "\n".join([PLAIN] * 200 + [PLAIN.replace("3300000001", "宁波")]).encode("gb18030")
    with pytest.raises(RejectedError) as together:
        read(content, tmp_path)
    with pytest.raises(RejectedError) as alone:
        one_by_one(content, tmp_path)
    assert "not utf-8 as its contract says" in str(together.value)
    assert str(together.value).partition("position")[0] == str(alone.value).partition("position")[0]


def test_a_line_longer_than_a_block_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 1 << 10)
    content = "\n".join([PLAIN, PLAIN.replace("3300000001", "3" * 3000), PLAIN]).encode()
    with pytest.raises(RejectedError, match="a line of more than"):
        read(content, tmp_path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (PLAIN.replace('"bl":4', '"bl":4,"sz":9.9'), "record:field_twice"),
        (PLAIN.replace('"bl":4', '"bl":4,"sz":80.23'), "record:field_twice"),
        (PLAIN.replace('"bl":4', '"bl":4,"\\u0073z":9.9'), "record:field_twice"),
        (PLAIN.replace('"bl":4', '"bl":4,"zz":1,"zz":2'), None),
        (PLAIN.replace('"bl":4', '"bl":4,"zz":{"sz":9.9}'), None),
        (PLAIN.replace('"bl":4', '"bl":4,"zz":"\\"sz\\""'), None),
        (PLAIN.replace('"3300000001"', '"sz"'), None),
        (PLAIN.replace("80.23", "NaN"), "record:json"),
    ],
)
def test_a_field_given_twice_is_refused_since_a_parser_keeps_one_of_its_values(
    tmp_path: Path, line: str, reason: str | None
) -> None:
    records = read("\n".join([PLAIN, line, PLAIN]).encode(), tmp_path)
    by_row = records.table.sort_by(SOURCE_ROW)
    assert by_row[RECORD_REASON].to_pylist() == [None, reason, None]
    assert by_row[RAW_TEXT].to_pylist() == [PLAIN, line, PLAIN]
