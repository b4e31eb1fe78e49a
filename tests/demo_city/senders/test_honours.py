"""Honours: the stock of the base year, flows of later years, and who holds them."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from demo_city.senders.awards import register
from demo_city.senders.honour import honour
from demo_city.senders.innovation import applications
from demo_city.senders.marks import listings
from demo_city.senders.penalty import penalised
from demo_city.senders.products import revenue
from demo_city.world.city import City, build_city
from demo_city.world.draws import Ints
from demo_city.world.honours import Register
from demo_city.world.names import SYNTHETIC
from demo_city.world.parameters import parameters
from demo_city.world.population import ABOVE
from tests.demo_city.senders.test_places import rows
from tests.demo_city.sent_city import Sent, at_scale

FIRM, KIND, LEVEL = "企业/统一社会信用代码", "荣誉/类别", "荣誉/级别"


def held(city: City, year: int, name: str, level: str = "national") -> Register:
    """Valid honours of one kind and level."""
    valid = register(city, year)
    kind = next(n for n, h in enumerate(city.p.honours) if (h.honour, h.level) == (name, level))
    return valid.where(valid.kind == kind)


def test_the_base_years_delivery_has_the_plans_stock() -> None:
    city = at_scale(1.0)
    sent = honour(city, 2020, complete=True)
    kinds = Counter(
        zip(sent.columns["honour_code"].to_pylist(), sent.columns["level_code"].to_pylist(), strict=True)
    )
    assert kinds["高新技术企业", "国家级"] == 3102 and kinds["上市公司", "国家级"] == 91
    assert kinds["单项冠军", "国家级"] == 45 and kinds["专精特新", "国家级"] == 55
    assert sum(n for (word, _), n in kinds.items() if word == "单项冠军") == 45
    dated = Counter(str(day)[:4] for day in sent.columns["event_date"].to_pylist())
    assert min(dated[year] for year in ("2018", "2019", "2020")) > 1000 and max(dated) == "2020"
    until = [day for day in sent.columns["valid_until_date"].to_pylist() if day]
    assert min(until) > "2020-12-31" and max(until) <= "2023-12-31"
    assert len(set(sent.columns["event_id"].to_pylist())) == sent.rows


def test_stocks_reach_the_plans_aims_of_2025() -> None:
    city = build_city(parameters(), 2020, 0.2, 2025)
    found = {
        name: len(held(city, 2025, name))
        for name in ("hightech_enterprise", "single_champion", "little_giant")
    }
    assert found == {"hightech_enterprise": 1200, "single_champion": 20, "little_giant": 40}
    every = [len(held(city, year, "hightech_enterprise")) for year in range(2020, 2026)]
    assert every == sorted(every)


def test_honours_are_renewed_in_time_and_never_held_twice() -> None:
    city = at_scale(1.0)
    kinds = city.p.honours
    before = register(city, 2022)
    valid, awarded = register(city, 2023), register(city, 2023).awarded_in(2023)
    pairs = valid.kind * len(city.codes) + valid.firm
    assert len(set(pairs.tolist())) == len(valid)
    ended = {
        (k, f): u
        for k, f, u in zip(before.kind.tolist(), before.firm.tolist(), before.until, strict=True)
        if kinds[k].years and u <= np.datetime64("2023-12-31")
    }
    renewed = {
        (k, f): d for k, f, d in zip(awarded.kind.tolist(), awarded.firm.tolist(), awarded.day, strict=True)
    }
    again = [pair for pair in ended if pair in renewed]
    assert len(again) > 0.75 * len(ended)
    assert np.mean([renewed[pair] <= ended[pair] for pair in again]) > 0.97
    lasting = {
        pair for pair in zip(before.kind.tolist(), before.firm.tolist(), strict=True) if pair not in ended
    }
    assert len(lasting & set(zip(valid.kind.tolist(), valid.firm.tolist(), strict=True))) > 0.95 * len(
        lasting
    )
    # a lower level ends with the higher one
    giants = set(held(city, 2023, "little_giant").firm) & set(
        held(city, 2023, "little_giant", "provincial").firm
    )
    assert giants == set()


def test_only_firms_that_could_hold_an_honour_do() -> None:
    city, year = at_scale(1.0), 2020
    q, p, sites = city.population, city.p, at_scale(1.0).population.in_year(2020)
    earned, share, above = (
        np.zeros(len(city.codes)),
        np.zeros(len(city.codes)),
        np.zeros(len(city.codes), dtype=bool),
    )
    firms = city.firms(sites, year)
    earned[firms] = revenue(city, year)[sites]
    above[firms] = q.status[year][sites] == ABOVE
    share[firms] = city.year(year).money["rd_expense"][sites] / 10 / earned[firms]
    names = city.names.to_pylist()
    listed = held(city, year, "listed").firm
    assert earned[listed].min() >= 30_000 and all(
        names[n].endswith(f"股份有限公司{SYNTHETIC}") for n in listed
    )
    nodes = np.bincount(city.roles.firm[city.roles.node < city.roles.outside], minlength=len(city.codes))
    little = held(city, year, "little_giant").firm
    assert (share[little] >= 0.03).all() and (nodes[little] == 1).all() and above[little].all()
    assert earned[little].max() <= 100_000
    champions = held(city, year, "single_champion").firm
    assert (
        (share[champions] >= 0.02).all()
        and (nodes[champions] > 0).all()
        and earned[champions].min() >= 20_000
    )
    technical = held(city, year, "hightech_enterprise").firm
    classes = city.classes.to_pylist()
    assert all(classes[n].startswith(p.marks.hightech) for n in technical)
    assert np.mean(share[technical][above[technical]] >= 0.03) > 0.9
    assert 0.5 < np.mean(above[technical]) < 0.7


def persons(city: City, year: int) -> Ints:
    """Persons of each firm as its reports have them: insured, or employees above scale if they are fewer."""
    q, figures, sites = city.population, city.year(year), city.population.in_year(year)
    found = np.zeros(len(city.codes), dtype=np.int64)
    above = q.status[year] == ABOVE
    found[city.firms(sites, year)] = np.where(
        above, np.minimum(figures.insured, figures.employees), figures.insured
    )[sites]
    return found


@pytest.mark.parametrize(("seed", "scale"), [(2020, 1.0), (1, 0.1), (2, 0.1), (3, 0.02)])
def test_honours_go_to_firms_of_some_size(seed: int, scale: float) -> None:
    city = at_scale(scale) if seed == 2020 else build_city(parameters(), seed, scale, 2024)
    least = {
        ("hightech_enterprise", "national"): (10, 200),
        ("single_champion", "national"): (100, 20_000),
        ("little_giant", "national"): (50, 5000),
        ("little_giant", "provincial"): (30, 2000),
        ("listed", "national"): (100, 30_000),
        ("rd_body", "national"): (200, 5000),
        ("rd_body", "provincial"): (100, 5000),
        ("academician_station", "provincial"): (200, 5000),
        ("academician_station", "municipal"): (100, 5000),
    }
    for year in (2020, 2022, 2024):
        sites, size = city.population.in_year(year), persons(city, year)
        earned, above = np.zeros(len(city.codes)), np.zeros(len(city.codes), dtype=bool)
        earned[city.firms(sites, year)] = revenue(city, year)[sites]
        above[city.firms(sites, year)] = city.population.status[year][sites] == ABOVE
        for (name, level), (staff, money) in least.items():
            holders = held(city, year, name, level)
            new = (holders if year == 2020 else holders.awarded_in(year)).firm
            assert size[new].min(initial=staff) >= staff and earned[new].min(initial=money) >= money
            assert name == "hightech_enterprise" or above[new].all()
        # an award lasts, while the firm may shrink
        assert size[register(city, year).firm].min() >= 4


def test_national_little_giants_have_an_invention() -> None:
    city = at_scale(1.0)
    for year in (2020, 2023):
        owners: set[int] = set()
        for applied in range(2014, year + 1):
            filed = applications(city, applied)
            granted = filed.decided <= np.datetime64(f"{year}-12-31")
            owners |= set(filed.firm[granted & (filed.kind == 0) & (filed.lapsed > filed.decided)].tolist())
        holders = held(city, year, "little_giant")
        new = holders if year == 2020 else holders.awarded_in(year)
        assert len(new) and set(new.firm.tolist()) <= owners


@pytest.mark.parametrize(("seed", "scale"), [(2020, 1.0), (1, 0.1), (2, 0.005)])
def test_awards_wait_for_the_firms_age(seed: int, scale: float) -> None:
    city = at_scale(scale) if seed == 2020 else build_city(parameters(), seed, scale, 2024)
    waits = {"hightech_enterprise": 1, "listed": 5, "brand": 3, "quality_award": 3, "little_giant": 2}
    for year in (2020, 2022, 2024):
        valid = register(city, year)
        age = (valid.day - city.registered[valid.firm]).astype(np.int64)
        assert age.min() >= 365 and valid.day.max() <= np.datetime64(f"{year}-12-31")
        for name, years in waits.items():
            kinds = [n for n, h in enumerate(city.p.honours) if h.honour == name]
            ages = age[np.isin(valid.kind, kinds)]
            assert ages.min(initial=365 * years) >= 365 * years
            # a clip would give many the same age
            assert len(ages) == 0 or np.unique(ages, return_counts=True)[1].max() <= max(3, 0.004 * len(ages))


@pytest.mark.parametrize("seed", [1, 2])
def test_every_stock_is_reached(seed: int) -> None:
    city = build_city(parameters(), seed, 0.1, 2025)
    for year in (2020, 2025):
        found = np.bincount(register(city, year).kind, minlength=len(city.p.honours))
        for number, h in enumerate(city.p.honours):
            assert found[number] == max(1, round((h.stock if year == 2020 else h.aim) * 0.1)), h


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_firm_with_a_serious_penalty_gets_an_honour(seed: int) -> None:
    city = build_city(parameters(), seed, 0.1, 2023)
    kinds, credit = list(city.p.penalties), list(city.p.credit)
    for year in (2020, 2023):
        site, which = penalised(city, year)
        serious = set(city.firms(site[which != kinds.index("minor_fine")], year).tolist())
        for firm, kind, _, start, end in listings(city, year):
            in_force = (start <= np.datetime64(f"{year}-12-31")) & (end >= np.datetime64(f"{year}-01-01"))
            serious |= set(firm[in_force & (kind == credit.index("serious_violation"))].tolist())
        valid = register(city, year)
        awarded = valid if year == 2020 else valid.awarded_in(year)
        assert serious and not serious & set(awarded.firm.tolist())


def test_later_files_have_only_awards_of_their_year(sent: Sent) -> None:
    seen: dict[str, set[str | None]] = defaultdict(set)
    for year in ("2020", "2021", "2022", "2023", "2024"):
        cells = rows(sent, f"honour_{year}.xlsx")
        assert len({c["编号"] for c in cells}) == len(cells) > 10
        for c in cells:
            dated = str(c["发文日期"])
            assert dated[:4] <= year if year == "2020" else dated[:4] == year
            seen[str(c["编号"])].add(c[FIRM])
    assert {len(firms) for firms in seen.values()} == {1}
    first = {c["发文日期"][:4] for c in rows(sent, "honour_2020.xlsx")}  # type: ignore[index]
    assert len(first) >= 3
