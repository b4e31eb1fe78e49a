"""Worlds for profiles: tables as plain rows for the oracle, and as frames for the jobs."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jobs.profile.comprehensive_score import comprehensive_score
from jobs.profile.comprehensive_score_month import comprehensive_score_month
from jobs.profile.enterprise_profile import JOB as PROFILES
from jobs.profile.enterprise_profile import enterprise_profile
from jobs.profile.enterprise_profile_month import enterprise_profile_month
from jobs.profile.enterprise_tag import enterprise_tag
from jobs.profile.enterprise_tag_month import enterprise_tag_month
from jobs.profile.rules.evaluation import Evaluation, evaluation
from jobs.profile.rules.tags import TagRules, tag_rules
from schemas.contract import contract
from tests.frames import frame
from tests.oracles.profile import TAKEN, TAXES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Row = dict[str, Any]
YEARS = ("2020", "2021", "2022", "2023", "2024")
#: Input of the job → table.
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
FINEST = {
    "power_kwh": ("0.07", "123456.78"),
    "water_m3": ("0.07", "123456.78"),
    "energy_tce": ("0.0007", "123456.789"),
    "employees_average": ("0.07", "123456.78"),
}
COUNTS = {"insured_count", "patents_applied_count", "patents_granted_count", "inventions_valid_count",
          "patents_valid_count"}  # fmt: skip


@dataclass
class World:
    """Rows by input. The methods fill in columns that a case leaves out; ``also`` adds a row as it is."""

    tables: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TABLES})

    def firm(self, uscc: str, *years: str, **given: Any) -> World:
        for year in years:
            self.tables["enterprises"].append(
                {
                    "uscc": uscc, "year": year, "enterprise_name": uscc, "industry_code": "3411",
                    "industry_division_code": "34", "district_code": "330203", "is_above_scale": True,
                    "registered_date": date(2010, 5, 31), "registration_status_code": "active",
                    "directory_change_code": "none", **given,
                }
            )  # fmt: skip
        return self

    def figures(self, uscc: str, year: str, **given: Any) -> World:
        columns = (*TAKEN, *(f"tax_{t}_wan_yuan" for t in TAXES))
        self.tables["figures"].append({"uscc": uscc, "year": year, **dict.fromkeys(columns), **given})
        return self

    def grade(self, uscc: str, year: str, final_grade: str, **given: Any) -> World:
        self.tables["grades"].append(
            {
                "uscc": uscc, "year": year, "final_grade": final_grade, "evaluation_version": 1, "supersedes": None,
                "total_score": Decimal(80), "rank_in_list": 1, "list_size": 4, **given,
            }
        )  # fmt: skip
        return self

    def event(self, uscc: str, kind: str, code: str, day: date, **given: Any) -> World:
        self.tables["events"].append(
            {
                "event_id": f"{uscc}{kind}{code}{day}", "year": str(day.year), "uscc": uscc, "event_kind_code": kind,
                "event_code": code, "level_code": None, "event_date": day, "valid_until_date": None, **given,
            }
        )  # fmt: skip
        return self

    def month(self, uscc: str, month: str, **given: Any) -> World:
        empty = dict.fromkeys(
            ("output_ytd_wan_yuan", "output_last_year_wan_yuan", "new_orders_wan_yuan", "orders_in_hand_wan_yuan",
             "capacity_utilisation_pct")
        )  # fmt: skip
        self.tables["months"].append({"uscc": uscc, "month": month, "year": month[:4], **empty, **given})
        return self

    def node(
        self,
        uscc: str,
        year: str,
        node_code: str,
        share: str,
        confidence: str = "0.5",
        confirmed: bool = True,
    ) -> World:
        self.tables["nodes"].append(
            {
                "uscc": uscc, "year": year, "node_code": node_code, "chain_code": node_code.split("-", maxsplit=1)[0],
                "position_share": share, "confidence": confidence, "is_confirmed": confirmed,
            }
        )  # fmt: skip
        return self

    def also(self, name: str, **row: Any) -> World:
        self.tables[name].append(row)
        return self

    def frames(self, spark: SparkSession) -> dict[str, DataFrame]:
        return {name: frame(spark, table, self.tables[name]) for name, table in TABLES.items()}


@dataclass(frozen=True)
class Profiles:
    """The stored profiles of years and of months."""

    years: DataFrame
    months: DataFrame


def run(spark: SparkSession, world: World, periods: Iterable[str]) -> tuple[Profiles, list[Row]]:
    """Profiles of the periods from the inputs that the pipeline would pass; stored and read back.

    The rows have ``period`` beside the columns of their table.
    """
    wanted = list(periods)
    frames = world.frames(spark)
    years, months = [p for p in wanted if len(p) == 4], [p for p in wanted if len(p) > 4]
    own = ("directory", "months", "months_to_date")
    known = {name: frames[name] for name in PROFILES.inputs if name not in own}
    of_years = enterprise_profile(
        frames["enterprises"].where(_in("year", years)),
        months_to_date=frames["months"].where(_in("year", years)),
        **known,
    )
    # the job of a month reads the months up to it
    of_months = enterprise_profile_month(
        frames["months"].where(_in("month", months)),
        frames["enterprises"].where(_in("year", [m[:4] for m in months])),
        months_to_date=frames["months"].where(_in("year", [m[:4] for m in months])),
        **known,
    )
    by_year, year_rows = stored(of_years, "profile.enterprise_profile")
    by_month, month_rows = stored(of_months, "profile.enterprise_profile_month")
    return Profiles(by_year, by_month), [*with_period(year_rows, "year"), *with_period(month_rows, "month")]


def with_period(rows: Iterable[Row], column: str) -> list[Row]:
    return [row | {"period": row[column]} for row in rows]


def tag(profiles: Profiles, rules: TagRules | None = None) -> list[Row]:
    of_years = enterprise_tag(profiles.years, rules or tag_rules())
    of_months = enterprise_tag_month(profiles.months, rules or tag_rules())
    return [
        *with_period(stored(of_years, "profile.enterprise_tag")[1], "year"),
        *with_period(stored(of_months, "profile.enterprise_tag_month")[1], "month"),
    ]


def score(profiles: Profiles, periods: Iterable[str], rules: Evaluation | None = None) -> list[Row]:
    rule, wanted = rules or evaluation(), list(periods)
    of_years = comprehensive_score(profiles.years.where(_in("year", wanted)), profiles.years, rule)
    of_months = comprehensive_score_month(profiles.months.where(_in("month", wanted)), profiles.years, rule)
    return [
        *with_period(stored(of_years, "profile.comprehensive_score")[1], "year"),
        *with_period(stored(of_months, "profile.comprehensive_score_month")[1], "month"),
    ]


def _in(column: str, values: Iterable[str]) -> str:
    return f"{column} in ({', '.join(repr(v) for v in values) or 'null'})"


def stored(result: DataFrame, table: str) -> tuple[DataFrame, list[Row]]:
    """The result as read back from storage; asserts the contract's columns, types, required values and key."""
    arrow = result.toArrow()
    spec = contract(table)
    assert arrow.column_names == spec.column_names
    for column in spec.columns:
        if column.required:
            assert arrow.column(column.name).null_count == 0, f"{table}.{column.name}"
    ddl = ", ".join(f"{c.name} {c.type}" for c in spec.columns)
    assert result.schema.simpleString() == f"struct<{ddl.replace(' ', ':').replace(',:', ',')}>"
    rows = arrow.to_pylist()
    keys = [tuple(row[k] for k in spec.key) for row in rows]
    assert len(keys) == len(set(keys)), f"{table}: a key comes twice"
    return result.sparkSession.createDataFrame(arrow, schema=ddl), rows


