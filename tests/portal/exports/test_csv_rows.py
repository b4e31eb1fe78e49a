"""CSV for spreadsheets: read back, and safe to open."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.exports.csv_rows import FORMULA_STARTS, safe_csv


def read(rows: list[list[object]]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(safe_csv(rows)).decode("utf-8"), newline="")))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_text_never_begins_like_a_formula(start: str) -> None:
    text = f'{start}cmd|"/C calc",A0'
    assert read([["甲", text]]) == [["甲", f"'{text}"]]


def test_numbers_stay_numbers() -> None:
    numbers = [-5, -0.5, Decimal("-12.50"), Decimal("1E+3"), 0]
    assert read([numbers]) == [["-5", "-0.5", "-12.50", "1000", "0"]]
    assert read([["-5"]]) == [["'-5"]]  # a sender's text


def test_other_values() -> None:
    assert read([[None, True, date(2024, 3, 1), ["=甲", "乙"], "a\nb", 'c"d']]) == [
        ["", "true", "2024-03-01", "'=甲; 乙", "a\nb", 'c"d']
    ]


def test_a_mark_stands_only_at_the_start() -> None:
    file = b"".join(safe_csv([["甲"]] * 2500, bom=True))
    assert file.startswith(b"\xef\xbb\xbf") and file.count(b"\xef\xbb\xbf") == 1
    assert file.decode("utf-8-sig") == "甲\r\n" * 2500
    assert not b"".join(safe_csv([["甲"]])).startswith(b"\xef\xbb\xbf")


def test_rows_come_in_pieces() -> None:
    pieces = list(safe_csv([[n] for n in range(2500)]))
    assert [piece.count(b"\n") for piece in pieces] == [1000, 1000, 500]
    assert list(safe_csv([])) == []


@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2), max_size=5)
)
def test_every_cell_comes_back_but_for_the_mark(rows: list[list[object]]) -> None:
    found = read(rows)
    assert [[cell.removeprefix("'") for cell in row] for row in found] == [
        [str(cell).removeprefix("'") for cell in row] for row in rows
    ]
    assert not any(cell.startswith(FORMULA_STARTS) for row in found for cell in row)
