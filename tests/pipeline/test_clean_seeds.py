"""Cities with only the demo city's faults raise no warning but that of a firm that moves a short list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from demo_city.city import CitySpec, generate
from ingest.ways.landing import ingest
from pipeline.publish import publish
from pipeline.run import run_tables
from schemas.contract import code_list
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
    # lists of a tenth of the city have some dozen firms, so that one of them does move a quotient of totals
    warnings = [
        (v.table, v.expectation, key)
        for v in gate.verdicts
        for key in v.failing_keys
        if not v.success and v.expectation != "no_unit_moves_it"
    ]
    # an area in square metres takes the land from all other tenants of its parcel, who may be many
    code_of = {row["pinyin"]: code for code, row in code_list("district").items()}
    crowded = {(f["period"], code_of[f["part"]]) for f in faults if f["kind"] == "square_metres_as_mu"}
    of_tenants = [f"year={year}|district_code={code}|" for year, code in crowded]
    warnings = [
        w for w in warnings if w[1] != "land_too_small_share" or not w[2].startswith(tuple(of_tenants))
    ]
    # one planted fault warns: a firm with R&D above revenue
    [planted] = [f["key"]["uscc"] for f in faults if f["kind"] == "rd_above_revenue"]
    assert warnings == [("core.enterprise_year", "rd_above_revenue", f"uscc={planted}|year=2023")]
