"""Totals of a year, and those of the base year compared with the city's plan (十四五规划)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from demo_city.senders.land import land_uses
from demo_city.senders.marks import clusters, marked
from demo_city.world.city import City
from demo_city.world.figures import TAXES
from demo_city.world.population import ABOVE

#: Parts of the value added; they overlap.
MARKS = ("strategic", "hightech", "equipment")


@dataclass(frozen=True)
class Comparison:
    """A total of the base year and the plan's figure times the scale."""

    indicator_zh: str
    unit: str
    plan: Decimal
    generated: Decimal
    difference_pct: Decimal


def totals_of(city: City, year: int) -> dict[str, Decimal]:
    """Totals of the firms above scale by their keys in the parameters: exact sums, in the totals' units."""
    q, figures = city.population, city.year(year)
    above, uses = q.status[year] == ABOVE, land_uses(city, year)
    made: dict[str, tuple[int, int]] = {  # key -> whole number, decimal places to the unit
        key: (int(values[above].sum()), 5)
        for key, values in figures.money.items()  # 千元 in 亿元
    }
    made["profit_and_tax"] = (made["profit"][0] + made["tax_paid_stat"][0], 5)
    made["firms"] = (int(above.sum()), 0)
    made["employees"] = (int(figures.employees[above].sum()), 0)
    made["tax_contribution"] = (int(sum(int(figures.taxes[key][above].sum()) for key in TAXES)), 10)
    made["land"] = (int(uses.area[above[uses.site]].sum()), 2)
    made["energy"] = (int(figures.energy[above].sum()), 2)
    value = figures.money["value_added"]
    made["clusters"] = (int(value[clusters(city, year) >= 0].sum()), 5)
    made |= {key: (int(value[marked(city, year, key)].sum()), 5) for key in MARKS}
    return {key: Decimal(number).scaleb(-digits) for key, (number, digits) in made.items()}


def compare_with_plan(city: City) -> tuple[Comparison, ...]:
    """The base year's totals of firms above scale compared with those of 宁波市制造业高质量发展"十四五"规划.

    The last four are overlapping parts of the value added; never add them together.
    """
    p, made, cent = city.p, totals_of(city, city.p.base_year), Decimal("0.0001")
    rows = []
    for total in (*p.totals, *p.marks.totals):
        plan = Decimal(str(total.value)) * Decimal(str(city.population.scale))
        generated = made[total.key]
        difference = (generated - plan) / plan * 100
        rows.append(
            Comparison(
                total.zh, total.unit, plan.quantize(cent), generated.quantize(cent), difference.quantize(cent)
            )
        )
    return tuple(rows)
