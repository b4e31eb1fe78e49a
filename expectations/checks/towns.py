"""Checks of towns (镇街), the same for firms and parcels.

Missing towns are counted by district, because senders of one district err together: its rows vanish from the clerks'
work lists while those of the city look complete.
"""

from __future__ import annotations

from collections.abc import Iterator

from expectations.gate.suite import Check

#: Five rows, and one in twenty, of a district may lack a town or have senders that contradict each other.
_FEW = "5 + 0.05 * count(*)"


def town_checks(key: str, zh: str, en: str) -> Iterator[Check]:
    """
    Args:
        key: the table's key without the year.
        zh: the rows' name, such as 企业.
        en: the same, such as "firms".
    """
    yield Check(
        "town_in_district",
        "镇街属所在区县",
        "The town is one of the row's district",
        f"SELECT {key}, year, town_code FROM {{table}} WHERE left(town_code, 6) <> district_code",
    )
    yield Check(
        "town_missing_named",
        "镇街缺失均有说明",
        "A missing town has its reason",
        f"SELECT {key}, year FROM {{table}} WHERE town_code IS NULL AND town_note_code IS NULL",
    )
    yield Check(
        "town_missing_share",
        f"各区县无镇街的{zh}不超过5%",
        f"At most five {en} plus 5 % of a district have no town",
        f"""SELECT year, district_code, count(*) FILTER (town_code IS NULL) AS missing, count(*) AS {en}
        FROM {{table}} GROUP BY year, district_code HAVING missing > {_FEW}""",
        level="warn",
    )
    yield Check(
        "town_doubtful_share",
        f"各区县镇街有疑的{zh}不超过5%",
        f"For at most five {en} plus 5 % of a district, a sender names a town that cannot be right",
        f"""SELECT year, district_code, count(*) FILTER (town_note_code <> 'not_reported') AS doubtful,
            count(*) AS {en}
        FROM {{table}} GROUP BY year, district_code HAVING doubtful > {_FEW}""",
        level="warn",
    )
