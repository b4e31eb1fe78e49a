"""Terminal output: tables fit the terminal, Chinese text aligns, omitted columns are named."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from portal.cli import console
from warehouse.settings import CHECKOUT

ROWS: list[dict[str, Any]] = [
    {
        "uscc": "91350100M000100Y43",
        "企业名称": "宁波某某电器有限公司（合成）",
        "得分": Decimal("12.500000"),
        "规上": True,
    },
    {"uscc": "91110000600037341L", "企业名称": "甲", "得分": None, "规上": False},
]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal of 80 columns."""
    text = io.StringIO()
    monkeypatch.setattr(
        console, "out", Console(file=text, width=80, highlight=False, force_terminal=True, color_system=None)
    )
    return text


def test_chinese_text_aligns(screen: io.StringIO) -> None:
    console.show(ROWS)
    lines = [line for line in screen.getvalue().splitlines() if line]
    assert {cell_len(line) for line in lines} == {cell_len(lines[0])}
    assert cell_len(lines[0]) <= 80
    assert "12.5" in screen.getvalue() and "12.500000" not in screen.getvalue()


def test_omitted_columns_are_named(screen: io.StringIO) -> None:
    console.show([{f"column_{n:02d}": "x" * 12 for n in range(12)}])
    text = screen.getvalue()
    assert all(cell_len(line) <= 80 for line in text.splitlines())
    assert text.index("column_00") < text.index("more columns:")
    assert "column_11" in text.split("more columns:")[1]


def test_a_long_text_is_folded_before_a_column_is_omitted(screen: io.StringIO) -> None:
    console.show([{"id": 1, "name": "宁波" * 60, "grade": "A"}])
    text = screen.getvalue()
    assert "grade" in text and "more columns" not in text
    assert text.count("宁波") + text.count("宁\n") >= 50


def test_nothing_is_cut_in_a_pipe() -> None:
    code = "from portal.cli import console; console.show([{f'column_{n:02d}': 'x' * 30 for n in range(12)}])"
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "column_11" in done.stdout and "more columns" not in done.stdout


def test_markup_in_data_is_shown_as_it_is(screen: io.StringIO) -> None:
    console.show([{"name": "[red]甲[/red]"}])
    assert "[red]甲[/red]" in screen.getvalue()


def test_json_is_an_array_of_objects_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    console.as_json(ROWS)
    found = json.loads(capsys.readouterr().out)
    assert found[0]["企业名称"] == "宁波某某电器有限公司（合成）" and found[0]["得分"] == "12.500000"


def test_progress_measures_the_seconds_of_each_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with console.stages() as progress:
        progress("ingest", "raw.gov_tax", 1234)
        progress("run", "core.parcel")
        progress("ingest", "raw.gov_energy")
    assert list(progress.seconds) == ["start", "ingest", "run"]
    assert "raw.gov_tax  1,234" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("left", "code", "said"),
    [("sys.exit(0)", 0, ""), ("sys.exit(2)", 2, ""), ("pass", 0, ""), ("sys.exit('no')", 1, "no\n")],
)
def test_a_command_ends_without_unloading_libraries_that_could_abort_it(
    left: str, code: int, said: str
) -> None:
    """Exit handlers and threads are finished and output is written; destructors of libraries do not run."""
    program = f"""
import atexit, sys, threading, time
from portal.cli import app
class Library:
    def __del__(self): print("unloaded")
app.library = Library()
app.main = lambda: exec({left!r})
atexit.register(lambda: print("handled"))
threading.Thread(target=lambda: (time.sleep(0.2), print("worked"))).start()
print("written", end=" ")
app.script()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "written worked\nhandled\n", said)
