"""What a command reported as done is on disk: order of writes and syncs, lost files, a copied disk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from ingest.register.deliveries import DELIVERY
from ingest.register.entries import deliveries
from ingest.ways import journal, run
from ingest.ways.landing import ingest
from pipeline.publish import publish
from pipeline.run import run_tables
from schemas.errors import RejectedError
from tests.built_city import BuiltCity, assert_whole, at_home, copy, one_line, redeliver, staged_hashes
from tests.disks import mounted
from warehouse import releases, state, tables
from warehouse.comparison import staged_content
from warehouse.settings import settings

TAX = "raw.gov_tax"


def more_tax(records: list[dict[str, str]]) -> list[dict[str, str]]:
    return [
        {**r, "增值税": f"{float(r['增值税'] or 0) + 1:.2f}"} if n == 7 else r for n, r in enumerate(records)
    ]


def entries(folder: Path) -> list[Path]:
    return sorted((folder / "_delta_log").glob("*.json"))


# --- the order of writes and syncs -----------------------------------------------------------------------


@contextmanager
def recorded() -> Iterator[list[tuple[str, str]]]:
    """Syncs, new names and removed names in their order; paths relative to the home."""
    seen: list[tuple[str, str]] = []
    home = settings().home

    def note(what: str, path: Any) -> bool:
        """Record a path of the home; return whether it is one."""
        if is_noted := Path(path).is_relative_to(home):
            seen.append((what, str(Path(path).relative_to(home))))
        return is_noted

    with pytest.MonkeyPatch.context() as patch:
        sync, link, replace, unlink = os.fsync, os.link, Path.replace, Path.unlink
        commit = DeltaTable.create_write_transaction

        def committed(self: Any, *given: Any, **named: Any) -> None:
            commit(self, *given, **named)
            note("commit", Path(self.table_uri.removeprefix("file://")))

        patch.setattr(
            os, "fsync", lambda fd: (sync(fd), note("sync", Path(f"/proc/self/fd/{fd}").readlink()))
        )
        patch.setattr(os, "link", lambda a, b, **k: (link(a, b, **k), note("name", b)))
        patch.setattr(Path, "replace", lambda a, b: (note("name", b), replace(a, b))[1])
        patch.setattr(Path, "unlink", lambda a, **k: (note("gone", a), unlink(a, **k))[1])
        patch.setattr(DeltaTable, "create_write_transaction", committed)
        yield seen


def assert_synced_between(seen: list[tuple[str, str]], what: str, after: int, before: int) -> None:
    assert ("sync", what) in seen[after:before], f"{what} is not synced in time"


def test_a_delivery_is_registered_when_all_of_it_is_on_disk(built_copy: Path) -> None:
    redeliver(built_copy, "gov_tax", "tax_2023.csv", more_tax)
    with recorded() as seen:
        ingest()
    folders = {name: str(tables.table_path(name).relative_to(built_copy)) for name in (TAX, DELIVERY)}
    journal, tax, registered, gone = (
        seen.index(("name", "ingest-journal.json")),
        seen.index(("commit", folders[TAX])),
        seen.index(("commit", folders[DELIVERY])),
        seen.index(("gone", "ingest-journal.json")),
    )
    assert journal < tax < registered < gone
    assert_synced_between(seen, ".", journal, tax)  # the journal's name
    for name, since, commit, until in ((TAX, journal, tax, registered), (DELIVERY, tax, registered, gone)):
        last = entries(tables.table_path(name))[-1]
        for line in map(json.loads, last.read_text(encoding="utf-8").splitlines()):
            if "add" in line:
                data = Path(folders[name]) / line["add"]["path"]
                assert_synced_between(seen, str(data), since, commit)
                assert_synced_between(seen, str(data.parent), since, commit)
        assert_synced_between(seen, str(last.relative_to(built_copy)), commit, until)
        assert_synced_between(seen, str(last.parent.relative_to(built_copy)), commit, until)
    assert seen[gone + 1] == ("sync", ".")


def test_a_release_exists_when_all_that_it_names_is_on_disk(changed_copy: Path) -> None:
    with recorded() as seen:
        report = publish()
    file = seen.index(("name", "releases/release-2.duckdb"))
    manifest = seen.index(("name", "releases/manifest-2.json"))
    assert seen[file - 1][0] == "sync" and seen[file + 1] == ("sync", "releases")
    assert seen[manifest - 1][0] == "sync" and ".partial" in seen[manifest - 1][1]
    assert ("sync", "releases") in seen[manifest + 1 :]
    assert report.written
    for name in report.written:
        last = entries(releases.published_path(name))[-1]
        added = [
            json.loads(line)["add"]["path"]
            for line in last.read_text("utf-8").splitlines()
            if '{"add"' in line
        ]
        for path in (last, last.parent, *(last.parent.parent / part for part in added)):
            assert_synced_between(seen, str(path.relative_to(changed_copy)), 0, manifest)


# --- files that the disk has lost ------------------------------------------------------------------------


def empty(path: Path) -> None:
    path.write_bytes(b"")


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def data_files(name: str) -> list[Path]:
    folder = tables.table_path(name)
    return [folder / line for line in tables.open_table(name).file_uris() if (folder / line).is_file()]


@pytest.mark.parametrize(
    "lose", [halve, *(pytest.param(f, marks=pytest.mark.slow) for f in (empty, Path.unlink))]
)
@pytest.mark.parametrize("name", [DELIVERY, TAX, "per_mu.enterprise_grade"])
@pytest.mark.parametrize("part", ["log", "data"])
def test_a_damaged_table_is_named_and_not_read(
    built_copy: Path, name: str, part: str, lose: Callable[[Path], None]
) -> None:
    log = entries(tables.table_path(name))
    # the first entry: without the last one a table is its version before, which the gate compares with the register
    file = log[0] if part == "log" else data_files(name)[0]
    lose(file)
    for read in (tables.rows, tables.read):
        with pytest.raises(RejectedError) as error:
            read(name)
        line = one_line(error.value)
        assert str(file) in line or (part == "log" and str(file.parent) in line)
    if name == DELIVERY:
        for command in (ingest, run_tables, publish):
            with pytest.raises(RejectedError) as error:
                command()
            assert str(tables.table_path(DELIVERY)) in one_line(error.value)
    if name == TAX:
        with pytest.raises(RejectedError) as error:
            run_tables(["core.enterprise_year"], full=True)
        assert str(tables.table_path(TAX)) in one_line(error.value)
    assert releases.release_numbers() == [1]


@pytest.mark.parametrize("content", ["", '{"a": 1}', "[1, 2]", "null"])
def test_a_log_entry_without_actions_is_named(built_copy: Path, content: str) -> None:
    """Libraries take such an entry for a commit without changes: its rows would be lost unnoticed."""
    entry = entries(tables.table_path(TAX))[-1]
    entry.write_text(content, encoding="utf-8")
    with pytest.raises(RejectedError) as error:
        tables.open_table(TAX)
    assert one_line(error.value).startswith(
        f"{entry}: this entry of the table's log is cut off or not an entry"
    )


def test_the_next_write_removes_files_of_a_killed_writer(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as gone:
        pass
    (tmp_path / f"state.{gone.pid}.partial").write_text("{")
    (tmp_path / f"state.{os.getppid()}.partial").write_text("{")  # a file that is being written
    state.write_whole(tmp_path / "state.json", "{}")
    assert {p.name for p in tmp_path.iterdir()} == {"state.json", f"state.{os.getppid()}.partial"}


@pytest.mark.parametrize("cut", [empty, halve])
def test_a_damaged_journal_is_named(built_copy: Path, cut: Callable[[Path], None]) -> None:
    journal = built_copy / "ingest-journal.json"
    journal.write_text(json.dumps({"tables": [TAX], "deliveries": [["some", "delivery"]]}), encoding="utf-8")
    cut(journal)
    with pytest.raises(RejectedError) as error:
        ingest()
    assert one_line(error.value).startswith(f"{journal} is not readable: ")
    assert journal.exists()


@pytest.mark.parametrize("cut", [empty, halve])
@pytest.mark.parametrize("name", [TAX, DELIVERY])
def test_a_commit_that_a_power_cut_ended_is_repeated(
    built_copy: Path, monkeypatch: pytest.MonkeyPatch, name: str, cut: Callable[[Path], None]
) -> None:
    """The log's last entry is cut off and the journal exists: the commit was never confirmed."""
    redeliver(built_copy, "gov_tax", "tax_2023.csv", more_tax)

    class PowerCutError(Exception):
        pass

    def no_power(*_: Any) -> None:
        raise PowerCutError

    # just before the end of ingestion; for the feed's table just before the delivery is registered
    monkeypatch.setattr(*((journal, "remove") if name == DELIVERY else (run, "register")), no_power)
    with pytest.raises(PowerCutError):
        ingest()
    monkeypatch.undo()
    settings.cache_clear()
    monkeypatch.setenv("BRAIN_HOME", str(built_copy))
    cut(entries(tables.table_path(name))[-1])
    assert [f.state for f in ingest().taken] == ["taken"]
    assert ingest().taken == []
    in_raw = (
        tables.rows(TAX, ["delivery_id", "period"])
        .group_by(["delivery_id", "period"])
        .aggregate([([], "count_all")])
    )
    counted = {(r["delivery_id"], r["period"]): r["count_all"] for r in in_raw.to_pylist()}
    registered = {
        (d["delivery_id"], d["period"]): d["records_raw"] for d in deliveries() if d["feed"] == "gov_tax"
    }
    assert counted == registered


