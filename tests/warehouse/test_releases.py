"""The canonical content hash, and opening releases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from schemas.contract import Contract, contract
from schemas.errors import RejectedError, UsageError
from tests.built_city import one_line
from tests.expectations.good_city import row_for
from warehouse import releases
from warehouse.content import content
from warehouse.settings import settings

SPEC = contract("per_mu.enterprise_grade")
Row = dict[str, Any]


def hash_of(rows: Iterable[Row], spec: Contract = SPEC) -> str:
    table = pa.Table.from_pylist(list(rows), spec.arrow_schema())
    with duckdb.connect() as connection:
        connection.execute(f"CREATE SCHEMA {spec.area}")
        connection.register("given", table)
        connection.execute(f"CREATE VIEW {spec.name} AS SELECT * FROM given")
        found = content(connection, spec)
        assert found.rows == table.num_rows
        return found.hash


@pytest.fixture
def rows() -> list[Row]:
    return [row_for(SPEC, year="2023", uscc=f"firm {i}") for i in range(50)]


def test_content_does_not_depend_on_the_order_of_rows_or_their_provenance(rows: list[Row]) -> None:
    reordered = [{**row, "row_id": f"other {i}"} for i, row in enumerate(reversed(rows))]
    assert "row_id" not in SPEC.content_columns and "row_id" in SPEC.column_names
    assert hash_of(rows) == hash_of(reordered)


@pytest.mark.parametrize("column", SPEC.content_columns)
def test_a_change_of_any_column_of_one_row_changes_the_content(rows: list[Row], column: str) -> None:
    before = hash_of(rows)
    rows[17][column] = _another(SPEC.column(column).type, rows[17][column])
    assert hash_of(rows) != before


def _another(kind: str, old: Any) -> Any:
    if kind == "string":
        return (old or "") + "?"
    if kind.startswith("decimal"):
        return (old or 0) + 1
    return {"boolean": not old, "array<string>": ["?"], "int": (old or 0) + 1}[kind]


def test_rows_lost_duplicated_or_exchanged_between_firms_change_the_content(rows: list[Row]) -> None:
    rows[0]["district_code"], rows[1]["district_code"] = "330203", "330206"
    before = hash_of(rows)
    assert hash_of(rows[1:]) != before
    assert hash_of([*rows, rows[3]]) != before
    assert hash_of([*rows, rows[3], rows[3]]) != before
    rows[0]["district_code"], rows[1]["district_code"] = "330206", "330203"
    assert hash_of(rows) != before


def test_missing_is_not_empty_and_cells_do_not_run_into_each_other() -> None:
    spec = contract("core.enterprise_event")
    texts = [
        c for c in spec.content_columns if spec.column(c).type == "string" and not spec.column(c).required
    ]
    first, second = [c for c in spec.content_columns if spec.column(c).type == "string"][:2]
    assert texts
    base = row_for(spec)
    assert hash_of([{**base, texts[0]: None}], spec) != hash_of([{**base, texts[0]: ""}], spec)
    one, other = {**base, first: "ab", second: "c"}, {**base, first: "a", second: "bc"}
    assert hash_of([one], spec) != hash_of([other], spec)


def test_lists_differ_by_their_items() -> None:
    [column] = [c.name for c in SPEC.columns if c.type == "array<string>"][:1]
    base = row_for(SPEC)
    seen = [["a", "b"], ["a, b"], ["b", "a"], ["a"], [], [""], ["a", None], ["a", "NULL"]]
    assert len({hash_of([{**base, column: items}]) for items in seen}) == len(seen)


def test_a_home_without_release_says_how_to_make_one(home: Path) -> None:
    assert releases.last_release() is None
    with pytest.raises(UsageError) as error:
        releases.open_release()
    assert one_line(error.value) == "there is no release yet; ./brain demo makes one"


def make(number: int, size: int = 10) -> Path:
    """Files of a release, enough to open it; return the manifest's path."""
    folder = settings().releases
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"release-{number}.duckdb"
    file.write_bytes(b"x" * size)
    manifest = {"release": number, "tables": {}, "inputs": {}, "file": {"name": file.name, "bytes": size}}
    manifest["file"]["sha256"] = releases.checksum(file)  # type: ignore[index]
    path = folder / f"manifest-{number}.json"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return path


