"""Whose statistics may be shown on a day 统计数据授权: firm, year and purpose (docs/concepts/consent.md).

A figure of an evaluation unit contains the figures of the firms merged into it, so it needs the consent of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

#: Purpose → its column in core.consent_state.
PURPOSES: Mapping[str, str] = {
    "per_mu_evaluation": "per_mu_consent_code",
    "enterprise_profile": "profile_consent_code",
    "chain_analysis": "chain_consent_code",
}
#: Area of a table → the purpose for which it shows statistics; tables of other areas need a consent for each purpose.
PURPOSE_OF_AREA: Mapping[str, str] = {
    "per_mu": "per_mu_evaluation",
    "profile": "enterprise_profile",
    "chain": "chain_analysis",
}
#: A release without them shows nobody's statistics.
NEEDS = ("core.consent_state", "core.consent", "per_mu.population")


def shown(area: str, alias: str) -> str:
    """SQL that is true where a row of :func:`consents` allows to show the statistics of a table of the area."""
    purposes = [PURPOSE_OF_AREA[area]] if area in PURPOSE_OF_AREA else list(PURPOSES)
    return " AND ".join(f"{alias}.{purpose}" for purpose in purposes)


def consents(file: str, tables: Iterable[str], day: date) -> str:
    """SQL of the consents in force on a day: ``uscc``, ``year`` and a boolean per purpose; one row per firm and year.

    Args:
        file: the attached release.
    """
    if not set(NEEDS) <= set(tables):
        none = ", ".join(f"false AS {purpose}" for purpose in PURPOSES)
        return f"SELECT '' AS uscc, 0 AS year, {none} WHERE false"
    in_force = (
        f"DATE '{day}' >= consent_from_date AND DATE '{day}' < coalesce(consent_end_date, DATE '9999-12-31')"
    )
    own = ", ".join(
        f"s.{column} = 'not_needed' OR coalesce(bool_or(c.consent_purpose_code = '{purpose}'), false) AS {purpose}"
        for purpose, column in PURPOSES.items()
    )
    merged = ", ".join(f"o.{purpose} AND coalesce(m.{purpose}, true) AS {purpose}" for purpose in PURPOSES)
    each = ", ".join(f"bool_and(own.{purpose}) AS {purpose}" for purpose in PURPOSES)
    return f"""
        WITH own AS (
            SELECT s.uscc, s.year::INTEGER AS year, {own}
            FROM {file}.core.consent_state s LEFT JOIN {file}.core.consent c
                ON c.uscc = s.uscc AND c.year = s.year AND {in_force}
            GROUP BY s.uscc, s.year, {", ".join(f"s.{column}" for column in PURPOSES.values())}
        ), of_units AS (
            SELECT p.evaluation_uscc AS uscc, p.year::INTEGER AS year, {each}
            FROM {file}.per_mu.population p JOIN own ON own.uscc = p.uscc AND own.year = p.year::INTEGER
            WHERE p.unit_role_code <> 'inherits' AND p.evaluation_uscc <> p.uscc GROUP BY ALL
        )
        SELECT o.uscc, o.year, {merged}
        FROM own o LEFT JOIN of_units m ON m.uscc = o.uscc AND m.year = o.year ORDER BY o.uscc, o.year"""
