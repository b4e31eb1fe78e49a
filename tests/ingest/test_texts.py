"""Texts of cells: surrounding whitespace is removed."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet
import pytest

from ingest.texts import trimmed_texts


@pytest.mark.parametrize(
    "texts",
    [
        ["a", "b1"],
        [" a", "b"],
        ["a", "b\t"],
        ["a\xa0", "\u3000b"],
        ["", None],
        [None, None],
        [],
        ["a b"],
        ["é "],
    ],
)
def test_texts_are_trimmed_whatever_their_bytes(texts: list[str | None]) -> None:
    given = pa.array(["  before  ", *texts, " after"], pa.string())[1:-1]  # a slice of a longer array
    assert trimmed_texts(given).to_pylist() == [t if t is None else t.strip() for t in texts]
