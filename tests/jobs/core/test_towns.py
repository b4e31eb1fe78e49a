"""Towns (镇街): today's town behind what senders write, and the reason where a row has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.core.enterprise import enterprise
from jobs.core.parcel import parcel
from jobs.core.parcel_use import parcel_use
from jobs.core.steps.towns import DIGITS, known_words
from schemas.contract import code_list
from tests.frames import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HAISHU, BEILUN, YINZHOU = "330203", "330206", "330212"
JISHIGANG, GAOQIAO = "330203102", "330203100"
PARCEL = "330203001GB000001"

#: District, town of the directory, town of the registry, then today's town and the note.
FIRMS = [
    (HAISHU, JISHIGANG, None, JISHIGANG, None),
    (HAISHU, "集士港镇", None, JISHIGANG, None),
    (HAISHU, " 330203102209 ", None, JISHIGANG, None),  # with the village
    (HAISHU, "330212115", None, JISHIGANG, None),  # before it moved from Yinzhou
    ("330205", "中马街道", None, "330205001", None),  # the code has another name today
    ("330205", "330205002", None, "330205001", None),  # merged
    ("330213", "330283104", None, "330213008", None),  # in the former city, and a town then
    (HAISHU, GAOQIAO, JISHIGANG, GAOQIAO, None),  # the directory comes first
    (HAISHU, None, JISHIGANG, JISHIGANG, None),
    (HAISHU, None, None, None, "not_reported"),
    (HAISHU, "330206105", JISHIGANG, JISHIGANG, "divided"),
    (BEILUN, "白峰镇", None, None, "divided"),
    (HAISHU, "示范镇", JISHIGANG, JISHIGANG, "unknown"),
    (HAISHU, "示范镇", None, None, "unknown"),
    (YINZHOU, "330212115", None, None, "other_district"),  # Jishigang is no part of Yinzhou any more
    (BEILUN, JISHIGANG, "大碶街道", "330206004", "other_district"),
    (BEILUN, JISHIGANG, "示范镇", None, "other_district"),  # the first fault is named
    (BEILUN, "大碶街道", JISHIGANG, "330206004", None),
]


def test_towns_of_firms(spark: SparkSession) -> None:
    firms, registered = [], []
    for number, (district, sent, in_registry, *_) in enumerate(FIRMS):
        place = {"uscc": f"{number}", "period": "2023", "reported_district_code": district}
        firms.append({**place, "reported_town": sent})
        registered.append({**place, "reported_town": in_registry})
    rows = enterprise(
        frame(spark, "raw.gov_statistics_directory", firms),
        frame(spark, "raw.gov_business_registry", registered),
        frame(spark, "quarantine.record", []),
    ).collect()
    assert {int(r["uscc"]): (r["town_code"], r["town_note_code"]) for r in rows} == {
        number: (town, note) for number, (*_, town, note) in enumerate(FIRMS)
    }


@pytest.mark.parametrize(
    ("registered", "surveyed", "expected"),
    [
        ("集士港镇", ["集士港镇"], (JISHIGANG, None)),
        (None, ["集士港镇", JISHIGANG, None], (JISHIGANG, None)),
        ("集士港镇", ["高桥镇"], (JISHIGANG, "contradictory")),
        (None, ["集士港镇", "高桥镇"], (None, "contradictory")),
        ("大碶街道", ["集士港镇"], (JISHIGANG, "other_district")),
        (None, ["大碶街道"], (None, "not_reported")),
        (None, [], (None, "not_reported")),
    ],
)
def test_the_town_of_a_parcel(
    spark: SparkSession, registered: str | None, surveyed: list[str | None], expected: tuple[str, str]
) -> None:
    land = {"parcel_id": PARCEL, "period": "2023", "reported_district_code": HAISHU, "parcel_area_mu": "10"}
    uses = [
        {"parcel_id": PARCEL, "period": "2023", "uscc": f"{number}", "use_type_code": "lease", "reported_town": town}
        for number, town in enumerate(surveyed)
    ]  # fmt: skip
    survey = frame(spark, "raw.gov_land_survey", uses)
    succession = frame(spark, "core.succession", [])
    parcels = parcel(
        frame(spark, "raw.gov_land_parcel", [{**land, "reported_town": registered}]), survey, succession
    )
    [row] = parcels.collect()
    assert (row["town_code"], row["town_note_code"]) == expected
    assert {r["town_code"] for r in parcel_use(parcels, survey, succession).collect()} <= {row["town_code"]}


def test_a_parcel_that_the_register_lacks_has_the_town_of_the_survey(spark: SparkSession) -> None:
    towns = {"a": "集士港镇", "b": "大碶街道"}
    use = {"parcel_id": PARCEL, "period": "2023", "use_type_code": "lease", "surveyed_area_mu": "2"}
    uses = [{**use, "uscc": uscc, "reported_town": town} for uscc, town in towns.items()]
    rows = parcel_use(
        frame(spark, "core.parcel", []),
        frame(spark, "raw.gov_land_survey", uses),
        frame(spark, "core.succession", []),
    ).collect()
    assert {r["uscc"]: r["town_code"] for r in rows} == {"a": JISHIGANG, "b": None}


def test_every_word_means_one_town_of_its_district() -> None:
    words = known_words()
    assert len({word for word, _, _ in words}) == len(words)
    assert all(len(word) <= DIGITS for word, _, _ in words)
    for word, town, district in words:
        assert (town or "")[:6] == district, word
        if word in code_list("town"):
            assert town == word


def test_names_are_those_of_one_town() -> None:
    """Otherwise a name would not say which town is meant."""
    names = [row["zh"] for row in code_list("town").values()]
    names += [row["former_zh"] for row in code_list("town").values() if row["former_zh"]]
    assert len(names) == len(set(names))
    today = {row["zh"]: code for code, row in code_list("town").items()}
    for code, row in code_list("former_town").items():
        assert today.get(row["zh"], row["successor"]) == row["successor"], code