@pytest.mark.slow
def test_a_table_left_uncommitted_by_a_power_cut_is_rebuilt(changed_copy: Path) -> None:
    before = staged_hashes()
    last = entries(tables.table_path("per_mu.enterprise_grade"))[-1]
    empty(last)
    report = run_tables()
    assert set(report.made) == {"per_mu.enterprise_grade"}
    assert staged_hashes() == before
    assert publish().release.number == 2


def test_a_lost_release_file_is_built_again(built_copy: Path) -> None:
    first = releases.open_release()
    first.file.unlink()
    report = publish()
    assert (report.release.number, report.is_new) == (2, True)
    assert {n: t.content_hash for n, t in report.release.tables.items()} == {
        n: t.content_hash for n, t in first.tables.items()
    }
    assert_whole(releases.open_release())
    with pytest.raises(RejectedError) as error:
        releases.rollback(1)
    assert one_line(error.value) == f"release 1: {first.file} does not exist"


# --- a copied disk ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0 or not shutil.which("mkfs.ext4"), reason="needs root and ext4"
)
@pytest.mark.parametrize("waits", [True, False])
def test_a_disk_copied_after_a_release_was_reported_has_it(
    built_city: BuiltCity, engine_remote: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    """The copy has what was written to the disk by then, as after a power cut; without syncs it is incomplete."""
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(1 << 30)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    if not waits:
        monkeypatch.setattr("warehouse.state.os.fsync", lambda _: None)
    with mounted(tmp_path / "disk", "-o", "loop", str(image)) as disk:
        home = copy(built_city, disk / "home")
        subprocess.run(["sync", "-f", str(disk)], check=True)
        with at_home(home, engine_remote):
            redeliver(home, "gov_tax", "tax_2023.csv", more_tax)
            subprocess.run(["sync", "-f", str(disk)], check=True)
            ingest()
            run_tables()
            assert publish().release.number == 2
            known, held = deliveries(), list(staged_content())
            shutil.copyfile(image, tmp_path / "copy.img")
    with (
        mounted(tmp_path / "copied", "-o", "loop", str(tmp_path / "copy.img")) as disk,
        at_home(disk / "home", engine_remote),
    ):
        if not waits:
            with pytest.raises((AssertionError, RejectedError, OSError)):
                assert_is_all_there(known, held)
            return
        assert_is_all_there(known, held)
        before = staged_hashes()
        assert ingest().taken == []
        assert run_tables().made == {} and publish().is_new is False
        assert staged_hashes() == before


def assert_is_all_there(known: list[dict[str, Any]], held: list[Any]) -> None:
    assert deliveries() == known
    assert releases.open_release().number == 2
    assert_whole(releases.open_release())
    assert list(staged_content()) == held
