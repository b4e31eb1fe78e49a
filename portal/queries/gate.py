"""The gate's verdicts 闸门校验 of a release."""

from __future__ import annotations

from dataclasses import dataclass

from portal.queries.release import Query
from portal.queries.titles import Named
from warehouse.duck import literal


@dataclass(frozen=True)
class Verdict:
    """A check of the gate; ``failing_keys`` are empty for who may not see them."""

    suite: str
    table: str
    expectation: str
    title: Named
    level: str
    success: bool
    evaluated: int
    unexpected: int
    failing_keys: tuple[str, ...]
    details: str


def warnings(query: Query) -> list[Verdict]:
    """Checks that failed without blocking the release."""
    return verdicts(query, "WHERE NOT success")


def of_table(query: Query, table: str) -> list[Verdict]:
    """All checks of a table, failed ones first."""
    return verdicts(query, f'WHERE "table" = {literal(table)}')


def verdicts(query: Query, where: str = "") -> list[Verdict]:
    """All checks, failed ones first, then by table."""
    rows = query(f'SELECT * FROM release.verdict {where} ORDER BY success, "table", expectation, suite')
    return [
        Verdict(
            row["suite"], row["table"], row["expectation"],
            Named(row["expectation"], row["title_zh"] or row["expectation"], row["title_en"] or row["expectation"]),
            row["level"], row["success"], row["evaluated"] or 0, row["unexpected"] or 0,
            tuple(row["failing_keys"] or ()), row["details"] or "",
        )
        for row in rows
    ]  # fmt: skip
