"""The schema ``cn`` of a release file: every published table with Chinese names and titles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from schemas.coded import title
from schemas.contract import Contract, contract, published_contracts
from tests.conventions.test_titles import HAN
from warehouse.chinese import column_name, registers, view_name
from warehouse.releases import open_release

TABLES = published_contracts()
GRADES = contract("per_mu.enterprise_grade")
#: Rows of a table whose values are compared with those of its view.
SAMPLE = 300


@pytest.fixture
def file(built_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(open_release().file), read_only=True) as connection:
        yield connection


def twice(names: list[str]) -> list[str]:
    return [name for name, number in Counter(names).items() if number > 1]


def test_each_table_has_a_name_of_its_own() -> None:
    assert twice([view_name(spec) for spec in TABLES]) == []


@pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.name)
def test_each_column_of_a_table_has_a_title_of_its_own(spec: Contract) -> None:
    assert twice([column_name(spec, c).casefold() for c in spec.columns]) == [], (
        "give the columns other titles (zh)"
    )


@pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.name)
def test_a_view_has_the_rows_of_its_table_with_titles(
    file: duckdb.DuckDBPyConnection, spec: Contract
) -> None:
    view = view_name(spec)
    names = [column_name(spec, c) for c in spec.columns]
    assert [row[0] for row in file.execute(f"DESCRIBE {view}").fetchall()] == names
    assert (
        file.execute(f"SELECT count(*) FROM {view}").fetchone()
        == file.execute(f"SELECT count(*) FROM {spec.name}").fetchone()
    )
    codes = file.execute(f"SELECT * FROM {spec.name} ORDER BY row_id LIMIT {SAMPLE}").fetchall()
    shown = file.execute(f'SELECT * FROM {view} ORDER BY "行标识" LIMIT {SAMPLE}').fetchall()
    for before, after in zip(codes, shown, strict=True):
        for column, code, seen in zip(spec.columns, before, after, strict=True):
            name = column.domain.codes
            if column.name in registers() and spec.name != registers()[column.name][0].name and code:
                assert HAN.search(seen)
            elif name is None or code is None or name == "grade":  # people write the letter itself
                assert seen == code
            elif isinstance(code, list):
                assert seen == [title(name, item).zh for item in code]
            else:
                assert seen == title(name, code).zh and HAN.search(seen)


def test_views_and_columns_have_comments_that_name_the_table(file: duckdb.DuckDBPyConnection) -> None:
    [[of_view]] = file.execute(
        "SELECT comment FROM duckdb_views() WHERE schema_name = 'cn' AND view_name = '企业评价等级'"
    ).fetchall()
    assert of_view.startswith("企业评价等级 | ") and "per_mu.enterprise_grade" in of_view
    [[of_column]] = file.execute(
        "SELECT comment FROM duckdb_columns() WHERE schema_name = 'cn' AND table_name = '企业评价等级' "
        "AND column_name = '区县'"
    ).fetchall()
    assert of_column.startswith("区县代码 | District. ") and "Column district_code of" in of_column


def test_the_file_may_be_attached_under_another_name(built_home: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{open_release().file}' AS other (READ_ONLY)")
        found = connection.execute('SELECT DISTINCT "区县" FROM other.cn."企业评价等级"').fetchall()
    assert found and all(HAN.search(district) for (district,) in found)
