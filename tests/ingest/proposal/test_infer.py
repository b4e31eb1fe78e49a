"""An unknown file becomes a working feed by editing YAML only; an unfinished proposal is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
import yaml
from deltalake import DeltaTable

from ingest.proposal.infer import infer
from ingest.proposal.words import SYNONYMS
from schemas.contract import fields, units
from schemas.errors import RejectedError
from warehouse.settings import CHECKOUT

GOOD = ["91350100M000100Y43", "91110000600037341L", "91370200797522673R"]
UNKNOWN = """Account No,Credit Code,Customer,Consumption (MWh),Billing Month,Tariff class
3302000001,91350100M000100Y43,Ningbo One,125.5,2024-03,T1
3302000002,91110000600037341L,Ningbo Two,88,2024-03,T2
3302000003,91370200797522673R,Ningbo Three,n/a,2024-03,T1
"""
#: What a person writes instead of each TODO.
DECIDED = {
    "title: {zh: TODO, en: TODO}": "title: {zh: 园区用电量, en: Electricity of the park}",
    "description: TODO": "description: Electricity by account and month, not cumulative",
    "owner: TODO": "owner: 某园区管委会",
    "legal_basis: TODO": "legal_basis: administration",
    "legal_source: TODO": "legal_source: 浙政办发〔2019〕62号",
    "access_key: TODO": "access_key: uscc",
    "delivery: TODO": "delivery: snapshot",
    "sender: TODO": "sender: 某园区管委会",
    "group: TODO": "group: energy",
    "cadence: TODO": "cadence: monthly",
    "lateness_days: TODO": "lateness_days: 10",
    "TODO_tariff_class_6": "tariff_class_name",
}


def brain(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command with an installation's own contracts; separately, because settings are read once per process."""
    given = {
        "BRAIN_HOME": str(folder / "home"),
        "BRAIN_SCHEMAS": str(folder / "own"),
        "BRAIN_ENGINE_ADDRESS": "sc://127.0.0.1:1",
    }
    return subprocess.run(
        [sys.executable, "-m", "portal.cli", *words],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        env={**os.environ, **given},
        check=False,
    )


