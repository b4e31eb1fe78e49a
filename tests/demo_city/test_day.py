"""The city's day: what is sent by a day exists, a later day adds to it, and on no day is a feed overdue."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from demo_city import marker
from demo_city.city import USUAL_DAY, CitySpec, generate, is_there
from demo_city.faults.frequent.spoil import Spoiler
from demo_city.faults.plan import Plan
from demo_city.senders.schedule import calendars, deliveries
from demo_city.sending import files_of
from demo_city.world.city import City
from demo_city.world.parameters import parameters
from ingest.register.expected import expectations, missing_line
from schemas.errors import UsageError
from schemas.today import FILE, synthetic_day
from tests.demo_city.sent_city import Sent, send

HALF_YEAR = date(2025, 8, 15)
#: From 2023 on, to be quick; the faults of 2023 and the cases of 2024 are in it.
YEARS = (2023, 2024)


def spec(until: date | None) -> CitySpec:
    return CitySpec(scale=0.005, seed=7, years=YEARS, until=until)


def content(folder: Path) -> dict[str, bytes]:
    """All files of a folder but the marker and the day."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (marker.MARKER, FILE)
    }


def manifests(landing: Path) -> list[dict[str, Any]]:
    return [json.loads(p.read_text(encoding="utf-8")) for p in sorted(landing.glob("*/*.manifest.json"))]


