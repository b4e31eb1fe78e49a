"""Delta tables: created from their contract, replaced by complete periods, locked while written."""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import CommitProperties, write_deltalake
from filelock import FileLock
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from schemas.contract import contract, contracts, published_contracts, table_comment
from schemas.errors import RejectedError
from schemas.field import comment
from tests.built_city import one_line
from tests.frames import frame
from warehouse import locks, releases, tables
from warehouse.settings import settings
from warehouse.tables import DataFile

PARCEL = contract("core.parcel")


def parcel(year: str, number: int) -> dict[str, Any]:
    place = f"330203001GB{number:06d}"
    return {"parcel_id": place, "year": year, "row_id": f"{year}-{number}", "parcel_area_mu": number}


def kept() -> list[tuple[str, str]]:
    rows = tables.rows(PARCEL.name, ["year", "parcel_id"]).to_pylist()
    return sorted((r["year"], r["parcel_id"][-1]) for r in rows)


def test_each_table_has_its_own_folder_under_its_layer(home: Path) -> None:
    paths = {name: tables.table_path(name) for name in contracts()}
    published = {spec.name: releases.published_path(spec.name) for spec in published_contracts()}
    assert len({*paths.values(), *published.values()}) == len(paths) + len(published)
    assert paths["raw.gov_tax"] == settings().warehouse / "raw" / "gov_tax"
    assert paths["per_mu.baseline"] == settings().warehouse / "staged" / "per_mu" / "baseline"
    assert published["per_mu.baseline"] == settings().warehouse / "published" / "per_mu" / "baseline"


@pytest.mark.parametrize("name", ["raw.gov_tax", "core.parcel", "per_mu.enterprise_grade", "raw.delivery"])
def test_a_new_table_has_its_contract(home: Path, name: str) -> None:
    spec = contract(name)
    assert not tables.exists(name)
    assert tables.rows(name).schema.names == spec.column_names  # never written: empty, not an error
    tables.create_if_absent(spec)
    table = tables.open_table(name)
    columns = json.loads(table.schema().to_json())["fields"]
    assert {c["name"]: c["metadata"]["comment"] for c in columns} == {
        c.name: comment(c) for c in spec.columns
    }
    assert {c["name"]: c["nullable"] for c in columns} == {c.name: not c.required for c in spec.columns}
    metadata = table.metadata()
    assert (metadata.name, metadata.description) == (name, table_comment(spec))
    assert metadata.partition_columns == ([spec.period] if spec.period else [])
    assert metadata.configuration["delta.enableDeletionVectors"] == "false"
    assert table.protocol().min_reader_version == 1  # older readers can read it
    tables.create_if_absent(spec)
    assert tables.version(name) == 0


def test_complete_periods_are_replaced_and_the_others_stay(home: Path, spark: SparkSession) -> None:
    first = frame(spark, PARCEL.name, [parcel("2022", 1), parcel("2023", 1), parcel("2023", 2)])
    tables.replace_periods(first, PARCEL, ["2022", "2023"], {"fingerprints": {"2022": "a", "2023": "b"}})
    assert kept() == [("2022", "1"), ("2023", "1"), ("2023", "2")]
    again = frame(spark, PARCEL.name, [parcel("2023", 3)])
    tables.replace_periods(again, PARCEL, ["2023"], {"fingerprints": {"2022": "a", "2023": "c"}})
    assert kept() == [("2022", "1"), ("2023", "3")]
    assert [m["fingerprints"]["2023"] for m in tables.commit_metadata(PARCEL.name)] == ["c", "b"]
    assert tables.rows(PARCEL.name, version=1).num_rows == 3

    stray = frame(spark, PARCEL.name, [parcel("2022", 9), parcel("2023", 9)])
    with pytest.raises(Exception, match="rows of 2022 were computed, but only 2023 asked for"):
        tables.replace_periods(stray, PARCEL, ["2023"], {})
    assert kept() == [("2022", "1"), ("2023", "3")]

    tables.replace_periods(again.where(F.lit(False)), PARCEL, ["2023"], {"fingerprints": {"2022": "a"}})
    assert kept() == [("2022", "1")]


@pytest.mark.parametrize(
    ("column", "made_as", "refusal"),
    [
        ("row_id", "cast(null as string)", "row_id is required, but missing in rows of 2023"),
        (
            "land_flags",
            "cast(null as array<string>)",
            "land_flags is required, but missing in rows of 2023",
        ),
        (
            "parcel_area_mu",
            "cast(parcel_area_mu as decimal(18,4))",
            "parcel_area_mu must be decimal128(18, 6)",
        ),
        ("known_at", "cast(known_at as string)", "known_at must be timestamp"),
    ],
)
def test_rows_that_do_not_fit_the_contract_never_enter_the_table(
    home: Path, spark: SparkSession, column: str, made_as: str, refusal: str
) -> None:
    good = frame(spark, PARCEL.name, [parcel("2023", 1)])
    tables.replace_periods(good, PARCEL, ["2023"], {})
    before = tables.version(PARCEL.name)
    with pytest.raises(RejectedError, match=re.escape(refusal)):
        tables.replace_periods(good.withColumn(column, F.expr(made_as)), PARCEL, ["2023"], {})
    assert tables.version(PARCEL.name) == before and kept() == [("2023", "1")]
    assert not any(settings().scratch.rglob("*.parquet"))


