"""Sharing firms' figures out to parcels and to larger objects, from the rule's text, in exact fractions.

A firm's figure belongs to its parcels in proportion to the land that it uses on each; a firm that uses none of the land
it holds, to the parcels it holds in proportion to their area. Parts are cut at the figure's last digit, toward zero.
A parcel's figure is the sum over its users, a larger object's the sum over its parcels; a building's is its parcel's by
floor area, cut too. Value added, staff, energy, revenue and R&D count of firms that report value added, staff and
energy. A figure that no user has is missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

DIGITS = {"tax": 6, "added": 6, "revenue": 6, "staff": 2, "energy": 4}
OF_REPORTING = ("added", "revenue", "staff", "energy")


@dataclass(frozen=True)
class Use:
    parcel: str
    firm: str
    kind: str
    area: Fraction


@dataclass
class Sums:
    figures: dict[str, Fraction] = field(default_factory=dict)
    users: set[str] = field(default_factory=set)
    reporting: set[str] = field(default_factory=set)
    tenants: int = 0
    subtenants: int = 0
    reporting_land: Fraction | None = None


def cut(value: Fraction, digits: int) -> Fraction:
    steps = abs(value) * 10**digits
    whole = steps.numerator // steps.denominator
    return Fraction(whole if value >= 0 else -whole, 10**digits)


def shares(uses: Iterable[Use], areas: Mapping[str, Fraction]) -> dict[tuple[str, str], Fraction]:
    """(parcel, firm) → share of the firm's figures that belong to the parcel."""
    land: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for use in uses:
        land[use.firm][use.parcel] += use.area
    found = {}
    for firm, by_parcel in land.items():
        parts = by_parcel if sum(by_parcel.values()) > 0 else {p: areas[p] for p in by_parcel}
        whole = sum(parts.values())
        for parcel, part in parts.items():
            found[parcel, firm] = part / whole
    return found


def parcel_parts(
    uses: list[Use], areas: Mapping[str, Fraction], figures: Mapping[str, Mapping[str, Fraction]]
) -> dict[tuple[str, str], dict[str, Fraction]]:
    """(parcel, firm) → figure → the parcel's part; a firm outside ``figures`` has none."""
    return {
        key: {
            name: value if share == 1 else cut(value * share, DIGITS[name])
            for name, value in figures.get(key[1], {}).items()
        }
        for key, share in shares(uses, areas).items()
    }


def sums_of(
    uses: list[Use],
    areas: Mapping[str, Fraction],
    figures: Mapping[str, Mapping[str, Fraction]],
    objects: Mapping[str, set[str]],
) -> dict[str, Sums]:
    """Object → sums over its parcels; a firm on several of them is one user."""
    parts = parcel_parts(uses, areas, figures)
    reporting = {f for f, of in figures.items() if {"added", "staff", "energy"} <= set(of)}
    found = {}
    for name, parcels in objects.items():
        sums = Sums()
        for (parcel, firm), of in parts.items():
            if parcel not in parcels:
                continue
            sums.users.add(firm)
            if firm in reporting:
                sums.reporting.add(firm)
            for figure, value in of.items():
                if figure not in OF_REPORTING or firm in reporting:
                    sums.figures[figure] = sums.figures.get(figure, Fraction(0)) + value
        here = [u for u in uses if u.parcel in parcels]
        sums.tenants = len({(u.parcel, u.firm) for u in here if u.kind == "lease"})
        sums.subtenants = len({(u.parcel, u.firm) for u in here if u.kind == "sublet"})
        lands = [u.area for u in here if u.firm in reporting]
        sums.reporting_land = sum(lands, Fraction(0)) if lands else None
        found[name] = sums
    return found


def by_floor(figure: Fraction, floors: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """A parcel's figure by its buildings' floor area."""
    whole = sum(floors.values())
    return {b: cut(figure * floor / whole, 6) for b, floor in floors.items()} if whole > 0 else {}
