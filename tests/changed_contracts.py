"""Contracts with some lines changed during a test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from schemas import contract as contracts_module
from warehouse.settings import CHECKOUT


@contextmanager
def changed(folder: Path, name: str, edit: Callable[[dict[str, Any]], object]) -> Iterator[None]:
    """Use the contract ``area.table`` as changed by ``edit``; all others stay unchanged."""
    copied = folder / "schemas"
    shutil.rmtree(copied, ignore_errors=True)
    shutil.copytree(CHECKOUT / "schemas", copied, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = copied / f"{name.replace('.', '/')}.yml"
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    edit(raw)
    path.write_text(yaml.safe_dump(raw, allow_unicode=True, sort_keys=False), encoding="utf-8")
    before = contracts_module.SCHEMAS
    contracts_module.SCHEMAS = copied
    contracts_module.contracts.cache_clear()
    try:
        yield
    finally:
        contracts_module.SCHEMAS = before
        contracts_module.contracts.cache_clear()
