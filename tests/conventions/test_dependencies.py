"""What a job's rows depend on can be found by reading its code."""

from __future__ import annotations

import pytest

from pipeline.code_hash import reached, roots
from pipeline.registry import registry


@pytest.mark.parametrize("table", registry())
def test_code_lists_and_contracts_are_named_where_they_are_read(table: str) -> None:
    """Each fault says file, line and what to do; so does ``./brain check``, which refuses such a job."""
    assert reached(*roots(registry()[table])).faults == ()
