"""The states of the built city are those that the senders know; a new code keeps a consent, a takeover does not.

The lists of the senders are outside the warehouse and no job reads them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from warehouse import duck, tables
from warehouse.releases import open_release


@pytest.fixture
def release(built_home: Path) -> Iterator[Any]:
    with duck.connect(open_release().file, read_only=True) as connection:
        yield connection


def _truth(home: Path, name: str) -> Any:
    return json.loads((home / "truth" / name).read_text(encoding="utf-8"))


def test_firms_without_consent_are_those_that_the_senders_know(built_home: Path, release: Any) -> None:
    planted = _truth(built_home, "planted_faults.json")
    faulty = {f["key"]["uscc"] for f in planted if f["feed"] == "ent_consent" and "uscc" in f["key"]}
    faulty |= {r["uscc"] for r in tables.rows("quarantine.record", ["uscc"]).to_pylist()}
    for year, expected in _truth(built_home, "consents.json").items():
        rows = duck.fetch(
            release,
            "SELECT uscc, per_mu_consent_code AS state FROM core.consent_state WHERE year = ? AND is_in_statistics",
            [year],
        )
        known = {r["uscc"]: r["state"] for r in rows if r["uscc"] not in faulty}
        assert known
        for state, firms in expected.items():
            found = {uscc for uscc, own in known.items() if own == state}
            assert set(firms) & set(known) <= found, (year, state)
            # two planted faults replace the code of a record, so two firms may lack theirs
            assert len(found - set(firms)) <= 2, (year, state)


def test_a_firm_without_statistics_needs_no_consent(release: Any) -> None:
    [row] = duck.fetch(
        release,
        """SELECT count(*) FILTER (s.is_in_statistics) AS reporting,
            count(*) FILTER (s.is_in_statistics AND s.per_mu_consent_code = 'not_needed') AS wrong,
            count(*) FILTER (NOT s.is_in_statistics AND s.per_mu_consent_code <> 'not_needed') AS idle,
            count(*) FILTER (NOT s.is_in_statistics) AS silent FROM core.consent_state s""",
    )
    assert row["reporting"] > 0 and row["silent"] > 0 and (row["wrong"], row["idle"]) == (0, 0)


def test_a_new_code_keeps_the_consent_and_a_takeover_does_not(built_home: Path, release: Any) -> None:
    cases = _truth(built_home, "identities.json")
    for case in (c for c in cases if c["case"] in ("new_code", "absorption")):
        rows = duck.fetch(
            release,
            "SELECT * FROM core.consent WHERE given_uscc = ? AND uscc = ?",
            [case["from"], case["to"]],
        )
        assert bool(rows) == (case["case"] == "new_code"), case
        assert all(r["year"] >= int(case["told"]) for r in rows)
