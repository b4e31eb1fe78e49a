"""Applies planted faults to a delivery's cells and lists them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo_city.delivery import source_row
from demo_city.faults.plan import Edit
from demo_city.frame import Frame


def apply(frame: Frame, edits: Iterable[Edit], file: str) -> tuple[Frame, list[dict[str, Any]]]:
    """The frame with the edits applied, and their entries of the truth list (without ``id``).

    Raises:
        LookupError: the frame has no record that an edit names.
    """
    edits = list(edits)
    columns = dict(frame.columns)
    for name in {name for e in edits for name in e.change}:
        columns[name] = columns[name].cast(pa.string())
    rows = [_row_of(frame, edit) for edit in edits]
    dropped = [row for row, edit in zip(rows, edits, strict=True) if edit.drop]
    # cells of the edited records, by column and row
    changed = sorted(set(rows))
    texts = {
        name: dict(zip(changed, columns[name].take(pa.array(changed, pa.int64())).to_pylist(), strict=True))
        for name in {n for e in edits for n in e.change}
    }
    truth = []
    for row, edit in zip(rows, edits, strict=True):
        for name, change in edit.change.items():
            texts[name][row] = change(texts[name][row]) if callable(change) else change
        cells = {frame.source.mapping[name].heading: texts[name][row] for name in edit.change}
        key: dict[str, Any] = {**edit.where, **{n: texts[n][row] for n in edit.where if n in texts}}
        if not edit.drop:
            key["row"] = source_row(frame.source, row - sum(d < row for d in dropped))
        truth += [
            {
                "kind": edit.kind,
                "feed": frame.feed,
                "period": frame.period,
                "part": frame.part,
                "file": file,
                "key": key,
                "cells": cells,
                "outcome": outcome,
            }
            for outcome in edit.outcomes
        ]
    columns |= {name: _with_cells(columns[name], cells) for name, cells in texts.items()}
    if dropped:
        kept = np.setdiff1d(np.arange(frame.rows), dropped)
        columns = {name: column.take(pa.array(kept)) for name, column in columns.items()}
    return replace(frame, columns=columns), truth


def _with_cells(column: pa.Array, cells: Mapping[int, str | None]) -> pa.Array:
    """A column of texts with other cells at some positions."""
    positions = sorted(cells)
    mask = np.zeros(len(column), dtype=bool)
    mask[positions] = True
    texts = pa.array([cells[position] for position in positions], type=pa.string())
    return pc.replace_with_mask(column, pa.array(mask), texts)


def _row_of(frame: Frame, edit: Edit) -> int:
    """Position of the first record that matches all of the edit's ``where``."""
    mask = None
    for name, value in edit.where.items():
        match = pc.equal(frame.columns[name].cast(pa.string()), value)
        mask = match if mask is None else pc.and_(mask, match)
    row = pc.index(pc.fill_null(mask, False), True).as_py()
    if row < 0:
        raise LookupError(f"{edit.kind}: no record {edit.where} in {frame.feed} {frame.period} {frame.part}")
    return int(row)
