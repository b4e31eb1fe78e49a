"""Growth of a profile's figures, and why it is missing where the figure itself is known."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.columns.arithmetic import cagr_pct, growth_note, growth_pct
from jobs.profile.steps.parts import COMPOUND, GROWTH

Fields = Mapping[str, Column]
#: Months with orders behind a change of orders: three, and the three before.
ORDER_MONTHS = 6


def rates(c: Fields) -> dict[str, Column]:
    """Growth rates."""
    changed = growth_pct(c["orders_now"], c["orders_before"])
    return {
        **{name: growth_pct(c[figure], c[f"before_{figure}"]) for figure, name in GROWTH.items()},
        **{name: cagr_pct(c[figure], c[f"third_{figure}"]) for figure, name in COMPOUND.items()},
        "output_ytd_growth_pct": growth_pct(c["output_ytd_wan_yuan"], c["output_last_year_wan_yuan"]),
        "orders_change_pct": F.when(c["ordered_months"] == ORDER_MONTHS, changed),
    }


def notes(c: Fields) -> list[Column]:
    """A note on each rate that is missing, else missing."""
    changed = growth_note("orders_change_pct", c["orders_now"], c["orders_before"])
    all_reported, some_reported = c["ordered_months"] == ORDER_MONTHS, c["ordered_months"] > 0
    return [
        *(_yearly(c, n, c[f], growth_note(n, c[f], c[f"before_{f}"])) for f, n in GROWTH.items()),
        *(_yearly(c, n, c[f], growth_note(n, c[f], c[f"third_{f}"], 3)) for f, n in COMPOUND.items()),
        growth_note("output_ytd_growth_pct", c["output_ytd_wan_yuan"], c["output_last_year_wan_yuan"]),
        F.when(all_reported, changed).when(some_reported, F.lit("not_comparable:orders_change_pct")),
    ]


def _yearly(c: Fields, name: str, figure: Column, note: Column) -> Column:
    """The note of a yearly figure; an incomplete year is compared with no other."""
    incomplete = c["is_partial"] & figure.isNotNull()
    return F.when(incomplete, F.lit(f"not_comparable:{name}")).otherwise(note)
