"""Conventions: imports between packages, and complete definitions."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import get_args

import pytest

from expectations.gate.suite import declared_suites
from schemas.contract import (
    ACCESS_COLUMNS,
    AccessKey,
    ContractError,
    contracts,
    feeds,
    fields,
    parse_contract,
)
from schemas.definition import read_mapping
from schemas.duckdb_types import is_year
from schemas.errors import UserError
from warehouse.settings import CHECKOUT

#: Package → packages that its modules may import; docs/architecture.md has the same table, with each one's question.
PACKAGES: dict[str, set[str]] = {
    "schemas": set(),
    "warehouse": {"schemas"},
    "ingest": {"schemas", "warehouse"},
    "expectations": {"schemas", "warehouse"},
    "jobs": {"schemas"},
    "pipeline": {"schemas", "warehouse", "ingest", "expectations", "jobs"},
    "infra": {"schemas", "warehouse"},
    "portal": {"schemas", "warehouse", "ingest", "expectations", "jobs", "pipeline", "infra"},
    "demo_city": {"schemas"},
    "benchmarks": {
        "schemas", "warehouse", "ingest", "expectations", "jobs", "pipeline", "infra", "portal", "demo_city",
    },
}  # fmt: skip
#: Folder → packages that it may import in addition to those of its package.
MORE = {"portal/cli": {"demo_city", "benchmarks"}, "portal/demo": {"demo_city"}}
#: Imports of dags/; Airflow puts the folder on the path, so it is not a package. The portal takes what persons answer.
DAGS = {"schemas", "warehouse", "ingest", "jobs", "pipeline", "portal"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("package", [*PACKAGES, "dags"])
def test_packages_import_only_what_they_may(package: str) -> None:
    modules = list((CHECKOUT / package).rglob("*.py"))
    assert modules
    own = PACKAGES.get(package, DAGS) | {package}
    wrong = [
        f"{path.relative_to(CHECKOUT)} imports {name}"
        for path in modules
        for name in imports(path)
        if (imported := name.split(".")[0]) in PACKAGES
        and imported not in own | MORE.get(path.parent.relative_to(CHECKOUT).as_posix(), set())
    ]
    assert wrong == [], f"{package} may import {sorted(own)}: move the code, or pass in what it needs"


def test_every_package_is_listed() -> None:
    found = {path.parent.name for path in CHECKOUT.glob("*/__init__.py")}
    assert found == set(PACKAGES), "add the new package to PACKAGES and to docs/architecture.md"


def test_oracles_import_nothing_of_the_jobs() -> None:
    for path in (CHECKOUT / "tests" / "oracles").glob("*.py"):
        assert not [name for name in imports(path) if name.split(".")[0] in PACKAGES], path


def test_no_other_distribution_owns_our_packages() -> None:
    owners = packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, ["ningbo-industrial-brain"])) == {"ningbo-industrial-brain"}


@pytest.mark.parametrize(
    "module", ["schemas.contract", "warehouse.releases", "pipeline.run", "portal.cli.app"]
)
def test_nothing_loads_spark_or_airflow_at_import(module: str) -> None:
    heavy = ("pyspark.sql", "airflow", "great_expectations")
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CHECKOUT
    )
    allowed = ["pyspark.sql"] if module == "pipeline.run" else []
    assert eval(done.stdout) in (allowed, [])


def test_every_field_is_used() -> None:
    used = {c.name for spec in contracts().values() for c in spec.columns}
    assert set(fields()) - used == set()


def test_a_field_is_in_the_file_of_its_area() -> None:
    areas: dict[str, set[str]] = {}
    for spec in contracts().values():
        for column in spec.columns:
            areas.setdefault(column.name, set()).add(spec.area)
    misplaced = []
    for path in sorted((CHECKOUT / "schemas" / "fields").glob("*.yml")):
        for name in read_mapping(path, ContractError):
            of_field = areas.get(name, set())
            right = next(iter(of_field)) if len(of_field) == 1 else "shared"
            if path.stem != right:
                misplaced.append(f"move {name} from fields/{path.stem}.yml to fields/{right}.yml")
    assert misplaced == []


def test_tables_have_a_job_of_their_name_and_suites_a_table() -> None:
    for name, spec in contracts().items():
        if spec.layer == "staged":
            assert (CHECKOUT / "jobs" / spec.area / f"{spec.table}.py").exists(), name
    assert set(declared_suites()) <= set(contracts())


@pytest.mark.parametrize(
    "missing",
    ["title", "grain", "key", "owner", "legal_basis", "access_key", "delivery", "columns", "description"],
)
def test_an_incomplete_contract_is_refused_in_one_line(missing: str) -> None:
    import yaml

    raw = yaml.safe_load((CHECKOUT / "schemas" / "raw" / "gov_tax.yml").read_text(encoding="utf-8"))
    parse_contract("raw", "gov_tax", raw)
    del raw[missing]
    with pytest.raises(ContractError) as refused:
        parse_contract("raw", "gov_tax", raw)
    assert missing in str(refused.value) and "\n" not in str(refused.value)


def test_a_contract_takes_the_columns_of_another_after_its_own() -> None:
    raw = read_mapping(CHECKOUT / "schemas" / "profile" / "enterprise_tag_month.yml", ContractError)
    assert raw["like"] == "profile.enterprise_tag"
    of_years = read_mapping(CHECKOUT / "schemas" / "profile" / "enterprise_tag.yml", ContractError)
    spec = parse_contract("profile", "enterprise_tag_month", raw)
    years = parse_contract("profile", "enterprise_tag", of_years)
    own = ["uscc", "tag_code", "month", "year"]
    assert spec.column_names == own + [name for name in years.column_names if name not in own]
    assert spec.column("tag_evidence") == years.column("tag_evidence")
    assert spec.column("year").description != years.column("year").description
    with pytest.raises(ContractError, match=r"profile\.nothing, which has no contract"):
        parse_contract("profile", "enterprise_tag_month", raw | {"like": "profile.nothing"})


def test_a_column_is_a_year_by_name_and_by_pattern() -> None:
    """The file of a release holds years as numbers; it knows them by their names."""
    years = {name for name, entry in fields().items() if entry.domain.pattern == "[0-9]{4}"}
    assert years == {name for name in fields() if is_year(name)} and "year" in years
    assert {fields()[name].type for name in years} == {"string"}


def test_a_table_has_the_columns_that_its_access_key_names() -> None:
    """Otherwise its rows could not be cut: an official would see all of them, or none."""
    assert set(ACCESS_COLUMNS) == set(get_args(AccessKey))
    without = [
        f"{spec.name}: access key {spec.access_key} needs one of {', '.join(group)}"
        for spec in contracts().values()
        for group in ACCESS_COLUMNS[spec.access_key]
        if not set(group) & set(spec.column_names)
    ]
    assert without == []


def test_a_table_with_towns_is_cut_by_them() -> None:
    """A clerk sees only rows of tables whose access key is the town."""
    for spec in contracts().values():
        assert ("town_code" in spec.column_names) == (spec.access_key == "town"), spec.name


def test_a_column_without_description_is_refused() -> None:
    import yaml

    raw = yaml.safe_load((CHECKOUT / "schemas" / "raw" / "gov_tax.yml").read_text(encoding="utf-8"))
    raw["columns"]["tax_vat_wan_yuan"] = {"description": ""}
    with pytest.raises(UserError, match="description"):
        parse_contract("raw", "gov_tax", raw)


def test_every_heading_is_mapped_once() -> None:
    for spec in feeds().values():
        headings = [m.heading for m in spec.source.mapping.values() if m.heading]
        assert len(headings) == len(set(headings)), spec.name
        assert not set(headings) & set(spec.source.ignored), spec.name


def test_every_feed_belongs_to_a_group() -> None:
    groups = {spec.source.group for spec in feeds().values()}
    assert "" not in groups
    assert len(groups) < len(feeds()) / 2


def test_the_time_of_a_record_is_in_its_mapping() -> None:
    timed = [spec for spec in feeds().values() if spec.source.period_from]
    assert timed
    for spec in timed:
        source = spec.source
        assert source.period_from is not None
        assert source.period_from.heading in {m.heading for m in source.mapping.values()}, spec.name
        assert source.event_time and spec.column(source.event_time).type == "timestamp", spec.name


#: Modules that run, check, publish and serve tables of any area; queries of one area are in portal/queries.
MACHINE = (
    "schemas", "warehouse", "ingest", "expectations/gate", "jobs/job.py", "jobs/columns", "jobs/rules", "pipeline",
    "dags", "infra", "portal/services",
)  # fmt: skip
AREAS = sorted({spec.area for spec in contracts().values() if spec.layer == "staged"})


def machine() -> list[Path]:
    paths = [CHECKOUT / name for name in MACHINE]
    return sorted(f for path in paths for f in ([path] if path.is_file() else path.rglob("*.py")))


def areas_named(source: str) -> list[str]:
    """Strings and imports that name an area or one of its tables; docstrings may, as examples.

    >>> areas_named('"Of core.parcel."\\nimport jobs.per_mu.rules\\nx = "core.parcel"\\ny = "the core of it"')
    ['line 2: jobs.per_mu.rules', 'line 3: core.parcel']
    """
    named = re.compile(rf"^(?:{'|'.join(AREAS)})$|\b(?:{'|'.join(AREAS)})\.[a-z_]+\b")
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            found += [(node.lineno, match[0]) for match in named.finditer(node.value)]
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [(node.lineno, n) for n in names if n.split(".")[1:2] and n.split(".")[1] in AREAS]
    return [f"line {line}: {text}" for line, text in sorted(found)]


@pytest.mark.parametrize("path", machine(), ids=lambda p: p.relative_to(CHECKOUT).as_posix())
def test_the_machine_names_no_area(path: Path) -> None:
    named = areas_named(path.read_text(encoding="utf-8"))
    assert named == [], "move it to the area's job, suite or rules (jobs/job.py, expectations/gate/suite.py)"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_long_module_says_why_it_is_one(package: str) -> None:
    for path in (CHECKOUT / package).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > 300:
            why = ast.get_docstring(ast.parse(text)) or ""
            assert re.search(r"\bone\b|\btogether\b|\blong\b", why), f"{path}: split it, or say why it is one"
