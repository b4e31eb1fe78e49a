"""What a grade is worth in a what-if: the measures of area resource that would hold for a year's results.

A what-if compares two sets of grades of one year. It counts the relief of the land-use tax and the surcharge on power
by the measures that hold for the whole city when the year's results come to hold, each grade for its first year.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from jobs.resource.rules.measures import Measure, read

#: Measures of a what-if, with the column that they are a rate of.
RELIEF, SURCHARGE = "land_use_tax", "power_price"
GRADES = "ABCD"


@dataclass(frozen=True)
class Worth:
    """By grade, the share of the land-use tax that is relieved, and yuan per kWh on top of the price; their sources."""

    relief: dict[str, Decimal]
    surcharge: dict[str, Decimal]
    relief_source: str
    surcharge_source: str
    #: Reasons for what no document in force prescribes, in Chinese and English.
    assumptions: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def worth(year: str) -> Worth:
    """What the grades of a year's evaluation are worth."""
    given = read()
    day = date(int(year) + 1, given.execution_month, 1)
    held = {
        one.measure: one
        for one in given.measures
        if one.valid_from <= day <= one.last_day and not one.district_codes
    }
    relief, surcharge = held.get(RELIEF), held.get(SURCHARGE)
    notes = [
        (note.why_zh or note.why, note.why) for one in (relief, surcharge) if one for note in one.assumptions
    ]
    return Worth(
        relief={grade: -rate for grade, rate in _rates(relief).items()},
        surcharge=_rates(surcharge),
        relief_source=relief.source if relief else "",
        surcharge_source=surcharge.source if surcharge else "",
        assumptions=(
            *notes,
            (
                "减免按企业记录的全部土地使用税计算，加价按全年用电量和首年D类的标准计算",
                "relief is counted on the whole land-use tax of the firm's record, the surcharge on the year's power at"
                " the step of a first year in D",
            ),
        ),
    )


def _rates(measure: Measure | None) -> dict[str, Decimal]:
    """The rate of each grade in its first year; zero where the measure names none."""
    steps = measure.steps if measure else ()
    first = {step.grade: step.rate or Decimal(0) for step in steps if step.from_years_in_d == 1}
    return {grade: first.get(grade, Decimal(0)) for grade in GRADES}  # type: ignore[call-overload]
