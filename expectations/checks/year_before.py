"""Figures that parse and are not the firms' own (张冠李戴): what shows only beside the year before.

A file with a district's tax ten times too large, with each firm's figure one line too low, or with last year's
figures once more has the right headings, codes and units. It shows in sums, in figures that come again, and in firms
that no longer keep their order. A suite works these out once for each figure, year and group of firms that were there
in both years (``summary``); its checks read the few rows of that. Beyond a narrow bound they warn, beyond a wide one
they block. The bounds follow from how firms move, not from any one city's figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from expectations.gate.suite import Check, Level

#: Firms of a group below which nothing is said of its sum: a handful of firms may do anything together. For the narrow
#: bound they are counted as firms of equal size that are as steady as the group is: (sum)² / sum of squares of figures.
FEW = 30

#: A firm's tax or power moves by 0.7 (one standard deviation of logarithms) in a restless year, so thirty equal firms
#: move their sum by 0.13. Three times that is one and a half: crises and refunds seldom pass it, a file that counts
#: twice always does.
NARROW_TOTAL = 1.5

#: Holds for every group of thirty firms, its largest one left out: what a single firm does, like a refinery that pays
#: nothing in a bad year, is no fault of a file. A slip of one decimal place in a district's file moves all of them.
WIDE_TOTAL = 5

#: Firms that moved a hundredfold are left out of sums: a slip of unit is a firm's, and has checks of its own.
SLIP = 100

#: A figure comes again by chance in one firm of so many as it can differ by. Of firms with twenty persons or more that
#: is one in fifteen, for money and energy one in hundreds; small figures and zeros say nothing.
SIZEABLE = 20

#: Five firms may always tell the same again. A fifth of the firms is three times what chance does to numbers of
#: persons; where half do, a file was copied.
NARROW_SAME, WIDE_SAME = "5 + 0.2", "5 + 0.5"

#: Where figures spread by s among firms and move by c in a year (logarithms), a firm keeps its rank with a correlation
#: of about 1 / sqrt(1 + (c/s)²). Firms differ by 1.3 and more and move by 0.3 to 0.7: 0.88 to 0.97, as panels of
#: firms have it. Below 0.7 the year would have moved them by as much as they differ, below 0.45 by twice as much:
#: such figures are other firms'.
NARROW_RANK, WIDE_RANK = 0.7, 0.45

#: Firms of a group of which the order is judged: of a hundred, chance moves the correlation by some hundredths. Who
#: paid or used nothing in one of the years has no place in it.
RANKED = 100

#: Of a table with more rows, the order of one firm below scale in eight is judged, by the check character of its code:
#: to rank all takes three times as long and says the same.
LARGE, DRAWN = 100_000, "'0', '1', '2', '3'"


def compared(figures: Mapping[str, str], groups: Sequence[tuple[str, ...]], ranked_within: str = "") -> str:
    """SQL for the summary: one row per figure, year and group (``part``), and one more with the ranks' correlation.

    Args:
        figures: name → SQL of the figure of a firm and year; missing where it has none.
        groups: columns by which firms are grouped, of this year's row; each gives a set of rows.
        ranked_within: the column within which ranks are given, and correlated in the groups that have it.
    """
    columns = sorted({column for group in groups for column in group})
    keys = ", ".join(columns)
    told = ", ".join(f"CAST({sql} AS DOUBLE) AS {name}" for name, sql in figures.items())
    both = ", ".join(f"n.{name} AS {name}_now, b.{name} AS {name}_before" for name in figures)
    pairs = ", ".join(f"({name}_now, {name}_before) AS {name}" for name in figures)
    by = ", ".join(f"CASE WHEN GROUPING({c}) = 0 THEN '{c}' END" for c in columns)
    part = ", ".join(f"CASE WHEN GROUPING({c}) = 0 THEN '{c}=' || {c} END" for c in columns)
    group = f"""measure, CAST(year AS VARCHAR) AS year, concat_ws(' ', {by}) AS grouped_by,
            concat_ws('|', {part}) AS part"""
    summary = f"""WITH figures AS (SELECT uscc, CAST(year AS INTEGER) AS year, {keys}, {told} FROM {{table}}),
        beside AS (SELECT n.uscc, n.year, {", ".join(f"n.{c}" for c in columns)}, {both}
            FROM figures n JOIN figures b ON b.uscc = n.uscc AND b.year + 1 = n.year),
        moved AS MATERIALIZED (SELECT *, greatest(abs(now), abs(before)) AS larger, now > 0 AND before > 0
                AND (now >= {SLIP} * before OR before >= {SLIP} * now) AS has_slipped
            FROM beside UNPIVOT ((now, before) FOR measure IN ({pairs})) WHERE now <> 0 OR before <> 0)
        SELECT {group}, count(*) AS firms,
            sum(before) FILTER (NOT has_slipped) AS total_before, sum(now) FILTER (NOT has_slipped) AS total_now,
            sum(larger) FILTER (NOT has_slipped) ** 2 / nullif(sum(larger ** 2) FILTER (NOT has_slipped), 0)
                AS equal_firms,
            total_before - arg_max(before, larger) FILTER (NOT has_slipped) AS rest_before,
            total_now - arg_max(now, larger) FILTER (NOT has_slipped) AS rest_now,
            count(*) FILTER (abs(before) >= {SIZEABLE}) AS sizeable,
            count(*) FILTER (abs(before) >= {SIZEABLE} AND now = before) AS same
        FROM moved GROUP BY GROUPING SETS ({_sets(groups)})"""
    if not ranked_within:
        return summary
    return f"""{summary}
        UNION ALL BY NAME
        SELECT {group}, count(*) AS firms, corr(rank_now, rank_before) AS rank_correlation
        FROM (SELECT measure, year, {keys}, {_rank("now", ranked_within)}, {_rank("before", ranked_within)}
            FROM moved
            WHERE now <> 0 AND before <> 0
                AND (is_above_scale OR right(uscc, 1) IN ({DRAWN}) OR (SELECT count(*) FROM figures) <= {LARGE}))
        GROUP BY GROUPING SETS ({_sets(group for group in groups if ranked_within in group)})"""


def _sets(groups: Iterable[tuple[str, ...]]) -> str:
    return ", ".join(f"(measure, year, {', '.join(group)})" for group in groups)


def _rank(figure: str, within: str) -> str:
    return f"rank() OVER (PARTITION BY measure, year, {within} ORDER BY {figure}) AS rank_{figure}"


def totals_steady(id_: str, grouped_by: str, zh: str, en: str) -> Iterator[Check]:
    """Sums of a group's firms stay near those of the same firms in the year before."""
    for suffix, level, factor, told, firms, left_out in (
        ("", "warn", NARROW_TOTAL, "total", "equal_firms", ("", "")),
        ("_wide", "fail", WIDE_TOTAL, "rest", "firms", ("（不含最大企业）", " without the largest firm")),
    ):
        yield _check(
            f"{id_}{suffix}",
            f"{zh}合计{left_out[0]}与上年相比在{factor}倍以内",
            f"Sums of {en}{left_out[1]} stay within {factor} times the same firms' of the year before, either way",
            f"""SELECT measure, year, part, firms, round({told}_before, 2) AS before, round({told}_now, 2) AS now
            FROM {{summary}} WHERE grouped_by = '{grouped_by}' AND {firms} >= {FEW} AND {told}_before > 0
                AND ({told}_now > {factor} * {told}_before OR {factor} * {told}_now < {told}_before)""",
            level,  # type: ignore[arg-type]
        )


