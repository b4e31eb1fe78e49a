"""``./brain ingest``: options that contradict each other are refused in one line before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.portal.conftest import Brain

INFER = "--infer takes one file and nothing else"
WRITE = "--write needs --infer"
REMAP = "--from and --remap exclude each other"
FULL = "--full needs --from"
HOW = "--replaces and --accept apply to new deliveries, not to --remap"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gov_tax", "--infer", "x.csv"), INFER),
        (("--infer", "x.csv", "--period", "2023"), INFER),
        (("--infer", "x.csv", "--remap", "--write", "own"), INFER),
        (("--infer", "x.csv", "--from", "office"), INFER),
        (("--write", "own"), WRITE),
        (("--write", "own", "--from", "office", "--remap"), WRITE),
        (("--from", "office", "--remap"), REMAP),
        (("--from", "office", "--remap", "--full", "--accept"), REMAP),
        (("--full",), FULL),
        (("gov_tax", "x.csv", "--period", "2023", "--full"), FULL),
        (("--remap", "--accept"), HOW),
        (("--remap", "--replaces", "--full"), HOW),
    ],
)
def test_contradictions_are_one_line(
    cold_home: Path, brain: Brain, words: tuple[str, ...], said: str
) -> None:
    code, out, err = brain("ingest", *words)
    [line] = err.splitlines()
    assert (code, out) == (2, "") and line.startswith(f"brain: {said}")
    assert not cold_home.exists() or not list(cold_home.rglob("_delta_log"))
