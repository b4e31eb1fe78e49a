"""Fixtures of the API's tests: a server on a built city, what its release holds, and viewers of every role."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from starlette.testclient import TestClient

from ingest.register.today import today
from pipeline.publish import publish
from tests.built_city import BuiltCity, at_home, copy
from tests.portal.api.oracle import Oracle
from tests.portal.api.serving import client_of
from warehouse.releases import open_release

#: Requests a minute that no test reaches unless it means to.
MANY = "10000000"


@pytest.fixture(scope="session", autouse=True)
def unlimited() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BRAIN_API_REQUESTS_PER_MINUTE", MANY)
        patch.setenv("BRAIN_API_VISITOR_REQUESTS_PER_MINUTE", MANY)
        yield


@pytest.fixture(scope="session")
def second(
    changed_city: BuiltCity, engine_remote: str, tmp_path_factory: pytest.TempPathFactory
) -> BuiltCity:
    """A home with the releases before and after the correction of one firm's tax; read-only."""
    home = copy(changed_city, tmp_path_factory.mktemp("second") / "home")
    with at_home(home, engine_remote):
        publish()
    return BuiltCity(home, changed_city.ingested, changed_city.made)


@pytest.fixture
def two_releases(second: BuiltCity, engine_remote: str) -> Iterator[Path]:
    with at_home(second.home, engine_remote) as home:
        yield home


@pytest.fixture
def api(built_home: Path) -> Iterator[TestClient]:
    """The API on release 1 of the built city."""
    assert built_home
    with client_of() as client:
        yield client


@pytest.fixture
def oracle(built_home: Path) -> Iterator[Oracle]:
    assert built_home
    found = Oracle(open_release().file, today().day)
    yield found
    found.close()


@pytest.fixture
def viewers(built_home: Path) -> list[str]:
    return viewers_of(open_release().file)


def viewers_of(file: Path) -> list[str]:
    """One of each kind of viewer, on a district, a town and firms that have rows in many tables."""
    with duckdb.connect(str(file), read_only=True) as connection:
        [(district, town)] = connection.execute(
            "SELECT district_code, town_code FROM per_mu.enterprise_grade WHERE town_code IS NOT NULL "
            "GROUP BY ALL ORDER BY count(*) DESC, town_code LIMIT 1"
        ).fetchall()
        [(graded,)] = connection.execute(
            "SELECT uscc FROM per_mu.enterprise_grade WHERE final_grade = 'D' ORDER BY uscc LIMIT 1"
        ).fetchall()
        [(merged,)] = connection.execute(
            "SELECT min(evaluation_uscc) FROM per_mu.population WHERE evaluation_uscc <> uscc"
        ).fetchall()
    return [
        "", "city", "city - statistics", f"district {district}", f"district {district} statistics", f"town {town}",
        f"enterprise {graded}", f"enterprise {merged}", "analyst", f"analyst {district}", "application",
        f"application {district} statistics",
    ]  # fmt: skip
