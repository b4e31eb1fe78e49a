"""Moves of firms (企业迁址): some firms that rent rooms move to another town, a part of them to another district.

Firms with land of their own, and tenants of surveyed parcels, stay. A firm that moves leaves its zone. The next firm on
its site starts at the site's own place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo_city.world.draws import Bools, Floats, Ints, Whole, stream
from demo_city.world.parameters import Parameters
from demo_city.world.population import BELOW, NONE, ROOMS, Population
from demo_city.world.towns import Places


@dataclass(frozen=True)
class Moves:
    """Where each site's firm is in each year; positions in the parameters' districts and in ``Places.codes``."""

    town: dict[int, Whole]
    district: dict[int, Whole]
    #: Sites whose firm is not at the site's own place.
    away: dict[int, Bools]
    #: Sites whose firm moves in the year.
    moving: dict[int, Bools]

    @property
    def ever(self) -> Bools:
        """Sites with a firm that moves in any year."""
        ever: Bools = np.any(list(self.moving.values()), axis=0)
        return ever


def draw_moves(p: Parameters, population: Population, places: Places) -> Moves:
    """Draw the moves of all years; there are none in the base year."""
    areas = [d.code for d in p.districts]
    of_town = np.array([areas.index(code[:6]) for code in places.codes])
    weight = np.array([p.towns.weight(code, code[:6]) for code in places.codes])
    town, away = places.site.copy(), np.zeros(population.sites, dtype=bool)
    moves = Moves({}, {}, {}, {})
    for year in sorted(population.status):
        moving = np.zeros(population.sites, dtype=bool)
        if year > p.base_year:
            fresh = population.firm[year] != population.firm[year - 1]
            town, away = np.where(fresh, places.site, town), away & ~fresh
            rng = stream(population.seed, f"moves-{year}")
            moving = _movable(population, year) & (rng.random(population.sites) < p.moves.share)
            sites = np.flatnonzero(moving)
            town[sites] = _destinations(p, of_town, weight, town[sites], rng)
            away[sites] = True
        moves.town[year], moves.district[year] = town.astype(np.int32), of_town[town].astype(np.int32)
        moves.away[year], moves.moving[year] = away.copy(), moving
    return moves


def _movable(population: Population, year: int) -> Bools:
    """Sites in rooms whose firm was below scale in the year before and still is."""
    q = population
    settled = (q.status[year] == BELOW) & (q.status[year - 1] == BELOW) & (q.change[year] == NONE)
    movable: Bools = settled & (q.tenure == ROOMS) & ~q.collective
    return movable


def _destinations(p: Parameters, of_town: Ints, weight: Floats, town: Ints, rng: np.random.Generator) -> Ints:
    """Another town for each: of the same district, or of another one by its number of firms."""
    firms = np.array([d.firms for d in p.districts], dtype=np.float64)
    leaves = rng.random(len(town)) < p.moves.other_district_share
    chance = weight * np.where(
        of_town[None, :] == of_town[town][:, None],
        ~leaves[:, None],
        leaves[:, None] * (firms / np.bincount(of_town, weights=weight))[of_town][None, :],
    )
    chance[np.arange(len(town)), town] = 0.0
    reached = np.cumsum(chance, axis=1)
    aim = rng.random(len(town)) * reached[:, -1]
    destinations: Ints = (reached <= aim[:, None]).sum(axis=1)
    return destinations
