"""Registration of a stream's window of batches; the batches are given, without a broker."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.register.entries import deliveries
from ingest.ways import stream, windows
from ingest.ways.stream_state import folder_of
from schemas.contract import feed
from schemas.credit_code import check_character
from warehouse import tables
from warehouse.settings import settings

SPEC = feed("ent_meter_reading")
NOW = datetime.now(UTC).replace(microsecond=0)


def reading(number: int) -> dict[str, Any]:
    """A valid record, a different one for each number."""
    return {
        "hh": f"33{number:08d}", "xydm": "9133020400000001M" + check_character("9133020400000001M"),
        "sj": (NOW - timedelta(minutes=15 * number)).isoformat(), "sz": 1000 + number, "bl": 20, "dl": 12.5,
    }  # fmt: skip


@pytest.mark.parametrize("was_killed", ["between batches", "within a batch"])
def test_a_window_is_registered_under_the_mapping_of_its_rows(
    home: Path, monkeypatch: pytest.MonkeyPatch, was_killed: str
) -> None:
    """A stream is killed with an open window, and the mapping changes before it goes on."""
    monkeypatch.setenv("BRAIN_KAFKA", "127.0.0.1:9")
    settings.cache_clear()
    mapping = "before"
    monkeypatch.setattr(windows, "mapping_hash", lambda *_: mapping)
    sent = iter(range(1000))

    def keep(batch: Any, folder: Path) -> None:
        folder.mkdir(parents=True)
        if batch == "dies":
            raise KeyboardInterrupt
        values = [json.dumps(reading(next(sent))).encode() for _ in range(10)]
        offsets = [10 * batch + n for n in range(10)]
        times = [int(NOW.timestamp()) * 1_000_000] * 10
        columns = {
            "partition": [0] * 10,
            "offset": offsets,
            "time": times,
            "size": [100] * 10,
            "value": values,
        }
        pq.write_table(pa.table(columns), folder / "part.parquet")

    def started() -> stream.FeedStream:
        feed_stream = stream.FeedStream(None, SPEC, settings(), timedelta(hours=1))  # type: ignore[arg-type]
        (folder_of(SPEC, settings()) / "checkpoint").mkdir(exist_ok=True)
        (folder_of(SPEC, settings()) / "checkpoint" / "metadata").write_text('{"id": "of the query"}\n')
        return feed_stream

    monkeypatch.setattr("ingest.ways.windows.messages.keep", keep)
    first = started()
    first._take_in(0, 0)  # type: ignore[arg-type]
    if was_killed == "within a batch":
        with pytest.raises(KeyboardInterrupt):
            first._take_in("dies", 1)  # type: ignore[arg-type]
    mapping = "after"
    second = started()
    for number in (1, 2):
        second._take_in(number, number)  # type: ignore[arg-type]
    second.stop()
    of_rows = Counter((row["delivery_id"], row["mapping_hash"]) for row in tables.rows(SPEC.name).to_pylist())
    # a delivery has an entry for each day: readings of eight hours may lie on two
    registered: Counter[tuple[str, str]] = Counter()
    for entry in deliveries():
        registered[entry["delivery_id"], entry["mapping_hash"]] += entry["records_raw"]
    assert of_rows == registered and sum(registered.values()) == 30
    assert {mark for _, mark in registered} == {"before", "after"}
