"""The answer of a what-if 测算: flows between grades, totals before and after, who moves and why.

Reads ``movement.parquet`` of an answer (``portal/what_if``); its rows are firms whose grade or status is in the release
or in the trial. Amounts are of the firms' own records and the same before and after.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from portal.queries.whatif_rows import EVERYBODY, GRADES, Chosen, Flow, Group, Mover, Side, Sum
from portal.what_if import kept, trial
from schemas.duckdb_types import with_years_as_text
from warehouse import duck
from warehouse.duck import literal

#: Movers of a page.
PAGE = 50
#: Sums of fewer firms than these are not shown.
LEAST_FIRMS = 3


@dataclass
class Answer:
    """An opened answer."""

    id: str
    summary: dict[str, Any]
    _connection: Any = field(repr=False)

    def _rows(self, sql: str) -> list[dict[str, Any]]:
        return with_years_as_text(duck.fetch(self._connection, sql))

    @cached_property
    def year(self) -> str:
        return str(self.summary["year"])

    def flows(self, chosen: Chosen = EVERYBODY) -> list[Flow]:
        """Firms by grade before and after; those without a grade on both sides are not counted."""
        rows = self._rows(
            f"""SELECT grade_before AS before, grade_after AS after, count(*) AS firms FROM movement
            WHERE {chosen.sql()} AND (grade_before IS NOT NULL OR grade_after IS NOT NULL)
            GROUP BY ALL ORDER BY before NULLS LAST, after NULLS LAST"""
        )
        return [Flow(**row) for row in rows]

    def groups(self, chosen: Chosen = EVERYBODY, by: tuple[str, ...] = ()) -> list[Group]:
        """Both sides by district and list, or of all chosen firms.

        Args:
            by: columns of the groups, ``district_code`` and ``list_code``.
        """
        columns = "".join(f"{name}, " for name in by)
        counts = ", ".join(
            f"count(*) FILTER (grade_{side} = '{grade}') AS {side}_{grade}"
            for side in ("before", "after")
            for grade in GRADES
        )
        both = "grade_before IS NOT NULL AND grade_after IS NOT NULL"
        rows = self._rows(
            f"""SELECT {columns}{counts}, sum(relief_before) AS relief_before, sum(relief_after) AS relief_after,
                sum(surcharge_before) AS surcharge_before, sum(surcharge_after) AS surcharge_after,
                count(*) FILTER ({both} AND grade_after < grade_before) AS risen,
                count(*) FILTER ({both} AND grade_after > grade_before) AS fallen,
                count(*) FILTER (grade_before IS NULL AND grade_after IS NOT NULL) AS entered,
                count(*) FILTER (grade_after IS NULL AND grade_before IS NOT NULL) AS left_out
            FROM (SELECT *, coalesce(list_after, list_before) AS list_code FROM movement) WHERE {chosen.sql()}
            {f"GROUP BY {', '.join(by)} ORDER BY {', '.join(by)}" if by else ""}"""
        )
        return [_group(row) for row in rows]

    def sums(self, chosen: Chosen = EVERYBODY) -> list[Sum]:
        """Land, tax and value added of the firms that rise and of those that fall."""
        rows = self._rows(
            f"""SELECT CASE WHEN grade_after < grade_before THEN 'risen' ELSE 'fallen' END AS direction,
                count(*) AS firms, sum(land_area_mu) AS land_mu, sum(tax_wan_yuan) AS tax_wan_yuan,
                CASE WHEN count(value_added_wan_yuan) >= {LEAST_FIRMS} THEN sum(value_added_wan_yuan) END
                    AS value_added_wan_yuan
            FROM movement WHERE {chosen.sql()} AND grade_before <> grade_after GROUP BY ALL ORDER BY ALL DESC"""
        )
        few = {"land_mu": None, "tax_wan_yuan": None, "value_added_wan_yuan": None}
        return [Sum(**(row if row["firms"] >= LEAST_FIRMS else {**row, **few})) for row in rows]

    def places(self) -> tuple[list[str], list[str]]:
        """Districts and lists of the firms that move, for a reader to choose from."""
        rows = self._rows(
            """SELECT DISTINCT district_code, coalesce(list_after, list_before) AS list_code FROM movement
            WHERE cause_code IS NOT NULL"""
        )
        return sorted({row["district_code"] for row in rows}), sorted({row["list_code"] for row in rows})

    def edges(self, chosen: Chosen = EVERYBODY, points: int = 1) -> list[dict[str, Any]]:
        """By district and list: units with a rank, and those whose grade by rank hangs on less than some points.

        A unit hangs on them if that many more lift it to the last total of the next better grade, or that many fewer
        drop it to the first total of the next worse one, all others unchanged.
        """
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for side in ("before", "after"):
            for row in self._rows(_edges(side, chosen, points)):
                key = (row["district_code"], row["list_code"])
                of = rows.setdefault(key, {"district_code": key[0], "list_code": key[1], "units": 0})
                of |= {"units": row["units"], side: row["near"]}
        return [{"before": 0, "after": 0, **rows[key]} for key in sorted(rows) if _is_near(rows[key])]

    def causes(self, chosen: Chosen = EVERYBODY) -> list[dict[str, Any]]:
        """Firms by cause, and where a score moved by indicator and what moved it."""
        return self._rows(
            f"""SELECT cause_code, indicator_code, through_code,
                count(*) FILTER (coalesce(grade_after, 'E') < coalesce(grade_before, 'E')) AS risen,
                count(*) FILTER (coalesce(grade_after, 'E') > coalesce(grade_before, 'E')) AS fallen
            FROM movement WHERE {chosen.sql()} AND cause_code IS NOT NULL
            GROUP BY ALL ORDER BY count(*) DESC, 1, 2, 3"""
        )

    def movers(self, chosen: Chosen = EVERYBODY, page: int | None = 1) -> tuple[list[Mover], int]:
        """Firms whose grade or status moves, the farthest and largest first: a page or all, and their number."""
        where = f"FROM movement WHERE {chosen.sql()} AND cause_code IS NOT NULL"
        [counted] = self._rows(f"SELECT count(*) AS n {where}")
        limit = f" LIMIT {PAGE} OFFSET {(max(page, 1) - 1) * PAGE}" if page else ""
        rows = self._rows(
            f"""SELECT {", ".join(Mover.__dataclass_fields__)} {where}
            ORDER BY abs(ascii(coalesce(grade_after, 'E')) - ascii(coalesce(grade_before, 'E'))) DESC,
                coalesce(land_area_mu, 0) DESC, uscc{limit}"""
        )
        return [Mover(**row) for row in rows], int(counted["n"])


def _edges(side: str, chosen: Chosen, points: int) -> str:
    """SQL of the units near an edge, by district and list, before or after."""
    place = Chosen(chosen.district, chosen.list)
    return f"""
    WITH units AS (
        SELECT district_code, list_{side} AS list_code, group_{side} AS ranked_in, total_{side} AS total,
            initial_{side} AS grade
        FROM movement WHERE is_unit_{side} AND rank_{side} IS NOT NULL AND {place.sql()}
    ),
    ends AS (
        SELECT district_code, list_code, ranked_in, grade, min(total) AS last, max(total) AS first
        FROM units GROUP BY ALL
    ),
    stands AS (
        SELECT u.district_code, u.list_code,
            max_by(e.last, e.grade) FILTER (e.grade < u.grade) - any_value(u.total) AS up,
            any_value(u.total) - min_by(e.first, e.grade) FILTER (e.grade > u.grade) AS down
        FROM (SELECT *, row_number() OVER () AS n FROM units) u
        JOIN ends e USING (district_code, list_code, ranked_in) GROUP BY u.n, u.district_code, u.list_code
    )
    SELECT district_code, list_code, count(*) AS units,
        count(*) FILTER (least(coalesce(up, {points}), coalesce(down, {points})) < {points}) AS near
    FROM stands GROUP BY ALL"""


def _is_near(row: dict[str, Any]) -> bool:
    return bool(row.get("before") or row.get("after"))


def _group(row: dict[str, Any]) -> Group:
    def side(name: str) -> Side:
        grades = {grade: int(row[f"{name}_{grade}"]) for grade in GRADES}
        return Side(
            grades,
            sum(grades.values()),
            row[f"relief_{name}"] or Decimal(0),
            row[f"surcharge_{name}"] or Decimal(0),
        )

    return Group(
        row.get("district_code"),
        row.get("list_code"),
        side("before"),
        side("after"),
        row["risen"],
        row["fallen"],
        row["entered"],
        row["left_out"],
    )


@contextmanager
def opened(ident: str) -> Iterator[Answer]:
    """An answer for queries; it stays while it is open.

    Raises:
        NotKeptError: there is no such answer, or not any more.
    """
    where = trial.path_of(ident)
    with kept.held(where), duck.connect() as connection:
        told = trial.summary(ident)
        file = literal(str(where / "movement.parquet"))
        connection.execute(f"CREATE VIEW movement AS FROM read_parquet({file})")
        yield Answer(ident, told, connection)
