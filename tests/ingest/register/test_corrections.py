"""Corrections of cells: every later mapping applies them, and no record is lost or doubled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from expectations.gate.snapshot import Pin
from ingest.register import decisions
from ingest.register.corrections import Correction, correct, corrections, withdraw
from ingest.register.entries import deliveries
from ingest.register.quarantine import quarantined, record_of, records_at
from ingest.ways import run
from ingest.ways.landing import ingest
from ingest.ways.manifest import drop_of_file
from ingest.ways.remap import remap, replay
from pipeline.evidence import Archive
from pipeline.fingerprint import feed_fingerprints
from pipeline.release_tables import corrected_by_heading, standing_entries
from portal.cli.evidence import _line
from schemas.contract import contract, feed
from schemas.errors import RejectedError, UsageError
from schemas.register import current_deliveries
from tests.changed_contracts import changed
from warehouse import duck, tables
from warehouse.releases import Release
from warehouse.settings import settings

GOOD = ["91350100M000100Y43", "91110000600037341L", "91370200797522673R"]
BAD_CHECK = "91350100M000100Y4Z"
POWER = "电量(万千瓦时)"
LINES = [
    f"{GOOD[0]},3302000001,甲,12.5",  # row 2
    f"{BAD_CHECK},3302000002,乙,1.2亿",  # row 3: two faults
    "only,two",  # row 4
    f"{GOOD[2]},3302000001,丁,7",  # row 5: the key of row 2
]


@pytest.fixture
def home(cold_home: Path) -> Path:
    return cold_home


def take(folder: Path, name: str = "gov_electricity", lines: list[str] | None = None) -> None:
    spec = feed(name)
    head = [] if spec.source.format == "jsonl" else [f"社会信用代码,户号,户名,{POWER}"]
    path = folder / f"sent.{spec.source.format}"
    path.write_text("\n".join(head + (lines or LINES)) + "\n", encoding="utf-8")
    period = "2023-02-01"[: spec.source.period_lengths[0]]
    assert ingest(drops=[drop_of_file(path, spec, period)]).rejected == []


def at(row: int, name: str = "gov_electricity") -> str:
    [sent] = records_at(name, None, row)
    return str(sent.row["row_id"])


def change(row_id: str, **texts: str) -> list[Correction]:
    names = {"uscc": "社会信用代码", "account": "户号", "power": POWER}
    return correct(record_of(row_id), {names.get(k, k): v for k, v in texts.items()}, "电话核实", "张三")


def now(name: str = "gov_electricity") -> dict[int, Any]:
    """Row number → accepted row, or reasons, of the current records; the register's counts are compared with them."""
    spec = feed(name)
    records: dict[int, Any] = {}
    current = current_deliveries(deliveries(), spec)
    marks = {(d["delivery_id"], d["mapping_hash"], d["period"]) for d in current}
    for table in (spec.name, "quarantine.record"):
        for row in tables.rows(table).to_pylist():
            if (row["delivery_id"], row["mapping_hash"], row["period"]) in marks:
                assert row["source_row"] not in records, "a row twice"
                records[row["source_row"]] = row.get("reasons", row)
    assert len(records) == sum(d["records_in"] for d in current)
    refused = sum(isinstance(r, list) for r in records.values())
    assert refused == sum(d["records_quarantined"] for d in current)
    return records


def test_a_corrected_record_is_accepted_and_kept_as_sent(home: Path, tmp_path: Path) -> None:
    take(tmp_path)
    before = deliveries()[0]["mapping_hash"], feed_fingerprints(deliveries())["raw.gov_electricity"]
    change(at(3), uscc=GOOD[1], power="1.2")
    assert isinstance(now()[3], list)  # recorded, not applied yet
    [taken] = replay().files
    assert (taken.records_in, taken.records_raw, taken.records_quarantined) == (4, 2, 2)
    row = now()[3]
    assert (row["uscc"], str(row["power_kwh"])) == (GOOD[1], "12000.00")
    assert row["source_record"] == [BAD_CHECK, "3302000002", "乙", "1.2亿"]
    assert row["mapping_hash"] != before[0] == feed("gov_electricity").mapping_hash()
    assert feed_fingerprints(deliveries())["raw.gov_electricity"] != before[1]
    assert [d["corrected_upto"] for d in sorted(deliveries(), key=lambda d: d["sequence"])] == [None, 2]


