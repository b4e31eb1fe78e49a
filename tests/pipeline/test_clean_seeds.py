"""Cities with the demo city's own few faults of records raise no warning but for those, whatever their seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from demo_city.city import CitySpec, generate
from ingest.ways.landing import ingest
from pipeline.publish import publish
from pipeline.run import run_tables
from tests.built_city import at_home
from warehouse.settings import settings


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_a_clean_city_raises_no_warning(seed: int, engine_remote: str, tmp_path: Path) -> None:
    with at_home(tmp_path / "home", engine_remote) as home:
        generate(CitySpec(scale=0.1, seed=seed), settings().landing, home / "truth")
        ingest()
        run_tables()
        gate = publish().gate
        faults = json.loads((home / "truth" / "planted_faults.json").read_text(encoding="utf-8"))
    assert gate is not None
    told = [(v.table, v.expectation, key) for v in gate.verdicts if not v.success for key in v.failing_keys]
    # a firm that says it spent more on research than it earned is one of those faults, and is reported
    [planted] = [f["key"]["uscc"] for f in faults if f["kind"] == "rd_above_revenue"]
    assert told == [("core.enterprise_year", "rd_above_revenue", f"uscc={planted}|year=2023")]
