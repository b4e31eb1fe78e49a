"""A separate process writes the demo city's files group by group; a failure is one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo_city.city import CitySpec, is_there
from ingest.ways.manifest import find_drops
from portal.demo.generation import Generation
from schemas.contract import connected_groups
from schemas.errors import RejectedError
from warehouse.settings import settings

SPEC = CitySpec(0.005, 7, (2023,), slips=False)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BRAIN_HOME", str(tmp_path))
        settings.cache_clear()
        yield tmp_path
    settings.cache_clear()


def drops(home: Path, group: str) -> dict[str, int]:
    return {s.table: len(find_drops(home / "landing" / s.table, [])) for s in connected_groups()[group]}


def is_complete(home: Path) -> bool:
    return is_there(SPEC, home / "landing", home / "truth")


def test_a_group_is_reported_when_all_its_files_exist(home: Path) -> None:
    steps: list[tuple[str, str, int]] = []
    seen = {}
    with Generation(SPEC, lambda *step: steps.append(step)) as generation:
        for group in generation.groups():
            seen[group] = drops(home, group)
        report = generation.report()
    assert set(seen) == set(connected_groups())
    assert list(seen)[:2] == ["tax", "energy"]
    assert seen == {group: drops(home, group) for group in seen}
    assert seen["tax"] == {"gov_tax": 1, "gov_tax_excluded": 1}
    assert not report.kept and is_complete(home)
    assert sum(records for _, _, records in steps) == report.total_records > 0
    assert {stage for stage, _, _ in steps} == {"generate"}


def test_an_existing_city_is_kept(home: Path) -> None:
    with Generation(SPEC, lambda *_: None) as first:
        groups = list(first.groups())
    with Generation(SPEC, lambda *_: pytest.fail("nothing should be written")) as again:
        assert sorted(again.groups()) == sorted(groups)
        assert again.report().kept


def test_unfinished_files_are_written_again(home: Path) -> None:
    with pytest.raises(ZeroDivisionError), Generation(SPEC, lambda *_: None) as generation:
        next(generation.groups())
        raise ZeroDivisionError
    assert generation._process is not None and generation._process.poll() is not None
    assert not is_complete(home)
    with Generation(SPEC, lambda *_: None) as generation:
        assert set(generation.groups()) == set(connected_groups())
    assert is_complete(home)


def test_a_killed_process_is_one_line(home: Path) -> None:
    with Generation(SPEC, lambda *_: None) as generation, pytest.raises(RejectedError) as failed:
        for _ in generation.groups():
            assert generation._process is not None
            generation._process.kill()
    assert str(failed.value) == f"the demo city could not be written; see {home / 'logs' / 'generate.log'}"


def test_a_folder_that_cannot_be_written_is_one_line(home: Path) -> None:
    (home / "landing").mkdir()
    (home / "landing" / "gov_tax").write_text("a file in the way")
    with Generation(SPEC, lambda *_: None) as generation, pytest.raises(RejectedError) as failed:
        list(generation.groups())
    assert str(failed.value) == (
        f"the demo city could not be written: File exists: {home / 'landing' / 'gov_tax'}"
    )
