"""``./brain quarantine`` from a user's view, and one clear line for what is not possible."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from warehouse.settings import settings

GOOD = ["91350100M000100Y43", "91110000600037341L"]
POWER = "电量(万千瓦时)"
HEAD = f"户号,户名,社会信用代码,{POWER}"
LINES = [f"3302000001,甲,{GOOD[0]},12.5", f"3302000002,乙,{GOOD[1]},1.2亿", f"abc,丙,{GOOD[1]},-3"]

Brain = Callable[..., tuple[int, str, str]]


@pytest.fixture
def brain(tmp_path: Path, brain: Brain, monkeypatch: pytest.MonkeyPatch) -> Iterator[Brain]:
    """``brain("check")``: exit code, standard output and standard error of a command in a home without Spark."""
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield brain
    settings.cache_clear()


@pytest.fixture
def taken(brain: Brain, tmp_path: Path) -> str:
    """Ingest a file with one good record and two bad ones; the row id of the first bad one."""
    path = tmp_path / "e.csv"
    path.write_text("\n".join([HEAD, *LINES]) + "\n", encoding="utf-8")
    brain("ingest", "gov_electricity", str(path), "--period", "2023")
    [row] = rows(brain, "show", "gov_electricity", "--row", "3")
    return str(row["row_id"])


def rows(brain: Brain, *words: str) -> list[dict[str, Any]]:
    code, out, err = brain("quarantine", *words, "--json")
    assert (code, err) == (0, "")
    printed: list[dict[str, Any]] = json.loads(out)
    return printed


def test_list_counts_by_feed_period_and_reason(brain: Brain, taken: str) -> None:
    found = rows(brain, "list")
    assert [(r["feed"], r["period"], r["reason"], r["records"], r["example"], r["file"]) for r in found] == [
        ("gov_electricity", "2023", "meter_account_code:pattern", 1, "abc", "e.csv"),
        ("gov_electricity", "2023", "power_kwh:domain", 1, "-3", "e.csv"),
        ("gov_electricity", "2023", "power_kwh:type", 1, "1.2亿", "e.csv"),
    ]
    assert found[2]["zh"] == "用电量不是规定类型的值" and found[2]["en"].endswith(
        "is not a value of its type"
    )
    for reason, count in (("type", 1), ("power_kwh", 2), ("power_kwh:domain", 1), ("late", 0)):
        assert len(rows(brain, "list", "--reason", reason)) == count
    assert rows(brain, "list", "gov_tax") == [] == rows(brain, "list", "--period", "2022")
    assert "power_kwh:type" in brain("quarantine", "list")[1]


def test_show_gives_the_senders_cells_and_reasons_in_words(brain: Brain, taken: str) -> None:
    [row] = rows(brain, "show", "gov_electricity", "--reason", "type")
    assert (row["row_id"], row["file"], row["row"], row["state"]) == (taken, "e.csv", 3, "quarantined")
    assert row["record"] == {"户号": "3302000002", "户名": "乙", "社会信用代码": GOOD[1], POWER: "1.2亿"}
    assert [r["reason"] for r in row["reasons"]] == ["power_kwh:type"]
    _, out, _ = brain("quarantine", "show", "--limit", "1")
    assert taken in out and "用电量不是规定类型的值" in out and "of 2 records" in out
    assert [r["row"] for r in rows(brain, "show", "--file", "e.csv")] == [3, 4]
    assert rows(brain, "show", "--file", "other.csv") == []
    assert [r["row"] for r in rows(brain, "show", "--period", "2023")] == [3, 4]
    assert rows(brain, "show", "--period", "2022") == []
    # feed and row also find an accepted record, because a plausible but wrong figure can be corrected too
    assert rows(brain, "show", "gov_electricity", "--row", "2")[0]["state"] == "accepted"


def test_a_correction_is_recorded_replayed_and_withdrawn(brain: Brain, taken: str) -> None:
    [made] = rows(brain, "correct", taken, f"{POWER}=1.2", "--reason", "电话核实", "--by", "张三")
    assert (made["old_text"], made["new_text"], made["corrected_by"]) == ("1.2亿", "1.2", "张三")
    assert [r["pending"] for r in rows(brain, "list", "--reason", "type")] == [1]
    [row] = rows(brain, "show", "--reason", "type")
    assert [c["is_applied"] for c in row["corrections"]] == [False]
    [file] = rows(brain, "replay", "gov_electricity")
    assert (file["records_in"], file["records_raw"], file["records_quarantined"]) == (3, 2, 1)
    [row] = rows(brain, "show", "gov_electricity", "--row", "3")
    assert row["state"] == "accepted" and row["record"][POWER] == "1.2亿"
    assert [(c["new_text"], c["is_applied"]) for c in row["corrections"]] == [("1.2", True)]
    assert "已生效 applied" in brain("quarantine", "show", "gov_electricity", "--row", "3")[1]
    assert rows(brain, "replay") == []
    code, out, _ = brain("quarantine", "replay")
    assert code == 0 and out.startswith("nothing to replay")
    rows(brain, "correct", taken, f"{POWER}=", "--withdraw", "--reason", "查无实据")
    assert len(rows(brain, "replay")) == 1
    assert [r["records"] for r in rows(brain, "list", "--reason", "type")] == [1]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("correct", "nowhere-7", "户号=1", "--reason", "x"), 1, "there is no current row nowhere-7"),
        (("correct", "ROW", "电量=1", "--reason", "x"), 2, f"no heading 电量; it has {HEAD}".replace(",", ", ")),
        (("correct", "ROW", "户号=1"), 2, "say why: --reason TEXT is required and not empty"),
        (("correct", "ROW", "户号=1", "--reason", " "), 2, "say why"),
        (("correct", "ROW", "户号=1", "--reason", "x", "--by", ""), 2, "say who corrects"),
        (("correct", "ROW", "户号", "--reason", "x"), 2, "户号: write HEADING=VALUE"),
        (("correct", "ROW", "户号=1", "户号=2", "--reason", "x"), 2, "户号 is given twice"),
        (("correct", "ROW", "户号=3302000002", "--reason", "x"), 1, "'3302000002' already; nothing was recorded"),
        (("correct", "ROW", "户号=", "--withdraw", "--reason", "x"), 1, "has no correction to withdraw"),
        (("correct", "ROW", "户号=1", "--withdraw", "--reason", "x"), 2, "a withdrawal has no new text"),
        (("list", "gov_nothing"), 2, "unknown feed gov_nothing"),
        (("show", "gov_nothing", "--row", "1"), 2, "unknown feed gov_nothing"),
        (("replay", "gov_nothing"), 2, "unknown feed gov_nothing"),
    ],
)  # fmt: skip
def test_what_is_not_possible_is_one_line(
    brain: Brain, taken: str, words: tuple[str, ...], code: int, said: str
) -> None:
    exit_code, out, err = brain("quarantine", *(taken if w == "ROW" else w for w in words))
    assert (exit_code, out) == (code, "")
    [line] = [line for line in err.splitlines() if line.strip()]
    assert line.startswith("brain: ") and said in line


def test_an_empty_home_has_nothing_in_quarantine(brain: Brain) -> None:
    assert brain("quarantine", "list")[:2] == (0, "no records are in quarantine\n")
    assert rows(brain, "show") == [] == rows(brain, "replay")
