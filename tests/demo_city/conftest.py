"""A small demo city for all tests of this folder, and a larger one for tests of shares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo_city.city import CitySpec
from demo_city.world.city import City, build_city
from demo_city.world.parameters import parameters
from tests.demo_city.sent_city import Sent, at_scale, send


@pytest.fixture(scope="session")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """The city's files: 2020 (clean, with the plan's totals) to 2023 (the year with faults), and 2024 by month.

    Its only faults are the planted ones, so that files can be compared with the world.
    """
    return send(
        tmp_path_factory.mktemp("city"),
        CitySpec(scale=0.005, years=(2020, 2021, 2022, 2023, 2024), slips=False),
    )


@pytest.fixture(scope="session")
def city() -> City:
    """The city at a twentieth of its size, not written to files."""
    return build_city(parameters(), 2020, 0.05)


@pytest.fixture(scope="module", autouse=True)
def forget_cities() -> Iterator[None]:
    """Free the cached cities after each module: a full-scale city takes some 300 MB."""
    yield
    at_scale.cache_clear()
