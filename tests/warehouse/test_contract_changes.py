"""Changed contracts: columns may be added; any other change needs a new version of the table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingest.register.corrections import correct
from ingest.register.entries import deliveries
from ingest.register.quarantine import records_at
from ingest.ways import run
from ingest.ways.landing import ingest
from ingest.ways.manifest import drop_of_file
from ingest.ways.remap import remap, replay
from pipeline.fingerprint import feed_fingerprints
from pipeline.run import _check_versions, run_tables
from portal.queries.definitions import checked_definitions
from schemas.contract import contract, feed
from schemas.errors import RejectedError
from schemas.field import comment
from schemas.register import current_deliveries
from tests.changed_contracts import changed
from warehouse import tables

FEED = "raw.gov_electricity"
GOOD = ["91350100M000100Y43", "91110000600037341L"]
LINES = [f"{GOOD[0]},3302000001,甲,12.5", f"{GOOD[1]},3302000002,乙,1.2亿"]

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def home(cold_home: Path) -> Path:
    return cold_home


def take(folder: Path, *lines: str, period: str = "2023") -> None:
    path = folder / f"{period}.csv"
    path.write_text("\n".join(["社会信用代码,户号,户名,电量(万千瓦时)", *lines]) + "\n", encoding="utf-8")
    ingest(drops=[drop_of_file(path, feed(FEED), period)])


def now() -> dict[tuple[str, int], dict[str, Any]]:
    """Current rows, by period and record number; none twice."""
    marks = {(d["delivery_id"], d["mapping_hash"]) for d in current_deliveries(deliveries(), feed(FEED))}
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for row in tables.rows(FEED).to_pylist():
        if (row["delivery_id"], row["mapping_hash"]) in marks:
            assert (row["period"], row["source_row"]) not in found
            found[row["period"], row["source_row"]] = row
    return found


def with_name(raw: dict[str, Any]) -> None:
    """The sender's 户名 becomes a column, required, before the others."""
    raw["columns"] = {"enterprise_name": {"required": True}, **raw["columns"]}
    raw["source"]["mapping"]["enterprise_name"] = {"heading": "户名"}
    raw["source"]["ignored"] = []


def renamed(raw: dict[str, Any]) -> None:
    """``power_kwh`` becomes ``interval_kwh``."""
    raw["columns"]["interval_kwh"] = raw["columns"].pop("power_kwh")
    raw["source"]["mapping"]["interval_kwh"] = raw["source"]["mapping"].pop("power_kwh")


def retyped(raw: dict[str, Any]) -> None:
    raw["columns"]["power_kwh"] = {"required": True, "type": "decimal(20,4)"}


def removed(raw: dict[str, Any]) -> None:
    del raw["columns"]["power_kwh"], raw["source"]["mapping"]["power_kwh"]


def loosened(raw: dict[str, Any]) -> None:
    raw["columns"]["power_kwh"] = {"required": False}


def second(edit: Edit) -> Edit:
    def edited(raw: dict[str, Any]) -> None:
        edit(raw)
        raw["version"] = 2

    return edited


# --- added columns -----------------------------------------------------------------------------------


def test_an_added_column_is_missing_in_old_rows_until_they_are_mapped_again(
    home: Path, tmp_path: Path
) -> None:
    take(tmp_path, *LINES)
    with changed(tmp_path, FEED, with_name):
        take(tmp_path, f"{GOOD[0]},3302000001,甲乙,3", period="2022")
        assert {k: r["enterprise_name"] for k, r in now().items()} == {("2022", 2): "甲乙", ("2023", 2): None}
        schema = {f["name"]: f for f in json.loads(tables.open_table(FEED).schema().to_json())["fields"]}
        added = contract(FEED).column("enterprise_name")
        assert schema["enterprise_name"]["metadata"]["comment"] == comment(added)
        assert schema["enterprise_name"]["nullable"] and not schema["power_kwh"]["nullable"]
        assert set(schema) == set(contract(FEED).column_names)
        version = tables.version(FEED)
        tables.create_if_absent(contract(FEED))
        assert tables.version(FEED) == version, "an existing column is not added twice"
        assert len(remap(FEED).files) == 1
        assert {k: r["enterprise_name"] for k, r in now().items()} == {("2022", 2): "甲乙", ("2023", 2): "甲"}
    # DuckDB, neither Spark nor delta-rs, reads old and new files alike
    from warehouse import duck

    with duck.connect() as connection:
        duck.load_delta(connection)
        path = duck.literal(str(tables.table_path(FEED)))
        names = connection.execute(f"SELECT enterprise_name FROM delta_scan({path}) ORDER BY ALL").fetchall()
    assert names == [("甲",), ("甲乙",), (None,)]


def test_the_register_of_an_older_platform_gains_its_columns(home: Path, tmp_path: Path) -> None:
    def older(raw: dict[str, Any]) -> None:
        del raw["columns"]["table_version"], raw["columns"]["corrected_upto"]

    with changed(tmp_path, "raw.delivery", older):
        tables.create_if_absent(contract("raw.delivery"))
    assert "table_version" not in tables.rows("raw.delivery").schema.names
    take(tmp_path, *LINES)
    assert [(d["table_version"], d["corrected_upto"]) for d in deliveries()] == [(1, None)]