# --- generated worlds -------------------------------------------------------------------------------------------


def generated(seed: int, firms: int = 60) -> World:
    """Firms with gaps, ties, zeros and negative figures in five years; months of 2024 up to December or July."""
    draw = random.Random(seed)
    world = World()
    last_month = draw.choice([12, 12, 7])
    for number in range(firms):
        uscc = f"F{number:03d}"
        above = draw.random() < 0.7
        given = {
            "is_above_scale": above,
            "industry_division_code": draw.choice(["34", "34", "36", "39", None]),
            "industry_code": draw.choice(["3411", None]),
            "registered_date": draw.choice([None, date(2020, 2, 29), date(2023, 12, 31), date(2009, 1, 1)]),
            "registration_status_code": draw.choice(["active", "active", "revoked", None]),
            "directory_change_code": draw.choice(["none", "upgraded"]),
            "district_code": draw.choice(["330203", "330206"]),
        }
        for year in YEARS:
            if draw.random() < 0.9:
                world.firm(uscc, year, **given)
                world.figures(uscc, year, **_figures(draw, above))
                _evaluated(draw, world, uscc, year)
                _placed(draw, world, uscc, year)
        _happened(draw, world, uscc)
        for month in range(2, last_month + 1):
            if above and draw.random() < 0.85:
                world.month(uscc, f"2024-{month:02d}", **_month(draw))
    return world


