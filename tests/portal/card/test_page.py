"""The page is valid and self-contained, escapes all values, and is written completely or not at all."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from portal.card import page
from tests.portal.card_release import EVIL, GOOD, NAMES
from tests.portal.conftest import Brain
from tests.portal.sheets import gathered
from warehouse.releases import Release


class Page(HTMLParser):
    """Elements, texts and references of a page; every element must be closed in order."""

    VOID = ("meta", "br", "link", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.words: list[str] = []
        self.references: list[str] = []
        self.lang = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.seen.append(tag)
        self.lang = self.lang or given.get("lang") or ""
        self.references += [v or "" for k, v in attrs if k in ("src", "href", "action", "srcset", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.mark.parametrize("uscc", NAMES)
def test_the_page_is_valid_and_self_contained(release: Release, uscc: str) -> None:
    text = page.page(gathered(release, uscc))
    parsed = Page(text)
    assert parsed.open == [] and parsed.lang == "zh-CN"
    assert parsed.references == [] and "script" not in parsed.seen
    assert "http:" not in text and "https:" not in text and "url(" not in text and "@import" not in text
    words = "".join(parsed.words)
    assert NAMES[uscc] in words and "合成数据" in words and uscc in words and "None" not in words


def test_the_page_escapes_all_values(release: Release) -> None:
    text = page.page(gathered(release, EVIL))
    assert "<script" not in text and "&lt;script&gt;" in text


def test_the_page_has_the_rows_that_a_screen_omits(crowded: Release) -> None:
    sheet = gathered(crowded, GOOD)
    words = "".join(Page(page.page(sheet)).words)
    assert sheet.tags and all(t.tag.zh in words for t in sheet.tags)
    assert sheet.positions and all(p.node.code in words for p in sheet.positions)


def test_the_page_is_written_completely_or_not_at_all(
    release: Release, brain: Brain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "pages" / "甲.html"
    code, out, _ = brain("card", GOOD, "--html", str(target))
    assert code == 0 and str(target) in out.replace("\n", "")
    before = target.read_text(encoding="utf-8")
    assert before.startswith("<!DOCTYPE html>")
    (tmp_path / "file").write_text("")
    code, out, err = brain("card", GOOD, "--html", str(tmp_path / "file" / "x.html"))
    assert code == 1 and len(err.splitlines()) == 1 and "file" in err
    monkeypatch.setattr("portal.card.page.head.as_of", lambda _: 1 / 0)
    code, _, _ = brain("card", GOOD, "--html", str(target))
    assert code == 1 and target.read_text(encoding="utf-8") == before
    assert [p.name for p in target.parent.iterdir()] == ["甲.html"]
