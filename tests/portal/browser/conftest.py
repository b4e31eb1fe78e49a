"""Chromium for the tests of pages, and windows of three sizes in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from infra.chromium import ensure_chromium, launched
from schemas.errors import RejectedError
from tests.portal.browser.window import OpenWindow, opener
from warehouse.settings import settings


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program. Without one, continuous integration fails, and other machines skip with the reason."""
    try:
        return ensure_chromium(settings())
    except RejectedError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """Started for each module: Playwright keeps an event loop in this thread, in which tests of other modules could not
    run theirs."""
    with launched(chromium, "--force-color-profile=srgb") as opened:
        yield opened


@pytest.fixture
def open_window(browser: Browser) -> Iterator[OpenWindow]:
    """``open_window(size, theme)``: at the test's end, no window may have an unexpected fault."""
    with ExitStack() as opened:
        yield opener(browser, opened)
