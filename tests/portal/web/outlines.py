"""Made-up outlines of the ten districts: rectangles that lie to each other as the tiles do. They are no boundaries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portal.web.drawing import TILES


def rectangle(code: Any, column: float, row: float, name: str = "adcode") -> dict[str, Any]:
    west, north = 121 + column / 4, 30.5 - row / 5
    east, south = west + 0.25, north - 0.2
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {name: code, "name": "x"}, "geometry": geometry}


def rectangles() -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": [rectangle(int(code), column, row) for code, (column, row) in TILES.items()],
    }


def write(path: Path, content: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
