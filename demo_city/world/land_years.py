"""Changes of the city's land from year to year (土地变动): grants, sales, rebuilding, and leases.

The parcels of a firm that leaves pass to the firm that takes over its site. A sale stays within a town, so that all
parcels of a firm lie in its town; a tenant moves within its town and zone. Nobody gives up land that its persons need.
"""

from __future__ import annotations

import numpy as np

from demo_city.world.draws import Floats, Ints, stream
from demo_city.world.land import Land
from demo_city.world.land_sizes import FLOOR_PER_LAND
from demo_city.world.land_state import Change, LandYear, State
from demo_city.world.parameters import Parameters
from demo_city.world.population import ABOVE, ABSENT, Population, in_groups
from demo_city.world.towns import Places

#: A tenant takes over premises that differ by this factor from its own at most.
_SIMILAR = 1.3
#: A holder lets at most this part of what it uses on a parcel.
_LET_AT_MOST = 0.3


def land_years(
    p: Parameters, population: Population, land: Land, *, places: Places, registered: Ints, least: Floats
) -> tuple[dict[int, LandYear], list[Change]]:
    """The land at the end of each year, and all changes.

    Args:
        places: towns of sites and parcels.
        registered: year in which each firm was registered; it has no older land right.
        least: land in mu that each site's persons need.
    """
    base = p.base_year
    state = State.at_first(land, base)
    held = np.flatnonzero(state.exists & (land.holder >= 0))
    first = registered[population.firm[base][land.holder[held]]]
    state.acquired[held] = np.maximum(state.acquired[held], first)
    draw = _Changes(p, population, state, places, np.ceil(least * 100).astype(np.int64))
    years = {base: state.seen()}
    for year in range(base + 1, max(population.status) + 1):
        state.begin(year)
        draw.rng = stream(population.seed, f"land-{year}")
        draw.grants()
        draw.takeovers()
        draw.sales()
        draw.rebuilding()
        draw.exchanges_of_tenants()
        draw.newly_let_parts()
        years[year] = state.seen()
    return years, state.changes