def test_a_second_replay_changes_nothing_and_a_remap_keeps_corrections(home: Path, tmp_path: Path) -> None:
    take(tmp_path)
    change(at(3), uscc=GOOD[1], power="1.2")
    assert len(replay().files) == 1
    versions = [tables.version(n) for n in ("raw.gov_electricity", "quarantine.record", "raw.delivery")]
    assert replay().files == [] and remap("gov_electricity").files == []
    assert versions == [
        tables.version(n) for n in ("raw.gov_electricity", "quarantine.record", "raw.delivery")
    ]

    def in_kwh(raw: dict[str, Any]) -> None:
        raw["source"]["mapping"]["power_kwh"]["unit"] = "千瓦时"

    with changed(tmp_path, "raw.gov_electricity", in_kwh):
        assert len(remap("gov_electricity").files) == 1
        assert {n: str(r["power_kwh"]) for n, r in now().items() if isinstance(r, dict)} == {
            2: "12.50",
            3: "1.20",
        }
    # the old mapping again: its rows still exist and are current again, none is written twice
    count = tables.rows("raw.gov_electricity").num_rows
    assert len(replay().files) == 1
    assert str(now()[3]["power_kwh"]) == "12000.00"
    assert tables.rows("raw.gov_electricity").num_rows == count


def test_the_last_correction_of_a_cell_is_in_force_and_a_withdrawal_restores_the_senders_text(
    home: Path, tmp_path: Path
) -> None:
    take(tmp_path)
    change(at(2), power="5")
    change(at(3), uscc=GOOD[1], power="1.2")
    [second] = change(at(2), power="6")
    assert (second["old_text"], second["new_text"], second["correction_number"]) == ("5", "6", 4)
    replay()
    assert str(now()[2]["power_kwh"]) == "60000.00" and isinstance(now()[3], dict)
    [withdrawal] = withdraw(record_of(at(2)), [POWER], "查无实据", "李四")
    assert (withdrawal["old_text"], withdrawal["new_text"], withdrawal["is_withdrawn"]) == ("6", None, True)
    replay()
    assert str(now()[2]["power_kwh"]) == "125000.00" and isinstance(now()[3], dict)
    assert replay().files == []
    assert [len(made) for made in corrections().values()] == [5]
    with pytest.raises(RejectedError, match="has no correction to withdraw"):
        withdraw(record_of(at(2)), [POWER], "再次", "李四")


def test_a_record_that_is_still_invalid_keeps_its_remaining_reasons(home: Path, tmp_path: Path) -> None:
    take(tmp_path)
    change(at(3), power="1.2")
    replay()
    assert now()[3] == ["uscc:check"]
    [sent] = [s for s in quarantined("gov_electricity") if s.row["source_row"] == 3]
    assert sent.cells[POWER] == "1.2亿"


def test_repeated_keys_are_found_among_corrected_keys(home: Path, tmp_path: Path) -> None:
    take(tmp_path)
    assert now()[5] == ["key:duplicate"]
    change(at(5), account="3302000005")
    change(at(3), uscc=GOOD[1], power="1.2", account="3302000001")
    replay()
    assert isinstance(now()[5], dict) and now()[3] == ["key:duplicate"]


def test_an_accepted_record_can_become_invalid(home: Path, tmp_path: Path) -> None:
    take(tmp_path)
    change(at(2), power="-1")
    replay()
    assert now()[2] == ["power_kwh:domain"]
    assert isinstance(now()[5], list), "row 2 is quarantined and still the first with the key"


def test_a_line_without_cells_is_valid_once_every_mapped_cell_is_given(home: Path, tmp_path: Path) -> None:
    take(tmp_path)
    [first] = change(at(4), power="3")
    assert first["old_text"] is None
    replay()
    assert now()[4][0] == "record:cells"
    change(at(4), uscc=GOOD[1], account="3302000009")
    replay()
    assert str(now()[4]["power_kwh"]) == "30000.00" and now()[4]["source_record"] == ["only,two"]
    change(at(4), power="4")  # its kept record is read again as a line without cells
    replay()
    assert str(now()[4]["power_kwh"]) == "40000.00"


def need(code: str, changed_at: str, text: str = "缺电") -> str:
    fields = {
        "诉求编号": code, "统一社会信用代码": GOOD[0], "诉求类别": "用地", "诉求内容": text, "提出日期": "2023-01-05",
        "办理状态": "已受理", "更新时间": changed_at,
    }  # fmt: skip
    return json.dumps(fields, ensure_ascii=False)


