"""The file of the districts' outlines: what is refused in one sentence, and how the portal serves it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from portal.access.viewer import VISITOR
from portal.services.web import start_web
from portal.web import boundaries
from portal.web.app import create_app
from portal.web.boundaries import PROPERTIES, read_boundaries
from portal.web.drawing import TILES
from schemas.coded import titled
from schemas.errors import RejectedError
from tests.built_city import one_line
from tests.portal.web.outlines import rectangle, rectangles, write
from warehouse.settings import settings

Content = dict[str, Any]


def without_a_district(content: Content) -> None:
    content["features"].pop()


def without_codes(content: Content) -> None:
    content["features"] = [{**one, "properties": {"name": "海曙区"}} for one in content["features"]]


def in_metres(content: Content) -> None:
    content["features"][0]["geometry"]["coordinates"] = [[[40553210.5, 3301234.0]] * 4]


def as_a_point(content: Content) -> None:
    content["features"][0]["geometry"] = {"type": "Point", "coordinates": [121.5, 29.9]}


def test_the_map_has_every_district() -> None:
    assert set(TILES) == set(titled("district")) - {"330200"}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_a_district, "has no outline of 330225 象山县; each district needs a feature with its code"),
        (without_codes, "adcode, code, district_code or gb"),
        (in_metres, "export it in degrees"),
        (as_a_point, "export the district as an area"),
        (dict.clear, "is no GeoJSON; export the districts as a FeatureCollection"),
    ],
)
def test_a_file_that_cannot_be_drawn_is_refused(
    tmp_path: Path, spoil: Callable[[Content], None], words: str
) -> None:
    content = rectangles()
    spoil(content)
    path = write(tmp_path / "districts.geojson", content)
    with pytest.raises(RejectedError) as refused:
        read_boundaries(path)
    assert one_line(refused.value).startswith(f"BRAIN_BOUNDARIES: {path} ") and words in str(refused.value)


def test_other_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "districts.png"
    picture.write_bytes(b"\x89PNG\xff")
    for path, words in (
        (picture, "is no GeoJSON"),
        (tmp_path / "lost.json", "cannot be read (No such file or directory); name a file, or unset"),
        (tmp_path, "cannot be read (Is a directory)"),
    ):
        with pytest.raises(RejectedError) as refused:
            read_boundaries(path)
        assert words in one_line(refused.value)
    monkeypatch.setattr(boundaries, "MOST_BYTES", 1000)
    with pytest.raises(RejectedError, match="keep the districts alone, with fewer points"):
        read_boundaries(write(tmp_path / "large.json", rectangles()))


@pytest.mark.parametrize("name", PROPERTIES)
def test_codes_are_found_and_what_is_not_of_the_city_is_left_out(tmp_path: Path, name: str) -> None:
    content = rectangles()
    content["features"] = [
        rectangle(f"156{code}" if name == "gb" else code, column, row, name)
        for code, (column, row) in (*TILES.items(), ("330482", (9, 9)))
    ]
    found = read_boundaries(write(tmp_path / "districts.json", content))
    assert found is not None
    features = json.loads(found.content)["features"]
    assert [one["properties"] for one in features] == [{"name": code} for code in TILES]


@pytest.fixture
def home_with_outlines(cold_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose settings name a file, which is written by the test."""
    monkeypatch.setenv("BRAIN_BOUNDARIES", str(tmp_path / "districts.json"))
    settings.cache_clear()
    return tmp_path / "districts.json"


def test_the_portal_serves_the_outlines_and_browsers_keep_them(home_with_outlines: Path) -> None:
    write(home_with_outlines, rectangles())
    app = create_app(lambda _: VISITOR, "secret")
    with TestClient(app) as client:
        answer = client.get(app.state.boundaries.address)
    assert answer.headers["content-type"] == "application/geo+json"
    assert "immutable" in answer.headers["cache-control"]
    assert len(answer.json()["features"]) == len(TILES)


def test_the_server_does_not_start_with_a_bad_file(home_with_outlines: Path) -> None:
    for start in (lambda: create_app(lambda _: VISITOR, "secret"), lambda: start_web(settings())):
        with pytest.raises(RejectedError, match=r"BRAIN_BOUNDARIES: .*cannot be read"):
            start()


@pytest.mark.parametrize(("given", "meant"), [("", None), ("districts.json", Path.cwd() / "districts.json")])
def test_the_setting_is_empty_or_a_file_wherever_the_server_runs(
    cold_home: Path, monkeypatch: pytest.MonkeyPatch, given: str, meant: Path | None
) -> None:
    monkeypatch.setenv("BRAIN_BOUNDARIES", given)
    settings.cache_clear()
    assert settings().boundaries == meant


def test_without_outlines_there_is_no_such_address(cold_home: Path) -> None:
    with TestClient(create_app(lambda _: VISITOR, "secret")) as client:
        assert client.get(boundaries.PATH).status_code == 404
