"""One good city for all tests of suites and gate, and a gate run with some of its tables replaced."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from expectations.gate.report import GateReport
from expectations.gate.run import run_gate
from expectations.gate.snapshot import Pin
from tests.expectations.good_city import City, good_city, write, write_city

Judge = Callable[..., GateReport]


@pytest.fixture(scope="session")
def _base(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[str, Pin]]:
    city = good_city()
    return pickle.dumps(city), write_city(city, tmp_path_factory.mktemp("good_city"))


@pytest.fixture
def city(_base: tuple[bytes, dict[str, Pin]]) -> City:
    """Rows of the good city, which a test may spoil."""
    city: City = pickle.loads(_base[0])  # a tenth of the time of a deep copy
    return city


@pytest.fixture(scope="session")
def good_pins(_base: tuple[bytes, dict[str, Pin]]) -> Mapping[str, Pin]:
    return _base[1]


@pytest.fixture
def judge(city: City, good_pins: Mapping[str, Pin], tmp_path: Path) -> Judge:
    """``judge("core.parcel")``: the gate over a table whose rows in ``city`` were changed."""
    number = itertools.count()

    def run(*changed: str, tables: Iterable[str] | None = None, **options: object) -> GateReport:
        folder = tmp_path / str(next(number))
        pins = {**good_pins, **{name: write(city[name], name, folder / name) for name in changed}}
        return run_gate(pins, tables=tables or changed, **options)  # type: ignore[arg-type]

    return run
