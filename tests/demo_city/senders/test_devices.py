"""Meter readings and equipment states, compared with figures recomputed from the stream's records."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from demo_city import cells, delivery
from demo_city.delivery import encode
from demo_city.senders.devices import Week, meter_reading
from demo_city.senders.equipment import equipment_status
from demo_city.senders.main_meters import DAYS, main_meters, week_shapes
from demo_city.world.city import City, build_city
from demo_city.world.parameters import parameters
from schemas.contract import feed
from tests.demo_city.sender_files import faults_of, files_of, read
from tests.demo_city.sent_city import Sent

QUARTER = timedelta(minutes=15)


@dataclass(frozen=True)
class Reading:
    """A record of the stream: energy in 0.01 kWh, day of its file, position in the file."""

    at: datetime
    register: int
    multiplier: int
    interval: int | None
    file: int
    position: int


Stream = dict[str, list[Reading]]


@pytest.fixture(scope="module")
def stream(city: City) -> Stream:
    """All records by meter account, in their order of arrival."""
    records: Stream = defaultdict(list)
    week = Week(city)
    for day in range(len(DAYS)):
        cells = meter_reading(week, day).columns
        moments = {
            text: datetime.fromisoformat(text) for text in pa.compute.unique(cells["read_at"]).to_pylist()
        }
        rows = zip(
            cells["meter_account_code"].to_pylist(),
            cells["read_at"].to_pylist(),
            hundredths(cells["register_kwh"]),
            cells["meter_multiplier"].to_pylist(),
            hundredths(cells["interval_kwh"]),
            strict=True,
        )
        for position, (account, at, register, multiplier, interval) in enumerate(rows):
            assert register is not None
            records[account].append(Reading(moments[at], register, multiplier, interval, day, position))
    return records


def hundredths(cells: pa.Array) -> list[int | None]:
    return [None if v is None else int(v * 100) for v in cells.to_pylist()]


def in_time(records: list[Reading]) -> list[Reading]:
    """One record for each time, in order of time."""
    return [r for _, r in sorted({r.at: r for r in records}.items())]


def test_one_meter_for_each_firm_and_the_size_of_the_week(stream: Stream, city: City) -> None:
    assert len(stream) == len(set(city.uscc(main_meters(city).site, 2024).to_pylist()))
    records = sum(len(r) for r in stream.values())
    # 8,405 firms x 96 x 7 = 5.65 M at scale 1, plus the growth of the population
    assert 5.4e6 < records * 20 < 6.2e6


def test_a_week_is_about_a_52nd_of_the_year(stream: Stream, city: City) -> None:
    meters = main_meters(city)
    year = dict(zip(meters.account.to_pylist(), city.year(2024).power[meters.site].tolist(), strict=True))
    ratios = []
    for account, records in stream.items():
        kwh = sum(r.interval or 0 for r in in_time(records)) / 100
        ratios.append(kwh / (year[account] / 52))
    usual = [r for r in ratios if r > 0.8]
    assert len(usual) > 0.95 * len(ratios)
    assert np.median(usual) == pytest.approx(1, abs=0.02)
    assert max(usual) < 1.4
    # weighted by yearly electricity, the mean is 1 minus the firms that stop
    assert np.average(ratios, weights=[year[a] for a in stream]) == pytest.approx(1, abs=0.06)


def test_energy_is_register_difference_times_multiplier(stream: Stream) -> None:
    checked, wraps = 0, 0
    for records in stream.values():
        for before, after in pairwise(in_time(records)):
            if after.at - before.at == QUARTER and after.interval is not None:
                difference = after.register - before.register
                wraps += difference < 0
                # the register has six digits before the decimal point and two after it
                assert after.interval == difference % 10**8 * after.multiplier
                checked += 1
    assert checked > 0.98 * sum(len(r) for r in stream.values())
    assert wraps < 5


def test_gaps_exist_and_the_register_continues(stream: Stream) -> None:
    gaps, lost = 0, 0
    for records in stream.values():
        for before, after in pairwise(in_time(records)):
            missing = (after.at - before.at) // QUARTER - 1
            if missing:
                gaps, lost = gaps + 1, lost + missing
                assert missing <= 2 * 24 and after.interval is None
                assert (after.register - before.register) % 10**8 >= 0
    possible = len(stream) * 96 * 7
    assert gaps >= 7
    assert 0.0015 < lost / possible < 0.0045


def test_replaced_meters_start_at_zero(stream: Stream) -> None:
    replaced = []
    for account, records in stream.items():
        for before, after in pairwise(in_time(records)):
            if after.at - before.at == QUARTER and after.interval is None:
                replaced.append(account)
                # a new meter has counted one interval; registers count at most 200 kWh a day
                assert after.register < 20_000 and after.register < before.register
    # one in a hundred, except where the reading is in a gap
    assert 2 <= len(replaced) <= round(0.01 * len(stream))
    assert len(set(replaced)) == len(replaced)


def test_repeats_are_copies(stream: Stream) -> None:
    repeats = 0
    for records in stream.values():
        by_time: dict[datetime, set[tuple[int, int, int | None]]] = defaultdict(set)
        for r in records:
            by_time[r.at].add((r.register, r.multiplier, r.interval))
        assert all(len(values) == 1 for values in by_time.values())
        repeats += len(records) - len(by_time)
    assert 0.001 < repeats / sum(len(r) for r in stream.values()) < 0.003


def test_some_readings_are_out_of_order_and_some_in_the_next_days_file(stream: Stream) -> None:
    late, next_day = 0, 0
    for records in stream.values():
        times = [r.at for r in records]
        late += sum(after < before for before, after in pairwise(times))
        for r in records:
            day = r.at.date().isoformat()
            if day != str(DAYS[r.file]):
                next_day += 1
                assert day == str(DAYS[r.file - 1]) and r.at.hour >= 18
    total = sum(len(r) for r in stream.values())
    assert 0.0005 < late / total < 0.005
    assert 6 <= next_day < 0.001 * total


def test_some_firms_stop_and_some_halve_their_load(stream: Stream) -> None:
    shares = []
    for records in stream.values():
        by_day = Counter[str]()
        for r in in_time(records):
            by_day[r.at.date().isoformat()] += r.interval or 0
        # Wednesday and Tuesday, the first and the last day
        shares.append(by_day["2024-12-31"] / by_day["2024-12-25"])
    assert 1 <= sum(s < 0.1 for s in shares) <= 0.04 * len(shares)
    assert 1 <= sum(0.35 < s < 0.65 for s in shares) <= 0.05 * len(shares)


def test_shapes_of_load() -> None:
    shapes = week_shapes()
    assert shapes.sum(axis=(1, 2)) == pytest.approx(1)
    weekend, weekday = shapes[:, 3:5].mean(axis=1), shapes[:, 0]  # Saturday and Sunday; Wednesday
    dip = weekend.sum(axis=1) / weekday.sum(axis=1)
    assert dip[0] > 0.95 and 0.4 < dip[1] < 0.8 and dip[2] < 0.3
    night, noon = weekday[:, 8], weekday[:, 40]  # 2 and 10 o'clock
    assert night[0] == noon[0] and night[1] < 0.4 * noon[1] and night[2] < 0.2 * noon[2]


def test_a_day_does_not_depend_on_the_days_written_before(city: City) -> None:
    week, again = Week(city), Week(city)
    meter_reading(week, 1)
    assert meter_reading(week, 4).table().equals(meter_reading(again, 4).table())


def test_another_city_has_other_readings() -> None:
    one, two = (
        b"".join(encode(meter_reading(Week(build_city(parameters(), seed, 0.005, 2024)), 0)))
        for seed in (1, 2)
    )
    assert not set(one.splitlines()) & set(two.splitlines())


def test_only_planted_records_break_the_contract(sent: Sent) -> None:
    planted = {
        f["key"]["row"]: f["outcome"]["reason"] for f in sent.faults if f["feed"] == "ent_meter_reading"
    }
    assert sorted(planted.values()) == ["meter_account_code:pattern", "uscc:check", "uscc:missing"]
    broken = {}
    for path in files_of(sent.landing, "ent_meter_reading"):
        for record in read(path)[1]:
            for reason in faults_of(feed("ent_meter_reading"), record):
                broken[record.row] = reason
                assert path.name == "meter_reading_2024-12-28.jsonl"
    assert broken == planted


def test_lines_are_json_whatever_the_size_of_a_piece(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table(
        {
            "户号": pa.array(["33", None, "34", "35", "36"]),
            "n": pa.array([1, 2, None, 4, 5]),
            "d": cells.decimals(np.array([150, -5, 0, 7, 8]), 2),
        }
    )
    lines = bytes(delivery._lines(table))
    assert bytes(delivery._lines(table.slice(1, 3))) == b"".join(lines.splitlines(keepends=True)[1:4])
    records = [json.loads(line, parse_float=Decimal) for line in lines.decode().splitlines()]
    assert records == table.to_pylist()
    frame = meter_reading(Week(city), 0)
    content = b"".join(encode(frame))
    assert content.count(b"\n") == frame.rows
    monkeypatch.setattr(delivery, "_ROWS_AT_A_TIME", frame.rows // 3)
    assert b"".join(encode(frame)) == content


# --- equipment -----------------------------------------------------------------------------------------


def test_each_state_of_equipment_follows_another(city: City) -> None:
    cells = equipment_status(Week(city)).columns
    begins = cells["status_from_at"].to_pylist()
    assert begins == sorted(begins)
    states: dict[str, list[tuple[str, str]]] = defaultdict(list)
    owners: dict[str, set[str]] = defaultdict(set)
    for machine, uscc, state, at in zip(
        cells["equipment_code"].to_pylist(),
        cells["uscc"].to_pylist(),
        cells["equipment_state_code"].to_pylist(),
        begins,
        strict=True,
    ):
        states[machine].append((at, state))
        owners[machine].add(uscc)
    for changes in states.values():
        assert changes[0][0] == "2024-12-31T00:00:00+08:00"
        assert all(a[0] < b[0] and a[1] != b[1] for a, b in pairwise(changes))
    assert all(len(o) == 1 for o in owners.values())
    assert {s for changes in states.values() for _, s in changes} == {"运行", "待机", "故障", "停机"}
    firms = {u for o in owners.values() for u in o}
    assert len(firms) == round(0.03 * len(main_meters(city)))
