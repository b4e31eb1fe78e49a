"""A city on a day amid a year: its files pass from ingestion to the gate, and a later day completes the year."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from demo_city.city import CitySpec, generate
from ingest.ways.landing import ingest
from pipeline.publish import PublishReport, publish
from pipeline.run import run_tables
from tests.built_city import SPEC
from warehouse.releases import open_release
from warehouse.settings import settings


def released(until: date) -> tuple[PublishReport, int]:
    """The release of the city on a day, and the number of files ingested for it."""
    spec = CitySpec(SPEC.scale, SPEC.seed, SPEC.years, until=until)
    generate(spec, settings().landing, settings().home / "truth")
    report = ingest()
    assert not report.rejected
    run_tables()
    return publish(), len(report.taken)


def reach(table: str, column: str) -> tuple[str, str]:
    """First and last value of a column in the last release."""
    with duckdb.connect(open_release().file, read_only=True) as file:
        found = file.execute(f"SELECT min({column})::VARCHAR, max({column})::VARCHAR FROM {table}").fetchone()
    assert found is not None
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_a_half_year_has_months_and_a_later_day_completes_it() -> None:
    half, _ = released(date(2025, 8, 15))
    assert half.is_new and half.gate is not None and half.gate.passed
    assert reach("core.enterprise_month", "month") == ("2024-02", "2025-07")
    # the directory of 2025 comes in February: until then no table of years or of positions has the year
    assert reach("core.enterprise_year", "year") == ("2022", "2024")
    assert reach("core.enterprise_year", "figures_as_of") == ("2022", "2024")
    assert reach("chain.node_metrics_month", "month") == ("2024-02", "2024-12")
    # neither energy nor land of 2025 is there yet
    spring, _ = released(date(2026, 3, 10))
    assert spring.is_new and spring.gate is not None and spring.gate.passed
    assert reach("core.enterprise_year", "year") == ("2022", "2025")
    assert reach("per_mu.enterprise_grade", "year") == ("2022", "2024")

    whole, files = released(date(2026, 7, 1))
    assert files > 0 and whole.is_new and whole.gate is not None and whole.gate.passed
    assert reach("core.enterprise_month", "month") == ("2024-02", "2026-05")
    assert reach("core.enterprise_year", "figures_as_of") == ("2022", "2025")
    # no rule set covers 2025 yet
    assert reach("per_mu.enterprise_grade", "year") == ("2022", "2024")
    assert reach("chain.node_metrics_month", "month") == ("2024-02", "2025-12")
