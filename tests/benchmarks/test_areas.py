"""The areas' peers fit the contracts; a home without a city is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import areas, by_name
from benchmarks.areas import PEERS
from schemas.errors import RejectedError, UsageError
from tests.benchmarks.small_city import ASKED, made
from warehouse.settings import settings


@pytest.mark.parametrize("area", PEERS)
def test_statements_fit_the_contracts(area: str, tmp_path: Path) -> None:
    query = made(area, tmp_path, {})
    for name in PEERS[area](ASKED)[1]:
        if name != "placed":
            assert query(f"SELECT count(*) AS n FROM {name.replace('.', '_')}") == [{"n": 0}]


def test_a_home_without_a_city_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path))
    settings.cache_clear()
    try:
        for area in PEERS:
            with pytest.raises(RejectedError, match=r"the home has no .* yet; ./brain demo makes one"):
                areas.run(area, lambda _: None)
            with pytest.raises(UsageError, match="measures the home's own city"):
                by_name.run(area, 0.5, lambda _: None)
    finally:
        settings.cache_clear()
