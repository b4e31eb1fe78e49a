"""Failures that a user can cause: one clear line each, exit code 1 or 2, nothing partly written, nothing lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ingest.register.entries import deliveries
from jobs.per_mu.rules import reading
from pipeline.registry import registry
from schemas import contract as contracts_module
from schemas.register import current_deliveries
from tests.portal.conftest import Brain
from warehouse import tables
from warehouse.settings import CHECKOUT, settings

GOOD = "91350100M000100Y43"
HEAD = "户号,户名,社会信用代码,电量(万千瓦时)"
LINE = f"3302000001,甲,{GOOD},12.5"

Run = tuple[int, str, str]


@pytest.fixture
def brain(home: Path, brain: Brain) -> Brain:
    """``brain("check")``: exit code, standard output and standard error of a command."""
    return brain


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("ingest", "gov_taxes"), 2, "unknown feed gov_taxes; similar: gov_tax, "),
        (("ingest", "xyz"), 2, "unknown feed xyz; ./brain feeds lists all"),
        (("ingest", "gov_tax", "x.csv"), 2, "name the feed and the period of a file"),
        (("ingest", "gov_tax", "nowhere.csv", "--period", "2023"), 1, "nowhere.csv: no such file"),
        (("ingest", "--period", "2024-13"), 2, "--period 2024-13: give a year, month or day, e.g. 2023"),
        (
            ("ingest", "--remap", "--period", "2023-02-30"),
            2,
            "--period 2023-02-30: give a year, month or day",
        ),
        (("feeds", "--today", "2023-02-30"), 2, "--today 2023-02-30: give a day, e.g. 2024-03-31"),
        (
            ("run", "nothing"),
            2,
            "unknown area or table nothing; areas: bulletin, chain, core, per_mu, profile",
        ),
        (("run",), 1, "nothing has been ingested yet; run ./brain ingest first"),
        (("publish",), 1, "was never built; run ./brain run first"),
        (("sql", "-c", "select 1"), 2, "there is no release yet; ./brain demo makes one"),
        (("explain", "per_mu.enterprise_grade", "year=2023"), 2, "there is no release yet"),
        (("rollback", "3"), 2, "there is no release yet"),
        (("demo", "--scale", "99"), 2, "scale 99"),
        (("demo", "--scale", "0.005"), 2, "scale 0.005: give at least 0.01"),
        (("demo", "--until", "soon"), 2, "--until soon: give a day, e.g. 2025-08-15"),
        (("demo", "--until", "2025-02-29"), 2, "--until 2025-02-29: give a day, e.g. 2025-08-15"),
        (
            ("demo", "--until", "2021-06-30"),
            2,
            "2021-06-30: give a day from 2021-07-01, when 2020 is complete, to",
        ),
        (
            ("demo", "--until", "2036-01-01"),
            2,
            "2036-01-01: give a day from 2021-07-01, when 2020 is complete, to",
        ),
    ],
)
def test_wrong_usage_is_one_line(brain: Brain, words: tuple[str, ...], code: int, said: str) -> None:
    exit_code, out, err = brain(*words)
    assert (exit_code, out) == (code, "")
    [line] = lines(err)
    assert line.startswith("brain: ") and said in line


@pytest.mark.parametrize(
    ("period", "said"),
    [
        *((text, "give a year, month or day, e.g. 2023, 2024-03") for text in (
            "202403", "2024-3", "2024-13", "2024年3月", "../../x", "2024-02-30")),
        ("2024-03-01", "2024-03-01 does not suit gov_electricity, which comes yearly, then monthly: it wants"),
        ("2023", "overlaps with 2023-12 (m.csv, delivery "),
    ],
)  # fmt: skip
def test_a_file_with_an_invalid_period_is_refused_before_anything_is_written(
    brain: Brain,
    home: Path,
    period: str,
    said: str,
) -> None:
    for name in ("m.csv", "e.csv"):
        (home.parent / name).write_text(f"{HEAD}\n{LINE}\n", encoding="utf-8")
    assert brain("ingest", "gov_electricity", str(home.parent / "m.csv"), "--period", "2023-12")[0] == 0
    version = tables.version("raw.delivery")
    code, out, err = brain("ingest", "gov_electricity", str(home.parent / "e.csv"), "--period", period)
    [line] = lines(err)
    assert (code, out) == (2, "") and line.startswith("brain: ") and said in line
    assert tables.version("raw.delivery") == version
    folders = [p.name for p in tables.table_path("raw.gov_electricity").iterdir()]
    assert sorted(folders) == ["_delta_log", "period=2023-12"]


def test_a_year_replaces_its_months_if_the_command_says_so(brain: Brain, home: Path) -> None:
    for name in ("m.csv", "y.csv"):
        (home.parent / name).write_text(f"{HEAD}\n{LINE}\n", encoding="utf-8")
    brain("ingest", "gov_electricity", str(home.parent / "m.csv"), "--period", "2023-12")
    words = ("ingest", "gov_electricity", str(home.parent / "y.csv"), "--period", "2023")
    assert brain(*words)[0] == 2
    assert brain(*words, "--replaces")[0] == 0
    current = current_deliveries(deliveries(), contracts_module.feed("gov_electricity"))
    assert [d["period"] for d in current] == ["2023"]
    assert brain("check")[0] == 0


@pytest.mark.parametrize(
    "name", ["a%20b", "50%", "a#b", "a?b", "a*", "a[b]", "a{b}", "a\\b", 'a"b', "a'b", "a$b", "a:b"]
)
def test_a_home_whose_path_engines_would_misread_is_refused(
    brain: Brain,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / name))
    settings.cache_clear()
    code, _, err = brain("status")
    [line] = lines(err)
    assert code == 2 and line.startswith("brain: BRAIN_HOME: ") and "name another folder" in line
    assert not (tmp_path / name).exists()
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "浙江 甬+@=,~(1)-_é.x"))
    settings.cache_clear()
    assert brain("status")[0] == 0


def test_two_files_of_one_period_do_not_silently_replace_each_other(brain: Brain, home: Path) -> None:
    for name, more in (("a.csv", "1"), ("b.csv", "2")):
        (home.parent / name).write_text(f"{HEAD}\n{LINE}{more}\n", encoding="utf-8")
    files = [str(home.parent / name) for name in ("a.csv", "b.csv")]
    code, _, err = brain("ingest", "gov_electricity", *files, "--period", "2023")
    [line] = lines(err)
    assert code == 2 and "would replace the others" in line
    assert brain("ingest", "gov_electricity", files[0], files[0], "--period", "2023")[0] == 0
    assert len(current_deliveries(deliveries(), contracts_module.feed("gov_electricity"))) == 1


@pytest.mark.parametrize("words", [("frobnicate",), ("run", "--sideways"), ("rollback", "three")])
def test_an_unknown_command_or_option_is_exit_code_2(brain: Brain, words: tuple[str, ...]) -> None:
    assert brain(*words)[0] == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty; ask 国网宁波供电公司 to send it again"),
        (f"{HEAD}\n".encode(), "headings but no record"),
        ("户号,户名\n1,2\n".encode(), "no column 社会信用代码"),
        (f"{HEAD}\n{LINE}\n".encode("gb18030"), "not utf-8 as its contract says"),
        (b"\x00\xff\xfe\x00", "not utf-8 as its contract says"),
        (f"{HEAD},户号\n{LINE},1\n".encode(), "appears more than once"),
    ],
    ids=["empty", "no record", "missing column", "wrong encoding", "no text", "column twice"],
)
def test_an_unusable_file_is_refused_and_nothing_is_written(
    brain: Brain,
    home: Path,
    content: bytes,
    said: str,
) -> None:
    path = home.parent / "e.csv"
    path.write_bytes(content)
    code, out, _ = brain("ingest", "gov_electricity", str(path), "--period", "2023", "--json")
    assert code == 1
    assert said in out and '"state": "rejected"' in out
    assert path.read_bytes() == content
    assert not tables.exists("raw.gov_electricity") and not tables.exists("raw.delivery")


def test_an_unreadable_excel_file_is_refused(brain: Brain, home: Path) -> None:
    path = home.parent / "e.xlsx"
    path.write_bytes(b"PK\x03\x04 but no workbook")
    code, out, _ = brain("ingest", "gov_emission", str(path), "--period", "2023", "--json")
    assert code == 1 and "not readable as Excel" in out


def test_the_same_file_again_is_reported_as_repeated(brain: Brain, home: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (home.parent / name).write_text(f"{HEAD}\n{LINE}\n", encoding="utf-8")
    first = brain("ingest", "gov_electricity", str(home.parent / "a.csv"), "--period", "2023", "--json")
    assert first[0] == 0 and '"state": "taken"' in first[1]
    version = tables.version("raw.gov_electricity")
    again = brain("ingest", "gov_electricity", str(home.parent / "b.csv"), "--period", "2023", "--json")
    assert again[0] == 0 and '"state": "repeated"' in again[1] and "the same file as a.csv" in again[1]
    assert tables.version("raw.gov_electricity") == version


def test_a_period_without_data_is_one_line(brain: Brain, home: Path) -> None:
    path = home.parent / "e.csv"
    path.write_text(f"{HEAD}\n{LINE}\n", encoding="utf-8")
    brain("ingest", "gov_electricity", str(path), "--period", "2023")
    code, out, err = brain("run", "per_mu", "--period", "1999")
    assert (code, out) == (1, "")
    assert "no data for period 1999" in lines(err)[-1]


def rule_folder(folder: Path, old: str, new: str) -> Path:
    """The shipped rule sets with one text changed."""
    copied = folder / "rule_sets"
    shutil.copytree(reading.RULE_SETS, copied)
    path = copied / "ningbo-base.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return copied


def test_a_rule_set_whose_weights_do_not_sum_stops_check(
    brain: Brain,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = rule_folder(tmp_path, "I1: {weight: 30", "I1: {weight: 31")
    registry()  # so that every other module has the function as it is
    shipped = reading.load_rule_book
    monkeypatch.setattr(reading, "load_rule_book", lambda own: shipped(folder, own))
    reading.rule_book.cache_clear()
    code, out, err = brain("check")
    reading.rule_book.cache_clear()
    assert (code, out) == (1, "")
    [line] = lines(err)
    assert "weights sum to 101, not to 100" in line and "ningbo-" in line


def test_a_broken_contract_stops_check(
    brain: Brain,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copied = tmp_path / "schemas"
    shutil.copytree(CHECKOUT / "schemas", copied, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = copied / "raw" / "gov_tax.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("unit: 元}", "unit: 斤}", 1), encoding="utf-8")
    monkeypatch.setattr(contracts_module, "SCHEMAS", copied)
    contracts_module.contracts.cache_clear()
    try:
        code, out, err = brain("check")
    finally:
        monkeypatch.undo()
        contracts_module.contracts.cache_clear()
    assert (code, out) == (1, "")
    assert "no factor from 斤 to 万元; add it to schemas/units.yml" in err


def test_check_counts_every_definition(brain: Brain) -> None:
    code, out, _ = brain("check", "--json")
    assert code == 0
    assert [row["definition"].split(" ", 1)[1] for row in json.loads(out)] == [
        "fields", "contracts", "feeds", "jobs", "suites",
        "chain models", "chain rules", "consequences of grades", "low efficiency", "rule sets", "limits of land",
        "rule sets of objects", "scope of objects", "yearly procedure", "profile rules", "promises of land contracts",
        "quotas, rights and carbon code",
    ]  # fmt: skip


def test_an_unexpected_failure_is_one_line_and_its_traceback_goes_to_a_file(
    brain: Brain,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> None:
        raise ValueError("seven\nlines")

    monkeypatch.setattr("portal.queries.definitions.checked_definitions", broken)
    code, out, err = brain("check")
    assert (code, out) == (1, "")
    [line] = lines(err)
    assert "this should not happen: ValueError: seven; details in" in line
    assert "Traceback" in (settings().logs / "error.log").read_text(encoding="utf-8")
