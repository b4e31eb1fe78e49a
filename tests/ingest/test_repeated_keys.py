"""Of records with the same key the first one is accepted, wherever they are in the file."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from ingest.load import Inbox
from ingest.readers.records import Records
from ingest.repeated_keys import repeated_keys
from schemas.contract import feed


def test_repeated_keys_are_found_at_their_positions_in_the_file(tmp_path: Path) -> None:
    """Several threads work on many blocks; positions must still be those of the file."""
    spec = feed("gov_electricity")
    headings = spec.source.headings
    count, block, repeated = 600_000, 3_000, list(range(1_500, 600_000, 3_000))
    texts = [f"33{n:08d}" for n in range(count)]
    for position in repeated:
        texts[position] = texts[position - 1]
    blocks = []
    for start in range(0, count, block):
        cells = {f"cell_{i}": pa.array(texts[start : start + block]) for i in range(len(headings))}
        blocks.append(pa.table({**cells, "record_reason": pa.nulls(block, pa.string())}))
    records = Records(list(headings), pa.concat_tables(blocks))
    with Inbox(tmp_path / "inbox") as inbox:
        for _ in range(5):
            assert repeated_keys(inbox.connection, spec, records).tolist() == repeated
