"""Measures of a year beside the year before: growth, states that flip, births, moves (逐年变化)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo_city.aims.built import Built
from demo_city.world.draws import Bools, Floats, Ints

# --- figures of the same firm ------------------------------------------------------------------------------


def _states(built: Built, year: int, of: str) -> tuple[Floats, Floats]:
    """A figure in the year before and in the year, of the firms that are above scale in both."""
    before, now, same = built.pair(year)
    both = same & before.above & now.above
    return before.of(of)[both], now.of(of)[both]


def _share_that(turned: Bools, from_: Bools) -> float:
    return float((turned & from_).sum() / max(int(from_.sum()), 1)) * 100


def recovered(built: Built, year: int) -> float:
    """Share of the year before's loss-making firms that make a profit, percent."""
    before, now = _states(built, year, "profit")
    return _share_that(now > 0, before < 0)


def started(built: Built, year: int, of: str) -> float:
    """Share of the firms without a figure in the year before that have one, percent."""
    before, now = _states(built, year, of)
    return _share_that(now > 0, before == 0)


def stopped(built: Built, year: int, of: str) -> float:
    """Share of the firms with a figure in the year before that have none, percent."""
    before, now = _states(built, year, of)
    return _share_that(now == 0, before > 0)


def _growth(built: Built, year: int) -> Floats:
    before, now = _states(built, year, "revenue")
    traded = (before > 0) & (now > 0)
    growth: Floats = np.log(now[traded] / before[traded])
    return growth


def growth_sd(built: Built, year: int) -> float:
    """Standard deviation of the logarithm of the growth of revenue."""
    return float(np.std(_growth(built, year)))


def equal_growth_share(built: Built, year: int) -> float:
    """Share of the largest group of firms with the same growth of revenue to 0.1 %, percent."""
    rounded = np.rint(np.expm1(_growth(built, year)) * 1000)
    return float(np.unique(rounded, return_counts=True)[1].max() / len(rounded)) * 100


# --- the directory -----------------------------------------------------------------------------------------


def _directory(built: Built, year: int) -> Ints:
    now = built.year(year)
    return np.unique(now.firm[now.firms("all")])


def births(built: Built, year: int) -> float:
    """Firms of the year's directory that were not in the one before, percent."""
    now = _directory(built, year)
    return float(np.isin(now, _directory(built, year - 1), invert=True).mean()) * 100


def deaths(built: Built, year: int) -> float:
    """Firms of the directory of the year before that are gone, percent."""
    before = _directory(built, year - 1)
    return float(np.isin(before, _directory(built, year), invert=True).mean()) * 100


def cohort_ratio(built: Built, year: int, first: int) -> float:
    """Largest ratio of the numbers of firms founded in two adjacent years since ``first``, of the directory's firms."""
    founded = built.city.registered[_directory(built, year)].astype("datetime64[Y]").astype(np.int64) + 1970
    # a year without founders counts as one with a single firm
    cohorts = np.array([max(int((founded == y).sum()), 1) for y in range(first, year + 1)])
    return float(np.maximum(cohorts[1:] / cohorts[:-1], cohorts[:-1] / cohorts[1:]).max())


def oldest_cohort(built: Built, year: int, until: int) -> float:
    """Share of the largest founding year in the directory's firms founded up to ``until``, percent."""
    founded = built.city.registered[_directory(built, year)].astype("datetime64[Y]").astype(np.int64) + 1970
    cohorts = np.bincount(founded[founded <= until])
    return float(cohorts.max(initial=0) / max(cohorts.sum(), 1)) * 100


def _risen(built: Built, year: int) -> Bools:
    before, now, same = built.pair(year)
    risen: Bools = same & before.below & now.above
    return risen


def risen(built: Built, year: int) -> float:
    """Number of firms that come above scale (小升规), divided by the scale."""
    return float(_risen(built, year).sum()) / built.scale


def risen_growth(built: Built, year: int) -> float:
    """Median ratio of the declared revenue of firms that come above scale to that of the year before."""
    before, now, _ = built.pair(year)
    which = _risen(built, year)
    return float(np.median(now.declared[which] / before.declared[which]))


# --- what registers report ---------------------------------------------------------------------------------


def _matched(before: pa.Array, now: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Positions of the keys that are in both, in each of them."""
    at = pc.index_in(now, before)
    return at.drop_null(), pc.indices_nonzero(at.is_valid())


def moves(built: Built, year: int) -> float:
    """Share of the firms whose registered address is another one than in the year before, percent."""
    before, now = (built.frame("registry", y).columns for y in (year - 1, year))
    old, new = _matched(before["uscc"], now["uscc"])
    moved = pc.not_equal(before["registered_address"].take(old), now["registered_address"].take(new))
    return float(pc.sum(moved).as_py() or 0) / len(new) * 100


def changed_parcels(built: Built, year: int) -> float:
    """Share of the parcels that are new, gone, or have another area or holder than in the year before, percent."""
    before, now = (built.frame("parcels", y).columns for y in (year - 1, year))
    old, new = _matched(before["parcel_id"], now["parcel_id"])
    changed = pa.array(np.zeros(len(new), dtype=bool))
    for column in ("parcel_area_mu", "owner_uscc"):
        was, is_ = (pc.cast(side[column], pa.string()).fill_null("") for side in (before, now))
        changed = pc.or_(changed, pc.not_equal(was.take(old), is_.take(new)))
    added, gone = len(now["parcel_id"]) - len(new), len(before["parcel_id"]) - len(old)
    return (float(pc.sum(changed).as_py() or 0) + added + gone) / len(before["parcel_id"]) * 100


def land_growth(built: Built, year: int) -> float:
    """Growth of the land that the survey finds in use, percent."""
    before, now, _ = built.pair(year)
    return float(now.land.sum() / before.land.sum() - 1) * 100
