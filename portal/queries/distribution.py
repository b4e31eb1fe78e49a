"""The distribution of a list's totals 得分分布: a count of firms by band of points.

It counts all firms of a list, whatever the reader may see of each, and shows bands of at least three firms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portal.queries.ranking import GRADES, last_versions
from portal.queries.release import Query

#: Fewest firms of a band.
LEAST = 3
#: Width of a band in points, and where the bands end.
BAND, FIRST, LAST = 10, 0, 150


@dataclass(frozen=True)
class Band:
    """Firms whose total is at least ``least`` and below ``most`` (open if ``None``), by grade A to D."""

    least: int | None
    most: int | None
    counts: tuple[int, ...]

    @property
    def firms(self) -> int:
        return sum(self.counts)


def distribution(query: Query, year: str, district: str, list_code: str) -> list[Band]:
    """The totals of one list in bands of ten points; neighbouring bands are one where fewer than three firms stand.

    Only a reader who sees rows of the list sees its distribution.
    """
    [seen] = query(
        "SELECT count(*) AS n FROM per_mu.enterprise_grade WHERE year = ? AND district_code = ? AND list_code = ?",
        year, district, list_code,
    )  # fmt: skip
    if not seen["n"]:
        return []
    rows = query.whole(
        f"""SELECT greatest(least(floor(total_score / {BAND}) * {BAND}, {LAST}), {FIRST})::INTEGER AS least,
            final_grade, count(*) AS n
        FROM {last_versions(query.whole, year)}
        WHERE district_code = ? AND list_code = ? AND rank_in_list IS NOT NULL AND total_score IS NOT NULL
        GROUP BY ALL ORDER BY least""",
        district, list_code,
    )  # fmt: skip
    bands: dict[int, list[int]] = {}
    for row in rows:
        counts = bands.setdefault(row["least"], [0] * len(GRADES))
        if row["final_grade"] in GRADES:
            counts[GRADES.index(row["final_grade"])] += row["n"]
    return merged([Band(least, least + BAND, tuple(counts)) for least, counts in bands.items()])


def merged(bands: Sequence[Band]) -> list[Band]:
    """Bands of at least three firms: one with fewer joins the one before, the first ones join the one after.

    >>> [(b.least, b.most, b.firms) for b in merged([Band(0, 10, (1,)), Band(20, 30, (4,)), Band(30, 40, (2,))])]
    [(None, None, 7)]
    >>> [(b.least, b.most, b.firms) for b in merged([Band(0, 10, (3,)), Band(20, 30, (4,)), Band(40, 50, (1,))])]
    [(None, 10, 3), (20, None, 5)]
    """
    found: list[Band] = []
    for band in bands:
        if found and (found[-1].firms < LEAST or band.firms < LEAST):
            last = found.pop()
            counts = tuple(a + b for a, b in zip(last.counts, band.counts, strict=True))
            band = Band(last.least, band.most, counts)  # noqa: PLW2901
        found.append(band)
    if not found or found[0].firms < LEAST:
        return []
    first, last = found[0], found[-1]
    found[0] = Band(None, first.most, first.counts)
    found[-1] = Band(found[-1].least, None, last.counts)
    return found
