"""Program that records which definitions every job reads, and prints them as JSON.

It calls transforms without an engine: columns are those of Spark Connect, which need none, and every method of a
DataFrame returns a DataFrame. It records the accessors of ``schemas.contract`` and the attributes of contracts that
modules of jobs read, and the files that are opened.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
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
#: Current phase and job: importing modules, loading a job's rules, or building a job's plan.
now: list[str] = ["import", ""]
#: (phase, job) → what was read; accessors called at import also have module and line.
read: dict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)


class Row(dict[str, str]):
    """A row of a code list that records which of its columns are read; ``*`` is all of them."""

    def __init__(self, of: str, row: dict[str, str]) -> None:
        super().__init__(row)
        self.of = of

    def _record(self, column: str) -> None:
        read[now[0], now[1]].add(("column", self.of, column))

    def __getitem__(self, column: str) -> str:
        self._record(column)
        return super().__getitem__(column)

    def get(self, column: str, default: Any = None) -> Any:
        self._record(column)
        return super().get(column, default)

    def _whole(self, *args: Any, _name: str) -> Any:
        self._record("*")
        return getattr(dict, _name)(self, *args)

    __iter__ = partialmethod(_whole, _name="__iter__")
    keys = partialmethod(_whole, _name="keys")
    values = partialmethod(_whole, _name="values")
    items = partialmethod(_whole, _name="items")


def caller() -> FrameType | None:
    """The frame of the reading code if it is in a module of jobs."""
    frame = sys._getframe(2)
    return frame if str(frame.f_globals.get("__name__")).startswith("jobs.") else None


def record_accessors() -> None:
    for accessor in ("code_list", "contract", "units"):
        real = getattr(definitions, accessor)

        def recording(*args: str, _real: Any = real, _accessor: str = accessor) -> Any:
            if frame := caller():
                where = (frame.f_globals["__name__"], str(frame.f_lineno)) if now[0] == "import" else ()
                while where and frame.f_code.co_name != "<module>" and frame.f_back:
                    # a comprehension at a module's top level is a function of its own
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
    """Make every method of a DataFrame return one that also has all columns named in the arguments."""

    def returned(self: DataFrame, *args: Any, **_: Any) -> DataFrame:
        return frame([*vars(self)["names"], *(name for arg in args for name in named(arg))])

    for name in dir(DataFrame):
        if not name.startswith("_") and name != "transform":
            setattr(DataFrame, name, returned)
    session = MagicMock()
    session.createDataFrame = lambda rows, *_, **__: (list(rows), frame([]))[1]
    change = {
        "pool": "energy",
        "account": "a",
        "giver_account": "a",
        "taker_account": "b",
        "amount": Decimal(1),
        "opening": Decimal(1),
        "first": date(2023, 3, 1),
        "last": None,
        "code": "a",
        "to_uscc": "b",
        "year": "2023",
        "valid_from_date": None,
        "known_at": 0,
        "kind": "merge",
        "month": "2024-03",
    }
    rows = [{"what": "year", "name": "2023", **change}, {"what": "known", "name": "2024-03", **change}]
    replaced: dict[str, Any] = {
        "sparkSession": session,
        "columns": property(lambda self: self.names),
        "collect": lambda _: rows,
        "__getitem__": lambda _, name: F.col(name),
        "__getattr__": lambda self, _: lambda *args: returned(self, *args),
    }
    for name, replacement in replaced.items():
        setattr(DataFrame, name, replacement)


def named(value: Any) -> Iterator[str]:
    """Column names in an argument of a DataFrame's method."""
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
    """Clear the caches of jobs, code lists and units; reads of contracts show at their accessor anyway."""
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

    rows.materialised = lambda frame: frame  # nothing can be written without an engine
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
