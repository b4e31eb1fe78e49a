"""A delivery can be withdrawn and restored; a delivery with too many refused records is held."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.gate.snapshot import Pin
from ingest.register import corrections
from ingest.register.decisions import restore, standings, withdraw
from ingest.register.entries import deliveries
from ingest.register.expected import expectations
from ingest.register.quarantine import quarantined
from ingest.register.standing import why_beyond
from ingest.ways.landing import ingest
from ingest.ways.manifest import drop_of_file
from ingest.ways.remap import replay
from ingest.ways.run import IngestReport
from pipeline.fingerprint import feed_fingerprints
from pipeline.release_tables import refused_by_reason, standing_entries
from schemas.contract import contract, feed
from schemas.errors import RejectedError, UsageError
from schemas.register import current_deliveries, in_force, latest_rows
from tests.changed_contracts import changed
from tests.ingest.conftest import Put
from warehouse import tables

FEED = "gov_electricity"
USCC = "91350100M000100Y43"
HEAD = "户号,户名,社会信用代码,电量(万千瓦时)"


def power(count: int, bad: int = 0, amount: int = 1) -> bytes:
    """A file with a record for each of ``count`` accounts; the last ``bad`` have no number as their amount."""
    amounts = [str(amount)] * (count - bad) + ["?"] * bad
    return "\n".join([HEAD, *(f"{3302000001 + n},甲,{USCC},{a}" for n, a in enumerate(amounts)), ""]).encode()


def counting() -> list[str]:
    return [d["source_file"] for d in current_deliveries(deliveries(), feed(FEED))]


def entries() -> list[dict[str, Any]]:
    return sorted(deliveries(), key=lambda d: d["sequence"])


def id_of(file: str) -> str:
    return next(str(d["delivery_id"]) for d in deliveries() if d["source_file"] == file)


def states() -> dict[str, str]:
    return {row["file"]: row["state"] for row in standings(deliveries(), feed(FEED))}


@pytest.fixture
def two(put: Put) -> Put:
    """March, and March again."""
    put(FEED, "a.csv", power(2), period="2024-03")
    ingest()
    put(FEED, "b.csv", power(3, amount=9), period="2024-03", sent_at="2024-04-01T00:00:00Z")
    ingest()
    return put


# --- withdrawal ----------------------------------------------------------------------------------------


def test_after_a_withdrawal_the_delivery_before_is_current_and_nothing_is_erased(two: Put) -> None:
    before, rows = entries(), tables.rows(f"raw.{FEED}").num_rows
    of_first = feed_fingerprints(before[:1])[f"raw.{FEED}"]
    assert (counting(), states()) == (["b.csv"], {"a.csv": "superseded", "b.csv": "counts"})
    withdraw(id_of("b.csv"), "错报 sent by mistake", "张三")
    assert (counting(), states()) == (["a.csv"], {"a.csv": "counts", "b.csv": "withdrawn"})
    assert feed_fingerprints(deliveries())[f"raw.{FEED}"] == of_first
    assert tables.rows(f"raw.{FEED}").num_rows == rows
    assert entries()[:2] == before, "the register is append-only"
    last = entries()[-1]
    decision = (last["standing_code"], last["decided_by"], last["decision_reason"], last["records_in"])
    assert decision == ("withdrawn", "张三", "错报 sent by mistake", 3)
    assert (datetime.now(UTC) - last["decided_at"]).total_seconds() < 60
    restore(id_of("b.csv"), "核实无误", "李四")
    assert (counting(), states()) == (["b.csv"], {"a.csv": "superseded", "b.csv": "counts"})
    withdraw(id_of("a.csv"), "x", "张三")
    withdraw(id_of("b.csv"), "x", "张三")
    assert counting() == [] and f"raw.{FEED}" in feed_fingerprints(deliveries())
    assert feed_fingerprints(deliveries())[f"raw.{FEED}"] == {}


def test_the_same_file_does_not_come_back_by_itself(two: Put, cold_home: Path) -> None:
    withdraw(id_of("b.csv"), "错报", "张三")
    assert ingest().files == [], "the file in the landing folder is skipped"
    two(FEED, "c.csv", power(3, amount=9), period="2024-03", sent_at="2024-05-01T00:00:00Z")
    [again] = ingest().files
    assert again.state == "repeated"
    assert again.message == (
        "the same file as b.csv, and it was withdrawn by 张三 (错报); "
        f"to put it in force: ./brain deliveries restore {id_of('b.csv')} --reason TEXT"
    )
    path = cold_home / "landing" / FEED / "b.csv"
    [named] = ingest(drops=[drop_of_file(path, feed(FEED), "2024-03")]).rejected
    assert "withdrawn by 张三" in named.message
    assert counting() == ["a.csv"]


def test_invalid_decisions_change_nothing(two: Put) -> None:
    first, second = id_of("a.csv"), id_of("b.csv")
    before = tables.version("raw.delivery")
    for decide, words, error, said in (
        (
            withdraw,
            ("nothing", "x", "y"),
            UsageError,
            "there is no delivery nothing; ./brain deliveries list",
        ),
        (withdraw, (second, " ", "y"), UsageError, "say why: --reason TEXT"),
        (withdraw, (second, "x", ""), UsageError, "say who decides"),
        (restore, (second, "x", "y"), RejectedError, "is neither withdrawn nor held; nothing was changed"),
    ):
        with pytest.raises(error, match=said):
            decide(*words)
    assert tables.version("raw.delivery") == before
    withdraw(first, "x", "y")  # a superseded delivery can be withdrawn too
    with pytest.raises(RejectedError, match="is withdrawn already"):
        withdraw(first, "x", "y")


def test_a_decision_that_would_count_figures_twice_is_refused(put: Put) -> None:
    put(FEED, "m.csv", power(1), period="2024-03")
    ingest()
    withdraw(id_of("m.csv"), "x", "y")
    put(FEED, "y.csv", power(2), period="2024", sent_at="2025-01-01T00:00:00Z")
    assert ingest().rejected == []
    with pytest.raises(
        RejectedError, match=r"changed: otherwise gov_electricity: 2024-03 \(m.csv, .*lies within 2024"
    ):
        restore(id_of("m.csv"), "x", "y")
    put(FEED, "n.csv", power(1, amount=3), period="2024-03", sent_at="2025-02-01T00:00:00Z", replaces=True)
    put(FEED, "o.csv", power(1, amount=3), period="2024-04", sent_at="2025-02-01T00:00:00Z")
    assert ingest().rejected == [] and counting() == ["n.csv", "o.csv"]
    with pytest.raises(RejectedError, match="nothing was changed: otherwise gov_electricity: 2024-04"):
        withdraw(id_of("n.csv"), "x", "y")
    withdraw(id_of("y.csv"), "x", "y")
    withdraw(id_of("n.csv"), "x", "y")
    assert counting() == ["o.csv"]


def test_a_register_of_an_older_version_gains_the_columns(put: Put, tmp_path: Path) -> None:
    new = ("is_replacement", "standing_code", "decided_by", "decided_at", "decision_reason")

    def older(raw: dict[str, Any]) -> None:
        for name in new:
            del raw["columns"][name]

    with changed(tmp_path, "raw.delivery", older):
        tables.create_if_absent(contract("raw.delivery"))
    assert not set(new) & set(tables.rows("raw.delivery").schema.names)
    assert standings(deliveries(), feed(FEED)) == []
    put(FEED, "a.csv", power(2), period="2024-03")
    ingest()
    withdraw(id_of("a.csv"), "x", "y")
    assert states() == {"a.csv": "withdrawn"}


def test_a_row_without_the_columns_is_in_force(two: Put) -> None:
    old = [{k: v for k, v in d.items() if k not in ("standing_code", "is_replacement")} for d in deliveries()]
    assert [d["source_file"] for d in in_force(old, feed(FEED))] == ["b.csv"]


def test_a_withdrawn_delivery_does_not_fulfil_an_expectation(two: Put) -> None:
    def last() -> str | None:
        [expected] = expectations(deliveries(), datetime(2024, 6, 1, tzinfo=UTC).date(), [feed(FEED)])
        return expected.last_period

    assert last() == "2024-03"
    for file in ("a.csv", "b.csv"):
        withdraw(id_of(file), "x", "y")
    assert last() is None


# --- too many refused ----------------------------------------------------------------------------------


def bad_march(put: Put, bad: int, **said: object) -> IngestReport:
    put(FEED, "bad.csv", power(100, bad), period="2024-03", sent_at="2024-05-01T00:00:00Z")
    return ingest(**said)  # type: ignore[arg-type]


def test_a_file_within_its_band_is_current(two: Put) -> None:
    assert [f.state for f in bad_march(two, 7).files] == ["taken"]  # 2 % of 100 plus 5
    assert counting() == ["bad.csv"]


def standing() -> pa.Table:
    return standing_entries(tables.rows("raw.delivery"))


def test_a_file_beyond_its_band_is_held_and_the_one_before_stays_current(two: Put) -> None:
    report = bad_march(two, 8)
    [file] = report.held
    assert (report.taken, report.rejected) == ([], [])
    assert (file.records_in, file.records_raw, file.records_quarantined) == (100, 92, 8)
    assert file.message == (
        "held, earlier deliveries stay in force: 8 of 100 records of 2024-03 broke their contract, more than the "
        "allowed 2 % plus 5 records; see ./brain quarantine show gov_electricity; "
        f"to put it in force: ./brain deliveries restore {id_of('bad.csv')} --reason TEXT"
    )
    assert (counting(), states()["bad.csv"]) == (["b.csv"], "held")
    assert ingest().files == []
    assert len(list(quarantined(FEED))) == 8, "records of a held delivery are shown"
    pins = {"quarantine.record": Pin("quarantine.record", "", tables.version("quarantine.record"))}
    assert refused_by_reason(pins, standing()).num_rows == 0, (
        "a release counts no refusals of held deliveries"
    )
    restore(id_of("bad.csv"), "已核实", "张三")
    assert counting() == ["bad.csv"]
    assert refused_by_reason(pins, standing()).num_rows == 1


def test_a_file_that_a_person_accepts_is_current_at_once(two: Put) -> None:
    assert [f.state for f in bad_march(two, 8, accepted_by="张三").files] == ["taken"]
    assert counting() == ["bad.csv"]
    last = entries()[-1]
    assert (last["standing_code"], last["decided_by"]) == ("accepted", "张三")


def test_accepting_records_no_decision_on_files_within_their_band(put: Put) -> None:
    bad_march(put, 7, accepted_by="张三")
    [row] = deliveries()
    assert row["standing_code"] is None


def test_a_held_file_is_current_once_corrected(two: Put) -> None:
    bad_march(two, 8)
    [first, *_] = quarantined(FEED)
    corrections.correct(first, {"电量(万千瓦时)": "7"}, "电话核实", "张三")
    assert [f.state for f in replay().files] == ["taken"]
    assert counting() == ["bad.csv"]


def test_a_held_file_that_is_corrected_in_part_stays_held(two: Put) -> None:
    bad_march(two, 20)
    [first, *_] = quarantined(FEED)
    corrections.correct(first, {"电量(万千瓦时)": "7"}, "电话核实", "张三")
    assert [f.state for f in replay().files] == ["held"]
    assert counting() == ["b.csv"] and len(list(quarantined(FEED))) == 19


def test_a_new_mapping_does_not_overrule_a_person_who_restored_a_file(two: Put) -> None:
    bad_march(two, 20)
    restore(id_of("bad.csv"), "已核实", "张三")
    [first, *_] = quarantined(FEED)
    corrections.correct(first, {"电量(万千瓦时)": "7"}, "电话核实", "张三")
    assert [f.state for f in replay().files] == ["taken"]
    assert counting() == ["bad.csv"]


def test_a_new_mapping_does_not_hold_a_current_delivery(two: Put, tmp_path: Path) -> None:
    """An older delivery would become current instead. The gate stops the publication."""

    def other_accounts(raw: dict[str, Any]) -> None:
        raw["columns"]["meter_account_code"] = {"required": True, "domain": {"pattern": "9+"}}

    put = two
    put(FEED, "c.csv", power(40), period="2024-03", sent_at="2024-05-01T00:00:00Z")
    ingest()
    with changed(tmp_path, f"raw.{FEED}", other_accounts):
        [file] = replay().files
    assert (file.state, file.records_quarantined) == ("taken", 40) and counting() == ["c.csv"]


def test_a_held_year_that_is_corrected_after_its_months_came_is_not_added_to_them(put: Put) -> None:
    put(FEED, "y.csv", power(100, 8), period="2024", sent_at="2025-01-10T00:00:00Z")
    ingest()
    put(FEED, "m.csv", power(1), period="2024-03", sent_at="2025-01-11T00:00:00Z")
    assert ingest().rejected == [] and counting() == ["m.csv"]
    [first, *_] = quarantined(FEED)
    corrections.correct(first, {"电量(万千瓦时)": "7"}, "电话核实", "张三")
    [file] = replay().files
    assert file.state == "rejected" and "its period 2024 overlaps with 2024-03 (m.csv" in file.message
    assert (counting(), states()["y.csv"]) == (["m.csv"], "held")


def test_a_withdrawn_delivery_is_not_remapped(two: Put) -> None:
    bad_march(two, 7)
    [first, *_] = quarantined(FEED)
    corrections.correct(first, {"电量(万千瓦时)": "7"}, "电话核实", "张三")
    withdraw(id_of("bad.csv"), "x", "y")
    assert replay().files == [] and counting() == ["b.csv"]


def test_a_later_good_file_supersedes_a_held_one(two: Put) -> None:
    bad_march(two, 8)
    two(FEED, "good.csv", power(100), period="2024-03", sent_at="2024-05-02T00:00:00Z")
    ingest()
    assert counting() == ["good.csv"] and list(quarantined(FEED)) == []


@given(st.integers(0, 400), st.integers(0, 20_000))
def test_a_file_is_held_if_the_gate_would_refuse_its_period(refused: int, accepted: int) -> None:
    import duckdb

    from expectations.raw.delivery import SUITE
    from ingest.load import Loaded

    spec = feed(FEED)
    check = next(check for check in SUITE.checks if check.id == "quarantine_band")
    with duckdb.connect() as connection:
        connection.execute(
            f"""CREATE SCHEMA feeds; CREATE SCHEMA raw; CREATE TABLE feeds.current_delivery AS
            SELECT 'd' AS delivery_id, 'f' AS feed, '2024' AS period, {spec.source.quarantine_band} AS quarantine_band,
                {refused} AS records_quarantined, {refused + accepted} AS records_in;
            CREATE VIEW raw.delivery AS FROM feeds.current_delivery"""
        )
        is_refused = bool(connection.execute(check.sql.replace("{table}", "raw.delivery")).fetchall())
    loaded = Loaded([], [], Counter({"2024": accepted}), Counter({"2024": refused}))
    assert bool(why_beyond(spec, loaded)) == is_refused


# --- any history ---------------------------------------------------------------------------------------

STANDINGS = st.sampled_from([None, None, "held", "withdrawn", "restored", "accepted"])


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3), STANDINGS), max_size=14))
def test_the_last_snapshot_that_is_neither_held_nor_withdrawn_is_in_force(
    entries: list[tuple[int, int, str | None]],
) -> None:
    """Compared with the plain definition: each delivery's last standing, then the latest by time and entry."""
    spec, register, last = feed(FEED), list[dict[str, Any]](), dict[int, tuple[int, int, str | None]]()
    for sequence, (number, day, standing) in enumerate(entries):
        day = last[number][0] if number in last else day  # noqa: PLW2901
        last[number] = (day, sequence, standing)
        register.append(
            {
                "feed": FEED, "delivery_id": f"d{number}", "period": "2024", "part": None, "sequence": sequence,
                "known_at": day, "records_in": 1, "standing_code": standing,
            }
        )  # fmt: skip
    eligible = {
        n: (day, sequence) for n, (day, sequence, how) in last.items() if how not in ("held", "withdrawn")
    }
    wanted = [f"d{max(eligible, key=lambda n: eligible[n])}"] if eligible else []
    assert [row["delivery_id"] for row in in_force(register, spec)] == wanted
    assert len(latest_rows(register, spec)) == len(last)
