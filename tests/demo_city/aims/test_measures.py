"""Each measure tells a city that was changed in its respect; the figures of the change are worked out beside it."""

from __future__ import annotations

import dataclasses
from statistics import NormalDist

import numpy as np
import pyarrow as pa
import pytest

from demo_city.aims import changes, levels, registers, structure
from demo_city.aims.built import Built, BuiltYear
from demo_city.world.city import City, build_city
from demo_city.world.names import is_joint_stock
from demo_city.world.parameters import parameters

BASE, NEXT = 2020, 2021


@pytest.fixture(scope="module")
def city() -> City:
    return build_city(parameters(), 2020, 0.02, 2024)


@pytest.fixture
def built(city: City) -> Built:
    """The city to change: its arrays are copies, the city itself stays."""
    made = Built(dataclasses.replace(city, zone=city.zone.copy()))
    for year in (BASE, NEXT):
        seen = made.year(year)
        arrays = {name: value.copy() for name, value in vars(seen).items() if isinstance(value, np.ndarray)}
        money = {key: values.copy() for key, values in seen.money.items()}
        made.years[year] = dataclasses.replace(seen, **arrays, money=money)
    return made


def firms(year: BuiltYear, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The first firms above scale."""
    return np.flatnonzero(year.above)[:count]


# --- levels ------------------------------------------------------------------------------------------------


def test_totals_are_those_of_scale_1(built: Built) -> None:
    assert levels.total(built, BASE, "output") == pytest.approx(17887.1, rel=0.001)
    assert levels.ratio(built, BASE, "value_added", "output") == pytest.approx(4042 / 178.871, rel=0.002)


def test_totals_of_a_district(built: Built) -> None:
    year, city = built.year(BASE), built.city
    code, output = city.p.districts[3].code, year.money["output"]
    output[:] = np.where(city.population.district == 3, 10_000, 7)
    firms_here = int((year.above & (city.population.district == 3)).sum())
    assert levels.district_total(built, BASE, code, "firms") == firms_here / 0.02
    assert levels.district_total(built, BASE, code, "output", 10_000) == firms_here / 0.02


def test_shares_of_zones_follow_the_zones(built: Built) -> None:
    built.city.zone[:] = -1
    inside = firms(built.year(BASE), 3)
    built.city.zone[inside] = 0
    year = built.year(BASE)
    assert levels.zone_share(built, BASE, "firms") == pytest.approx(100 * 3 / year.above.sum())
    year.tax[inside], year.land[inside] = 60, (1, 2, 3)
    assert levels.zone_per_mu(built, BASE, "tax") == pytest.approx(180 / 6)


def test_firms_are_counted_by_output_and_size(built: Built) -> None:
    year = built.year(BASE)
    year.money["output"][:] = 0
    few = firms(year, 4)
    year.money["output"][few] = (5e6, 1e6, 999_999, 99_999)  # 500, 100, 99.9999 and 9.9999 亿元
    assert levels.firms_of_output(built, BASE, 100) == 2 / 0.02
    assert levels.firms_of_output(built, BASE, 10, 100) == 1 / 0.02
    year.staff[:], year.money["revenue"][:] = 999, 1e6
    year.staff[few[:2]] = 1000
    year.money["revenue"][few[1]] = 39_999
    assert levels.large_firms(built, BASE) == 1 / 0.02
    assert levels.large_firms_share(built, BASE) == pytest.approx(100 * 5e6 / (5e6 + 1e6 + 999_999 + 99_999))


# --- structure ---------------------------------------------------------------------------------------------


def test_spread_and_correlation_of_lognormal_figures(built: Built) -> None:
    year, rng, count = built.year(BASE), np.random.default_rng(1), int(built.year(BASE).above.sum())
    quantiles = [NormalDist().inv_cdf((n + 0.5) / count) for n in range(count)]
    z, noise = rng.permutation(quantiles), rng.permutation(quantiles)
    year.staff[year.above] = 82 * np.exp(z)
    year.land[year.above] = 12.5 * np.exp(1.25 * (0.65 * z + np.sqrt(1 - 0.65**2) * noise))
    assert structure.median(built, BASE, "staff", "above") == pytest.approx(82, rel=0.01)
    assert structure.sigma(built, BASE, "staff", "above") == pytest.approx(1, abs=0.02)
    assert structure.correlation(built, BASE, "land", "staff") == pytest.approx(0.65, abs=0.06)
    year.land[year.above] = rng.permutation(year.land[year.above])
    assert abs(structure.correlation(built, BASE, "land", "staff")) < 0.3


def test_shares_of_firms(built: Built) -> None:
    year = built.year(BASE)
    all_firms = int(year.above.sum())
    year.money["profit"][:], year.money["rd_expense"][:], year.owns[:] = 1, 0, True
    some = firms(year, 5)
    year.money["profit"][some], year.money["rd_expense"][some], year.owns[some] = -1, 1, False
    assert structure.negative_share(built, BASE, "profit") == pytest.approx(500 / all_firms)
    assert structure.some_share(built, BASE, "rd_expense") == pytest.approx(500 / all_firms)
    assert structure.tenant_share(built, BASE, "above") == pytest.approx(500 / all_firms)
    assert structure.tenant_share(built, BASE, "below") == 0


def test_a_figure_above_its_whole_is_counted(built: Built) -> None:
    year = built.year(BASE)
    year.money["export_value"][:] = year.money["sales_output"]
    assert structure.firms_over(built, BASE, "export_value", "sales_output", 1) == 0
    year.money["export_value"][firms(year, 3)] += 0.1
    assert structure.firms_over(built, BASE, "export_value", "sales_output", 1) == 3


def test_crowded_land_is_told(built: Built) -> None:
    year = built.year(BASE)
    year.land[year.land > 0] = np.maximum(year.staff[year.land > 0] / 10, 2)
    assert structure.most_persons_per_mu(built, BASE) == pytest.approx(10)
    assert structure.little_land_share(built, BASE, 1) == 0
    (one,) = np.flatnonzero(year.above & year.owns)[:1]
    year.land[one], year.staff[one] = 0.5, 500
    assert structure.most_persons_per_mu(built, BASE) == pytest.approx(1000)
    assert structure.least_land_per_person(built, BASE) == pytest.approx(0.5 * 666.667 / 500)
    assert structure.little_land_share(built, BASE, 1) > 0


def test_electricity_and_its_tax(built: Built) -> None:
    year = built.year(BASE)
    year.power[:] = np.where(year.above, 2e6, 1e6)
    year.tax[:] = 25  # 万元: 0.25 yuan for each of a million kWh
    assert structure.tax_per_kwh(built, BASE) == pytest.approx(0.25)
    above, below = year.above.sum(), year.below.sum()
    assert structure.electricity(built, BASE, "above") == pytest.approx(above * 2e6 / 1e8 / 0.02)
    assert structure.electricity(built, BASE, "all") == pytest.approx(
        (above * 2e6 + below * 1e6) / 1e8 / 0.02
    )


def test_classes_of_the_firms(built: Built) -> None:
    year = built.year(BASE)
    codes = np.array(built.city.classes.to_pylist(), dtype=object)
    here = year.firm[year.above]
    codes[here] = "3670"
    codes[here[:4]] = ("3611", "3612", "4420", "4620")
    city = dataclasses.replace(built.city, classes=pa.array(codes.tolist()))
    made = Built(city, years=built.years)
    year.money["export_value"][:] = 1
    assert structure.firms_of_class(made, BASE, 361) == 2 / 0.02
    assert structure.group_in_division(made, BASE, 367) == pytest.approx(
        100 * (len(here) - 4) / (len(here) - 2)
    )
    assert structure.largest_class_share(made, BASE) == structure.group_in_division(made, BASE, 367)
    assert structure.exporting_utilities(made, BASE) == 2


def test_local_rates_leave_out_what_the_city_does_not_make(built: Built) -> None:
    low, high = (structure.local_share(built, BASE, percentile) for percentile in (0, 100))
    assert 0 < low < high <= 100


# --- changes -----------------------------------------------------------------------------------------------


def test_states_that_flip(built: Built) -> None:
    before, now, same = built.pair(NEXT)
    some = np.flatnonzero(same & before.above & now.above)[:10]
    for key, was, is_ in (("profit", -1, 1), ("export_value", 0, 1), ("rd_expense", 1, 0)):
        before.money[key][:] = now.money[key][:] = 1 - is_ if key != "profit" else 1
        before.money[key][some], now.money[key][some] = was, was
        now.money[key][some[:4]] = is_
    assert changes.recovered(built, NEXT) == pytest.approx(40)  # 4 of 10
    before.money["export_value"][:] = now.money["export_value"][:] = 5
    before.money["export_value"][some], now.money["export_value"][some] = 0, (1, 1, 1, 0, 0, 0, 0, 0, 0, 0)
    assert changes.started(built, NEXT, "export_value") == pytest.approx(30)
    before.money["export_value"][:] = 0
    before.money["export_value"][some] = 7
    assert changes.stopped(built, NEXT, "export_value") == pytest.approx(70)


def test_equal_growth_is_told(built: Built) -> None:
    before, now, _ = built.pair(NEXT)
    now.money["revenue"][:] = 1.1 * before.money["revenue"]
    assert changes.growth_sd(built, NEXT) == pytest.approx(0, abs=1e-9)
    assert changes.equal_growth_share(built, NEXT) == 100
    draws = np.random.default_rng(1).standard_normal(len(before.above))
    now.money["revenue"][:] = np.exp(0.3 * draws) * before.money["revenue"]
    assert changes.growth_sd(built, NEXT) == pytest.approx(0.3, abs=0.06)
    assert changes.equal_growth_share(built, NEXT) < 5


def test_births_and_deaths(built: Built) -> None:
    before, now, _ = built.pair(NEXT)
    now.firm[:], now.above[:], now.below[:] = before.firm, before.above, before.below
    assert (changes.births(built, NEXT), changes.deaths(built, NEXT)) == (0, 0)
    there = np.flatnonzero(before.firms("all"))
    now.firm[there[:6]] = built.city.population.firm_site.size + np.arange(6)
    assert changes.births(built, NEXT) == changes.deaths(built, NEXT) == pytest.approx(600 / len(there))


def test_a_year_without_founders_is_told(built: Built) -> None:
    registered = built.city.registered.copy()
    years = 2001 + np.arange(len(registered)) % 20
    registered[:] = (years - 1970).astype("datetime64[Y]")
    made = Built(dataclasses.replace(built.city, registered=registered))
    assert changes.cohort_ratio(made, BASE, 2001) < 1.1
    registered[years == 2019] = np.datetime64("2018-01-01")
    assert changes.cohort_ratio(made, BASE, 2001) > 50


def test_firms_that_come_above_scale(built: Built) -> None:
    before, now, same = built.pair(NEXT)
    which = same & before.below & now.above
    assert changes.risen(built, NEXT) == which.sum() / 0.02
    before.declared[which], now.declared[which] = 1000, 6000
    assert changes.risen_growth(built, NEXT) == pytest.approx(6)


def test_other_addresses_areas_and_holders_are_counted(built: Built) -> None:
    for kind, measure, key in (
        ("registry", changes.moves, "registered_address"),
        ("parcels", changes.changed_parcels, "parcel_area_mu"),
        ("parcels", changes.changed_parcels, "owner_uscc"),
    ):
        before = built.frame(kind, BASE)
        built.frames[kind, NEXT] = before
        assert measure(built, NEXT) == 0
        values = before.columns[key].to_pylist()
        values[:3] = [type(values[5])(7)] * 3
        changed = dataclasses.replace(
            before, columns=before.columns | {key: pa.array(values, before.columns[key].type)}
        )
        built.frames[kind, NEXT] = changed
        assert measure(built, NEXT) == pytest.approx(300 / before.rows)


def test_new_and_gone_parcels_are_changes(built: Built) -> None:
    before = built.frame("parcels", BASE)
    fewer = dataclasses.replace(before, columns={key: values[4:] for key, values in before.columns.items()})
    built.frames["parcels", NEXT] = fewer
    assert changes.changed_parcels(built, NEXT) == pytest.approx(400 / before.rows)
    built.frames["parcels", BASE], built.frames["parcels", NEXT] = fewer, before
    assert changes.changed_parcels(built, NEXT) == pytest.approx(400 / fewer.rows)


def test_growth_of_land(built: Built) -> None:
    before, now, _ = built.pair(NEXT)
    now.land[:] = 1.02 * before.land
    assert changes.land_growth(built, NEXT) == pytest.approx(2)


# --- registers ---------------------------------------------------------------------------------------------


def test_digits_and_duplicates_in_names(built: Built) -> None:
    names = [
        f"宁波{chr(0x4E00 + n // 2000)}{chr(0x5000 + n % 2000)}机械有限公司"
        for n in range(len(built.city.names))
    ]
    made = Built(dataclasses.replace(built.city, names=pa.array(names)))
    assert (registers.names_with_digits(made, BASE), registers.duplicate_names(made, BASE)) == (0, 0)
    names[0], names[1], names[3] = "宁波8机械有限公司", names[2], names[2]
    made = Built(dataclasses.replace(built.city, names=pa.array(names)))
    assert (registers.names_with_digits(made, BASE), registers.duplicate_names(made, BASE)) == (1, 2)


def test_honours_count_while_they_are_in_force(built: Built) -> None:
    frame = built.frame("honours", BASE)
    columns = {
        "uscc": pa.array(["A", "A", "B", "C", "D"]),
        "honour_code": pa.array(["单项冠军", "单项冠军", "单项冠军", "单项冠军", "高新技术企业"]),
        "level_code": pa.array(["国家级", "国家级", "省级", "国家级", "国家级"]),
        "valid_until_date": pa.array(["2021-05-01", None, None, "2020-12-30", None]),
    }
    built.frames["honours", BASE] = dataclasses.replace(frame, columns=columns)
    # A has two, B is provincial, C has expired
    assert registers.honoured(built, BASE, "single_champion", "national") == 1 / 0.02
    assert registers.honoured(built, BASE, "single_champion") == 2 / 0.02


def test_events_before_the_registration_are_told(built: Built) -> None:
    city = built.city
    registered = city.registered.copy()
    made = Built(dataclasses.replace(city, registered=registered))
    assert registers.events_before_registration(made, BASE) == 0
    honour, listing, fine = (made.frame(kind, BASE) for kind in ("honours", "listings", "penalties"))
    codes = city.codes.to_pylist()
    for frame in (honour, listing, fine):
        registered[codes.index(frame.columns["uscc"][0].as_py())] = np.datetime64("2024-06-01")
    young = registered == np.datetime64("2024-06-01")
    late = {codes[n] for n in np.flatnonzero(young).tolist()}
    expected = sum(code in late for f in (honour, listing, fine) for code in f.columns["uscc"].to_pylist())
    assert registers.events_before_registration(made, BASE) == expected >= 3


def test_midgets_with_a_large_form_or_an_honour_are_told(built: Built) -> None:
    city, now = built.city, built.year(BASE)
    assert registers.joint_stock_midgets(built, BASE, 2) == registers.honoured_midgets(built, BASE, 3) == 0
    above = np.flatnonzero(now.above)
    joint_stock = above[is_joint_stock(city.name(above, BASE))][0]
    held = city.codes.to_pylist().index(built.frame("honours", BASE).columns["uscc"][0].as_py())
    now.staff[joint_stock] = 2
    assert registers.joint_stock_midgets(built, BASE, 2) == 1
    now.staff[city.population.firm_site[held]] = 3
    assert registers.honoured_midgets(built, BASE, 3) in (1, 2)
    assert registers.joint_stock_midgets(built, BASE, 1) == 0
