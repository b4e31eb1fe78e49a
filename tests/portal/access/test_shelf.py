"""Releases opened for viewers: what each sees, and releases that come and go while they are read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from portal.access.answers import Answers
from portal.access.shelf import OPEN_CUTS, OPEN_FILES, Shelf
from portal.access.viewer import VISITOR, Viewer
from portal.card import sheet
from schemas.errors import UsageError
from warehouse.releases import open_release, rollback

CITY = Viewer("city", "city")
STATISTICS = Viewer("statistics", "city", rights=frozenset({"statistics"}))
CIXI = Viewer("cixi", "district", "330282")


@pytest.fixture
def shelf(built_home: Path) -> Iterator[Shelf]:
    opened = Shelf()
    yield opened
    opened.close()


def numbers(shelf: Shelf, viewer: Viewer, sql: str) -> dict[str, int]:
    with shelf.reading(shelf.release(), viewer.cut) as query:
        return query(sql)[0]


GRADES = "SELECT count(*) AS n, count(total_score) AS scores FROM per_mu.enterprise_grade"


def test_rows_and_statistics_by_role(shelf: Shelf) -> None:
    with shelf.whole(shelf.release()) as whole:
        [all_rows] = whole(GRADES)
        [own] = whole(f"{GRADES} WHERE district_code = '330282'")
    assert numbers(shelf, STATISTICS, GRADES) == all_rows
    seen = numbers(shelf, CITY, GRADES)
    assert seen["n"] == all_rows["n"]
    assert 0 < seen["scores"] < all_rows["scores"], "some firms consent and some do not"
    district = numbers(shelf, CIXI, GRADES)
    assert district["n"] == own["n"] < all_rows["n"]
    assert numbers(shelf, VISITOR, GRADES) == {"n": 0, "scores": 0}


def test_a_condition_on_a_withheld_figure_finds_nothing(shelf: Shelf) -> None:
    withheld = "SELECT count(*) AS n FROM per_mu.enterprise_grade WHERE statistics_withheld"
    assert numbers(shelf, CITY, withheld)["n"] > 0
    assert numbers(shelf, CITY, f"{withheld} AND total_score > -1000000")["n"] == 0


def test_sums_over_few_firms_are_shown_to_the_statistics_office_alone(shelf: Shelf) -> None:
    few = "SELECT count(*) AS n FROM chain.gap WHERE reporting_count < 3 AND output_wan_yuan IS NOT NULL"
    assert numbers(shelf, STATISTICS, few)["n"] > 0
    assert numbers(shelf, CITY, few)["n"] == 0


def test_a_firm_sees_its_own_sheet_as_the_statistics_office_does(shelf: Shelf) -> None:
    release = shelf.release()
    with shelf.whole(release) as whole:
        firms = whole(
            """SELECT uscc FROM per_mu.enterprise_grade WHERE list_code = 'above_scale' AND rank_in_list IS NOT NULL
            AND year = (SELECT max(year) FROM per_mu.enterprise_grade) ORDER BY hash(uscc) LIMIT 5"""
        )
    assert len(firms) == 5
    for firm in firms:
        uscc = firm["uscc"]
        with (
            shelf.reading(release, Viewer("own", "enterprise", uscc).cut) as own,
            shelf.reading(release, STATISTICS.cut) as full,
        ):
            mine, theirs = sheet.gather(own, 1, uscc), sheet.gather(full, 1, uscc)
            assert mine.grade == theirs.grade
            assert mine.lift == theirs.lift
            assert mine.trend == theirs.trend
            assert mine.score == theirs.score
            assert own("SELECT DISTINCT uscc FROM core.enterprise") == [{"uscc": uscc}]
            assert own("SELECT count(*) AS n FROM per_mu.enterprise_grade WHERE uscc <> ?", uscc)[0]["n"] == 0


def test_a_new_release_is_seen_at_once_and_readers_keep_theirs(built_copy: Path) -> None:
    shelf = Shelf()
    first = shelf.release()
    with shelf.reading(first, CITY.cut) as query:
        rollback(1)
        assert shelf.release().number == 2
        assert query("SELECT count(*) AS n FROM core.enterprise")[0]["n"] > 0
    assert shelf.release(1).number == 1
    shelf.close()


def test_a_consent_that_was_withdrawn_since_then_opens_no_older_release(built_copy: Path) -> None:
    folder = built_copy / "releases"
    second = folder / "release-2.duckdb"
    shutil.copy(folder / "release-1.duckdb", second)
    with duckdb.connect(str(second)) as file:
        file.execute("DELETE FROM core.consent")
    manifest = json.loads((folder / "manifest-1.json").read_text())
    manifest |= {"release": 2, "file": {"name": second.name, "bytes": second.stat().st_size, "sha256": ""}}
    sql = f"""{GRADES} g WHERE EXISTS (SELECT 1 FROM core.consent_state s
        WHERE s.uscc = g.uscc AND s.year = g.year AND s.per_mu_consent_code = 'given')"""
    shelf = Shelf()
    try:
        with shelf.reading(shelf.release(1), CITY.cut) as query:
            assert query(sql)[0]["scores"] > 0
        (folder / "manifest-2.json").write_text(json.dumps(manifest))
        for number in (1, 2):
            with shelf.reading(shelf.release(number), CITY.cut) as query:
                assert query(sql)[0]["n"] > 0
                assert query(sql)[0]["scores"] == 0
        with shelf.reading(shelf.release(1), STATISTICS.cut) as query:
            assert query(sql)[0]["scores"] > 0
    finally:
        shelf.close()


def test_rows_whose_key_is_withheld_are_not_listed(shelf: Shelf) -> None:
    tags = "SELECT count(*) AS n, count(tag_code) AS tags FROM profile.enterprise_tag"
    seen, all_tags = numbers(shelf, CITY, tags), numbers(shelf, STATISTICS, tags)
    assert 0 < seen["n"] == seen["tags"] < all_tags["n"]


def test_a_release_that_is_removed_is_read_to_the_end_by_who_reads_it(built_copy: Path) -> None:
    shelf = Shelf()
    release = shelf.release()
    with shelf.reading(release, CITY.cut) as query:
        release.file.unlink()
        assert query("SELECT count(*) AS n FROM core.enterprise")[0]["n"] > 0
    with pytest.raises(Exception, match="does not exist"):
        shelf.release(1)
    shelf.close()


def test_an_unknown_release_is_refused(shelf: Shelf) -> None:
    with pytest.raises(UsageError, match="no release 99"):
        shelf.release(99)


def test_what_nobody_reads_is_closed(shelf: Shelf) -> None:
    release = open_release()
    codes = [f"3302{n:05d}" for n in range(OPEN_CUTS + 5)]
    for code in codes:
        cut = Viewer("any", "city").cut
        with shelf.reading(release, type(cut)("town", code)) as query:
            assert query("SELECT count(*) AS n FROM core.enterprise")[0]["n"] == 0
    assert len(shelf._cuts) <= OPEN_CUTS
    assert len(shelf._files) <= OPEN_FILES


def test_consents_of_another_day_are_other_consents(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingest.register.today import Today

    early = Today(date(2000, 1, 1), is_synthetic=True)
    today_scores = numbers(shelf, CITY, GRADES)["scores"]
    monkeypatch.setattr("portal.access.shelf.today", lambda: early)
    assert numbers(shelf, CITY, GRADES)["scores"] < today_scores, "no consent was given yet"


def test_kept_answers_are_the_callers_own_and_bounded() -> None:
    answers = Answers(most=10)
    asked: list[str] = []

    def ask(sql: str) -> list[dict[str, int]]:
        asked.append(sql)
        return [{"n": len(asked)}]

    first = answers.rows("a", "x", lambda: ask("x"))
    first[0]["n"] = 99
    assert answers.rows("a", "x", lambda: ask("x")) == [{"n": 1}]
    assert answers.rows("b", "x", lambda: ask("x")) == [{"n": 2}], "another catalogue has other rows"
    for n in range(20):
        answers.rows("a", f"y{n}", lambda: ask("y"))
    answers.rows("a", "x", lambda: ask("again"))
    assert asked[-1] == "again"
