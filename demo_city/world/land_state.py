"""Who holds and uses the city's land in a year (土地现状), and the changes of a year (土地变动)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np

from demo_city.world.draws import Bools, Ints, Whole
from demo_city.world.land import Land
from demo_city.world.land_sizes import FLOOR_PER_LAND

#: Kinds of change of a parcel. ``granted`` and ``taken_over``: a holder begins (of new land; of the land of a firm that
#: left). ``finished``: the works are ready and used. ``tenant_changed``: a tenant leaves, another enters. ``let``: the
#: holder lets a part that it used. ``lease_ended``: the holder uses again what it had let.
CHANGES = (
    "granted", "finished", "sold", "taken_over", "rebuilt", "tenant_changed", "let", "lease_ended",
)  # fmt: skip


@dataclass(frozen=True)
class LandYear:
    """Parcels by number and tenancies by site at the end of a year. Areas in 0.01 mu."""

    exists: Bools
    #: Site of the holder, -1 for a village collective.
    holder: Ints
    #: Year of the holder's land right, and whether the holder has the parcel from a former holder.
    acquired: Whole
    is_transferred: Bools
    #: Works stand on the parcel; year in which they were rebuilt, 0 if never; m² of floor on 0.01 mu.
    is_built: Bools
    rebuilt: Whole
    floor_per_land: Whole
    #: Area that the holder uses.
    own_area: Ints
    #: By site: the parcel on which it leases, -1 if none; the area that it uses there; first year of the lease, 0 if
    #: before all.
    host: Whole
    leased_area: Whole
    leased_since: Whole


@dataclass(frozen=True)
class Change:
    """A change of a parcel; firms by number, -1 for none or a village. ``area`` in 0.01 mu."""

    year: int
    kind: str
    parcel: int
    before: int
    after: int
    area: int


@dataclass
class State:
    """The land while its years are drawn; a parcel changes at most once a year, except that its tenants may."""

    land: Land
    year: int
    holder: Ints
    acquired: Ints
    is_transferred: Bools
    is_built: Bools
    rebuilt: Ints
    floor_per_land: Ints
    own_area: Ints
    host: Ints
    leased_area: Ints
    leased_since: Ints
    #: Parcels that have changed in the year.
    busy: Bools
    changes: list[Change] = field(default_factory=list)

    @classmethod
    def at_first(cls, land: Land, base_year: int) -> State:
        built = land.ready <= base_year
        n = land.parcels
        return cls(
            land=land,
            year=base_year,
            holder=land.holder.copy(),
            acquired=land.acquired.copy(),
            is_transferred=np.zeros(n, dtype=bool),
            is_built=built,
            rebuilt=np.zeros(n, dtype=np.int64),
            floor_per_land=np.full(n, FLOOR_PER_LAND),
            own_area=np.where(built, land.own_area, 0),
            host=land.host.copy(),
            leased_area=land.leased_area.copy(),
            leased_since=np.zeros(len(land.host), dtype=np.int64),
            busy=np.zeros(n, dtype=bool),
        )

    @property
    def exists(self) -> Bools:
        exists: Bools = self.land.created <= self.year
        return exists

    def own_of_site(self) -> Ints:
        """Area of all parcels that each site holds and uses."""
        held = self.holder >= 0
        own = np.bincount(self.holder[held], weights=self.own_area[held], minlength=len(self.host))
        return own.astype(np.int64)

    def begin(self, year: int) -> None:
        self.year = year
        self.busy = np.zeros(self.land.parcels, dtype=bool)

    def record(self, kind: str, parcel: Ints, before: Ints, after: Ints, area: Ints) -> None:
        """Note changes of parcels; ``before`` and ``after`` are firms."""
        rows = zip(*(column.tolist() for column in (parcel, before, after, area)), strict=True)
        self.changes += [Change(self.year, kind, *row) for row in rows]

    def seen(self) -> LandYear:
        """The state as it is now."""
        now = {of.name: getattr(self, of.name) for of in fields(LandYear)}
        small = {of.name for of in fields(LandYear) if of.type == "Whole"}
        return LandYear(**{k: v.astype(np.int32) if k in small else v.copy() for k, v in now.items()})