# --- anything else -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (renamed, "no column power_kwh any more; new: interval_kwh"),
        (removed, "no column power_kwh any more"),
        (retyped, "power_kwh is decimal(20,4), was decimal(18,2)"),
        (loosened, "power_kwh may be missing, was required"),
        (lambda raw: raw.update(period=None), "its period is None, was period"),
    ],
    ids=["renamed", "removed", "retyped", "loosened", "partition"],
)
def test_another_change_is_refused_in_one_line(home: Path, tmp_path: Path, edit: Edit, said: str) -> None:
    take(tmp_path, *LINES)
    before = tables.version(FEED), tables.rows("raw.delivery").num_rows
    with changed(tmp_path, FEED, edit):
        for attempt in (
            lambda: tables.create_if_absent(contract(FEED)),
            checked_definitions,
            lambda: tables.add_rows([], contract(FEED), {}),
            lambda: take(tmp_path, LINES[0], period="2022"),
        ):
            with pytest.raises(RejectedError) as refused:
                attempt()
            text = str(refused.value)
            assert said in text and "\n" not in text
            assert "needs version: 2 in schemas/raw/gov_electricity.yml" in text
    assert (tables.version(FEED), tables.rows("raw.delivery").num_rows) == before
    take(tmp_path, LINES[0], period="2022")  # with the unchanged contract ingestion works again
    assert set(now()) == {("2022", 2), ("2023", 2)}


def test_check_accepts_tables_that_fit_their_contracts(home: Path, tmp_path: Path) -> None:
    take(tmp_path, *LINES)
    counted = checked_definitions()
    with changed(tmp_path, FEED, second(renamed)):
        assert checked_definitions() == counted


# --- versions ----------------------------------------------------------------------------------------


def test_a_new_version_is_a_separate_table_and_the_next_ingest_fills_it(home: Path, tmp_path: Path) -> None:
    take(tmp_path, *LINES)
    take(tmp_path, f"{GOOD[0]},3302000001,甲,3", period="2022")
    [sent] = records_at("gov_electricity", None, 3)
    correct(sent, {"电量(万千瓦时)": "7"}, "核实", "张三")
    old_path, old = tables.table_path(FEED), tables.rows(FEED)
    with changed(tmp_path, FEED, second(renamed)):
        assert tables.table_path(FEED) == old_path.with_name("gov_electricity@2")
        assert tables.table_path(FEED, table_version=1) == old_path
        assert now() == {} and feed_fingerprints(deliveries())[FEED] == {}
        with pytest.raises(RejectedError, match="2 deliveries are in version 1") as refused:
            run_tables()
        assert "run ./brain ingest gov_electricity first" in str(refused.value)
        report = ingest()
        assert sorted((f.period, f.records_in, f.records_raw) for f in report.files) == [
            ("2022", 1, 1),
            ("2023", 2, 2),
        ]
        assert {k: str(r["interval_kwh"]) for k, r in now().items()} == {
            ("2022", 2): "30000.00",
            ("2023", 2): "125000.00",
            ("2023", 3): "70000.00",
        }
        assert [d["table_version"] for d in current_deliveries(deliveries(), feed(FEED))] == [2, 2]
        assert ingest().files == [] and replay().files == []
        _check_versions(deliveries())
    assert tables.rows(FEED).equals(old), "the first version is unchanged"
    # back to the first version: only rows that a correction has changed since are written again
    report = ingest()
    assert sorted(f.period for f in report.files) == ["2022", "2023"]
    assert {k: str(r["power_kwh"]) for k, r in now().items()} == {
        ("2022", 2): "30000.00",
        ("2023", 2): "125000.00",
        ("2023", 3): "70000.00",
    }
    assert tables.rows(FEED).num_rows == old.num_rows + 2


def test_a_kill_during_a_new_version_loses_and_duplicates_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(tmp_path, *LINES)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with changed(tmp_path, FEED, second(retyped)):
        with monkeypatch.context() as patch:
            patch.setattr(run, "register", killed)
            with pytest.raises(KeyboardInterrupt):
                remap(FEED)
        assert now() == {}
        [file] = remap(FEED).files
        assert (file.records_in, file.records_raw, file.records_quarantined) == (2, 1, 1)
        assert {k: str(r["power_kwh"]) for k, r in now().items()} == {("2023", 2): "125000.0000"}
        assert tables.rows(FEED).num_rows == 1 and tables.rows("quarantine.record").num_rows == 2


def test_a_version_below_one_is_refused(tmp_path: Path) -> None:
    from schemas.contract import ContractError

    with (
        changed(tmp_path, FEED, lambda raw: raw.update(version=0)),
        pytest.raises(ContractError, match="version"),
    ):
        contract(FEED)


def test_add_rows_adds_a_new_column(home: Path, tmp_path: Path) -> None:
    spec = contract("core.parcel")
    earlier = tuple(c for c in spec.columns if c.name != "certificate_code")
    tables.create_if_absent(spec.model_copy(update={"columns": earlier}))
    row = {"parcel_id": "330203001GB000001", "year": "2023", "row_id": "a", "certificate_code": "浙"}
    plain = {pa.string(): "x", pa.bool_(): False, pa.list_(pa.string()): []}
    filled = {f.name: plain.get(f.type, 1) for f in spec.arrow_schema() if not f.nullable}
    tables.add_rows([{**filled, **row}], spec, {})
    assert tables.rows(spec.name, ["certificate_code"])["certificate_code"].to_pylist() == ["浙"]
