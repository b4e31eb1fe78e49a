"""Fixtures of the portal's tests: a command, and a small release written by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.cli import app as cli
from tests.portal import card_release
from warehouse.releases import Release, open_release

#: Exit code, standard output and standard error of a command.
Brain = Callable[..., tuple[int, str, str]]


@pytest.fixture
def brain(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Brain:
    """``brain("check")``: the command in the home that the settings name."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["brain", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture
def release(cold_home: Path) -> Release:
    """Release 1 of a home without anything else."""
    card_release.write(cold_home)
    return open_release()
