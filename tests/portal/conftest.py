"""How the portal's tests give a command."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from portal.cli import app as cli

#: Exit code, standard output and standard error of a command.
Brain = Callable[..., tuple[int, str, str]]


@pytest.fixture
def brain(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Brain:
    """``brain("check")``: the command in the home that the settings name."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["brain", *words])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capfd.readouterr()
        return int(left.value.code or 0), out, err

    return run
