"""Records of a snapshot whose key another record has before them."""

from __future__ import annotations

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.readers.records import RECORD_REASON, Records, cell_columns
from ingest.texts import trimmed_texts
from schemas.contract import Feed


def repeated_keys(
    connection: duckdb.DuckDBPyConnection, spec: Feed, records: Records
) -> npt.NDArray[np.int64]:
    """Positions of records whose key another record of the delivery has before them."""
    keys = [k for k in spec.key if k in spec.source.mapping and spec.source.mapping[k].heading]
    place = cell_columns(records)
    # of a heading that today's mapping reads and the file lacks
    nothing = pa.nulls(records.count, pa.string())
    cells = [place.get(spec.source.mapping[k].heading or "") for k in keys]
    texts = [records.table[c] if c else nothing for c in cells]
    trimmed = pa.table([trimmed_texts(t) for t in texts], names=keys)
    # DuckDB gives rows back in no order
    connection.register("keys", trimmed.append_column("position", pa.array(np.arange(records.count))))
    found = connection.execute(f"SELECT position, hash({', '.join(keys)}) AS h FROM keys").fetchnumpy()
    connection.unregister("keys")
    hashes = np.empty(records.count, np.uint64)
    hashes[found["position"]] = found["h"]
    ordered = np.sort(hashes)
    again = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(again):
        return np.array([], np.int64)
    # few are left, and among them may be different keys of the same hash
    candidates = np.flatnonzero(np.isin(hashes, again))
    whole = pc.is_null(records.table[RECORD_REASON]).to_numpy()[candidates]
    seen: set[tuple[str, ...]] = set()
    repeated = []
    rows = trimmed.take(pa.array(candidates[whole])).to_pydict()
    for position, row in zip(candidates[whole].tolist(), zip(*rows.values(), strict=True), strict=True):
        if row in seen:
            repeated.append(position)
        seen.add(row)
    return np.array(repeated, np.int64)