def test_an_unknown_file_becomes_a_feed_by_editing_yaml_only(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    file = tmp_path / "march.csv"
    file.write_text(UNKNOWN, encoding="utf-8")

    proposed = brain(tmp_path, "ingest", "--infer", str(file), "--write", "park_power")
    assert proposed.returncode == 0, proposed.stderr
    path = tmp_path / "own" / "raw" / "park_power.yml"
    text = path.read_text(encoding="utf-8")
    again = brain(tmp_path, "ingest", "--infer", str(file), "--write", "park_power")
    assert again.returncode == 2 and "exists already" in again.stderr
    assert path.read_text(encoding="utf-8") == text

    for words in (("check",), ("ingest",)):
        refused = brain(tmp_path, *words)
        [line] = refused.stderr.strip().splitlines()
        assert refused.returncode == 1
        assert line == f"brain: {path}: title.zh is still TODO; a person must decide it"

    for todo, decided in DECIDED.items():
        assert todo in text, todo
        text = text.replace(todo, decided)
    path.write_text(text, encoding="utf-8")
    entry = proposed.stdout.split("fields.yml beside raw/\n")[1].replace(
        "TODO_tariff_class_6", "tariff_class_name"
    )
    entry = entry.replace("zh: TODO", "zh: 电价类别").replace(
        "description: TODO", "description: Class of tariff."
    )
    (tmp_path / "own" / "fields.yml").write_text(entry, encoding="utf-8")
    checked = brain(tmp_path, "check")
    assert checked.returncode == 0, checked.stderr

    taken = brain(tmp_path, "ingest", "park_power", str(file), "--period", "2024-03", "--json")
    assert taken.returncode == 0, taken.stderr
    [report] = json.loads(taken.stdout)
    assert (report["state"], report["records_raw"], report["records_quarantined"]) == ("taken", 2, 1)
    warehouse = tmp_path / "home" / "warehouse"
    rows = DeltaTable(str(warehouse / "raw" / "park_power")).to_pyarrow_table().to_pylist()
    found = {r["meter_account_code"]: (r["uscc"], str(r["power_kwh"]), r["period"]) for r in rows}
    assert found == {
        "3302000001": (GOOD[0], "125500.00", "2024-03"),
        "3302000002": (GOOD[1], "88000.00", "2024-03"),
    }
    assert {r["tariff_class_name"] for r in rows} == {"T1", "T2"}
    [refused_row] = DeltaTable(str(warehouse / "quarantine" / "record")).to_pyarrow_table().to_pylist()
    assert refused_row["reasons"] == ["power_kwh:type"]


def test_json_output_is_one_array_and_nothing_is_ingested(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    file = tmp_path / "e.csv"
    file.write_text(UNKNOWN, encoding="utf-8")
    done = brain(tmp_path, "ingest", "--infer", str(file), "--json")
    [row] = json.loads(done.stdout)
    assert (row["encoding"], row["delimiter"], row["format"]) == ("utf-8", ",", "csv")
    assert {c["heading"]: c["target"] for c in row["columns"]}["Consumption (MWh)"] == "power_kwh"
    assert not (tmp_path / "home" / "warehouse").exists()


def mapping(path: Path) -> dict[str, dict[str, object]]:
    columns: dict[str, dict[str, object]] = yaml.safe_load(infer(path).contract)["source"]["mapping"]
    return columns


@pytest.mark.parametrize(
    ("encoding", "delimiter", "said"),
    [
        ("utf-8", ",", "utf-8"),
        ("utf-8-sig", ";", "utf-8-sig"),
        ("gb18030", "\t", "gb18030"),
        ("gbk", "|", "gb18030"),
    ],
)
def test_encoding_delimiter_unit_and_dates_are_detected(
    tmp_path: Path, encoding: str, delimiter: str, said: str
) -> None:
    lines = [
        ["序号", "社会信用代码", "户号", "用电量(万千瓦时)", "认定日期", "级别"],
        ["1", GOOD[0], "3302000001", "1,5", "2024/1/5", "国家级"],
        ["2", GOOD[1], "3302000002", "2,5", "2024年1月6日", "省级"],
    ]
    quoted = [[f'"{cell}"' if delimiter in cell else cell for cell in line] for line in lines]
    path = tmp_path / "e.txt"
    path.write_bytes("\n".join(delimiter.join(line) for line in quoted).encode(encoding))
    proposal = infer(path)
    assert (proposal.sample.encoding, proposal.sample.delimiter) == (said, delimiter)
    source = yaml.safe_load(proposal.contract)["source"]
    assert source["mapping"]["uscc"] == {"heading": "社会信用代码"}
    assert source["mapping"]["meter_account_code"] == {"heading": "户号"}
    assert source["mapping"]["level_code"]["codes"] == {"国家级": "national", "省级": "provincial"}
    assert source["ignored"] == ["序号"]
    [dated] = [m for m in source["mapping"].values() if m["heading"] == "认定日期"]
    assert set(dated["date_format"]) == {"yyyy/M/d", "yyyy年M月d日"}
    assert yaml.safe_load(proposal.contract)["key"] == ["uscc", "period"]


def test_content_distinguishes_accounts_with_the_same_heading(tmp_path: Path) -> None:
    power, water = tmp_path / "p.csv", tmp_path / "w.csv"
    power.write_text(f"户号,代码\n3302000001,{GOOD[0]}\n3302000002,{GOOD[1]}\n", encoding="utf-8")
    water.write_text(f"户号,代码\nW330200001,{GOOD[0]}\nW330200002,{GOOD[1]}\n", encoding="utf-8")
    assert set(mapping(power)) == {"meter_account_code", "uscc"}
    assert set(mapping(water)) == {"water_account_code", "uscc"}


def test_a_unit_without_a_factor_excludes_a_field(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text(f'{{"Credit Code": "{GOOD[0]}", "Consumption (m3)": 12.5}}\n', encoding="utf-8")
    assert mapping(path)["water_m3"] == {"heading": "Consumption (m3)", "unit": "立方米"}


def test_merged_headings_unit_line_and_total_lines_of_a_workbook(tmp_path: Path) -> None:
    path = tmp_path / "m.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.merge_range(0, 0, 0, 3, "2023年主要污染物排放")
        sheet.merge_range(1, 0, 2, 0, "单位")
        sheet.merge_range(1, 1, 2, 1, "信用代码")
        sheet.merge_range(1, 2, 1, 3, "废水")
        sheet.write_row(2, 2, ["化学需氧量", "氨氮"])
        sheet.write_row(3, 0, ["-", "-", "千克", "吨"])
        sheet.write_row(4, 0, ["甲", GOOD[0], 12.5, 1])
        sheet.write_row(5, 0, ["乙", GOOD[1], 13, 2])
        sheet.write_row(6, 0, ["合 计", "", 25.5, 3])
    archive = tmp_path / "m.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(path, "m.xlsx")
    for file in (path, archive):
        source = yaml.safe_load(infer(file).contract)["source"]
        assert (source["title_rows"], source["heading_rows"], source["unit_rows"]) == (1, 2, 1)
        assert source["mapping"]["cod_t"] == {"heading": "废水/化学需氧量", "unit": "千克"}
        assert source["totals"] == {"单位": "合 计"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        ("甲,乙\n".encode("utf-16"), "UTF-16"),
        (b"a,b\n\xff\xff\xff,1\n", "neither UTF-8 nor GB18030"),
        (b'a,b\n1,"x\n2,y\n', "a quote is never closed"),
        (b"a,b\n", "headings but no record"),
        (b"a,a\n1,2\n", "a heading twice"),
        ("2023年统计表,,\n甲,乙,丙\n1,2,3\n".encode(), "line 1 is a title"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(RejectedError, match=said) as refused:
        infer(path)
    assert "\n" not in str(refused.value)


def test_synonyms_name_fields_and_units_that_exist() -> None:
    assert set(SYNONYMS["fields"]) - set(fields()) == set()
    known = set(units()) | {e.unit for e in fields().values()}
    assert set(SYNONYMS["units"]) - known == set()
    words = [w for words in SYNONYMS["fields"].values() for w in words]
    assert all(isinstance(w, str) for w in (*words, *SYNONYMS["ignored"], *SYNONYMS["flags"]["true"]))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("raw/gov_tax.yml", "title: {}", "raw.gov_tax is a contract of the package"),
        (
            "fields.yml",
            "uscc: {type: string, zh: 码, en: Code, description: d}",
            "uscc is in schemas/fields/shared.yml already",
        ),
        (
            "fields.yml",
            "gas_m3: {type: string, zh: 气, en: Gas, description: TODO}",
            "gas_m3.description is still TODO",
        ),
        ("units.yml", "千瓦时: {千瓦时: 2}", "千瓦时 to 千瓦时 is 1 in schemas/units.yml, not 2"),
    ],
)
def test_an_installation_cannot_change_definitions_of_the_package(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    path = tmp_path / "own" / name
    path.parent.mkdir(parents=True)
    if name.startswith("raw/"):
        content = (CHECKOUT / "schemas" / name).read_text(encoding="utf-8")
    path.write_text(content, encoding="utf-8")
    done = brain(tmp_path, "check")
    assert done.returncode == 1 and said in done.stderr and str(path) in done.stderr
