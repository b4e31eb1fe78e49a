"""Names of files: what, whose, period, release; accepted by every system."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.exports.file_name import content_disposition, file_name


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("亩均评价", "亩均评价_发布3.csv"),
        ('a/b\\c:d*e?f"g<h>i|j', "a-b-c-d-e-f-g-h-i-j_发布3.csv"),
        ("per_mu.enterprise_grade", "per-mu.enterprise-grade_发布3.csv"),
        ("../../etc/passwd", "etc-passwd_发布3.csv"),
        ("con.log", "_con.log_发布3.csv"),
        ("NUL", "_NUL_发布3.csv"),
        ("a\r\nSet-Cookie: x", "a Set-Cookie-x_发布3.csv"),
        ("gpj\u202e.exe\u200b", "gpj.exe_发布3.csv"),
        ("  . ", "export_发布3.csv"),
        ("", "export_发布3.csv"),
    ],
)
def test_what_no_system_accepts_is_left_out(what: str, name: str) -> None:
    assert file_name(what, release=3, ending="csv") == name


def test_a_long_name_keeps_release_and_ending() -> None:
    name = file_name("企" * 200, "2024", release=12, ending="xlsx")
    assert name.endswith("企_发布12.xlsx") and len(name.encode()) <= 255


@given(st.text(), st.text())
def test_any_text_gives_a_name(what: str, of: str) -> None:
    name = file_name(what, of, release=1, ending="csv")
    assert name.endswith("_发布1.csv") and len(name.encode("utf-8")) <= 255
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f]', name) and not name.startswith((" ", "."))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_the_header_is_ascii_and_carries_the_whole_name(name: str) -> None:
    value = content_disposition(name)
    assert re.fullmatch(
        r"attachment; filename=\"[A-Za-z0-9._-]*\"; filename\*=UTF-8''[A-Za-z0-9._~%-]+", value
    )
    assert unquote(value.partition("UTF-8''")[2]) == name


def test_browsers_without_the_extended_name_get_one_too() -> None:
    assert 'filename="330282_2024_12.xlsx"' in content_disposition("亩均评价_330282_2024_发布12.xlsx")
    assert 'filename="export.xlsx"' in content_disposition("评价.xlsx")
    assert 'filename="export"' in content_disposition("评价")
