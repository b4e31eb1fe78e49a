"""A home keeps the answers used last; what somebody reads or computes is never removed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.what_if import kept
from tests.built_city import one_line
from warehouse.settings import CHECKOUT


def put(folder: Path, *names: str) -> None:
    """Answers, the first one used first."""
    for second, name in enumerate(names, 1):
        (folder / name).mkdir(parents=True)
        (folder / name / kept.SUMMARY).write_text("{}", encoding="utf-8")
        os.utime(folder / name, (second, second))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_those_used_least_lately_go(tmp_path: Path) -> None:
    put(tmp_path, "a", "b", "c", "d")
    kept.use(tmp_path / "a")
    assert sorted(kept.remove_unused(tmp_path, 3, "d")) == ["b"]
    assert names(tmp_path) == ["a", "c", "d"]
    assert kept.remove_unused(tmp_path, 3, "d") == []


def test_reading_counts_as_use(tmp_path: Path) -> None:
    put(tmp_path, "a", "b", "c")
    with kept.held(tmp_path / "a"):
        pass
    kept.remove_unused(tmp_path, 2, "c")
    assert names(tmp_path) == ["a", "c"]


def test_the_answer_just_stored_stays_whatever_its_time(tmp_path: Path) -> None:
    put(tmp_path, "new", "b", "c")
    kept.remove_unused(tmp_path, 1, "new")
    assert names(tmp_path) == ["new"]


def test_what_is_read_stays_until_the_next_answer_is_stored(tmp_path: Path) -> None:
    put(tmp_path, "a", "b", "c")
    with kept.held(tmp_path / "a"), kept.held(tmp_path / "a"):
        os.utime(tmp_path / "a", (1, 1))
        assert kept.remove_unused(tmp_path, 1, "c") == ["b"]
        assert (tmp_path / "a" / kept.SUMMARY).read_text(encoding="utf-8") == "{}"
    assert kept.remove_unused(tmp_path, 1, "c") == ["a"]


def test_what_a_stopped_trial_left_goes(tmp_path: Path) -> None:
    put(tmp_path, "a")
    for left in (f"b{kept.PARTIAL}", f"c{kept.GONE}"):
        (tmp_path / left / "table").mkdir(parents=True)
    assert kept.remove_unused(tmp_path, 5, "a") == []
    assert names(tmp_path) == ["a"]


def test_an_answer_that_is_gone_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(kept.NotKeptError) as error, kept.held(tmp_path / "a"):
        pass
    assert "no longer kept" in one_line(error.value)
    kept.use(tmp_path / "a")


def test_an_answer_removed_while_its_reader_waited_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader has the file open, and gets its lock when the answer is gone, or is another folder of the same id."""
    put(tmp_path, "a", "b")
    for again in (False, True):
        lock = fcntl.flock

        def removed(file: object, how: int, lock: object = lock, again: bool = again) -> None:
            monkeypatch.setattr(fcntl, "flock", lock)
            assert kept.remove_unused(tmp_path, 1, "b") == ["a"]
            if again:
                put(tmp_path, "a")

        monkeypatch.setattr(fcntl, "flock", removed)
        with pytest.raises(kept.NotKeptError), kept.held(tmp_path / "a"):
            pass
        if not again:
            put(tmp_path, "a")


READER = """
import sys
from pathlib import Path
from portal.what_if import kept
folder, read = Path(sys.argv[1]), 0
while not (folder.parent / "stop").exists():
    for number in range(4):
        try:
            with kept.held(folder / f"{number}"):
                assert (folder / f"{number}" / "table").read_text() == "rows"
                assert (folder / f"{number}" / "summary.json").read_text() == "{}"
                read += 1
        except kept.NotKeptError:
            pass
print(read)
"""


def test_processes_that_read_and_remove_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Answers come and go while another process reads them: it reads a whole answer or none."""
    folder = tmp_path / "answers"
    folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(folder)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as reader:
        removed = 0
        try:
            for turn in range(20_000):
                name = str(turn % 4)
                if not (folder / name).exists():
                    partial = folder / f"{name}{kept.PARTIAL}"
                    partial.mkdir()
                    (partial / "table").write_text("rows", encoding="utf-8")
                    (partial / kept.SUMMARY).write_text("{}", encoding="utf-8")
                    partial.rename(folder / name)
                removed += len(kept.remove_unused(folder, 1, name))
                if removed > 500:
                    break
        finally:
            (tmp_path / "stop").touch()
        read, said = reader.communicate(timeout=60)
    assert reader.returncode == 0, said
    assert removed > 500
    assert int(read) > 0
