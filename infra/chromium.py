"""Chromium and a Chinese font, which only tests of pages need: found, or installed where that is allowed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from schemas.errors import RejectedError
from warehouse import debian
from warehouse.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: Names on PATH; Ubuntu has Chromium only as a snap, but its machines for continuous integration have Chrome.
PROGRAMS = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
#: Debian's packages.
PACKAGES = ("chromium", "fonts-noto-cjk", "fontconfig")
#: A browser that does not print its version within this time hangs.
ANSWER_SECONDS = 30


def ensure_chromium(config: Settings) -> Path:
    """The program of Chromium or Chrome, beside a font with Chinese characters; on Debian both are installed for root.

    Raises:
        RejectedError: one is missing and may not be installed; the message says which, and what to install.
    """
    try:
        return _find()
    except RejectedError:
        if not debian.may_install():
            raise
    config.cache.mkdir(parents=True, exist_ok=True)
    with FileLock(config.cache / "chromium.lock"):
        try:
            return _find()  # another process installed it meanwhile
        except RejectedError:
            debian.install("Chromium, to test pages", [PACKAGES], config.cache / "apt-chromium.log")
        return _find()


@contextmanager
def launched(program: Path, *arguments: str) -> Iterator[Browser]:
    """The browser under Playwright. Chromium allows root no sandbox, so there it runs without one.

    Raises:
        ModuleNotFoundError: Playwright is not installed; it is a dependency of development.
    """
    from playwright.sync_api import sync_playwright

    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*sandbox, *arguments])
        yield browser
        browser.close()


def _find() -> Path:
    programs = [Path(found) for name in PROGRAMS if (found := shutil.which(name))]
    program = next((path for path in programs if _says([str(path), "--version"])), None)
    if program is None or not _says(["fc-list", ":lang=zh", "family"]):
        lost = "no Chromium or Chrome runs" if program is None else "there is no Chinese font"
        raise RejectedError(
            f"pages are tested in a browser, and {lost}; install it (Debian: apt install {' '.join(PACKAGES)})"
        )
    return program


def _says(command: list[str]) -> bool:
    """A program that runs and prints something."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and bool(done.stdout.strip())
