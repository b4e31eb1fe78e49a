"""A what-if computes what a run would: with nothing changed, the published tables bit by bit."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from portal.queries.release import reading
from portal.queries.whatif import opened
from portal.queries.whatif_rows import Chosen
from portal.what_if import trial
from portal.what_if.movement import STANDING, TABLES
from schemas.contract import contract
from schemas.errors import RejectedError, UsageError
from tests.built_city import one_line, versions
from warehouse import duck
from warehouse.content import content_by_period
from warehouse.releases import open_release
from warehouse.settings import settings

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


def test_a_district_alone_gets_what_it_gets_among_all() -> None:
    """A trial reads only the firms of its districts; all of them together give each the same results."""
    fields = ["cap_ratio=1.1", "quota.shares.D=0.08"]
    together, alone = (trial.answer(ask("2024", fields=fields, district=of)) for of in (None, DISTRICT))
    for name in (name for name in TABLES if name not in STANDING):
        key = contract(name).key
        rows = [
            sorted(
                (
                    {**row, "rule_set_hash": None}
                    for row in table(answer, name)
                    if row["district_code"] == DISTRICT
                ),
                key=lambda row: [str(row[column]) for column in key if column in row],
            )
            for answer in (together, alone)
        ]
        assert rows[0] == rows[1]
        assert rows[0]
        assert {row["district_code"] for row in table(alone, name)} == {DISTRICT}


@pytest.mark.parametrize(
    "fields",
    [
        ["cap_ratio=1.1", "quota.shares.D=0.1", "giant_share=0.9"],
        ["vetoes={}", "protection.veto_overrides=false"],
        ["lists.above_scale.indicators.I1.weight=25", "lists.above_scale.indicators.I2.weight=25"],
    ],
)
def test_population_and_units_are_the_releases_where_no_rule_reaches_them(
    fields: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are left out of the trial; computed all the same, they give the same answer to the last bit."""
    question = ask("2024", fields=fields)
    answer = trial.answer(question)
    movers = trial.path_of(answer) / "movement.parquet"
    reached = [name for name in TABLES if name not in STANDING]
    kept = pq.read_table(movers).sort_by("uscc").to_pylist(), [rows_of(answer, name) for name in reached]
    assert not any((trial.path_of(answer) / name).exists() for name in STANDING)

    shutil.rmtree(trial.path_of(answer))
    monkeypatch.setattr(trial, "_tables", lambda _: TABLES)
    assert trial.answer(question) == answer
    assert all((trial.path_of(answer) / name).exists() for name in STANDING)
    again = pq.read_table(movers).sort_by("uscc").to_pylist(), [rows_of(answer, name) for name in reached]
    assert again == kept


@pytest.mark.parametrize(
    "field",
    ["large_land_mu=5", "tenants.mode=inherit", "protection.new_firm=null", "tax_components=[vat]",
     'exempt_industries=["13"]', "lists.above_scale.indicators.I1.missing=zero"],
)  # fmt: skip
def test_rules_of_standing_reach_population_and_units(field: str) -> None:
    assert trial._tables(ask("2024", fields=[field])) == TABLES


def test_the_same_question_is_answered_from_what_lies_there(monkeypatch: pytest.MonkeyPatch) -> None:
    question = ask(fields=["cap_ratio=1.2"], district=DISTRICT)
    answer = trial.answer(question)
    monkeypatch.setattr("pipeline.trial.compute", lambda *_: pytest.fail("computed again"))
    again = ask("2024", fields=["cap_ratio=1.20"], district=DISTRICT)
    assert trial.answer(again) == answer
    assert ask(fields=["cap_ratio=1.3"], district=DISTRICT).id != answer
    assert not list(trial.folder().glob("*.partial"))


