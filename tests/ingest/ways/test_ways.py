"""The same records as files and as messages give equal tables, and are refused for the same reasons."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo_city.city import CitySpec, generate
from infra import kafka
from ingest.register.entries import deliveries
from ingest.ways.landing import ingest
from ingest.ways.manifest import find_drops
from ingest.ways.stream import streamed
from schemas.contract import Contract, feeds
from schemas.errors import RejectedError
from warehouse import duck, tables
from warehouse.content import Content, content
from warehouse.settings import CHECKOUT, settings

pytestmark = pytest.mark.kafka

STREAMED = streamed(feeds().values())


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a small demo city, one year."""
    folder = tmp_path_factory.mktemp("city")
    generate(CitySpec(scale=0.005, years=(2024,), slips=False), folder / "landing", folder / "truth")
    return folder / "landing"


def held(spec: Contract) -> Content:
    with duck.connect() as connection:
        connection.register("rows", tables.rows(spec.name))
        connection.execute(f"CREATE SCHEMA {spec.area}")
        connection.execute(f"CREATE VIEW {spec.name} AS SELECT * FROM rows")
        return content(connection, spec)


def refusals() -> Counter[tuple[str, str, tuple[str, ...]]]:
    """Feed, original record and reasons → number of records."""
    rows = tables.rows("quarantine.record").to_pylist()
    return Counter((r["feed"], r["source_record"][0], tuple(sorted(r["reasons"]))) for r in rows)


def messages(spec: Contract, landing: Path) -> Iterator[kafka.Record]:
    """The lines of a feed's files as messages, with the time at which the file was sent."""
    refused: list[RejectedError] = []
    for drop in find_drops(landing / spec.table, refused):
        at = int(drop.known_at.timestamp() * 1000)
        for line in drop.path.read_bytes().splitlines():
            yield None, line, at
    assert refused == []


def test_streamed_feeds_give_the_same_tables_from_files_and_topics(
    landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAIN_ENGINE_ADDRESS", "sc://127.0.0.1:1")  # the test needs no shared engine
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "files"))
    settings.cache_clear()
    settings().home.mkdir()
    settings().landing.symlink_to(landing)
    assert ingest([spec.table for spec in STREAMED]).rejected == []
    by_files = {spec.name: held(spec) for spec in STREAMED}
    refused = refusals()
    registered = sum(d["records_in"] for d in deliveries())
    assert all(content.rows > 50 for content in by_files.values()) and refused

    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "topics"))
    with kafka.start(tmp_path / "kafka") as broker:
        for spec in STREAMED:
            assert spec.source.topic is not None
            kafka.create_topics(broker.bootstrap, [spec.source.topic], partitions=2)
            kafka.produce(broker.bootstrap, spec.source.topic, messages(spec, landing))
        subprocess.run(
            [sys.executable, "-m", "portal.cli", "stream", "--once"],
            cwd=CHECKOUT,
            env={**os.environ, "BRAIN_KAFKA": broker.bootstrap},
            check=True,
        )
    settings.cache_clear()
    assert {spec.name: held(spec) for spec in STREAMED} == by_files
    assert refusals() == refused
    assert sum(d["records_in"] for d in deliveries()) == registered
