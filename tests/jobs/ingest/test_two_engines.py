"""The same mapping in two engines: what DuckDB makes of a file Spark makes of a stream, text by text."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.ingest.deliveries import Drop
from jobs.ingest.files import read_records
from jobs.ingest.load import Inbox, load
from jobs.ingest.stream import map_lines
from schemas.contract import Contract, fields
from schemas.credit_code import check_character

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ARRIVED = datetime(2024, 12, 31, 16, tzinfo=UTC)
MOMENT = {"type": "timestamp", "zh": "时间", "en": "Time", "description": "A moment."}
COLUMNS: dict[str, dict[str, Any]] = {
    "event_id": {"required": True},
    "uscc": {"required": True},
    "meter_account_code": {},
    "power_kwh": {"required": True},
    "parcel_area_mu": {},
    "energy_tce": {},
    "insured_count": {},
    "event_date": {},
    "registered_date": {},
    "is_disputed": {},
    "is_above_scale": {},
    "penalty_code": {},
    "document_code": {},
    "moment_at": {},
}
MAPPING: dict[str, dict[str, Any]] = {
    "event_id": {"heading": "编号"},
    "uscc": {"heading": "代码"},
    "meter_account_code": {"heading": "户号"},
    "power_kwh": {"heading": "电量", "unit": "万千瓦时"},
    "parcel_area_mu": {"heading": "面积", "unit": "平方米"},
    "energy_tce": {"heading": "能耗", "unit": "吨标准煤"},
    "insured_count": {"heading": "人数"},
    "event_date": {"heading": "日期", "date_format": ("yyyy-MM-dd", "yyyy/M/d", "yyyy年M月d日")},
    "registered_date": {"heading": "成立", "date_format": "yyyyMMdd"},
    "is_disputed": {"heading": "争议", "codes": {"是": "true", "否": "false", "it's": "true"}},
    "is_above_scale": {"heading": "规上"},
    "penalty_code": {"heading": "事由", "codes": {"偷逃税": "tax_evasion", "未知": "no_such_code"}},
    "document_code": {"heading": "文号"},
    "moment_at": {"heading": "时间"},
}
SPEC = Contract.model_validate(
    {
        "area": "raw",
        "table": "ent_trial",
        "title": {"zh": "试", "en": "Trial"},
        "description": "For this test.",
        "grain": "one row per record",
        "key": ["event_id", "period"],
        "period": "period",
        "owner": "平台",
        "legal_basis": "administration",
        "legal_source": "试",
        "access_key": "public",
        "delivery": "event",
        "columns": [
            {"name": name, **(MOMENT if name == "moment_at" else fields()[name].model_dump()), **override}
            for name, override in {
                **COLUMNS,
                **{
                    n: {"required": True}
                    for n in (
                        "period", "row_id", "delivery_id", "source_file", "source_row", "source_record",
                        "mapping_hash", "known_at",
                    )
                },
            }.items()
        ],
        "source": {
            "sender": "试",
            "format": "jsonl",
            "cadence": "continuous",
            "lateness_days": 3,
            "period_from": {"heading": "时间", "length": 10},
            "event_time": "moment_at",
            "late": "quarantine",
            "topic": "trial",
            "mapping": MAPPING,
        },
    }
)  # fmt: skip

ODD = [
    "",
    " ",
    "null",
    "NaN",
    "Infinity",
    "-",
    "+",
    ".",
    "0x1F",
    "1_000",
    "1,234.5",
    "１２",
    "1e3",
    "1E-2",
    "1.5e300",
    "1e9999",
    "12.5",
    "-0",
    "+7",
    "007",
    ".5",
    "5.",
    "1.2.3",
    "9" * 12,
    "9" * 13,
    "9" * 18,
    "9" * 19,
    "9" * 400,
    "-3",
    "2147483648",
    "0.00005",
    "0.00004999999999",
    "123456789.123456789",
    "99999999999.9999",
    "0.0000000000001",
    "1.23456789055",
    "abc",
    "2024-02-29",
    "2023-02-29",
    "2024-1-5",
    "20240-01-01",
    "0001-01-01",
    "2024/1/5",
    "2024/13/1",
    "2024年12月3日",
    "20241203",
    "2024-12-31T00:15:00+08:00",
    "2024-12-31 00:15",
    "2024-12-31T24:00:00+08:00",
    "2024-12-31T23:59:59.123456Z",
    "2025-06-01T00:00:00+08:00",
    "2024-01-01T00:00:00+08:00",
    "2024-12-31T00:15:00+99:00",
    "2024-12-31T00:15:00",
    "是",
    "否",
    "it's",
    "true",
    "TRUE",
    "t",
    "1",
    "0",
    "yes",
    "false",
    "偷逃税",
    "未知",
    "\u3000是\u3000",
    "\xa01\xa0",
    "\t7\n",
    "3302000001",
    "3302000001\n",
    "a\\b",
    "a'b",
    'a"b',
    "\\d",
    "é",
    "😀",
    "$1",
    "{}",
    "[1]",
    "\u0000",
    "91350100M000100Y43",
    "91350100M000100Y4Z",
    "91350100m000100y43",
]


def _code(random_: random.Random) -> str:
    first = "91330204" + "".join(random_.choice("0123456789ABCDEFGHJKLMNPQRTUWXY") for _ in range(9))
    return first + (check_character(first) if random_.random() < 0.8 else "0")


def _number(random_: random.Random) -> str:
    whole = random_.randrange(10 ** random_.randrange(1, 11))
    decimals = random_.randrange(0, 13)
    fraction = "." + "".join(random_.choice("0123456789") for _ in range(decimals)) if decimals else ""
    return f"{'-' if random_.random() < 0.02 else ''}{whole}{fraction}"


def _lines(count: int) -> list[str]:
    """Records most of which are good, each with a few odd cells; some lines are no records at all."""
    random_ = random.Random(4)
    lines = []
    for number in range(count):
        good = {
            "编号": f"e{number}",
            "代码": _code(random_),
            "户号": "3302000001",
            "电量": _number(random_),
            "面积": _number(random_),
            "能耗": _number(random_),
            "人数": str(random_.randrange(-5, 10**6)),
            "日期": "2024-05-06",
            "成立": "20010203",
            "争议": "是",
            "规上": "true",
            "事由": "偷逃税",
            "文号": "甲",
            "时间": f"2024-12-{random_.randrange(27, 32)}T0{random_.randrange(10)}:15:00+08:00",
        }
        for heading in random_.sample(list(good), random_.randrange(3)):
            good[heading] = random_.choice(ODD)
        if random_.random() < 0.05:
            del good[random_.choice(list(good))]
        text = json.dumps(good, ensure_ascii=random_.random() < 0.3)
        for heading in ("电量", "面积", "人数"):  # numbers as JSON numbers, where they are some
            if random_.random() < 0.5 and good.get(heading, "").lstrip("-").replace(".", "", 1).isdecimal():
                bare = good[heading]
                if bare.lstrip("-").startswith("0") and len(bare.lstrip("-").split(".")[0]) > 1:
                    continue
                text = text.replace(f'"{bare}"', bare, 1)
        lines.append(text)
    nested = '{"编号": {"a": [1, 2.5]}}'
    return [*lines, "", "nonsense", "{", "[]", "[{}]", '{"编号": null}', nested, "{}", '"x"', "7", "null"]


def _of_duckdb(lines: list[str], folder: Path) -> dict[int, dict[str, Any]]:
    path = folder / "trial.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    records = read_records(path, SPEC, folder)
    drop = Drop(path, SPEC.table, "2024-12-31", "", "c", None, ARRIVED)
    found = {}
    with Inbox(folder / "loaded") as inbox:
        loaded = load(SPEC, drop, records, inbox)
        for file in loaded.accepted + loaded.refused:
            table = pa.parquet.read_table(file.path, partitioning=None)
            for row in table.to_pylist():
                found[row["source_row"]] = {**row, "period": row.get("period", file.partition.get("period"))}
    assert len(found) == loaded.records
    return found


def _of_spark(lines: list[str], spark: SparkSession) -> dict[int, dict[str, Any]]:
    from pyspark.sql import functions as F

    rows = [(n, line) for n, line in enumerate(lines, start=1) if line.strip()]
    frame = spark.createDataFrame(rows, "source_row bigint, raw_text string").select(
        F.lit("trial/0").alias("source_file"),
        "source_row",
        F.lit(0).alias("partition"),
        F.lit(ARRIVED).cast("timestamp").alias("known_at"),
        "raw_text",
        F.lit(None).cast("string").alias("unreadable"),
        F.lit(None).cast("string").alias("kept_bytes"),
    )
    table = map_lines(frame, SPEC).toArrow()
    return {row["source_row"]: row for row in table.to_pylist()}


def test_both_engines_read_the_same_texts_alike(spark: SparkSession, tmp_path: Path) -> None:
    lines = _lines(4000)
    duckdb, sparks = _of_duckdb(lines, tmp_path), _of_spark(lines, spark)
    assert set(duckdb) == set(sparks)
    differences = []
    accepted = refused = 0
    for number, row in sorted(duckdb.items()):
        other = sparks[number]
        is_refused = "reasons" in row
        accepted, refused = accepted + (not is_refused), refused + is_refused
        if is_refused != other["is_refused"]:
            differences.append((lines[number - 1], row.get("reasons"), other["reasons"]))
        elif is_refused:
            if set(row["reasons"]) != set(other["reasons"]):
                differences.append((lines[number - 1], row["reasons"], other["reasons"]))
        else:
            ours = {name: row[name] for name in (*COLUMNS, "period", "source_record")}
            theirs = {name: other[name] for name in ours}
            if ours != theirs:
                odd = {n: (ours[n], theirs[n]) for n in ours if ours[n] != theirs[n]}
                differences.append((lines[number - 1], odd))
    assert differences[:5] == []
    assert accepted > 300 and refused > 1000