@pytest.fixture(scope="module")
def half_year(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """The city on 15 August 2025."""
    return send(tmp_path_factory.mktemp("half"), spec(HALF_YEAR))


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """The city when 2025 is complete."""
    return send(tmp_path_factory.mktemp("complete"), spec(date(2026, 7, 1)))


def test_exactly_the_files_sent_by_the_day_exist(half_year: Sent, complete: Sent) -> None:
    def by_day(sent: Sent) -> set[tuple[str, str]]:
        return {
            (m["file"], m["sha256"]) for m in manifests(sent.landing) if m["sent_at"][:10] <= "2025-08-15"
        }

    assert by_day(half_year) == by_day(complete)
    assert len(manifests(half_year.landing)) == len(by_day(half_year)) < len(manifests(complete.landing))


def test_a_half_year_has_months_only(half_year: Sent) -> None:
    last: dict[str, str] = defaultdict(str)
    for m in manifests(half_year.landing):
        last[m["feed"]] = max(last[m["feed"]], m["period"])
    assert {feed: period for feed, period in last.items() if period >= "2025"} == {
        # sent 8, 12, 16 and 20 days after the month
        "gov_electricity": "2025-07", "ent_monthly_report": "2025-07", "gov_social_insurance": "2025-07",
        "gov_water": "2025-07", "gov_statistics_monthly": "2025-07", "ent_pmi": "2025-07", "ent_need": "2025-07",
        "gov_tax": "2025-06", "gov_project": "2025-06", "gov_customs": "2025-06",
    }  # fmt: skip


@pytest.mark.parametrize("first", [date(2024, 7, 1), date(2025, 2, 1), HALF_YEAR])
def test_a_later_day_adds_files_and_rewrites_none(first: date, complete: Sent, tmp_path: Path) -> None:
    """The first days lie before the late file of 2023, amid the sending of 2024, and in a half year."""
    one = send(tmp_path, spec(first))
    before = {p: p.stat().st_mtime_ns for p in one.landing.glob("*/*")}
    written: list[str] = []
    report = generate(complete.spec, one.landing, one.truth, lambda feed, _: written.append(feed))
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert content(one.landing) == content(complete.landing)
    assert content(one.truth) == content(complete.truth)
    assert report.records == complete.report.records
    added = len(manifests(complete.landing)) - len(before) // 2
    assert len(written) == added > 0


def test_an_interrupted_move_is_completed(complete: Sent, tmp_path: Path) -> None:
    one = send(tmp_path, spec(date(2025, 2, 1)))

    def stop(_: str, __: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(complete.spec, one.landing, one.truth, stop)
    assert not is_there(complete.spec, one.landing, one.truth)
    generate(complete.spec, one.landing, one.truth)
    assert content(one.landing) == content(complete.landing)
    assert content(one.truth) == content(complete.truth)


def test_an_earlier_day_is_refused_in_one_line(half_year: Sent) -> None:
    before = content(half_year.landing)
    with pytest.raises(UsageError) as refused:
        generate(spec(date(2025, 8, 14)), half_year.landing, half_year.truth)
    assert str(refused.value) == (
        "--until 2025-08-14: this home's synthetic city (合成城市) has reached 2025-08-15; give that day or a later "
        "one, or another home (BRAIN_HOME)"
    )
    assert content(half_year.landing) == before


def test_what_is_true_is_told_of_complete_years_and_of_files_that_exist(half_year: Sent) -> None:
    years = {line[:4] for line in (half_year.truth / "chain_positions.csv").read_text().splitlines()[1:]}
    assert years == {"2023", "2024"}
    there = {m["file"] for m in manifests(half_year.landing)}
    assert half_year.faults and {fault["file"] for fault in half_year.faults} <= there


def test_cases_are_told_when_the_registry_has_reported_them(tmp_path: Path) -> None:
    """The registry reports the cases of 2024 on 24 January 2025."""
    told = {}
    for day in (date(2025, 1, 23), date(2025, 1, 24)):
        sent = send(tmp_path / str(day), spec(day))
        cases = json.loads((sent.truth / "identities.json").read_text(encoding="utf-8"))
        told[str(day)] = {case["told"] for case in cases}
    assert told == {"2025-01-23": {"2023"}, "2025-01-24": {"2023", "2024"}}


def test_the_day_is_kept_beside_the_files(half_year: Sent) -> None:
    day = synthetic_day(half_year.landing)
    assert day is not None and day.day == HALF_YEAR
    assert day.calendars["gov_tax"] == (("2023", "2023"), ("2024-01", None))
    assert day.calendars["gov_statistics_annual"] == (("2023", "2023"),)
    assert day.calendars["ent_trade"] == (("2024-12", "2024-12"),)
    assert day.calendars["ent_meter_reading"] == (("2024-12-25", "2024-12-31"),)


def test_the_usual_day_is_that_of_a_complete_2024() -> None:
    usual = CitySpec(until=USUAL_DAY)
    assert (str(USUAL_DAY), usual.complete_years) == ("2025-07-01", CitySpec().years)
    assert CitySpec(until=USUAL_DAY - timedelta(days=1)).complete_years == (2020, 2021, 2022, 2023)


def test_on_no_day_is_a_feed_overdue_unless_a_file_is_left_out(city: City) -> None:
    """Each week from the first possible day to the end of 2027, with what is sent by then."""
    years = tuple(range(2020, 2028))
    plan = Plan((), (), {("gov_land_survey", "2023", "xiangshan"): 45})
    spoiler = Spoiler(None, city.population.seed, 2020, pa.array([], pa.string()), ())
    rows: list[dict[str, Any]] = [
        {
            "feed": feed, "period": period, "part": part, "sequence": 1, "delivery_id": f"{feed} {period} {part}",
            "known_at": datetime.fromisoformat(file.sent),
        }
        for feed, period, part, build in deliveries(city, years)
        for file in files_of((feed, period, part, build), plan, spoiler, None)
    ]  # fmt: skip
    ever = calendars(city, tuple(range(2020, parameters().last_year + 1)))
    for week in range((date(2027, 12, 31) - date(2021, 7, 1)).days // 7):
        today = date(2021, 7, 1) + timedelta(weeks=week)
        end = datetime.combine(today, datetime.max.time(), UTC)
        sent = [row for row in rows if row["known_at"] <= end]
        assert missing_line(expectations(sent, today, calendars=ever)) == "", today
    left_out = [row for row in sent if row["feed"] != "gov_water" or row["period"] < "2027-10"]
    line = missing_line(expectations(left_out, today, calendars=ever))
    assert line.startswith("gov_water 2027-10 expected by 2027-11-15 from ") and ";" not in line
