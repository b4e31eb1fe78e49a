"""A machine without Java, simulated by a failing one first on the PATH: commands without Java work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.cli import app as cli
from schemas.errors import RejectedError
from warehouse import java
from warehouse.settings import CHECKOUT, settings


class WithoutJava:
    """A machine whose only Java fails and records its calls; its home and cache are empty."""

    def __init__(self, folder: Path) -> None:
        self.asked, self.cache = folder / "asked", folder / "cache"
        program = folder / "bin" / "java"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\necho $* >>{self.asked}\necho 'no Java here' >&2\nexit 1\n")
        program.chmod(0o755)
        kept = {k: v for k, v in os.environ.items() if k != "JAVA_HOME" and not k.startswith("BRAIN_")}
        self.environment = {
            **kept,
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "BRAIN_HOME": str(folder / "home"),
            "BRAIN_CACHE": str(self.cache),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command; assert that it succeeds and uses neither Java nor jars."""
        done = subprocess.run(
            [sys.executable, "-m", "portal.cli", *arguments],
            env=self.environment, cwd=CHECKOUT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert not self.asked.exists()
        assert [path.name for path in (self.cache.iterdir() if self.cache.exists() else ())] == []
        return done


@pytest.fixture
def machine(tmp_path: Path) -> WithoutJava:
    return WithoutJava(tmp_path)


@pytest.mark.parametrize("command", ["setup", "check", "status", "feeds", "ingest", "releases"])
def test_commands_without_java_do_not_start_it(machine: WithoutJava, command: str) -> None:
    machine.run(command)


@pytest.mark.slow  # .ci/run makes its demo so in every run
def test_a_demo_needs_no_java(machine: WithoutJava) -> None:
    try:
        machine.run("demo", "--scale", "0.01")
        assert '"release": 1' in machine.run("releases", "--json").stdout
    finally:
        machine.run("down")


def test_the_command_test_refuses_before_any_test_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = WithoutJava(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("BRAIN_CACHE", str(machine.cache))
    monkeypatch.setattr(java, "PACKAGED", tmp_path)
    monkeypatch.setattr(sys, "argv", ["brain", "test", "--version"])
    settings.cache_clear()
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        settings.cache_clear()
    said = capsys.readouterr()
    assert ended.value.code == RejectedError.exit_code and said.out == ""
    assert said.err.startswith("brain: Spark and Kafka need Java 17 or newer: ") and said.err.count("\n") == 1
    assert "java does not run (no Java here)" in said.err
