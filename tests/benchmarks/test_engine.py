"""``./brain bench engine``: two engines' runs of one home, compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import by_name, engine
from benchmarks.command import Measured
from benchmarks.rows import row
from schemas.errors import RejectedError, UsageError
from tests.built_city import at_home
from tests.engines.test_same_numbers import a_home

SECONDS = {"embedded": 1.0, "spark": 5.0}


def made(name: str) -> Measured:
    seconds = SECONDS[name]
    tables = [
        {"table": "per_mu.baseline", "seconds": seconds, "begun": 0.5, "ended": 0.5 + seconds},
        {"table": "per_mu.unit", "seconds": 2 * seconds, "begun": 0.5 + seconds, "ended": 0.5 + 3 * seconds},
    ]
    return Measured(4 * seconds, 2.0, tables)


def commands(monkeypatch: pytest.MonkeyPatch, in_home: Any = lambda home: None) -> list[tuple[str, ...]]:
    """Replace the command line by a fake with invented figures; the calls, each with its engine first."""
    called: list[tuple[str, ...]] = []

    def brain(home: Path, *words: str, environment: dict[str, str]) -> Measured:
        name = environment["BRAIN_ENGINE"]
        called.append((name, *words))
        in_home(home)
        if words[0] == "run":
            return made(name)
        return Measured(1, 1, [row("area, 2024, s", SECONDS[name], "≤ 2 × peer", "DuckDB, s", 2.0)])

    monkeypatch.setattr(engine, "brain", brain)
    return called


def baseline(home: Path, value: str) -> None:
    a_home(home, {"indicator_code": value})


def test_both_engines_are_measured_on_copies_and_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = a_home(tmp_path / "home", {"year": "2024"})
    called = commands(monkeypatch, lambda copied: baseline(copied, "one") if copied != home else None)
    files = sorted((home / "warehouse").rglob("*"))
    with at_home(home, "none"):
        rows = {r["what"]: r for r in by_name.run("engine", 1, lambda _: None)}
    assert [c for c in called if c[0] == "spark"] == [
        ("spark", *words)
        for words in (
            ("run", "--full", "--json"),
            ("bench", "chain", "--json"),
            ("bench", "profile", "--json"),
            ("down",),
        )
    ]
    assert [c[0] for c in called] == ["embedded"] * 4 + ["spark"] * 4
    assert sorted((home / "warehouse").rglob("*")) == files and not list(home.glob("bench-*"))
    whole = rows["run, all tables, engine's start included, s"]
    assert (whole["measured"], whole["peer"], whole["ratio"]) == (4, "Apache Spark, s: 20.00", 0.2)
    assert rows["run, from the first table on, s"]["measured"] == 3
    assert (rows["per_mu.unit, s"]["measured"], rows["per_mu.unit, s"]["ratio"]) == (2, 0.2)
    assert {what: (r["ratio"], r["goal"]) for what, r in rows.items() if what.startswith("area")} == {
        "area, 2024, s, Sail": (0.5, "≤ 2 × peer"), "area, 2024, s, Apache Spark": (2.5, "–"),
    }  # fmt: skip


def test_engines_that_computed_different_tables_fail_the_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = a_home(tmp_path / "home", {"year": "2024"})
    commands(monkeypatch, lambda copied: baseline(copied, copied.name))
    with (
        at_home(home, "none"),
        pytest.raises(RejectedError, match=r"computed different tables: per_mu\.baseline: "),
    ):
        by_name.run("engine", 1, lambda _: None)


def test_a_home_without_tables_and_options_of_other_benchmarks_are_refused(tmp_path: Path) -> None:
    with at_home(tmp_path / "home", "none"):
        with pytest.raises(RejectedError, match="no tables yet"):
            by_name.run("engine", 1, lambda _: None)
        with pytest.raises(UsageError, match="measures the home's own city"):
            by_name.run("engine", 0.5, lambda _: None)
        with pytest.raises(UsageError, match="--rows needs ranking"):
            by_name.run("engine", 1, lambda _: None, rows=10)
