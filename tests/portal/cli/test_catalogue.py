"""``./brain tables`` and ``describe``: a release says what it contains."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

from portal.queries import catalogue
from portal.queries.release import Query
from schemas.contract import contract, published_contracts
from tests.portal.conftest import Brain
from warehouse import duck
from warehouse.releases import Release, open_release

GRADES = "per_mu.enterprise_grade"


def test_every_published_table_is_listed_with_titles_and_rows(built_home: Path, brain: Brain) -> None:
    code, out, err = brain("tables", "--json")
    assert code == 0, err
    listed = {row["table"]: row for row in json.loads(out)}
    opened = open_release()
    for spec in published_contracts():
        row = listed[spec.name]
        assert (row["zh"], row["en"]) == (spec.title.zh, spec.title.en)
        assert row["cn"] == f"cn.{spec.title.zh}"
        assert row["rows"] == opened.tables[spec.name].rows and row["columns"] == len(spec.columns)
    assert [name for name in listed if name.startswith("release.")] == list(listed)[-9:]


def test_a_table_is_described_as_its_contract_says(built_home: Path, brain: Brain) -> None:
    code, out, err = brain("describe", GRADES, "--json")
    assert code == 0, err
    rows = json.loads(out)
    assert [row["column"] for row in rows] == contract(GRADES).column_names
    score = next(row for row in rows if row["column"] == "final_grade")
    column = contract(GRADES).column("final_grade")
    assert (score["zh"], score["en"], score["description"]) == (column.zh, column.en, column.description)
    assert (score["type"], score["code_list"]) == ("varchar", "grade")
    assert score["sensitivity"] == "public" and "per_mu.indicator_value.score" in score["made_of"]
    code, out, _ = brain("describe", "release.info", "--json")
    assert [row["column"] for row in json.loads(out)] == ["key", "value"]
    assert all(row["zh"] and row["description"] for row in json.loads(out))


def test_a_view_with_chinese_names_is_described(built_home: Path, brain: Brain) -> None:
    code, out, err = brain("describe", "cn.企业评价等级", "--json")
    assert code == 0, err
    grade = next(row for row in json.loads(out) if row["column"] == "调档后等级")
    assert (
        grade["zh"] == "调档后等级"
        and "Column final_grade of per_mu.enterprise_grade" in grade["description"]
    )


def test_a_release_says_its_date(built_home: Path, brain: Brain) -> None:
    code, out, _ = brain("sql", "--json", "-c", "select value from release.info where key = 'date'")
    [row] = json.loads(out)
    assert code == 0 and date.fromisoformat(row["value"]) <= datetime.now(UTC).date()


def test_a_person_reads_them_in_a_terminal(built_home: Path, brain: Brain) -> None:
    _, out, _ = brain("tables")
    assert "Tables of release 1" in out and "企业评价等级" in out and "next: ./brain describe TABLE" in out
    _, out, _ = brain("describe", GRADES)
    assert "Columns of per_mu.enterprise_grade" in out and "from release.code where list = 'grade'" in out


def test_a_person_reads_what_a_column_shows_and_is_made_of(built_home: Path, brain: Brain) -> None:
    _, out, _ = brain("describe", "chain.node_metrics")
    line = next(line for line in out.splitlines() if " comparable_output_wan_yuan " in line)
    # the strictest of four first
    assert (
        " internal " in line
        and "core.enterprise_month.output_last_year_wan_yuan, core.enterprise_year." in line
    )
    assert "+1" in line
    _, out, _ = brain(
        "sql", "--json", "-c",
        "from release.dictionary where table_name = 'per_mu.baseline' and column_name = 'value'",
    )  # fmt: skip
    [row] = json.loads(out)
    assert (row["sensitivity"], row["legal_basis"], row["rests_on_consent"]) == (
        "public",
        "statistics_only",
        False,
    )
    assert (row["counted_by"], row["least_firms"]) == ("unit_count", 3) and row["disclosed_because"]


def test_a_release_that_does_not_tell_it_is_still_described() -> None:
    with duck.connect() as connection:
        connection.execute(
            "CREATE SCHEMA core; CREATE TABLE core.parcel (year VARCHAR); CREATE SCHEMA release"
        )
        connection.execute(
            """CREATE TABLE release.dictionary AS SELECT 'core.parcel' AS table_name, 'year' AS column_name,
            'string' AS type, NULL AS unit, '年度' AS title_zh, 'Year' AS title_en, 'The year.' AS description,
            NULL AS code_list, 'public' AS sensitivity"""
        )
        [column] = catalogue.columns(Query(connection), "core.parcel")
    assert (column.column, column.zh, column.sensitivity, column.made_of) == ("year", "年度", "public", ())


def test_an_unknown_table_is_one_line_with_similar_names(release: Release, brain: Brain) -> None:
    code, _, err = brain("describe", "per_mu.enterprise_grades")
    said = "brain: the release has no table per_mu.enterprise_grades; similar: per_mu.enterprise_grade, "
    assert code == 2 and err.startswith(said) and err.endswith("; ./brain tables lists all\n")
