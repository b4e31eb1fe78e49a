"""Files of an older home: timestamps without a zone, as Spark wrote them once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.contract import contract
from tests.frames import DEFAULTS
from warehouse import tables
from warehouse.tables import DataFile

PARCEL = contract("core.parcel")
KNOWN = datetime(2024, 3, 1, 8, 30, 15, 123456, tzinfo=UTC)


def add(folder: Path, year: str, number: int, *, as_int96: bool) -> None:
    filled = {c: DEFAULTS.get(c) for c in PARCEL.column_names}
    row = filled | {
        "parcel_id": f"p{number}",
        "row_id": f"r{number}",
        "parcel_area_mu": number,
        "known_at": KNOWN,
    }
    schema = pa.schema([f for f in PARCEL.arrow_schema() if f.name != "year"])
    path = folder / f"{number}.parquet"
    given = pa.Table.from_pylist([row], schema)
    pq.write_table(given, path, use_deprecated_int96_timestamps=as_int96, store_schema=False)
    tables.add_files([DataFile(path, {"year": year}, 1)], PARCEL, {})


@pytest.mark.usefixtures("spark")
def test_timestamps_without_a_zone_are_utc(home: Path) -> None:
    tables.create_if_absent(PARCEL)
    add(home, "2022", 1, as_int96=True)
    add(home, "2023", 2, as_int96=False)
    add(home, "2023", 3, as_int96=True)
    rows = tables.read(PARCEL.name).selectExpr("parcel_id", "year", "unix_micros(known_at) as at").collect()
    micros = int(KNOWN.timestamp()) * 1_000_000 + KNOWN.microsecond
    assert sorted(map(tuple, rows)) == [
        ("p1", "2022", micros),
        ("p2", "2023", micros),
        ("p3", "2023", micros),
    ]
    again = tables.read(PARCEL.name).where("year = '2023'")
    tables.replace_periods(again, PARCEL, ["2023"], {})
    kept = tables.rows(PARCEL.name, ["parcel_id", "known_at"]).to_pylist()
    assert {row["parcel_id"]: row["known_at"] for row in kept} == dict.fromkeys(("p1", "p2", "p3"), KNOWN)
