"""Buildings, parks and zones, compared with the parcels, the land survey and each other."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from decimal import Decimal

import numpy as np
import pytest

from demo_city.senders.areas import park
from demo_city.senders.buildings import building, buildings, standing
from demo_city.senders.land import land_uses
from demo_city.senders.parks import parks
from demo_city.truth import LAND_CHANGES
from demo_city.world.city import City
from tests.demo_city.sender_files import read
from tests.demo_city.sent_city import Sent

Cells = dict[str, str | None]


def rows(sent: Sent, name: str) -> list[Cells]:
    (path,) = sent.landing.glob(f"*/{name}")
    return [r.cells for r in read(path)[1]]


def changes(sent: Sent) -> list[dict[str, str]]:
    """The true changes of parcels."""
    with (sent.truth / LAND_CHANGES).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def number(text: str | None) -> Decimal:
    assert text is not None
    return Decimal(text)


def test_buildings_stand_on_parcels_and_share_their_floor(sent: Sent) -> None:
    area = {c["宗地代码"]: number(c["宗地面积(平方米)"]) for c in rows(sent, "land_parcel_2022.csv")}
    rebuilt = {c["parcel_id"] for c in changes(sent) if c["change"] == "rebuilt" and c["year"] <= "2022"}
    floor: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    codes = []
    for cells in rows(sent, "building_2022.csv"):
        codes.append(cells["不动产单元号"])
        assert str(codes[-1]).startswith(f"{cells['宗地代码']}F")
        floor[cells["宗地代码"]] += number(cells["总建筑面积(平方米)"])
    assert len(codes) == len(set(codes))
    assert set(floor) <= set(area)
    ratio = {parcel: floor[parcel] / area[parcel] for parcel in floor}
    assert {r for parcel, r in ratio.items() if parcel not in rebuilt} == {Decimal("1.2")}
    assert rebuilt and all(2 <= ratio[parcel] <= 3.5 for parcel in rebuilt)
    assert max(Counter(str(code)[:19] for code in codes).values()) > 1


def test_parcels_under_construction_have_no_building_yet(city: City) -> None:
    land, every = city.land, buildings(city)
    stand = set(every.parcel[standing(city, every, 2024)].tolist())
    fresh = np.flatnonzero((land.created <= 2024) & (land.ready > 2024))
    assert len(fresh) > 0 and not stand & set(fresh.tolist())
    assert set(np.flatnonzero(land.ready <= 2024).tolist()) == stand


def test_let_floor_follows_the_survey_except_for_the_noise(city: City) -> None:
    cells = building(city, 2022).columns
    floor, share = (
        np.array(cells[name].to_pylist(), dtype=float) for name in ("building_area_m2", "let_share_pct")
    )
    vacant = cells["vacant_area_m2"].to_pylist()
    noisy = np.array([v is not None and s == 100 and v > 0 for s, v in zip(share, vacant, strict=True)])
    uses = land_uses(city, 2022)
    # 8 square metres of floor on 0.01 mu, more where works are rebuilt with more storeys
    let = (uses.area * city.land_in(2022).floor_per_land[uses.parcel])[uses.kind > 0].sum()
    # shares are rounded down to 0.01 %
    assert (floor * share)[~noisy].sum() / 100 == pytest.approx(let, rel=0.02)
    blank = sum(v is None for v in vacant) / len(vacant)
    assert 0.01 < blank < 0.03
    over = sum(
        v is not None and f * s / 100 + v > f + 1 for f, s, v in zip(floor, share, vacant, strict=True)
    )
    assert 1 <= over < 0.015 * len(vacant)


def test_parts_of_industrial_areas_add_up(sent: Sent) -> None:
    for year in ("2020", "2024"):
        parks_of = rows(sent, f"park_{year}.csv")
        kinds = Counter(c["园区类型"] for c in parks_of)
        assert (kinds["工业集聚区"], kinds["集聚区分片"]) == (20, 57)  # printed in the plan
        assert kinds["小微企业园"] >= 10
        area: defaultdict[str | None, Decimal] = defaultdict(Decimal)
        for cells in parks_of:
            area[cells["所属集聚区"]] += number(cells["占地面积(亩)"])
        for cells in parks_of:
            if cells["园区类型"] == "工业集聚区":
                assert area[cells["园区代码"]] == number(cells["占地面积(亩)"]) > 0


def test_buildings_name_parks_of_their_district(sent: Sent) -> None:
    kinds = {c["园区代码"]: (c["园区类型"], c["区划代码"]) for c in rows(sent, "park_2022.csv")}
    named = Counter[str]()
    for cells in rows(sent, "building_2022.csv"):
        for heading, kind in (("小微园代码", "小微企业园"), ("集聚区分片代码", "集聚区分片")):
            if code := cells[heading]:
                assert kinds[code] == (kind, cells["行政区"])
                named[kind] += 1
    assert named["小微企业园"] >= 10 and named["集聚区分片"] > 50


def test_residents_are_the_users_of_a_parks_parcels(sent: Sent) -> None:
    park_of = {c["宗地代码"]: c["小微园代码"] for c in rows(sent, "building_2022.csv") if c["小微园代码"]}
    users: defaultdict[str | None, set[str | None]] = defaultdict(set)
    for path in sent.landing.glob("gov_land_survey/land_survey_2022_*.csv"):
        for record in read(path)[1]:
            if code := park_of.get(record.cells["宗地代码"]):
                users[code].add(record.cells["用地企业代码"])
    small = [c for c in rows(sent, "park_2022.csv") if c["园区类型"] == "小微企业园"]
    assert {c["园区代码"]: int(c["入驻企业数(家)"] or 0) for c in small} == {
        c["园区代码"]: len(users[c["园区代码"]]) for c in small
    }
    assert sum(len(u) for u in users.values()) > len(small)


def test_a_firm_on_two_parcels_of_an_area_is_one_resident(city: City) -> None:
    layout, uses = parks(city), land_uses(city, 2022)
    users: defaultdict[int, list[int]] = defaultdict(list)
    for parcel, site in zip(uses.parcel.tolist(), uses.site.tolist(), strict=True):
        if (part := int(layout.part_of_parcel[parcel])) >= 0:
            users[part].append(site)
            users[int(layout.parent[part])].append(site)
    counted = park(city, 2022).columns["resident_firm_count"].to_pylist()
    assert all(counted[number] == len(set(sites)) for number, sites in users.items())
    assert any(len(set(sites)) < len(sites) for sites in users.values())


def test_number_of_parks_follows_the_scale(city: City) -> None:
    layout = parks(city)
    assert (layout.kind == 0).sum() == 10  # 131 x 0.05 = 7, at least one in each district
    assert len(set(layout.small_of_parcel.tolist()) - {-1}) == 10
    stars = park(city, 2024).columns["star_count"].to_pylist()
    assert None in stars and {s for s in stars if s is not None} <= {1, 2, 3, 4, 5}


def test_zones_are_those_that_other_feeds_refer_to(sent: Sent) -> None:
    zones = {c["kfqdm"]: c for c in rows(sent, "zone_2022.jsonl")}
    named = {c["开发区代码"] for c in rows(sent, "statistics_directory_2022.csv")} - {None}
    assert len(zones) == 30 and named <= set(zones) and len(named) > 20
    assert all(str(code).startswith(str(c["xzqh"])) for code, c in zones.items())
    assert Counter(c["jb"] for c in zones.values()) == {"国家级": 10, "省级": 20}
    used: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    for cells in rows(sent, "land_parcel_2022.csv"):
        used[cells["开发区代码"]] += number(cells["宗地面积(平方米)"])
    # hectares; a zone's parcels fit into its plan
    assert all(used[code] / 10_000 <= number(c["ghmj"]) for code, c in zones.items())
