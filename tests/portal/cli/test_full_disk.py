"""A full disk and a read-only one: one line that says what to do, nothing is lost, and later commands work again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.built_city import BuiltCity, at_home, copy, redeliver
from tests.disks import mounted
from tests.portal.conftest import Brain
from warehouse import releases
from warehouse.comparison import staged_content
from warehouse.settings import settings

#: Free bytes on a full disk: enough for some state, not for the rows of a table.
LITTLE = 16 * 1024
IN_MEMORY = ("-t", "tmpfs", "-o")


@pytest.fixture
def small_disk(
    changed_city: BuiltCity, engine_remote: str, tmp_path: Path
) -> Iterator[tuple[Path, Callable[[int], None]]]:
    """A copy of the changed city on a disk of its own, and a function that limits the free bytes."""
    with mounted(tmp_path / "disk", *IN_MEMORY, "size=2g", "tmpfs") as disk:

        def leave(free: int) -> None:
            usage = os.statvfs(disk)
            used = (usage.f_blocks - usage.f_bfree) * usage.f_frsize
            subprocess.run(["mount", "-o", f"remount,size={used + free}", str(disk)], check=True)

        with at_home(copy(changed_city, disk / "home"), engine_remote) as home:
            yield home, leave


def _raise_all(records: list[dict[str, str]]) -> list[dict[str, str]]:
    for record in records:
        record["电量(万千瓦时)"] = f"{float(record['电量(万千瓦时)'] or 0) + 1:.4f}"
    return records


@pytest.mark.parametrize(
    "words",
    [pytest.param(("ingest",), marks=pytest.mark.slow), ("run",), ("publish",), ("rollback", "1")],
    ids=" ".join,
)
def test_a_full_disk_is_one_line_and_nothing_is_lost(
    words: tuple[str, ...], small_disk: tuple[Path, Callable[[int], None]], brain: Brain
) -> None:
    home, leave = small_disk
    if words in (("ingest",), ("run",)):
        redeliver(home, "gov_electricity", "electricity_2022.csv", _raise_all)
    if words == ("run",):
        assert brain("ingest")[0] == 0
    before = list(staged_content())
    leave(0 if words[0] == "rollback" else LITTLE)
    code, out, err = brain(*words)
    messages = [line for line in err.splitlines() if line.startswith("brain: ")]
    assert code == 1 and len(messages) == 1 and "make room" in messages[0], err
    assert "Traceback" not in out + err
    # earlier data still exists and can be read while the disk is full
    assert releases.release_numbers() == [1]
    assert brain("releases")[0] == 0
    if words != ("run",):
        assert list(staged_content()) == before
    leave(1 << 30)
    for again in dict.fromkeys(
        (*([words] if words[0] == "rollback" else []), ("ingest",), ("run",), ("publish",))
    ):
        code, _, err = brain(*again)
        assert code == 0, err
    assert brain("check")[0] == 0
    assert not list(home.rglob("*.partial"))


def test_a_read_only_disk_is_named(
    tmp_path: Path, cold_home: Path, brain: Brain, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mounted(tmp_path / "disk", *IN_MEMORY, "ro", "tmpfs") as disk, monkeypatch.context() as patch:
        patch.setenv("BRAIN_HOME", str(disk))
        settings.cache_clear()
        code, _, err = brain("ingest")
    [line] = err.splitlines()
    assert code == 1 and "Read-only file system: " in line and "needs permission" in line
