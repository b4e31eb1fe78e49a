"""Drafts of a release: what is kept of the last file, what is copied, and the content of published tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from schemas.contract import contract
from tests.expectations.good_city import row_for
from warehouse import draft, duck, releases, tables
from warehouse.content import Content, content, content_by_period, total
from warehouse.releases import Release, published_path
from warehouse.settings import settings

SPEC = contract("per_mu.enterprise_grade")
OTHER = contract("core.parcel")
Told = list[tuple[str, int]]


def write(spec: Any, rows: Mapping[str, int], marked: str = "") -> None:
    """Replace periods of a staged table: period → number of rows; their keys begin with ``marked``."""
    tables.create_if_absent(spec)
    key = next(c for c in spec.key if c != spec.period)
    for period, count in rows.items():
        made = [row_for(spec, **{spec.period: period, key: f"{marked}{n:03d}"}) for n in range(count)]
        write_deltalake(
            str(tables.table_path(spec.name)),
            pa.Table.from_pylist(made, spec.arrow_schema()),
            mode="overwrite",
            predicate=f"{spec.period} = '{period}'",
        )


def release(number: int) -> tuple[Release, Told]:
    """Publish a release of both tables without a gate; return it with the tables and rows copied."""
    told: Told = []
    last = releases.last_release()
    pins = {s.name: (tables.table_path(s.name), tables.version(s.name)) for s in (SPEC, OTHER)}
    with draft.draft(pins, lambda name, rows: told.append((name, rows)), last) as made:
        entries = {
            name: {
                "version": draft.write_published(made, name, last),
                "rows": total(periods.values()).rows,
                "content_hash": total(periods.values()).hash,
                "periods": {period: held.as_text() for period, held in periods.items()},
            }
            for name, periods in made.contents.items()
        }
        with duck.connect(made.path) as connection:
            connection.execute("CREATE SCHEMA release; CREATE TABLE release.info AS SELECT 1 AS key")
        file = settings().releases / f"release-{number}.duckdb"
        made.path.replace(file)
    checksum = releases.checksum(file)
    inputs = {name: version for name, (_, version) in pins.items()}
    made_from = {"tables": entries, "inputs": inputs, "file": {"name": file.name, "sha256": checksum}}
    return releases.create_manifest(number, made_from), told


def content_of_file(release: Release) -> dict[str, dict[str, Content]]:
    """Content of the release's file by table, computed from its rows."""
    with duck.connect(release.file, read_only=True) as connection:
        return {spec.name: content_by_period(connection, spec) for spec in (SPEC, OTHER)}


def assert_has_staged_content(release: Release) -> None:
    in_file = content_of_file(release)
    assert in_file == release.contents
    for spec in (SPEC, OTHER):
        for path, version in (
            (tables.table_path(spec.name), tables.version(spec.name)),
            (published_path(spec.name), release.tables[spec.name].version),
        ):
            with duck.connect() as connection:
                connection.execute(f"CREATE SCHEMA {spec.area}")
                connection.register("held", DeltaTable(str(path), version=version).to_pyarrow_table())
                connection.execute(f"CREATE VIEW {spec.name} AS SELECT * FROM held")
                assert content(connection, spec) == total(in_file[spec.name].values()), path


@pytest.fixture
def first(home: Path) -> Release:
    write(SPEC, {"2022": 40, "2023": 50, "2024": 60})
    write(OTHER, {"2023": 5, "2024": 5})
    made, told = release(1)
    assert told == [(SPEC.name, 150), (OTHER.name, 10)]
    assert_has_staged_content(made)
    return made


def periods_written(name: str) -> set[str]:
    """Periods to which the last version of a published table added files."""
    log = sorted((published_path(name) / "_delta_log").glob("*.json"))[-1]
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return {next(iter(e["add"]["partitionValues"].values())) for e in entries if "add" in e}


