"""What ``bench demo`` sends is taken in as any office's file is."""

from __future__ import annotations

from pathlib import Path

from benchmarks.demo import correct_one_file
from ingest.register.entries import deliveries
from ingest.ways.landing import ingest
from pipeline.fingerprint import stale_tables


def test_the_corrected_file_is_taken_in_and_makes_its_year_anew(built_copy: Path) -> None:
    correct_one_file(built_copy)
    [sent] = [file for file in ingest().files if file.state != "repeated"]
    assert (sent.state, sent.feed, sent.period) == ("taken", "gov_tax", "2023")
    assert stale_tables(deliveries())["core.enterprise_year"] == ["2023"]
