"""``./brain deliveries`` from a user's view."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.cli.deliveries import STATES
from schemas.contract import code_list
from tests.portal.conftest import Brain
from warehouse.settings import settings

USCC = "91350100M000100Y43"
HEAD = "户号,户名,社会信用代码,电量(万千瓦时)"


@pytest.fixture
def brain(tmp_path: Path, brain: Brain, monkeypatch: pytest.MonkeyPatch) -> Iterator[Brain]:
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield brain
    settings.cache_clear()


def send(
    brain: Brain, folder: Path, name: str, *amounts: str, more: tuple[str, ...] = ()
) -> tuple[int, str, str]:
    lines = [f"{3302000001 + n},甲,{USCC},{amount}" for n, amount in enumerate(amounts)]
    (folder / name).write_text("\n".join([HEAD, *lines, ""]), encoding="utf-8")
    return brain("ingest", "gov_electricity", str(folder / name), "--period", "2024-03", *more)


def rows(brain: Brain, *words: str) -> list[dict[str, Any]]:
    code, out, err = brain("deliveries", *words, "--json")
    assert (code, err) == (0, "")
    printed: list[dict[str, Any]] = json.loads(out)
    return printed


def states(found: list[dict[str, Any]]) -> dict[str, str]:
    return {row["file"]: row["state"] for row in found}


def test_a_delivery_is_listed_withdrawn_shown_and_restored(brain: Brain, tmp_path: Path) -> None:
    assert rows(brain, "list") == []
    send(brain, tmp_path, "a.csv", "1")
    send(brain, tmp_path, "b.csv", "2", "3")
    found = rows(brain, "list", "gov_electricity")
    assert states(found) == {"a.csv": "superseded", "b.csv": "counts"}
    assert (found[1]["periods"], found[1]["records_in"], found[1]["decided_by"]) == (["2024-03"], 2, None)
    assert rows(brain, "list", "gov_tax") == [] == rows(brain, "list", "--period", "2023")
    assert len(rows(brain, "list", "--period", "2024")) == 2
    known = found[1]["delivery_id"]
    assert states(rows(brain, "withdraw", known, "--reason", "错报", "--by", "市税务局 数据科")) == {
        "a.csv": "counts",
        "b.csv": "withdrawn",
    }
    code, out, _ = brain("deliveries", "list")
    assert code == 0 and "已撤回 withdrawn" in out and "计入 counts" in out
    first, second = rows(brain, "show", known)
    assert (first["standing_code"], second["standing_code"]) == (None, "withdrawn")
    assert (second["decided_by"], second["decision_reason"]) == ("市税务局 数据科", "错报")
    assert brain("deliveries", "show", known)[0] == 0
    code, out, _ = send(brain, tmp_path, "b.csv", "2", "3")
    assert code == 1 and "withdrawn" in out and known in out.replace("\n", "")
    assert states(rows(brain, "restore", known, "--reason", "核实")) == {
        "a.csv": "superseded",
        "b.csv": "counts",
    }


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "nothing"), 2, "there is no delivery nothing; ./brain deliveries list shows them all"),
        (("withdraw", "nothing", "--reason", "x"), 2, "there is no delivery nothing"),
        (("withdraw", "nothing", "--reason", "x", "--by", " "), 2, "say who decides: --by NAME is not empty"),
        (("withdraw", "nothing"), 2, "say why: --reason TEXT is required and not empty"),
        (("restore", "nothing", "--reason", " "), 2, "say why: --reason TEXT"),
        (("list", "gov_nothing"), 2, "unknown feed gov_nothing"),
        (("list", "--period", "2024-3"), 2, "--period 2024-3: give a year, month or day"),
    ],
)
def test_wrong_usage_is_one_line(brain: Brain, words: tuple[str, ...], code: int, said: str) -> None:
    exit_code, out, err = brain("deliveries", *words)
    [line] = err.splitlines()
    assert (exit_code, out) == (code, "") and line.startswith("brain: ") and said in line


def test_a_file_with_too_many_refused_records_ends_in_one_line(brain: Brain, tmp_path: Path) -> None:
    send(brain, tmp_path, "a.csv", "1")
    bad = ["?"] * 6 + ["1"]
    code, _, err = send(brain, tmp_path, "bad.csv", *bad)
    [line] = [text for text in err.splitlines() if text.startswith("brain: ")]
    assert code == 1 and "bad.csv: held, earlier deliveries stay in force: 6 of 7 records of 2024-03" in line
    assert states(rows(brain, "list")) == {"a.csv": "counts", "bad.csv": "held"}
    assert send(brain, tmp_path, "worse.csv", *bad, "2", more=("--accept",))[0] == 0
    assert states(rows(brain, "list")) == {"a.csv": "superseded", "bad.csv": "held", "worse.csv": "counts"}


def test_every_standing_has_a_title() -> None:
    assert set(code_list("delivery_standing")) == {"held", "withdrawn", "restored", "accepted"}
    assert {"held", "withdrawn"} <= set(STATES)
