"""Quotas, transfers, ledgers, rights and the carbon code agree exactly with the oracle on generated cities."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jobs.resource.carbon_code import carbon_code
from jobs.resource.emission_ledger import emission_ledger
from jobs.resource.emission_right import emission_right
from jobs.resource.emission_transfer import emission_transfer
from jobs.resource.energy_allocation import energy_allocation
from jobs.resource.energy_ledger import energy_ledger
from jobs.resource.energy_quota import energy_quota
from jobs.resource.energy_quota_district import energy_quota_district
from jobs.resource.energy_transfer import energy_transfer
from jobs.resource.rules.quotas import QuotaRules, Quotas, quota_rules
from tests.frames import frame
from tests.oracles import quotas as oracle

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ONCE = settings(
    max_examples=2, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
DISTRICTS = ("330203", "330282", "330206")
DIVISIONS = ("17", "26", "34", None)
YEARS = range(2020, 2024)
FIRMS = 60
POLLUTANTS = ("cod", "nh3n", "so2", "nox")

Row = dict[str, Any]


def rules() -> QuotaRules:
    """The shipped rules, with an industry of its own reduction."""
    given_rules = quota_rules().given.model_dump(mode="json")
    given_rules["energy"]["reduction_by_division"] = {"26": "4.5"}
    return QuotaRules(Quotas.model_validate(given_rules))


def firms(chance: random.Random) -> list[Row]:
    """Figures of firms in the years in which they are above scale."""
    made = []
    for number in range(FIRMS):
        district, division = chance.choice(DISTRICTS), chance.choice(DIVISIONS)
        for year in YEARS:
            if chance.random() < 0.1:
                continue
            made.append(
                {
                    "uscc": f"F{number:017d}", "year": str(year), "figures_as_of": str(year),
                    "district_code": district, "industry_division_code": division,
                    "value_added_wan_yuan": _some(chance, -(10**8), 10**10, 6),
                    "energy_tce": _some(chance, 0, 10**8, 4),
                    "energy_calorific_tce": _some(chance, 0, 10**8, 4),
                    "power_kwh": _some(chance, 0, 10**9, 2),
                    "permit_class_code": chance.choice([*["key", "registered"] * 5, None]),
                    **{f"{one}_t": _some(chance, 0, 10**8, 6) for one in POLLUTANTS},
                }
            )  # fmt: skip
    return made


def _some(chance: random.Random, least: int, most: int, digits: int) -> Decimal | None:
    if chance.random() < 0.1:
        return None
    return Decimal(chance.choice([0, *[chance.randrange(least, most)] * 9])).scaleb(-digits)


def register(chance: random.Random, accounts: list[str], kinds: dict[str, str], most: int) -> list[Row]:
    """Rows of a register, in each year in which they are in force."""
    made = []
    for number in range(160):
        first = date(2021, 1, 1) + timedelta(chance.randrange(3 * 365))
        kind = chance.choice(list(kinds))
        last = first + timedelta(chance.randrange(-30, 500)) if kinds[kind] != "sale" else None
        row = {
            "code": f"T{number:04d}", "kind": kind, "giver_account": chance.choice(accounts),
            "taker_account": chance.choice(accounts),
            "amount": Decimal(chance.choice([chance.randrange(most), chance.randrange(most // 20)])) / 100,
            "transfer_from_date": first, "transfer_to_date": last, "pollutant_code": chance.choice(POLLUTANTS),
        }  # fmt: skip
        for year in YEARS:
            ends = max(last, first) if last else date(9999, 1, 1)
            if first.year <= year <= ends.year:
                made.append({**row, "period": str(year)})
    return made


def oracle_rows(rows: list[Row], kinds: dict[str, str]) -> dict[int, list[oracle.Row]]:
    found: dict[int, list[oracle.Row]] = defaultdict(list)
    for r in rows:
        found[int(r["period"])].append(
            oracle.Row(
                r["code"], kinds[r["kind"]], r["giver_account"], r["taker_account"], r["amount"],
                r["transfer_from_date"], r["transfer_to_date"],
            )
        )  # fmt: skip
    return found


def tables(spark: SparkSession, made: list[Row]) -> tuple[DataFrame, DataFrame]:
    return frame(spark, "core.enterprise_year", made), frame(spark, "core.enterprise", made)


@ONCE
@given(st.integers())
def test_energy_quotas_and_their_ledger_agree_with_the_oracle(spark: SparkSession, seed: int) -> None:
    chance, given_rules = random.Random(seed), rules()
    made, kinds = firms(chance), {"increment": "sale", "existing": "sale", "lease": "lease"}
    cuts = {
        (r["uscc"], int(r["year"])): Decimal(chance.randrange(10**8)) / 10**4
        for r in made
        if chance.random() < 0.2
    }
    figures, enterprises = tables(spark, made)
    succession = frame(spark, "core.succession", [])
    consequences = frame(
        spark,
        "resource.consequence",
        [
            {"uscc": uscc, "year": str(year - 1), "measure_code": "energy_quota", "quota_change_tce": -cut,
             "executed_from_month": f"{year}-07"}
            for (uscc, year), cut in cuts.items()
        ],
    )  # fmt: skip
    energy = given_rules.energy
    wanted = oracle.quotas(
        [
            oracle.Firm(
                r["uscc"], int(r["year"]), r["district_code"], r["industry_division_code"],
                r["value_added_wan_yuan"], r["energy_tce"],
            )
            for r in made
        ],
        cuts, base_year=2020, reduction=energy.reduction_by_division, usual_reduction=energy.yearly_reduction_pct,
        growth=energy.value_added_growth_pct, reserve=energy.reserve_share_pct,
    )  # fmt: skip
    allocations = energy_allocation(
        figures, enterprises, figures, enterprises, consequences, succession, rules=given_rules
    )
    rows = [row.asDict() for row in allocations.collect()]
    found = {
        (r["uscc"], int(r["year"])): oracle.Quota(r["full_quota_tce"], r["reserve_tce"], r["cut_tce"])
        for r in rows
    }
    assert found == wanted
    assert {r["energy_allocation_state_code"] for r in rows} == {
        "allocated",
        "no_value_before",
        "no_standard",
    }

    accounts = [f"F{number:017d}" for number in range(0, FIRMS, 3)] + [*DISTRICTS, "X" * 18]
    registered = register(chance, accounts, kinds, 2 * 10**5)
    raw = [
        {**r, "quota_transfer_code": r["code"], "energy_transfer_kind_code": r["kind"], "transferred_tce": r["amount"]}
        for r in registered
    ]  # fmt: skip
    transfers = frame(spark, "raw.gov_energy_quota_transfer", raw)
    allocated = frame(spark, "resource.energy_allocation", rows)
    settled = energy_transfer(transfers, transfers, allocated, succession)
    of_transfers = [row.asDict() for row in settled.collect()]
    openings: dict[int, dict[str, Decimal]] = {year: defaultdict(Decimal) for year in YEARS}
    for r in rows:
        openings[int(r["year"])][r["uscc"]] = r["quota_tce"]
        openings[int(r["year"])][r["district_code"]] += r["reserve_tce"]
    pools = oracle.years(openings, oracle_rows(registered, kinds))
    refused = {
        (int(r["year"]), r["quota_transfer_code"])
        for r in of_transfers
        if r["transfer_state_code"] == "refused"
    }
    assert refused == {(year, code) for year, pool in pools.items() for code in pool.refused}
    assert 20 < len(refused) < len(of_transfers) - 20

    ledger = energy_ledger(allocated, frame(spark, "resource.energy_transfer", of_transfers))
    lines = [row.asDict() for row in ledger.collect()]
    assert sum(r["amount_tce"] for r in lines) == 0
    of_district = {r["uscc"]: r["district_code"] for r in rows} | {one: one for one in DISTRICTS}
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for year, pool in pools.items():
        for account, amount in pool.held().items():
            held[str(year), of_district[account]] += amount
    districts = energy_quota_district(
        allocated, frame(spark, "resource.energy_ledger", lines), rules=given_rules
    )
    for r in (row.asDict() for row in districts.collect()):
        assert r["held_tce"] == held[r["year"], r["district_code"]]
        assert r["balance_tce"] == r["held_tce"] - r["energy_tce"]
        [closing] = (
            one["amount_tce"]
            for one in lines
            if one["year"] == r["year"]
            and one["ledger_movement"] == f"closing:{r['district_code']}"
            and one["ledger_side"] == "giver"
        )
        assert closing == -r["balance_tce"]
    by_industry: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for r in rows:
        by_industry[r["year"], r["district_code"], r["industry_division_code"]] += r["full_quota_tce"]
    for r in (row.asDict() for row in energy_quota(allocated).collect()):
        assert r["full_quota_tce"] == by_industry[r["year"], r["district_code"], r["industry_division_code"]]


@ONCE
@given(st.integers())
def test_emission_rights_and_their_ledger_agree_with_the_oracle(spark: SparkSession, seed: int) -> None:
    chance, kinds = random.Random(seed), {"transfer": "sale", "lease": "lease", "pledge": "pledge"}
    made = firms(chance)
    granted = [
        {
            "uscc": r["uscc"], "pollutant_code": one, "period": r["year"],
            "initial_t": _some(chance, 0, 10**6, 2) or 0, "right_from_date": date(2016, 1, 1),
            "right_to_date": date(chance.choice([2020, 2025, 2025, 2025]), 12, 31),
        }
        for r in made
        for one in POLLUTANTS
        if chance.random() < 0.9
    ]  # fmt: skip
    accounts = [f"F{number:017d}" for number in range(0, FIRMS, 3)]
    registered = register(chance, accounts, kinds, 3 * 10**4)
    figures, _ = tables(spark, made)
    rights, succession = frame(spark, "raw.gov_emission_right", granted), frame(spark, "core.succession", [])
    transfers = frame(
        spark,
        "raw.gov_emission_right_transfer",
        [
            {**r, "right_transfer_code": r["code"], "right_transfer_kind_code": r["kind"], "transferred_t": r["amount"]}
            for r in registered
        ],
    )  # fmt: skip
    of_transfers = [
        row.asDict() for row in emission_transfer(transfers, transfers, rights, figures, succession).collect()
    ]
    refused = {
        (int(r["year"]), r["right_transfer_code"])
        for r in of_transfers
        if r["transfer_state_code"] == "refused"
    }
    permitted = {(r["uscc"], r["year"]) for r in made if r["permit_class_code"]}
    wanted: set[Any] = set()
    held: dict[Any, Any] = {}
    for one in POLLUTANTS:
        openings: dict[int, dict[str, Decimal]] = {year: {} for year in YEARS}
        for uscc, year in permitted:
            openings[int(year)][uscc] = Decimal(0)
        for r in granted:
            counts = r["right_to_date"].year >= int(r["period"])
            if r["pollutant_code"] == one and (r["uscc"], r["period"]) in permitted and counts:
                openings[int(r["period"])][r["uscc"]] = Decimal(r["initial_t"])
        of_pool = oracle_rows([r for r in registered if r["pollutant_code"] == one], kinds)
        pools = oracle.years(openings, {year: of_pool.get(year, []) for year in YEARS})
        for year, pool in pools.items():
            wanted |= {(year, code) for code in pool.refused}
            held |= {(uscc, str(year), one): amount for uscc, amount in pool.held().items()}
    assert refused == wanted
    assert 20 < len(refused) < len(of_transfers) - 20
    settled = frame(spark, "resource.emission_transfer", of_transfers)
    lines = [row.asDict() for row in emission_ledger(rights, figures, settled, succession).collect()]
    assert sum(r["amount_t"] for r in lines) == 0
    rows = emission_right(
        rights, figures, frame(spark, "resource.emission_ledger", lines), succession, rules=rules()
    )
    found = {(r["uscc"], r["year"], r["pollutant_code"]): r["held_t"] for r in rows.collect()}
    assert {key: amount for key, amount in found.items() if amount} == {
        key: amount for key, amount in held.items() if amount
    }
    assert {r["right_state_code"] for r in rows.collect()} == {
        "covered", "exceeded", "no_report", "no_permit", "expired",
    }  # fmt: skip


@ONCE
@given(st.integers())
def test_the_carbon_code_agrees_with_the_oracle(spark: SparkSession, seed: int) -> None:
    made, given_rules = firms(random.Random(seed)), rules()
    factors = given_rules.carbon
    co2: dict[tuple[str, str], Decimal] = {}
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0), Decimal(0)])
    for r in made:
        if r["power_kwh"] is None or r["energy_calorific_tce"] is None:
            continue
        co2[r["uscc"], r["year"]] = oracle.carbon(
            r["power_kwh"], r["energy_calorific_tce"], per_mwh=factors.power_t_per_mwh,
            per_kwh_kgce=factors.power_kgce_per_kwh, per_tce=factors.fuel_t_per_tce,
        )  # fmt: skip
        if (r["value_added_wan_yuan"] or 0) > 0 and r["industry_division_code"]:
            added_up = sums[r["year"], r["industry_division_code"]]
            added_up[0] += co2[r["uscc"], r["year"]]
            added_up[1] += r["value_added_wan_yuan"]
            added_up[2] += 1
    wanted = {}
    for r in made:
        key, added = (r["uscc"], r["year"]), r["value_added_wan_yuan"] or Decimal(0)
        intensity = oracle.six(Fraction(co2[key]) / Fraction(added)) if key in co2 and added > 0 else None
        of = sums.get((r["year"], r["industry_division_code"]))
        efficiency = None
        if intensity is not None and of and of[2] >= factors.least_firms:
            mean = oracle.six(Fraction(of[0]) / Fraction(of[1]))
            efficiency = oracle.six(Fraction(intensity) / Fraction(mean)) if mean > 0 else None
        wanted[key] = (
            co2.get(key), intensity,
            ("low", "middle", "high")[oracle.level(intensity, factors.carbon_bounds) - 1]
            if intensity is not None else None,
            oracle.level(efficiency, factors.efficiency_bounds) if efficiency is not None else None,
        )  # fmt: skip
    found = {
        (r["uscc"], r["year"]): (
            r["co2_t"], r["carbon_intensity"], r["carbon_level_code"], r["carbon_efficiency_level"],
        )
        for r in carbon_code(*tables(spark, made), rules=given_rules).collect()
    }  # fmt: skip
    assert found == wanted
