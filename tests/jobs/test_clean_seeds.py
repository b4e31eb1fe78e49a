"""Cities with nothing but the demo city's own faults of records raise no warning, whatever their seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import graph
from jobs.demo_city.city import CitySpec, generate
from jobs.ingest.ingest import ingest
from jobs.publish import publish
from tests.built_city import at_home
from warehouse.settings import settings


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_a_clean_city_raises_no_warning(seed: int, engine_remote: str, tmp_path: Path) -> None:
    with at_home(tmp_path / "home", engine_remote) as home:
        generate(CitySpec(scale=0.1, seed=seed), settings().landing, home / "truth")
        ingest()
        graph.run()
        gate = publish().gate
    assert gate is not None
    assert [(v.table, v.expectation, v.failing_keys[:3]) for v in gate.verdicts if not v.success] == []
