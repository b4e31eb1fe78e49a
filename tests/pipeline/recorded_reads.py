"""Records what every job really reads: run as a program of its own, it prints it as JSON.

Transforms are called without an engine: columns are those of Spark Connect, which need none, and whatever is asked of
a DataFrame gives the DataFrame. What counts is which definitions are read on the way: the accessors of
``schemas.contract`` and the attributes of contracts, as called by modules of jobs, and the files that are opened.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import MagicMock

os.environ |= {"SPARK_CONNECT_MODE_ENABLED": "1", "SPARK_REMOTE": "local"}

from pyspark.sql import functions as F
from pyspark.sql.connect.column import Column
from pyspark.sql.connect.dataframe import DataFrame

from schemas import contract as definitions
from schemas.field import FieldEntry
from schemas.source import Source

ROOT = Path(definitions.__file__).parents[1]
#: What is at work: importing modules, loading a job's rules, or making a job's plan.
now: list[str] = ["import", ""]
#: (phase, job) → what was read; accessors of imports with module and line.
read: dict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)


class Row(dict[str, str]):
    """A row of a code list that tells which of its columns are read; ``*`` is all of them."""

    def __init__(self, of: str, row: dict[str, str]) -> None:
        super().__init__(row)
        self.of = of

    def _seen(self, column: str) -> None:
        read[now[0], now[1]].add(("column", self.of, column))

    def __getitem__(self, column: str) -> str:
        self._seen(column)
        return super().__getitem__(column)

    def get(self, column: str, default: Any = None) -> Any:
        self._seen(column)
        return super().get(column, default)

    def _whole(self, *args: Any, _name: str) -> Any:
        self._seen("*")
        return getattr(dict, _name)(self, *args)

    __iter__ = partialmethod(_whole, _name="__iter__")
    keys = partialmethod(_whole, _name="keys")
    values = partialmethod(_whole, _name="values")
    items = partialmethod(_whole, _name="items")


def caller() -> FrameType | None:
    """The code of a job that reads, if it is one's."""
    frame = sys._getframe(2)
    return frame if str(frame.f_globals.get("__name__")).startswith("jobs.") else None


def record_accessors() -> None:
    for accessor in ("code_list", "contract", "units"):
        real = getattr(definitions, accessor)

        def recording(*args: str, _real: Any = real, _accessor: str = accessor) -> Any:
            if frame := caller():
                where = (frame.f_globals["__name__"], str(frame.f_lineno)) if now[0] == "import" else ()
                while where and frame.f_code.co_name != "<module>" and frame.f_back:
                    # a comprehension of a module's top level is a function of its own
                    frame = frame.f_back
                    where = (frame.f_globals["__name__"], str(frame.f_lineno))
                read[now[0], now[1]].add((_accessor, *(args or ("",)), *where))
                if _accessor == "code_list" and now[0] == "plan":
                    return {code: Row(args[0], row) for code, row in _real(*args).items()}
            return _real(*args)

        recording.cache_clear = getattr(real, "cache_clear", None)  # type: ignore[attr-defined]
        setattr(definitions, accessor, recording)


def record_attributes() -> None:
    for kind in (definitions.Contract, FieldEntry, Source):

        def recording(self: Any, name: str, _kind: Any = kind) -> Any:
            if not name.startswith("_") and caller():
                read[now[0], now[1]].add(("attribute", _kind.__name__, name))
            return object.__getattribute__(self, name)

        kind.__getattribute__ = recording  # type: ignore[method-assign]


def record_files() -> None:
    def opened(event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(args[0], str | os.PathLike):
            path = Path(args[0])
            if path.suffix in (".yml", ".csv") and path.is_relative_to(ROOT):
                read[now[0], now[1]].add(("file", path.relative_to(ROOT).as_posix()))

    sys.addaudithook(opened)


def without_engine() -> None:
    """Make whatever is asked of a DataFrame give one that has all columns that were named in the asking as well."""

    def asked(self: DataFrame, *args: Any, **_: Any) -> DataFrame:
        return frame([*vars(self)["names"], *(name for arg in args for name in named(arg))])

    for name in dir(DataFrame):
        if not name.startswith("_") and name != "transform":
            setattr(DataFrame, name, asked)
    session = MagicMock()
    session.createDataFrame = lambda rows, *_, **__: (list(rows), frame([]))[1]
    change = {
        "code": "a",
        "to_uscc": "b",
        "year": "2023",
        "valid_from_date": None,
        "known_at": 0,
        "kind": "merge",
    }
    rows = [{"what": "year", "name": "2023", **change}, {"what": "month", "name": "2024-03", **change}]
    replaced: dict[str, Any] = {
        "sparkSession": session,
        "columns": property(lambda self: self.names),
        "collect": lambda _: rows,
        "__getitem__": lambda _, name: F.col(name),
        "__getattr__": lambda self, _: lambda *args: asked(self, *args),
    }
    for name, instead in replaced.items():
        setattr(DataFrame, name, instead)


def named(value: Any) -> Iterator[str]:
    """Names in what a DataFrame is asked with."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Column):
        yield from getattr(value._expr, "_alias", [])
    elif isinstance(value, dict | list | tuple):
        for entry in value:
            yield from named(entry)
    elif isinstance(value, DataFrame):
        yield from vars(value)["names"]


def frame(names: list[str]) -> DataFrame:
    made = object.__new__(DataFrame)
    made.__dict__["names"] = list(dict.fromkeys(names))
    return made


def forget() -> None:
    """Have definitions of jobs, code lists and units read anew; contracts are found by their accessor."""
    definitions.code_list.cache_clear()
    definitions.units.cache_clear()
    for name, module in list(sys.modules.items()):
        if name.startswith("jobs.") and name.count(".") == 2:
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear") and getattr(value, "__module__", "").startswith("jobs."):
                    value.cache_clear()


def main() -> None:
    record_accessors()
    record_files()
    without_engine()
    from jobs.columns import rows

    rows.materialised = lambda frame: frame  # nothing is written down without an engine
    from pipeline.registry import registry

    jobs = registry()
    definitions.contracts()
    record_attributes()
    for name, job in jobs.items():
        forget()
        given: dict[str, Any] = {}
        now[:] = ["rules", name]
        if job.rules:
            given["rules"] = job.rules()
        forget()
        now[:] = ["idle", ""]
        frames = {i: frame(definitions.contract(g.table).column_names) for i, g in job.inputs.items()}
        now[:] = ["plan", name]
        job.transform(**frames, **given)
    print(json.dumps([[phase, name, sorted(found)] for (phase, name), found in read.items()]))


if __name__ == "__main__":
    main()
