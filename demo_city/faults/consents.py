"""Faults of consents: a wrong check digit, a validity that ends before it begins, and a firm in no directory."""

from __future__ import annotations

import numpy as np

from demo_city.faults.plan import ACCEPTED, Change, Edit, Outcome, quarantined
from demo_city.faults.planner import Planner
from demo_city.world.identity import broken, credit_codes

#: Serial number of a firm that is in no directory; other firms have smaller ones.
_NOWHERE = 28_000_000


def consents(planner: Planner) -> None:
    """Plant the faults in the first records of the year; each is a confirmed sheet of another firm or purpose."""
    place, seed = np.zeros(1, dtype=np.int64), planner.city.population.seed
    [nowhere] = credit_codes("91", ["330212"], place, place + _NOWHERE, seed)
    faults: tuple[tuple[str, dict[str, Change], Outcome], ...] = (
        ("wrong_check_digit_consent", {"uscc": broken}, quarantined("uscc:check")),
        ("reversed_validity", {"valid_until_date": "2019-12-31"}, quarantined("valid_until_date:order")),
        ("unknown_firm_consent", {"uscc": nowhere}, ACCEPTED),
    )
    for number, (kind, change, outcome) in enumerate(faults, start=1):
        where = {"event_id": f"TY-{planner.year}-{number:06d}"}
        planner.edits.append(Edit(kind, "ent_consent", str(planner.year), where, change, (outcome,)))
