"""Parts of the generator, tested on small examples."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from stdnum.cn import uscc as stdnum_uscc

from demo_city.cells import amounts, decimals, words
from demo_city.delivery import period_end, sent_at
from demo_city.senders.land import land_uses
from demo_city.world.city import build_city
from demo_city.world.draws import fit_table, rake, round_to_total, scale_to, shares_to_counts
from demo_city.world.identity import broken, credit_codes
from demo_city.world.parameters import parameters
from demo_city.world.population import ABOVE, DROPPED, NEW, UPGRADED
from schemas.contract import ContractError, feed


def test_printed_totals_agree_with_each_other() -> None:
    value = {t.key: Decimal(str(t.value)) for t in parameters().totals}
    assert value["profit"] + value["tax_paid_stat"] == value["profit_and_tax"]
    # 4,042 亿 of value added / 27.6 万元 per person
    assert round(value["value_added"] * 10_000 / Decimal("27.6")) == value["employees"]
    assert round(value["revenue"] * Decimal("0.0216"), 1) == value["rd_expense"]
    assert round(value["output"] * Decimal("0.346"), 1) == round(value["new_product_output"], 1)


def test_equipment_divisions_have_the_printed_share() -> None:
    divisions = parameters().divisions
    equipment = sum(d.value_added for d in divisions if 33 <= d.codes[0] <= 40)
    assert equipment / sum(d.value_added for d in divisions) == pytest.approx(0.539, abs=0.002)


@pytest.mark.parametrize("seed", [0, 1, 2020, 99991])
def test_credit_codes_are_one_to_one(seed: int) -> None:
    serial = np.arange(20_000)
    codes = credit_codes("91", ["330212"], np.zeros_like(serial), serial, seed)
    assert len(set(codes)) == len(codes)
    assert all(stdnum_uscc.is_valid(code) for code in codes[::97])
    assert not any(stdnum_uscc.is_valid(broken(code)) for code in codes[::97])


def test_decimals_are_exact() -> None:
    cells = decimals(np.array([0, 1, -1, 123456789012345678]), 2).cast("string").to_pylist()
    assert cells == ["0.00", "0.01", "-0.01", "1234567890123456.78"]


def test_an_unexpected_unit_or_code_in_the_contract_is_refused() -> None:
    one = np.array([1])
    with pytest.raises(ContractError, match="万元"):
        amounts(feed("gov_tax"), "tax_vat_wan_yuan", one, "万元", 2)
    with pytest.raises(ContractError, match="no word for"):
        words(feed("gov_land_survey"), "use_type_code", ["borrowed"], one)


def test_rake_meets_both_margins() -> None:
    group = np.array([0, 0, 1, 1])
    other = np.array([0, 1, 0, 1])
    fitted = rake(np.ones(4), [(group, np.array([3.0, 7.0])), (other, np.array([4.0, 6.0]))])
    assert np.bincount(group, weights=fitted) == pytest.approx([3, 7])
    assert np.bincount(other, weights=fitted) == pytest.approx([4, 6])


def test_a_margin_without_firms_gives_its_share_to_the_others() -> None:
    group, other = np.array([0, 1]), np.array([0, 0])
    fitted = rake(np.ones(2), [(group, np.array([3.0, 7.0])), (other, np.array([4.0, 6.0]))])
    assert fitted == pytest.approx([3, 7])


def test_scaling_stops_at_caps() -> None:
    assert scale_to(np.array([1.0, 1.0]), 10.0, np.array([3.0, 4.0])).tolist() == [3.0, 4.0]  # out of reach
    assert scale_to(np.array([1.0, 1.0]), 6.0, np.array([2.0, 9.0])) == pytest.approx([2, 4])


def test_rounding_keeps_totals() -> None:
    values = np.array([0.5, 0.25, 0.25, 9.0])
    assert round_to_total(values, values.sum()).sum() == 10
    assert shares_to_counts([1, 1, 1], 10).sum() == 10
    assert fit_table(np.ones((2, 2)), np.array([1.0, 3.0]), np.array([2.0, 2.0])).tolist() == [
        [0.5, 0.5],
        [1.5, 1.5],
    ]


def test_directory_changes_follow_each_other() -> None:
    population = build_city(parameters(), 2020, 0.05, 2024).population
    for year in range(2021, 2025):
        before, now = population.status[year - 1], population.status[year]
        rose = population.change[year] == UPGRADED
        assert (now[rose] == ABOVE).all() and (before[rose] != ABOVE).all()
        fell = population.change[year - 1] == DROPPED
        assert (before[fell] == ABOVE).all() and (now[fell] != ABOVE).all()
        fresh = population.change[year] == NEW
        assert (population.firm_born[population.firm[year][fresh]] == year).all()
        assert rose.sum() == 35  # 700 a year x 0.05
    firms = population.firm[2024]
    assert len(set(firms[firms >= 0])) == (firms >= 0).sum()


def test_parcels_hold_their_uses_and_are_whole_square_metres() -> None:
    city = build_city(parameters(), 2020, 0.2, 2024)
    land = city.land
    assert (land.area % 3 == 0).all()
    for year in (2020, 2024):
        uses = land_uses(city, year)
        used = np.bincount(uses.parcel, weights=uses.area, minlength=land.parcels)
        assert (used <= land.area).all()
        assert len({*zip(uses.parcel, uses.site, uses.kind, strict=True)}) == len(uses.parcel)
    let = (land.kind[land.created == 2020] == 2).mean(), (land.kind[land.created == 2020] == 1).mean()
    assert let == pytest.approx((0.09, 0.15), abs=0.01)


def test_periods_and_sending_times() -> None:
    assert [period_end(p).isoformat() for p in ("2023", "2024-02", "2024-12")] == [
        "2023-12-31",
        "2024-02-29",
        "2024-12-31",
    ]
    # four fifths of the 20 days that gov_tax allows
    assert sent_at(feed("gov_tax"), "2024-01") == "2024-02-16T02:00:00Z"
