"""The record of a run: what was built and why, or that the cause is unknown; without an engine and rows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo_city.city import CitySpec, generate
from ingest.register.deliveries import DELIVERY
from ingest.ways.landing import ingest
from pipeline import run_record
from pipeline.code_hash import code_hash
from pipeline.registry import registry
from pipeline.run import _make, run_tables
from pipeline.run_record import RunReport, TableRun, packed, unpacked, why
from schemas.contract import Contract
from schemas.errors import RejectedError
from tests.built_city import at_home, redeliver
from warehouse import tables
from warehouse.settings import settings

YEARS = ["2022", "2023"]


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a tiny, ingested city."""
    home = tmp_path_factory.mktemp("ingested") / "home"
    with at_home(home, "sc://127.0.0.1:1"):
        generate(CitySpec(0.005, 7, (2022, 2023), slips=False), settings().landing, home / "truth")
        ingest()
    return home


@pytest.fixture
def city(ingested: Path, cold_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the ingested city, on which runs commit tables without rows."""
    shutil.copytree(ingested, cold_home, ignore=shutil.ignore_patterns("locks"))

    def commit(_: object, spec: Contract, __: list[str], metadata: dict[str, Any]) -> None:
        tables.add_rows([], spec, metadata)

    monkeypatch.setattr("pipeline.run._transformed", lambda *_: None)
    monkeypatch.setattr(tables, "replace_periods", commit)
    yield cold_home


def reasons(report: RunReport) -> dict[str, str]:
    return {one.table: one.reason for one in report.tables}


def kept() -> dict[str, Any]:
    return dict(json.loads((settings().logs / "run.json").read_text(encoding="utf-8")))


def code_is_edited(patch: pytest.MonkeyPatch) -> None:
    """Act as if the code of core.parcel were edited."""
    for module in ("fingerprint", "run"):
        patch.setattr(
            f"pipeline.{module}.code_hash", lambda j: "edited" if j.table == "core.parcel" else code_hash(j)
        )


def test_a_run_records_what_it_built_and_why(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[TableRun] = []
    first = run_tables(finished=seen.append)
    later = {n for n in registry() if n.endswith("_month") and not n.startswith("resource.")}
    later |= {"chain.trade", "chain.supply_flow"}
    assert reasons(first) == dict.fromkeys([n for n in registry() if n not in later], "new")
    assert {one.table: one for one in seen} == {one.table: one for one in first.tables}
    assert first.made["core.enterprise"] == YEARS and set(first.fresh) == later
    assert all(0 <= one.begun <= one.ended <= first.seconds for one in first.tables)
    assert {one.rows for one in first.tables} == {0}
    assert kept() == first.as_record() and kept()["failure"] is None

    # a run without stale periods is recorded too
    again = run_tables()
    assert (again.tables, set(again.fresh)) == ([], set(registry()))
    assert kept() == again.as_record()

    redeliver(city, "gov_tax", "tax_2023.csv", lambda rows: rows[1:])
    ingest()
    found = run_tables()
    assert found.made["core.enterprise_year"] == ["2023"]
    # the file has quarantined records; the directory's firms do not depend on those of a tax office
    because = "input changed: quarantine.record, raw.gov_tax"
    assert reasons(found)["core.enterprise_year"] == because
    assert reasons(found)["per_mu.baseline"].startswith("input changed: ")

    asked = reasons(run_tables(["core.parcel"], full=True))
    assert asked == dict.fromkeys(["core.identity_event", "core.succession", "core.parcel"], "requested")

    with monkeypatch.context() as patch:
        code_is_edited(patch)
        found = run_tables(period="2022")
        assert found.made["core.parcel"] == ["2022"] and reasons(found)["core.parcel"] == "code changed"
        assert reasons(found)["core.parcel_use"] == "input changed: core.parcel"
        found = run_tables()  # the year that was left out still gets the right reason
        assert found.made["core.parcel"] == ["2023"] and reasons(found)["core.parcel"] == "code changed"
    assert reasons(run_tables())["core.parcel"] == "code changed"


def test_contract_rules_and_removed_periods_are_named_as_reasons(
    city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_tables(["core"])
    real = Contract.hash
    with monkeypatch.context() as patch:
        patch.setattr(Contract, "hash", lambda c: "edited" if c.name == "core.group_member" else real(c))
        # the job's last step reads its contract
        assert reasons(run_tables(["core"])) == {"core.group_member": "code changed; contract changed"}
    run_tables()
    book = type(registry()["per_mu.baseline"].rules())  # type: ignore[misc]
    with monkeypatch.context() as patch:
        patch.setattr(book, "fingerprint", lambda _, period: f"edited {period}")
        assert reasons(run_tables())["per_mu.baseline"].endswith("rules changed")
    tables.open_table(DELIVERY).delete("feed = 'gov_statistics_directory' AND period = '2023'")
    found = {one.table: one for one in run_tables(["core.enterprise"]).tables}["core.enterprise"]
    assert (found.periods, found.gone, found.reason) == ([], ["2023"], "removed: 2023")


def test_a_table_built_before_causes_were_recorded_gets_no_invented_reason(
    city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.run.packed", lambda _: {"parts": [], "marks": {}})
        run_tables(["core.parcel"])
    code_is_edited(monkeypatch)
    assert reasons(run_tables(["core.parcel"])) == {"core.parcel": "changed, cause not recorded"}


def test_a_failed_run_records_what_it_built_before(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = _make

    def make(job: Any, *rest: Any) -> None:
        if job.table == "per_mu.unit":
            raise RejectedError("no more")
        real(job, *rest)

    monkeypatch.setattr("pipeline.run._make", make)
    with pytest.raises(RejectedError, match="no more"):
        run_tables()
    made = {one["table"] for one in kept()["tables"]}
    assert kept()["failure"] == "no more"
    assert "core.enterprise_year" in made and not made & {"per_mu.unit", "per_mu.indicator_value"}
    assert not made & set(kept()["fresh"])


def test_a_record_that_cannot_be_written_hides_no_failure(
    city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    def fail(*_: object) -> None:
        raise RejectedError("the engine died")

    monkeypatch.setattr(run_record, "write_whole", full)
    monkeypatch.setattr("pipeline.run._make", fail)
    with pytest.raises(RejectedError, match="the engine died"):
        run_tables(["core.parcel"])


def test_reasons_of_several_periods_are_combined() -> None:
    before = {"2022": {"code": "a", "rules": "r", "raw.tax": "t"}, "2023": {"code": "a", "raw.tax": "t"}}
    now = {
        "2022": {"code": "b", "rules": "s", "raw.tax": "t"},
        "2023": {"code": "b", "raw.tax": "u", "raw.new": "n"},
        "2024": {"code": "b"},
    }
    stored = {"2021": "1", "2022": "2", "2023": "3"}
    target = {"2022": "22", "2023": "33", "2024": "4"}
    assert why(["2022", "2023", "2024"], ["2021"], stored, target, before, now) == (
        "input changed: raw.new, raw.tax; code changed; rules changed; new: 2024; removed: 2021"
    )
    # if no recorded part differs, an unrecorded one does
    assert why(["2022"], [], stored, target, before, before) == "changed, cause not recorded"


def test_the_stored_marks_of_periods_are_small() -> None:
    months = [f"2024-{m:02}" for m in range(1, 13)]
    made_of = {p: {f"area.table_number_{n}": f"{n:06x}" for n in range(12)} for p in months}
    assert unpacked(packed(made_of)) == made_of
    assert len(json.dumps(packed(made_of))) < 1600
