"""一企一单 A firm's own sheet in a year of the procedure: how it stands, and the figures that the firm confirms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.procedure.facts import Standing
from portal.queries.procedure import named
from portal.queries.release import Query
from portal.queries.titles import Named


@dataclass(frozen=True)
class Sheet:
    """A firm's own sheet (一企一单) and how it stands; ``is_pending`` if its confirmation is in no release yet."""

    uscc: str
    #: Missing for a firm without a sheet to confirm.
    state: Named | None
    confirmed: date | None
    is_pending: bool
    values: Sequence[SheetValue]


@dataclass(frozen=True)
class SheetValue:
    """One figure of a sheet."""

    indicator: Named
    value: Decimal | None


def sheet(query: Query, uscc: str, year: str, known: Standing) -> Sheet:
    """A firm's sheet: state, and the figures of the unit that it is evaluated in."""
    states = query(
        "SELECT confirmation_state_code, confirmed_date FROM per_mu.confirmation WHERE uscc = ? AND year = ?",
        uscc,
        year,
    )
    values = query(
        """SELECT v.indicator_code, v.value FROM per_mu.indicator_value v JOIN per_mu.population p
            ON p.evaluation_uscc = v.uscc AND p.year = v.year
        WHERE p.uscc = ? AND p.year = ? ORDER BY v.indicator_code""",
        uscc,
        year,
    )
    return Sheet(
        uscc,
        named("confirmation_state", states[0]["confirmation_state_code"]) if states else None,
        states[0]["confirmed_date"] if states else None,
        any(row["uscc"] == uscc and row.get("is_pending") for row in known.confirmations),
        [SheetValue(named("per_mu_indicator", row["indicator_code"]), row["value"]) for row in values],
    )
