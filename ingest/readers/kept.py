"""Kept original records as records of a reader, for remapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from ingest.readers.json_cells import json_batches
from ingest.readers.records import Records, cell_table, from_file, in_memory, mark_nul, source_of, with_broken
from ingest.readers.sheets import mark_valueless
from schemas.contract import Feed
from schemas.source import Source


def kept(by_file: Mapping[str, Sequence[tuple[int, list[str]]]], headings: list[str], spec: Feed) -> Records:
    """Kept original records as they were sent.

    Args:
        by_file: file → record numbers and original records.
        headings: the delivery's headings as registered.
    """
    source, of_one = source_of(spec), _kept_cells
    if source.format == "jsonl":
        headings, of_one = list(dict.fromkeys((*source.headings, *headings))), _kept_lines
    else:
        headings = source.named(headings)
    parts = [from_file(of_one(records, headings, source), file) for file, records in sorted(by_file.items())]
    return Records(headings, pa.concat_tables([part.table for part in parts]))


def _kept_lines(records: Sequence[tuple[int, list[str]]], headings: list[str], source: Source) -> Records:
    return in_memory(json_batches(((n, cells[0]) for n, cells in records), source), headings)


def _kept_cells(records: Sequence[tuple[int, list[str]]], headings: list[str], source: Source) -> Records:
    complete = [r for r in records if len(r[1]) == len(headings)]
    broken = [(n, cells[0] if cells else "") for n, cells in records if len(cells) != len(headings)]
    columns = [pa.array([cells[i] for _, cells in complete], pa.string()) for i in range(len(headings))]
    table = cell_table(columns, np.array([n for n, _ in complete], np.int64))
    table = mark_nul(with_broken(table, broken))
    return Records(headings, mark_valueless(table, headings, source) if source.format == "excel" else table)