def _amount(draw: random.Random, *values: Any) -> Any:
    """One of a few values, so that ties are common; sometimes missing."""
    return draw.choice([None, *values, *values])


def _figures(draw: random.Random, above: bool) -> Row:
    row: Row = {}
    for column in TAKEN:
        if column in COUNTS:
            row[column] = _amount(draw, 0, 3, 19, 20, 300, 1000)
        elif "profit" in column or "value_added" in column:
            row[column] = _amount(draw, "-120.5", "0", "33.333333", "900", "12000")
        else:
            # the smallest amount uses the column's last digit
            least, large = FINEST.get(column, ("0.000007", "123456.789"))
            row[column] = _amount(draw, "0", least, "19.99", "300", "2000", "2000", "40000", large)
        if not above and column in ("output_wan_yuan", "revenue_wan_yuan", "employees_average", "energy_tce"):
            row[column] = None
        if column == "employees_average" and row[column] is not None:
            row[column] = _amount(draw, "19", "20", "299.99", "300", "1000")
    for tax in TAXES:
        row[f"tax_{tax}_wan_yuan"] = (
            _amount(draw, None, "0", "1.5", "60", "-3") if draw.random() < 0.8 else None
        )
    return row


def _evaluated(draw: random.Random, world: World, uscc: str, year: str) -> None:
    who = {"uscc": uscc, "year": year}
    world.also(
        "population", **who, list_code=draw.choice(["above_scale", "tenant"]), eval_status_code="graded"
    )
    if draw.random() < 0.85:
        size = draw.randint(1, 9)
        world.grade(
            uscc, year, draw.choice("ABCDD"), rank_in_list=draw.choice([None, draw.randint(1, size)]), list_size=size,
            total_score=draw.choice(["77.02", "112.755"]),
        )  # fmt: skip
        if draw.random() < 0.15:
            world.grade(uscc, year, draw.choice("ABCD"), evaluation_version=2, supersedes=1, total_score="1")
        for code in ("I1", "I2", "I7"):
            world.also(
                "indicators", **who, indicator_code=code, value=_amount(draw, "0.5", "59.999999", "60", "130")
            )
        world.also("city_ranks", **who, percentile_pct=draw.choice(["12.5", "99.9999"]))


def _placed(draw: random.Random, world: World, uscc: str, year: str) -> None:
    shares = draw.choice([("1",), ("0.5", "0.5"), ("0.333333", "0.333333", "0.333334"), ("0", "1")])
    nodes = draw.sample(["XTCX-M01", "XTCX-M02", "GDMJ-U01", "OUT"], len(shares))
    for node, share in zip(nodes, shares, strict=True):
        world.node(uscc, year, node, share, draw.choice(["0.5", "0.8"]), draw.random() < 0.8)


def _happened(draw: random.Random, world: World, uscc: str) -> None:
    codes = {
        "honour": ["hightech_enterprise", "little_giant", "single_champion", "smart_factory", "rd_body",
                   "academician_station", "brand", "listed"],
        "penalty": ["minor_fine", "tax_evasion", "illegal_discharge"],
        "accident": ["safety_fatal", "environment_major"],
        "credit": ["dishonest_debtor", "abnormal_operation", "tax_grade_d", "environment_red"],
    }  # fmt: skip
    for number in range(draw.choice([0, 1, 2, 5])):
        kind = draw.choice(list(codes))
        year = draw.choice(YEARS)
        given = {
            "event_id": f"{uscc}-{number}",
            "level_code": draw.choice(["national", "provincial", "municipal", None])
            if kind == "honour"
            else None,
            "valid_until_date": draw.choice(
                [None, None, date(2023, 12, 31), date(2024, 12, 31), date(2024, 7, 31)]
            )
            if kind in ("honour", "credit")
            else None,
        }
        code, day = draw.choice(codes[kind]), date(int(year), draw.choice([1, 7, 12]), draw.choice([1, 31]))
        world.event(uscc, kind, code, day, **given)
        if kind == "credit" and year < "2024" and draw.random() < 0.5:
            again = {**world.tables["events"][-1], "year": "2024", "valid_until_date": date(2024, 3, 1)}
            world.also("events", **again)


def _month(draw: random.Random) -> Row:
    return {
        "output_ytd_wan_yuan": _amount(draw, "0", "500", "777.77"),
        "output_last_year_wan_yuan": _amount(draw, "0", "500", "600"),
        "new_orders_wan_yuan": draw.choice([None, "10", "10", "30", "30.5", "0"]),
        "orders_in_hand_wan_yuan": _amount(draw, "5"),
        "capacity_utilisation_pct": _amount(draw, "49.9999", "50", "88"),
    }
