"""Inputs that jobs declare, read from their source: Airflow parses DAG files every few minutes, without loading Spark.

The job graph (``pipeline.registry``) imports the jobs, and they import PySpark. This module only parses the lines
``JOB = Job(…)``; a test compares the two.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import jobs
from schemas.errors import RejectedError


@cache
def declared_inputs(root: Path = Path(jobs.__path__[0])) -> Mapping[str, tuple[str, ...]]:
    """Derived table → its input tables, in the order of its declaration.

    Raises:
        RejectedError: an input is not written as a literal.
    """
    found = {}
    for path in sorted(root.glob("*/*.py")):
        if job := _declaration(path):
            found[f"{path.parent.name}.{path.stem}"] = tuple(_inputs(job, path))
    return found


def areas() -> list[str]:
    """Areas with derived tables."""
    return sorted({table.split(".")[0] for table in declared_inputs()})


def given_tables() -> list[str]:
    """Input tables that no job computes: tables of feeds, and the quarantine."""
    known = declared_inputs()
    return sorted({given for inputs in known.values() for given in inputs} - set(known))


def _declaration(path: Path) -> ast.Call | None:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(t, ast.Name) and t.id == "JOB" for t in targets):
            assert isinstance(node, ast.Assign)
            if isinstance(node.value, ast.Call):
                return node.value
    return None


def _inputs(job: ast.Call, path: Path) -> Iterator[str]:
    given = next((k.value for k in job.keywords if k.arg == "inputs"), None)
    for value in given.values if isinstance(given, ast.Dict) else [None]:
        first = value.args[0] if isinstance(value, ast.Call) and value.args else None
        if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
            raise RejectedError(
                f"{path.parent.name}/{path.name}: write the inputs of JOB as a literal, "
                'inputs={"tax": Input("raw.gov_tax", "year")}'
            )
        yield first.value
