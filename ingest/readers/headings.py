"""Headings: those that the mapping reads, those that the file lacks, and unknown ones."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow.compute as pc

from ingest.readers.bounds import MAX_HEADINGS
from ingest.readers.records import CELL, Records, source_of
from schemas.contract import Feed
from schemas.errors import RejectedError
from schemas.source import Source


def unknown_headings(source: Source, headings: Sequence[str]) -> list[str]:
    """Headings that the mapping neither reads nor ignores by name: the sender has changed something."""
    known = set(source.headings) | set(source.ignored)
    return [h for h in headings if h not in known]


def some(headings: Sequence[str]) -> str:
    """Headings for a message, which is one line."""
    more = f" and {len(headings) - 12:,} more" if len(headings) > 12 else ""
    return ", ".join(" ".join(h[:40].split()) for h in headings[:12]) + more


def check_headings(name: str, source: Source, headings: Sequence[str]) -> None:
    """
    Raises:
        RejectedError: there are too many headings, one that the mapping needs is missing, or one appears twice.
    """
    if len(headings) > MAX_HEADINGS:
        raise RejectedError(
            f"{name}: {len(headings):,} columns in the heading; at most {MAX_HEADINGS:,} are read"
        )
    missing = [h for h in source.needed_headings if h not in headings]
    if missing:
        raise RejectedError(f"{name}: no column {some(missing)}; the file has {some(headings)}")
    repeated = sorted({h for h in headings if headings.count(h) > 1})
    if repeated:
        raise RejectedError(f"{name}: column {some(repeated)} appears more than once")


def check_fields(name: str, spec: Feed, records: Records) -> None:
    """Check required fields of JSON records: without a heading line, a required field in no record is a missing column.

    Raises:
        RejectedError: no record has a field that the table requires.
    """
    source = source_of(spec)
    required = [
        source.mapping[c.name].heading for c in spec.columns if c.required and c.name in source.mapping
    ]
    missing = [
        h
        for h in required
        if h and not pc.any(pc.not_equal(records.table[f"{CELL}{records.headings.index(h)}"], "")).as_py()
    ]
    if missing:
        raise RejectedError(f"{name}: no record has a field {', '.join(missing)}")
