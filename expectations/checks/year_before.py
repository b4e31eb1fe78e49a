"""Plausible figures that are not the firms' own (张冠李戴): errors that only the year before reveals.

A file with a district's tax ten times too large, with each firm's figure one line too low, or with last year's
figures again has the right headings, codes and units. The error shows in sums, in repeated figures, and in firms that
no longer keep their order. A suite computes these once per figure, year and group of firms that exist in both years
(``summary``); its checks read those few rows. Beyond a narrow bound they warn, beyond a wide one they block. The
bounds follow from how firms' figures move, not from any one city's figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from expectations.gate.suite import Check, Level

#: Smallest group whose sum is judged: the sum of a handful of firms may move by any amount. The narrow bound counts
#: firms as the number of equal firms whose sum is as steady as the group's: (sum)² / sum of squares of figures.
FEW = 30

#: A firm's tax or power moves by 0.7 (one standard deviation of logarithms) in a volatile year, so the sum of thirty
#: equal firms moves by 0.13. Three times that is a factor of 1.5: crises and refunds seldom exceed it, a file that
#: counts twice always does.
NARROW_TOTAL = 1.5

#: Applies to every group of thirty firms, without its largest firm: a single firm's move, like a refinery that pays
#: nothing in a bad year, is not a fault of the file. A slip of one decimal place in a district's file moves all firms.
WIDE_TOTAL = 5

#: Firms that moved a hundredfold are left out of sums: a firm's unit slip has checks of its own (``unit_slips``).
SLIP = 100

#: Smallest figure that is compared for repetition. By chance one firm in fifteen with twenty persons or more repeats
#: its number of persons, and one in hundreds its money or energy. Small figures and zeros repeat anyway.
SIZEABLE = 20

#: Five firms may always repeat a figure. A fifth of the firms is three times what chance gives for numbers of persons;
#: if half do, a file was copied.
NARROW_SAME, WIDE_SAME = "5 + 0.2", "5 + 0.5"

#: If figures spread by s among firms and move by c in a year (standard deviations of logarithms), ranks correlate by
#: about 1 / sqrt(1 + (c/s)²). Firms differ by 1.3 or more and move by 0.3 to 0.7: 0.88 to 0.97, as in panels of firms.
#: Below 0.7 the year would have moved firms as much as they differ, below 0.45 twice as much: such figures belong to
#: other firms.
NARROW_RANK, WIDE_RANK = 0.7, 0.45

#: Smallest group whose order is judged: among a hundred firms, chance moves the correlation by a few hundredths. Firms
#: with a figure of zero in either year have no rank.
RANKED = 100

#: In a table with more rows, the order of one firm below scale in eight is judged, drawn by the check character of its
#: code: ranking all takes three times as long and gives the same result.
LARGE, DRAWN = 100_000, "'0', '1', '2', '3'"


def compared(figures: Mapping[str, str], groups: Sequence[tuple[str, ...]], ranked_within: str = "") -> str:
    """SQL for the summary: one row per figure, year and group (``part``), and a second one with the rank correlation.

    Args:
        figures: name → SQL of the figure of a firm and year; NULL if it has none.
        groups: columns of this year's row by which firms are grouped; each tuple gives one set of rows.
        ranked_within: the column within which firms are ranked; groups that have it get a correlation.
    """
    columns = sorted({column for group in groups for column in group})
    keys = ", ".join(columns)
    selected = ", ".join(f"CAST({sql} AS DOUBLE) AS {name}" for name, sql in figures.items())
    both = ", ".join(f"n.{name} AS {name}_now, b.{name} AS {name}_before" for name in figures)
    pairs = ", ".join(f"({name}_now, {name}_before) AS {name}" for name in figures)
    by = ", ".join(f"CASE WHEN GROUPING({c}) = 0 THEN '{c}' END" for c in columns)
    part = ", ".join(f"CASE WHEN GROUPING({c}) = 0 THEN '{c}=' || {c} END" for c in columns)
    group = f"""measure, CAST(year AS VARCHAR) AS year, concat_ws(' ', {by}) AS grouped_by,
            concat_ws('|', {part}) AS part"""
    summary = f"""WITH figures AS (SELECT uscc, CAST(year AS INTEGER) AS year, {keys}, {selected} FROM {{table}}),
        matched AS (SELECT n.uscc, n.year, {", ".join(f"n.{c}" for c in columns)}, {both}
            FROM figures n JOIN figures b ON b.uscc = n.uscc AND b.year + 1 = n.year),
        moved AS MATERIALIZED (SELECT *, greatest(abs(now), abs(before)) AS larger, now > 0 AND before > 0
                AND (now >= {SLIP} * before OR before >= {SLIP} * now) AS has_slipped
            FROM matched UNPIVOT ((now, before) FOR measure IN ({pairs})) WHERE now <> 0 OR before <> 0)
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
    """Sums of a group stay near those of the same firms in the year before."""
    for suffix, level, factor, total, firms, left_out in (
        ("", "warn", NARROW_TOTAL, "total", "equal_firms", ("", "")),
        ("_wide", "fail", WIDE_TOTAL, "rest", "firms", ("（不含最大企业）", " without the largest firm")),
    ):
        yield _check(
            f"{id_}{suffix}",
            f"{zh}合计{left_out[0]}与上年相比在{factor}倍以内",
            f"Sums of {en}{left_out[1]} stay within a factor of {factor} of the same firms' in the year before",
            f"""SELECT measure, year, part, firms, round({total}_before, 2) AS before, round({total}_now, 2) AS now
            FROM {{summary}} WHERE grouped_by = '{grouped_by}' AND {firms} >= {FEW} AND {total}_before > 0
                AND ({total}_now > {factor} * {total}_before OR {factor} * {total}_now < {total}_before)""",
            level,  # type: ignore[arg-type]
        )


