"""The load on the portal asks what there is, and a failure ends the measurement."""

from __future__ import annotations

from pathlib import Path
from urllib.request import urlopen

import pytest

from benchmarks import by_name
from benchmarks.portal import load, servers
from schemas.errors import RejectedError
from warehouse.releases import open_release
from warehouse.settings import settings


def test_a_home_without_a_release_is_refused_in_one_line(cold_home: Path) -> None:
    with pytest.raises(RejectedError, match=r"no release yet; ./brain demo makes one"):
        by_name.run("portal", 1, lambda _: None)


def test_users_and_reads_are_answered_and_nothing_is_written_to_the_home(
    built_home: Path, tmp_path: Path
) -> None:
    before = sorted(path.name for path in settings().home.iterdir())
    questions = load.questions(open_release())
    assert len(questions.reads) == len(questions.peer_reads) > 100
    with servers.portal(tmp_path) as portal:
        assert len(load.users(portal.address, questions.pages[-load.KINDS :], 2, 0, 2)) >= 2
        assert len(load.users(portal.address, questions.reads, 2, 0, 1)) >= 2
        with pytest.raises(RejectedError, match=r"^/zh/none: 404 during the measurement$"):
            load.users(portal.address, ["/zh/none"], 1, 0, 1)
        assert len(load.users(portal.address, questions.ways, 2, 0, 2, portal.publish)) >= 2
        with urlopen(f"{portal.address}/zh/releases") as page:
            assert f"/releases/{open_release().number + 1}/" in page.read().decode()
        assert portal.peak_bytes() > 50 * 2**20
    assert sorted(path.name for path in settings().home.iterdir()) == before
