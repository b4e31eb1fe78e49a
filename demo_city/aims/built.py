"""A built city as its aims are measured: arrays by site, each computed once."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pyarrow.compute as pc

from demo_city.aims.totals import totals_of
from demo_city.frame import Frame
from demo_city.senders.honour import honour
from demo_city.senders.land import land_parcel, land_uses
from demo_city.senders.marks import credit
from demo_city.senders.penalty import penalty
from demo_city.senders.registry import business_registry
from demo_city.world.city import City
from demo_city.world.draws import Bools, Floats, Ints
from demo_city.world.figures import TAXES
from demo_city.world.population import ABOVE, BELOW


@dataclass(frozen=True)
class BuiltYear:
    """One year by site. Money in 万元, land in mu, electricity in kWh; 0 where a site has none."""

    above: Bools
    below: Bools
    #: Number of the firm, -1 if the site has none.
    firm: Ints
    #: Figures of the statistics; only firms above scale have them.
    money: dict[str, Floats]
    #: Revenue declared to the tax authority.
    declared: Floats
    tax: Floats
    #: Average employees above scale, insured persons below.
    staff: Floats
    power: Floats
    #: Land that the survey gives to the site, and whether a part of it is its own.
    land: Floats
    owns: Bools

    def of(self, key: str) -> Floats:
        """An array by name: one of the fields, or a figure of the statistics."""
        values: Floats = self.money[key] if key in self.money else getattr(self, key)
        return values

    def firms(self, scale: str) -> Bools:
        """Sites with a firm ``above`` or ``below`` scale, or ``all``."""
        every: dict[str, Bools] = {
            "above": self.above,
            "below": self.below,
            "all": self.above | self.below,
        }
        return every[scale]


@dataclass
class Built:
    """A city, and what its aims have asked of it so far."""

    city: City
    years: dict[int, BuiltYear] = field(default_factory=dict)
    _totals: dict[int, dict[str, Decimal]] = field(default_factory=dict)
    frames: dict[tuple[str, int], Frame] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        return self.city.population.scale

    def year(self, year: int) -> BuiltYear:
        if year not in self.years:
            self.years[year] = _year_of(self.city, year)
        return self.years[year]

    def totals(self, year: int) -> dict[str, Decimal]:
        if year not in self._totals:
            self._totals[year] = totals_of(self.city, year)
        return self._totals[year]

    def pair(self, year: int) -> tuple[BuiltYear, BuiltYear, Bools]:
        """The year before, the year, and the sites with the same firm in both."""
        before, now = self.year(year - 1), self.year(year)
        return before, now, (before.firm == now.firm) & before.firms("all") & now.firms("all")

    def classes(self, year: int) -> Ints:
        """Industry class of the firm on each site as a number of four digits, -1 if there is none."""
        firm = self.year(year).firm
        codes = pc.cast(self.city.classes, "int64").to_numpy(zero_copy_only=False)
        return np.where(firm >= 0, codes[np.maximum(firm, 0)], -1)

    def frame(self, kind: str, year: int) -> Frame:
        """What a sender sends of the year.

        ``registry`` (all firms so far), ``parcels``, ``honours`` (valid ones), ``listings`` or
        ``penalties``.
        """
        if (kind, year) not in self.frames:
            senders = {
                "registry": lambda: business_registry(self.city, year, complete=True),
                "parcels": lambda: land_parcel(self.city, year),
                "honours": lambda: honour(self.city, year, complete=True),
                "listings": lambda: credit(self.city, year, complete=True),
                "penalties": lambda: penalty(self.city, year),
            }
            self.frames[kind, year] = senders[kind]()
        return self.frames[kind, year]


def _year_of(city: City, year: int) -> BuiltYear:
    q, figures, uses = city.population, city.year(year), land_uses(city, year)
    above, below = q.status[year] == ABOVE, q.status[year] == BELOW
    own = uses.kind == 0
    return BuiltYear(
        above=above,
        below=below,
        firm=q.firm[year],
        money={key: values / 10 for key, values in figures.money.items()},
        declared=figures.declared / 1e6,
        tax=np.sum([figures.taxes[key] for key in TAXES], axis=0) / 1e6,
        staff=np.where(above, figures.employees, figures.insured).astype(np.float64),
        power=figures.power.astype(np.float64),
        land=np.bincount(uses.site, weights=uses.area, minlength=q.sites) / 100,
        owns=np.bincount(uses.site[own], minlength=q.sites) > 0,
    )
