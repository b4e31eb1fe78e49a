"""Figures of parcels and larger objects agree exactly with the oracle on generated land: tenants of tenants, firms with
land in several districts, parcels let to the last mu, users outside the directory, losses and missing figures."""

from __future__ import annotations

import random
from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jobs.per_mu.object_unit import object_unit
from jobs.per_mu.parcel_figure import parcel_figure
from jobs.per_mu.rules.objects import object_rules
from jobs.per_mu.rules.reading import rule_book
from schemas.credit_code import check_character
from tests.frames import frame
from tests.oracles.objects import DIGITS, Use, by_floor, parcel_parts, sums_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

YEAR = "2023"
DISTRICTS = ("330282", "330206", "330281")
COLUMNS = {
    "tax": "tax_contribution_wan_yuan", "added": "value_added_wan_yuan", "revenue": "revenue_wan_yuan",
    "staff": "employees_average", "energy": "energy_tce",
}  # fmt: skip
Row = dict[str, Any]


def code_of(number: int, start: str = "91") -> str:
    first = f"{start}330282{number:09d}"
    return first + check_character(first)


class Land:
    """A generated city: parcels with holders, tenants and subtenants, and the figures of its firms."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        self.firms = [code_of(n) for n in range(30)]
        self.villages = [code_of(100 + n, "N2") for n in range(3)]
        self.parcels: dict[str, Fraction] = {}
        self.uses: list[Use] = []
        self.figures: dict[str, dict[str, Fraction]] = {}
        self.zone: dict[str, str] = {}
        self.floors: dict[str, dict[str, Fraction]] = defaultdict(dict)
        for n in range(40):
            district = draw.choice(DISTRICTS)
            parcel = f"{district}001GB{n:06d}"
            self.parcels[parcel] = Fraction(
                draw.choice([1, 7, 333, 20_000]), draw.choice([1, 3, 100])
            ).limit_denominator(100)
            self.parcels[parcel] = Fraction(round(self.parcels[parcel] * 10**6), 10**6) or Fraction(1)
            if draw.random() < 0.6:
                self.zone[parcel] = f"{district}K0{draw.randint(1, 2)}"
            self._use(draw, parcel)
            for b in range(draw.randint(0, 3)):
                self.floors[parcel][f"{parcel}F{b:04d}"] = Fraction(draw.randint(1, 900_000), 100)
        for firm in self.firms:
            self.figures[firm] = {
                name: Fraction(draw.randint(-(10**6) if name == "added" else 0, 10**9), 10**digits)
                for name, digits in DIGITS.items()
                if draw.random() < 0.8
            }

    def _use(self, draw: random.Random, parcel: str) -> None:
        """The holder keeps a part, which may be nothing; tenants have the rest and sublet parts of theirs."""
        left = self.parcels[parcel]
        chain = draw.sample(self.firms, draw.randint(0, 4))
        tenant = None
        for firm in chain:
            area = Fraction(
                round(left * draw.choice([Fraction(0), Fraction(1, 3), Fraction(1)]) * 10**6), 10**6
            )
            area = min(area, left)
            kind = "sublet" if tenant and draw.random() < 0.5 else "lease"
            self.uses.append(Use(parcel, firm, kind, area))
            left -= area
            tenant = firm
        holder = draw.choice([*self.firms, *self.villages])
        if not any(u.firm == holder and u.parcel == parcel for u in self.uses) or draw.random() < 0.5:
            self.uses.append(Use(parcel, holder, "own", left))

    @property
    def objects(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {p: {p} for p in self.parcels}
        for parcel, zone in self.zone.items():
            found.setdefault(zone, set()).add(parcel)
        return found

    def frames(self, spark: SparkSession) -> Row:
        place = {"year": YEAR}
        uses = [
            {**place, "parcel_id": u.parcel, "uscc": u.firm, "use_type_code": u.kind, "district_code": u.parcel[:6],
             "parcel_area_mu": text(self.parcels[u.parcel]), "used_area_mu": text(u.area)}
            for u in self.uses
        ]  # fmt: skip
        firms = [
            {**place, "uscc": f, "district_code": DISTRICTS[0], "industry_division_code": "36"}
            for f in self.firms
        ]
        figures = [
            {**place, "uscc": f, "district_code": DISTRICTS[0], "figures_as_of": YEAR,
             **{("tax_vat_wan_yuan" if n == "tax" else COLUMNS[n]): text(v) for n, v in of.items()}}
            for f, of in self.figures.items()
        ]  # fmt: skip
        status = [{**place, "uscc": f, "eval_status_code": "graded", "land_area_mu": "1"} for f in self.firms]
        parcels = [
            {**place, "parcel_id": p, "district_code": p[:6], "parcel_area_mu": text(a), "zone_code": self.zone.get(p)}
            for p, a in self.parcels.items()
        ]  # fmt: skip
        zones = [
            {**place, "zone_code": z, "zone_name": z, "district_code": z[:6], "leading_division_code": "36"}
            for z in sorted(set(self.zone.values()))
        ]
        buildings = [
            {**place, "building_code": b, "parcel_id": p, "district_code": p[:6], "building_area_m2": text(a),
             "floor_count": 4, "let_share_pct": "80", "building_flags": []}
            for p, of in self.floors.items()
            for b, a in of.items()
        ]  # fmt: skip
        rows: dict[str, list[Row]] = {
            "core.parcel_use": uses, "core.enterprise": firms, "core.enterprise_year": figures,
            "per_mu.population": status, "core.parcel": parcels, "core.zone": zones, "core.building": buildings,
            "core.park": [], "core.service_firm": [], "core.service_complex": [], "raw.gov_project": [],
            "core.succession": [],
        }  # fmt: skip
        return {table: frame(spark, table, of) for table, of in rows.items()}


def text(value: Fraction) -> str:
    whole = round(value * 10**6)
    assert Fraction(whole, 10**6) == value
    return f"{'-' if whole < 0 else ''}{abs(whole) // 10**6}.{abs(whole) % 10**6:06d}"


def exact(row: Row, figures: dict[str, str]) -> dict[str, Fraction]:
    return {name: Fraction(row[c]) for name, c in figures.items() if row[c] is not None}


@settings(max_examples=6, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6))
def test_objects_have_what_the_firms_on_their_land_have(spark: SparkSession, seed: int) -> None:
    land = Land(seed)
    tables = land.frames(spark)
    shared = parcel_figure(
        tables["core.parcel_use"], tables["per_mu.population"], tables["core.enterprise"],
        tables["core.enterprise_year"], tables["raw.gov_project"], tables["core.succession"], rule_book(),
    )  # fmt: skip
    rows = shared.collect()
    expected = parcel_parts(land.uses, land.parcels, land.figures)
    assert {(r["parcel_id"], r["uscc"]): exact(r.asDict(), COLUMNS) for r in rows} == expected
    for firm, of in land.figures.items():
        mine = [r.asDict() for r in rows if r["uscc"] == firm]
        for name, column in COLUMNS.items():
            if mine and name in of:
                whole = sum((Fraction(r[column]) for r in mine), Fraction(0))
                assert abs(whole) <= abs(of[name]) < abs(whole) + Fraction(len(mine), 10 ** DIGITS[name])
    objects = object_unit(
        tables["core.parcel"], shared, tables["core.zone"], tables["core.park"], tables["core.building"],
        tables["core.service_firm"], tables["core.service_complex"], object_rules(),
    ).collect()  # fmt: skip
    sums = sums_of(land.uses, land.parcels, land.figures, land.objects)
    found = {r["object_code"]: r.asDict() for r in objects if r["object_kind_code"] in ("parcel", "zone")}
    assert set(found) == set(sums)
    for name, row in found.items():
        summed = sums[name]
        assert exact(row, COLUMNS) == summed.figures, name
        counts = (row["user_count"] or 0, row["reporting_firm_count"] or 0, row["tenant_count"] or 0)
        assert counts == (len(summed.users), len(summed.reporting), summed.tenants)
        assert (row["subtenant_count"] or 0) == summed.subtenants
        assert (
            None if row["reporting_land_mu"] is None else Fraction(row["reporting_land_mu"])
        ) == summed.reporting_land
        assert Fraction(row["land_area_mu"]) == sum(land.parcels[p] for p in land.objects[name])
    for parcel, floors in land.floors.items():
        tax = sums[parcel].figures.get("tax")
        parts = by_floor(tax, floors) if tax is not None else {}
        of_buildings = {
            r["object_code"]: Fraction(r["tax_contribution_wan_yuan"])
            for r in objects
            if r["object_code"] in floors and r["tax_contribution_wan_yuan"] is not None
        }
        assert of_buildings == parts
