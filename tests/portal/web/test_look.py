"""Colours that can be read, tokens that agree, assets that are what they say, and macros without a browser."""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from typing import Any

import pytest
from jinja2 import UndefinedError

from portal.web import look
from portal.web.numbers import Missing
from warehouse.settings import CHECKOUT

CSS = (look.STATIC / "portal.css").read_text(encoding="utf-8")
VENDOR = CHECKOUT / "portal" / "web" / "vendor"

#: Text and the grounds that it stands on.
TEXT = [
    *((text, ground) for text in ("ink", "dim", "accent", "good", "warn", "bad") for ground in ("ground", "surface")),
    *((text, ground) for text in ("ink", "accent", "warn") for ground in ("tint", "warn-tint")),
    ("on-accent", "accent"),
    *((f"on-grade-{grade}", f"grade-{grade}") for grade in "abcd"),
    *((f"on-step-{step}", f"step-{step}") for step in range(7)),
    *(("ground", f"series-{n}") for n in range(1, 7)),  # labels within an area
]  # fmt: skip
#: Lines of controls, and areas of charts beside the ground: WCAG asks for 3.
SHAPES = [("edge", "ground"), ("edge", "surface"), *((f"grade-{grade}", "ground") for grade in "abcd")]


def tokens(selector: str, after: str = "") -> dict[str, str]:
    """Tokens of the first block with this selector."""
    block = CSS[CSS.index(selector, CSS.index(after)) :]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block[: block.index("}")]))


LIGHT, DARK = tokens(":root {"), tokens(':root[data-theme="dark"] {')


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(
        4.48, abs=0.005
    )  # WCAG's known grey that just fails


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_and_shapes_can_be_told_from_their_ground(theme: dict[str, str]) -> None:
    faint = [
        f"{text} on {ground}: {found:.2f}"
        for pairs, least in ((TEXT, 4.5), (SHAPES, 3.0))
        for text, ground in pairs
        if (found := contrast(theme[text], theme[ground])) < least
    ]
    assert faint == []


def test_steps_of_a_scale_go_one_way() -> None:
    for theme, is_rising in ((LIGHT, False), (DARK, True)):
        scale = [luminance(theme[f"step-{n}"]) for n in range(7)]
        assert scale == sorted(scale, reverse=not is_rising)


def test_each_colour_of_a_theme_is_stated_once() -> None:
    assert LIGHT.keys() == DARK.keys()
    assert CSS.count("color-scheme: dark") == CSS.count("--edge:") - 1 == 1


def test_paper_is_light_whatever_the_theme() -> None:
    """The dark colours are for screens; paper darkens fine grey lines and texts of the light ones."""
    dark = CSS[: CSS.index(':root[data-theme="dark"]')].rstrip()
    assert dark.endswith("@media screen {")
    paper = tokens(":root {", after="@media print")
    assert paper.keys() == {"line", "ink", "dim", "warn-tint"}
    for name in ("line", "ink", "dim"):
        assert contrast(paper[name], "#ffffff") > contrast(LIGHT[name], "#ffffff")


def test_every_colour_is_a_token() -> None:
    rules = CSS[CSS.index("/* ── text ── */") : CSS.index("@media print")]
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)", rules) == []
    known = LIGHT.keys()
    assert [name for name in re.findall(r"var\(--([\w-]+)\)", CSS) if name not in known] == []


def test_browser_libraries_are_those_of_the_lock_file() -> None:
    locked = json.loads((VENDOR / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    readme = (VENDOR / "README.md").read_text(encoding="utf-8")
    built = json.loads((VENDOR / "built.json").read_text(encoding="utf-8"))
    assert [one["file"] for one in built] == ["htmx.min.js", "echarts.min.js", "axe.min.js"]
    for one in built:
        folder = (
            CHECKOUT / "tests/portal/browser/vendor"
            if one["file"] == "axe.min.js"
            else look.STATIC / "vendor"
        )
        assert hashlib.sha256((folder / one["file"]).read_bytes()).hexdigest() == one["sha256"], one["file"]
        for name, version in one["versions"].items():
            assert locked[f"node_modules/{name}"]["version"] == version
            assert f"{name} {version}" in readme


def render(source: str, **context: Any) -> str:
    base = {"lang": "zh", "t": lambda zh, en: zh, "here": lambda **changed: f"?{changed['sort']}"}
    return look.environment().from_string(source).render({**base, **context})


FIGURES = '{% from "macros/figures.html" import bar, grade, value with context %}'
TABLES = '{% from "macros/tables.html" import table with context %}'


def test_a_missing_figure_is_a_dash_with_its_reason_and_zero_is_zero() -> None:
    missing = render(FIGURES + '{{ value(none, "万元", reason="未报送") }}')
    assert ">—</button>" in missing and 'data-say="未报送"' in missing and "万元" not in missing
    assert "—" not in (zero := render(FIGURES + '{{ value(0, "万元") }}')) and ">0<" in zero


def test_a_grade_is_a_letter_too() -> None:
    assert render(FIGURES + '{{ grade("D") }}') == '<span class="grade grade-d">D</span>'
    assert "未评" in render(FIGURES + "{{ grade(none) }}")


@pytest.mark.parametrize(("pct", "width"), [(Decimal("33.333"), "33.33%"), (140, "100%"), (-5, "0%")])
def test_a_bar_stays_within_its_track(pct: Decimal | int, width: str) -> None:
    assert f'width="{width}"' in render(FIGURES + '{{ bar(pct, "得分") }}', pct=pct).replace(".0%", "%")


def test_the_heading_orders_first_downwards_then_upwards() -> None:
    source = (
        TABLES
        + '{{ table([column("score", "得分", "分", "score", sort="score")], [{"score": 1}], sort=sort) }}'
    )
    assert 'href="?-score"' in (plain := render(source, sort=None)) and "aria-sort" not in plain
    assert 'href="?score"' in (down := render(source, sort="-score")) and 'aria-sort="descending"' in down
    assert 'href="?-score"' in (up := render(source, sort="score")) and 'aria-sort="ascending"' in up


def test_cells_are_escaped_and_say_why_they_are_empty() -> None:
    rows = [{"name": "<b>甲</b>", "tax": Missing("无用地记录")}, {"name": None, "tax": None}]
    html = render(
        TABLES
        + '{{ table([column("name", "企业"), column("tax", "税", kind="number", reason="未报送")], rows) }}',
        rows=rows,
    )
    assert "&lt;b&gt;甲&lt;/b&gt;" in html and "<b>" not in html
    assert (
        html.count("无用地记录") == 3 and html.count("未报送") == 3
    )  # told by click, pointer and screen reader


def test_an_unknown_name_is_a_fault_of_the_page() -> None:
    with pytest.raises(UndefinedError, match="absent"):
        render("{{ absent }}")
    with pytest.raises(UndefinedError, match="absent"):
        render(TABLES + '{{ table([column("absent", "企业")], [{"name": 1}]) }}')
