"""Chromium: found with its font, installed once for root, and one line where it may not be installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra import chromium
from infra.chromium import ensure_chromium
from schemas.errors import RejectedError
from warehouse.settings import Settings

ADVICE = "install it (Debian: apt install chromium fonts-noto-cjk fontconfig)"


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose PATH has nothing; its user is not root."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return tmp_path


def ensured(machine: Path) -> Path:
    return ensure_chromium(Settings(cache=machine / "cache"))


def test_a_browser_with_a_chinese_font_is_found(machine: Path) -> None:
    program(machine / "bin" / "fc-list", "echo Noto Sans CJK SC")
    chrome = program(machine / "bin" / "google-chrome", "echo Google Chrome 140")
    assert ensured(machine) == chrome
    program(machine / "bin" / "chromium", "echo this needs a snap >&2; exit 1")
    assert ensured(machine) == chrome
    own = program(machine / "bin" / "chromium", "echo Chromium 140")
    assert ensured(machine) == own


def test_a_hanging_browser_does_not_run(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium, "ANSWER_SECONDS", 0.2)
    program(machine / "bin" / "fc-list", "echo Noto Sans CJK SC")
    program(machine / "bin" / "chromium", "while :; do :; done")
    with pytest.raises(RejectedError, match="no Chromium or Chrome runs"):
        ensured(machine)


@pytest.mark.parametrize(
    ("has_browser", "fonts", "why"),
    [
        (False, "echo Noto Sans CJK SC", "no Chromium or Chrome runs"),
        (True, ":", "there is no Chinese font"),
        (True, "exit 1", "there is no Chinese font"),
    ],
)
def test_one_line_says_what_to_install(machine: Path, has_browser: bool, fonts: str, why: str) -> None:
    program(machine / "bin" / "fc-list", fonts)
    if has_browser:
        program(machine / "bin" / "chromium", "echo Chromium 140")
    with pytest.raises(RejectedError) as refused:
        ensured(machine)
    assert str(refused.value) == f"pages are tested in a browser, and {why}; {ADVICE}"


def apt(machine: Path, brings: str) -> None:
    program(
        machine / "bin" / "apt-get",
        f'echo "$*" >>{machine}/asked\ncase "$*" in *" install "*) {brings};; esac',
    )


def test_root_installs_both_once(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    parts = machine / "parts"
    parts.mkdir()
    for name, words in (("chromium", "Chromium 140"), ("fc-list", "Noto Sans CJK SC")):
        program(parts / name, f"echo {words}")
    apt(machine, f"/bin/cp {parts}/chromium {parts}/fc-list {machine}/bin/")
    assert ensured(machine) == ensured(machine) == machine / "bin" / "chromium"
    update, install = (machine / "asked").read_text().splitlines()
    assert update.endswith(" update")
    assert install.endswith(" install --no-install-recommends chromium fonts-noto-cjk fontconfig")
    assert capfd.readouterr().err == "brain: installing Chromium, to test pages\n"


def test_a_failed_installation_is_one_line_with_its_log(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    apt(machine, "exit 100")
    with pytest.raises(RejectedError) as refused:
        ensured(machine)
    log = machine / "cache" / "apt-chromium.log"
    assert str(refused.value) == f"Chromium could not be installed; see {log} (the first run needs a network)"
