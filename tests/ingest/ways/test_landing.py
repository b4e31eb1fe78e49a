"""Deliveries end to end: files in the landing folder → raw rows, quarantine, register."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ingest.register.entries import deliveries
from ingest.ways import run
from ingest.ways.landing import ingest
from ingest.ways.remap import remap, replay
from pipeline.inputs import current_rows
from schemas.contract import Feed, feed
from schemas.register import current_deliveries
from warehouse import tables

HEADINGS = "社会信用代码,户号,户名,电量(万千瓦时)"


def drop(
    home: Path,
    name: str,
    period: str,
    lines: list[str],
    sent: str = "2024-03-01T00:00:00Z",
    feed_name: str = "gov_electricity",
    head: str = HEADINGS,
) -> Path:
    folder = home / "landing" / feed_name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    manifest = {
        "feed": feed_name,
        "period": period,
        "part": "",
        "file": name,
        "records": len(lines),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "sent_at": sent,
    }
    (folder / f"{name}.manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return path


def current(name: str = "gov_electricity") -> list[dict[str, Any]]:
    spec = feed(name)
    rows = current_rows(tables.read(spec.name), current_deliveries(deliveries(), spec), spec)
    return sorted((r.asDict() for r in rows.collect()), key=lambda r: (r["period"], r["source_row"]))


def line(uscc: str, account: str, value: str) -> str:
    return f"{uscc},{account},甲,{value}"


BAD_CHECK = "91350100M000100Y4Z"

GOOD = ["91350100M000100Y43", "91110000600037341L", "91370200797522673R"]


def test_accepts_maps_and_quarantines_with_all_reasons(home: Path) -> None:
    drop(
        home,
        "e.csv",
        "2023",
        [
            line(GOOD[0], "3302000001", "12.5"),
            line(BAD_CHECK, "3302000002", "1.2亿"),
            line(GOOD[1], "abc", "-3"),
            "only,two",
            line(GOOD[2], "3302000001", "7"),
        ],
    )
    report = ingest()
    [file] = report.files
    assert (file.state, file.records_in, file.records_raw, file.records_quarantined) == ("taken", 5, 1, 4)
    [row] = current()
    assert (row["uscc"], str(row["power_kwh"]), row["source_row"]) == (GOOD[0], "125000.00", 2)
    assert row["source_record"] == [GOOD[0], "3302000001", "甲", "12.5"]
    refused = {r["source_row"]: r for r in tables.rows("quarantine.record").to_pylist()}
    assert set(refused[3]["reasons"]) == {"uscc:check", "power_kwh:type"}
    assert set(refused[4]["reasons"]) == {"meter_account_code:pattern", "power_kwh:domain"}
    assert refused[5]["reasons"][0] == "record:cells" and refused[5]["source_record"] == ["only,two"]
    assert refused[6]["reasons"] == ["key:duplicate"]


def test_a_later_snapshot_supersedes_and_a_repeated_file_is_one_delivery(home: Path) -> None:
    first = [line(GOOD[0], "3302000001", "1"), line(GOOD[1], "3302000002", "2")]
    drop(home, "a.csv", "2023", first)
    ingest()
    drop(home, "b.csv", "2023", first)  # the same bytes under another name
    drop(home, "c.csv", "2023", [line(GOOD[0], "3302000001", "9")], sent="2024-04-01T00:00:00Z")
    report = ingest()
    assert {f.file: f.state for f in report.files} == {"b.csv": "repeated", "c.csv": "taken"}
    assert [(r["uscc"], str(r["power_kwh"])) for r in current()] == [(GOOD[0], "90000.00")]
    before = tables.version("raw.gov_electricity")
    assert ingest().taken == []
    assert tables.version("raw.gov_electricity") == before


def test_a_late_older_snapshot_does_not_supersede_a_newer_one(home: Path) -> None:
    drop(home, "new.csv", "2023", [line(GOOD[0], "3302000001", "9")], sent="2024-04-01T00:00:00Z")
    ingest()
    drop(home, "old.csv", "2023", [line(GOOD[0], "3302000001", "1")], sent="2024-03-01T00:00:00Z")
    ingest()
    assert [str(r["power_kwh"]) for r in current()] == ["90000.00"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (HEADINGS.encode() + b"\n", "no record"),
        ("户号,户名\n1,2\n".encode(), "no column 社会信用代码"),
        (HEADINGS.encode("gb18030") + b"\n", "not utf-8 as its contract says"),
    ],
)
def test_unusable_files_are_refused_in_one_line_and_others_are_ingested(
    home: Path, content: bytes, message: str
) -> None:
    bad = drop(home, "bad.csv", "2022", [line(GOOD[0], "3302000001", "1")])
    bad.write_bytes(content)
    manifest = bad.parent / "bad.csv.manifest.json"
    entry = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**entry, "records": None, "sha256": hashlib.sha256(content).hexdigest()}))
    drop(home, "good.csv", "2023", [line(GOOD[0], "3302000001", "1")])
    report = ingest()
    [refused] = report.rejected
    assert message in refused.message and "\n" not in refused.message
    assert [f.file for f in report.taken] == ["good.csv"]
    assert len(current()) == 1


def test_a_killed_ingest_leaves_no_current_rows(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(home, "a.csv", "2023", [line(GOOD[0], "3302000001", "1"), line(BAD_CHECK, "3302000002", "2")])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "register", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest()
    assert current() == []
    assert tables.rows("raw.gov_electricity").num_rows == 1  # written, not registered
    report = ingest()
    assert [f.records_in for f in report.taken] == [2]
    assert tables.rows("raw.gov_electricity").num_rows == 1
    assert tables.rows("quarantine.record").num_rows == 1


def test_remap_applies_a_new_mapping_to_accepted_and_refused_rows(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(home, "a.csv", "2023", [line(GOOD[0], "3302000001", "1"), line(GOOD[1], "x", "2"), "broken"])
    ingest()
    spec = feed("gov_electricity")
    mapping = {
        **spec.source.mapping,
        "power_kwh": spec.source.mapping["power_kwh"].model_copy(update={"unit": "千瓦时"}),
    }
    changed = spec.model_copy(update={"source": spec.source.model_copy(update={"mapping": mapping})})
    with_another_contract(monkeypatch, changed)
    remap("gov_electricity")
    [row] = current()
    assert str(row["power_kwh"]) == "1.00" and row["source_row"] == 2
    newest = deliveries()[-1] if deliveries()[-1]["sequence"] == 2 else deliveries()[0]
    assert (newest["records_in"], newest["records_raw"], newest["records_quarantined"]) == (3, 1, 2)
    assert remap("gov_electricity").taken == []


def with_another_contract(monkeypatch: pytest.MonkeyPatch, changed: Feed) -> None:
    for name in ("contract", "feed"):
        real = getattr(run, name)
        monkeypatch.setattr(
            run, name, lambda n, old=real: changed if n in (changed.name, changed.table) else old(n)
        )


def in_another_unit(spec: Feed, unit: str) -> Feed:
    power = spec.source.mapping["power_kwh"].model_copy(update={"unit": unit})
    mapping = {**spec.source.mapping, "power_kwh": power}
    return spec.model_copy(update={"source": spec.source.model_copy(update={"mapping": mapping})})


def test_with_a_period_only_its_deliveries_are_ingested_or_remapped(
    cold_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, period in enumerate(("2023", "2024-03", "2024-04", "2024-05")):
        drop(cold_home, f"{period}.csv", period, [line(GOOD[0], "3302000001", str(number + 1))])
    drop(cold_home, "broken.csv", "2024-03", ["one cell"])
    (cold_home / "landing" / "gov_electricity" / "broken.csv").write_bytes(b"")

    def taken(**given: Any) -> list[str]:
        return sorted(f.period for f in ingest(["gov_electricity"], **given).taken)

    assert taken(period="2022") == []
    assert taken(period="2024-04") == ["2024-04"]
    assert [f.file for f in ingest(period="2024-04").rejected] == []
    assert taken(period="2024") == ["2024-03", "2024-05"]
    assert taken() == ["2023"]
    assert taken() == []

    spec = feed("gov_electricity")
    with_another_contract(monkeypatch, in_another_unit(spec, "千瓦时"))

    def again(**given: Any) -> list[str]:
        return sorted(f.period for f in replay(["gov_electricity"], **given).taken)

    assert again(period="2024") == ["2024-03", "2024-04", "2024-05"]
    assert again(period="2024") == []
    assert again() == ["2023"]


def test_a_file_without_a_heading_that_may_be_absent_is_read(home: Path) -> None:
    """Senders add a new column one after the other; other headings stay necessary."""
    head = "宗地代码,不动产权证号,权利人代码,宗地面积(平方米),行政区,供地方式,取得日期,约定竣工日期,开发区代码,权属争议"
    cells = "330203001GB000001,,,2000,330203,出让,2010/1/1,,,否"
    parcels = {"feed_name": "gov_land_parcel"}
    drop(home, "old.csv", "2022", [cells], **parcels, head=head)
    drop(home, "new.csv", "2023", [f"{cells},集士港镇"], **parcels, head=f"{head},所在镇街")
    drop(home, "bad.csv", "2021", [cells], **parcels, head=head.replace("供地方式", "方式"))
    report = ingest()
    assert {f.file for f in report.taken} == {"old.csv", "new.csv"}
    assert "no column 供地方式" in report.rejected[0].message
    towns = {row["period"]: row["reported_town"] for row in current("gov_land_parcel")}
    assert towns == {"2022": None, "2023": "集士港镇"}
    assert len(remap("raw.gov_land_parcel").files) == 0, "the mapping has not changed"
