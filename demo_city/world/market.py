"""Parameters of the firms' products, sales and purchases (企业产品与购销)."""

from __future__ import annotations

from demo_city.world.by_scale import ByScale
from schemas.definition import Definition


class Noise(Definition):
    code: str
    zh: str


class LocalShare(Definition):
    """A band of the shares of products that local buyers buy in the city, and the nodes that are in it."""

    range: tuple[float, float]
    classes: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


class Market(Definition):
    wrong_class_share: float
    second_role_share: ByScale
    third_role_share: ByScale
    outside_share: float
    declaring_share: ByScale
    neighbour_code_share: float
    trades: int
    trading_share: ByScale
    coverage: tuple[float, float]
    material_share: float
    purchase_coverage: float
    local_share: tuple[LocalShare, ...]
    weak_local_share: float
    noise_share: float
    organisation_code_share: float
    noise: tuple[Noise, ...]
