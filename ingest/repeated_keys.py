"""Records of a snapshot whose key an earlier record of the same delivery has."""

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
    """Positions of records whose key an earlier record of the delivery has."""
    keys = [k for k in spec.key if k in spec.source.mapping and spec.source.mapping[k].heading]
    column_of = cell_columns(records)
    # for a heading that the current mapping reads and the file lacks
    nulls = pa.nulls(records.count, pa.string())
    columns = [column_of.get(spec.source.mapping[k].heading or "") for k in keys]
    texts = [records.table[c] if c else nulls for c in columns]
    trimmed = pa.table([trimmed_texts(t) for t in texts], names=keys)
    # DuckDB returns rows in no defined order
    connection.register("keys", trimmed.append_column("position", pa.array(np.arange(records.count))))
    hashed = connection.execute(f"SELECT position, hash({', '.join(keys)}) AS h FROM keys").fetchnumpy()
    connection.unregister("keys")
    hashes = np.empty(records.count, np.uint64)
    hashes[hashed["position"]] = hashed["h"]
    ordered = np.sort(hashes)
    repeated_hashes = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(repeated_hashes):
        return np.array([], np.int64)
    # few candidates remain; their keys are compared because different keys may share a hash
    candidates = np.flatnonzero(np.isin(hashes, repeated_hashes))
    candidates = candidates[pc.is_null(records.table[RECORD_REASON]).to_numpy()[candidates]]
    seen: set[tuple[str, ...]] = set()
    repeated = []
    rows = trimmed.take(pa.array(candidates)).to_pydict()
    for position, row in zip(candidates.tolist(), zip(*rows.values(), strict=True), strict=True):
        if row in seen:
            repeated.append(position)
        seen.add(row)
    return np.array(repeated, np.int64)
