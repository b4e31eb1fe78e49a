"""Rules of the house: who may import whom, and that definitions are complete."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from schemas.contract import ContractError, contracts, feeds, fields, parse_contract
from schemas.errors import UserError
from warehouse.settings import CHECKOUT

ROOMS = {
    "schemas": set(),
    "warehouse": {"schemas"},
    "expectations": {"schemas", "warehouse"},
    "jobs": {"schemas", "warehouse", "expectations"},
    "infra": {"schemas", "warehouse"},
    "portal": {"schemas", "warehouse", "expectations", "jobs", "infra"},
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_what_they_may(room: str) -> None:
    modules = list((CHECKOUT / room).rglob("*.py"))
    assert modules
    wrong = [
        f"{path.relative_to(CHECKOUT)} imports {name}"
        for path in modules
        for name in imports(path)
        if name.split(".")[0] in ROOMS and name.split(".")[0] not in ROOMS[room] | {room}
    ]
    assert wrong == []


def test_the_demo_city_and_the_jobs_never_import_each_other() -> None:
    city = CHECKOUT / "jobs" / "demo_city"
    for path in (CHECKOUT / "jobs").rglob("*.py"):
        for name in imports(path):
            if path.is_relative_to(city):
                assert not name.startswith("jobs.") or name.startswith("jobs.demo_city"), path
            else:
                assert not name.startswith("jobs.demo_city"), path


def test_oracles_import_nothing_of_the_jobs() -> None:
    for path in (CHECKOUT / "tests" / "oracles").glob("*.py"):
        assert not [name for name in imports(path) if name.split(".")[0] in ROOMS], path


def test_no_other_distribution_owns_our_packages() -> None:
    owners = packages_distributions()
    for room in ROOMS:
        assert set(owners.get(room, ["ningbo-industrial-brain"])) == {"ningbo-industrial-brain"}


@pytest.mark.parametrize("module", ["schemas.contract", "warehouse.releases", "jobs.graph", "portal.cli"])
def test_nothing_loads_spark_or_airflow_at_import(module: str) -> None:
    heavy = ("pyspark.sql", "airflow", "great_expectations")
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CHECKOUT
    )
    allowed = ["pyspark.sql"] if module == "jobs.graph" else []
    assert eval(done.stdout) in (allowed, [])


def test_every_field_is_used() -> None:
    used = {c.name for spec in contracts().values() for c in spec.columns}
    assert set(fields()) - used == set()


def test_tables_have_a_job_of_their_name_and_suites_a_table() -> None:
    for name, spec in contracts().items():
        if spec.layer == "staged":
            assert (CHECKOUT / "jobs" / spec.area / f"{spec.table}.py").exists(), name
    for path in (CHECKOUT / "expectations").glob("*/*.py"):
        if path.stem != "__init__":
            assert f"{path.parent.name}.{path.stem}" in contracts()


@pytest.mark.parametrize(
    "lost",
    ["title", "grain", "key", "owner", "legal_basis", "access_key", "delivery", "columns", "description"],
)
def test_a_contract_that_lacks_something_is_refused_in_one_line(lost: str) -> None:
    import yaml

    raw = yaml.safe_load((CHECKOUT / "schemas" / "raw" / "gov_tax.yml").read_text(encoding="utf-8"))
    parse_contract("raw", "gov_tax", raw)
    del raw[lost]
    with pytest.raises(ContractError) as refused:
        parse_contract("raw", "gov_tax", raw)
    assert lost in str(refused.value) and "\n" not in str(refused.value)


def test_a_column_without_description_is_refused() -> None:
    import yaml

    raw = yaml.safe_load((CHECKOUT / "schemas" / "raw" / "gov_tax.yml").read_text(encoding="utf-8"))
    raw["columns"]["tax_vat_wan_yuan"] = {"description": ""}
    with pytest.raises(UserError, match="description"):
        parse_contract("raw", "gov_tax", raw)


def test_every_heading_is_mapped_once() -> None:
    for spec in feeds().values():
        assert spec.source is not None
        headings = [m.heading for m in spec.source.mapping.values() if m.heading]
        assert len(headings) == len(set(headings)), spec.name
        assert not set(headings) & set(spec.source.ignored), spec.name


def test_every_feed_belongs_to_a_group() -> None:
    groups = {spec.source.group for spec in feeds().values() if spec.source}
    assert "" not in groups
    assert len(groups) < len(feeds()) / 2


def test_what_a_record_says_of_time_is_in_its_mapping() -> None:
    timed = [spec for spec in feeds().values() if spec.source and spec.source.period_from]
    assert timed
    for spec in timed:
        source = spec.source
        assert source is not None and source.period_from is not None
        assert source.period_from.heading in {m.heading for m in source.mapping.values()}, spec.name
        assert source.event_time and spec.column(source.event_time).type == "timestamp", spec.name
