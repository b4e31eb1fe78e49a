"""``./brain sql``: a statement that names what no release has is refused in one line that says where it is."""

from __future__ import annotations

import pytest

from tests.portal.conftest import Brain
from warehouse.releases import Release
from warehouse.tables import table_path


@pytest.mark.parametrize("name", ["raw.gov_tax", "quarantine.record"])
def test_a_table_that_is_not_published_is_named_with_its_place(
    release: Release, brain: Brain, name: str
) -> None:
    code, out, err = brain("sql", "-c", f"select count(*) from {name}")
    [line] = err.splitlines()
    assert (code, out) == (1, "") and line.startswith(f"brain: {name} is no part of a release, ")
    assert str(table_path(name)) in line and "./brain tables" in line


def test_a_misspelt_table_is_one_line_with_the_name_meant(release: Release, brain: Brain) -> None:
    code, out, err = brain("sql", "-c", "from per_mu.enterprise_grades")
    [line] = err.splitlines()
    assert (code, out) == (1, "") and line.startswith("brain: SQL: Catalog Error: ")
    assert "Did you mean" in line


def test_a_mistake_beside_a_published_table_is_duckdbs(release: Release, brain: Brain) -> None:
    code, _, err = brain("sql", "-c", "select 'raw.gov_tax' as t, nothing from per_mu.enterprise_grade")
    assert code == 1 and "nothing" in err and "raw.gov_tax is no part" not in err
