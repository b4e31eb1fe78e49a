"""Nine corruptions that are plausible but wrong data (看似正确的差错): a check of the gate names each and blocks.

All nine are sent to one small city, because ingesting, running and judging takes a minute; each is in another feed
or year. Every file has the right headings, codes and units, so only the gate can find the error.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from deltalake import write_deltalake

from expectations.gate.report import GateReport, Verdict
from ingest.register.deliveries import DELIVERY
from ingest.ways.landing import ingest
from pipeline.publish import GateFailed, publish
from pipeline.run import run_tables
from schemas.contract import feed
from tests.built_city import BuiltCity, at_home, copy, redeliver, release_files, send
from warehouse import tables

Records = list[dict[str, str]]

#: Corruption → table, check, and part of one of the verdict's rows.
FOUND = {
    "districts swapped for 5 % of the firms": ("core.enterprise", "moved_wide", "year=2023"),
    "tax times ten in one district": (
        "core.enterprise_year", "district_totals_wide", "measure=tax|year=2023|part=district_code=330212",
    ),
    "each firm has the next one's electricity": (
        "core.enterprise_year", "order_kept_wide", "measure=power|year=2023|part=is_above_scale=false",
    ),
    "each penalty is the next firm's": ("raw.gov_penalty", "one_firm_wide", "event_id=CF-2023-"),
    "statistics of the year before": (
        "core.enterprise_year", "figures_new_wide", "measure=output|year=2023|part=is_above_scale=true",
    ),
    "insured persons of the year before": (
        "core.enterprise_year", "figures_new_wide", "measure=insured|year=2023|part=is_above_scale=true",
    ),
    "a month that never came": ("raw.delivery", "months_complete", "feed=gov_water|year=2024|missing=05"),
    "a month again under another part": ("raw.delivery", "sent_once", "feed=gov_tax"),
    "raw rows doubled": ("raw.delivery", "raw_complete", "feed=gov_energy|period=2023"),
}  # fmt: skip


def _records(home: Path, name: str, file: str) -> Records:
    source = feed(name).source
    text = (home / "landing" / name / file).read_bytes().decode(source.encoding)
    return list(csv.DictReader(io.StringIO(text), delimiter=source.delimiter))


def _swap_districts(home: Path) -> None:
    def edit(records: Records) -> Records:
        for record in records[::20]:
            record["区划代码"] = "330282" if record["区划代码"] == "330203" else "330203"
        return records

    redeliver(home, "gov_statistics_directory", "statistics_directory_2022.csv", edit)


def _tenfold_tax(home: Path) -> None:
    listed = _records(home, "gov_statistics_directory", "statistics_directory_2022.csv")
    in_district = {r["统一社会信用代码"] for r in listed if r["区划代码"] == "330212"}
    assert len(in_district) > 50

    def edit(records: Records) -> Records:
        for record in records:
            if record["纳税人识别号"] in in_district:
                for heading in list(record)[3:-1]:
                    record[heading] = f"{float(record[heading] or 0) * 10:.2f}"
        return records

    redeliver(home, "gov_tax", "tax_2022.csv", edit)


def _shift_electricity(home: Path) -> None:
    def edit(records: Records) -> Records:
        figures = [r["电量(万千瓦时)"] for r in records]
        for record, figure in zip(records, figures[1:] + figures[:1], strict=True):
            record["电量(万千瓦时)"] = figure
        return records

    redeliver(home, "gov_electricity", "electricity_2022.csv", edit)


def _shift_penalties(home: Path) -> None:
    old = home / "landing" / "gov_penalty" / "penalty_2023.jsonl"
    records = [json.loads(line) for line in old.read_text(encoding="utf-8").splitlines()]
    codes = [r["统一社会信用代码"] for r in records]
    assert len(set(codes)) > 6
    for record, code in zip(records, codes[1:] + codes[:1], strict=True):
        record["统一社会信用代码"] = code
    lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
    send(old, lines.encode(), len(records))


def _again(name: str, key: str, before: str, after: str) -> Callable[[Path], None]:
    """A year's file with the records of the year before, for firms that have one."""

    def corrupt(home: Path) -> None:
        earlier = {r[key]: r for r in _records(home, name, before)}
        redeliver(home, name, after, lambda records: [earlier.get(r[key], r) for r in records])

    return corrupt


