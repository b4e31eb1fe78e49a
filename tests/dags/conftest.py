"""Airflow with the configuration of a home, and the DAGs as it loads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from portal.services import in_process, orchestration
from warehouse.settings import Settings


@pytest.fixture(scope="module")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Airflow with the configuration of a home; the variables are unset after the module."""
    config = Settings(home=tmp_path_factory.mktemp("dags") / "home")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in orchestration.environment(config).items():
            patch.setenv(name, value)
        yield config


@pytest.fixture(scope="module")
def dags(airflow_home: Settings) -> dict[str, Any]:
    """The DAGs as Airflow loads them; a file that is not a DAG file raises."""
    return dict(in_process.read_dags().dags)
