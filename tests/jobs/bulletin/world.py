"""Firms of generated years, and the published tables that the jobs make of them, as the oracle writes them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jobs.bulletin.city_total import city_total
from jobs.bulletin.district_total import district_total
from jobs.bulletin.division_total import division_total
from tests.frames import frame
from tests.oracles.bulletin import LEAST, QUOTIENTS, Firm, Row, Table, class_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

DISTRICTS = ("330203", "330205", "330206", "330211", "330212")
DIVISIONS = ("13", "24", "26", "36", None)
DIGITS = {"energy_tce": 4, "employees_average": 2}
#: Figures that may be negative.
SIGNED = ("value_added_wan_yuan", "tax_total_wan_yuan")


def years(spark: SparkSession, firms: Sequence[Firm]) -> DataFrame:
    return frame(
        spark,
        "core.enterprise_year",
        [
            {
                "uscc": firm.uscc, "year": firm.year, "district_code": firm.district, "figures_as_of": firm.year,
                "is_above_scale": firm.is_above, "tax_vat_wan_yuan": firm.figures.get("tax_total_wan_yuan"),
                **{name: value for name, value in firm.figures.items() if name != "tax_total_wan_yuan"},
            }
            for firm in firms
        ],
    )  # fmt: skip


def published(spark: SparkSession, firms: Sequence[Firm]) -> dict[str, Table]:
    """The three tables."""
    figures = years(spark, firms)
    directory = frame(
        spark,
        "core.enterprise",
        [{"uscc": f.uscc, "year": f.year, "industry_division_code": f.division} for f in firms],
    )
    return {
        "city": _table(city_total(figures), None),
        "district": _table(district_total(figures), "district_code"),
        "division": _table(division_total(figures, directory), "industry_division_code"),
    }


def _table(rows: DataFrame, unit: str | None) -> Table:
    found = {}
    for row in (row.asDict() for row in rows.collect()):
        found[row["year"], row[unit] if unit else "city", row.get("is_above_scale", True)] = _row(row)
    return found


def _row(row: dict[str, Any]) -> Row:
    return Row(
        row["firm_count"], {name: row[name] for name in (*LEAST, *QUOTIENTS)}, set(row["withheld_reasons"])
    )


# --- generated firms ---------------------------------------------------------------------------------------------


def amount(name: str, chance: random.Random) -> Decimal | None:
    """Missing, zero, at the end of a class, small, or of any size; firms are unequal, so giants are common."""
    kind = chance.random()
    if kind < 0.1:
        return None
    if kind < 0.15:
        return Decimal(0)
    if kind < 0.25:
        size = Decimal(chance.choice(["1", "1.6", "2.5", "4", "6.3", "8"])).scaleb(chance.randint(-2, 5))
    else:
        size = Decimal(str(10 ** chance.uniform(-3, 6)))
    sign = -1 if name in SIGNED and chance.random() < 0.2 else 1
    return (sign * size).quantize(Decimal(1).scaleb(-DIGITS.get(name, 6)))


def generated(year: str, chance: random.Random) -> list[Firm]:
    """Few firms in few cells, so that most cells are near a limit; some are alike, so that cells are safe as well."""
    districts = DISTRICTS[: chance.randint(2, 5)]
    alike = chance.random() < 0.5
    typical = {name: amount(name, chance) for name in LEAST}
    return [
        Firm(
            year,
            f"f{n}",
            chance.choice(districts),
            chance.choice(DIVISIONS) if chance.random() < 0.9 else None,
            chance.random() < 0.8,
            {
                name: value if alike and chance.random() < 0.8 else amount(name, chance)
                for name, value in typical.items()
            },
        )
        for n in range(chance.randint(3, 40))
    ]


def others_of_their_classes(firms: Sequence[Firm], year: str) -> list[Firm]:
    """The same firms with other amounts: each at the end of its class that is farther from it."""
    return [
        replace(firm, year=year, figures={n: v and farthest(n, v) for n, v in firm.figures.items()})
        for firm in firms
    ]


def farthest(name: str, value: Decimal) -> Decimal:
    found = class_of(value, Decimal(LEAST[name]))
    step = Decimal(1).scaleb(-DIGITS.get(name, 6))
    if found is None:  # all below the least amount are alike
        low, high = Decimal(0), Decimal(LEAST[name]) - step
    else:
        low, high = found.low, found.high - step
    size = low if abs(value) - low > high - abs(value) else high
    return size if value > 0 else -size
