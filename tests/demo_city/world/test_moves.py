"""Moves of firms: who moves, and what the senders tell about it."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from demo_city.senders.registry import business_registry
from demo_city.senders.statistics import statistics_directory
from demo_city.senders.tax import tax
from demo_city.truth import EVENTS
from demo_city.world.city import City
from demo_city.world.population import BELOW, ROOMS
from tests.demo_city.senders.test_places import rows
from tests.demo_city.sent_city import Sent

YEARS = range(2021, 2025)


def test_firms_in_rooms_move_to_another_town(city: City) -> None:
    q, moves = city.population, city.moves
    assert not moves.moving[2020].any()
    moved, left = 0, 0
    for year in YEARS:
        sites = np.flatnonzero(moves.moving[year])
        assert (q.tenure[sites] == ROOMS).all() and (q.status[year][sites] == BELOW).all()
        assert (q.firm[year][sites] == q.firm[year - 1][sites]).all()
        assert (moves.town[year][sites] != moves.town[year - 1][sites]).all()
        stay = ~moves.moving[year] & (q.firm[year] == q.firm[year - 1])
        assert (moves.town[year][stay] == moves.town[year - 1][stay]).all()
        moved += len(sites)
        left += int((moves.district[year][sites] != moves.district[year - 1][sites]).sum())
    rooms = ((q.tenure == ROOMS) & (q.status[2022] == BELOW)).sum()
    assert moved / len(YEARS) / rooms == pytest.approx(0.014, abs=0.003)
    assert left / moved == pytest.approx(0.25, abs=0.08)


def test_land_and_those_on_it_stay(city: City) -> None:
    fixed = city.population.tenure != ROOMS
    for year in (2020, *YEARS):
        assert (city.moves.town[year][fixed] == city.towns.site[fixed]).all()
        assert (city.moves.district[year][fixed] == city.population.district[fixed]).all()


def test_directory_registry_and_tax_tell_the_new_place(city: City) -> None:
    year = 2023
    sites = np.flatnonzero(
        city.moves.moving[year] & (city.moves.district[year] != city.moves.district[year - 1])
    )
    codes = set(city.uscc(sites, year).to_pylist())
    assert len(codes) > 3

    def told(columns: dict[str, object], *names: str) -> dict[str, tuple[str | None, ...]]:
        cells = [columns[name].to_pylist() for name in ("uscc", *names)]  # type: ignore[attr-defined]
        return {line[0]: line[1:] for line in zip(*cells, strict=True) if line[0] in codes}

    places = ("reported_district_code", "reported_town")
    directory = told(statistics_directory(city, year).columns, *places)
    before = told(statistics_directory(city, year - 1).columns, *places, "zone_code")
    registry = told(business_registry(city, year, False).columns, *places, "registered_address")
    offices = told(tax(city, year).columns, "主管税务机关")
    names = dict(zip(city.towns.codes, city.towns.names, strict=True))
    districts = {d.code: d.name for d in city.p.districts}
    # a move changes neither code nor name
    assert set(directory) == set(before) == set(registry) == set(offices) == codes
    for code, (district, town) in directory.items():
        assert before[code][0] != district and str(town)[:6] == district
        assert registry[code][:2] == (district, names[str(town)])
        assert districts[str(district)] in str(registry[code][2])
        assert districts[str(district)] in str(offices[code][0])
    zones = told(statistics_directory(city, year).columns, "zone_code", "managing_zone_code")
    assert set(zones.values()) == {(None, None)}


def test_the_true_events_agree_with_the_files(sent: Sent) -> None:
    with (sent.truth / EVENTS).open(encoding="utf-8", newline="") as file:
        events = list(csv.DictReader(file))
    assert {e["event"] for e in events} == {"moved", "rose", "fell"}
    directory = {
        year: {c["统一社会信用代码"]: c for c in rows(sent, f"statistics_directory_{year}.csv")}
        for year in ("2021", "2022", "2023", "2024")
    }
    faulty = {f["key"].get("uscc") for f in sent.faults}
    words = {"rose": "小升规", "fell": "退规"}
    for event in events:
        if event["year"] == "2020" or event["uscc"] in faulty:
            continue
        cells = directory[event["year"]].get(event["uscc"])
        assert cells is not None
        if event["event"] == "moved":
            assert event["from_town_code"] != event["to_town_code"] == cells["镇街代码"]
            assert event["revenue_wan_yuan"] == ""
        else:
            assert cells["名录变动"] == words[event["event"]]
            assert event["from_town_code"] == event["to_town_code"] == ""
            assert int(event["revenue_before_wan_yuan"]) < 2000 or event["event"] == "fell"
    assert sum(e["event"] == "rose" for e in events) == 5 * 4  # 700 x 0.005 a year, rounded
