"""Decisions on a city of one release: no way to final before the notice closed, two clerks at once, kills, refusals."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from jobs.per_mu.rules.procedure import procedure
from portal.accounts import audit
from portal.procedure import decisions, delivery, facts, journal
from portal.procedure.errors import IncompleteError, NotAllowedError, ProcedureError, TakenError
from tests.built_city import BuiltCity, at_home, copy
from tests.oracles.working_days import last_day, works
from tests.portal.procedure.standing_city import (
    CITY,
    CLERK,
    COLLEAGUE,
    DISTRICT,
    OTHER,
    TOWN,
    YEAR,
    firms,
    on,
)
from warehouse.settings import settings as home_settings
from warehouse.state import write_whole

CODES = procedure().codes


@pytest.fixture(scope="module")
def decided_home(
    built_city: BuiltCity, engine_remote: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A copy of the built city whose journal each test empties."""
    with at_home(copy(built_city, tmp_path_factory.mktemp("decided") / "home"), engine_remote) as home:
        yield home


@pytest.fixture
def fresh(decided_home: Path) -> Path:
    clear(decided_home)
    on("2025-04-21")
    return decided_home


def clear(home: Path) -> None:
    """A home without decisions: journal, their files and the log."""
    import shutil

    shutil.rmtree(home / "procedure", ignore_errors=True)
    shutil.rmtree(home / "accounts", ignore_errors=True)
    for file in (home / "landing").rglob("procedure_*"):
        file.unlink()


def step(code: str, by: Any = CLERK, **given: Any) -> decisions.Decided:
    return decisions.advance(by, DISTRICT, YEAR, code, document="1号", **given)


def until(code: str) -> None:
    """Decide all steps before one, each on the first day that allows it."""
    for earlier in procedure().before(code):
        done = step(earlier).record
        if end := done.get("window_end_date"):
            on((date.fromisoformat(end) + timedelta(days=1)).isoformat())


class Year(RuleBasedStateMachine):
    """Random calls on random days: whatever is allowed, the order and the windows hold."""

    home: Path

    @initialize()
    def begin(self) -> None:
        clear(self.home)
        self.day = on("2025-04-21")
        self.objected = 0

    @rule(days=st.integers(1, 9))
    def wait(self, days: int) -> None:
        self.day = on((self.day + timedelta(days=days)).isoformat())

    @rule(code=st.sampled_from(CODES[:8]), days=st.integers(1, 9))
    def decide_any(self, code: str, days: int) -> None:
        self._try(code, days)

    @rule(days=st.integers(5, 7))
    def decide_next(self, days: int) -> None:
        known = facts.standing(DISTRICT, YEAR)
        code = next((code for code in CODES[:8] if known.step(code) is None), None)
        if code:
            self._try(code, days)

    @rule(kind=st.sampled_from(["land", "figure", "grade"]))
    def object(self, kind: str) -> None:
        [uscc] = firms(1)
        before = facts.standing(DISTRICT, YEAR)
        open_ = {
            code for code in procedure().admitting(kind)
            if (row := before.step(code)) and row["window_start_date"] <= self.day <= row["window_end_date"]
        }  # fmt: skip
        try:
            decisions.object_(CLERK, uscc, YEAR, kind, "x", indicator="I1", claimed="1", document="信函")
        except ProcedureError as error:
            assert not open_ and "\n" not in str(error)
        else:
            assert open_

    def _try(self, code: str, days: int) -> None:
        before = facts.standing(DISTRICT, YEAR)
        window = procedure().step(code).window
        try:
            record = step(code, days=days if window else None).record
        except ProcedureError as error:
            assert "\n" not in str(error) and facts.standing(DISTRICT, YEAR).steps == before.steps
            return
        assert before.step(code) is None and record["decided_date"] == self.day.isoformat()
        assert all(before.step(earlier) for earlier in procedure().before(code))
        if window:
            assert window.least <= days <= window.most
            first = date.fromisoformat(record["window_start_date"])
            assert works(first) and record["window_end_date"] == last_day(first, days).isoformat()
        if code == "joint_meeting":
            assert not before.open_objections

    @invariant()
    def nothing_is_final_before_the_notice_closed(self) -> None:
        if not hasattr(self, "day"):
            return
        known = facts.standing(DISTRICT, YEAR)
        if final := known.step("final"):
            notice = known.step("publicity")
            assert notice and final["decided_date"] > notice["window_end_date"]


@pytest.mark.parametrize("years", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_no_sequence_of_calls_is_final_before_the_notice_closed(decided_home: Path, years: int) -> None:
    Year.home = decided_home
    run_state_machine_as_test(
        Year,
        settings=settings(
            max_examples=years, stateful_step_count=25, suppress_health_check=list(HealthCheck)
        ),
    )


def test_of_two_clerks_at_once_one_decides(fresh: Path) -> None:
    def attempt(by: Any) -> str:
        try:
            step("list_fixed", by)
        except TakenError as error:
            return str(error)
        return "decided"

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(attempt, [CLERK, COLLEAGUE, CITY, CLERK, COLLEAGUE, CITY, CLERK, COLLEAGUE]))
    assert told.count("decided") == 1
    assert all(
        line.startswith("List fixed was decided on 2025-04-21 by ") for line in told if line != "decided"
    )
    with journal.reading() as db:
        assert len(journal.entries(db, facts.STEP)) == 1


