"""The corrected file of ``bench demo`` is ingested like any office's file."""

from __future__ import annotations

from pathlib import Path

from benchmarks.demo import correct_one_file
from ingest.register.entries import deliveries
from ingest.ways.landing import ingest
from pipeline.fingerprint import stale_tables


def test_the_corrected_file_is_ingested_and_makes_its_year_stale(built_copy: Path) -> None:
    correct_one_file(built_copy)
    [sent] = [file for file in ingest().files if file.state != "repeated"]
    assert (sent.state, sent.feed, sent.period) == ("taken", "gov_tax", "2023")
    assert stale_tables(deliveries())["core.enterprise_year"] == ["2023"]
