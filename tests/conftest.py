"""An engine for each process of the tests, a city built for all, and a separate home for each test that writes."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from filelock import FileLock

from tests.built_city import BuiltCity, at_home, build, change, copy
from warehouse import engine
from warehouse.settings import Settings, settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# a process of pytest-xdist has the size of a terminal, though it has none, and commands would cut their tables to it
os.environ.pop("COLUMNS", None)
# an example's time depends on what else the machine does, so it decides nothing
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def engine_remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the engine that all tests share; it starts at first use."""
    config = Settings(
        home=tmp_path_factory.mktemp("engine"),
        spark_memory="2g",
        engine_idle_minutes=120,
        engine_address=None,
    )
    engine.connect(config)
    yield engine._address(config)
    engine.stop(config)


@pytest.fixture(scope="session")
def spark(engine_remote: str) -> SparkSession:
    return engine._session(engine_remote, "embedded")


@pytest.fixture(scope="session")
def apache_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Apache Spark with Delta, to compare both engines; it starts at first use."""
    config = Settings(
        home=tmp_path_factory.mktemp("apache_spark"),
        engine="spark",
        spark_memory="1g",
        engine_idle_minutes=120,
        engine_address=None,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Shanghai")  # the machine's time zone must not matter
        session = engine.connect(config)
    yield session
    engine.stop(config)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine_remote: str) -> Iterator[Path]:
    """An empty home on the shared engine."""
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BRAIN_ENGINE_ADDRESS", engine_remote)
    settings.cache_clear()
    yield settings().home
    settings.cache_clear()


@pytest.fixture
def cold_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home without an engine: files are ingested without one."""
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BRAIN_ENGINE_ADDRESS", "sc://127.0.0.1:1")
    settings.cache_clear()
    yield settings().home
    settings.cache_clear()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all processes of the test run."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def once(folder: Path, make: Callable[[Path], BuiltCity]) -> BuiltCity:
    """The city of a folder, built by the process that needs it first; the others wait for it."""
    kept = folder.with_suffix(".pickle")
    with FileLock(folder.with_suffix(".lock")):
        if not kept.exists():
            kept.write_bytes(pickle.dumps(make(folder / "home")))
        city: BuiltCity = pickle.loads(kept.read_bytes())
    return city


@pytest.fixture(scope="session")
def built_city(engine_remote: str, shared: Path) -> BuiltCity:
    """A demo city from files to release 1; read-only."""
    return once(shared / "built", lambda home: build(home, engine_remote))


@pytest.fixture(scope="session")
def changed_city(built_city: BuiltCity, engine_remote: str, shared: Path) -> BuiltCity:
    """The same city after one corrected file, ingested and run, not yet published; read-only."""
    return once(shared / "changed", lambda home: change(built_city, home, engine_remote))


@pytest.fixture
def built_home(built_city: BuiltCity, engine_remote: str) -> Iterator[Path]:
    """The built city itself, for tests that only read."""
    with at_home(built_city.home, engine_remote) as home:
        yield home


@pytest.fixture
def built_copy(built_city: BuiltCity, engine_remote: str, tmp_path: Path) -> Iterator[Path]:
    """A copy of the built city that tests may change."""
    with at_home(copy(built_city, tmp_path / "home"), engine_remote) as home:
        yield home


@pytest.fixture
def changed_copy(changed_city: BuiltCity, engine_remote: str, tmp_path: Path) -> Iterator[Path]:
    """A copy of the changed city, ready to publish release 2."""
    with at_home(copy(changed_city, tmp_path / "home"), engine_remote) as home:
        yield home
