"""``./brain card``: by code or part of a name, as JSON; one clear line if no firm matches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.portal import card_release as made
from tests.portal.card_release import EDGE_A, GOOD, NAMES, TOP
from tests.portal.conftest import Brain
from warehouse.releases import Release


def test_json_is_one_object_and_nothing_else(release: Release, brain: Brain) -> None:
    code, out, err = brain("card", GOOD, "--json")
    [sheet] = json.loads(out)
    assert (code, err) == (0, "")
    assert sheet["uscc"] == GOOD and sheet["grade"]["final"]["code"] == "B"
    assert sheet["lift"]["points_missing"] == "9.750000" and sheet["positions"][0]["share"] == "0.700000"
    assert sheet["synthetic"] == "合成数据 Synthetic data" and len(sheet["trend"]) == 5


def test_an_unknown_code_names_the_most_similar(release: Release, brain: Brain) -> None:
    code, out, err = brain("card", GOOD[:-1] + "X")
    assert (code, out) == (2, "") and len(err.splitlines()) == 1
    assert f"no enterprise {GOOD[:-1]}X; nearest: {NAMES[GOOD]} {GOOD}" in err


def test_an_unknown_name_names_the_most_similar(release: Release, brain: Brain) -> None:
    code, _, err = brain("card", "甲电器股份公司")
    assert code == 2 and f"nearest: {NAMES[GOOD]} {GOOD}" in err and len(err.splitlines()) == 1


def test_a_part_of_a_name_lists_matches(release: Release, brain: Brain) -> None:
    code, out, _ = brain("card", "轴承")
    assert code == 0 and TOP in out and EDGE_A in out and GOOD not in out
    assert "海曙区" in out and "A" in out and "共 2 家" in out and "next: ./brain card CODE" in out
    code, out, _ = brain("card", "轴承", "--json")
    assert [m["uscc"] for m in json.loads(out)] == [TOP, EDGE_A]


def test_the_list_of_matches_is_limited(cold_home: Path, brain: Brain) -> None:
    firms = [
        {**made._enterprise(GOOD, "2024"), "uscc": f"9133020399{n:08}", "enterprise_name": f"同名第{n:03}厂"}
        for n in range(57)
    ]
    made.write(cold_home, core__enterprise=firms)
    code, out, _ = brain("card", "同名")
    assert code == 0 and out.count("同名第") == 20 and "共 57 家" in out and "显示前 20 家" in out
    code, out, err = brain("card", "同名", "--html", str(cold_home / "x.html"))
    assert code == 2 and "57 enterprises" in err and not (cold_home / "x.html").exists()


@pytest.mark.parametrize("word", ["甲电器", "旧名电器", GOOD.lower(), GOOD, f" {GOOD} "])
def test_one_match_is_shown(release: Release, brain: Brain, word: str) -> None:
    code, out, _ = brain("card", word)
    assert code == 0 and NAMES[GOOD] in out and "亩均评价 Per-mu grade 2024" in out


@pytest.mark.parametrize("word", ["%", "_", "'; drop table core.enterprise; --", "$1 ?", "[red]"])
def test_a_search_word_is_never_read_as_sql_pattern_or_markup(
    release: Release, brain: Brain, word: str
) -> None:
    code, _, err = brain("card", word)
    assert code == 2 and len(err.splitlines()) == 1 and word in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("card", ""), "give a credit code or part of a name"),
        (("card", GOOD, "--release", "9"), "there is no release 9; there are 1"),
        (("card", GOOD, "--year", "1999"), "is not in the directory of 1999"),
    ],
)
def test_wrong_usage_is_one_line(release: Release, brain: Brain, words: tuple[str, ...], said: str) -> None:
    code, out, err = brain(*words)
    assert (code, out) == (2, "") and said in err and len(err.splitlines()) == 1


def test_a_former_code_finds_its_firm(release: Release, brain: Brain) -> None:
    """If the release has identifiers; a disputed one finds no firm."""
    import duckdb

    with duckdb.connect(str(release.file)) as connection:
        connection.execute(
            "CREATE TABLE core.enterprise_identifier (identifier VARCHAR, uscc VARCHAR, is_disputed BOOL)"
        )
        connection.execute(
            f"INSERT INTO core.enterprise_identifier VALUES ('330200000012345', '{GOOD}', false)"
        )
        connection.execute(
            f"INSERT INTO core.enterprise_identifier VALUES ('330200000099999', '{TOP}', true)"
        )
    assert NAMES[GOOD] in brain("card", "330200000012345")[1]
    assert brain("card", "330200000099999")[0] == 2
