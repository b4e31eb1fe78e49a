"""Measures of names, honours and other events (企业名称、荣誉与事件)."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from demo_city.aims.built import Built
from demo_city.cells import words
from demo_city.world.names import is_joint_stock
from schemas.contract import feed


def names_with_digits(built: Built, year: int) -> float:
    """Number of firms in the directory with a digit in their name."""
    city = built.city
    names = city.name(city.population.in_year(year), year)
    return float(pc.sum(pc.match_substring_regex(names, "[0-9０-９]")).as_py())


def duplicate_names(built: Built, year: int) -> float:
    """Number of firms in the directory whose name another one has as well, each name's first firm not counted."""
    city = built.city
    names = city.name(city.population.in_year(year), year)
    return float(len(names) - pc.count_distinct(names).as_py())


def honoured(built: Built, year: int, honour: str, level: str | None = None) -> float:
    """Number of firms with an honour, of one level or of any, at the end of the year, divided by the scale."""
    contract, columns = feed("gov_honour"), built.frame("honours", year).columns
    valid = pc.greater_equal(columns["valid_until_date"], f"{year}-12-31").fill_null(True)
    wanted = {"honour_code": honour} | ({"level_code": level} if level else {})
    for column, code in wanted.items():
        word = words(contract, column, [code], np.zeros(1, dtype=np.int64))[0]
        valid = pc.and_(valid, pc.equal(columns[column], word))
    return float(pc.count_distinct(columns["uscc"].filter(valid)).as_py() / built.scale)


def events_before_registration(built: Built, year: int) -> float:
    """Number of honours, listings and penalties of the year's files that are older than their firm."""
    city, early = built.city, 0
    for kind, column in (
        ("honours", "event_date"),
        ("listings", "listed_date"),
        ("penalties", "event_date"),
    ):
        columns = built.frame(kind, year).columns
        firm = pc.index_in(columns["uscc"], value_set=city.codes).to_numpy()
        days = np.array(columns[column].to_pylist(), dtype="datetime64[D]")
        early += int((days < city.registered[firm]).sum())
    return float(early)


def joint_stock_midgets(built: Built, year: int, most: float) -> float:
    """Number of joint-stock companies (股份有限公司) with at most ``most`` persons."""
    city, sites = built.city, built.city.population.in_year(year)
    joint_stock = is_joint_stock(city.name(sites, year))
    return float((joint_stock & (built.year(year).staff[sites] <= most)).sum())


def honoured_midgets(built: Built, year: int, most: float) -> float:
    """Number of firms with an honour in force and at most ``most`` persons."""
    city, now = built.city, built.year(year)
    sites = city.population.in_year(year)
    held = pc.is_in(city.uscc(sites, year), value_set=built.frame("honours", year).columns["uscc"])
    return float((held.to_numpy(zero_copy_only=False) & (now.staff[sites] <= most)).sum())
