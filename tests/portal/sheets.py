"""Sheets of a release, and a screen that shows a sheet."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from portal.card import screen
from portal.card.sheet import Card, gather
from portal.cli import console
from portal.queries.release import reading
from warehouse.releases import Release

#: Lines and columns of a screen.
HEIGHT, WIDTH = 45, 110


def gathered(release: Release, uscc: str, year: str | None = None) -> Card:
    with reading(release) as query:
        return gather(query, release.number, uscc, year)


def screen_of(sheet: Card, monkeypatch: pytest.MonkeyPatch, width: int = WIDTH) -> list[str]:
    """The lines on a terminal of the given width."""
    text = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(
            console,
            "out",
            Console(file=text, width=width, highlight=False, force_terminal=True, color_system=None),
        )
        screen.show(sheet)
    return text.getvalue().splitlines()
