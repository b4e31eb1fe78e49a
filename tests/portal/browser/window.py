"""A window of the browser that notes every fault of the pages opened in it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, Response

Size = Literal["phone", "desktop", "screen"]
Theme = Literal["light", "dark"]

SIZES: dict[Size, tuple[int, int]] = {"phone": (390, 844), "desktop": (1280, 800), "screen": (1920, 1080)}
THEMES: tuple[Theme, ...] = ("light", "dark")
LANGUAGES = ("zh", "en")
#: Sizes, themes and languages: half of all, in which every two of them meet; the other half only runs with ``-m slow``.
LOOKS = [
    pytest.param(size, theme, lang, marks=[pytest.mark.slow] if (i + j + k) % 2 else [])
    for i, size in enumerate(SIZES)
    for j, theme in enumerate(THEMES)
    for k, lang in enumerate(LANGUAGES)
]
#: If set, pictures of pages are kept in this folder; continuous integration keeps them as artifacts.
PICTURES = "BRAIN_PICTURES"
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
#: Colours that cover at least 0.02 % of a picture. Near colours count as one, because edges are smoothed.
COLOURS = """element => {
  const canvas = element.matches("canvas") ? element : element.querySelector("canvas");
  if (!canvas) return 0;
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const counts = new Map();
  for (let i = 0; i < data.length; i += 4) {
    const colour = data[i + 3] < 128 ? "none" : [data[i] >> 5, data[i + 1] >> 5, data[i + 2] >> 5].join();
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  return [...counts.values()].filter(count => count > data.length / 4 / 5000).length;
}"""
#: Elements that stick out of the window to the right, unless something around them scrolls.
OVERFLOW = """() => [...document.querySelectorAll("body *")].filter(element => {
  const box = element.getBoundingClientRect();
  if (!box.width || box.right <= innerWidth + 1 || element.closest("svg svg, .visually-hidden, .skip")) return false;
  for (let around = element.parentElement; around && around !== document.body; around = around.parentElement)
    if (["auto", "scroll", "hidden"].includes(getComputedStyle(around).overflowX)) return false;
  return true;
}).map(element => element.outerHTML.slice(0, 120))"""


@dataclass
class Window:
    """``page`` is Playwright's; ``faults`` is what console, scripts and network said."""

    page: Page
    size: Size
    theme: Theme
    faults: list[str] = field(default_factory=list)
    #: Statuses from 400 that the test expects.
    expected: set[int] = field(default_factory=set)
    _origin: str = ""

    def open(self, address: str) -> Response:
        """Open a page, and wait until its charts are drawn."""
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(address))
        answer = self.page.goto(address, wait_until="load")
        assert answer is not None
        self.wait_for_charts()
        return answer

    def wait_for_charts(self) -> None:
        if self.page.query_selector("[data-chart]"):
            self.page.wait_for_selector("html[data-drawn]", state="attached")

    def colours(self, selector: str) -> int:
        """How many colours a chart really shows; an empty one has one."""
        return int(self.page.locator(selector).evaluate(COLOURS))

    def overflow(self) -> list[str]:
        """Elements that a reader would have to scroll sideways for."""
        return list(self.page.evaluate(OVERFLOW))

    def barriers(self) -> list[str]:
        """Serious and critical faults that axe finds, with the elements."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{fault['id']}: {fault['help']}: {node['html'][:160]} {json.dumps(node['any'][:1])[:300]}"
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]

    def picture(self, name: str, full: bool = True) -> None:
        """Keep a picture of the page, if a folder for it is set."""
        if folder := os.environ.get(PICTURES):
            path = Path(folder) / f"{name}-{self.size}-{self.theme}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=path, full_page=full and self.size != "screen")

    def _watch(self) -> None:
        page = self.page
        page.on("console", lambda said: self._said(said.type, said.text))
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("request", self._asked)
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    def _said(self, kind: str, text: str) -> None:
        # browser and htmx write a line for each such answer, beside ``_answered``
        is_expected = any(f"status of {s}" in text or f"Status Error Code {s}" in text for s in self.expected)
        # the browser's advice to tests that read a picture's pixels
        is_of_the_test = "willReadFrequently" in text
        if kind in ("error", "warning") and not is_expected and not is_of_the_test:
            self.faults.append(f"console: {text}")

    def _asked(self, request: Request) -> None:
        if self._origin and not request.url.startswith((f"{self._origin}/", "data:", "blob:")):
            self.faults.append(f"request off the machine: {request.url}")

    def _failed(self, request: Request) -> None:
        # requests that are under way when a page is left are given up
        if "ERR_ABORTED" not in (request.failure or ""):
            self.faults.append(f"no answer: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.faults.append(f"{response.status}: {response.url}")


OpenWindow = Callable[..., Window]


def opener(browser: Browser, opened: ExitStack) -> OpenWindow:
    def open_window(size: Size = "desktop", theme: Theme = "light", **options: Any) -> Window:
        return opened.enter_context(_window(browser, size, theme, **options))

    return open_window


@contextmanager
def _window(browser: Browser, size: Size, theme: Theme, **options: Any) -> Iterator[Window]:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        has_touch=size == "phone",
        **options,
    )
    try:
        window = Window(context.new_page(), size, theme)
        window._watch()
        yield window
        assert window.faults == [], window.faults
    finally:
        context.close()