@pytest.fixture
def keeps_one(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BRAIN_WHAT_IF_ANSWERS", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("keeps_one")
def test_a_home_keeps_as_many_answers_as_its_setting_says() -> None:
    first, second, third = (
        ask(fields=[f"cap_ratio={ratio}"], district=DISTRICT) for ratio in ("1.2", "1.3", "1.4")
    )
    trial.answer(first)
    with opened(first.id) as read:
        before = read.movers(page=None)
        trial.answer(second)
        assert read.movers(page=None) == before  # what is read stays
    trial.answer(third)
    assert [path.name for path in trial.folder().iterdir()] == [third.id]
    for gone in (first.id, second.id):
        with pytest.raises(UsageError, match="no longer kept") as error, opened(gone):
            pass
        assert one_line(error.value)
    trial.answer(first)
    with opened(first.id) as read:
        assert read.movers(page=None) == before


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


def table(answer: str, name: str) -> list[dict[str, Any]]:
    """Rows of a table on trial, read without SQL."""
    files = sorted((trial.path_of(answer) / name).glob("*/*.parquet"))
    return [row for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]


def rows_of(answer: str, name: str) -> list[dict[str, Any]]:
    return sorted(table(answer, name), key=lambda row: row["row_id"])


def test_flows_and_money_are_those_of_the_two_tables() -> None:
    """A pays no land-use tax and B a fifth of it (浙政办发〔2019〕62号); D pays 0.3 yuan more for a kWh."""
    answer = trial.answer(ask("2024", fields=["quota.shares.A=0.3", "quota.shares.D=0.1", "cap_ratio=1.1"]))
    after = {row["uscc"]: row["final_grade"] for row in table(answer, "per_mu.enterprise_grade")}
    with reading(open_release()) as query:
        rows = query(
            "SELECT uscc, final_grade FROM per_mu.enterprise_grade WHERE year = '2024' AND evaluation_version = 1"
        )
        before = {row["uscc"]: row["final_grade"] for row in rows}
        firms = query(
            "SELECT uscc, tax_land_use_wan_yuan, power_kwh FROM core.enterprise_year WHERE year = '2024'"
        )
    flows = Counter((before.get(uscc), after.get(uscc)) for uscc in {*before, *after})
    rates = {
        "A": (Decimal(1), Decimal(0)),
        "B": (Decimal("0.8"), Decimal(0)),
        "D": (Decimal(0), Decimal("0.00003")),
    }
    money = {"before": [Decimal(0), Decimal(0)], "after": [Decimal(0), Decimal(0)]}
    for side, grades in (("before", before), ("after", after)):
        for row in firms:
            relief, surcharge = rates.get(grades.get(row["uscc"], ""), (Decimal(0), Decimal(0)))
            money[side][0] += (row["tax_land_use_wan_yuan"] or 0) * relief
            money[side][1] += (row["power_kwh"] or 0) * surcharge
    with opened(answer) as read:
        assert {(flow.before, flow.after): flow.firms for flow in read.flows()} == flows
        [group] = read.groups()
        assert (group.before.relief_wan_yuan, group.before.surcharge_wan_yuan) == pytest.approx(
            money["before"]
        )
        assert [group.after.relief_wan_yuan, group.after.surcharge_wan_yuan] == pytest.approx(money["after"])
        assert group.before.surcharge_wan_yuan != group.after.surcharge_wan_yuan
        movers, _ = read.movers(page=None)
        assert {m.uscc: m.grade_after for m in movers} == {
            uscc: grade for uscc, grade in after.items() if before.get(uscc) != grade
        }


def test_grades_within_a_point_of_an_edge() -> None:
    """Each unit beside the last unit of the next better grade and the first of the next worse one, one by one."""
    answer = trial.answer(ask("2024", fields=["cap_ratio=1.1"]))
    units = [row for row in table(answer, "per_mu.enterprise_grade") if row["rank_in_list"] is not None]
    lists: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in units:
        lists.setdefault((row["district_code"], row["list_code"]), []).append(row)
    expected = {}
    for key, members in lists.items():
        near = 0
        for unit in members:
            better = [m for m in members if m["initial_grade"] < unit["initial_grade"]]
            worse = [m for m in members if m["initial_grade"] > unit["initial_grade"]]
            above = [
                m["total_score"]
                for m in better
                if m["initial_grade"] == max(b["initial_grade"] for b in better)
            ]
            below = [
                m["total_score"]
                for m in worse
                if m["initial_grade"] == min(w["initial_grade"] for w in worse)
            ]
            near += bool(
                (above and min(above) - unit["total_score"] < 1)
                or (below and unit["total_score"] - max(below) < 1)
            )
        expected[key] = (len(members), near)
    with opened(answer) as read:
        found = {
            (row["district_code"], row["list_code"]): (row["units"], row["after"]) for row in read.edges()
        }
    assert found == {key: expected[key] for key in found}
    assert sum(near for _, near in found.values()) == sum(near for _, near in expected.values()) > 0


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
