"""Faults of quotas and rights: claims that an account cannot bear, and a lease that ends before it begins."""

from __future__ import annotations

import numpy as np

from demo_city.faults.plan import Change, Edit, Outcome, quarantined
from demo_city.faults.planner import Planner, times
from demo_city.senders.emission_rights import claims_of, rights_kg
from demo_city.world.figures import POLLUTANTS, UNPERMITTED
from schemas.contract import feed

REGISTER = "gov_emission_right_transfer"
ENERGY = "gov_energy_quota_transfer"


def rights(planner: Planner, *, has_quotas: bool) -> None:
    """A transfer above the balance, a lease that ends too early, a buyer without a permit, a pledge of a right sold.

    Args:
        has_quotas: energy quotas are sent for the year; they begin with the city's second year.
    """
    city, year = planner.city, planner.year
    claims = claims_of(city, year)
    codes = claims.codes().to_pylist()
    sales, leases, pledges = (np.flatnonzero(claims.kind == kind).tolist() for kind in range(3))
    above, sold, later = sales[0], sales[1], pledges[0]
    _refused(planner, "right_above_balance", codes[above], {"transferred_t": times("1000")}, "above_balance")
    early: dict[str, Change] = {"transfer_to_date": f"{year - 1}-01-01"}
    planner.edits.append(
        Edit(
            "lease_ends_before_it_begins",
            REGISTER,
            str(year),
            {"right_transfer_code": codes[leases[0]]},
            early,
            (quarantined("transfer_to_date:order"),),
        )
    )
    q = city.population
    without = np.flatnonzero((city.base.permit == UNPERMITTED) & (q.status[year] > 0) & (q.giant < 0))
    buyer = planner.site(without.tolist())
    taker: dict[str, Change] = {"taker_account": planner.uscc(buyer)}
    _refused(planner, "buyer_without_permit", codes[leases[1]], taker, "taker_without_account")
    giver, pollutant = int(claims.giver[sold]), int(claims.pollutant[sold])
    whole = int(rights_kg(city, year)[POLLUTANTS[pollutant]][giver])
    pledge: dict[str, Change] = {
        "giver_account": planner.uscc(giver),
        "pollutant_code": _word(POLLUTANTS[pollutant]),
        # twice the right: also what the giver bought or got back does not cover it
        "transferred_t": f"{2 * whole / 1000:.3f}",
        "transfer_from_date": f"{year}-12-30",
        "transfer_to_date": f"{year + 1}-12-30",
    }
    _refused(planner, "pledge_of_a_right_sold", codes[later], pledge, "above_balance")
    if has_quotas:
        planner.edits.append(
            Edit(
                "quota_above_balance",
                ENERGY,
                str(year),
                {"quota_transfer_code": f"YN-{year}-0001"},
                {"transferred_tce": times("1000")},
                (_flag("resource.energy_transfer", "above_balance"),),
            )
        )


def _word(pollutant: str) -> str:
    """The sender's word for a pollutant."""
    words = feed(REGISTER).source.mapping["pollutant_code"].codes or {}
    return next(word for word, code in words.items() if code == pollutant)


def _refused(planner: Planner, kind: str, code: str, change: dict[str, Change], reason: str) -> None:
    year = str(planner.year)
    outcome = _flag("resource.emission_transfer", reason)
    planner.edits.append(Edit(kind, REGISTER, year, {"right_transfer_code": code}, change, (outcome,)))


def _flag(table: str, reason: str) -> Outcome:
    return {"type": "flag", "table": table, "column": "transfer_refusal_code", "value": reason}
