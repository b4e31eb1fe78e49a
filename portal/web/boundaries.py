"""区县边界 Official outlines of the districts, from the GeoJSON file that ``BRAIN_BOUNDARIES`` names.

The repository has no outlines: an office has those of its surveyors. The file is read once, when the server starts, and
served by the portal, reduced to the city's districts, so that a page asks no other machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.web.drawing import TILES
from schemas.coded import titled
from schemas.errors import RejectedError

#: Properties that may hold a district's code of GB/T 2260 (330203); the first one that a feature has is read.
PROPERTIES = ("adcode", "code", "district_code", "gb")
#: What some sources write before the code: China's number in ISO 3166.
COUNTRY = "156"
SHAPES = ("Polygon", "MultiPolygon")
#: Every reader's browser loads the file once; districts need some hundred kilobytes.
MOST_BYTES = 5_000_000
MEDIA_TYPE = "application/geo+json"
#: Where the portal serves the outlines.
PATH = "/boundaries.json"
_SETTING = "BRAIN_BOUNDARIES"


@dataclass(frozen=True)
class Boundaries:
    """Outlines of all districts; a feature's ``name`` is the district's code."""

    content: bytes

    @property
    def address(self) -> str:
        """It changes with the content, so that browsers may keep what they loaded."""
        return f"{PATH}?v={hashlib.sha256(self.content).hexdigest()[:12]}"


def read_boundaries(path: Path | None) -> Boundaries | None:
    """The outlines in a file; none without a file.

    Raises:
        RejectedError: the file is missing, too large or no GeoJSON, or lacks a district.
    """
    if path is None:
        return None
    found = [
        {"type": "Feature", "properties": {"name": code}, "geometry": one["geometry"]}
        for one in _features(path)
        if (code := _code(one)) in TILES
    ]
    if missing := sorted(set(TILES) - {one["properties"]["name"] for one in found}):
        districts = titled("district")
        names = ", ".join(f"{code} {districts[code].zh}" for code in missing)
        raise _refused(
            path,
            f"has no outline of {names}; each district needs a feature with its code as property "
            f"{', '.join(PROPERTIES[:-1])} or {PROPERTIES[-1]}",
        )
    for one in found:
        _check(path, one)
    made = {"type": "FeatureCollection", "features": found}
    return Boundaries(json.dumps(made, separators=(",", ":")).encode())


def _features(path: Path) -> list[Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _refused(
                path,
                f"has more than {MOST_BYTES // 1_000_000} MB; keep the districts alone, with fewer points",
            )
        features = json.loads(path.read_text(encoding="utf-8-sig"))["features"]
    except OSError as error:
        raise _refused(
            path, f"cannot be read ({error.strerror}); name a file, or unset {_SETTING} for tiles"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        features = None
    if not isinstance(features, list):
        raise _refused(path, "is no GeoJSON; export the districts as a FeatureCollection in UTF-8")
    return features


def _code(feature: Any) -> str:
    """The code of GB/T 2260 in a feature's properties; empty without one."""
    properties = feature.get("properties") if isinstance(feature, dict) else None
    values = [properties[name] for name in PROPERTIES if name in properties] if properties else []
    return str(values[0]).removeprefix(COUNTRY) if values else ""


def _check(path: Path, feature: dict[str, Any]) -> None:
    """Refuse a shape that a browser could not draw.

    Raises:
        RejectedError: it is no polygon, or its positions are not degrees.
    """
    code, geometry = feature["properties"]["name"], feature["geometry"]
    if not isinstance(geometry, dict) or geometry.get("type") not in SHAPES:
        raise _refused(path, f"has no Polygon or MultiPolygon for {code}; export the district as an area")
    try:
        rings = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        positions = list(_positions(rings))
    except (KeyError, TypeError, ValueError):
        positions = []
    if not positions or not all(abs(east) <= 180 and abs(north) <= 90 for east, north in positions):
        raise _refused(
            path,
            f"has no longitudes and latitudes for {code}; export it in degrees, such as EPSG:4490 or EPSG:4326",
        )


def _positions(polygons: list[Any]) -> Iterator[tuple[float, float]]:
    for polygon in polygons:
        for ring in polygon:
            for east, north, *_ in ring:
                yield float(east), float(north)


def _refused(path: Path, why: str) -> RejectedError:
    return RejectedError(f"{_SETTING}: {path} {why}")
