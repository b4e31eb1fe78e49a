"""The good city's profiles, tags and scores, as the oracle computes them from the other tables.

The months of 2023 end with May, so the year is incomplete and the latest month has the figures of 2022.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import yaml

from schemas.contract import Contract, contract
from tests.expectations.good_city import YEARS, City, _add
from tests.oracles import profile as oracle
from warehouse.settings import CHECKOUT

#: Input of the profile → table.
TABLES = {
    "enterprises": "core.enterprise",
    "figures": "core.enterprise_year",
    "population": "per_mu.population",
    "grades": "per_mu.enterprise_grade",
    "indicators": "per_mu.indicator_value",
    "city_ranks": "per_mu.city_rank",
    "events": "core.enterprise_event",
    "months": "core.enterprise_month",
    "nodes": "chain.node_enterprise",
}
MONTH = "2023-05"
PERIODS = (*YEARS, MONTH)


def add_profiles(city: City) -> None:
    """Add rows of every table of the area; the tables that they are computed from come first."""
    rules = {
        n: yaml.safe_load((CHECKOUT / "jobs/profile/rules" / f"{n}.yml").read_text(encoding="utf-8"))
        for n in ("tags", "evaluation")
    }
    tables = {name: city[table] for name, table in TABLES.items()}
    profiles = oracle.profiles(tables, PERIODS)
    directory = {(r["uscc"], r["year"]): r for r in city["core.enterprise"]}
    # 2022 comes first in every table of firms, the month last
    for (uscc, period), row in sorted(profiles.items(), key=lambda item: item[0][1]):
        listed = directory[uscc, period[:4]]
        spec = contract(_table("profile.enterprise_profile", period))
        taken = {c: listed[c] for c in spec.column_names if c in listed and c not in ("row_id", "year")}
        stored = _add(city, spec.name, **_stored(spec, taken | row | {"month": period}))
        _tags(city, stored, row, rules["tags"])
    _scores(city, oracle.scores(rules["evaluation"], profiles, PERIODS))


def _table(name: str, period: str) -> str:
    """The table of years, or that of months."""
    return name if len(period) == 4 else f"{name}_month"


def _tags(city: City, row: dict[str, Any], profile: dict[str, Any], rules: dict[str, Any]) -> None:
    for code in sorted(oracle.tags(rules, profile)):
        shown = (
            f"{name}={_text(row[name])}" for name in rules[code]["evidence"] if row[name] not in (None, [])
        )
        _add(
            city,
            _table("profile.enterprise_tag", profile["period"]),
            **{
                name: row[name]
                for name in ("uscc", "year", "month", "district_code", "is_above_scale")
                if name in row
            },
            tag_code=code,
            tag_kind_code=rules[code]["kind"],
            tag_evidence=list(shown),
        )


def _text(value: Any) -> str:
    return "+".join(value) if isinstance(value, list) else str(value).lower()


def _scores(city: City, scores: dict[tuple[str, str], dict[str, Any]]) -> None:
    profiles = {(r["uscc"], r["year"]): r for r in city["profile.enterprise_profile"]}
    profiles |= {(r["uscc"], r["month"]): r for r in city["profile.enterprise_profile_month"]}
    for (uscc, period), score in sorted(scores.items(), key=lambda item: item[0][1]):
        spec = contract(_table("profile.comprehensive_score", period))
        profile = profiles[uscc, period]
        percentiles = [f"{n}={oracle.shown(v, 4)}" for n, v in score["percentiles"].items()]
        taken = {c: profile[c] for c in spec.column_names if c in profile and c != "row_id"}
        named = {f"{d}_score": v for d, v in score.items()} | {"comprehensive_score": score["total"]}
        row = taken | named | score | {"indicator_percentiles": percentiles}
        _add(city, spec.name, **_stored(spec, row))


def _stored(spec: Contract, row: dict[str, Any]) -> dict[str, Any]:
    """The oracle's values in the contract's columns and types."""
    return {c.name: _value(c.type, row[c.name]) for c in spec.columns if c.name in row}


def _value(kind: str, value: Any) -> Any:
    if isinstance(value, set):
        return sorted(value)
    if isinstance(value, Fraction):
        if kind.startswith("decimal"):
            return Decimal(oracle.shown(value, int(kind.rstrip(")").split(",")[1])))
        return int(value)
    return value
