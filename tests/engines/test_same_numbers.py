"""Both engines compute the same tables, compared by canonical hashes; a difference names columns and rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from demo_city.city import CitySpec, generate
from ingest.ways.landing import ingest
from pipeline.fingerprint import made_by
from pipeline.registry import registry
from pipeline.run import run_tables
from portal.cli import check
from schemas.contract import contract
from schemas.errors import RejectedError
from tests.built_city import BuiltCity, at_home, copy
from warehouse import engine, tables
from warehouse.comparison import differences
from warehouse.settings import Settings, settings


@contextmanager
def running(home: Path, **given: Any) -> Iterator[str]:
    """Address of a separate engine with these settings."""
    given = {"engine": "spark", "spark_memory": "3g", "engine_idle_minutes": 120, **given}
    config = Settings(home=home, engine_address=None, **given)
    engine.connect(config)
    try:
        yield engine._address(config)
    finally:
        engine.stop(config)


def assert_same(there: Path, here: Path) -> None:
    unequal = [f"{one}: {one.rows}" for one in differences(there, here)]
    assert unequal == []


# --- the report of a difference --------------------------------------------------------------------------


def a_home(home: Path, *rows: dict[str, Any]) -> Path:
    """A home with a table per_mu.baseline of these rows, written without an engine; other columns get defaults."""
    with at_home(home, "none"):
        spec = contract("per_mu.baseline")
        plain: dict[str, Any] = {"string": "x", "int": 1, "bigint": 1, "boolean": True, "array<string>": []}
        filled = [
            {
                c.name: row.get(c.name, plain.get(c.type, Decimal(1) if "decimal" in c.type else None))
                for c in spec.columns
            }
            for row in rows
        ]
        tables.add_rows(filled, spec, {})
    return home


def test_a_difference_names_table_column_and_rows(tmp_path: Path) -> None:
    spec = contract("per_mu.baseline")
    value = next(c.name for c in spec.columns if c.name not in spec.key and "decimal" in c.type)
    key = dict.fromkeys(spec.key, "1")
    same = {**key, spec.key[0]: "0"}
    here = a_home(tmp_path / "here", same, {**key, value: Decimal("2.5")}, {**key, spec.key[0]: "2"})
    there = a_home(tmp_path / "there", same, {**key, value: Decimal("2.4")})
    [difference] = differences(there, here)
    assert (difference.table, difference.columns) == (spec.name, {value: 1})
    assert (difference.only_here, difference.only_there) == (1, 0)
    changed, alone = difference.rows
    assert f"{spec.key[0]}=1 " in changed and f"{value} 2.5" in changed and "2.4" in changed
    assert f"{spec.key[0]}=2 " in alone and alone.endswith("only here")
    with at_home(here, "none"):
        lines: list[str] = []
        with pytest.raises(RejectedError, match=r"1 tables differ from those of .*: per_mu\.baseline"):
            check.compare(there, lines.append)
        assert lines == [str(difference), *(f"  {row}" for row in difference.rows)]
        check.compare(here, lines.append)


def test_a_duplicate_row_is_a_difference_and_a_home_without_tables_is_refused(tmp_path: Path) -> None:
    row = dict.fromkeys(contract("per_mu.baseline").key, "1")
    here, there = a_home(tmp_path / "here", row, row), a_home(tmp_path / "there", row)
    [difference] = differences(there, here)
    assert str(difference) == "per_mu.baseline: repeated rows"
    with pytest.raises(RejectedError, match="nowhere has no tables"):
        list(differences(tmp_path / "nowhere", here))


# --- the engines -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_spark_builds_the_same_small_city(built_city: BuiltCity, tmp_path: Path) -> None:
    with running(tmp_path / "engine") as address, at_home(copy(built_city, tmp_path / "home"), address):
        assert set(run_tables(full=True).made) == set(registry())
        assert {made_by(name) for name in registry()} == {engine.kind().version()}
    assert_same(built_city.home, tmp_path / "home")


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_both_engines_build_the_same_full_city(tmp_path: Path, engine_remote: str) -> None:
    homes = {"embedded": tmp_path / "a", "spark": tmp_path / "b"}
    with at_home(homes["embedded"], engine_remote) as home:
        generate(CitySpec(), settings().landing, home / "truth")
        ingested = ingest()
        report = run_tables()
    copy(BuiltCity(homes["embedded"], ingested, report), homes["spark"])
    with running(tmp_path / "engine") as address, at_home(homes["spark"], address):
        run_tables(full=True)
    assert_same(homes["embedded"], homes["spark"])
