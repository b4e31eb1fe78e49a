"""What a public notice of grades lists: places by name and grade alone, and who has none, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from portal.procedure.facts import Standing, standing
from portal.queries.procedure import named
from portal.queries.release import Query
from portal.queries.titles import Named


@dataclass(frozen=True)
class Graded:
    """One firm of the list."""

    list: Named
    name: str
    uscc: str
    grade: str


@dataclass(frozen=True)
class Ungraded:
    """One firm without a grade: exempt, protected or with incomplete data, and why."""

    name: str
    uscc: str
    status: Named
    reasons: tuple[Named, ...]


@dataclass(frozen=True)
class Notice:
    """The content of a notice. Without a published list the grades are those of the release."""

    district: Named
    year: str
    release: int
    #: Window of the public notice; missing before it was decided.
    first: date | None
    last: date | None
    working_days: int | None
    document: str | None
    #: Published version that the list shows; ``None`` before publication.
    version: int | None
    graded: Sequence[Graded]
    ungraded: Sequence[Ungraded]


def notice(query: Query, district: str, year: str, release: int, known: Standing | None = None) -> Notice:
    """The notice of a district's year."""
    step = (known or standing(district, year)).step("publicity") or {}
    rows = query(
        """SELECT p.list_code, p.uscc, e.enterprise_name, p.final_grade, p.evaluation_version AS version
        FROM per_mu.publication p JOIN core.enterprise e USING (uscc, year)
        WHERE p.district_code = ? AND p.year = ? AND p.is_in_force ORDER BY p.list_code, p.final_grade, p.uscc""",
        district,
        year,
    )
    version = rows[0]["version"] if rows else None
    rows = rows or query(
        """SELECT list_code, uscc, enterprise_name, final_grade FROM per_mu.enterprise_grade
        WHERE district_code = ? AND year = ? AND figures_as_of = year ORDER BY list_code, final_grade, uscc""",
        district,
        year,
    )
    others = query(
        """SELECT p.uscc, e.enterprise_name, p.eval_status_code, p.status_reasons
        FROM per_mu.population p JOIN core.enterprise e USING (uscc, year)
        WHERE p.district_code = ? AND p.year = ? AND p.eval_status_code IN ('exempt', 'protected', 'data_incomplete')
        ORDER BY p.eval_status_code, p.uscc""",
        district,
        year,
    )
    titles = query.titles
    return Notice(
        named("district", district),
        year,
        release,
        step.get("window_start_date"),
        step.get("window_end_date"),
        step.get("working_days_count"),
        step.get("document_code"),
        version,
        [
            Graded(titles("per_mu_list", r["list_code"]), r["enterprise_name"], r["uscc"], r["final_grade"])
            for r in rows
        ],
        [
            Ungraded(
                r["enterprise_name"],
                r["uscc"],
                titles("eval_status", r["eval_status_code"]),
                tuple(titles("status_reason", code) for code in r["status_reasons"] or ()),
            )
            for r in others
        ],
    )
