"""The status of a home, as rows and as lines."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime

import psutil
import pytest

from portal.services import health, status
from portal.services.airflow import Airflow
from tests.portal.services.processes import brain, remember
from warehouse.settings import Settings


def test_status_of_a_home_where_nothing_runs(quiet_home: Settings) -> None:
    rows = {row["service"]: row for row in status.status()}
    assert {name: row["state"] for name, row in rows.items()} == {
        "engine": "stopped", "airflow": "stopped", "portal": "stopped", "landing": "nothing waiting",
        "release": "none yet",
    }  # fmt: skip
    assert {tuple(row) for row in rows.values()} == {
        ("service", "state", "pid", "port", "memory_mib", "since", "note")
    }


def test_status_prints_only_json_and_starts_nothing(quiet_home: Settings) -> None:
    done = brain(quiet_home, "status", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [row["service"] for row in json.loads(done.stdout)] == [
        "engine",
        "airflow",
        "portal",
        "landing",
        "release",
    ]
    assert not quiet_home.engine_folder.exists()


def test_status_counts_files_that_are_not_ingested_and_names_a_broken_manifest(
    quiet_home: Settings,
) -> None:
    folder = quiet_home.landing / "gov_tax"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("x\n")
    manifest = {
        "feed": "gov_tax",
        "period": "2023",
        "file": "a.csv",
        "sha256": "0" * 64,
        "sent_at": "2024-01-01T00:00:00Z",
    }
    (folder / "a.csv.manifest.json").write_text(json.dumps(manifest))
    (quiet_home.landing / "gov_energy").mkdir()
    (quiet_home.landing / "gov_energy" / "b.jsonl.manifest.json").write_text("{")
    landing = status.status()[3]
    assert landing["state"] == "1 files waiting"
    assert landing["note"].startswith("b.jsonl.manifest.json: ")


def test_a_component_that_ended_is_named(quiet_home: Settings, stubborn: subprocess.Popen[bytes]) -> None:
    mark = (stubborn.pid, psutil.Process(stubborn.pid).create_time())
    remember(quiet_home, 8080, scheduler=mark, triggerer=mark, api_server=mark)
    row = status.status()[1]
    assert (row["state"], row["note"]) == ("broken", "dag-processor ended; ./brain up restarts Airflow")
    assert row["pid"] == stubborn.pid and row["memory_mib"] > 0


def test_a_missing_triggerer_is_broken_because_no_run_would_wait_for_files(
    quiet_home: Settings, stubborn: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = (stubborn.pid, psutil.Process(stubborn.pid).create_time())
    remember(quiet_home, 8080, scheduler=mark, api_server=mark, dag_processor=mark)
    row = status.status()[1]
    assert (row["state"], row["note"]) == ("broken", "triggerer ended; ./brain up restarts Airflow")

    remember(quiet_home, 8080, scheduler=mark, api_server=mark, dag_processor=mark, triggerer=mark)
    beat = "2026-03-01T08:15:00+00:00"
    parts = ("scheduler", "dag_processor", "triggerer")
    answer = {part: {"status": "healthy", f"latest_{part}_heartbeat": beat} for part in parts}
    answer["metadatabase"] = {"status": "healthy"}
    monkeypatch.setattr(health, "call", lambda *_: answer)
    assert status.status()[1]["state"] == "running"
    assert health.is_well(Airflow(8080), datetime.fromisoformat("2026-03-01T08:14:00+00:00"))
    answer["triggerer"]["latest_triggerer_heartbeat"] = "2026-03-01T08:13:00+00:00"
    assert not health.is_well(Airflow(8080), datetime.fromisoformat("2026-03-01T08:14:00+00:00"))
    answer["triggerer"]["status"] = "unhealthy"
    assert status.status()[1]["state"] == "unwell"


def test_each_row_is_one_readable_line() -> None:
    running = status._row(
        "airflow",
        "running",
        pid=12,
        port=8080,
        memory_mib=1580,
        since="2026-03-01T08:15:00+00:00",
        note="here",
    )
    [line, short] = status.as_lines([running, status._row("release", "none yet")])
    assert line.startswith("airflow  running          pid 12, port 8080, 1,580 MiB, since 2026-0")
    assert line.endswith(":15, here") and short == "release  none yet"
