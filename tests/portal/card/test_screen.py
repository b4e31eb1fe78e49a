"""Every sheet fits one screen; only texts are cut, and tables are aligned."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from tests.portal.card_release import GOOD, NAMES
from tests.portal.sheets import HEIGHT, WIDTH, gathered, screen_of
from warehouse.releases import Release


def test_the_largest_sheet_fits_one_screen(crowded: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = screen_of(gathered(crowded, GOOD), monkeypatch)
    assert len(lines) <= HEIGHT
    assert max(map(cell_len, lines)) <= WIDTH
    text = "\n".join(lines)
    assert re.findall(r"另有 (\d+) 项", text) == ["3", "8", "8"] and "…" in text
    # figures are never cut
    assert "100,000,000" in text and re.search(r"2025 +100,000,000 +2,500 +650", text)


@pytest.mark.parametrize("uscc", NAMES)
@pytest.mark.parametrize("width", [WIDTH, 200])
def test_every_sheet_fits_one_screen(
    release: Release, monkeypatch: pytest.MonkeyPatch, uscc: str, width: int
) -> None:
    lines = screen_of(gathered(release, uscc), monkeypatch, width)
    assert len(lines) <= HEIGHT
    assert max(map(cell_len, lines)) <= WIDTH


def test_tables_are_aligned(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """A year's grade starts in the same column of the terminal, whatever Chinese text is before it."""
    lines = screen_of(gathered(release, GOOD), monkeypatch)
    head = next(n for n, line in enumerate(lines) if line.startswith("年 year"))
    at = cell_len(lines[head][: lines[head].index("等级")])
    for line in lines[head + 1 : head + 6]:
        grade = line.rstrip()[-1]
        assert grade in "ABCD" and cell_len(line.rstrip()[:-1]) == at
