"""Parameters of land, zones and towns (用地、园区、镇街)."""

from __future__ import annotations

from demo_city.world.by_scale import ByScale
from schemas.definition import Definition


class Room(Definition):
    """Least floor for a person at work in some division groups, m², and whether their works can have many storeys."""

    groups: tuple[str, ...]
    floor: float
    is_stackable: bool


class Land(Definition):
    room: tuple[Room, ...]
    most_value_added_per_mu: float
    most: ByScale
    most_per_person: ByScale
    least_own_lot: float
    giant_output_per_mu: dict[str, float]
    extra_parcels: tuple[float, ...]
    let_wholly_of_extra: float
    village_share: float
    let_in_part: float
    disputed_share: float
    sublet_share: float
    floor_share_only: float
    granted_share: float
    grant_mean: float
    sold_share: float
    moving_share: float
    newly_let_share: float
    rebuilt_share: float
    rebuilt_plot_ratio: tuple[float, float]
    rebuilt_before: int


class Zones(Definition):
    firm_share: float
    value_added_share: float
    tax_share: float
    land: float
    per_district: int


class ManagingZone(Definition):
    code: str
    district: str
    share: float
    towns: tuple[str, ...]


class Towns(Definition):
    """Codes of towns: of each district's zones, in order, and of those with few works; weights of both."""

    zones: dict[str, tuple[str, ...]]
    few_works: tuple[str, ...]
    zone_weight: float
    few_weight: float

    def weight(self, town: str, district: str) -> float:
        """Weight of a town in the draw of its district's firms outside zones."""
        if town in self.few_works:
            return self.few_weight
        return self.zone_weight if town in self.zones[district] else 1.0
