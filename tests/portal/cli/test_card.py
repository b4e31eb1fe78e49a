"""``./brain card``: by code or part of a name, as JSON; one clear line if no firm matches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.credit_code import check_character
from tests.portal import card_release as made
from tests.portal.card_release import BOTTOM, EDGE_A, GOOD, NAMES, TOP
from tests.portal.conftest import Brain
from warehouse.releases import Release


def test_json_is_one_object_and_nothing_else(release: Release, brain: Brain) -> None:
    code, out, err = brain("card", GOOD, "--json")
    [sheet] = json.loads(out)
    assert (code, err) == (0, "")
    assert sheet["uscc"] == GOOD and sheet["grade"]["final"]["code"] == "B"
    assert sheet["lift"]["points_missing"] == "9.750001" and sheet["positions"][0]["share"] == "0.700000"
    assert sheet["synthetic"] == "合成数据 Synthetic data" and len(sheet["trend"]) == 5


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            GOOD[:-1] + "X",
            f"校验码 X does not fit the first 17, which would have {check_character(GOOD[:17])}",
        ),
        (GOOD[:-1] + "O", "O never occurs in a credit code"),
        (GOOD[:10] + "0" + GOOD[10:], "19 characters; a credit code has 18"),
        ("91350100M000100Y43", "the code itself is valid; similar codes: none"),
        ("330200000012345", "a registration number by its length; similar codes: none"),
    ],
)
def test_an_unknown_code_is_told_what_is_wrong_with_it(
    release: Release, brain: Brain, code: str, said: str
) -> None:
    exit_code, out, err = brain("card", code)
    assert (exit_code, out) == (2, "") and len(err.splitlines()) == 1
    assert f"the directories of 2020 to 2024 have no enterprise {code}: " in err and said in err
    if code.startswith(GOOD[:10]):
        assert f"similar codes: {GOOD} {NAMES[GOOD]}" in err


@pytest.mark.parametrize(
    "word",
    [" 9133 0203 ma00-0000 01", "９１３３０２０３ＭＡ００００００01", "宁波 甲电器", "甲电器有限公司 "],
)
def test_spaces_case_and_full_width_do_not_matter(release: Release, brain: Brain, word: str) -> None:
    assert NAMES[GOOD] in brain("card", word)[1]


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

    identifier = "identifier_kind_code, identifier, uscc, year, is_disputed"
    with duckdb.connect(str(release.file)) as connection:
        connection.execute(
            f"""CREATE TABLE core.enterprise_identifier AS SELECT * FROM (VALUES
            ('registration_number', '330200000012345', '{GOOD}', '2020', false),
            ('former_uscc', '91330203MA0OLD0001', '{GOOD}', '2021', false),
            ('former_uscc', '91330203MA0OLD0002', '{TOP}', '2020', false),
            ('former_uscc', '91330203MA0OLD0002', '{TOP}', '2022', true),
            ('former_uscc', '91330203MA0OLD0002', '{GOOD}', '2022', true)) t({identifier})"""
        )
    assert NAMES[GOOD] in brain("card", "330200000012345")[1]
    out = brain("card", "91330203MA0OLD0001")[1]
    assert NAMES[GOOD] in out and "查得于 found by: 原信用代码 Credit code before 91330203MA0OLD0001" in out
    code, _, err = brain("card", "91330203MA0OLD0002")
    assert code == 2 and f"is in dispute and identifies nobody; claimed by: {GOOD}, {TOP}" in err


@pytest.mark.parametrize(
    ("disputed", "said"),
    [
        (False, f"吸收合并 Absorption 2023-07-01（甬变〔2023〕1号） 现属 now {TOP} {NAMES[TOP]}"),
        (True, f"吸收合并 Absorption 2023-07-01（甬变〔2023〕1号） 归属有争议 in dispute: {TOP}"),
    ],
)
def test_an_absorbed_firm_says_whose_it_is_now(
    release: Release, brain: Brain, disputed: bool, said: str
) -> None:
    import duckdb

    with duckdb.connect(str(release.file)) as connection:
        connection.execute(
            f"""CREATE TABLE core.succession AS SELECT '{BOTTOM}' AS from_uscc, '{TOP}' AS to_uscc, '2023' AS year,
            DATE '2023-07-01' AS valid_from_date, {disputed} AS is_disputed"""
        )
        connection.execute(
            f"""CREATE TABLE core.identity_event AS SELECT 'e1' AS event_id, '2023' AS year,
            'merge' AS identity_event_kind_code, '{BOTTOM}' AS from_uscc, '{TOP}' AS to_uscc,
            DATE '2023-07-01' AS valid_from_date, '甬变〔2023〕1号' AS document_code"""
        )
    assert said in brain("card", BOTTOM)[1]
