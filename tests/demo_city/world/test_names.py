"""Names of firms and villages: made up, unique over all years, without serial numbers."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from demo_city.world.city import City, build_city
from demo_city.world.names import FORMS, SYNTHETIC, is_joint_stock, name_parts, renamed, styles
from demo_city.world.parameters import parameters
from demo_city.world.population import BELOW
from schemas.contract import code_list
from tests.demo_city.sent_city import at_scale

#: Well-known firms and brands of Ningbo and beyond.
BRANDS = (
    "吉利", "雅戈尔", "方太", "奥克斯", "公牛", "得力", "申洲", "均胜", "博世", "海天", "金田", "舜宇",
    "杉杉", "太平鸟", "罗蒙", "拓普", "旭升", "永新", "江丰", "博威", "韵升", "东方", "贝发", "帅康",
    "华翔", "继峰", "敏实", "东睦", "激智", "容百", "康强", "兴瑞", "德昌", "万华", "荣盛", "恒逸", "华为",
    "中兴", "美的", "格力", "海尔", "正泰", "恒大", "华润",
)  # fmt: skip


def names_of(city: City) -> list[str]:
    return [*city.names.to_pylist(), *city.village_names]


@pytest.mark.parametrize("scale", [0.005, 0.02, pytest.param(1.0, marks=pytest.mark.slow)])
def test_no_name_occurs_twice_or_has_a_number(scale: float) -> None:
    names = names_of(at_scale(scale))
    assert len(names) == len(set(names))
    assert [n for n in names if re.search(r"[0-9A-Za-z]", n)] == []
    assert all(n.endswith(SYNTHETIC) and len(n) < 36 for n in names)
    districts = "|".join(d.name[:-1] for d in parameters().districts)
    place = re.compile(rf"^(宁波市({districts})|({districts})[市县]?|宁波|浙江)")
    assert [n for n in names if place.sub("", n).startswith(BRANDS)] == []


def test_names_stay_unique_over_many_years_and_after_a_change() -> None:
    p = parameters()
    for seed in (1, 2):
        names = names_of(build_city(p, seed, 0.1, 2035))
        assert len(names) == len(set(names))
        firms = [n for n in names if any(n.endswith(form + SYNTHETIC) for form in FORMS)]
        assert not {renamed(n) for n in firms} & set(names)


def test_a_different_seed_gives_different_names() -> None:
    p = parameters()
    one, same, other = (set(names_of(build_city(p, seed, 0.005, 2021))) for seed in (1, 1, 2))
    assert one == same and len(one & other) < 0.2 * len(one)


def test_trades_follow_the_class_and_forms_the_size() -> None:
    city, parts = at_scale(1.0), name_parts()
    q, classes = city.population, city.classes.to_pylist()
    names = city.names.to_pylist()
    ordinary = np.flatnonzero(
        ~q.collective[q.firm_site] & (q.giant[q.firm_site] != 0) & (q.giant[q.firm_site] != 1)
    )
    strange = [
        (names[n], classes[n])
        for n in ordinary.tolist()
        if not any(word in names[n] for word in (*parts.trades_of(classes[n]), *parts.general))
    ]
    assert strange == []
    form = np.array([next((f for f in reversed(FORMS) if n.endswith(f + SYNTHETIC)), "") for n in names])
    form[np.array([n.endswith(FORMS[1] + SYNTHETIC) for n in names])] = FORMS[1]
    above = q.firm_site < q.first_above
    share = {f: float(np.mean(form[~above] == f)) for f in FORMS}
    assert share[FORMS[0]] > 0.8 and 0.1 < share[FORMS[2]] < 0.16 and 0.005 < share[FORMS[3]] < 0.02
    assert not np.isin(form[above], FORMS[2:]).any()
    large = (q.tail | (q.giant > 1))[q.firm_site]
    assert np.mean(form[large] == FORMS[1]) > 0.35 and np.mean(form[above & ~large] == FORMS[1]) < 0.15


@pytest.mark.parametrize(("seed", "scale"), [(2020, 1.0), (1, 0.1), (2, 0.1), (3, 0.02)])
def test_joint_stock_companies_are_no_midgets(seed: int, scale: float) -> None:
    city = at_scale(scale) if seed == 2020 else build_city(parameters(), seed, scale, 2024)
    q = city.population
    for year in (2020, 2024):
        sites = q.in_year(year)
        small = sites[q.status[year][sites] == BELOW]
        small = small[is_joint_stock(city.name(small, year))]
        figures = city.year(year)
        # those that have just begun; others may have shrunk since
        new = small[q.firm_born[city.firms(small, year)] == year]
        assert figures.insured[new].min(initial=15) >= 12
        assert figures.declared[new].min(initial=500 * 10**6) >= 500 * 10**6
        assert figures.insured[small].min(initial=15) > 5
        assert len(small) < 0.004 * len(sites)
    if scale == 1.0:
        above = city.above(2020)
        assert 700 < is_joint_stock(city.name(above, 2020)).sum() < 1100 and len(small)


def test_parts_can_be_read_in_one_way_only() -> None:
    """No trade is a syllable and another trade, else two different firms could have one name."""
    parts = name_parts()
    words = {word for trades in parts.trades.values() for word in trades} | set(parts.general)
    trades = words | {f"{word}科技" for word in words}
    assert [s + t for s in parts.syllables + parts.thirds for t in trades if s + t in trades] == []
    assert len(set(parts.syllables)) == len(parts.syllables)
    assert all(
        parts.trades_of(code)
        for code in code_list("industry_class")
        if "10" <= code[:2] <= "46" and code[:2] not in ("11", "12")
    )


def test_other_things_have_names_without_numbers_too() -> None:
    made = styles(np.arange(3000)).to_pylist()
    assert len(set(made)) == 3000
    assert Counter(map(len, made)) == {2: 3000}