def city_total(period: str, figure: str) -> str:
    """SQL for periods in which the city's sum of a figure is not between a third and three times the period before.

    All firms count, including those that came or went. The firm that changed most is left out: its unit slip may exceed
    a small city's sum, and has checks of its own (``unit_slips``). A period in which no firm has the figure is not
    judged: its feed has not come yet.
    """
    return f"""WITH figures AS (
            SELECT uscc, {period}, dense_rank() OVER (ORDER BY {period}) AS step, coalesce({figure}, 0) AS figure,
                count({figure}) OVER (PARTITION BY {period}) AS reported
            FROM {{table}}),
        matched AS (
            SELECT coalesce(n.step, b.step + 1) AS step, coalesce(n.figure, 0) AS now, coalesce(b.figure, 0) AS before
            FROM figures n FULL JOIN figures b ON b.uscc = n.uscc AND b.step + 1 = n.step),
        totals AS (
            SELECT step, sum(before) - arg_max(before, abs(now - before)) AS before,
                sum(now) - arg_max(now, abs(now - before)) AS now
            FROM matched GROUP BY step)
        SELECT {period}, before, now FROM totals JOIN (SELECT DISTINCT step, {period} FROM figures WHERE reported > 0)
            USING (step)
        WHERE before > 0 AND (now < before / 3 OR now > before * 3)"""


def figures_new() -> Iterator[Check]:
    """Few firms report the figure of the year before again."""
    for suffix, level, share, percent in (
        ("", "warn", NARROW_SAME, 20),
        ("_wide", "fail", WIDE_SAME, 50),
    ):
        yield _check(
            f"figures_new{suffix}",
            f"与上年完全相同的数据不超过{percent}%",
            f"At most five firms plus {percent} % report exactly the figure of the year before",
            f"""SELECT measure, year, part, sizeable AS firms, same FROM {{summary}}
            WHERE same > {share} * sizeable AND sizeable >= {FEW}""",
            level,  # type: ignore[arg-type]
        )


def order_kept() -> Iterator[Check]:
    """Firms largely keep their order by a figure from year to year."""
    for suffix, level, least in (("", "warn", NARROW_RANK), ("_wide", "fail", WIDE_RANK)):
        yield _check(
            f"order_kept{suffix}",
            f"企业排序与上年的相关系数不低于{least}",
            f"Firms' ranks by a figure correlate by at least {least} with those of the year before",
            f"""SELECT measure, year, part, firms, round(rank_correlation, 3) AS rank_correlation FROM {{summary}}
            WHERE rank_correlation < {least} AND firms >= {RANKED}""",
            level,  # type: ignore[arg-type]
        )


def _check(id_: str, zh: str, en: str, sql: str, level: Level) -> Check:
    return Check(id_, zh, en, sql, level=level)