def test_a_json_field_is_replaced_and_its_line_is_kept(home: Path, tmp_path: Path) -> None:
    lines = [need("SQ0000000001", "2023-02-01T08:00:00"), need("SQ0000000002", "昨天"), "{broken"]
    take(tmp_path, "ent_need", lines)
    change(at(2, "ent_need"), 更新时间="2023-02-03T08:00:00", 办理部门="发改局")
    replay(["ent_need"])
    row = now("ent_need")[2]
    assert (row["period"], row["handling_department"]) == ("2023-02", "发改局")
    assert row["source_record"] == [lines[1]]
    assert now("ent_need")[3][0] == "record:json"


def test_a_record_that_moves_to_another_period_leaves_the_old_one(home: Path, tmp_path: Path) -> None:
    take(
        tmp_path,
        "ent_need",
        [need("SQ0000000001", "2023-02-01T08:00:00"), need("SQ0000000002", "2023-03-01T08:00:00")],
    )
    change(at(2, "ent_need"), 更新时间="2023-02-03T08:00:00")
    replay()
    assert {n: r["period"] for n, r in now("ent_need").items()} == {1: "2023-02", 2: "2023-02"}
    assert set(feed_fingerprints(deliveries())["raw.ent_need"]) == {"2023-02"}


@pytest.mark.parametrize("place", ["raw.gov_electricity", "quarantine.record", "register"])
def test_a_killed_replay_changes_nothing_and_the_next_one_completes_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    take(tmp_path)
    before = now()
    change(at(3), uscc=GOOD[1], power="1.2")
    real = tables.add_files

    def add_files(files: Any, spec: Any, metadata: Any) -> None:
        real(files, spec, metadata)
        if spec.name == place:
            raise KeyboardInterrupt

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if place == "register":
            patch.setattr(run, "register", killed)
        else:
            patch.setattr(tables, "add_files", add_files)
        with pytest.raises(KeyboardInterrupt):
            replay()
    assert now() == before
    # a stream commits in between; the next replay must still find what the killed one left
    tables.add_rows([], feed("gov_electricity"), {"stream": "s", "batch": 1})
    tables.add_rows([], contract("quarantine.record"), {"stream": "s", "batch": 1})
    [taken] = replay().files
    assert (taken.records_in, taken.records_raw, taken.records_quarantined) == (4, 2, 2)
    assert sorted(now()) == [2, 3, 4, 5] and isinstance(now()[3], dict)
    assert replay().files == []