def test_only_complete_manifests_are_releases(home: Path) -> None:
    make(2)
    make(10)
    folder = settings().releases
    for name in ("manifest-11.77.partial", "manifest-x.json", "release-12.duckdb"):
        (folder / name).write_text("{}", encoding="utf-8")
    assert releases.release_numbers() == [2, 10]
    assert releases.open_release().number == 10
    assert releases.next_number() == 11
    with pytest.raises(UsageError) as error:
        releases.open_release(3)
    assert one_line(error.value) == "there is no release 3; there are 2, 10"


def cut_manifest(number: int) -> str:
    path = settings().releases / f"manifest-{number}.json"
    path.write_text(path.read_text(encoding="utf-8")[:20], encoding="utf-8")
    return f"release {number}: {path} is cut off or not readable"


def empty_manifest(number: int) -> str:
    path = settings().releases / f"manifest-{number}.json"
    path.write_bytes(b"")
    return f"release {number}: {path} is cut off or not readable"


def foreign_manifest(number: int) -> str:
    path = settings().releases / f"manifest-{number}.json"
    path.write_text("[1, 2]", encoding="utf-8")
    return f"release {number}: {path} is cut off or not readable"


def cut_file(number: int) -> str:
    path = settings().releases / f"release-{number}.duckdb"
    path.write_bytes(b"x" * 7)
    return f"release {number}: {path} has 7 of its 10 bytes"


def no_file(number: int) -> str:
    path = settings().releases / f"release-{number}.duckdb"
    path.unlink()
    return f"release {number}: {path} does not exist"


LOST = [cut_manifest, empty_manifest, foreign_manifest, cut_file, no_file]


@pytest.mark.parametrize("lose", LOST)
def test_a_damaged_release_is_named_and_the_newest_complete_one_is_read(
    home: Path, lose: Callable[[int], str], caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2, 3):
        make(number)
    fault = lose(3)
    release = releases.open_release()
    assert release.number == 2
    assert [r.getMessage() for r in caplog.records] == [f"{fault}; release 2 is read instead"]
    assert releases.last_release() == release
    assert releases.next_number() == 4
    asks: list[Callable[[], object]] = [lambda: releases.open_release(3), lambda: releases.rollback(3)]
    for ask in asks:
        with pytest.raises(RejectedError) as error:
            ask()
        assert one_line(error.value) == fault
    lose(2)
    lose(1)
    with pytest.raises(RejectedError) as error:
        releases.open_release()
    assert one_line(error.value) == f"{fault}; no release is complete: ./brain publish makes a new one"
    assert releases.last_release() is None


def test_no_rollback_to_a_release_whose_file_was_replaced(home: Path) -> None:
    make(1)
    make(2)
    file = releases.open_release(1).file
    file.write_bytes(b"y" * 10)
    with pytest.raises(RejectedError) as error:
        releases.rollback(1)
    assert one_line(error.value) == f"release 1: {file} is no longer the file that was published"
    assert releases.release_numbers() == [1, 2]


def test_a_lost_file_of_same_content_costs_only_a_comparison(home: Path) -> None:
    make(1)
    release = releases.open_release()
    release.is_also_made_from("closure", {"raw.gov_tax": 3})
    assert release.made_from["inputs"] == {"raw.gov_tax": 3}
    for lost in (b"", b'{"closure"', b"[1, 2]", b"null", b'{"a": 1}'):
        (settings().releases / "same-content-1.json").write_bytes(lost)
        assert release.made_from["inputs"] == {}