@pytest.mark.parametrize("at", ["before the file", "between file and manifest", "before it is marked"])
def test_a_kill_between_journal_and_delivery_loses_nothing(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    whole, calls = write_whole, list[object]()

    def second_killed(*given: Any, **more: Any) -> None:
        if calls:
            raise Killed
        calls.append(given)
        whole(*given, **more)

    with monkeypatch.context() as patch:
        if at == "before it is marked":
            patch.setattr(journal, "written", killed)
        else:
            patch.setattr(delivery, "write_whole", killed if at == "before the file" else second_killed)
        with pytest.raises(Killed):
            step("list_fixed")
    assert facts.standing(DISTRICT, YEAR).step("list_fixed")  # it is decided
    step("land_publicity")
    lines = [
        json.loads(line)
        for file in sorted((home_settings().landing / facts.STEP).glob("procedure_*.jsonl"))
        for line in file.read_text("utf-8").splitlines()
        if file.with_name(f"{file.name}.manifest.json").exists()
    ]
    assert [line["步骤"] for line in lines] == ["名单确定", "用地公示"]
    assert delivery.deliver() == []


def test_only_its_district_and_the_city_decide(fresh: Path) -> None:
    for by in (OTHER, TOWN):
        with pytest.raises(NotAllowedError, match="may not decide this"):
            step("list_fixed", by)
    assert step("list_fixed", CITY).record["decider_account"] == "office"


def test_windows_are_as_long_as_the_rules_say(fresh: Path) -> None:
    step("list_fixed")
    with pytest.raises(IncompleteError, match="5 to 7 working days; 2025-04-21 to 2025-04-24 are 4"):
        step("land_publicity", days=4)
    with pytest.raises(IncompleteError, match="no working day"):
        step("land_publicity", start=date(2025, 5, 1))
    # from 28 April over the holidays of May: 28, 29, 30 April, 6, 7 May; Sunday 27 April is worked
    done = step("land_publicity", start=date(2025, 4, 28), days=5).record
    assert (done["window_end_date"], done["working_days_count"]) == ("2025-05-07", 5)


def test_a_year_that_the_calendar_does_not_know_takes_a_last_day(fresh: Path) -> None:
    on("2031-04-21")
    step("list_fixed")
    with pytest.raises(IncompleteError, match="holidays of 2031 are not in the installed calendar"):
        step("land_publicity")
    done = step("land_publicity", until=date(2031, 4, 29)).record
    assert (done["window_end_date"], done["working_days_count"]) == ("2031-04-29", None)


def test_an_objection_names_an_indicator_that_its_feed_can_send(fresh: Path) -> None:
    """Otherwise its file could not be written, and no file after it either."""
    [uscc] = firms(1)
    until("publicity")
    step("publicity")
    claim: dict[str, Any] = {"claimed": "1", "document": "信函"}
    with pytest.raises(IncompleteError, match="name the indicator: I1, I2"):
        decisions.object_(CLERK, uscc, YEAR, "figure", "x", indicator="L3", **claim)
    codes = delivery.sendable(facts.OBJECTION, "indicator_code")
    assert {"I1", "I7", "I8", "I22"} <= set(codes)
    for code in codes:
        decisions.object_(CLERK, uscc, YEAR, "figure", "x", indicator=code, **claim)
    assert delivery.deliver() == []


def test_an_adjustment_needs_the_meeting_a_reason_and_a_document(fresh: Path) -> None:
    [uscc] = firms(1, grade="B")
    given = (uscc, YEAR, "A", "major_project")
    with pytest.raises(ProcedureError, match="after the joint meeting"):
        decisions.adjust(CLERK, *given, "在建", "1号")
    until("final")
    with pytest.raises(IncompleteError, match="minutes"):
        decisions.adjust(CLERK, *given, "在建", " ")
    with pytest.raises(IncompleteError, match="in words"):
        decisions.adjust(CLERK, *given, "", "1号")
    decisions.adjust(CLERK, *given, "在建", "1号")
    with pytest.raises(TakenError):
        decisions.adjust(COLLEAGUE, uscc, YEAR, "C", "relocation", "搬迁", "2号")


def test_entries_are_never_changed(cold_home: Path) -> None:
    with journal.changing() as db:
        journal.append(db, CLERK, facts.STEP, YEAR, DISTRICT, YEAR, "key", {"document_code": "1号"})
    for statement in ("UPDATE entry SET content = '{}'", "DELETE FROM entry"):
        with pytest.raises(sqlite3.IntegrityError, match="never"), journal.changing() as db:
            db.execute(statement)
    with journal.reading() as db:
        [entry] = journal.entries(db, facts.STEP)
    assert entry.record == {"document_code": "1号"}


def test_a_lost_journal_is_not_begun_anew(cold_home: Path) -> None:
    audit.record(CLERK, "procedure.step", "330282/2024/list_fixed")
    with pytest.raises(ProcedureError, match="restore it from a backup"), journal.reading():
        pass
