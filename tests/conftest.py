"""One Spark engine for the whole run; a home of its own for each test that writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from warehouse import engine
from warehouse.settings import Settings, settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def engine_remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the engine that all tests share; started when first asked for."""
    config = Settings(
        home=tmp_path_factory.mktemp("engine"), spark_memory="2g", engine_idle_minutes=120, spark_remote=None
    )
    engine.connect(config)
    yield engine._remote(config)
    engine.stop(config)


@pytest.fixture(scope="session")
def spark(engine_remote: str) -> SparkSession:
    return engine._session(engine_remote)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine_remote: str) -> Iterator[Path]:
    """An empty home on the shared engine."""
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BRAIN_SPARK_REMOTE", engine_remote)
    settings.cache_clear()
    yield settings().home
    settings.cache_clear()
