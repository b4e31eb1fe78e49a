"""A check shared by tables with growth rates: a rate that is missing has a reason."""

from __future__ import annotations

from collections.abc import Mapping

from expectations.gate.suite import Check


def noted(key: str, figures: Mapping[str, str]) -> Check:
    """A known figure has either its growth or a note on why it has none.

    Args:
        figures: growth column → its figure.
    """
    wrong = " OR ".join(
        f"({figure} IS NOT NULL AND {rate} IS NULL) <> contains(concat(array_to_string(growth_notes, ' '), "
        f"' '), ':{rate} ')"
        for rate, figure in figures.items()
    )
    return Check(
        "growth_noted",
        "增速缺失有说明",
        "A growth rate is missing exactly where a known figure has a note on it",
        f"SELECT {key} FROM {{table}} t WHERE {wrong}",
    )
