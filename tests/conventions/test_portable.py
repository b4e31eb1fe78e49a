"""Jobs avoid forms that only one engine supports or that engines compute differently (jobs/columns/)."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from warehouse.settings import CHECKOUT

Found = Iterator[ast.AST]

#: Function → what to use instead.
REFUSED = {
    "avg": "sum and count in whole numbers, divided by portable.rounded_div",
    "mean": "sum and count in whole numbers, divided by portable.rounded_div",
    "try_avg": "sum and count in whole numbers, divided by portable.rounded_div",
    "try_divide": "per_mu.arithmetic.divide or ratio",
    "array_intersect": "portable.those_in",
    "array_union": "concat and array_distinct",
    "map_from_entries": "create_map, or code that runs beside the engine",
    "aggregate": "explode and groupBy, or code that runs beside the engine",
    "reduce": "explode and groupBy, or code that runs beside the engine",
}
#: Functions that return arrays; an array has no fields, its items have.
ARRAYS = {"array", "array_sort", "sort_array", "collect_list", "collect_set", "filter", "slice", "transform"}
#: Marks of an operand of ``/`` that is a Python number, a double or a path.
PLAIN = (
    "Decimal(",
    "Fraction(",
    "Path(",
    "settings()",
    ".cast('double')",
    "row['",
    "CHECKOUT",
    "SCHEMAS",
    "FOLDER",
    "HERE",
    "folder",
)


def of_pyspark(node: ast.AST) -> str | None:
    """Name of the PySpark function that a node calls, if any."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        owner = node.func.value
        if isinstance(owner, ast.Name) and owner.id == "F":
            return node.func.attr
    return None


def division(tree: ast.Module) -> Found:
    """``/`` of decimals keeps different digits on each engine: divide, ratio or rounded_div; Decimal(…) in Python."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            sides = (ast.unparse(node.left), ast.unparse(node.right))
            is_path = isinstance(node.right, ast.JoinedStr) or (
                isinstance(node.right, ast.Constant) and isinstance(node.right.value, str)
            )
            if not is_path and not any(mark in side for side in sides for mark in PLAIN):
                yield node


def refused(tree: ast.Module) -> Found:
    """A function that engines compute differently, or that one of them lacks."""
    for node in ast.walk(tree):
        if of_pyspark(node) in REFUSED:
            yield node


def in_texts(tree: ast.Module) -> Found:
    """The same in SQL strings: no division, no avg."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr not in ("expr", "selectExpr", "where", "filter", "call_function", "sql"):
                continue
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if any(
                "/" in text or name in text.replace(" ", "(") for text in texts for name in ("avg(", "mean(")
            ) or (node.func.attr == "call_function" and texts and texts[0] in REFUSED):
                yield node


def kept_by_an_engine(tree: ast.Module) -> Found:
    """Engines keep frames differently: portable.materialised."""
    names = {"localCheckpoint", "checkpoint", "persist", "cache", "createOrReplaceTempView"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names:
            yield node


def fields_of_arrays(tree: ast.Module) -> Found:
    """Only Spark supports ``array["field"]``: portable.field_of."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Constant)
            and isinstance(node.slice.value, str)
            and of_pyspark(node.value) in ARRAYS
        ):
            yield node


def which_engine(tree: ast.Module) -> Found:
    """A job reads neither settings nor engine: differences between engines are in jobs/columns/."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        if any(name.startswith(("warehouse.engine", "warehouse.settings")) for name in names):
            yield node


Rule = Callable[[ast.Module], Found]
RULES: tuple[Rule, ...] = (division, refused, in_texts, kept_by_an_engine, fields_of_arrays, which_engine)


def broken(path: str, source: str) -> list[str]:
    tree = ast.parse(source)
    return [
        f"{path}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)[:60]}: {rule.__doc__}"
        + (f" Use {REFUSED[name]}." if (name := of_pyspark(node)) in REFUSED else "")
        for rule in RULES
        for node in rule(tree)
    ]


def jobs_of_areas() -> list[Path]:
    """Modules of the jobs with their steps, and the inputs that they share."""
    jobs = CHECKOUT / "jobs"
    # other steps, such as explanations, compute in Python
    steps = [path for path in jobs.glob("*/steps/*.py") if "pyspark" in path.read_text(encoding="utf-8")]
    modules = [*jobs.glob("*/*.py"), *steps]
    return [*sorted(modules), CHECKOUT / "pipeline" / "inputs.py"]


@pytest.mark.parametrize("path", jobs_of_areas(), ids=lambda p: p.relative_to(CHECKOUT).as_posix())
def test_jobs_use_only_portable_forms(path: Path) -> None:
    assert broken(str(path.relative_to(CHECKOUT)), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ('F.col("tax") / F.col("land")', division),
        ("paid / land", division),
        ('F.avg("tax")', refused),
        ('F.array_intersect("a", "b")', refused),
        ('F.expr("tax / land")', in_texts),
        ('frame.selectExpr("avg(tax)")', in_texts),
        ('F.call_function("mean", tax)', in_texts),
        ("frame.localCheckpoint()", kept_by_an_engine),
        ('F.sort_array("entries")["code"]', fields_of_arrays),
        ("from warehouse.settings import settings", which_engine),
        ("from warehouse import engine", which_engine),
    ],
)
def test_a_rule_can_be_broken(source: str, rule: Rule) -> None:
    assert len(broken("a.py", source)) == 1
    assert list(rule(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        'Path(__file__).parent / "tags.yml"', "Decimal(n) / of", 'now.cast("double") / before.cast("double")',
        'entry["code"]', 'F.col("pair")["code"]', 'F.expr("a div b")', "from warehouse import tables",
    ],
)  # fmt: skip
def test_intended_forms_are_allowed(source: str) -> None:
    assert broken("a.py", source) == []
