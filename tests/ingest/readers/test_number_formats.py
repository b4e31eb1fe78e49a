"""The text that a person sees for a number, by its format."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from ingest.readers.number_formats import BUILT_IN, format_of

ACCOUNTS = '_ * #,##0.00_ ;_ * \\-#,##0.00_ ;_ * "-"??_ ;_ @_ '


@pytest.mark.parametrize(
    ("code", "stored", "seen"),
    [
        ("General", "-1.5", "-1.5"),
        ("G/通用格式", "1.5", "1.5"),
        ("#,##0.00", "1234.567", "1234.567"),
        ("0.0%", "0.853", "85.3%"),
        ("0.00%;[Red]-0.00%", "-0.5", "-50%"),
        ('0.0"%"', "85.3", "85.3%"),
        ("0.0\\%", "85.3", "85.3%"),
        ('0.0"‰"', "5", "5‰"),
        ('0"万元"', "12", "12万元"),
        ("0.00元", "3.5", "3.5元"),
        ("¥#,##0.00", "5", "5"),
        ("[$¥-804]#,##0.00;[$¥-804]-#,##0.00", "-5", "-5"),
        ("[$$-409]#,##0", "5", "$5"),
        ("€#,##0", "5", "€5"),
        (ACCOUNTS, "-2", "-2"),
        (ACCOUNTS, "0", "0"),
        ("#,##0.00_);[Red](#,##0.00)", "-3", "-3"),
        ("0.00;[Red]0.00", "-2", "-2"),
        ("+0.0%;-0.0%;0.0%", "0.05", "5%"),
        ("000000", "1234", "001234"),
        ('"NB"0000', "12", "NB0012"),
        ("0.00E+00", "123456", "123456"),
        ("[DBNum1][$-804]General", "3", "3"),
        ("[Red][>1]0%;0%", "0.5", "50%"),
        ("@", "5", "5"),
    ],
)
def test_numbers_that_are_shown(code: str, stored: str, seen: str) -> None:
    assert format_of(code).of_number(Decimal(stored)) == seen


@pytest.mark.parametrize(
    ("code", "stored"),
    [
        ("#,##0,", "12345"),
        ('0.00,,"百万"', "12345"),
        ("0,.0", "12345"),
        ('0!.0,"万"', "12345"),
        ("0\\.0,", "12345"),
        ('[>=10000]0!.0,"万";0', "50000"),
        ("# ?/?", "0.5"),
        ("000-0000", "3302001"),
        ('0"00"', "12"),
        ('"1"0', "2"),
        ("-0", "5"),
        ("(0)", "5"),
        ("0;0", "-5"),
        (";;;", "5"),
        ("0;-0;;@", "0"),
        ("#,###", "0"),
        ('"有"', "5"),
        ("[9999]", "5"),
    ],
)
def test_numbers_that_are_shown_as_others(code: str, stored: str) -> None:
    assert format_of(code).of_number(Decimal(stored)) == f"{stored} ⟦{code}⟧"
    assert not format_of(code).is_plain


def test_formats_that_show_numbers_unchanged_are_plain() -> None:
    plain = [
        *("General", "0", "0.00", "#,##0", "#,##0.00_ ", "@", "0_);(0)", "[蓝色]0", "¥0.0", ACCOUNTS),
        *(BUILT_IN[n] for n in (0, 1, 2, 3, 4, 37, 44, 49)),
    ]
    assert [code for code in plain if not format_of(code).is_plain] == []


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("yyyy/m/d", "2024-03-05"),
        ('[$-804]yyyy"年"m"月"d"日";@', "2024-03-05"),
        (BUILT_IN[31], "2024-03-05"),
        ("d-mmm-yy", "2024-03-05"),
        ('yyyy"年"m"月"', "2024-03"),
        (BUILT_IN[57], "2024-03"),
        ("yyyy", "2024"),
        ("yyyy-mm-dd hh:mm", "2024-03-05T06:30:00"),
        ('m"月"d"日"', '2024-03-05T06:30:00 ⟦m"月"d"日"⟧'),
        ("h:mm", "2024-03-05T06:30:00 ⟦h:mm⟧"),
    ],
)
def test_dates_that_are_shown(code: str, seen: str) -> None:
    assert format_of(code).is_date
    assert format_of(code).of_moment(datetime(2024, 3, 5, 6, 30)) == seen  # noqa: DTZ001
