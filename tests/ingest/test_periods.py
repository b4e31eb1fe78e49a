"""Periods are checked alike on every ingestion path: form, grain, and overlap with deliveries in force."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mapping import period_of
from ingest.register.deliveries import Drop
from ingest.register.entries import Entry, deliveries, register
from ingest.register.placing import placed
from ingest.ways.landing import ingest
from ingest.ways.remap import replay
from pipeline.run import run_tables
from portal.queries.definitions import checked_definitions
from schemas.contract import feed, feeds
from schemas.errors import RejectedError, UsageError
from schemas.periods import PATTERNS, check_named, fault_of, is_period, overlapping
from schemas.register import current_deliveries, in_force
from schemas.source import Source
from tests.ingest.conftest import Put
from warehouse import tables

FEED = "gov_tax"
HEAD = (
    "纳税人识别号,纳税人名称,主管税务机关,增值税,免抵税额,企业所得税,消费税,附加税费,城镇土地使用税,房产税,其他税费,"
    "申报营业收入\n"
)
USCC = "91350100M000100Y43"
NO_PERIODS = [
    "202403",
    "2024-3",
    "2024-13",
    "2024年3月",
    "../../x",
    "2024-02-30",
    "",
    "2024-03-",
    "２０２４",
    "0024",
]


def tax(amount: int) -> bytes:
    return f"\ufeff{HEAD}{USCC},甲公司,某税务局,{amount},0,0,0,0,0,0,0,5000\n".encode()


def lines(*texts: str) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def counting(name: str = FEED) -> list[str]:
    return [d["period"] for d in current_deliveries(deliveries(), feed(name))]


# --- form and grain ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", NO_PERIODS)
def test_a_text_that_is_no_period_is_refused_everywhere(text: str) -> None:
    assert not is_period(text)
    with duckdb.connect() as connection:
        sql = period_of("?", PATTERNS)
        assert connection.execute(f"SELECT {sql}", [text] * sql.count("?")).fetchone() == (None,)
    for spec in feeds().values():
        assert fault_of(text, spec)
        with pytest.raises(UsageError, match=r"give a year, month or day, e\.g\. 2023"):
            check_named(text, spec)


@given(
    st.from_regex(r"[0-9]{4}(-[0-9]{1,2}){0,2}", fullmatch=True) | st.dates().map(str) | st.text(max_size=12)
)
def test_records_and_deliveries_are_judged_alike(text: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE one AS SELECT ?::VARCHAR AS text", [text])
        found = connection.execute(f"SELECT {period_of('text', PATTERNS)} FROM one").fetchone()
    assert found == (text if is_period(text) else None,)


def test_a_feed_has_the_periods_of_its_cadence() -> None:
    wanted = {
        "gov_energy": [4],
        "gov_tax": [4, 7],
        "gov_customs": [7],
        "ent_meter_reading": [10],
        "ent_objection": [4, 7, 10],
        "ent_need": [7],
    }
    for name, lengths in wanted.items():
        suited = [n for n in (4, 7, 10) if not fault_of("2024-03-31"[:n], feed(name))]
        assert suited == lengths, name
    assert fault_of("2024-03-01", feed(FEED)) == (
        "2024-03-01 does not suit gov_tax, which comes yearly, then monthly: "
        "it wants a year like 2023 or a month like 2024-03"
    )


def test_records_cannot_state_a_period_that_their_feed_cannot_have() -> None:
    given = feed("ent_need").source
    assert given is not None
    raw = given.model_dump(exclude_unset=True) | {"period_from": {"heading": "更新时间", "length": 10}}
    with pytest.raises(ValueError, match="length 10 does not suit a feed of cadence monthly"):
        Source.model_validate(raw)


@pytest.mark.parametrize("period", ["202403", "2024-13", "../../x", "2024-02-30", "2024-03-01"])
def test_a_manifest_with_a_wrong_period_is_refused_in_one_line(put: Put, period: str) -> None:
    put(FEED, "tax.csv", tax(1000), period=period)
    [file] = ingest().rejected
    assert "period" in file.message and "\n" not in file.message
    assert deliveries() == [] and not tables.exists(f"raw.{FEED}")


def test_a_wrong_period_is_refused_by_ingest_and_replay(cold_home: Path) -> None:
    for ask in (ingest, replay):
        with pytest.raises(UsageError, match="--period 2024-3: give a year"):
            ask(period="2024-3")


def test_a_record_with_an_invalid_day_is_quarantined(put: Put) -> None:
    rows = [
        json.dumps({"sbbh": code, "tyshxydm": USCC, "sblx": "数控机床", "kssj": day, "zt": "运行"})
        for code, day in (("A1", "2024-02-30T08:00:00+08:00"), ("A2", ""))
    ]
    put("ent_equipment_status", "s.jsonl", lines(*rows), period="2024-02-29")
    assert ingest().rejected == []
    found = {r["source_row"]: r["reasons"] for r in tables.rows("quarantine.record").to_pylist()}
    assert "period:form" in found[1] and "period:missing" not in found[1]
    assert "period:missing" in found[2] and "period:form" not in found[2]


# --- overlaps ----------------------------------------------------------------------------------------


def test_a_year_is_not_added_to_its_months(put: Put) -> None:
    put(FEED, "m3.csv", tax(1000), period="2024-03")
    put(FEED, "m4.csv", tax(2000), period="2024-04")
    put(FEED, "y.csv", tax(9000), period="2024", sent_at="2025-01-20T00:00:00Z")
    [file] = ingest().rejected
    assert file.file == "y.csv" and "\n" not in file.message
    assert "its period 2024 overlaps with 2024-03 (m3.csv, delivery " in file.message
    assert "--replaces" in file.message and "./brain deliveries withdraw" in file.message
    assert counting() == ["2024-03", "2024-04"]


@pytest.mark.parametrize("by", ["manifest", "command"])
def test_a_year_replaces_its_months_if_that_is_stated(put: Put, by: str) -> None:
    for month in ("2024-03", "2024-04", "2023-12"):
        put(FEED, f"{month}.csv", tax(1000), period=month)
    ingest()
    more = {"replaces": True} if by == "manifest" else {}
    put(FEED, "y.csv", tax(9000), period="2024", sent_at="2025-01-20T00:00:00Z", **more)
    report = ingest(replaces=by == "command")
    assert (len(report.taken), report.rejected) == (1, [])
    assert counting() == ["2023-12", "2024"]
    # a later correction of the year is a replacement too, and a month is still refused
    put(FEED, "y2.csv", tax(9500), period="2024", sent_at="2025-02-20T00:00:00Z")
    put(FEED, "m5.csv", tax(1), period="2024-05", sent_at="2025-02-21T00:00:00Z")
    report = ingest()
    assert [f.file for f in report.rejected] == ["m5.csv"]
    assert [d["source_file"] for d in current_deliveries(deliveries(), feed(FEED))] == [
        "2023-12.csv",
        "y2.csv",
    ]


def test_a_month_that_replaces_its_year_puts_the_other_months_in_force_again(put: Put) -> None:
    put(FEED, "m3.csv", tax(1), period="2024-03", sent_at="2025-01-01T00:00:00Z")
    put(FEED, "m4.csv", tax(1), period="2024-04", sent_at="2025-01-01T00:00:00Z")
    put(FEED, "y.csv", tax(9), period="2024", sent_at="2025-01-02T00:00:00Z", replaces=True)
    put(FEED, "n3.csv", tax(2), period="2024-03", sent_at="2025-01-03T00:00:00Z", replaces=True)
    assert ingest().rejected == []
    assert [d["source_file"] for d in current_deliveries(deliveries(), feed(FEED))] == ["m4.csv", "n3.csv"]


def test_a_delivery_that_was_sent_later_is_not_replaced(put: Put) -> None:
    put(FEED, "m3.csv", tax(1), period="2024-03", sent_at="2025-03-01T00:00:00Z")
    ingest()
    put(FEED, "y.csv", tax(9), period="2024", sent_at="2025-01-01T00:00:00Z", replaces=True)
    [file] = ingest().rejected
    assert "cannot replace a delivery that was sent later" in file.message and counting() == ["2024-03"]


def test_an_event_replaces_nothing(put: Put) -> None:
    fields = feed("ent_objection").source.headings
    rows = [json.dumps(dict.fromkeys(fields, text)) for text in ("x", "y")]
    put("ent_objection", "a.jsonl", lines(rows[0]), period="2025-06")
    put("ent_objection", "b.jsonl", lines(rows[1]), period="2025-06-12", replaces=True)
    report = ingest()
    assert [f.file for f in report.taken] == ["a.jsonl"]
    [file] = report.rejected
    assert "an event replaces no other" in file.message


def test_a_replacement_that_overlaps_with_nothing_is_an_ordinary_delivery(put: Put) -> None:
    put(FEED, "m3.csv", tax(1), period="2024-03", replaces=True)
    ingest()
    [row] = deliveries()
    assert row["is_replacement"] is False


def test_overlapping_periods_in_an_old_home_are_reported(put: Put, tmp_path: Path) -> None:
    put(FEED, "m3.csv", tax(1), period="2024-03")
    ingest()
    [row] = deliveries()
    before_this_rule(row, "2024-03-01")
    before_this_rule(row, "202404")
    with pytest.raises(RejectedError) as refused:
        checked_definitions()
    for part in (
        "gov_tax: period '202404' is no period",
        "gov_tax: period 2024-03-01 does not suit gov_tax",
        "gov_tax: 2024-03-01 (2024-03-01.csv, delivery old-2024-03-01) lies within 2024-03 (m3.csv, delivery ",
    ):
        assert part in str(refused.value)
    assert "\n" not in str(refused.value)
    with pytest.raises(RejectedError, match=r"'202404' is no period; .* \(and 1 more, see \./brain check\)"):
        run_tables()


def before_this_rule(like: dict[str, Any], period: str) -> None:
    """Register a delivery of a time when periods were not checked."""
    kept = ("feed", "part", "checksum", "headings", "mapping_hash", "known_at", "table_version")
    register(
        [
            Entry(
                **{n: like[n] for n in kept},
                delivery_id=f"old-{period}",
                source_file=f"{period}.csv",
                records_raw=Counter({period: 1}),
                records_quarantined=Counter(),
            )
        ]
    )


PERIODS = st.sampled_from(["2024", "2024-01", "2024-02", "2023", "2023-12"])


@given(
    st.lists(
        st.tuples(PERIODS, st.sampled_from(["", "a", "b"]), st.integers(1, 9), st.booleans()), max_size=12
    )
)
def test_deliveries_in_any_order_never_overlap_in_force(
    sent: list[tuple[str, str, int, bool]],
) -> None:
    spec, known = feed(FEED), list[dict[str, Any]]()
    for number, (period, part, day, replaces) in enumerate(sent):
        drop = Drop(
            Path(f"{number}.csv"),
            FEED,
            period,
            part,
            str(number),
            1,
            datetime(2025, 1, day, tzinfo=UTC),
            replaces,
        )
        try:
            drop = placed(drop, spec, known)
        except RejectedError:
            continue
        known.append(
            {
                "feed": FEED, "delivery_id": drop.delivery_id, "period": period, "part": part, "sequence": number,
                "known_at": drop.known_at, "records_in": 1, "is_replacement": drop.replaces,
                "source_file": drop.path.name,
            }
        )  # fmt: skip
        assert overlapping(in_force(known, spec)) == []