def city_total(period: str, figure: str) -> str:
    """SQL for the periods in which the whole city's sum of a figure leaves a third to three times the one before.

    All firms count, those that came or went too. The one that moved most is left out: a firm's slip of unit may be
    larger than a small city, and has checks of its own (``unit_slips``).
    """
    return f"""WITH figures AS (
            SELECT uscc, {period}, dense_rank() OVER (ORDER BY {period}) AS step, coalesce({figure}, 0) AS figure
            FROM {{table}}),
        beside AS (
            SELECT coalesce(n.step, b.step + 1) AS step, coalesce(n.figure, 0) AS now, coalesce(b.figure, 0) AS before
            FROM figures n FULL JOIN figures b ON b.uscc = n.uscc AND b.step + 1 = n.step),
        totals AS (
            SELECT step, sum(before) - arg_max(before, abs(now - before)) AS before,
                sum(now) - arg_max(now, abs(now - before)) AS now
            FROM beside GROUP BY step)
        SELECT {period}, before, now FROM totals JOIN (SELECT DISTINCT step, {period} FROM figures) USING (step)
        WHERE before > 0 AND (now < before / 3 OR now > before * 3)"""


def figures_new() -> Iterator[Check]:
    """Few firms tell the year before's figure again."""
    for suffix, level, share, percent in (
        ("", "warn", NARROW_SAME, 20),
        ("_wide", "fail", WIDE_SAME, 50),
    ):
        yield _check(
            f"figures_new{suffix}",
            f"与上年完全相同的数据不超过{percent}%",
            f"At most five firms and {percent} % of a figure are exactly those of the year before",
            f"""SELECT measure, year, part, sizeable AS firms, same FROM {{summary}}
            WHERE same > {share} * sizeable AND sizeable >= {FEW}""",
            level,  # type: ignore[arg-type]
        )


def order_kept() -> Iterator[Check]:
    """Firms keep their order by a figure from year to year, more or less."""
    for suffix, level, least in (("", "warn", NARROW_RANK), ("_wide", "fail", WIDE_RANK)):
        yield _check(
            f"order_kept{suffix}",
            f"企业排序与上年的相关系数不低于{least}",
            f"Firms' ranks by a figure correlate with those of the year before, {least} at least",
            f"""SELECT measure, year, part, firms, round(rank_correlation, 3) AS rank_correlation FROM {{summary}}
            WHERE rank_correlation < {least} AND firms >= {RANKED}""",
            level,  # type: ignore[arg-type]
        )


def _check(id_: str, zh: str, en: str, sql: str, level: Level) -> Check:
    return Check(id_, zh, en, sql, level=level)
