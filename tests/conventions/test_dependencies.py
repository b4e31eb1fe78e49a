"""The definitions that a job's rows depend on can be found by static analysis."""

from __future__ import annotations

import pytest

from pipeline.code_hash import reached, roots
from pipeline.registry import registry


@pytest.mark.parametrize("table", registry())
def test_code_lists_and_contracts_are_named_where_they_are_read(table: str) -> None:
    """Each fault names file, line and remedy, as ``./brain check`` does, which refuses such a job."""
    assert reached(*roots(registry()[table])).faults == ()
