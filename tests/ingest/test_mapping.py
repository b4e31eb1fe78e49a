"""The mapping compared with plain Python, text by text, for files and for messages."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from ingest.load import Inbox, Loaded, Origin, load, map_records
from ingest.readers.files import read_records
from ingest.readers.messages import ARRIVED as ARRIVED_AT
from ingest.readers.messages import KEPT_BYTES, records_of
from ingest.readers.records import SOURCE_ROW, Records
from ingest.register.deliveries import Drop
from schemas.contract import Feed, code_list, fields
from schemas.credit_code import check_character
from schemas.field import Column
from tests.oracles import mapping as oracle


def _code(random_: random.Random) -> str:
    first = "91330204" + "".join(random_.choice("0123456789ABCDEFGHJKLMNPQRTUWXY") for _ in range(9))
    return first + (check_character(first) if random_.random() < 0.8 else "0")


def _number(random_: random.Random) -> str:
    whole = random_.randrange(10 ** random_.randrange(1, 11))
    decimals = random_.randrange(0, 13)
    fraction = "." + "".join(random_.choice("0123456789") for _ in range(decimals)) if decimals else ""
    return f"{'-' if random_.random() < 0.02 else ''}{whole}{fraction}"


Cells = Mapping[str, str]

#: Lines that are no records.
BROKEN = ["nonsense", "{", "[]", "[{}]", '"x"', "7", "null"]

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


def _lines(count: int) -> list[tuple[str, Cells | None]]:
    """Lines with their cells; most records are valid except for a few odd cells, and some lines are no records."""
    random_ = random.Random(4)
    lines: list[tuple[str, Cells | None]] = []
    for number in range(count):
        cells = {
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
        for heading in random_.sample(list(cells), random_.randrange(3)):
            cells[heading] = random_.choice(ODD)
        if random_.random() < 0.05:
            del cells[random_.choice(list(cells))]
        is_escaped = random_.random() < 0.3
        parts = []
        for heading, text in cells.items():
            # some numbers are written as JSON numbers
            is_number = bool(re.fullmatch(r"-?(0|[1-9][0-9]*)([.][0-9]+)?", text))
            is_bare = is_number and heading in ("电量", "面积", "人数") and random_.random() < 0.5
            written = text if is_bare else json.dumps(text, ensure_ascii=is_escaped)
            parts.append(f"{json.dumps(heading, ensure_ascii=is_escaped)}: {written}")
        lines.append((f"{{{', '.join(parts)}}}", cells))
    nested = '{"a": [1, 2.5]}'
    lines += [(f'{{"编号": {nested}}}', {"编号": nested}), ('{"编号": null}', {}), ("{}", {})]
    return [*lines, *((line, None) for line in BROKEN)]


FACTORS = {"power_kwh": Decimal(10000), "parcel_area_mu": Decimal("0.0015"), "energy_tce": Decimal(1)}

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

COLUMNS: dict[str, dict[str, Any]] = {
    "event_id": {"required": True},
    "uscc": {"required": True},
    "meter_account_code": {},
    "power_kwh": {"required": True},
    "parcel_area_mu": {},
    "energy_tce": {},
    "insured_count": {},
    "registered_date": {},
    "event_date": {"domain": {"not_before": "registered_date"}},
    "is_disputed": {},
    "is_above_scale": {},
    "penalty_code": {},
    "document_code": {},
    "moment_at": {},
}

MOMENT = {"type": "timestamp", "zh": "时间", "en": "Time", "description": "A moment."}

SPEC = Feed.model_validate(
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

ARRIVED = datetime(2024, 12, 31, 16, tzinfo=UTC)


def _expected(cells: Cells | None) -> tuple[dict[str, Any], set[str]]:
    """Values of the columns, and the reasons for refusing the record."""
    reasons: set[str] = set()
    given = cells or {}
    if any("\0" in text for text in given.values()):
        reasons.add("record:nul")
    values: dict[str, Any] = {}
    for column in SPEC.columns:
        if column.name in MAPPING:
            how = MAPPING[column.name]
            text = oracle.trimmed(given.get(how["heading"]))
            formats = how.get("date_format", ())
            values[column.name] = oracle.value_of(
                text,
                column.type,
                {
                    "codes": how.get("codes"),
                    "formats": (formats,) if isinstance(formats, str) else formats,
                    "factor": FACTORS.get(column.name),
                },
            )
            reasons |= {f"{column.name}:{rule}" for rule in _faults(column, how, text, values)}
    stamp = oracle.trimmed(given.get("时间"))
    values["period"] = _day_of(stamp)
    if values["period"] is None:
        reasons.add("period:form" if stamp else "period:missing")
    if at := values["moment_at"]:
        reasons |= {"moment_at:future"} if at > ARRIVED + timedelta(minutes=10) else set()
        reasons |= {"moment_at:late"} if at < ARRIVED - timedelta(days=3) else set()
    # of a record that cannot be taken apart nothing else is known
    return values, {"record:json"} if cells is None else reasons


def _day_of(stamp: str | None) -> str | None:
    """The day at the start of a time: a real day of the years 1900 to 2099 in ASCII digits, else None."""
    text = (stamp or "")[:10]
    try:
        is_day = text.isascii() and text[4:8:3] == "--" and str(date.fromisoformat(text)) == text
    except ValueError:
        return None
    return text if is_day and text[:2] in ("19", "20") else None


def _faults(column: Column, how: Mapping[str, Any], text: str | None, values: Mapping[str, Any]) -> list[str]:
    """Rules that a cell breaks; columns before it have their values."""
    found, value = [], values[column.name]
    if column.required and text is None:
        found.append("missing")
    if text is not None and value is None:
        found.append("code" if how.get("codes") else "date" if column.type == "date" else "type")
    domain = column.domain
    is_free = column.type == "string" and not (
        how.get("codes") or domain.pattern or domain.codes or domain.check
    )
    if is_free and text is not None and oracle.is_formula(text):
        found.append("formula")
    if value is None:
        return found
    if (domain.min is not None and value < domain.min) or (domain.max is not None and value > domain.max):
        found.append("domain")
    if domain.pattern and not re.fullmatch(domain.pattern, value, re.ASCII):
        found.append("pattern")
    if domain.codes and value not in code_list(domain.codes):
        found.append("code")
    if domain.check == "uscc" and not oracle.is_credit_code(value):
        found.append("check")
    if domain.not_before and (earlier := values[domain.not_before]) and value < earlier:
        found.append("order")
    return found


def _of_files(lines: Sequence[str], folder: Path) -> dict[int, dict[str, Any]]:
    path = folder / "trial.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    records = read_records(path, SPEC, folder)
    drop = Drop(path, SPEC.table, "2024-12-31", "", "c", None, ARRIVED)
    with Inbox(folder / "loaded") as inbox:
        return _rows(load(SPEC, drop, records, inbox))


def _of_messages(lines: Sequence[str], folder: Path) -> dict[int, dict[str, Any]]:
    came = int(ARRIVED.timestamp()) * 1_000_000
    values = [line.encode() for line in lines]
    messages = pa.table(
        {
            "partition": pa.array([0] * len(lines), pa.int32()),
            "offset": pa.array(range(1, len(lines) + 1), pa.int64()),
            "time": pa.array([came + n for n in range(len(lines))], pa.int64()),
            "size": [len(value) for value in values],
            "value": pa.array(values, pa.binary()),
        }
    )
    records = records_of(messages, SPEC, "trial", ARRIVED)
    origin = Origin("d", "m", ARRIVED_AT, f"concat('r', {SOURCE_ROW})", "'2024-12-31'")
    with Inbox(folder / "mapped") as inbox:
        return _rows(map_records(SPEC, origin, records, inbox.connection, inbox.folder))


def _rows(loaded: Loaded) -> dict[int, dict[str, Any]]:
    found = {}
    for file in loaded.accepted + loaded.refused:
        for row in pa.parquet.read_table(file.path, partitioning=None).to_pylist():
            found[row["source_row"]] = {**row, "period": row.get("period", file.partition.get("period"))}
    assert len(found) == loaded.records
    return found


@pytest.mark.parametrize("way", [_of_files, _of_messages])
def test_every_text_is_mapped_as_the_oracle_says(
    way: Callable[[Sequence[str], Path], dict[int, dict[str, Any]]], tmp_path: Path
) -> None:
    lines = _lines(4000)
    found = way([line for line, _ in lines], tmp_path)
    assert sorted(found) == list(range(1, len(lines) + 1))
    differences: list[Any] = []
    accepted = 0
    for number, (line, cells) in enumerate(lines, start=1):
        row, (values, reasons) = found[number], _expected(cells)
        accepted += not reasons
        if reasons != set(row.get("reasons", ())):
            differences.append((line, reasons ^ set(row.get("reasons", ()))))
        elif not reasons:
            odd = {n: (v, row[n]) for n, v in values.items() if v != row[n]}
            differences += [(line, odd)] if odd else []
        else:
            assert row["record_key"] == (oracle.trimmed((cells or {}).get("编号")) or "")
        assert row["source_record"] == [line]
    assert differences[:5] == []
    assert 300 < accepted < 3000


def test_a_message_that_is_no_text_is_kept_in_part_with_a_reason(tmp_path: Path) -> None:
    values = [None, b"", b"\xb5\xe7", b"x" * 70_000, '{"编号": "e"}'.encode()]
    messages = pa.table(
        {
            "partition": pa.array([3, 1, 2, 0, 0], pa.int32()),
            "offset": pa.array([5, 6, 7, 8, 9], pa.int64()),
            "time": pa.array([0] * 5, pa.int64()),
            "size": pa.array([None, 0, 2, 2 << 20, 13], pa.int64()),
            "value": pa.array(values, pa.binary()),
        }
    )
    records: Records = records_of(messages, SPEC, "trial", ARRIVED)
    by_offset = {row["source_row"]: row for row in records.table.to_pylist()}
    reasons = {offset: row["record_reason"] for offset, row in by_offset.items()}
    assert reasons == {5: "record:json", 6: "record:json", 7: "record:encoding", 8: "record:size", 9: None}
    assert by_offset[7]["raw_text"] == "base64:tec="
    assert len(by_offset[8]["raw_text"]) == len("base64:") + 4 * -(-KEPT_BYTES // 3)
    assert (by_offset[5]["source_file"], by_offset[9]["source_file"]) == ("trial/3", "trial/0")
    assert by_offset[9]["arrived_at"] == datetime(1970, 1, 1, tzinfo=UTC)
