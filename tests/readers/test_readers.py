"""Independent readers: a release in stock DuckDB, delta-rs and polars."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from pipeline.registry import registry
from schemas.contract import contract
from tests.built_city import WITHOUT_ROWS
from warehouse import duck
from warehouse.releases import Release, open_release
from warehouse.settings import CHECKOUT, settings

PUBLISHED = list(registry())


@pytest.fixture
def release(built_home: Path) -> Release:
    return open_release()


@pytest.fixture
def file(release: Release) -> Iterator[duckdb.DuckDBPyConnection]:
    """The release file as an analyst opens it: without settings and extensions."""
    with duckdb.connect(str(release.file), read_only=True) as connection:
        yield connection


def rows_of(table: pa.Table, name: str) -> list[tuple[object, ...]]:
    """A table's rows in a form that is the same for all readers, in key order."""
    spec = contract(name)
    assert table.column_names == spec.column_names
    plain = table.cast(spec.arrow_schema()).sort_by([(key, "ascending") for key in spec.key])
    return [tuple(row.values()) for row in plain.to_pylist()]


# --- the release file --------------------------------------------------------------------------------


def test_the_file_opens_read_only_and_needs_no_extension(
    file: duckdb.DuckDBPyConnection, release: Release
) -> None:
    counted = {name: file.execute(f"SELECT count(*) FROM {name}").fetchone() for name in PUBLISHED}
    assert counted == {name: (table.rows,) for name, table in release.tables.items()}
    assert {name for name, row in counted.items() if row == (0,)} == WITHOUT_ROWS
    with pytest.raises(duckdb.InvalidInputException, match="read-only"):
        file.execute("CREATE TABLE mine (a INT)")
    views = file.execute("SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    for schema, view in views:  # each reads tables of the file alone
        file.execute(f'SELECT * FROM {schema}."{view}" LIMIT 1').fetchall()


def test_the_file_is_written_for_duckdb_1_2_and_later(release: Release) -> None:
    """The header is 8 bytes of checksum, "DUCK", then the storage version: 65 is that of 1.2; 1.4 reads up to 67."""
    with release.file.open("rb") as content:
        header = content.read(20)
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") == 65


def test_every_table_and_column_has_its_comment_in_both_languages(file: duckdb.DuckDBPyConnection) -> None:
    tables = file.execute("SELECT schema_name || '.' || table_name, comment FROM duckdb_tables()").fetchall()
    columns = file.execute(
        "SELECT schema_name || '.' || table_name || '.' || column_name, comment FROM duckdb_columns() "
        "WHERE NOT internal"
    ).fetchall()
    assert {name for name, _ in tables} >= {*PUBLISHED, "release.info", "release.verdict"}
    wanted = {f"{name}.{column}" for name in PUBLISHED for column in contract(name).column_names}
    assert {name for name, _ in columns} >= wanted
    for name, text in [*tables, *columns]:
        assert text is not None, name
        chinese, bar, english = text.partition(" | ")
        assert bar and any("\u4e00" <= c <= "\u9fff" for c in chinese), (name, text)
        assert any(c.isascii() and c.isalpha() for c in english), (name, text)


def test_the_file_states_its_release_scope_and_code(
    file: duckdb.DuckDBPyConnection, release: Release
) -> None:
    info = dict(file.execute("SELECT key, value FROM release.info").fetchall())
    assert info["release"] == "1"
    assert "合成数据" in info["scope_zh"] and info["scope_en"].startswith("Synthetic data")
    assert info["code"] == release.manifest["code_version"]
    assert release.manifest["synthetic"] is True


def test_a_home_without_the_demo_city_is_not_synthetic(built_copy: Path) -> None:
    from pipeline.release_tables import is_synthetic

    assert is_synthetic()
    (settings().landing / ".demo_city.json").unlink()
    assert not is_synthetic()


def test_the_file_contains_dictionary_verdicts_quarantine_and_rule_sets(
    file: duckdb.DuckDBPyConnection, release: Release
) -> None:
    dictionary = file.execute("SELECT table_name, column_name, unit FROM release.dictionary").fetchall()
    assert {(t, c) for t, c, _ in dictionary} == {
        (name, column) for name in PUBLISHED for column in contract(name).column_names
    }
    verdicts = file.execute("SELECT count(*) FROM release.verdict").fetchone()
    assert verdicts == (release.manifest["gate"]["expectations"],)
    refused = file.execute(
        "SELECT sum(records) FROM release.quarantine WHERE reason = 'uscc:check'"
    ).fetchone()
    assert refused is not None and refused[0] > 0
    rule_sets = dict(file.execute("SELECT rule_set_id, rule_set_hash FROM release.rule_set").fetchall())
    assert rule_sets == release.manifest["rule_sets"]
    [(unknown,)] = file.execute(
        "SELECT count(*) FROM per_mu.enterprise_grade g "
        "ANTI JOIN release.code c ON c.list = 'grade' AND c.code = g.final_grade"
    ).fetchall()
    assert unknown == 0


def test_rows_are_sorted_by_descending_period_and_by_key(file: duckdb.DuckDBPyConnection) -> None:
    for name in PUBLISHED:
        spec = contract(name)
        assert spec.period is not None
        key = [c for c in spec.key if c != spec.period]
        wanted = ", ".join([f"{spec.period} DESC", *key])
        found = file.execute(f"SELECT {', '.join(spec.key)} FROM {name}").fetchall()
        assert (
            found == file.execute(f"SELECT {', '.join(spec.key)} FROM {name} ORDER BY {wanted}").fetchall()
        ), name


# --- the published Delta tables ----------------------------------------------------------------------


def test_opening_a_release_needs_no_spark(built_home: Path, release: Release) -> None:
    code = (
        "import sys\n"
        "from warehouse.releases import open_release\n"
        "for t in open_release().tables.values(): print(t.name, t.path, t.version, t.rows)\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('pyspark', 'jobs')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    *lines, loaded = done.stdout.splitlines()
    assert loaded == "[]"
    assert lines == [f"{t.name} {t.path} {t.version} {t.rows}" for t in release.tables.values()]
    assert len(lines) == len(PUBLISHED)
    assert all((t.path / "_delta_log").is_dir() for t in release.tables.values())


@pytest.mark.parametrize("name", PUBLISHED)
def test_all_readers_see_the_same_rows(file: duckdb.DuckDBPyConnection, release: Release, name: str) -> None:
    table = release.tables[name]
    path, version = str(table.path), table.version
    file.execute("SET TimeZone = 'UTC'")
    wanted = rows_of(file.execute(f"SELECT * FROM {name}").to_arrow_table(), name)
    assert len(wanted) == table.rows
    delta_rs = DeltaTable(path, version=version).to_pyarrow_table()
    assert rows_of(delta_rs, name) == wanted
    assert rows_of(pl.read_delta(path, version=version).to_arrow(), name) == wanted
    scanned = pl.scan_delta(path, version=version).collect().to_arrow()
    assert rows_of(scanned, name) == wanted
    with duck.connect() as other:
        duck.load_delta(other)
        found = other.execute(f"SELECT * FROM delta_scan('{path}', version := {version})").to_arrow_table()
    assert rows_of(found, name) == wanted


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_tables_are_plain_delta(release: Release, name: str) -> None:
    """Reader version 1, which every reader supports, comments on every column, the contract's NOT NULL."""
    table = DeltaTable(str(release.tables[name].path), version=release.tables[name].version)
    assert table.protocol().min_reader_version == 1
    spec = contract(name)
    for field, column in zip(table.schema().fields, spec.columns, strict=True):
        assert (field.name, field.nullable) == (column.name, not column.required)
        assert " | " in field.metadata["comment"]
    assert " | " in table.metadata().description


def test_an_old_release_is_still_readable_by_its_versions_after_the_next(changed_copy: Path) -> None:
    """A reader of version N keeps its rows."""
    from pipeline.publish import publish
    from tests.pipeline.test_publish import judged_by

    old = open_release()
    name = "per_mu.indicator_value"
    before = pl.read_delta(str(old.tables[name].path), version=old.tables[name].version)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.publish._judge", lambda *_: judged_by(old))
        new = publish().release
    assert new.tables[name].version > old.tables[name].version
    again = pl.read_delta(str(old.tables[name].path), version=old.tables[name].version)
    assert again.equals(before)
    assert not pl.read_delta(str(new.tables[name].path), version=new.tables[name].version).equals(before)
