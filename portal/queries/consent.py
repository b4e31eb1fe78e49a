"""Whether an enterprise consents to the use of its statistics of a year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from portal.queries.release import Query
from portal.queries.titles import Named

#: A release without them was made before consents were recorded.
NEEDS = ("core.consent_state", "core.consent")


@dataclass(frozen=True)
class Consent:
    """State of the consents to the per-mu evaluation and to the profile, and the latest validity of the first."""

    per_mu: Named
    profile: Named
    since: date | None
    #: First day without the consent; ``None`` while it has no end.
    end: date | None


def consent(query: Query, uscc: str, year: str) -> Consent | None:
    """The firm's consents; ``None`` if the release has none or the firm is not in the directory."""
    if not query.tables.issuperset(NEEDS):
        return None
    states = query("SELECT * FROM core.consent_state WHERE uscc = ? AND year = ?", uscc, year)
    if not states:
        return None
    [row], titles = states, query.titles
    latest = query(
        """SELECT consent_from_date, consent_end_date FROM core.consent
        WHERE uscc = ? AND year = ? AND consent_purpose_code = 'per_mu_evaluation'
        ORDER BY consent_from_date DESC LIMIT 1""",
        uscc, year,
    )  # fmt: skip
    return Consent(
        titles("consent_state", row["per_mu_consent_code"]),
        titles("consent_state", row["profile_consent_code"]),
        latest[0]["consent_from_date"] if latest else None,
        latest[0]["consent_end_date"] if latest else None,
    )
