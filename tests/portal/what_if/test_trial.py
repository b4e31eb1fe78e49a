"""A what-if computes what a run would: with nothing changed, the published tables bit by bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from portal.queries.release import reading
from portal.queries.whatif import Chosen, opened
from portal.what_if import trial
from portal.what_if.movement import TABLES
from schemas.contract import contract
from schemas.errors import RejectedError, UsageError
from tests.built_city import one_line, versions
from warehouse import duck
from warehouse.content import content_by_period
from warehouse.releases import open_release

pytestmark = pytest.mark.usefixtures("built_copy")
DISTRICT = "330282"


def ask(year: str | None = None, **given: Any) -> trial.Question:
    release = open_release()
    with reading(release) as query:
        return trial.ask(query, release, year, **given)


def contents(answer: str, year: str) -> dict[str, str]:
    """Canonical hash of each table on trial."""
    where, found = trial.path_of(answer), {}
    with duck.connect() as connection:
        connection.execute("CREATE SCHEMA per_mu")
        for name in TABLES:
            files = duck.literal(f"{where}/{name}/*/*.parquet")
            connection.execute(
                f"CREATE VIEW {name} AS FROM read_parquet({files}, hive_partitioning = true, "
                "hive_types = {year: VARCHAR})"
            )
            found[name] = content_by_period(connection, contract(name))[year].hash
    return found


def test_nothing_changed_is_bit_identical_to_the_published_tables() -> None:
    release = open_release()
    before = versions()
    for year in ("2024", "2022"):
        question = ask(year, fields=["large_land_mu=3"])
        assert question.changes == ()
        answer = trial.answer(question)
        assert contents(answer, year) == {name: release.contents[name][year].hash for name in TABLES}
        with opened(answer) as read:
            assert read.movers(page=None) == ([], 0)
            [group] = read.groups()
            assert group.before == group.after
            assert group.before.graded
    assert versions() == before


def test_the_same_question_is_answered_from_what_lies_there(monkeypatch: pytest.MonkeyPatch) -> None:
    question = ask(fields=["cap_ratio=1.2"], district=DISTRICT)
    answer = trial.answer(question)
    monkeypatch.setattr("pipeline.trial.compute", lambda *_: pytest.fail("computed again"))
    again = ask("2024", fields=["cap_ratio=1.20"], district=DISTRICT)
    assert trial.answer(again) == answer
    assert ask(fields=["cap_ratio=1.3"], district=DISTRICT).id != answer
    assert not list(trial.folder().glob("*.partial"))


def test_a_file_gives_other_rules_to_the_districts_that_it_names(tmp_path: Path) -> None:
    rules = tmp_path / "cixi-trial.yml"
    rules.write_text(
        "extends: ningbo-cixi\nyears: [2024]\nquota: {shares: {A: 0.10, B: 0.40, C: 0.40, D: 0.10}}\n",
        encoding="utf-8",
    )
    answer = trial.answer(ask("2024", file=rules))
    with opened(answer) as read, reading(open_release()) as query:
        movers, total = read.movers(page=None)
        assert total == len(movers) > 0
        assert {mover.district_code for mover in movers} == {DISTRICT}
        assert {mover.cause_code for mover in movers} <= {"quota", "veto", "status"}
        [group] = read.groups(Chosen(district=DISTRICT))
        [published] = query(
            "SELECT count(*) AS n FROM per_mu.enterprise_grade WHERE year = '2024' AND district_code = ?",
            DISTRICT,
        )
        assert group.before.graded == published["n"]
        assert group.after.grades["A"] < group.before.grades["A"]
    told = json.loads((trial.path_of(answer) / "summary.json").read_text(encoding="utf-8"))
    assert {c["field"] for c in told["rules"][0]["changed"]} >= {"quota.shares.A", "quota.shares.D"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (["quota.shares.A=0.9"], "quota"),
        (["lists.above_scale.indicators.I1.weight=31"], "weights sum to 101"),
        (["cap_ration=2"], "cap_ration"),
        (["cap_ratio"], "path.to.field=value"),
        (["tax_components=[]"], "tax_components"),
    ],
)
def test_a_wrong_rule_is_one_line_with_its_field(fields: list[str], told: str) -> None:
    with pytest.raises((RejectedError, UsageError)) as error:
        ask(fields=fields, district=DISTRICT)
    assert told in one_line(error.value)


def test_a_year_without_evaluation_is_refused() -> None:
    with pytest.raises(UsageError, match="2031"):
        ask("2031", fields=["cap_ratio=2"])
