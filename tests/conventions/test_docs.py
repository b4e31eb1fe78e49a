"""The docs lead somewhere: links, pages of the menu, paths in backticks, the table of rooms and the data dictionary."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from schemas.contract import code_lists, contracts
from tests.conventions.test_house import DAGS, MORE, ROOMS
from warehouse.settings import CHECKOUT

DOCS = CHECKOUT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
#: What a reader meets before the site.
FRONT = [CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
#: Files that a guide tells the reader to make.
EXAMPLES = {
    "schemas/raw/gov_gas.yml",
    "schemas/per_mu/division_summary.yml",
    "jobs/per_mu/division_summary.py",
    "expectations/per_mu/division_summary.py",
    "tests/jobs/per_mu/test_division_summary.py",
}
#: Folders from the root that a path in backticks may begin with.
FOLDERS = (*ROOMS, "dags", "docs", "tests", ".ci", ".github")

_FENCE = re.compile(r"^ *```.*?^ *```[^\n]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def prose(text: str) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", text)


def links(text: str) -> list[str]:
    """Targets of relative links.

    >>> links("[a](b.md#c) and `[no](link)`, [far](https://example.org)")
    ['b.md#c']
    """
    found = _LINK.findall(_CODE.sub("", prose(text)))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def paths(text: str) -> Iterator[str]:
    """Paths of modules and other files that stand in backticks, patterns and placeholders left out.

    >>> list(paths("`pipeline/publish.py`, `jobs/<area>/x.py`, `schemas/*.yml`, `publish.py`, `./brain run`"))
    ['pipeline/publish.py', 'publish.py']
    """
    for code in _CODE.findall(prose(text)):
        if re.fullmatch(r"\.?[\w.-]+(/[\w.-]+)*/?", code) and (
            code.endswith(".py") or code.startswith(tuple(f"{folder}/" for folder in FOLDERS))
        ):
            yield code


def anchors(text: str) -> set[str]:
    """Names of a page's headings, as GitHub and MkDocs give them: an id of its own, else the words."""
    found = set()
    for heading in _HEADING.findall(prose(text)):
        if own := re.search(r"\{#([\w-]+)\}", heading):
            found.add(own[1])
        plain = re.sub(r"\s*\{#[\w-]+\}", "", heading).replace("`", "").lower()
        for words in (plain, re.sub(r"[^\x00-\x7f]", "", plain)):  # MkDocs leaves Chinese characters out
            found.add(re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", words).strip()))
    return found


def named(page: Path) -> str:
    return page.relative_to(CHECKOUT).as_posix()


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_hooks", DOCS / "hooks.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generated(hooks: ModuleType) -> dict[str, str]:
    """Pages that the build makes, by their path below docs/."""
    made: dict[str, str] = hooks.pages()
    return made


@pytest.mark.parametrize("page", [*FRONT, *PAGES], ids=named)
def test_links_lead_somewhere(page: Path, generated: dict[str, str]) -> None:
    lost = []
    for link in links(page.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        below = target.relative_to(DOCS).as_posix() if target.is_relative_to(DOCS) else ""
        if page.is_relative_to(DOCS) and not below:
            lost.append(
                f"{link}: the site has pages of docs/ only; write the path in backticks, from the root"
            )
        elif below in generated or target.exists():
            text = generated.get(below) or (target.read_text(encoding="utf-8") if target.is_file() else "")
            if anchor and target.suffix == ".md" and anchor not in anchors(text):
                lost.append(f"{link}: no such heading; name one of {sorted(anchors(text))}")
        else:
            lost.append(f"{link}: no such file; mend the link or write the page")
    assert lost == [], f"{named(page)}: mend these links"


@pytest.mark.parametrize("page", [*FRONT, *PAGES], ids=named)
def test_paths_in_backticks_exist(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        return  # tells of what was, too
    lost = [
        path
        for path in paths(page.read_text(encoding="utf-8"))
        if path not in EXAMPLES and not (CHECKOUT / path).exists()
    ]
    assert lost == [], (
        f"{named(page)}: write where these lie now, from the root; what a reader shall make is an EXAMPLE"
    )


def test_examples_are_not_there_and_are_told_of() -> None:
    told = {path for page in (*FRONT, *PAGES) for path in paths(page.read_text(encoding="utf-8"))}
    assert told >= EXAMPLES, "take out of EXAMPLES what no page tells a reader to make"
    there = [path for path in EXAMPLES if (CHECKOUT / path).exists()]
    assert there == [], "take another name for the example: this file is there"


def menu(entries: list[Any]) -> Iterator[str]:
    """Pages of a menu of MkDocs.

    >>> list(menu(["index.md", {"Guides": ["a.md", {"B": "b.md"}]}]))
    ['index.md', 'a.md', 'b.md']
    """
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            yield from [value] if isinstance(value, str) else menu(value)


def test_every_page_is_in_the_menu_once(generated: dict[str, str]) -> None:
    listed = list(menu(yaml.safe_load((CHECKOUT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    there = {page.relative_to(DOCS).as_posix() for page in PAGES} | set(generated)
    assert there - set(listed) == set(), "give these pages a line in nav of mkdocs.yml"
    assert set(listed) - there == set(), "take these pages out of nav of mkdocs.yml, or write them"
    assert len(listed) == len(set(listed)), "a page stands twice in nav of mkdocs.yml"


def test_no_page_of_the_dictionary_is_committed(generated: dict[str, str]) -> None:
    there = [path for path in generated if (DOCS / path).exists()]
    assert there == [], "remove these files: docs/hooks.py makes them from the contracts"


def test_the_dictionary_has_every_table_column_and_code_list(generated: dict[str, str]) -> None:
    for name, spec in contracts().items():
        page = generated[f"dictionary/{spec.area}.md"]
        begin = page.index(f"## {name} {spec.title.zh} {spec.title.en} ")
        section = page[begin : page.find("\n## ", begin) if "\n## " in page[begin:] else None]
        for said in (spec.grain, spec.owner, spec.legal_source, *(f"| `{c.name}` |" for c in spec.columns)):
            assert said in section, f"{name}: docs/hooks.py leaves out {said}"
        assert f"{spec.area}.md#{spec.table})" in generated["dictionary/index.md"], name
    assert [f"{{#{name}}}" in generated["dictionary/codes.md"] for name in code_lists()] == [True] * len(
        code_lists()
    )


def test_the_table_of_rooms_is_what_imports_are_held_to() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_]+)/` \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    told = {room: set() if may == "–" else set(may.split(", ")) for room, _, may in rows}
    assert told == {**ROOMS, "dags": DAGS}, (
        "make the table in docs/architecture.md say what test_house.py does"
    )
    assert all(question.count("?") == 1 for _, question, _ in rows), (
        "a room answers one question; write it down"
    )
    for folder in MORE:
        assert f"`{folder}/`" in text, (
            f"tell in docs/architecture.md why {folder} may import more than its room"
        )


def test_readme_names_every_room() -> None:
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    lost = [
        room
        for room in (*ROOMS, "dags", "tests", "docs")
        if not re.search(rf"^ {room}/ ", text, re.MULTILINE)
    ]
    assert lost == [], "give these rooms a line in README's tree"
