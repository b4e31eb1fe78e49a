"""Faults of land: units, over-allotted parcels, code words and dates in the land survey; unusual holders."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pyarrow as pa

from demo_city.faults.plan import ACCEPTED, INCOMPLETE, TOO_SMALL, Change, Edit, Outcome, quarantined
from demo_city.faults.planner import Planner, plus, times
from demo_city.senders.land import Uses, holder_codes, land_uses, parcel_codes
from demo_city.world.land import LET_WHOLLY
from schemas.errors import UsageError


def land_use(planner: Planner) -> None:
    """Faults in the land survey, and parcels held by village collectives."""
    city, year = planner.city, planner.year
    land, uses = city.land, land_uses(city, year)
    leased = (uses.kind > 0) & ~land.floor_share_only[uses.site] & ~np.isin(uses.site, list(planner.taken))
    rows = planner.rng.permutation(np.flatnonzero(leased))
    own = np.flatnonzero((uses.kind == 0) & (city.population.giant[uses.site] < 0))
    own = own[~np.isin(uses.site[own], list(planner.taken))]
    largest = int(own[np.argmax(uses.area[own])])
    busy = {int(uses.parcel[largest])}

    def lease(fits: Callable[[int], bool]) -> int:
        for row in rows.tolist():
            if int(uses.parcel[row]) not in busy and fits(row):
                busy.add(int(uses.parcel[row]))
                return int(row)
        raise UsageError(TOO_SMALL)

    scaled, larger = (
        {"type": "scaled", "table": "core.parcel_use", "flag": flag}
        for flag in ("over_allotted", "larger_than_parcel")
    )
    square_metres: dict[str, Change] = {"surveyed_area_mu": times(str(Decimal(2000) / 3))}
    for _ in range(2):
        row = lease(lambda r: 50 <= uses.area[r] <= 2500)
        _use(planner, "square_metres_as_mu", uses, row, square_metres, larger)
    for _ in range(2):
        # with two fifths of the parcel more it still has less than the parcel: only all tenants together exceed it
        row = lease(
            lambda r: (
                land.kind[uses.parcel[r]] == LET_WHOLLY
                and uses.kind[r] == 1
                and 2 * (uses.area[r] + uses.sublet[r]) <= land.area[uses.parcel[r]]
            )
        )
        more: dict[str, Change] = {
            "surveyed_area_mu": plus(Decimal(int(land.area[uses.parcel[row]])) * Decimal("0.004"))
        }
        _use(planner, "over_allotted_parcel", uses, row, more, scaled)
    settled = {s for s in planner.large if planner.evaluated[s]} - planner.taken
    row = lease(lambda r: int(uses.site[r]) in settled)
    planner.taken.add(int(uses.site[row]))
    slip: dict[str, Change] = {"surveyed_area_mu": times("0.001", places=6)}
    _use(planner, "land_a_thousandth", uses, row, slip, INCOMPLETE)
    metres = max(Decimal(int(uses.area[largest])) * 20 / 3, Decimal(20_001)).quantize(Decimal("0.01"))
    _use(
        planner,
        "square_metres_as_mu",
        uses,
        largest,
        {"surveyed_area_mu": str(metres)},
        quarantined("surveyed_area_mu:domain"),
    )
    row = lease(lambda r: True)
    _use(
        planner,
        "unknown_code_word",
        uses,
        row,
        {"use_type_code": "借用"},
        quarantined("use_type_code:code"),
    )
    row = lease(lambda r: True)
    _use(
        planner,
        "bad_date",
        uses,
        row,
        {"lease_from_date": f"{year}-13-01"},
        quarantined("lease_from_date:date"),
    )
    village = np.flatnonzero((land.village >= 0) & land.has_holder_code)[:2]
    holders = holder_codes(city, village, year).to_pylist()
    for code, holder in zip(parcel_codes(city).take(pa.array(village)).to_pylist(), holders, strict=True):
        where = {"parcel_id": code, "owner_uscc": holder}
        accepted = (ACCEPTED,)
        planner.edits.append(
            Edit("valid_code_stdnum_rejects", "gov_land_parcel", str(year), where, {}, accepted)
        )


def _use(
    planner: Planner, kind: str, uses: Uses, row: int, change: dict[str, Change], outcome: Outcome
) -> None:
    parcel, site = int(uses.parcel[row]), int(uses.site[row])
    where = {
        "parcel_id": str(parcel_codes(planner.city)[parcel].as_py()),
        "uscc": planner.uscc(site),
        "use_type_code": ("自用", "租赁", "转租")[int(uses.kind[row])],
    }
    part = planner.city.p.districts[int(planner.city.land.district[parcel])].pinyin
    planner.edits.append(Edit(kind, "gov_land_survey", str(planner.year), where, change, (outcome,), part))