def test_metadata_of_a_replacement_without_rows_is_kept(home: Path, spark: SparkSession) -> None:
    nothing = frame(spark, PARCEL.name, [parcel("2023", 1)]).where(F.lit(False))
    for mark in ("a", "b"):
        tables.replace_periods(nothing, PARCEL, ["2023"], {"fingerprints": {"2023": mark}})
        assert kept() == []
        assert next(tables.commit_metadata(PARCEL.name)) == {"fingerprints": {"2023": mark}}


def test_a_new_column_of_the_contract_is_added_to_an_existing_table(home: Path, spark: SparkSession) -> None:
    earlier = tuple(c for c in PARCEL.columns if c.name != "certificate_code")
    tables.create_if_absent(PARCEL.model_copy(update={"columns": earlier}))
    given = frame(spark, PARCEL.name, [{**parcel("2023", 1), "certificate_code": "浙（2023）"}])
    tables.replace_periods(given, PARCEL, ["2023"], {})
    assert tables.rows(PARCEL.name, ["certificate_code"])["certificate_code"].to_pylist() == ["浙（2023）"]
    columns = json.loads(tables.open_table(PARCEL.name).schema().to_json())["fields"]
    assert {c["name"] for c in columns} == set(PARCEL.column_names)
    kept_comments = {
        c["name"]: c["metadata"].get("comment") for c in columns if c["name"] != "certificate_code"
    }
    assert kept_comments == {c.name: comment(c) for c in earlier}


def test_small_files_are_compacted_and_rows_stay(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MANY_FILES", 4)
    spec = contract("raw.ent_meter_reading")
    tables.create_if_absent(spec)
    at = datetime(2024, 12, 31, 0, 15, tzinfo=UTC)
    texts = {c.name: "t" for c in spec.columns if c.required and c.type == "string"}
    for number, period in enumerate(["2024-12-30"] * 3 + ["2024-12-31"] * 5):
        row = {
            **texts, "period": period, "row_id": f"r{number}", "source_row": number, "source_record": [f"{number}"],
            "register_kwh": Decimal(number), "meter_multiplier": 20, "read_at": at, "known_at": at,
        }  # fmt: skip
        path = home / f"{number}.parquet"
        given = pa.Table.from_pylist([row], spec.arrow_schema()).drop_columns(["period"])
        pq.write_table(given, path)
        tables.add_files([DataFile(path, {"period": period}, 1)], spec, {}, ("a stream", number))
    before = tables.rows(spec.name).sort_by("source_row")
    last = tables.version(spec.name)
    assert tables.compact(spec, ["2024-12-30", "2024-12-31"]) == 5
    assert tables.rows(spec.name).sort_by("source_row").equals(before)
    assert tables.rows(spec.name, version=last).sort_by("source_row").equals(before)
    table = tables.open_table(spec.name)
    assert table.transaction_version("a stream") == 7
    folders = [path.split("/")[0] for path in pa.table(table.get_add_actions())["path"].to_pylist()]
    assert sorted(folders) == ["period=2024-12-30"] * 3 + ["period=2024-12-31"]
    assert tables.compact(spec, ["2024-12-30", "2024-12-31"]) == 0
    assert tables.version(spec.name) == last + 1


def test_commits_of_others_are_skipped(home: Path) -> None:
    assert list(tables.commit_metadata(PARCEL.name)) == []
    tables.create_if_absent(PARCEL)
    assert list(tables.commit_metadata(PARCEL.name)) == []
    nothing = PARCEL.arrow_schema().empty_table()
    ours = CommitProperties(custom_metadata={"userMetadata": '{"fingerprints": {"2022": "a"}}'})
    write_deltalake(tables.open_table(PARCEL.name), nothing, mode="append", commit_properties=ours)
    write_deltalake(tables.open_table(PARCEL.name), nothing, mode="append")
    assert list(tables.commit_metadata(PARCEL.name)) == [{"fingerprints": {"2022": "a"}}]


def test_a_missing_required_value_is_refused_by_the_table_itself(home: Path) -> None:
    tables.create_if_absent(PARCEL)
    loose = pa.schema([f.with_nullable(True) for f in PARCEL.arrow_schema()])
    row = pa.Table.from_pylist([{"parcel_id": None, "year": "2023"}], loose)
    with pytest.raises(Exception, match="Invalid data found: 1 rows"):
        write_deltalake(tables.open_table(PARCEL.name), row, mode="append")
    assert tables.version(PARCEL.name) == 0


def test_waiting_for_a_writer_logs_a_warning(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(locks, "SILENT_SECONDS", 0.05)
    held = FileLock(settings().locks / "run.lock", thread_local=False)
    held.acquire()
    timer = threading.Timer(0.5, held.release)
    timer.start()
    with tables.writing("run"):
        timer.join()
    [told] = caplog.messages
    assert told.startswith("another run is running in ") and "this one waits for it" in told


def test_a_second_writer_waits_and_then_says_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "LOCK_SECONDS", 0.1)
    with tables.writing("publish"), tables.writing("run"):  # different kinds of writers do not wait
        pass
    held = FileLock(settings().locks / "publish.lock")
    with held, pytest.raises(RejectedError) as error, tables.writing("publish"):
        pass
    assert one_line(error.value).startswith("another publish has been running")
    with tables.writing("publish"):
        pass
