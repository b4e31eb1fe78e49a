"""Today's town (镇街) behind what senders write, and the reason where there is none.

Senders write a code or a name, today's or a former one. A town is accepted only in the row's district, which is
decided first: of two fields that contradict each other, the town is the one that a clerk can ask for. A former town
that was divided has no successor, because nobody can tell in which part a firm lies.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import literal_table, with_part
from schemas.contract import code_list

#: Digits of a town's code. The statistics bureau appends three for the village; no name has so many characters.
DIGITS = 9


def with_town(rows: DataFrame, *reported: str) -> DataFrame:
    """Rows with ``town_code`` and ``town_note_code``.

    Args:
        rows: have ``district_code``.
        reported: columns with the town as senders wrote it. The first one that names a town of the district counts;
            the note tells what is wrong with those before it, or why no town is known.
    """
    words = literal_table(rows.sparkSession, known_words(), "_word string, _town string, _place string")
    for number, column in enumerate(reported):
        found = words.withColumnsRenamed({"_town": f"_town_{number}", "_place": f"_place_{number}"})
        rows = rows.withColumn("_word", F.left(F.trim(column), F.lit(DIGITS))).transform(
            with_part, found, ["_word"]
        )
    town, note = F.lit(None).cast("string"), F.lit("not_reported")
    for number, column in reversed(list(enumerate(reported))):
        place = F.col(f"_place_{number}")
        fits = F.coalesce(place == F.col("district_code"), F.lit(False))
        town = F.when(fits, F.col(f"_town_{number}")).otherwise(town)
        note = F.when(~fits, F.coalesce(_fault(F.col(column), place), note))
    return rows.withColumns({"town_code": town, "town_note_code": note}).drop(
        "_word", *(f"_{kind}_{number}" for number in range(len(reported)) for kind in ("town", "place"))
    )


def _fault(reported: Column, place: Column) -> Column:
    """What is wrong with a reported town that is none of the row's district; missing if none was reported."""
    return (
        F.when(reported.isNull(), None)
        .when(place.isNull(), "unknown")
        .when(place == "", "divided")
        .otherwise("other_district")
    )


def known_words() -> list[tuple[str, str | None, str]]:
    """Each code and name that a sender may write, today's town, and its district.

    A former town without a successor has neither; its district is an empty text.
    """
    today = {code: code for code in code_list("town")}
    for code, row in code_list("town").items():
        today |= {row["zh"]: code} | ({row["former_zh"]: code} if row["former_zh"] else {})
    former: dict[str, str] = {}
    for code, row in code_list("former_town").items():
        former |= {code: row["successor"], row["zh"]: row["successor"]}
    # a name that is in use again means today's town
    return [
        (word, town or None, code_list("town")[town]["district"] if town else "")
        for word, town in {**former, **today}.items()
    ]
