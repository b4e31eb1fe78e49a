"""``./brain up`` in a home whose files of Airflow and of the engine are damaged: it starts, or says what to do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portal.cli.test_state_files import DAMAGES, ONLY_SOMETIMES
from tests.portal.services.processes import brain
from warehouse.settings import Settings

#: Everything that ``up`` reads of what an earlier ``up`` and ``down`` left.
FILES = (
    "airflow/services.json",
    "airflow/passwords.json",
    "airflow/secrets.json",
    "airflow/airflow.db",
    "airflow/airflow.version",
    "engine/engine.json",
)


@pytest.fixture(scope="module")
def used_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home in which the services ran and were stopped."""
    home = tmp_path_factory.mktemp("used") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BRAIN_ENGINE_ADDRESS", raising=False)
        patch.setenv("BRAIN_HOME", str(home))
        config = Settings(home=home)
        started = brain(config, "up")
        stopped = brain(config, "down")
    assert (started.returncode, stopped.returncode) == (0, 0), started.stderr + stopped.stderr
    yield home
    brain(config, "down")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "another object"])
@pytest.mark.parametrize("file", FILES)
def test_up_starts_or_says_what_to_do(file: str, damage: str, used_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(used_home, home)
    path = home / file
    left = DAMAGES[damage](path.read_bytes() if path.exists() else ONLY_SOMETIMES)
    path.unlink(missing_ok=True)
    if left is not None:
        path.write_bytes(left)
    config = Settings(home=home)
    try:
        done = brain(config, "up")
        told = [line for line in done.stderr.splitlines() if line.startswith("brain: ")]
        assert not done.returncode or (done.returncode in (1, 2) and len(told) == 1), done.stderr
        assert "should not happen" not in done.stderr and "Traceback" not in done.stdout + done.stderr
    finally:
        stopped = brain(config, "down")
    assert stopped.returncode == 0 or file == "airflow/services.json", stopped.stderr
