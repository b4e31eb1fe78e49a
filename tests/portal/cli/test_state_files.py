"""Every file by which a home knows itself, lost or damaged in every way, before every command.

A command then does its work as if nothing were missing, or ends with one line that says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.portal.conftest import Brain

#: What a disk, a person or another program leaves in a file's place.
DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda _: None,
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda _: b"",
    "another list": lambda _: b"[1, 2]",
    "nothing": lambda _: b"null",
    "another object": lambda _: b'{"a": 1}',
    "no text": lambda _: bytes(range(256)),
}
#: The kind that every run of the tests tries, on a few files; the others take minutes.
FEW = ("cut",)

FILES = (
    "releases/manifest-1.json",
    "releases/release-1.duckdb",
    "releases/same-content-1.json",
    "warehouse/raw/delivery/_delta_log/*.json",
    "warehouse/raw/gov_tax/_delta_log/*.json",
    "warehouse/quarantine/record/_delta_log/*.json",
    "warehouse/staged/core/enterprise_year/_delta_log/*.json",
    "warehouse/published/per_mu/unit/_delta_log/*.json",
    "ingest-journal.json",
    "arrivals/tax.json",
    "engine/engine.json",
    "airflow/services.json",
    "airflow/passwords.json",
    "watermarks/gov_credit.json",
    "streams/ent_meter_reading/state.json",
    "logs/run.json",
    "logs/gate.json",
)
#: A register, a journal, the engine's state, a record for people, and a file that comes from outside.
FEW_FILES = (
    "warehouse/raw/delivery/_delta_log/*.json",
    "ingest-journal.json",
    "engine/engine.json",
    "logs/run.json",
    "watermarks/gov_credit.json",
)
#: Files that a home has only while something is going on, or not in one that was made by functions alone.
ONLY_SOMETIMES = b'{"tables": ["raw.gov_tax"], "deliveries": [["a", "b"]], "seen": {}, "home": "/elsewhere"}'

#: Those that change something come last.
COMMANDS = (
    "status",
    "releases",
    "sql -c 'select 1'",
    "feeds",
    "quarantine list",
    "deliveries list",
    "card 91330203MA",
    "explain per_mu.enterprise_grade year=2024",
    "check",
    "check --content",
    "down",
    "ingest",
    "run",
    "publish",
    "rollback 1",
)
#: Those that measure the home's own city.
BENCHMARKS = ("bench engine", "bench chain", "bench profile")


@pytest.mark.parametrize(
    "damage", [d if d in FEW else pytest.param(d, marks=pytest.mark.slow) for d in DAMAGES]
)
@pytest.mark.parametrize(
    "file", [f if f in FEW_FILES else pytest.param(f, marks=pytest.mark.slow) for f in FILES]
)
def test_a_damaged_file_is_told_in_one_line_or_does_not_matter(
    file: str, damage: str, built_copy: Path, brain: Brain
) -> None:
    assert _unclear(file, damage, COMMANDS, built_copy, brain) == []


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "another object"])
@pytest.mark.parametrize("file", [f for f in FILES if f.startswith(("warehouse/", "engine/"))])
def test_a_benchmark_of_a_damaged_home_is_told_in_one_line_or_measures(
    file: str, damage: str, built_copy: Path, brain: Brain
) -> None:
    assert _unclear(file, damage, BENCHMARKS, built_copy, brain) == []


def _unclear(file: str, damage: str, commands: Iterable[str], home: Path, brain: Brain) -> list[str]:
    """Commands that end otherwise than well or with one line, each on the file damaged again."""
    path = max(home.glob(file), default=home / file)
    whole = path.read_bytes() if path.exists() else ONLY_SOMETIMES
    path.parent.mkdir(parents=True, exist_ok=True)
    unclear = []
    for command in commands:
        left = DAMAGES[damage](whole)
        path.unlink(missing_ok=True)
        if left is not None:
            path.write_bytes(left)
        code, out, err = brain(*(word.strip("'") for word in command.split(maxsplit=2)))
        told = [line for line in err.splitlines() if line.startswith("brain: ")]
        clear = not code or (code in (1, 2) and len(told) == 1)
        if not clear or "should not happen" in err or "Traceback" in out + err:
            unclear.append(f"{command}: exit {code}, {told or err.splitlines()[-1:]}")
    return unclear