def _lose_a_month(home: Path) -> None:
    for path in (home / "landing" / "gov_water").glob("water_2024-05.csv*"):
        path.unlink()
    for name in (DELIVERY, "raw.gov_water"):
        mine = "feed = 'gov_water' AND " if name == DELIVERY else ""
        tables.open_table(name).delete(f"{mine}period = '2024-05'")


def _send_a_month_as_a_part(home: Path) -> None:
    old = home / "landing" / "gov_tax" / "tax_2024-03.csv"
    manifest = json.loads(old.with_name(f"{old.name}.manifest.json").read_text(encoding="utf-8"))
    new = send(old, old.read_bytes(), manifest["records"])
    path = new.with_name(f"{new.name}.manifest.json")
    path.write_text(
        json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"part": "二"}), encoding="utf-8"
    )


def _double_raw_rows(_: Path) -> None:
    table = tables.open_table("raw.gov_energy")
    write_deltalake(table, table.to_pyarrow_table(partitions=[("period", "=", "2023")]), mode="append")


CORRUPTIONS: dict[str, Callable[[Path], None]] = {
    "districts swapped for 5 % of the firms": _swap_districts,
    "tax times ten in one district": _tenfold_tax,
    "each firm has the next one's electricity": _shift_electricity,
    "each penalty is the next firm's": _shift_penalties,
    "statistics of the year before": _again(
        "gov_statistics_annual",
        "统一社会信用代码",
        "statistics_annual_2022.csv",
        "statistics_annual_2023.csv",
    ),
    "insured persons of the year before": _again(
        "gov_social_insurance", "单位信用代码", "social_insurance_2022.csv", "social_insurance_2023.csv"
    ),
    "a month that never came": _lose_a_month,
    "a month again under another part": _send_a_month_as_a_part,
    "raw rows doubled": _double_raw_rows,
}


@pytest.fixture(scope="module")
def judged(
    built_city: BuiltCity, engine_remote: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[GateReport, list[Any]]]:
    """The gate's report on a city with all nine, and the report on its ingested files."""
    with at_home(copy(built_city, tmp_path_factory.mktemp("corrupted") / "home"), engine_remote) as home:
        for corrupt in CORRUPTIONS.values():
            corrupt(home)
        files = ingest().files
        run_tables()
        with pytest.raises(GateFailed) as failed:
            publish()
        assert release_files() == ["manifest-1.json", "release-1.duckdb"]
        yield failed.value.report, files


def test_they_are_all_ingested(judged: tuple[GateReport, list[Any]]) -> None:
    sent = [f for f in judged[1] if f.state != "repeated"]
    assert [f.state for f in sent] == ["taken"] * 7, sent
    # the demo city's own faults are in 2023
    assert all(f.records_quarantined <= 10 * (f.period == "2023") for f in sent), sent


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_each_is_named_and_blocks(corruption: str, judged: tuple[GateReport, list[Any]]) -> None:
    table, check, fragment = FOUND[corruption]
    found: dict[tuple[str, str], Verdict] = {(v.table, v.expectation): v for v in judged[0].failures()}
    assert (table, check) in found, sorted(found)
    assert any(fragment in key for key in found[table, check].failing_keys), found[table, check]


def test_a_clean_city_has_none_of_them(built_city: BuiltCity) -> None:
    assert built_city.published is not None and built_city.published.gate is not None
    failed = {(v.table, v.expectation) for v in built_city.published.gate.verdicts if not v.success}
    names = {check.removesuffix("_wide") for _, check, _ in FOUND.values()}
    assert {(t, c) for t, c in failed if c.removesuffix("_wide") in names} == set()
