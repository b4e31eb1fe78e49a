"""The districts coloured by a figure: tiles, or the official outlines if the house has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal.queries.overview import District
from portal.web import drawing, numbers
from portal.web.boundaries import Boundaries
from portal.web.frame import Frame

#: Width of a degree of longitude beside one of latitude, at Ningbo's 29.8° north.
ASPECT = 0.868


@dataclass(frozen=True)
class Tile:
    """A district on the map of tiles."""

    name: str
    column: int
    row: int
    step: int | None
    text: str
    href: str
    is_chosen: bool


@dataclass(frozen=True)
class DistrictMap:
    """A map, with the table behind it."""

    title: str
    unit: str
    tiles: Sequence[Tile]
    #: Name and address of the outlines, and the chart; ``None`` draws the tiles.
    outlines: tuple[str, str] | None
    option: dict[str, Any] | None
    rows: Sequence[dict[str, Any]]


def district_map(
    frame: Frame, districts: Sequence[District], figure: str, words: tuple[str, str, str], chosen: str = ""
) -> DistrictMap:
    """The districts' map.

    Args:
        figure: attribute of the totals that colours it.
        words: the figure's title in Chinese and English, and its unit.
        chosen: code of the district that the page shows.
    """
    zh, en, unit = words
    districts = [one for one in districts if one.district.code in drawing.TILES]
    values: list[Decimal | None] = [getattr(one.totals, figure) for one in districts]
    tiles = [
        Tile(
            frame.name(one.district),
            *drawing.TILES[one.district.code],
            step,
            "—" if value is None else numbers.number(value),
            frame.url("/per-mu", year=one.totals.year, district=one.district.code),
            one.district.code == chosen,
        )
        for one, value, step in zip(districts, values, drawing.steps(values), strict=True)
    ]
    outlines: Boundaries | None = frame.request.app.state.boundaries
    names = {one.district.code: frame.name(one.district) for one in districts}
    return DistrictMap(
        frame.t(zh, en),
        unit,
        tiles,
        ("districts", outlines.address) if outlines else None,
        _option(tiles, values, names) if outlines else None,
        [
            {"name": names[one.district.code], "value": value}
            for one, value in zip(districts, values, strict=True)
        ],
    )


def _option(tiles: Sequence[Tile], values: Sequence[Decimal | None], names: dict[str, str]) -> dict[str, Any]:
    """The chart of the outlines; districts that the viewer has no figures of are drawn without one."""
    series = {
        "type": "map", "map": "districts", "nameMap": names, "aspectScale": ASPECT, "roam": False,
        "top": 8, "bottom": 8, "selectedMode": False, "emphasis": {"disabled": True},
        "labelLayout": {"hideOverlap": True}, "label": {"show": False},
        "itemStyle": {"areaColor": "var(--surface)", "borderColor": "var(--edge)"},
        "data": [_region(tile, value) for tile, value in zip(tiles, values, strict=True)],
    }  # fmt: skip
    return {"tooltip": {"trigger": "item"}, "series": [series]}


def _region(tile: Tile, value: Decimal | None) -> dict[str, Any]:
    step = "none" if tile.step is None else str(tile.step)
    known = tile.step is not None
    return {
        "name": tile.name, "value": value, "href": tile.href,
        "itemStyle": {
            "areaColor": f"var(--step-{step})" if known else "var(--surface)",
            "borderColor": "var(--ink)" if tile.is_chosen else "var(--ground)",
            "borderWidth": 3 if tile.is_chosen else 1,
        },
        "label": {
            "show": True, "formatter": f"{tile.name}\n{tile.text}",
            "color": f"var(--on-step-{step})" if known else "var(--dim)",
        },
    }  # fmt: skip
