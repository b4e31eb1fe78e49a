"""Amounts, consecutive years in D and reversals agree exactly with the oracle on generated histories."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jobs.resource.consequence import consequence
from jobs.resource.consequence_correction import consequence_correction
from jobs.resource.power_price_month import power_price_month
from jobs.resource.rules.consequences import ConsequenceRules, consequence_rules
from jobs.resource.rules.measures import Consequences
from tests.frames import frame
from tests.oracles import resource as oracle

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ONCE = settings(
    max_examples=3, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
DISTRICTS = ("330203", "330282")
YEARS = range(2018, 2025)
FIRMS = 60


@dataclass
class Generated:
    """A generated city: results in versions, codes that changed, figures, electricity."""

    results: list[oracle.Result] = field(default_factory=list)
    former: list[tuple[str, str, int]] = field(default_factory=list)
    figures: dict[tuple[str, int], oracle.Figures] = field(default_factory=dict)
    power: list[dict[str, Any]] = field(default_factory=list)


def amount(chance: random.Random, most: int, digits: int) -> Decimal | None:
    if chance.random() < 0.15:
        return None
    return Decimal(chance.choice([0, chance.randrange(most)])) * Decimal(1).scaleb(-digits)


def generated(seed: int) -> Generated:
    chance, city = random.Random(seed), Generated()
    # a version is a district's whole list
    versions = {(d, year): chance.choice([1, 1, 2, 3]) for d in DISTRICTS for year in YEARS}
    for number in range(FIRMS):
        uscc, district = f"F{number:03d}", chance.choice(DISTRICTS)
        for year in YEARS:
            if chance.random() < 0.2:
                continue
            given: str | None = chance.choice("ABCDDDD")
            for version in range(1, versions[district, year] + 1):
                if version > 1 and chance.random() < 0.4:
                    given = chance.choice(["A", "B", "C", "D", "D", None])
                city.results.append(oracle.Result(uscc, year, version, given, district))
            city.figures[uscc, year] = oracle.Figures(
                {
                    "tax_land_use_wan_yuan": amount(chance, 10**9, 6),
                    "power_kwh": amount(chance, 10**10, 2),
                    "water_m3": amount(chance, 10**8, 2),
                    "emission_t": amount(chance, 10**8, 6),
                    "energy_tce": amount(chance, 10**9, 4),
                },
                amount(chance, 10**8, 6),
                amount(chance, 10**8, 6),
            )
    # every fifth firm has another code from a year on: the old code is graded before, the new one after
    for number in range(0, FIRMS, 5):
        uscc, since = f"F{number:03d}", chance.choice(YEARS[2:])
        moved = [one for one in city.results if one.uscc == uscc and one.year >= since]
        for one in moved:
            city.results.remove(one)
            city.results.append(
                oracle.Result(f"N{number:03d}", one.year, one.version, one.grade, one.district)
            )
            city.figures[f"N{number:03d}", one.year] = city.figures[uscc, one.year]
        city.former.append((uscc, f"N{number:03d}", since))
    for number in range(FIRMS):
        for month in ("2023-08", "2023-09", "2024-01", "2024-12"):
            for account in range(chance.choice([1, 1, 2])):
                city.power.append(
                    {
                        "meter_account_code": f"M{number}-{account}-{month}", "uscc": f"F{number:03d}",
                        "period": month, "power_kwh": Decimal(chance.randrange(10**8)) / 100,
                    }
                )  # fmt: skip
    return city


def rules(gap: str) -> ConsequenceRules:
    """The shipped measures, with a district of its own price and steps at half digits."""
    given = consequence_rules().given.model_dump(mode="json")
    given["ungraded_year"] = gap
    others = [one for one in given["measures"] if one["measure"] != "power_price"]
    price = next(one for one in given["measures"] if one["measure"] == "power_price")
    steps = [
        {"grade": "D", "rate": "0.1235"}, {"grade": "D", "rate": "0.25", "from_years_in_d": 2},
        {"grade": "D", "rate": "0.5", "from_years_in_d": 4}, {"grade": "C", "rate": "0.05"},
    ]  # fmt: skip
    split = [
        {**price, "district_codes": ["330203"]},
        {**price, "id": "own", "district_codes": ["330282"], "steps": steps, "valid_from": "2021-01-01"},
    ]
    return ConsequenceRules(Consequences.model_validate({**given, "measures": [*others, *split]}))


def rates(given: ConsequenceRules) -> list[oracle.Rate]:
    return [
        oracle.Rate(
            one.id, one.measure, frozenset(one.district_codes or DISTRICTS), one.valid_from,
            one.valid_to or date(9999, 1, 1), one.base, one.own_use_only,
            {(s.grade, s.from_years_in_d): s.rate if s.rate is not None else str(s.treatment) for s in one.steps},
        )
        for one in given.given.measures
    ]  # fmt: skip


def tables(spark: SparkSession, city: Generated) -> tuple[DataFrame, DataFrame, DataFrame, DataFrame]:
    """Figures, computed grades, published grades, successions; lists of one version are not published."""
    figures = [
        {
            "uscc": uscc, "year": str(year), **of.amounts, "land_own_mu": of.own_mu, "land_let_mu": of.let_mu,
        }
        for (uscc, year), of in city.figures.items()
    ]  # fmt: skip
    published = {(one.district, one.year) for one in city.results if one.version > 1}
    grades: list[dict[str, Any]] = []
    lists: list[dict[str, Any]] = []
    for one in city.results:
        row = {
            "uscc": one.uscc, "year": str(one.year), "evaluation_version": one.version, "final_grade": one.grade,
            "district_code": one.district, "list_code": "above_scale",
        }  # fmt: skip
        if (one.district, one.year) not in published:
            grades.append({**row, "figures_as_of": str(one.year)})
        elif one.grade:
            lists.append({**row, "decided_date": date(one.year + 1, 8, 20)})
    succession = [
        {
            "from_uscc": code, "to_uscc": successor, "year": str(since), "identifier_kind_code": "former_uscc",
            "valid_from_date": date(since, 1, 1),
        }
        for code, successor, since in city.former
    ]  # fmt: skip
    return (
        frame(spark, "core.enterprise_year", figures),
        frame(spark, "per_mu.enterprise_grade", grades),
        frame(spark, "per_mu.publication", lists),
        frame(spark, "core.succession", succession),
    )


@pytest.mark.parametrize("gap", ["skipped", "interrupts"])
@ONCE
@given(st.integers())
def test_amounts_and_reversals_agree_with_the_oracle(spark: SparkSession, gap: str, seed: int) -> None:
    city, given_rules = generated(seed), rules(gap)
    histories, of_rules = oracle.Histories(city.results, city.former), rates(given_rules)
    month, interrupts = given_rules.given.execution_month, gap == "interrupts"
    wanted: dict[Any, Any] = {}
    back: dict[Any, Any] = {}
    for uscc, year in sorted({(one.uscc, one.year) for one in city.results}):
        order = [one for one in histories.corrections(uscc) if one[0] <= year]
        asked = (of_rules, city.figures, month, interrupts)
        for measure, effect in oracle.effects(histories, uscc, year, order, *asked).items():
            wanted[uscc, str(year), measure] = (
                effect.rule, effect.years_in_d, effect.amount, effect.quota, effect.treatment,
            )  # fmt: skip
        for (measure, of, version), due in oracle.reversals(histories, uscc, year, *asked).items():
            back[uscc, str(year), measure, str(of), version] = due
    given_tables = tables(spark, city)
    found = {
        (r["uscc"], r["year"], r["measure_code"]): (
            r["consequence_rule_id"], r["years_in_d_count"], r["amount_wan_yuan"], r["quota_change_tce"],
            r["treatment_code"],
        )
        for r in consequence(*given_tables, rules=given_rules).collect()
    }  # fmt: skip
    assert found == wanted
    reversed_ = {
        (r["uscc"], r["year"], r["measure_code"], r["corrected_year"], r["corrected_version"]): (
            r["difference_wan_yuan"], r["quota_difference_tce"],
        )
        for r in consequence_correction(*given_tables, rules=given_rules).collect()
    }  # fmt: skip
    assert reversed_ == back
    assert len(back) > 50, "the generated histories reach reversals"
    assert {years for _, years, *_ in wanted.values()} >= {0, 1, 2, 3, 4}


@ONCE
@given(st.integers())
def test_monthly_surcharges_agree_with_the_oracle(spark: SparkSession, seed: int) -> None:
    city, given_rules = generated(seed), rules("skipped")
    histories = oracle.Histories(city.results, city.former)
    [*of_rules] = (one for one in rates(given_rules) if one.measure == "power_price")
    followed = {code: (successor, since) for code, successor, since in city.former}
    wanted = {}
    for row in city.power:
        month, uscc = row["period"], row["uscc"]
        successor, since = followed.get(uscc, (uscc, 0))
        uscc = successor if int(month[:4]) >= since else uscc
        year = oracle.evaluation_year(month, given_rules.given.execution_month)
        if not any((one.uscc, one.year) == (uscc, year) for one in city.results):
            continue
        order = [one for one in histories.corrections(uscc) if one[0] <= year]
        steps = []
        for applied in ([], order):
            grades = histories.grades(uscc, applied)
            if year not in grades:
                steps.append(Decimal(0))
                continue
            district = next(one.district for one in histories.by_firm[uscc] if one.year == year)
            years = oracle.years_in_d(grades, year, gap_interrupts=False)
            day = date(int(month[:4]), int(month[5:]), 1)
            held = [r for r in of_rules if district in r.districts and r.first <= day <= r.last]
            named = [
                (start, step) for r in held for (g, start), step in r.steps.items()
                if g == grades[year] and start <= max(years, 1)
            ]  # fmt: skip
            steps.append(Decimal(max(named)[1]) if named else Decimal(0))
        was, now = (oracle.rounded(oracle.rounded(row["power_kwh"] * step) / 10_000) for step in steps)
        if was or now or any(steps):
            wanted[row["meter_account_code"]] = (uscc, str(year), now, now - was)
    given_tables = tables(spark, city)[1:]
    electricity = frame(spark, "raw.gov_electricity", city.power)
    found = {
        r["meter_account_code"]: (
            r["uscc"],
            r["evaluation_year"],
            r["surcharge_wan_yuan"],
            r["difference_wan_yuan"],
        )
        for r in power_price_month(electricity, *given_tables, rules=given_rules).collect()
    }
    assert found == wanted
    assert len(wanted) > 30
