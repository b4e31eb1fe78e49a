"""A battery of expressions on both engines: type and value are what Python computes, to the last digit.

A new version of an engine cannot change a figure unnoticed. Every function that jobs use is in at least one case.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import Column
from pyspark.sql import functions as F

from tests.engines.battery import nested, numbers, relations, texts, times
from tests.engines.battery.values import values_frame
from warehouse import engine
from warehouse.engine import SCRATCH
from warehouse.settings import CHECKOUT, Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CASES = (
    numbers.decimals, numbers.casts, numbers.rounding, numbers.division, texts.texts, texts.missing, times.dates,
    nested.arrays, nested.structs,
)  # fmt: skip
RELATIONS = (relations.aggregates, relations.windows, relations.joins, relations.rows_of_arrays)
DIFFERENCES = (numbers.differences, nested.differences)


@pytest.fixture(scope="module", params=["embedded", "spark"])
def which(request: pytest.FixtureRequest) -> str:
    """Each engine in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def values(
    which: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DataFrame]:
    """The rows of the battery on an engine."""
    session: SparkSession = request.getfixturevalue({"embedded": "spark", "spark": "apache_spark"}[which])
    scratch = session.conf.get(SCRATCH, "") or ""
    session.conf.set(SCRATCH, str(tmp_path_factory.mktemp("scratch")))
    yield values_frame(session)
    session.conf.set(SCRATCH, scratch)


@pytest.mark.parametrize("family", CASES, ids=lambda f: f.__name__)
def test_expressions(values: DataFrame, family: Any) -> None:
    cases = list(family())
    frame = values.select("n", *(case.column.alias(f"c{at}") for at, case in enumerate(cases)))
    types = {field.name: field.dataType.simpleString() for field in frame.schema}
    got = sorted(frame.toArrow().to_pylist(), key=lambda row: row["n"])
    wrong = []
    for at, case in enumerate(cases):
        actual = [row[f"c{at}"] for row in got]
        if types[f"c{at}"] != case.type or actual != case.values():
            wrong.append(f"{case.name}: {types[f'c{at}']} {actual}, not {case.type} {case.values()}")
    assert not wrong, "\n".join(wrong)


def test_timestamps_of_an_engine_in_shanghai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is in UTC, whatever the machine's time zone; the tests' Spark runs in Shanghai's as well."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    config = Settings(home=tmp_path, engine="embedded", engine_address=None)
    try:
        test_expressions(values_frame(engine.connect(config)), times.dates)
    finally:
        engine.stop(config)


@pytest.mark.parametrize("family", RELATIONS, ids=lambda f: f.__name__)
def test_relations(values: DataFrame, family: Any) -> None:
    wrong = []
    for case in family(values):
        names, actual = case.frame.columns, case.frame.toArrow().to_pylist()
        rows = in_order(tuple(row[name] for name in names) for row in actual)
        kind = case.frame.schema.simpleString()
        if kind != case.type or rows != in_order(case.expected):
            wrong.append(f"{case.name}: {kind} {rows}, not {case.type} {in_order(case.expected)}")
    assert not wrong, "\n".join(wrong)


def in_order(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=lambda row: [(v is not None, str(v)) for v in row])


def outcome(values: DataFrame, column: Column) -> tuple[str, list[Any]] | None:
    """Type and values by row, or None if the engine raises an error."""
    frame = values.select("n", column.alias("v"))
    try:
        kind = frame.schema["v"].dataType.simpleString()
        return kind, [row["v"] for row in sorted(frame.toArrow().to_pylist(), key=lambda row: row["n"])]
    except PySparkException:
        return None


def test_expressions_without_a_result_fail(values: DataFrame) -> None:
    outcomes = {case.name: outcome(values, case.column) for case in numbers.failures()}
    assert outcomes
    assert {name: got for name, got in outcomes.items() if got} == {}


@pytest.mark.parametrize("family", DIFFERENCES, ids=lambda f: f.__module__.rpartition(".")[2])
def test_expressions_that_jobs_avoid_since_engines_differ(values: DataFrame, which: str, family: Any) -> None:
    """A failure means that an engine has changed: allow the expression in jobs, or avoid another one."""
    for case in family():
        kind, expected = getattr(case, which) or (None, None)
        got = outcome(values, case.column)
        assert (got and got[0]) == kind, case.name
        if got and expected is not None:
            assert got[1] == expected, case.name


# --- completeness ----------------------------------------------------------------------------------


def functions_in(source: str) -> set[str]:
    """Names of PySpark's functions and of columns' methods that a module uses, calls by name included."""
    names = set()
    methods = {name for name in dir(Column) if not name.startswith("_")}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "F":
            names.add(f"F.{node.attr}")
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods
        ):
            names.add(f".{node.func.attr}")
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "call_function"
            and isinstance(node.args[0], ast.Constant)
        ):
            names.add(str(node.args[0].value))
    return names


def of_jobs() -> list[Path]:
    return [*sorted((CHECKOUT / "jobs").rglob("*.py")), CHECKOUT / "pipeline" / "inputs.py"]


@cache
def known() -> set[str]:
    modules = sorted((Path(__file__).parent / "battery").glob("*.py"))
    return set().union(*(functions_in(path.read_text(encoding="utf-8")) for path in modules))


@pytest.mark.parametrize("path", of_jobs(), ids=lambda p: p.relative_to(CHECKOUT).as_posix())
def test_every_function_of_jobs_is_in_the_battery(path: Path) -> None:
    missing = functions_in(path.read_text(encoding="utf-8")) - known()
    assert missing == set(), f"add cases for {', '.join(sorted(missing))} to tests/engines/battery"


def test_a_function_without_a_case_is_reported() -> None:
    names = functions_in('F.soundex(F.col("a")).bitwiseXOR(F.call_function("crc32", x))')
    assert names - known() == {"F.soundex", ".bitwiseXOR", "crc32"}
    assert F.soundex is not None
