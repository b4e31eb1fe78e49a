"""The demo city's parameters (示范城市参数), read from ``parameters.yml`` in this folder.

Printed figures are those of 宁波市制造业高质量发展"十四五"规划. Marks in the YAML tell printed, derived and assumed
figures apart.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from pydantic import ValidationError, model_validator

from demo_city.world.honours import Honour
from demo_city.world.market import Market
from demo_city.world.places import Land, ManagingZone, Towns, Zones
from schemas.contract import SCHEMAS, ContractError, code_list
from schemas.definition import Definition, first_error, read_mapping

PARAMETERS = Path(__file__).with_name("parameters.yml")


class Total(Definition):
    """A total of the city in the base year; money in 亿元."""

    key: str
    zh: str
    unit: str
    value: float


class BelowScale(Definition):
    firms: int
    revenue: float
    tax: float
    staff: float
    landed_3mu: int
    landed_3mu_land: float
    landed_small: int
    landed_small_land: float
    surveyed_tenant_share: float
    land_size_correlation: float


class Churn(Definition):
    upgraded: int
    above_out_share: float
    above_new_share: float
    below_out_share: float
    below_in_share: float
    young_years: int
    young_out_times: float
    size_out_exponent: float
    above_mean_age: float
    rising_from: float
    rising_factor: tuple[float, float]
    falling_from: float
    new_size: float
    new_size_sd: float


class Moves(Definition):
    share: float
    other_district_share: float


class Paths(Definition):
    """Spread of the yearly growth of revenue (logarithms), and what holds it together."""

    ordinary_sd: float
    wide_sd: float
    wide_share: float
    leap_share: float
    reversion: float
    giant_damping: float
    division_sd: float
    #: Year, division group, percent of growth besides the city's.
    division_shocks: dict[int, dict[str, float]]
    district_sd: float


class State(Definition):
    """A yes or no of a firm: share of the firms with yes, and share of all firms that change in a year."""

    share: float
    changing: float


class District(Definition):
    code: str
    firms: int
    output: float
    value_added: float
    staff: float
    land: float
    tax: float
    leading: tuple[int, ...]

    @property
    def name(self) -> str:
        return code_list("district")[self.code]["zh"]

    @property
    def pinyin(self) -> str:
        return code_list("district")[self.code]["pinyin"]


class Division(Definition):
    """A division of GB/T 4754-2017, or a range of small divisions (``19-21``)."""

    group: str
    value_added: float
    firms: int
    va_rate: float
    va_per_tce: float
    power_share: float
    only: tuple[str, ...] = ()

    @property
    def codes(self) -> range:
        first, _, last = self.group.partition("-")
        return range(int(first), int(last or first) + 1)


class OutputPerPerson(Definition):
    """Limits of output per person above scale in the base year, 万元."""

    groups: tuple[str, ...]
    least: float
    most: float


class Landmark(Definition):
    district: str
    group: str
    class_code: str
    name: str
    output: float
    value_added: float
    #: Cost of work and wear in the base year, 万元 a person; the rest of the value added is tax and profit.
    pay: float
    export: float
    staff: float
    land: float
    energy: float
    in_zone: bool
    tax: dict[str, float]


class Firm(Definition):
    output_median: float
    output_sigma: float
    output_min: float
    output_max: float
    below_minimum_share: float
    tail_firms: int
    tail_exponent: float
    staff_median: float
    staff_sigma: float
    staff_output_correlation: float
    least_value_added_per_person: float
    land_median: float
    land_sigma: float
    land_staff_correlation: float
    va_rate_sd: float
    negative_value_added_share: float
    rd_median: float
    rd_sigma: float
    rd_max: float
    new_product_max: float
    export_max: float
    gain_median: float
    gain_sigma: float
    gain_size_exponent: float
    loss_mean: float
    emission_share: float
    tenant_share: float
    va_per_tce_sigma: float
    energy_exponent: float
    power: float
    below_revenue_median: float
    below_revenue_sigma: float
    below_staff_median: float
    below_staff_exponent: float
    below_staff_sigma: float
    below_power: dict[str, float]
    below_power_exponent: float
    below_power_sigma: float
    below_own_land_median: float
    below_own_land_sigma: float
    below_tenant_land_median: float
    below_tenant_land_sigma: float


class ChainGaps(Definition):
    """Codes of the nodes with a planted gap: no firm, few small firms, or one dominant firm."""

    missing: tuple[str, ...]
    weak: tuple[str, ...]
    single_point: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.missing, *self.weak, *self.single_point)


class Marks(Definition):
    """Prefixes of the industry classes of each mark, and the value added of the firms with a mark."""

    totals: tuple[Total, ...]
    clusters: dict[str, tuple[str, ...]]
    strategic: tuple[str, ...]
    hightech: tuple[str, ...]
    reserve: tuple[str, ...]


class Parameters(Definition):
    base_year: int
    last_year: int
    totals: tuple[Total, ...]
    below_scale: BelowScale
    growth: dict[str, dict[int | str, float]]
    output_per_person: tuple[OutputPerPerson, ...]
    churn: Churn
    moves: Moves
    paths: Paths
    states: dict[str, State]
    districts: tuple[District, ...]
    divisions: tuple[Division, ...]
    landmarks: tuple[Landmark, ...]
    giants: tuple[tuple[str, str, float], ...]
    zones: Zones
    managing_zones: tuple[ManagingZone, ...]
    towns: Towns
    firm: Firm
    land: Land
    #: Higher levels of an honour stand before lower ones.
    honours: tuple[Honour, ...]
    penalties: dict[str, int]
    chain_gaps: ChainGaps
    market: Market
    marks: Marks
    #: Kind of credit listing: listings a year per thousand firms, mean years on the list.
    credit: dict[str, tuple[float, float]]

    def total(self, key: str) -> Total:
        return next(t for t in self.totals if t.key == key)

    def mark(self, key: str) -> Total:
        return next(t for t in self.marks.totals if t.key == key)

    def grown(self, indicator: str, year: int) -> float:
        """Level of a total in ``year``, relative to the base year."""
        rates, level = self.growth[indicator], 1.0
        for y in range(self.base_year + 1, year + 1):
            level *= 1 + rates.get(y, rates["later"]) / 100
        return level

    @model_validator(mode="after")
    def _sums(self) -> Parameters:
        firms = self.total("firms").value
        if sum(d.firms for d in self.districts) != firms or sum(d.firms for d in self.divisions) != firms:
            raise ValueError("districts and divisions must both add up to the total of firms")
        groups = {d.group for d in self.divisions}
        if sorted(g for room in self.land.room for g in room.groups) != sorted(groups):
            raise ValueError("land.room must name each division group exactly once")
        if sorted(g for limits in self.output_per_person for g in limits.groups) != sorted(groups):
            raise ValueError("output_per_person must name each division group exactly once")
        if not {group for _, group, _ in self.giants} <= set(self.land.giant_output_per_mu):
            raise ValueError("land.giant_output_per_mu must name the division group of each giant")
        if not {d.code for d in self.districts} <= set(code_list("district")):
            raise ValueError("districts must be listed in schemas/codes/district.csv")
        return self


@cache
def parameters() -> Parameters:
    """The parameters, validated.

    Raises:
        ContractError: parameters.yml is not well formed.
    """
    raw = read_mapping(PARAMETERS, ContractError)
    for landmark in raw["landmarks"]:
        landmark["class_code"] = landmark.pop("class")
    try:
        return Parameters.model_validate(raw)
    except ValidationError as error:
        raise ContractError(f"demo_city/world/parameters.yml: {first_error(error)}") from None


@cache
def classes_of(division: str) -> tuple[str, ...]:
    """Codes of the industry classes of a two-digit division."""
    with (SCHEMAS / "codes" / "industry_class.csv").open(encoding="utf-8", newline="") as file:
        return tuple(row["code"] for row in csv.DictReader(file) if row["division"] == division)