def test_only_the_period_that_changed_is_copied_and_published(first: Release) -> None:
    write(SPEC, {"2023": 55}, "new")
    second, told = release(2)
    assert told == [(SPEC.name, 55)]
    assert_has_staged_content(second)
    assert periods_written(SPEC.name) == {"2023"}
    assert second.tables[SPEC.name].version == first.tables[SPEC.name].version + 1
    assert second.tables[OTHER.name] == first.tables[OTHER.name]
    assert content_of_file(first) == first.contents  # a published release does not change


def test_added_and_removed_periods_and_an_emptied_table(first: Release) -> None:
    write(SPEC, {"2025": 7})
    DeltaTable(str(tables.table_path(SPEC.name))).delete("year = '2022'")
    DeltaTable(str(tables.table_path(OTHER.name))).delete()
    second, told = release(2)
    assert told == [(SPEC.name, 7), (OTHER.name, 0)]
    assert set(second.contents[SPEC.name]) == {"2023", "2024", "2025"} and second.contents[OTHER.name] == {}
    assert_has_staged_content(second)
    write(OTHER, {"2024": 3})
    third, told = release(3)
    assert told == [(OTHER.name, 3)]
    assert_has_staged_content(third)


def test_the_same_rows_in_other_files_are_copied_and_not_published(first: Release) -> None:
    write(SPEC, {"2023": 50})
    second, told = release(2)
    assert told == [(SPEC.name, 50)]
    assert second.tables == first.tables
    assert_has_staged_content(second)


def test_a_published_table_with_other_rows_than_the_last_release_is_rewritten(first: Release) -> None:
    write(SPEC, {"2023": 55}, "new")
    # a publisher was killed after it wrote other rows and before it created its release
    write_deltalake(
        str(published_path(SPEC.name)),
        pa.Table.from_pylist([row_for(SPEC, year="2022", uscc="stray")], SPEC.arrow_schema()),
        mode="append",
    )
    second, _ = release(2)
    assert_has_staged_content(second)
    assert periods_written(SPEC.name) == {"2022", "2023", "2024"}


@pytest.mark.parametrize("fault", ["file", "checksum", "periods", "inputs"])
def test_what_cannot_be_proven_unchanged_is_copied_again(first: Release, fault: str) -> None:
    path = settings().releases / "manifest-1.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    if fault == "file":
        first.file.unlink()
    elif fault == "checksum":
        manifest["file"]["sha256"] = "0" * 64
    elif fault == "periods":  # as in manifests of older releases
        for entry in manifest["tables"].values():
            del entry["periods"]
    else:
        del manifest["inputs"][SPEC.name]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    second, told = release(2)
    assert dict(told)[SPEC.name] == 150
    assert_has_staged_content(second)


def test_a_file_is_built_anew_where_nearly_all_has_changed(first: Release) -> None:
    write(SPEC, {"2022": 41, "2023": 51, "2024": 61}, "new")
    second, told = release(2)
    assert told == [(SPEC.name, 153), (OTHER.name, 10)]
    assert_has_staged_content(second)


def test_many_corrections_do_not_make_the_file_grow(home: Path) -> None:
    write(SPEC, {"2022": 20_000, "2023": 20_000, "2024": 20_000})
    write(OTHER, {"2024": 5})
    sizes = []
    for number in range(1, 9):
        write(SPEC, {"2023": 20_000}, str(number))
        made, _ = release(number)
        sizes.append(made.file.stat().st_size)
    assert max(sizes) < 1.8 * sizes[0]


def test_every_writer_leaves_a_file_its_small_row_groups(tmp_path: Path) -> None:
    """A second connection with DuckDB's own size would join them, and leave the space of the first ones unused."""
    file = tmp_path / "release.duckdb"
    for name in ("first", "second"):
        with duck.building(file) as connection:
            connection.execute(f"CREATE TABLE {name} AS SELECT range AS n FROM range({3 * duck.GROUP_ROWS})")
    with duck.connect(file, read_only=True) as connection:
        groups = connection.execute(
            "SELECT max(count) FROM pragma_storage_info('first') WHERE segment_type <> 'VALIDITY'"
        ).fetchall()
    assert groups == [(duck.GROUP_ROWS,)]