def test_a_correction_during_a_replay_waits_for_the_next_one(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(tmp_path)
    change(at(3), uscc=GOOD[1])
    real = run._commit

    def commit(*given: Any) -> None:
        change(at(3), power="1.2")
        real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(run, "_commit", commit)
        replay()
    assert now()[3] == ["power_kwh:type"]
    assert len(replay().files) == 1 and isinstance(now()[3], dict)


def test_an_invalid_correction_is_refused_in_one_line(home: Path, tmp_path: Path) -> None:
    take(tmp_path)
    sent = record_of(at(3))
    with pytest.raises(UsageError, match="say why"):
        correct(sent, {POWER: "1"}, "  ", "张三")
    with pytest.raises(UsageError, match="say who"):
        correct(sent, {POWER: "1"}, "核实", "")
    with pytest.raises(
        UsageError, match=r"no heading 电量; it has 社会信用代码, 户号, 户名, 电量\(万千瓦时\)"
    ):
        correct(sent, {"电量": "1"}, "核实", "张三")
    with pytest.raises(RejectedError, match="already; nothing was recorded"):
        correct(sent, {POWER: "1.2亿"}, "核实", "张三")
    with pytest.raises(RejectedError, match="there is no current row nowhere-1"):
        record_of("nowhere-1")
    assert corrections() == {}


def test_lost_records_stop_a_replay(home: Path, tmp_path: Path) -> None:
    take(tmp_path)
    change(at(3), power="1.2")
    tables.delete(feed("gov_electricity"), "source_row = 2")
    with pytest.raises(RejectedError, match="4 records registered, 3 found; nothing was remapped"):
        replay()
    assert tables.rows("raw.delivery").num_rows == 1


def release_of_now() -> Release:
    """A release of the present raw tables, without published tables."""
    names = ["raw.delivery", "raw.gov_electricity", "quarantine.record"]
    versions = {n: v for n in names if (v := contract(n).version) > 1}
    file = f"release-{len(list(settings().releases.glob('*')))}.duckdb"
    settings().releases.mkdir(parents=True, exist_ok=True)
    duck.connect(settings().releases / file).close()
    inputs = {n: tables.version(n) for n in names}
    return Release(1, {"inputs": inputs, "tables": {}, "table_versions": versions, "file": {"name": file}})


def behind(release: Release, table: str = "raw.gov_electricity") -> dict[int, dict[str, Any]]:
    with Archive(release) as archive:
        return {r["source_row"]: r for r in archive._rows(table, {"period": "2023"})[0]}


def test_evidence_shows_a_correction_with_the_row_it_changed(home: Path, tmp_path: Path) -> None:
    take(tmp_path)
    first = release_of_now()
    change(at(3), uscc=GOOD[1], power="1.2")
    change(at(4), power="3")
    replay()
    second = release_of_now()
    change(at(2), power="9")  # recorded, applied in neither release
    assert "corrections" not in behind(second)[2] and list(behind(first)) == [2]
    row = behind(second)[3]
    assert [(c["heading"], c["old_text"], c["new_text"]) for c in row["corrections"]] == [
        ("社会信用代码", BAD_CHECK, GOOD[1]),
        (POWER, "1.2亿", "1.2"),
    ]
    assert row["source_record"][POWER] == "1.2亿"
    shown = _line(contract("raw.gov_electricity"), row)
    assert f"更正 corrected: {POWER}: 1.2亿 → 1.2 (电话核实; 张三, " in shown
    refused = behind(second, "quarantine.record")
    assert refused[4]["corrections"][0]["new_text"] == "3" and "corrections" not in refused[5]
    assert "corrections" not in behind(first, "quarantine.record")[3]


def test_evidence_shows_a_withdrawn_delivery(home: Path, tmp_path: Path) -> None:
    take(tmp_path)
    [first] = deliveries()
    take(tmp_path, lines=LINES[:1])
    again = max(deliveries(), key=lambda d: d["sequence"])["delivery_id"]
    before = release_of_now()
    decisions.withdraw(again, "少报 rows are missing", "李四")
    row = behind(release_of_now())[2]
    assert row["delivery_id"] == first["delivery_id"]
    [decision] = row["decisions"]
    assert (decision["delivery_id"], decision["standing_code"], decision["decided_by"]) == (
        again,
        "withdrawn",
        "李四",
    )
    shown = _line(contract("raw.gov_electricity"), row)
    assert "批次 delivery: sent.csv 2023 已撤回 withdrawn (少报 rows are missing; 李四, " in shown
    assert behind(before)[2]["delivery_id"] == again and "decisions" not in behind(before)[2]
    decisions.restore(again, "无误", "王五")
    assert [d["standing_code"] for d in behind(release_of_now())[2]["decisions"]] == ["withdrawn", "restored"]


def test_evidence_still_covers_a_release_of_an_older_table_version(home: Path, tmp_path: Path) -> None:
    take(tmp_path)
    old = release_of_now()

    def second(raw: dict[str, Any]) -> None:
        raw["version"] = 2
        raw["columns"]["power_kwh"] = {"required": True, "type": "decimal(20,4)"}

    with changed(tmp_path, "raw.gov_electricity", second):
        ingest()
        assert str(behind(old)[2]["power_kwh"]) == "125000.00"
        assert str(behind(release_of_now())[2]["power_kwh"]) == "125000.0000"


def test_a_release_counts_the_corrections_in_effect(home: Path, tmp_path: Path) -> None:
    take(tmp_path)
    change(at(3), uscc=GOOD[1], power="1.2")
    change(at(2), power="9")
    withdraw(record_of(at(2)), [POWER], "查无实据", "李四")
    replay()
    change(at(5), account="3302000005")  # not replayed yet
    pins = {n: Pin(n, "", tables.version(n)) for n in ("raw.delivery", "quarantine.correction")}
    assert corrected_by_heading(pins, standing_entries(tables.rows("raw.delivery"))).to_pylist() == [
        {"feed": "gov_electricity", "period": "2023", "heading": POWER, "records": 1},
        {"feed": "gov_electricity", "period": "2023", "heading": "社会信用代码", "records": 1},
    ]