class _Changes:
    """Draws the changes of one year after the other."""

    def __init__(
        self, p: Parameters, population: Population, state: State, places: Places, need: Ints
    ) -> None:
        self.p, self.population, self.state = p, population, state
        self.town, self.need = places.site, need
        #: Town and zone of each parcel.
        self.place = places.parcel * (int(state.land.zone.max()) + 2) + state.land.zone + 1
        self.rng = stream(population.seed, "land-years")
        land = state.land
        self.additional = np.ones(land.parcels, dtype=bool)
        self.additional[np.unique(land.holder, return_index=True)[1]] = False
        self.may_move = (land.host >= 0) & (land.sublets_from < 0)
        self.may_move[land.sublets_from[land.sublets_from >= 0]] = False

    def grants(self) -> None:
        """New parcels enter the register; the works on bare land of former grants are ready."""
        state, land = self.state, self.state.land
        new = np.flatnonzero(land.created == state.year)
        firms = self._firms(land.holder[new])
        state.acquired[new], state.busy[new] = state.year, True
        state.record("granted", new, np.full(len(new), -1), firms, land.area[new])
        ready = np.flatnonzero((land.ready == state.year) & land.is_bare)
        state.is_built[ready], state.busy[ready] = True, True
        state.own_area[ready] = land.own_area[ready]
        firms = self._firms(state.holder[ready])
        state.record("finished", ready, firms, firms, land.area[ready])
        at_once = new[land.ready[new] <= state.year]
        state.is_built[at_once], state.own_area[at_once] = True, land.own_area[at_once]

    def takeovers(self) -> None:
        """Another firm takes over the land, or the lease, of a firm that left its site."""
        state, q = self.state, self.population
        another = (q.firm[state.year] != q.firm[state.year - 1]) & (q.status[state.year - 1] != ABSENT)
        held = (state.holder >= 0) & state.exists & (state.land.created < state.year)
        passed = np.flatnonzero(held & another[np.maximum(state.holder, 0)])
        self._transfer("taken_over", passed, state.holder[passed])
        tenants = np.flatnonzero((state.host >= 0) & another)
        state.leased_since[tenants] = state.year
        former, later = q.firm[state.year - 1][tenants], q.firm[state.year][tenants]
        state.record("tenant_changed", state.host[tenants], former, later, state.leased_area[tenants])

    def sales(self) -> None:
        """Firms above scale sell additional parcels to others of their town; tenants stay."""
        state, land, q = self.state, self.state.land, self.population
        trades = (
            (q.status[state.year] == ABOVE) & (q.giant < 0) & (q.firm[state.year] == q.firm[state.year - 1])
        )
        own = state.own_of_site()
        site = np.maximum(state.holder, 0)
        offered = self.additional & ~state.busy & state.is_built & (state.holder >= 0) & trades[site]
        offered &= land.has_certificate & land.has_holder_code & ~land.is_disputed
        offered &= own[site] - state.own_area >= self.need[site]
        parcels = self.rng.permutation(np.flatnonzero(offered))
        # A seller sells one parcel a year.
        parcels = parcels[np.unique(site[parcels], return_index=True)[1]]
        parcels = self.rng.permutation(parcels)
        buyer = self._partner(self.town[site[parcels]], np.flatnonzero(trades & (own > 0)), self.town)
        fits = (buyer >= 0) & (buyer != site[parcels])
        fits &= land.area[parcels] <= np.where(buyer >= 0, own[buyer], 0)
        wanted = max(1, round(self.p.land.sold_share * int((self.additional & trades[site]).sum())))
        chosen = np.flatnonzero(fits)[:wanted]
        self._transfer("sold", parcels[chosen], buyer[chosen])

    def rebuilding(self) -> None:
        """Old works are replaced by higher ones; the land stays as it is."""
        state, q, land = self.state, self.population, self.p.land
        stackable = {group for room in land.room if room.is_stackable for group in room.groups}
        tall = in_groups(self.p, q, stackable)
        site = np.maximum(state.holder, 0)
        old = state.is_built & (state.acquired < land.rebuilt_before) & (state.holder >= 0) & ~state.busy
        old &= (state.floor_per_land == FLOOR_PER_LAND) & tall[site] & (q.giant[site] < 0)
        count = max(1, round(land.rebuilt_share * int(state.exists.sum())))
        chosen = np.sort(self.rng.permutation(np.flatnonzero(old))[:count])
        low, high = (round(ratio / 1.2 * FLOOR_PER_LAND) for ratio in land.rebuilt_plot_ratio)
        state.floor_per_land[chosen] = self.rng.integers(low, high + 1, len(chosen))
        state.rebuilt[chosen], state.busy[chosen] = state.year, True
        firms = self._firms(state.holder[chosen])
        state.record("rebuilt", chosen, firms, firms, state.land.area[chosen])

    def exchanges_of_tenants(self) -> None:
        """Pairs of tenants with similar premises in a town exchange them."""
        state = self.state
        tenants = self.rng.permutation(np.flatnonzero(self.may_move & (state.leased_since != state.year)))
        tenants = tenants[np.lexsort((state.leased_area[tenants], self.place[state.host[tenants]]))]
        one, other = tenants[:-1:2], tenants[1::2]
        area_of_one, area_of_other = state.leased_area[one], state.leased_area[other]
        fits = self.place[state.host[one]] == self.place[state.host[other]]
        fits &= state.host[one] != state.host[other]
        fits &= (area_of_other <= _SIMILAR * area_of_one) & (area_of_one >= self.need[other])
        pairs = np.flatnonzero(fits & (area_of_other >= self.need[one]))
        count = max(1, round(self.p.land.moving_share * len(tenants) / 2))
        pairs = np.sort(self.rng.permutation(pairs)[:count])
        one, other = one[pairs], other[pairs]
        for leaving, entering in ((one, other), (other, one)):
            firms = self._firms(leaving), self._firms(entering)
            state.record("tenant_changed", state.host[leaving], *firms, state.leased_area[leaving])
        for values in (state.host, state.leased_area):
            values[one], values[other] = values[other].copy(), values[one].copy()
        state.leased_since[one] = state.leased_since[other] = state.year

    def newly_let_parts(self) -> None:
        """Tenants move to a part of a parcel that its holder used; their former landlord uses its land again."""
        state = self.state
        may = self.may_move & (state.leased_since != state.year)
        may &= state.holder[np.maximum(state.host, 0)] >= 0
        tenants = self.rng.permutation(np.flatnonzero(may))
        own = state.own_of_site()
        open_to_let = state.is_built & ~state.busy & (state.own_area > 0) & (state.holder >= 0)
        to = self._partner(self.place[state.host[tenants]], np.flatnonzero(open_to_let), self.place)
        landlord = np.where(to >= 0, state.holder[to], 0)
        area = state.leased_area[tenants]
        fits = (to >= 0) & (to != state.host[tenants]) & (area <= _LET_AT_MOST * state.own_area[to])
        fits &= own[landlord] - area >= self.need[landlord]
        chosen = np.flatnonzero(fits)
        # A parcel is left, and a landlord lets a part, at most once a year.
        chosen = chosen[np.unique(landlord[chosen], return_index=True)[1]]
        chosen = chosen[np.unique(state.host[tenants[chosen]], return_index=True)[1]]
        count = max(1, round(self.p.land.newly_let_share * int(self.may_move.sum())))
        chosen = np.sort(self.rng.permutation(chosen)[:count])
        tenants, to, area = tenants[chosen], to[chosen], area[chosen]
        left, firms = state.host[tenants].copy(), self._firms(tenants)
        state.record("lease_ended", left, firms, self._firms(state.holder[left]), area)
        state.record("let", to, self._firms(state.holder[to]), firms, area)
        state.own_area[left] += area
        state.own_area[to] -= area
        state.host[tenants], state.leased_since[tenants] = to, state.year

    def _transfer(self, kind: str, parcels: Ints, holder: Ints) -> None:
        """Parcels pass to other holders in the year; with a firm that left its site, to the next one there."""
        state = self.state
        year = state.year - 1 if kind == "taken_over" else state.year
        before = self.population.firm[year][state.holder[parcels]]
        state.holder[parcels], state.acquired[parcels] = holder, state.year
        state.is_transferred[parcels], state.busy[parcels] = True, True
        state.record(kind, parcels, before, self._firms(holder), state.land.area[parcels])

    def _firms(self, sites: Ints) -> Ints:
        """Firms on the sites in the year; -1 for a village."""
        firms: Ints = np.where(sites >= 0, self.population.firm[self.state.year][sites], -1)
        return firms

    def _partner(self, place: Ints, candidates: Ints, place_of: Ints) -> Ints:
        """For each of the places one of the candidates in it at random, -1 if it has none."""
        ordered = candidates[np.argsort(place_of[candidates], kind="stable")]
        first = np.searchsorted(place_of[ordered], place, side="left")
        count = np.searchsorted(place_of[ordered], place, side="right") - first
        at = first + (self.rng.random(len(place)) * count).astype(np.int64)
        partners: Ints = np.append(ordered, -1)[np.where(count > 0, at, len(ordered))]
        return partners
